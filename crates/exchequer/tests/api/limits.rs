//! Rate limits as callers meet them: whom they count, when, and what the answer says.
//!
//! In memory, or on the Redis of this run.

use axum::body::Body;
use exchequer::config::Config;
use exchequer::staff::model::Role;
use http::Method;
use serde_json::json;
use testkit::{Client, Reply, TestBank};

fn limited(config: &mut Config) {
    config.rate_limits_on = true;
}

async fn sign_in(client: &Client, email: &str) -> Reply {
    let body = json!({ "email": email, "password": "not this one, surely" });
    client.post_raw("/v1/auth/login", None, body.to_string().into_bytes()).await
}

/// `r` or `t` of `RateLimit`.
fn state(reply: &Reply, name: &str) -> u32 {
    let header = reply.header("ratelimit").unwrap_or_default();
    let part = header.split(';').find_map(|part| part.strip_prefix(name));
    part.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {header:?}"))
}

#[tokio::test]
async fn a_caller_reads_a_thousand_times_a_minute_and_is_told_so() {
    let bank = TestBank::with(limited).await;
    let asha = bank.customer("Asha").await;
    let ravi = bank.customer("Ravi").await;
    let first = asha.client.get("/v1/me").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some("\"caller\";q=1000;w=60"));
    assert_eq!(state(&first, "r="), 999);
    assert_eq!(state(&first, "t="), 60);
    for left in (0..999).rev() {
        let reply = asha.client.get("/v1/me").await.expect(200);
        assert_eq!(state(&reply, "r="), left);
    }
    let refused = asha.client.get("/v1/me").await;
    refused.refused(429, "rate_limited");
    assert_eq!(state(&refused, "r="), 0);
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // Each route is counted by itself, and whoever else reads does not feel it.
    let _other = asha.client.get("/v1/sessions?limit=1").await.expect(200);
    let _reply = ravi.client.get("/v1/me").await.expect(200);
    bank.account(&asha, "INR").await;
}

// ASVS 2.4.1: each caller moves money so many times a minute.
#[tokio::test]
async fn money_moves_a_hundred_times_a_minute_and_refusals_do_not_count() {
    let bank = TestBank::with(limited).await;
    let asha = bank.customer("Asha").await;
    let account = bank.account(&asha, "INR").await;
    let body = json!({ "from": account, "to": account, "amount": 1, "currency": "INR" });
    for _ in 0..100 {
        asha.client.post("/v1/transfers", &body).await.refused(422, "same_account");
    }
    for _ in 0..50 {
        asha.client.post("/v1/transfers", &body).await.refused(429, "rate_limited");
    }
    // Each route is counted by itself.
    asha.client.post("/v1/holds", &body).await.refused(422, "same_account");
    let _reply = asha.client.get(&format!("/v1/accounts/{account}")).await.expect(200);
}

#[tokio::test]
async fn in_memory_the_room_comes_back_as_time_passes() {
    let bank = TestBank::with(|config| {
        limited(config);
        config.redis = None;
    })
    .await;
    let asha = bank.customer("Asha").await;
    let account = bank.account(&asha, "INR").await;
    let body = json!({ "from": account, "to": account, "amount": 1, "currency": "INR" });
    let send = || asha.client.post("/v1/transfers", &body);
    for _ in 0..50 {
        send().await.refused(422, "same_account");
    }
    bank.advance(30);
    for _ in 0..50 {
        send().await.refused(422, "same_account");
    }
    let refused = send().await;
    refused.refused(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("30"));
    bank.advance(29);
    send().await.refused(429, "rate_limited");
    bank.advance(1);
    for _ in 0..50 {
        send().await.refused(422, "same_account");
    }
    send().await.refused(429, "rate_limited");
}

#[tokio::test]
async fn a_sign_in_is_counted_by_address_and_by_account() {
    let bank = TestBank::with(limited).await;
    let here = bank.client();
    for n in 0..30 {
        let reply = sign_in(&here, &format!("nobody{n}@example.test")).await;
        reply.refused(401, "invalid_credentials");
        assert_eq!(state(&reply, "r="), 29 - n);
        let policy = "\"address\";q=30;w=60, \"account\";q=10;w=60, \"all\";q=1200;w=60";
        assert_eq!(reply.header("ratelimit-policy"), Some(policy));
    }
    sign_in(&here, "another@example.test").await.refused(429, "rate_limited");
    // One account from many addresses, known or not, however it is spelled.
    for n in 0..10 {
        let there = bank.client().from_address(&format!("198.51.100.{n}"));
        sign_in(&there, "Nobody@Example.Test").await;
    }
    let there = bank.client().from_address("198.51.100.200");
    sign_in(&there, "nobody@example.test").await.refused(429, "rate_limited");
    // What was refused for the account was not counted for the address.
    let reply = sign_in(&there, "somebody@example.test").await;
    assert_eq!(state(&reply, "r="), 29);
}

/// ASVS 6.3.1: strangers use up the tries of unknown devices, and no customer's own.
#[tokio::test]
async fn strangers_do_not_keep_a_known_device_out() {
    let bank = TestBank::with(limited).await;
    let asha = bank.customer("Asha").await;
    let body = json!({ "email": asha.email, "password": asha.password });
    let known = bank.client().post_raw("/v1/auth/login", None, body.to_string().into_bytes()).await;
    let device_token = known.expect(200).text("/device_token");
    for n in 0..12 {
        let there = bank.client().from_address(&format!("198.51.100.{n}"));
        sign_in(&there, &asha.email).await;
    }
    sign_in(&bank.client().from_address("203.0.113.9"), &asha.email)
        .await
        .refused(429, "rate_limited");
    let body = json!({
        "email": asha.email, "password": asha.password, "device_token": device_token
    });
    let there = bank.client().from_address("192.0.2.77");
    let reply = there.post_raw("/v1/auth/login", None, body.to_string().into_bytes()).await;
    let _in = reply.expect(200);
}

/// Operators have their own: customers' sign-ins do not use it up.
#[tokio::test]
async fn customers_do_not_use_up_the_sign_ins_of_operators() {
    let bank = TestBank::with(limited).await;
    let policy = "\"address\";q=30;w=60, \"account\";q=10;w=60, \"all\";q=300;w=60";
    for n in 0..30 {
        sign_in(&bank.client(), &format!("many{n}@example.test")).await;
    }
    let body = json!({ "email": "teller@example.test", "password": "not this one" }).to_string();
    let reply = bank.client().post_raw("/v1/staff/login", None, body.into_bytes()).await;
    reply.refused(401, "invalid_credentials");
    assert_eq!(reply.header("ratelimit-policy"), Some(policy));
}

/// Nothing is written for somebody who is over their limit, not even where they come from.
#[tokio::test]
async fn who_is_over_the_limit_leaves_no_trace() {
    let bank = TestBank::with(limited).await;
    let asha = bank.customer("Asha").await;
    for n in 0..120 {
        let moved = asha.client.with_agent(&format!("agent {n}"));
        let _refused_or_not = moved.post("/v1/transfers", &json!({})).await;
    }
    let moved = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'session.moved'";
    assert_eq!(crate::rows::number(&bank, moved).await, 100);
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_are_one() {
    let bank = TestBank::with(limited).await;
    for n in 0..30 {
        let there = bank.client().from_address(&format!("2001:db8:1:2::{n:x}"));
        sign_in(&there, &format!("six{n}@example.test")).await.refused(401, "invalid_credentials");
    }
    let same = bank.client().from_address("2001:db8:1:2:ffff::1");
    sign_in(&same, "last@example.test").await.refused(429, "rate_limited");
    let other = bank.client().from_address("2001:db8:1:3::1");
    sign_in(&other, "last@example.test").await.refused(401, "invalid_credentials");
}

// ASVS 4.1.3, 15.3.4: what a caller writes before the proxy's word counts for nothing.
#[tokio::test]
async fn a_forged_forwarded_address_is_counted_as_the_peer() {
    for (proxies, expected) in [(0, 429), (1, 401)] {
        let bank = TestBank::with(|config| {
            limited(config);
            config.http.trusted_proxies = proxies;
        })
        .await;
        let client = bank.client();
        let mut last = 0;
        for n in 0..31 {
            let body = json!({ "email": format!("x{n}@example.test"), "password": "not this one" });
            let request = client
                .request(Method::POST, "/v1/auth/login")
                .header("content-type", "application/json")
                // The first is whatever the caller likes; the last is the proxy's word.
                .header("x-forwarded-for", format!("6.6.6.{n}, 203.0.113.{n}"))
                .body(Body::from(body.to_string()))
                .unwrap();
            last = client.send(request).await.status.as_u16();
        }
        assert_eq!(last, expected, "{proxies} proxies");
    }
}

#[tokio::test]
async fn refused_tokens_count_against_their_address() {
    let bank = TestBank::with(limited).await;
    let forged = bank.client().with_token("e30.e30.e30");
    for _ in 0..300 {
        let reply = forged.get("/v1/me").await;
        reply.refused(401, "unauthenticated");
        assert_eq!(reply.header("ratelimit-policy"), Some("\"address\";q=300;w=60"));
    }
    forged.get("/v1/me").await.refused(429, "rate_limited");
    let asha = bank.customer("Asha").await;
    let _reply = asha.client.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn probes_are_never_refused() {
    let bank = TestBank::with(limited).await;
    let client = bank.client();
    for _ in 0..1_100 {
        let reply = client.get("/healthz").await.expect(200);
        assert_eq!(reply.header("ratelimit-policy"), None);
    }
    let _reply = client.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn operators_have_limits_too() {
    let bank = TestBank::with(limited).await;
    let teller = bank.operator(Role::Teller).await;
    let unknown = bank.unknown_id::<money::kind::Account>();
    let body = json!({ "account": unknown, "amount": 1, "currency": "INR", "reference": "cash" });
    for _ in 0..100 {
        teller.client.post("/v1/staff/deposits", &body).await.refused(422, "account_not_found");
    }
    teller.client.post("/v1/staff/deposits", &body).await.refused(429, "rate_limited");
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_not_read() {
    let bank = TestBank::with(limited).await;
    let client = bank.client();
    for n in 0..10 {
        let body = json!({ "email": "no e-mail", "password": n.to_string(), "full_name": "x" });
        client.post("/v1/customers", &body).await.refused(422, "invalid_fields");
    }
    // Not even looked at: it is no JSON, and has no key.
    let reply = client.post_raw("/v1/customers", None, b"{".to_vec()).await;
    reply.refused(429, "rate_limited");
}
