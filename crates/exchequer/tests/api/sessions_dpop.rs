//! Sessions bound to a key of the device (DPoP, RFC 9449): worth nothing without it.

use axum::body::Body;
use exchequer::staff::model::Role;
use http::Method;
use serde_json::{Value, json};
use testkit::device::Claims;
use testkit::{Device, Person, Reply, TestBank};

use crate::rows::number;
use crate::sessions::post;

/// What a test bank calls itself.
const URL: &str = "http://127.0.0.1:0";
const LOGIN: &str = "/v1/auth/login";
const REFRESH: &str = "/v1/auth/refresh";

pub fn claims(bank: &TestBank, method: &str, path: &str) -> Claims {
    Claims::new(method, &format!("{URL}{path}"), bank.clock().now().seconds())
}

/// A POST to a sign-in route with a proof.
pub async fn post_with(bank: &TestBank, path: &str, body: &Value, proof: &str) -> Reply {
    let request = bank.client().request(Method::POST, path).header("dpop", proof);
    let request = request.header("content-type", "application/json");
    bank.client().send(request.body(Body::from(body.to_string())).expect("a request")).await
}

/// A GET with a token, by a scheme, with the proofs given.
pub async fn get(bank: &TestBank, path: &str, authorization: &str, proofs: &[&str]) -> Reply {
    let mut request =
        bank.client().request(Method::GET, path).header("authorization", authorization);
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    bank.client().send(request.body(Body::empty()).expect("a request")).await
}

pub async fn log_in_with(bank: &TestBank, person: &Person, device: &Device) -> Reply {
    let body = json!({ "email": person.email, "password": person.password });
    post_with(bank, LOGIN, &body, &device.proof(&claims(bank, "POST", LOGIN))).await
}

fn is_challenged(reply: &Reply) {
    reply.refused(401, "invalid_dpop_proof");
    let challenge = reply.header("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with("DPoP ") && challenge.contains("ES256"), "{challenge}");
}

#[tokio::test]
async fn a_sign_in_with_a_proof_gives_a_token_that_serves_with_a_proof_only() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    for device in [Device::es256(), Device::ed_dsa()] {
        let pair = log_in_with(&bank, &asha, &device).await.expect(200);
        assert_eq!(pair.text("/token_type"), "DPoP");
        let token = pair.text("/access_token");
        let proof = || device.proof(&claims(&bank, "GET", "/v1/me").with_token(&token));
        let dpop = format!("DPoP {token}");
        let me = get(&bank, "/v1/me", &dpop, &[&proof()]).await.expect(200);
        assert_eq!(me.text("/id"), asha.id);
        is_challenged(&get(&bank, "/v1/me", &dpop, &[]).await);
        is_challenged(&get(&bank, "/v1/me", &format!("Bearer {token}"), &[]).await);
        is_challenged(&get(&bank, "/v1/me", &format!("Bearer {token}"), &[&proof()]).await);
        is_challenged(&get(&bank, "/v1/me", &dpop, &[&proof(), &proof()]).await);
        let path = "/v1/sessions";
        let proof = device.proof(&claims(&bank, "GET", path).with_token(&token));
        let list = get(&bank, path, &dpop, &[&proof]).await.expect(200).json();
        let shown = &list["data"][0];
        assert_eq!((&shown["bound"], &shown["current"]), (&json!(true), &json!(true)));
    }
}

#[tokio::test]
async fn a_plain_session_has_nothing_to_prove() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = asha.client.token().expect("a token");
    let proof = Device::ed_dsa().proof(&claims(&bank, "GET", "/v1/me").with_token(token));
    let reply = get(&bank, "/v1/me", &format!("DPoP {token}"), &[&proof]).await;
    reply.refused(401, "unauthenticated");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    // Beside a Bearer token a proof says nothing, and does no harm.
    let _me = get(&bank, "/v1/me", &format!("Bearer {token}"), &["nonsense"]).await.expect(200);
}

#[tokio::test]
async fn a_bound_session_is_refreshed_by_its_key_only_and_a_thief_ends_nothing() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let (device, other) = (Device::es256(), Device::es256());
    let pair = log_in_with(&bank, &asha, &device).await.expect(200);
    let body = json!({ "refresh_token": pair.text("/refresh_token") });
    is_challenged(&post(&bank, REFRESH, &body).await);
    let by_other = other.proof(&claims(&bank, "POST", REFRESH));
    is_challenged(&post_with(&bank, REFRESH, &body, &by_other).await);
    let proof = device.proof(&claims(&bank, "POST", REFRESH));
    let next = post_with(&bank, REFRESH, &body, &proof).await.expect(200);
    assert_eq!(next.text("/token_type"), "DPoP");
    // The used token, in the hands of somebody without the key, does not end the session.
    is_challenged(&post(&bank, REFRESH, &body).await);
    let token = next.text("/access_token");
    let proof = device.proof(&claims(&bank, "GET", "/v1/me").with_token(&token));
    let _me = get(&bank, "/v1/me", &format!("DPoP {token}"), &[&proof]).await.expect(200);
    // With the key it is a copy of the client itself: then it ends.
    let proof = device.proof(&claims(&bank, "POST", REFRESH));
    let again = post_with(&bank, REFRESH, &body, &proof).await;
    again.refused(401, "invalid_refresh_token");
    let proof = device.proof(&claims(&bank, "GET", "/v1/me").with_token(&token));
    let reply = get(&bank, "/v1/me", &format!("DPoP {token}"), &[&proof]).await;
    reply.refused(401, "unauthenticated");
}

#[tokio::test]
async fn an_operators_session_is_bound_by_the_step_that_completes_it() {
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    let device = Device::es256();
    let body = json!({ "email": teller.email, "password": teller.password });
    let challenge = post(&bank, "/v1/staff/login", &body).await.expect(200).text("/challenge/id");
    bank.advance(30);
    let path = format!("/v1/auth/challenges/{challenge}/verify");
    let answer = json!({ "method": "totp", "code": bank.totp_code(&teller) });
    let proof = device.proof(&claims(&bank, "POST", &path));
    let pair = post_with(&bank, &path, &answer, &proof).await.expect(200);
    assert_eq!(pair.text("/token_type"), "DPoP");
    let token = pair.text("/access_token");
    let path = "/v1/staff/customers";
    is_challenged(&get(&bank, path, &format!("Bearer {token}"), &[]).await);
}

#[tokio::test]
async fn a_wrong_proof_at_the_sign_in_opens_nothing() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let device = Device::ed_dsa();
    let body = json!({ "email": asha.email, "password": asha.password });
    let sessions = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions";
    let before = number(&bank, sessions).await;
    for wrong in [
        "nonsense".to_owned(),
        device.proof(&claims(&bank, "GET", LOGIN)),
        device.proof(&claims(&bank, "POST", REFRESH)),
        device.proof(&Claims::new("POST", &format!("{URL}{LOGIN}"), 0)),
    ] {
        is_challenged(&post_with(&bank, LOGIN, &body, &wrong).await);
    }
    let proof = device.proof(&claims(&bank, "POST", LOGIN));
    let _pair = post_with(&bank, LOGIN, &body, &proof).await.expect(200);
    is_challenged(&post_with(&bank, LOGIN, &body, &proof).await);
    assert_eq!(number(&bank, sessions).await, before + 1);
}
