//! `/v1/factors`: what is added, listed, named and removed, and what that needs.

use exchequer::factors::{MAX_FACTORS, UNCONFIRMED_SECONDS};
use exchequer::jobs::Job;
use money::kind::Factor;
use serde_json::{Value, json};
use testkit::{Person, TestBank, key};
use tokio::sync::watch;

use crate::factors::{PHONE, challenge, id, roomy, send, told};
use crate::rows::number;
use crate::sessions::log_in;

// ASVS 6.3.7, 6.5.6: a factor can be removed by its holder, who is told of each change.
// ASVS 7.5.1: what protects the account is changed after a fresh proof.
// PCI DSS 8.3.3: whoever changes a factor shows one first, and is told of it.
// RTS 27: a factor is taken away by its holder, after showing one.
#[tokio::test]
async fn adding_and_removing_need_a_fresh_step_up_and_tell_the_old_channels() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    assert_eq!(told(&bank, &asha.email).await, ["factor_added"]);
    let (again, body) = (key(), json!({ "phone": PHONE }));
    let refused = asha.client.post_with_key("/v1/factors/sms", &again, &body).await;
    refused.refused(403, "step_up_required");
    assert_eq!(refused.json()["challenge"]["methods"], json!(["totp", "recovery_code"]));
    let proof = bank.prove(&asha, &refused.text("/challenge/id")).await;
    let added = asha.client.post_proved("/v1/factors/sms", &again, &body, &proof).await;
    let confirm = format!("/v1/factors/{}/confirm", added.expect(201).text("/id"));
    let code = json!({ "code": bank.newest_code(PHONE).await });
    let confirmed = asha.client.post(&confirm, &code).await.expect(200).json();
    assert_eq!(confirmed["recovery_codes"], json!([]), "only the first brings codes");
    assert_eq!(told(&bank, &asha.email).await, ["factor_added", "factor_added"]);
    let all = asha.client.get("/v1/factors").await.expect(200).json();
    let totp = all["data"][0]["id"].as_str().expect("an id").to_owned();
    let remove = format!("/v1/factors/{totp}");
    asha.client.delete(&remove).await.refused(403, "step_up_required");
    // Not by the code of a sign-in, which somebody may have passed on.
    bank.advance(60);
    bank.sign_in_with_totp(&mut asha).await;
    asha.client.delete(&remove).await.refused(403, "step_up_required");
    let _gone = bank.delete_stepped(&asha, &remove).await.expect(204);
    assert_eq!(told(&bank, &asha.email).await[0], "factor_removed");
    assert_eq!(told(&bank, PHONE).await[0], "factor_removed");
    let asked = challenge(&bank, &asha).await;
    assert_eq!(asked["methods"], json!(["sms", "recovery_code"]));
}

// RTS 27: what hangs on a factor ends with it.
#[tokio::test]
async fn with_the_last_factor_the_recovery_codes_go() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.sign_in_with_totp(&mut asha).await;
    let all = asha.client.get("/v1/factors").await.expect(200).json();
    let path = format!("/v1/factors/{}", all["data"][0]["id"].as_str().expect("an id"));
    let _gone = bank.delete_stepped(&asha, &path).await.expect(204);
    asha.client.delete(&path).await.refused(404, "not_found");
    assert_eq!(number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM recovery_codes").await, 0);
    let _in_one_step = log_in(&bank, &asha.email, &asha.password).await.expect(200);
}

#[tokio::test]
async fn a_factor_removed_between_the_halves_of_a_sign_in_answers_nothing() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.sign_in_with_totp(&mut asha).await;
    let _sms = bank.enrol_sms(&asha, PHONE).await;
    let asked = challenge(&bank, &asha).await;
    let _sent = send(&bank, id(&asked), "sms").await.expect(202);
    let code = bank.newest_code(PHONE).await;
    let all = asha.client.get("/v1/factors").await.expect(200).json();
    let sms = all["data"].as_array().expect("a list").iter().find(|f| f["kind"] == "sms");
    let path = format!("/v1/factors/{}", sms.expect("a telephone")["id"].as_str().expect("an id"));
    let _gone = bank.delete_stepped(&asha, &path).await.expect(204);
    bank.verify(id(&asked), "sms", &code).await.refused(422, "invalid_fields");
}

#[tokio::test]
async fn own_factors_are_listed_named_and_nobody_elses() {
    let bank = roomy().await;
    let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let enrolled = asha.client.post("/v1/factors/totp", &json!({})).await.expect(201);
    let path = format!("/v1/factors/{}", enrolled.text("/id"));
    let name = json!({ "name": "Old telephone" });
    let renamed = asha.client.post(&format!("{path}/rename"), &name).await.expect(200);
    assert_eq!(renamed.text("/name"), "Old telephone");
    let _sms = asha.client.post("/v1/factors/sms", &json!({ "phone": PHONE })).await.expect(201);
    let first = asha.client.get("/v1/factors?limit=1").await.expect(200);
    let factor = &first.json()["data"][0];
    assert_eq!(
        (&factor["name"], &factor["status"]),
        (&json!("Old telephone"), &json!("unconfirmed"))
    );
    assert!(factor.get("secret").is_none());
    let next = format!("/v1/factors?limit=1&cursor={}", first.text("/next_cursor"));
    let rest = asha.client.get(&next).await.expect(200).json();
    let rest = (&rest["data"][0]["destination"], &rest["next_cursor"]);
    assert_eq!(rest, (&json!("+********3210"), &Value::Null));
    let none = bela.client.get("/v1/factors").await.expect(200).json();
    assert_eq!(none, json!({ "data": [], "next_cursor": null }));
    let unknown = format!("/v1/factors/{}", bank.unknown_id::<Factor>());
    for path in [&path, &unknown] {
        bela.client.post(&format!("{path}/rename"), &name).await.refused(404, "not_found");
        let code = json!({ "code": "123456" });
        bela.client.post(&format!("{path}/confirm"), &code).await.refused(404, "not_found");
        bela.client.delete(path).await.refused(404, "not_found");
    }
    for name in ["", "   ", "a\u{7}b"] {
        let reply = asha.client.post(&format!("{path}/rename"), &json!({ "name": name })).await;
        reply.refused(422, "invalid_fields");
    }
}

#[tokio::test]
async fn ten_factors_at_most_and_unconfirmed_ones_are_forgotten() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    for _ in 0..MAX_FACTORS {
        let _one = asha.client.post("/v1/factors/totp", &json!({})).await.expect(201);
    }
    let eleventh = asha.client.post("/v1/factors/totp", &json!({})).await;
    eleventh.refused(409, "too_many_factors");
    bank.advance(UNCONFIRMED_SECONDS);
    bank.sign_in(&mut asha).await;
    let listed = asha.client.get("/v1/factors").await.expect(200).json();
    assert_eq!(listed["data"], json!([]));
    let (_running, stop) = watch::channel(false);
    let removed = Job::DeleteFactors.run(bank.bank(), &stop).await.expect("a purge");
    assert_eq!(removed, 10);
    let _free = asha.client.post("/v1/factors/totp", &json!({})).await.expect(201);
}

#[tokio::test]
async fn the_first_confirmed_factor_drops_what_else_waits() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    // Begun by whoever had the session before there was anything to step up with.
    let waiting = asha.client.post("/v1/factors/totp", &json!({})).await.expect(201);
    let _codes = bank.enrol_totp(&mut asha).await;
    let confirm = format!("/v1/factors/{}/confirm", waiting.text("/id"));
    let other = Person { totp_secret: Some(waiting.text("/secret")), ..asha.clone() };
    let code = json!({ "code": bank.totp_code(&other) });
    asha.client.post(&confirm, &code).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_repeated_enrolment_is_the_same_factor_and_the_same_secret() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let again = key();
    let first = asha.client.post_with_key("/v1/factors/totp", &again, &json!({})).await;
    let second = asha.client.post_with_key("/v1/factors/totp", &again, &json!({})).await;
    assert_eq!(first.expect(201).body, second.expect(201).body);
    assert_eq!(number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM factors").await, 1);
}

#[tokio::test]
async fn a_number_that_cannot_be_reached_leaves_no_factor() {
    let bank = TestBank::with(|config| config.messages.caps.destination_hour = 1).await;
    let asha = bank.customer("Asha").await;
    let body = json!({ "phone": PHONE });
    let _sent = asha.client.post("/v1/factors/sms", &body).await.expect(201);
    asha.client.post("/v1/factors/sms", &body).await.refused(429, "too_many_messages");
    for phone in ["9876543210", "+0123456", "", "+12"] {
        let reply = asha.client.post("/v1/factors/sms", &json!({ "phone": phone })).await;
        reply.refused(422, "invalid_fields");
    }
    assert_eq!(number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM factors").await, 1);
}
