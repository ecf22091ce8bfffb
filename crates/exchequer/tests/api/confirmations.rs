//! `/v1/auth/email/confirm`, `/v1/me/email/confirmation`: when an address is proven, and what it is good for.

use exchequer::jobs::Job;
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank};
use tokio::sync::watch;

use crate::rows::{number, texts};
use crate::sessions::post;

async fn confirm(bank: &TestBank, token: &str) -> Reply {
    post(bank, "/v1/auth/email/confirm", &json!({ "token": token })).await
}

async fn send_again(person: &Person) -> Reply {
    person.client.post("/v1/me/email/confirmation", &json!({})).await
}

async fn is_proven(person: &Person) -> bool {
    person.client.get("/v1/me").await.expect(200).json()["email_verified"] == json!(true)
}

async fn token_of(bank: &TestBank, person: &Person) -> String {
    bank.mailed_token(&person.email, "email_confirmation").await
}

async fn count(bank: &TestBank, purpose: &str, to: &str) -> usize {
    let inbox = bank.inbox().await;
    inbox.iter().filter(|m| m["purpose"] == purpose && m["to"] == to).count()
}

// ASVS 6.4.3: a reset goes to an address that its holder has shown to read.
#[tokio::test]
async fn the_mail_of_a_registration_proves_the_address() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    assert!(!is_proven(&asha).await);
    let token = token_of(&bank, &asha).await;
    let done = confirm(&bank, &token).await.expect(200);
    assert_eq!(done.json(), json!({ "status": "email_confirmed" }));
    assert!(is_proven(&asha).await);
    let events = "SELECT after FROM events WHERE action = 'customer.email_confirmed'";
    assert_eq!(texts(&bank, events).await, [r#"{"by":"token","proven":true}"#]);
    let forgot = json!({ "email": asha.email });
    let _told = post(&bank, "/v1/auth/password/forgot", &forgot).await.expect(202);
    let _token = bank.mailed_token(&asha.email, "password_reset").await;
}

#[tokio::test]
async fn an_address_that_is_not_proven_gets_no_reset_token() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let forgot = json!({ "email": asha.email });
    let _told = post(&bank, "/v1/auth/password/forgot", &forgot).await.expect(202);
    assert_eq!(count(&bank, "password_reset", &asha.email).await, 0);
    bank.confirm_email(&asha).await;
    let _told = post(&bank, "/v1/auth/password/forgot", &forgot).await.expect(202);
    assert_eq!(count(&bank, "password_reset", &asha.email).await, 1);
}

#[tokio::test]
async fn another_mail_replaces_the_token_until_the_address_is_proven() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let first = token_of(&bank, &asha).await;
    let sent = send_again(&asha).await.expect(202);
    assert_eq!(sent.json(), json!({ "status": "sent" }));
    let second = token_of(&bank, &asha).await;
    assert_ne!(first, second);
    confirm(&bank, &first).await.refused(401, "invalid_confirmation_token");
    assert!(!is_proven(&asha).await);
    let _done = confirm(&bank, &second).await.expect(200);
    send_again(&asha).await.refused(409, "email_confirmed");
    assert_eq!(count(&bank, "email_confirmation", &asha.email).await, 2);
}

#[tokio::test]
async fn the_same_key_sends_one_mail() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let path = "/v1/me/email/confirmation";
    let key = testkit::key();
    let first = asha.client.post_with_key(path, &key, &json!({})).await.expect(202);
    let again = asha.client.post_with_key(path, &key, &json!({})).await.expect(202);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(count(&bank, "email_confirmation", &asha.email).await, 2);
}

#[tokio::test]
async fn one_address_gets_five_in_an_hour() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    // The registration's is the first.
    for _ in 0..4 {
        let _sent = send_again(&asha).await.expect(202);
    }
    let refused = send_again(&asha).await;
    refused.refused(429, "too_many_messages");
    assert!(refused.header("retry-after").is_some());
    // The newest that came still serves.
    let token = token_of(&bank, &asha).await;
    let _done = confirm(&bank, &token).await.expect(200);
}

#[tokio::test]
async fn a_factor_by_e_mail_proves_the_address_too() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let mailed = token_of(&bank, &asha).await;
    let made = bank.post_stepped(&asha, "/v1/factors/email", &json!({})).await.expect(201);
    assert!(!is_proven(&asha).await);
    let code = bank.newest_code(&asha.email).await;
    let path = format!("/v1/factors/{}/confirm", made.text("/id"));
    let _confirmed = asha.client.post(&path, &json!({ "code": code })).await.expect(200);
    assert!(is_proven(&asha).await);
    let events = "SELECT after FROM events WHERE action = 'customer.email_confirmed'";
    assert_eq!(texts(&bank, events).await, [r#"{"by":"factor","proven":true}"#]);
    confirm(&bank, &mailed).await.refused(401, "invalid_confirmation_token");
}

#[tokio::test]
async fn the_owner_of_a_known_address_learns_that_somebody_registered_it() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let again = json!({
        "email": asha.email, "password": "four slow barges on a canal", "full_name": "Mallory"
    });
    let reply = bank.client().post("/v1/customers", &again).await.expect(201);
    assert_ne!(reply.text("/id"), asha.id);
    let inbox = bank.inbox().await;
    assert_eq!(inbox[0]["purpose"], "registration_repeated");
    assert_eq!(inbox[0]["to"], asha.email.as_str());
    let text = inbox[0]["text"].as_str().expect("a text");
    assert!(!text.lines().any(|line| line.len() == 43), "no token: {text}");
    assert!(!text.contains("Mallory"), "not what a stranger chose: {text}");
    // What was mailed before still serves, and no more than that.
    assert_eq!(count(&bank, "email_confirmation", &asha.email).await, 1);
    bank.confirm_email(&asha).await;
}

#[tokio::test]
async fn rows_of_tokens_are_deleted_after_their_day() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let bela = bank.customer("Bela").await;
    bank.confirm_email(&bela).await;
    let rows = "SELECT CAST(COUNT(*) AS BIGINT) FROM email_confirmations";
    assert_eq!(number(&bank, rows).await, 1, "a used one is gone");
    let token = token_of(&bank, &asha).await;
    let (_running, stop) = watch::channel(false);
    bank.advance(86_399);
    assert_eq!(Job::DeleteConfirmations.run(bank.bank(), &stop).await.expect("it runs"), 0);
    bank.advance(1);
    confirm(&bank, &token).await.refused(401, "invalid_confirmation_token");
    assert_eq!(Job::DeleteConfirmations.run(bank.bank(), &stop).await.expect("it runs"), 1);
}

#[tokio::test]
async fn whatever_statement_fails_a_confirmation_is_whole_or_not_at_all() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = token_of(&bank, &asha).await;
    let faults = bank.bank().db().faults().clone();
    let mut statements = 0;
    for statement in 1..60 {
        faults.fail_at("confirmations.confirm", statement);
        let reply = confirm(&bank, &token).await;
        if faults.disarm() {
            let _done = reply.expect(200);
            statements = statement;
            break;
        }
        reply.refused(503, "unavailable");
        assert!(!is_proven(&asha).await, "at {statement}");
    }
    assert!(statements > 3, "the verb has no statements: is the name right?");
    assert!(is_proven(&asha).await);
}

/// A body of the wrong shape is told apart from a token that is none.
#[tokio::test]
async fn a_body_without_a_token_is_no_token() {
    let bank = TestBank::new().await;
    for body in [json!({}), json!({ "token": 1 }), json!({ "token": "x", "more": 1 }), Value::Null]
    {
        post(&bank, "/v1/auth/email/confirm", &body).await.refused(400, "malformed_json");
    }
}
