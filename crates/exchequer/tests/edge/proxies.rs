//! Forwarded headers are believed of proxies that are counted, and of nobody else: they change neither whom a limit
//! counts, nor what an event keeps, nor where a session or a merchant's key belongs.

use axum::body::Body;
use exchequer::staff::model::Role;
use http::Method;
use serde_json::{Value, json};
use testkit::{Client, Reply, Shop, TestBank};

const PEER: &str = "192.0.2.1";

/// All the names that proxies and frameworks have for it.
const NAMES: [&str; 10] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-originating-ip",
    "x-forwarded",
    "client-ip",
];

async fn behind(proxies: u8) -> TestBank {
    TestBank::with(|config| config.http.trusted_proxies = proxies).await
}

/// A sign-in with these headers; the address that its session was then opened from.
async fn address_of_session(bank: &TestBank, headers: &[(&str, String)]) -> String {
    let tokens = sign_in(&bank.client(), headers).await.expect(200);
    let client = bank.client().with_token(&tokens.text("/access_token"));
    let id = tokens.text("/session_id");
    let mut request = client.request(Method::GET, "/v1/sessions");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let sessions = client.send(request.body(Body::empty()).expect("a request")).await;
    let sessions = sessions.expect(200).json();
    let all = sessions["data"].as_array().expect("a list");
    let own = all.iter().find(|session| session["id"] == json!(id)).expect("its own");
    own["address"].as_str().expect("an address").to_owned()
}

async fn sign_in(client: &Client, headers: &[(&str, String)]) -> Reply {
    let body = json!({ "email": "asha@example.test", "password": password() });
    let mut request = client.request(Method::POST, "/v1/auth/login");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.header("content-type", "application/json");
    client.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

fn password() -> String {
    "correct horse Asha battery staple".to_owned()
}

#[tokio::test]
async fn without_a_proxy_no_header_names_anybody() {
    let bank = behind(0).await;
    let _asha = bank.customer("Asha").await;
    for name in NAMES {
        for value in ["6.6.6.6", "127.0.0.1", "::1", "for=6.6.6.6", "for=\"[2001:db8::6]\""] {
            let seen = address_of_session(&bank, &[(name, value.to_owned())]).await;
            assert_eq!(seen, PEER, "{name}: {value}");
        }
    }
    let many: Vec<_> = (0..40).map(|n| ("x-forwarded-for", format!("6.6.6.{n}"))).collect();
    assert_eq!(address_of_session(&bank, &many).await, PEER);
    assert!(addresses_of_events(&bank).await.iter().all(|address| address == PEER));
}

/// Of all events of people, as a compliance officer reads them.
async fn addresses_of_events(bank: &TestBank) -> Vec<String> {
    let auditor = bank.operator(Role::Compliance).await;
    let events = auditor.client.get("/v1/staff/events?limit=100").await.expect(200).json();
    let data = events["data"].as_array().expect("a list");
    let of = |event: &Value| event["actor"]["address"].as_str().unwrap_or_default().to_owned();
    let found: Vec<_> = data.iter().map(of).filter(|address| !address.is_empty()).collect();
    assert!(found.len() > 10, "{found:?}");
    found
}

#[tokio::test]
async fn the_word_of_the_outermost_proxy_of_ours_counts() {
    for (proxies, expected) in [(1, "198.51.100.2"), (2, "2001:db8::7"), (3, "6.6.6.6")] {
        let bank = behind(proxies).await;
        let _asha = bank.customer("Asha").await;
        let line = "x, 6.6.6.6, 2001:db8::7, 198.51.100.2".to_owned();
        let seen = address_of_session(&bank, &[("x-forwarded-for", line)]).await;
        assert_eq!(seen, expected, "{proxies}");
        // What other names say changes nothing.
        let more: Vec<_> = NAMES[2..].iter().map(|name| (*name, "6.6.6.6".to_owned())).collect();
        assert_eq!(address_of_session(&bank, &more).await, PEER, "{proxies}");
    }
}

#[tokio::test]
async fn too_few_entries_and_garbage_are_the_proxy_s_own_address() {
    let bank = behind(2).await;
    let _asha = bank.customer("Asha").await;
    let long = "1.1.1.1,".repeat(500) + "not an address, 10.0.0.1";
    for value in ["6.6.6.6", "", ",", ",6.6.6.6", "a, b", "6.6.6.6;q=1, 10.0.0.1", &long] {
        let seen = address_of_session(&bank, &[("x-forwarded-for", value.to_owned())]).await;
        assert_eq!(seen, PEER, "{value:.40}");
    }
}

#[tokio::test]
async fn a_key_that_is_bound_to_a_network_is_not_used_from_elsewhere_by_a_header() {
    let bank = behind(0).await;
    let admin = bank.operator(Role::Admin).await;
    let shop = Shop::new(&bank, &admin, "test").await;
    let key = json!({ "mode": "test", "addresses": ["203.0.113.0/24"] });
    let bound = Shop::with_key(&bank, &admin, (&shop.id, &key)).await;
    let _served = bound.at("203.0.113.9").get("/v1/payments").await.expect(200);
    for name in NAMES {
        let mut request = bound.sign(Method::GET, "/v1/payments", b"").request();
        let value = if name == "forwarded" { "for=203.0.113.9" } else { "203.0.113.9" };
        request.headers_mut().insert(name, value.parse().expect("a value"));
        bank.client().send(request).await.refused(403, "key_not_allowed");
    }
}
