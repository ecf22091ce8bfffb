//! Security keys and passkeys: added, shown at a sign-in and for an act, and a sign-in without a password.

use serde_json::{Value, json};
use testkit::TestBank;

use crate::sessions::{log_in, post};
use crate::sessions_web::{ask, cookie_of};

#[tokio::test]
async fn a_security_key_is_added_listed_shown_at_sign_in_and_removed() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let kind = json!({ "kind": "security_key" });
    let options = asha.client.post("/v1/factors/webauthn/options", &kind).await.expect(200).json();
    let asked = &options["publicKey"];
    assert_eq!(asked["rp"]["id"], "localhost");
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    let mut key = bank.authenticator();
    let body = json!({ "credential": key.create(&options), "name": "Blue key" });
    let added = asha.client.post("/v1/factors/webauthn", &body).await.expect(201);
    assert_eq!(added.json()["recovery_codes"].as_array().map(Vec::len), Some(10));

    let listed = asha.client.get("/v1/factors").await.expect(200).json();
    let factor = &listed["data"][0];
    assert_eq!((&factor["kind"], &factor["name"]), (&json!("webauthn"), &json!("Blue key")));
    assert_eq!((&factor["status"], &factor["second_factor"]), (&json!("active"), &json!(true)));
    // ASVS 6.3.7: the address is told that there is another way in.
    assert_eq!(bank.inbox().await[0]["purpose"], "factor_added");

    let half = log_in(&bank, &asha.email, &asha.password).await.expect(200).json();
    assert_eq!(half["challenge"]["methods"], json!(["webauthn", "recovery_code"]));
    let allowed = &half["challenge"]["webauthn"]["publicKey"]["allowCredentials"];
    assert_eq!(allowed.as_array().map(Vec::len), Some(1));
    let signed_in = bank.verify_with(&half["challenge"], &mut key).await.expect(200);
    bank.keep_tokens(&mut asha, &signed_in);
    let gone = format!("/v1/factors/{}", factor["id"].as_str().expect("an id"));
    let asked = asha.client.delete(&gone).await;
    asked.refused(403, "step_up_required");
    let proof = bank.verify_with(&asked.json()["challenge"], &mut key).await.expect(200);
    let _gone = asha.client.delete_proved(&gone, &proof.text("/proof")).await.expect(204);
    let _in_one_step =
        log_in(&bank, &asha.email, &asha.password).await.expect(200).text("/access_token");
}

/// RTS 2018/389 Art 5: what the authenticator signs is made from the payment.
// RTS 5: what a security key signs is made of the act, and opens no other.
#[tokio::test]
async fn an_act_is_signed_for_that_act() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let mut key = bank.enrol_webauthn(&asha, "security_key").await;
    let phone = |n: u32| json!({ "phone": format!("+9198765432{n}") });
    let one = asha.client.post("/v1/factors/sms", &phone(10)).await;
    one.refused(403, "step_up_required");
    let other = asha.client.post("/v1/factors/sms", &phone(11)).await.json();
    let (one, other) = (&one.json()["challenge"], &other["challenge"]);
    let signed = |challenge: &Value| challenge["webauthn"]["publicKey"]["challenge"].clone();
    assert_ne!(signed(one), signed(other));
    // The answer to one question is none to the other.
    let mut moved = one.clone();
    moved["id"] = other["id"].clone();
    bank.verify_with(&moved, &mut key).await.refused(401, "invalid_code");
    let proof = bank.verify_with(one, &mut key).await.expect(200).text("/proof");
    let (path, again) = ("/v1/factors/sms", testkit::key());
    let wrong = asha.client.post_proved(path, &again, &phone(11), &proof).await;
    wrong.refused(403, "step_up_required");
    let _added = asha.client.post_proved(path, &again, &phone(10), &proof).await.expect(201);
}

#[tokio::test]
async fn a_passkey_signs_in_without_a_password() {
    let bank = TestBank::new().await;
    let (asha, _bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let mut key = bank.enrol_webauthn(&asha, "passkey").await;
    let asked = post(&bank, "/v1/auth/passkey", &json!({})).await.expect(200).json();
    let challenge = &asked["challenge"];
    assert_eq!(challenge["methods"], json!(["webauthn"]));
    assert_eq!(challenge["webauthn"]["publicKey"]["allowCredentials"], json!([]));
    let reply = bank.verify_with(challenge, &mut key).await.expect(200);
    assert_eq!(reply.text("/status"), "authenticated");
    let _device = reply.text("/device_token");
    let client = bank.client().with_token(&reply.text("/access_token"));
    assert_eq!(client.get("/v1/me").await.expect(200).text("/id"), asha.id);
    // The person was verified, so what needs a factor lately shown has one.
    let shown = client.get("/v1/sessions").await.expect(200).json();
    assert!(shown["data"][0]["proved_at"].is_string(), "{shown}");
    // A code is no answer to this question.
    let asked = post(&bank, "/v1/auth/passkey", &json!({})).await.expect(200);
    let code = bank.verify(&asked.text("/challenge/id"), "totp", "123456").await;
    code.refused(422, "invalid_fields");
}

#[tokio::test]
async fn a_browser_gets_its_cookie_for_a_passkey() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let mut key = bank.enrol_webauthn(&asha, "passkey").await;
    let asked = post(&bank, "/v1/auth/passkey", &json!({})).await.expect(200).json();
    let credential = key.get(&asked["challenge"]["webauthn"]);
    let id = asked["challenge"]["id"].as_str().expect("an id");
    let path = format!("/v1/web/session/challenges/{id}/verify");
    let body = json!({ "method": "webauthn", "credential": credential });
    let reply = post(&bank, &path, &body).await.expect(200);
    let line = (http::Method::GET, "/v1/me");
    let me = ask(&bank, line, &[("cookie", &cookie_of(&reply))], &Value::Null).await.expect(200);
    assert_eq!(me.text("/id"), asha.id);
}

/// ASVS 6.3.1: a stranger's guesses at the password do not lock the device that is known, with a passkey
/// neither.
#[tokio::test]
async fn a_lock_of_unknown_devices_stops_a_passkey_there_only() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let mut key = bank.enrol_webauthn(&asha, "passkey").await;
    let asked = post(&bank, "/v1/auth/passkey", &json!({})).await.expect(200).json();
    let known = bank.verify_with(&asked["challenge"], &mut key).await.expect(200);
    let known = known.text("/device_token");
    for _ in 0..5 {
        let _wrong = log_in(&bank, &asha.email, "a guess at the passphrase").await;
    }
    let asked = post(&bank, "/v1/auth/passkey", &json!({})).await.expect(200).json();
    bank.verify_with(&asked["challenge"], &mut key).await.refused(429, "locked_out");
    let asked = post(&bank, "/v1/auth/passkey", &json!({})).await.expect(200).json();
    let (id, options) = (&asked["challenge"]["id"], &asked["challenge"]["webauthn"]);
    let path = format!("/v1/auth/challenges/{}/verify", id.as_str().expect("an id"));
    let body =
        json!({ "method": "webauthn", "credential": key.get(options), "device_token": known });
    let _in = post(&bank, &path, &body).await.expect(200);
}
