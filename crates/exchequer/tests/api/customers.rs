//! `POST /v1/customers`, `GET /v1/me`: who is known shows nowhere, and what is personal is sealed.

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use http::HeaderMap;
use serde_json::{Value, json};
use testkit::{Reply, TestBank, TestDatabase};

use crate::rows::{execute, number, texts};
use crate::sessions::{log_in, post};

const PASSWORD: &str = "violet tram under rain";
const COUNT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM customers";

async fn register(bank: &TestBank, body: &Value) -> Reply {
    bank.client().post("/v1/customers", body).await
}

fn person(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password, "full_name": "Asha Rao" })
}

/// What an observer compares: all headers but the request's own id, in their order.
fn shown(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let shown = headers.iter().filter(|(name, _)| *name != "x-request-id");
    shown.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

// ASVS 14.2.6, 15.3.1: one's own telephone and id are shown by their end.
#[tokio::test]
async fn a_customer_registers_and_sees_the_own_data_masked() {
    let bank = TestBank::new().await;
    let mut body = person(" Asha@Example.test", PASSWORD);
    body["phone"] = json!("+91 98765-43210");
    body["government_id"] = json!("abcde 1234 f");
    let made = register(&bank, &body).await.expect(201);
    assert_eq!(made.text("/email"), "asha@example.test");
    assert_eq!(
        (made.text("/full_name"), made.text("/phone")),
        ("Asha Rao".to_owned(), "+919876543210".to_owned())
    );
    assert!(made.json().get("government_id").is_none() && made.json().get("password").is_none());
    let tokens = log_in(&bank, "ASHA@example.TEST", PASSWORD).await.expect(200);
    let me =
        bank.client().with_token(&tokens.text("/access_token")).get("/v1/me").await.expect(200);
    assert_eq!((me.text("/id"), me.text("/email")), (made.text("/id"), made.text("/email")));
    assert_eq!(me.text("/phone"), "+********3210");
    assert_eq!(me.text("/government_id"), "********4F");
}

#[tokio::test]
async fn a_known_email_is_answered_as_a_new_one() {
    let bank = TestBank::new().await;
    let owner = register(&bank, &person("asha@example.test", PASSWORD)).await.expect(201);
    let body = person("asha@example.test", "another long passphrase");
    let known = register(&bank, &body).await;
    let fresh = register(&bank, &person("bela@example.test", "another long passphrase")).await;
    assert_eq!((known.status.as_u16(), fresh.status.as_u16()), (201, 201));
    assert_eq!(shown(&known.headers), shown(&fresh.headers));
    assert_eq!(known.body.len(), fresh.body.len());
    let (mut known_body, mut fresh_body) = (known.json(), fresh.json());
    for body in [&mut known_body, &mut fresh_body] {
        assert!(body["id"].as_str().expect("an id").starts_with("cus_"));
        body["id"] = Value::Null;
        body["email"] = Value::Null;
    }
    assert_eq!(known_body, fresh_body);
    // Nothing came of it: not the owner's id, not a new password, not a second customer.
    assert_ne!(known.text("/id"), owner.text("/id"));
    assert_eq!(number(&bank, COUNT).await, 2);
    let taken_over = log_in(&bank, "asha@example.test", "another long passphrase").await;
    taken_over.refused(401, "invalid_credentials");
    let _owner = log_in(&bank, "asha@example.test", PASSWORD).await.expect(200);
    let repeated = "SELECT resource FROM events WHERE action = 'customer.registration_repeated'";
    assert_eq!(texts(&bank, repeated).await, [owner.text("/id")]);
}

#[tokio::test]
async fn a_refusal_of_a_known_email_is_that_of_a_new_one() {
    let bank = TestBank::new().await;
    let _owner = register(&bank, &person("asha@example.test", PASSWORD)).await.expect(201);
    let mut problems = Vec::new();
    for email in ["asha@example.test", "bela@example.test"] {
        let reply = register(&bank, &person(email, "short")).await;
        reply.refused(422, "invalid_fields");
        let mut problem = reply.json();
        problem["request_id"] = Value::Null;
        problems.push((shown(&reply.headers), problem));
    }
    assert_eq!(problems[0], problems[1]);
}

// PCI DSS 8.2.1: an address is one person's, also when many register it at once.
#[tokio::test]
async fn one_email_registered_at_once_is_one_customer_with_one_password() {
    let bank = TestBank::new().await;
    let bodies: Vec<Value> =
        (0..12).map(|n| person("race@example.test", &format!("{PASSWORD} number {n}"))).collect();
    let replies = join_all(bodies.iter().map(|body| register(&bank, body))).await;
    assert!(replies.iter().all(|reply| reply.status == 201));
    assert_eq!(number(&bank, COUNT).await, 1);
    let mut signed_in = 0;
    for body in &bodies {
        let password = body["password"].as_str().expect("a password");
        signed_in += u32::from(log_in(&bank, "race@example.test", password).await.status == 200);
    }
    assert_eq!(signed_in, 1);
}

// ASVS 2.2.1: each field of a registration has its form, and one that is wrong stops all of it.
#[tokio::test]
async fn every_wrong_field_is_told_at_once_and_nothing_is_made() {
    let bank = TestBank::new().await;
    let body = json!({
        "email": "x", "password": "short", "full_name": " ", "phone": "1", "government_id": "?"
    });
    let reply = register(&bank, &body).await;
    reply.refused(422, "invalid_fields");
    let problem = reply.json();
    let mut fields: Vec<&str> = problem["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|fault| fault["field"].as_str().expect("a name"))
        .collect();
    fields.sort_unstable();
    assert_eq!(fields, ["email", "full_name", "government_id", "password", "phone"]);
    for email in ["", "a@b", "a b@c.test", "@c.test", "a@c..test", "a\0@c.test", "ä@c.test"] {
        let reply = register(&bank, &person(email, PASSWORD)).await;
        reply.refused(422, "invalid_fields");
        assert_eq!(reply.text("/fields/0/field"), "email", "{email:?}");
    }
    assert_eq!(number(&bank, COUNT).await, 0);
}

#[tokio::test]
async fn a_new_password_is_long_uncommon_and_not_its_owners_name() {
    let bank = TestBank::new().await;
    let long = "violet tram! ".repeat(79); // 1,027 bytes
    for (password, code) in [
        ("", "too_short"),
        ("fourteen chars", "too_short"),
        ("ßßßßßßßßßßßßßß", "too_short"), // 28 bytes, 14 characters
        ("passwordpassword", "too_common"),
        ("aaaaaaaaaaaaaaaaaaaa", "too_common"),
        ("wilhelmina.rao.wilhelmina", "contains_identity"),
        (&long[..1_025], "too_long"),
    ] {
        let reply = register(&bank, &person("wilhelmina.rao@example.test", password)).await;
        reply.refused(422, "invalid_fields");
        let told = (reply.text("/fields/0/field"), reply.text("/fields/0/code"));
        assert_eq!(told, ("password".to_owned(), code.to_owned()), "{password:?}");
    }
    let body = person("wilhelmina.rao@example.test", "fifteen charact");
    let _shortest = register(&bank, &body).await.expect(201);
    let strict = TestBank::with(|config| config.passwords.letters_and_digits = true).await;
    let reply = register(&strict, &person("asha@example.test", PASSWORD)).await;
    reply.refused(422, "invalid_fields");
    assert_eq!(reply.text("/fields/0/code"), "needs_letters_and_digits");
}

#[tokio::test]
async fn a_password_of_1024_bytes_is_taken_whole_and_nul_is_a_character() {
    // So many wrong passwords would lock.
    let bank = TestBank::with(|config| config.sessions.lockout.failures = 100).await;
    let longest = "violet tram! ".repeat(79)[..1_024].to_owned();
    let nul = format!("{PASSWORD}\0{PASSWORD}");
    for (email, password) in [("long@example.test", &longest), ("nul@example.test", &nul)] {
        let _made = register(&bank, &person(email, password)).await.expect(201);
        let (all_but_last, last) = password.split_at(password.len() - 1);
        let cut_at_72 = &password[..password.len().min(72) - 1];
        let other = if last == "x" { "y" } else { "x" };
        for wrong in [
            all_but_last.to_owned(),
            format!("{all_but_last}{other}"),
            format!("{password}x"),
            cut_at_72.to_owned(),
            password.split('\0').next().expect("a beginning").chars().rev().collect(),
            password.replace('\0', ""),
            password.replace('\0', " "),
        ] {
            if wrong != *password {
                log_in(&bank, email, &wrong).await.refused(401, "invalid_credentials");
            }
        }
        let _right = log_in(&bank, email, password).await.expect(200);
    }
    log_in(&bank, "nul@example.test", PASSWORD).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn a_bcrypt_hash_is_accepted_once_and_becomes_argon2id() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let password = "correctbatteryhorsestapler";
    let changed = execute(
        &bank,
        "UPDATE customers SET password_hash = \
         '$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie'",
    );
    assert_eq!(changed.await, 1);
    let hash = "SELECT password_hash FROM customers";
    for wrong in ["correctbatteryhorsestaple", "correctbatteryhorsestapler ", &asha.password] {
        log_in(&bank, &asha.email, wrong).await.refused(401, "invalid_credentials");
    }
    assert!(texts(&bank, hash).await[0].starts_with("$2b$"), "a wrong password upgrades nothing");
    let _in = log_in(&bank, &asha.email, password).await.expect(200);
    let upgraded = texts(&bank, hash).await;
    assert!(upgraded[0].starts_with("$argon2id$v=19$"), "{upgraded:?}");
    let _again = log_in(&bank, &asha.email, password).await.expect(200);
    assert_eq!(texts(&bank, hash).await, upgraded, "once");
    log_in(&bank, &asha.email, &asha.password).await.refused(401, "invalid_credentials");
    let event = "SELECT resource FROM events WHERE action = 'customer.password_hash_upgraded'";
    assert_eq!(texts(&bank, event).await, [asha.id]);
}

/// Everything that the files of a SQLite bank hold: the database, and the log beside it.
fn files(bank: &TestBank) -> Vec<u8> {
    let folder = bank.database().folder().expect("SQLite").read_dir().expect("its folder");
    let mut bytes = Vec::new();
    let mut names = Vec::new();
    for entry in folder {
        let path = entry.expect("an entry").path();
        names.push(path.file_name().expect("a name").to_string_lossy().into_owned());
        bytes.extend(std::fs::read(&path).expect("a file of the bank"));
    }
    assert!(names.iter().any(|name| name == "bank.db-wal"), "{names:?}");
    bytes
}

#[tokio::test]
async fn no_file_of_the_bank_holds_a_personal_field_or_a_secret() {
    let bank = TestBank::on(TestDatabase::sqlite(), |_| {}).await;
    let support = bank.operator(Role::Support).await;
    let mut body = person("Wilhelmina@Example.test", PASSWORD);
    body["full_name"] = json!("Wilhelmina Unmistakable");
    body["phone"] = json!("+919876543210");
    body["government_id"] = json!("ABCDE1234F");
    for _ in 0..2 {
        let _made = register(&bank, &body).await.expect(201);
    }
    log_in(&bank, "wilhelmina@example.test", "mistyped passphrase")
        .await
        .refused(401, "invalid_credentials");
    let tokens = log_in(&bank, "wilhelmina@example.test", PASSWORD).await.expect(200);
    let refresh = json!({ "refresh_token": tokens.text("/refresh_token") });
    let next = post(&bank, "/v1/auth/refresh", &refresh).await.expect(200);
    let client = bank.client().with_token(&next.text("/access_token"));
    let account = json!({ "currency": "INR", "name": "Control Marker" });
    let _opened = client.post("/v1/accounts", &account).await.expect(201);
    for query in ["wilhelmina@example.test", "%2B919876543210"] {
        let found = support.client.get(&format!("/v1/staff/customers?query={query}")).await;
        assert_eq!(found.expect(200).json()["data"].as_array().map(Vec::len), Some(1));
    }
    let bytes = files(&bank);
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"Control Marker") && holds(b"customer.searched"), "the files can be read");
    let totp = support.totp_secret.as_deref().expect("a secret");
    let mut secrets = vec![
        "Wilhelmina",
        "wilhelmina",
        "Unmistakable",
        "9876543210",
        "ABCDE1234F",
        PASSWORD,
        "mistyped passphrase",
        &support.password,
        &support.refresh_token,
        totp,
    ]
    .into_iter()
    .map(str::to_owned)
    .collect::<Vec<_>>();
    for reply in [&tokens, &next] {
        secrets.extend(["/access_token", "/refresh_token"].map(|token| reply.text(token)));
    }
    for secret in &secrets {
        assert!(!holds(secret.as_bytes()), "{secret:?} stands in a file");
    }
    // Nor do the bytes behind the texts.
    let raw = data_encoding::BASE32_NOPAD.decode(totp.as_bytes()).expect("base 32");
    assert!(!holds(&raw), "the TOTP secret stands in a file");
    for token in [&tokens, &next].map(|reply| reply.text("/refresh_token")) {
        if let Ok(raw) = data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()) {
            assert!(!holds(&raw), "a refresh token stands in a file");
        }
    }
}
