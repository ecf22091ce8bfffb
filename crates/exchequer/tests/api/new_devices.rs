//! Whoever signs in on a device that was not known is told of it by mail, so often and no oftener.

use exchequer::staff::model::Role;
use serde_json::json;
use testkit::{Person, TestBank};

use crate::sessions::post;

const DAY: i64 = 86_400;

async fn told(bank: &TestBank, person: &Person) -> usize {
    let inbox = bank.inbox().await;
    inbox.iter().filter(|m| m["purpose"] == "new_device" && m["to"] == person.email).count()
}

// ASVS 6.3.5: a sign-in from a device that was not known is told to its holder, by mail and in its own transaction.
#[tokio::test]
async fn a_sign_in_from_a_new_device_is_told_and_one_from_a_known_device_is_not() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    let bela = bank.customer("bela").await;
    assert_eq!(told(&bank, &asha).await, 0, "the first device is no news");
    let agent = "</p> call +91 98765 43210 at once";
    let client = bank.client().at("203.0.113.9").with_agent(agent);
    let body = json!({ "email": asha.email, "password": asha.password });
    let reply = client.post_raw("/v1/auth/login", None, body.to_string().into_bytes()).await;
    bank.keep_tokens(&mut asha, &reply);
    let device = reply.text("/device_token");
    assert_eq!((told(&bank, &asha).await, told(&bank, &bela).await), (1, 0));
    let inbox = bank.inbox().await;
    let mail = inbox.iter().find(|mail| mail["purpose"] == "new_device").expect("a mail");
    let text = mail["text"].as_str().expect("a text");
    assert!(text.contains("203.0.113.9") && !text.contains("98765"), "{text}");
    let known = json!({ "email": asha.email, "password": asha.password, "device_token": device });
    let reply = post(&bank, "/v1/auth/login", &known).await.expect(200);
    bank.keep_tokens(&mut asha, &reply);
    assert_eq!(told(&bank, &asha).await, 1, "this one is known");
    // A token of somebody else's, or made up, is that of no known device.
    let foreign = json!({ "email": bela.email, "password": bela.password, "device_token": device });
    let _in = post(&bank, "/v1/auth/login", &foreign).await.expect(200);
    assert_eq!((told(&bank, &asha).await, told(&bank, &bela).await), (1, 1));
    // A wrong password opens nothing and is no sign-in.
    let wrong = json!({ "email": asha.email, "password": "not the right passphrase" });
    post(&bank, "/v1/auth/login", &wrong).await.refused(401, "invalid_credentials");
    assert_eq!(told(&bank, &asha).await, 1);
}

// ASVS 6.3.5: half a sign-in is not told; the whole one is, of operators too.
#[tokio::test]
async fn with_a_second_factor_it_is_told_when_both_were_shown() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    bank.enrol_totp(&mut asha).await;
    bank.advance(30);
    let before = told(&bank, &asha).await;
    let body = json!({ "email": asha.email, "password": asha.password });
    let half = post(&bank, "/v1/auth/login", &body).await.expect(200);
    assert_eq!(half.text("/status"), "mfa_required");
    assert_eq!(told(&bank, &asha).await, before);
    let answer = json!({ "method": "totp", "code": bank.totp_code(&asha) });
    let path = format!("/v1/auth/challenges/{}/verify", half.text("/challenge/id"));
    let whole = post(&bank, &path, &answer).await.expect(200);
    bank.secret(&whole.text("/access_token"));
    assert_eq!(told(&bank, &asha).await, before + 1);
    let mut teller = bank.operator(Role::Teller).await;
    assert_eq!(told(&bank, &teller).await, 0);
    bank.advance(30);
    bank.sign_in_operator(&mut teller).await;
    assert_eq!(told(&bank, &teller).await, 1);
}

#[tokio::test]
async fn a_mailbox_is_not_filled_by_a_program_that_keeps_no_token() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    for _ in 0..12 {
        bank.sign_in(&mut asha).await;
    }
    assert_eq!(told(&bank, &asha).await, 4, "the fifth device of the day is the last that is told");
    bank.advance(DAY + 1);
    bank.sign_in(&mut asha).await;
    assert_eq!(told(&bank, &asha).await, 5);
}

/// A mail that cannot be written is a sign-in that does not happen.
#[tokio::test]
async fn where_the_mail_cannot_be_written_nobody_is_signed_in() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    let sessions = asha.client.get("/v1/sessions").await.expect(200).json();
    let mut refused = 0;
    loop {
        bank.bank().db().faults().fail_at("sessions.open", refused + 1);
        let body = json!({ "email": asha.email, "password": asha.password });
        let reply = post(&bank, "/v1/auth/login", &body).await;
        if bank.bank().db().faults().disarm() {
            bank.keep_tokens(&mut asha, &reply.expect(200));
            break;
        }
        assert!(reply.status.is_server_error(), "{reply:?}");
        assert_eq!(asha.client.get("/v1/sessions").await.expect(200).json(), sessions);
        assert_eq!(told(&bank, &asha).await, 0);
        refused += 1;
    }
    assert!(refused > 5, "only {refused} statements");
    assert_eq!(told(&bank, &asha).await, 1);
}
