//! The database stolen: what a dump gives away, and what a row moved or cut does.

use exchequer::staff::model::Role;
use money::Timestamp;
use serde_json::json;
use store::DbError;
use store::rows::OnceKey;
use testkit::TestBank;

use crate::scene::sql;

/// A password is guarded by a slow hash; a fast, unkeyed one over the same bytes would undo that.
// RTS 6: what somebody knows is found out by no hash but the slow one.
#[tokio::test]
async fn a_password_cannot_be_guessed_from_the_hash_of_its_request() {
    let bank = TestBank::new().await;
    let body = json!({
        "email": "one@example.test", "password": "a long enough passphrase", "full_name": "One"
    });
    let _made = bank.client().post_with_key("/v1/customers", "guess", &body).await.expect(201);
    let rows = bank.bank().db().read("attack", |tx| {
        let rows = tx.query("SELECT scope, request_hash FROM idempotency", &[])?;
        rows.iter().map(|row| Ok((row.bytes(0)?, row.bytes(1)?))).collect()
    });
    let rows: Vec<([u8; 16], [u8; 16])> =
        rows.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    let text = body.to_string();
    let request: [&[u8]; 3] = [b"/v1/customers", b"", text.as_bytes()];
    let guess = OnceKey::new(b"public", "POST /v1/customers", "guess", &request);
    assert!(rows.iter().all(|(_, hash)| *hash != guess.request_hash), "the guess was confirmed");
}

// PCI DSS 8.3.2: nothing that signs anybody in can be read in the database.
// ASVS 14.2.4: personal fields are sealed and passwords hashed, in every table.
#[tokio::test]
async fn a_dump_holds_no_secret_and_no_personal_field() {
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    let body = json!({
        "email": "wilhelmina@example.test", "password": "a long enough passphrase",
        "full_name": "Wilhelmina Unmistakable", "phone": "+919876543210",
        "government_id": "ABCDE1234F"
    });
    let _made = bank.client().post("/v1/customers", &body).await.expect(201);
    let wrong = json!({ "email": "wilhelmina@example.test", "password": "mistyped passphrase" });
    let sign_in = |body: &serde_json::Value| body.to_string().into_bytes();
    let client = bank.client();
    let _no = client.post_raw("/v1/auth/login", None, sign_in(&wrong)).await.expect(401);
    let right = json!({ "email": body["email"], "password": body["password"] });
    let tokens = client.post_raw("/v1/auth/login", None, sign_in(&right)).await.expect(200);
    let query = "/v1/staff/customers?query=wilhelmina@example.test";
    let _found = teller.client.get(query).await.expect(200);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dump");
    let _counts = store::backup::backup(bank.database().options(), &file, Timestamp::EPOCH)
        .expect("a backup");
    let bytes = std::fs::read(&file).expect("the dump");
    let holds = |needle: &str| bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
    assert!(holds("customer.registered"), "the dump can be read at all");
    for secret in [
        "wilhelmina",
        "Wilhelmina",
        "Unmistakable",
        "9876543210",
        "ABCDE1234F",
        "a long enough passphrase",
        "mistyped passphrase",
        &teller.password,
        &tokens.text("/access_token"),
        &tokens.text("/refresh_token"),
        &teller.refresh_token,
        teller.client.token().expect("a token"),
        teller.totp_secret.as_deref().expect("a secret"),
    ] {
        assert!(!holds(secret), "the dump holds {secret:?}");
    }
}

#[tokio::test]
async fn a_sealed_field_moved_or_cut_is_an_error_and_nobody_elses_name() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let _bela = bank.customer("Bela").await;
    for change in [
        "UPDATE customers SET full_name_sealed = (SELECT MAX(c.full_name_sealed) FROM customers AS c \
         WHERE c.id <> customers.id)",
        "UPDATE customers SET full_name_sealed = substr(full_name_sealed, 1, 20)",
        "UPDATE customers SET full_name_sealed = substr(full_name_sealed, 1, 0)",
    ] {
        if change.contains("MAX") && bank.bank().db().kind() == store::Kind::Postgres {
            continue; // PostgreSQL has no MAX(bytea) before version 18
        }
        assert_eq!(sql(&bank, change).await, 2);
        let reply = asha.client.get("/v1/me").await;
        reply.refused(500, "internal_error");
        assert!(!String::from_utf8_lossy(&reply.body).contains("Bela"));
    }
}
