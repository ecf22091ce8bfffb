//! A session that is asked for from another network or with another agent.

use axum::body::Body;
use exchequer::config::OnMove;
use exchequer::factors::totp;
use exchequer::staff::model::Role;
use http::Method;
use serde_json::json;
use testkit::{Client, Device, Person, Reply, TestBank};
use vault::SecretString;

use crate::sessions::post;
use crate::sessions_dpop::{claims, log_in_with};
use crate::sessions_web::cookie_of;

async fn bank(policy: OnMove) -> TestBank {
    TestBank::with(|config| config.sessions.on_move = policy).await
}

async fn moves(bank: &TestBank) -> usize {
    let auditor = bank.operator(Role::Compliance).await;
    let events = auditor.client.get("/v1/staff/events?limit=100&action=session.moved").await;
    events.expect(200).json()["data"].as_array().expect("a list").len()
}

async fn is_in(client: &Client) {
    let _me = client.get("/v1/me").await.expect(200);
}

/// Enrols an authenticator; gives its secret.
async fn enrol(bank: &TestBank, person: &Person) -> SecretString {
    let mut person = person.clone();
    bank.enrol_totp(&mut person).await;
    SecretString::new(person.totp_secret.expect("a secret"))
}

/// Answers the challenge of a refusal; gives the proof.
async fn prove(bank: &TestBank, refusal: &Reply, secret: &SecretString) -> String {
    refusal.refused(403, "step_up_required");
    bank.advance(30);
    let path = format!("/v1/auth/challenges/{}/verify", refusal.text("/challenge/id"));
    let code = totp::code_at(secret, bank.clock().now()).expect("base32");
    let proof = post(bank, &path, &json!({ "method": "totp", "code": code })).await.expect(200);
    proof.text("/proof")
}

async fn with_proof(client: &Client, proof: &str) -> Reply {
    let request = client.request(Method::GET, "/v1/me").header("step-up", proof);
    client.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_change_of_network_or_agent_is_noted_once_and_not_once_a_request() {
    let bank = bank(OnMove::Log).await;
    let asha = bank.customer("Asha").await;
    let elsewhere = asha.client.at("198.51.100.7");
    for _ in 0..3 {
        is_in(&elsewhere).await;
        bank.advance(2); // the session is looked at again
    }
    assert_eq!(moves(&bank).await, 1);
    // The same network, and back to where it came from.
    is_in(&asha.client.at("198.51.100.99")).await;
    is_in(&asha.client).await;
    is_in(&elsewhere).await;
    assert_eq!(moves(&bank).await, 1);
    is_in(&elsewhere.with_agent("another browser")).await;
    assert_eq!(moves(&bank).await, 2);
    is_in(&asha.client.at("2001:db8:1:2::1")).await;
    is_in(&asha.client.at("2001:db8:1:2:3::1")).await;
    is_in(&asha.client.at("2001:db8:1:3::1")).await;
    assert_eq!(moves(&bank).await, 4);
    let list = asha.client.at("2001:db8:1:3::1").get("/v1/sessions").await.expect(200);
    assert_eq!(list.text("/data/0/address"), "2001:db8:1:3::1");
}

#[tokio::test]
async fn a_refresh_from_elsewhere_is_noted_too() {
    let bank = bank(OnMove::Log).await;
    let asha = bank.customer("Asha").await;
    let body = json!({ "refresh_token": asha.refresh_token }).to_string().into_bytes();
    let elsewhere = bank.client().at("198.51.100.7");
    let pair = elsewhere.post_raw("/v1/auth/refresh", None, body).await.expect(200);
    is_in(&elsewhere.with_token(&pair.text("/access_token"))).await;
    assert_eq!(moves(&bank).await, 1);
}

// ASVS 8.2.4: or it ends there, as the setting says.
#[tokio::test]
async fn where_moving_ends_a_session_it_ends_at_once_and_for_both() {
    let bank = bank(OnMove::End).await;
    let asha = bank.customer("Asha").await;
    is_in(&asha.client.at("192.0.2.200")).await;
    asha.client.at("198.51.100.7").get("/v1/me").await.refused(401, "unauthenticated");
    asha.client.get("/v1/me").await.refused(401, "unauthenticated");
    let bela = bank.customer("Bela").await;
    let body = json!({ "refresh_token": bela.refresh_token }).to_string().into_bytes();
    let stolen = bank.client().with_agent("a thief").post_raw("/v1/auth/refresh", None, body).await;
    stolen.refused(401, "invalid_refresh_token");
    bela.client.get("/v1/me").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_bound_session_may_come_from_anywhere() {
    let bank = bank(OnMove::End).await;
    let asha = bank.customer("Asha").await;
    let device = Device::es256();
    let token = log_in_with(&bank, &asha, &device).await.expect(200).text("/access_token");
    for address in ["192.0.2.1", "198.51.100.7", "2001:db8::1"] {
        let client = bank.client().at(address).with_agent(address);
        let proof = device.proof(&claims(&bank, "GET", "/v1/me").with_token(&token));
        let request = client.request(Method::GET, "/v1/me").header("dpop", proof);
        let request = request.header("authorization", format!("DPoP {token}"));
        let _me = client.send(request.body(Body::empty()).expect("a request")).await.expect(200);
    }
    assert_eq!(moves(&bank).await, 0);
}

// ASVS 8.2.4: a session from another place is asked for a factor.
#[tokio::test]
async fn where_moving_asks_for_a_factor_the_proof_serves_this_session_at_this_place() {
    let bank = bank(OnMove::StepUp).await;
    let asha = bank.customer("Asha").await;
    let secret = enrol(&bank, &asha).await;
    let elsewhere = asha.client.at("198.51.100.7");
    let refusal = elsewhere.get("/v1/me").await;
    let proof = prove(&bank, &refusal, &secret).await;
    // At a third place it is another act.
    let third = asha.client.at("203.0.113.9");
    with_proof(&third, &proof).await.refused(403, "step_up_required");
    let _me = with_proof(&elsewhere, &proof).await.expect(200);
    is_in(&elsewhere).await;
    is_in(&asha.client).await;
    bank.advance(2);
    is_in(&elsewhere).await;
    // It served once.
    with_proof(&third, &proof).await.refused(403, "step_up_required");
    let list = elsewhere.get("/v1/sessions").await.expect(200);
    assert!(list.json()["data"][0]["proved_at"].is_string(), "{}", list.json());
    assert_eq!(moves(&bank).await, 1);
}

#[tokio::test]
async fn who_has_no_factor_signs_in_again_where_moving_asks_for_one() {
    let bank = bank(OnMove::StepUp).await;
    let asha = bank.customer("Asha").await;
    asha.client.at("198.51.100.7").get("/v1/me").await.refused(401, "unauthenticated");
    asha.client.get("/v1/me").await.refused(401, "unauthenticated");
}

/// ASVS 7.2.4: the session's token is new after a step-up, and the one before is dead.
#[tokio::test]
async fn a_browser_gets_another_cookie_after_a_step_up() {
    let bank = bank(OnMove::StepUp).await;
    let asha = bank.customer("Asha").await;
    let secret = enrol(&bank, &asha).await;
    let body = json!({ "email": asha.email, "password": asha.password });
    let asked = post(&bank, "/v1/web/session", &body).await.expect(200);
    assert_eq!(asked.text("/status"), "mfa_required");
    bank.advance(30);
    let path = format!("/v1/web/session/challenges/{}/verify", asked.text("/challenge/id"));
    let code = totp::code_at(&secret, bank.clock().now()).expect("base32");
    let answer = json!({ "method": "totp", "code": code });
    let signed_in = post(&bank, &path, &answer).await.expect(200);
    let old = cookie_of(&signed_in);
    let elsewhere = bank.client().at("198.51.100.7");
    let get = async |cookie: &str, proof: Option<&str>| {
        let mut request = elsewhere.request(Method::GET, "/v1/me").header("cookie", cookie);
        if let Some(proof) = proof {
            request = request.header("step-up", proof);
        }
        elsewhere.send(request.body(Body::empty()).expect("a request")).await
    };
    let refusal = get(&old, None).await;
    let proof = prove(&bank, &refusal, &secret).await;
    let proved = get(&old, Some(&proof)).await.expect(200);
    let new = cookie_of(&proved);
    assert_ne!(old, new);
    get(&old, None).await.refused(401, "unauthenticated");
    let _me = get(&new, None).await.expect(200);
}
