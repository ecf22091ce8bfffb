//! The second step of a sign-in: factors enrolled, confirmed and shown.

use exchequer::challenges::MAX_SENDS;
use money::kind::Challenge;
use serde_json::{Value, json};
use testkit::{Client, Person, Reply, TestBank};

use crate::rows::texts;
use crate::sessions::{log_in, post};

pub const PHONE: &str = "+919876543210";

/// The first half of a sign-in; gives the challenge.
pub async fn challenge(bank: &TestBank, person: &Person) -> Value {
    let half = log_in(bank, &person.email, &person.password).await.expect(200);
    assert_eq!(half.text("/status"), "mfa_required");
    for token in ["access_token", "refresh_token", "session_id", "device_token"] {
        assert!(half.json().get(token).is_none(), "{token} before the second factor");
    }
    half.json()["challenge"].clone()
}

pub fn id(challenge: &Value) -> &str {
    challenge["id"].as_str().expect("an id")
}

pub async fn send(bank: &TestBank, challenge: &str, method: &str) -> Reply {
    let path = format!("/v1/auth/challenges/{challenge}/send");
    post(bank, &path, &json!({ "method": method })).await
}

/// A bank whose caps on messages do not get in the way.
pub async fn roomy() -> TestBank {
    TestBank::with(|config| {
        config.messages.caps.destination_hour = 1_000;
        config.messages.caps.destination_day = 1_000;
    })
    .await
}

/// The purposes of the messages to an address, newest first.
pub async fn told(bank: &TestBank, to: &str) -> Vec<String> {
    let mut inbox = bank.inbox().await;
    // The mail of the registration is about something else.
    inbox.retain(|message| message["purpose"] != "email_confirmation");
    let to_them = inbox.iter().filter(|message| message["to"] == to);
    to_them.map(|message| message["purpose"].as_str().expect("a purpose").to_owned()).collect()
}

// ASVS 6.3.3: a second factor is asked for wherever the customer has one.
// RTS 25: a factor serves once its holder has shown it.
#[tokio::test]
async fn an_authenticator_is_enrolled_confirmed_and_asked_for_at_sign_in() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let reply = asha.client.post("/v1/factors/totp", &json!({})).await.expect(201);
    let (secret, uri) = (reply.text("/secret"), reply.text("/otpauth_uri"));
    bank.secret(&secret);
    assert!(uri.starts_with("otpauth://totp/Exchequer:asha%40example.test?secret="));
    assert!(uri.contains(&secret) && reply.text("/qr_svg").contains("<svg"));
    // It counts from its confirmation on.
    let _still_one_step = log_in(&bank, &asha.email, &asha.password).await.expect(200);
    asha.totp_secret = Some(secret);
    let confirm = format!("/v1/factors/{}/confirm", reply.text("/id"));
    let wrong = json!({ "code": bank.wrong_totp_code(&asha) });
    asha.client.post(&confirm, &wrong).await.refused(401, "invalid_code");
    let code = json!({ "code": bank.totp_code(&asha) });
    let confirmed = asha.client.post(&confirm, &code).await.expect(200).json();
    assert_eq!(confirmed["recovery_codes"].as_array().map(Vec::len), Some(10));
    asha.client.post(&confirm, &code).await.refused(409, "factor_confirmed");
    let asked = challenge(&bank, &asha).await;
    assert_eq!(asked["methods"], json!(["totp", "recovery_code"]));
    assert!(asked["expires_at"].is_string());
    bank.advance(30);
    let code = bank.totp_code(&asha);
    let signed_in = bank.verify(id(&asked), "totp", &code).await.expect(200);
    assert_eq!(signed_in.text("/status"), "authenticated");
    assert_eq!(signed_in.text("/device_token").len(), 43);
    let client = bank.client().with_token(&signed_in.text("/access_token"));
    assert_eq!(client.get("/v1/me").await.expect(200).text("/id"), asha.id);
}

// ASVS 6.5.1: a code serves once, also where it confirmed the authenticator.
#[tokio::test]
async fn the_enrolling_code_and_those_before_it_sign_nobody_in() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    bank.advance(90);
    let before = {
        let enrolled = asha.client.post("/v1/factors/totp", &json!({})).await.expect(201);
        asha.totp_secret = Some(enrolled.text("/secret"));
        bank.advance(-30);
        let before = bank.totp_code(&asha);
        bank.advance(30);
        let path = format!("/v1/factors/{}/confirm", enrolled.text("/id"));
        let code = json!({ "code": bank.totp_code(&asha) });
        let _confirmed = asha.client.post(&path, &code).await.expect(200);
        before
    };
    let asked = challenge(&bank, &asha).await;
    for code in [bank.totp_code(&asha), before] {
        bank.verify(id(&asked), "totp", &code).await.refused(401, "invalid_code");
    }
    bank.advance(30);
    let _in = bank.verify(id(&asked), "totp", &bank.totp_code(&asha)).await.expect(200);
}

#[tokio::test]
async fn a_telephone_is_confirmed_with_a_code_and_asked_with_another() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let enrolled = asha.client.post("/v1/factors/sms", &json!({ "phone": PHONE })).await;
    let enrolled = enrolled.expect(201);
    assert_eq!(enrolled.text("/destination"), "+********3210");
    assert_eq!(enrolled.json()["challenge"]["methods"], json!(["sms"]));
    let first = bank.newest_code(PHONE).await;
    // Another code for the same question replaces it.
    let _again = send(&bank, &enrolled.text("/challenge/id"), "sms").await.expect(202);
    let confirm = format!("/v1/factors/{}/confirm", enrolled.text("/id"));
    let second = bank.newest_code(PHONE).await;
    assert_ne!(first, second, "the seed was unlucky");
    asha.client.post(&confirm, &json!({ "code": first })).await.refused(401, "invalid_code");
    // The question of an enrolment is answered by its owner and nowhere else.
    bank.verify(&enrolled.text("/challenge/id"), "sms", &second).await.refused(404, "not_found");
    let confirmed = asha.client.post(&confirm, &json!({ "code": second })).await.expect(200);
    assert_eq!(confirmed.json()["recovery_codes"].as_array().map(Vec::len), Some(10));
    let asked = challenge(&bank, &asha).await;
    assert_eq!(asked["methods"], json!(["sms", "recovery_code"]));
    bank.verify(id(&asked), "sms", &second).await.refused(401, "invalid_code");
    let sent = send(&bank, id(&asked), "sms").await.expect(202);
    assert_eq!((sent.text("/status"), sent.int("/expires_in")), ("sent".to_owned(), 300));
    let code = bank.newest_code(PHONE).await;
    let _in = bank.verify(id(&asked), "sms", &code).await.expect(200);
    bank.verify(id(&asked), "sms", &code).await.refused(401, "invalid_code");
}

#[tokio::test]
async fn a_sent_code_is_over_after_five_minutes_and_its_challenge_with_it() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let _codes = bank.enrol_sms(&asha, PHONE).await;
    for (wait, status) in [(299, 200), (300, 401)] {
        let asked = challenge(&bank, &asha).await;
        let _sent = send(&bank, id(&asked), "sms").await.expect(202);
        let code = bank.newest_code(PHONE).await;
        bank.advance(wait);
        let _judged = bank.verify(id(&asked), "sms", &code).await.expect(status);
    }
}

#[tokio::test]
async fn what_is_not_offered_is_not_sent_and_not_taken() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let asked = challenge(&bank, &asha).await;
    for method in ["sms", "email", "totp", "recovery_code", "webauthn", "pigeon", ""] {
        let reply = send(&bank, id(&asked), method).await;
        reply.refused(422, "invalid_fields");
        assert_eq!(reply.json()["fields"][0]["code"], "not_offered");
    }
    for method in ["sms", "email"] {
        bank.verify(id(&asked), method, "123456").await.refused(422, "invalid_fields");
    }
    let path = format!("/v1/auth/challenges/{}/verify", id(&asked));
    for body in [
        json!({ "method": "totp" }),
        json!({ "method": "totp", "code": "12345" }),
        json!({ "method": "totp", "code": "123456", "credential": {} }),
        json!({ "method": "recovery_code", "code": "123456" }),
        json!({ "method": "webauthn", "code": "123456" }),
        json!({ "method": "webauthn" }),
        json!({ "method": "webauthn", "credential": {} }),
    ] {
        post(&bank, &path, &body).await.refused(422, "invalid_fields");
    }
    let unknown = bank.unknown_id::<Challenge>();
    send(&bank, &unknown, "sms").await.refused(404, "not_found");
    // None of that was counted.
    bank.advance(30);
    let _in = bank.verify(id(&asked), "totp", &bank.totp_code(&asha)).await.expect(200);
}

#[tokio::test]
async fn five_codes_are_sent_for_a_challenge_and_no_more() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let _codes = bank.enrol_sms(&asha, PHONE).await;
    let asked = challenge(&bank, &asha).await;
    for _ in 0..MAX_SENDS {
        let _sent = send(&bank, id(&asked), "sms").await.expect(202);
    }
    let code = bank.newest_code(PHONE).await;
    let refused = send(&bank, id(&asked), "sms").await;
    refused.refused(429, "too_many_messages");
    assert!(refused.header("retry-after").is_some());
    // What was sent last serves.
    let _in = bank.verify(id(&asked), "sms", &code).await.expect(200);
}

// ASVS 6.3.6: a code by e-mail is no second factor.
// RBI DPSC 10: a code by e-mail is no factor.
#[tokio::test]
async fn an_email_address_is_proven_and_no_second_factor() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let enrolled = asha.client.post("/v1/factors/email", &json!({})).await.expect(201);
    assert_eq!(enrolled.text("/destination"), "a***@example.test");
    let confirm = format!("/v1/factors/{}/confirm", enrolled.text("/id"));
    let code = json!({ "code": bank.newest_code(&asha.email).await });
    let confirmed = asha.client.post(&confirm, &code).await.expect(200).json();
    assert_eq!(confirmed["recovery_codes"], json!([]));
    let factor = asha.client.get("/v1/factors").await.expect(200).json()["data"][0].clone();
    assert_eq!(
        (&factor["kind"], &factor["status"], &factor["second_factor"]),
        (&json!("email"), &json!("active"), &json!(false))
    );
    let _in_one_step = log_in(&bank, &asha.email, &asha.password).await.expect(200);
    let codes = asha.client.post("/v1/factors/recovery_codes", &json!({})).await;
    codes.refused(409, "no_factor");
}

#[tokio::test]
async fn a_setting_lets_an_email_complete_a_sign_in_where_nothing_better_is() {
    let bank = TestBank::with(|config| {
        config.factors.email_at_sign_in = true;
        config.messages.caps.destination_hour = 1_000;
        config.messages.caps.destination_day = 1_000;
    })
    .await;
    let mut asha = bank.customer("Asha").await;
    let enrolled = asha.client.post("/v1/factors/email", &json!({})).await.expect(201);
    let confirm = format!("/v1/factors/{}/confirm", enrolled.text("/id"));
    let code = json!({ "code": bank.newest_code(&asha.email).await });
    let confirmed = asha.client.post(&confirm, &code).await.expect(200).json();
    assert_eq!(confirmed["recovery_codes"].as_array().map(Vec::len), Some(10));
    let asked = challenge(&bank, &asha).await;
    assert_eq!(asked["methods"], json!(["email", "recovery_code"]));
    let _sent = send(&bank, id(&asked), "email").await.expect(202);
    let code = bank.newest_code(&asha.email).await;
    let _in = bank.verify(id(&asked), "email", &code).await.expect(200);
    // With an authenticator the mail is no way round it.
    let _codes = bank.enrol_totp(&mut asha).await;
    assert_eq!(challenge(&bank, &asha).await["methods"], json!(["totp", "recovery_code"]));
}

async fn codes_left(client: &Client) -> i64 {
    client.get("/v1/factors/recovery_codes").await.expect(200).int("/left")
}

// ASVS 6.4.4: whoever lost every factor has the codes, each once.
// RTS 26: codes are renewed by who shows a factor, and the old ones end.
#[tokio::test]
async fn a_recovery_code_signs_in_once_and_a_new_set_voids_the_old() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    assert_eq!(codes_left(&asha.client).await, 0);
    let codes = bank.enrol_totp(&mut asha).await;
    for code in &codes {
        bank.secret(code);
    }
    let asked = challenge(&bank, &asha).await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    let signed_in = bank.verify(id(&asked), "recovery_code", &typed).await.expect(200);
    let told_of = told(&bank, &asha.email).await;
    assert!(told_of.iter().any(|purpose| purpose == "recovery_code_used"), "{told_of:?}");
    let asked = challenge(&bank, &asha).await;
    bank.verify(id(&asked), "recovery_code", &codes[0]).await.refused(401, "invalid_code");
    // It stood in for a factor and was none: what changes the factors takes the next code, an act takes none.
    let client = bank.client().with_token(&signed_in.text("/access_token"));
    assert_eq!(codes_left(&client).await, 9);
    let (path, again) = ("/v1/factors/recovery_codes", testkit::key());
    let refused = client.post_with_key(path, &again, &json!({})).await;
    refused.refused(403, "step_up_required");
    assert_eq!(refused.json()["challenge"]["methods"], json!(["totp", "recovery_code"]));
    let asked_of = refused.text("/challenge/id");
    let proof = bank.verify(&asked_of, "recovery_code", &codes[2]).await.expect(200).text("/proof");
    let fresh = client.post_proved(path, &again, &json!({}), &proof).await.expect(201).json();
    let fresh: Vec<&str> = fresh["recovery_codes"]
        .as_array()
        .expect("codes")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!((fresh.len(), codes_left(&client).await), (10, 10));
    assert_eq!(told(&bank, &asha.email).await[0], "recovery_codes_replaced");
    bank.verify(id(&asked), "recovery_code", &codes[1]).await.refused(401, "invalid_code");
    let _in = bank.verify(id(&asked), "recovery_code", fresh[9]).await.expect(200);
    assert_eq!(codes_left(&client).await, 9);
}

// ASVS 16.3.1, 16.3.2: every step of a second factor leaves an event, and none holds a code.
// PCI DSS 10.2.1.5: each step of a factor is an event, and none holds a code.
#[tokio::test]
async fn every_refusal_and_change_is_an_event_without_a_secret() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let codes = bank.enrol_totp(&mut asha).await;
    let asked = challenge(&bank, &asha).await;
    let wrong = bank.wrong_totp_code(&asha);
    bank.verify(id(&asked), "totp", &wrong).await.refused(401, "invalid_code");
    let _in = bank.verify(id(&asked), "recovery_code", &codes[0]).await.expect(200);
    bank.verify(id(&asked), "totp", &wrong).await.refused(401, "invalid_code");
    let events = texts(
        &bank,
        "SELECT action || ' ' || outcome || ' ' || COALESCE(after, '') FROM events ORDER BY id",
    )
    .await;
    for begins in [
        "factor.enrolled done",
        "factor.confirmed done",
        "factor.recovery_codes_replaced done",
        "challenge.opened done",
        "challenge.answer_refused invalid_code",
        "challenge.answered done",
    ] {
        assert!(events.iter().any(|event| event.starts_with(begins)), "{begins}: {events:#?}");
    }
    let secret = asha.totp_secret.as_deref().expect("a secret");
    for secret in [secret, &wrong, &codes[0], &codes[9]] {
        assert!(!events.iter().any(|event| event.contains(secret)), "{secret} in an event");
    }
}
