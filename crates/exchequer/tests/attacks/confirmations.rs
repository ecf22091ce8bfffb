//! Confirmations attacked: a token guessed, changed, late, used twice or used for somebody else, and addresses that
//! are counted, filled or listed by registering them.

use futures_util::future::join_all;
use serde_json::{Value, json};
use store::DbError;
use testkit::{Person, Reply, TestBank};

use crate::scene::{number, post, sql, succeeded};

async fn confirm(bank: &TestBank, token: &str) -> Reply {
    post(bank, "/v1/auth/email/confirm", &json!({ "token": token })).await
}

async fn token_of(bank: &TestBank, person: &Person) -> String {
    bank.mailed_token(&person.email, "email_confirmation").await
}

async fn is_proven(person: &Person) -> bool {
    person.client.get("/v1/me").await.expect(200).json()["email_verified"] == json!(true)
}

fn registration(email: &str) -> Value {
    json!({ "email": email, "password": "four slow barges on a canal", "full_name": "Somebody" })
}

#[tokio::test]
async fn a_token_used_many_times_at_once_serves_once() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = token_of(&bank, &asha).await;
    let replies = join_all((0..16).map(|_| confirm(&bank, &token))).await;
    assert_eq!(succeeded(&replies), 1, "{replies:?}");
    for reply in replies.iter().filter(|reply| !reply.status.is_success()) {
        reply.refused(401, "invalid_confirmation_token");
    }
    let events = "SELECT CAST(COUNT(*) AS BIGINT) FROM events \
                  WHERE action = 'customer.email_confirmed'";
    assert_eq!(number(&bank, events).await, 1);
}

#[tokio::test]
async fn a_changed_token_is_none() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = token_of(&bank, &asha).await;
    for place in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        confirm(&bank, &changed).await.refused(401, "invalid_confirmation_token");
    }
    for nonsense in ["", "x", " ", &"a".repeat(43), &"a".repeat(5_000), &token[..42]] {
        confirm(&bank, nonsense).await.refused(401, "invalid_confirmation_token");
    }
    assert!(!is_proven(&asha).await);
    let _done = confirm(&bank, &token).await.expect(200);
}

#[tokio::test]
async fn the_token_of_one_proves_no_address_of_another() {
    let bank = TestBank::new().await;
    let (asha, mallory) = (bank.customer("Asha").await, bank.customer("Mallory").await);
    let mallorys = token_of(&bank, &mallory).await;
    let body = json!({ "token": mallorys }).to_string().into_bytes();
    // Whoever brings it, also when signed in as another.
    let _done = asha.client.post_raw("/v1/auth/email/confirm", None, body).await.expect(200);
    assert!(!is_proven(&asha).await);
    assert!(is_proven(&mallory).await);
    let forgot = json!({ "email": asha.email });
    let _told = post(&bank, "/v1/auth/password/forgot", &forgot).await.expect(202);
    assert!(bank.inbox().await.iter().all(|mail| mail["purpose"] != "password_reset"));
}

#[tokio::test]
async fn a_token_of_another_kind_confirms_and_resets_nothing() {
    let bank = TestBank::new().await;
    let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    bank.confirm_email(&bela).await;
    let forgot = json!({ "email": bela.email });
    let _told = post(&bank, "/v1/auth/password/forgot", &forgot).await.expect(202);
    let reset = bank.mailed_token(&bela.email, "password_reset").await;
    confirm(&bank, &reset).await.refused(401, "invalid_confirmation_token");
    let body = json!({
        "token": token_of(&bank, &asha).await, "new_password": "another long and quiet sentence"
    });
    let refused = post(&bank, "/v1/auth/password/reset", &body).await;
    refused.refused(401, "invalid_reset_token");
}

#[tokio::test]
async fn a_late_token_is_none_and_a_clock_set_back_lengthens_none() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = token_of(&bank, &asha).await;
    let start = bank.clock().now();
    for seconds in [-60, 86_400, 10 * 86_400] {
        bank.clock().set(start.plus_seconds(seconds)).expect("a clock in hand");
        confirm(&bank, &token).await.refused(401, "invalid_confirmation_token");
    }
    bank.clock().set(start.plus_seconds(86_399)).expect("a clock in hand");
    let _done = confirm(&bank, &token).await.expect(200);
}

#[tokio::test]
async fn a_customer_who_is_shut_out_proves_nothing() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = token_of(&bank, &asha).await;
    assert_eq!(sql(&bank, "UPDATE customers SET status = 1").await, 1);
    confirm(&bank, &token).await.refused(401, "invalid_confirmation_token");
    assert_eq!(sql(&bank, "UPDATE customers SET status = 0").await, 1);
    let _done = confirm(&bank, &token).await.expect(200);
    assert!(is_proven(&asha).await);
}

// ASVS 6.3.8: registering an address does not tell whether it is known, by answer or by work.
#[tokio::test]
async fn a_registration_does_the_same_for_a_known_address() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let rows = async || {
        [
            number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox").await,
            number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM email_confirmations").await,
            number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM events").await,
        ]
    };
    let mut grown = Vec::new();
    for email in [asha.email.as_str(), "new@example.test"] {
        let before = rows().await;
        let reply = bank.client().post("/v1/customers", &registration(email)).await.expect(201);
        let members: Vec<String> =
            reply.json().as_object().expect("an object").keys().cloned().collect();
        let after = rows().await;
        grown.push(([0, 1, 2].map(|n| after[n] - before[n]), members));
    }
    assert_eq!(grown[0], grown[1]);
    assert_eq!(grown[0].0, [2, 1, 1]);
}

#[tokio::test]
async fn registering_an_address_over_and_over_fills_no_mailbox() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    for _ in 0..20 {
        let again = registration(&asha.email);
        let _same = bank.client().post("/v1/customers", &again).await.expect(201);
    }
    let inbox = bank.inbox().await;
    let told = inbox.iter().filter(|mail| mail["purpose"] == "registration_repeated").count();
    assert_eq!(told, 5, "five in an hour");
    bank.confirm_email(&asha).await;
}

#[tokio::test]
async fn many_registrations_keep_no_mail_of_others_back() {
    let bank = TestBank::with(|config| config.messages.caps.mail_hour = 3).await;
    let asha = bank.customer("Asha").await;
    bank.confirm_email(&asha).await;
    for n in 0..10 {
        let one = registration(&format!("invented{n}@example.test"));
        let _made = bank.client().post("/v1/customers", &one).await.expect(201);
    }
    let forgot = json!({ "email": asha.email });
    let _told = post(&bank, "/v1/auth/password/forgot", &forgot).await.expect(202);
    let _token = bank.mailed_token(&asha.email, "password_reset").await;
}

#[tokio::test]
async fn no_token_stands_in_the_database() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = token_of(&bank, &asha).await;
    let sql = "SELECT token_hash FROM email_confirmations";
    let read = bank.bank().db().read("attack", move |tx| tx.query_one(sql, &[])?.bytes::<32>(0));
    let kept: Result<[u8; 32], DbError> = read.await;
    let kept = kept.expect("a row");
    assert_eq!(kept, vault::token_hash(&token));
    let decoded = data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()).expect("base64url");
    assert_ne!(kept.as_slice(), decoded.as_slice());
}
