//! A token, a proof or a cookie in the wrong hands, and many sign-ins at once.

use std::collections::BTreeSet;

use axum::body::Body;
use futures_util::future::join_all;
use http::Method;
use serde_json::json;
use testkit::device::Claims;
use testkit::{Client, Device, Reply, TestBank};

use crate::scene::{number, post, succeeded};

const URL: &str = "http://127.0.0.1:0";
/// What the test bank gives Asha.
const PASSWORD: &str = "correct horse Asha battery staple";

#[tokio::test]
async fn sixty_four_sign_ins_at_once_leave_three_sessions_and_each_other_has_ended() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let body = json!({ "email": asha.email, "password": asha.password });
    let replies = join_all((0..64).map(|_| post(&bank, "/v1/auth/login", &body))).await;
    assert_eq!(succeeded(&replies), 64);
    let live = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(number(&bank, live).await, 3);
    // The oldest went: nobody who lives is older than somebody who has ended.
    let wrong = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions AS a JOIN sessions AS b \
                 ON a.id < b.id WHERE a.ended_at IS NULL AND b.ended_at IS NOT NULL";
    assert_eq!(number(&bank, wrong).await, 0);
    let mut served = 0;
    for reply in &replies {
        let client = bank.client().with_token(&reply.text("/access_token"));
        let me = client.get("/v1/me").await;
        served += usize::from(me.status == 200);
        assert!(me.status == 200 || me.code() == "unauthenticated", "{}", me.status);
    }
    assert_eq!(served, 3);
}

/// A bound session: its token, and requests with proofs of one's choice.
struct Bound {
    bank: TestBank,
    device: Device,
    token: String,
}

impl Bound {
    async fn new() -> Self {
        let bank = TestBank::new().await;
        let asha = bank.customer("Asha").await;
        let device = Device::es256();
        let body = json!({ "email": asha.email, "password": asha.password }).to_string();
        let now = bank.clock().now().seconds();
        let claims = Claims::new("POST", &format!("{URL}/v1/auth/login"), now);
        let request = bank.client().request(Method::POST, "/v1/auth/login");
        let request = request.header("content-type", "application/json");
        let request = request.header("dpop", device.proof(&claims));
        let reply = bank.client().send(request.body(Body::from(body)).expect("a request")).await;
        let token = reply.expect(200).text("/access_token");
        Self { bank, device, token }
    }

    fn claims(&self) -> Claims {
        let now = self.bank.clock().now().seconds();
        Claims::new("GET", &format!("{URL}/v1/me"), now).with_token(&self.token)
    }

    async fn me(&self, proof: &str) -> Reply {
        let request = self.bank.client().request(Method::GET, "/v1/me").header("dpop", proof);
        let request = request.header("authorization", format!("DPoP {}", self.token));
        self.bank.client().send(request.body(Body::empty()).expect("a request")).await
    }

    async fn refused(&self, claims: &Claims) {
        self.me(&self.device.proof(claims)).await.refused(401, "invalid_dpop_proof");
    }
}

#[tokio::test]
async fn a_proof_serves_once_also_sixty_four_times_at_once() {
    let bound = Bound::new().await;
    let proof = bound.device.proof(&bound.claims());
    let replies = join_all((0..64).map(|_| bound.me(&proof))).await;
    assert_eq!(succeeded(&replies), 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.refused(401, "invalid_dpop_proof");
    }
    // The same id in a proof signed anew is the same proof.
    let claims = bound.claims();
    let _me = bound.me(&bound.device.proof(&claims)).await.expect(200);
    bound.refused(&claims).await;
    // For as long as it would be taken, and after that it is too old.
    for seconds in [30, 30, 60, 60, 100] {
        bound.bank.advance(seconds);
        bound.me(&proof).await.refused(401, "invalid_dpop_proof");
    }
}

/// Each proof costs a signature check and a place in the memory of what was shown: strangers have few.
#[tokio::test]
async fn proofs_of_strangers_are_limited_before_they_are_looked_at() {
    let bank = TestBank::with(|config| config.rate_limits_on = true).await;
    let device = Device::es256();
    let mut refused = 0;
    for n in 0..320 {
        let now = bank.clock().now().seconds();
        let claims = Claims::new("POST", &format!("{URL}/v1/auth/login"), now);
        let body = json!({ "email": format!("x{n}@example.test"), "password": "not this one" });
        let request = bank.client().request(Method::POST, "/v1/auth/login");
        let request = request.header("content-type", "application/json");
        let request = request.header("dpop", device.proof(&claims));
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let reply = bank.client().send(request).await;
        refused += usize::from(reply.code() == "rate_limited");
        if n >= 30 {
            assert_eq!(reply.code(), "rate_limited");
        }
    }
    assert_eq!(refused, 290);
}

#[tokio::test]
async fn a_proof_for_another_method_address_token_key_or_time_is_refused() {
    let bound = Bound::new().await;
    let right = bound.claims();
    for url in
        ["http://127.0.0.1:0/v1/accounts", "https://127.0.0.1:0/v1/me", "http://evil.test/v1/me"]
    {
        bound.refused(&Claims { url: url.to_owned(), ..bound.claims() }).await;
    }
    bound.refused(&Claims { method: "POST".to_owned(), ..bound.claims() }).await;
    bound.refused(&Claims { token: None, ..bound.claims() }).await;
    bound.refused(&Claims { token: Some("another".to_owned()), ..bound.claims() }).await;
    for ahead in [-61, 11, 3_600] {
        let issued_at = right.issued_at + ahead;
        bound.refused(&Claims { issued_at, ..bound.claims() }).await;
    }
    for other in [Device::es256(), Device::ed_dsa()] {
        bound.me(&other.proof(&right)).await.refused(401, "invalid_dpop_proof");
    }
    // What was refused used nothing up.
    let _me = bound.me(&bound.device.proof(&right)).await.expect(200);
}

#[tokio::test]
async fn no_changed_byte_of_a_proof_is_taken() {
    let bound = Bound::new().await;
    let proof = bound.device.proof(&bound.claims());
    for place in (0..proof.len()).step_by(3) {
        let mut changed = proof.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        bound.me(&changed).await.refused(401, "invalid_dpop_proof");
    }
    let _me = bound.me(&proof).await.expect(200);
}

/// A browser that is signed in, and pages from wherever that use it.
struct Browser {
    bank: TestBank,
    client: Client,
    token: String,
    cookie: String,
    csrf: String,
}

impl Browser {
    async fn new() -> Self {
        let elsewhere = |config: &mut exchequer::config::Config| {
            "https://bank.example".clone_into(&mut config.http.public_url);
            config.http.cors_origins = vec!["https://shop.example".to_owned()];
        };
        let bank = TestBank::with(elsewhere).await;
        let asha = bank.customer("Asha").await;
        let body = json!({ "email": asha.email, "password": asha.password });
        let reply = post(&bank, "/v1/web/session", &body).await.expect(200);
        let set = reply.header("set-cookie").expect("a cookie");
        let cookie = set.split(';').next().expect("a value").to_owned();
        let token = asha.client.token().expect("a token").to_owned();
        let (client, csrf) = (bank.client(), reply.text("/csrf_token"));
        Self { bank, client, token, cookie, csrf }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.client.request(method.clone(), path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut body = Body::empty();
        if method == Method::POST {
            request = request.header("content-type", "application/json");
            request = request.header("idempotency-key", testkit::key());
            body = Body::from(json!({ "currency": "INR", "name": "Everyday" }).to_string());
        }
        self.client.send(request.body(body).expect("a request")).await
    }

    async fn accounts(&self) -> i64 {
        number(&self.bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM accounts WHERE owner IS NOT NULL")
            .await
    }
}

/// ASVS 3.5.1: a request that changes something carries the session's own token.
// PCI DSS 6.2.4: a page of somebody else changes nothing with a visitor's cookie.
#[tokio::test]
async fn a_cookie_without_the_sessions_token_changes_nothing() {
    let b = Browser::new().await;
    let body = json!({ "email": "asha@example.test", "password": PASSWORD });
    let other = post(&b.bank, "/v1/web/session", &body).await.expect(200).text("/csrf_token");
    let before = b.accounts().await;
    let cookie = ("cookie", &*b.cookie);
    for headers in [
        &[cookie][..],
        &[cookie, ("x-csrf-token", "")],
        &[cookie, ("x-csrf-token", "nonsense")],
        &[cookie, ("x-csrf-token", &other)],
        &[cookie, ("x-csrf-token", &b.csrf), ("x-csrf-token", &b.csrf)],
        &[cookie, ("sec-fetch-site", "same-origin"), ("origin", "https://bank.example")],
    ] {
        b.ask(Method::POST, "/v1/accounts", headers).await.refused(403, "cross_site_refused");
        b.ask(Method::DELETE, "/v1/sessions", headers).await.refused(403, "cross_site_refused");
    }
    assert_eq!(b.accounts().await, before);
    let right = [cookie, ("x-csrf-token", &*b.csrf)];
    let _made = b.ask(Method::POST, "/v1/accounts", &right).await.expect(201);
}

// ASVS 3.4.2, 3.5.2: the list of origins opens nothing to the cookie.
/// ASVS 3.5.3: even with the token, pages of somebody else get nothing; CORS never works with a cookie.
#[tokio::test]
async fn a_page_from_elsewhere_gets_nothing_with_the_cookie() {
    let b = Browser::new().await;
    let (cookie, csrf) = (("cookie", &*b.cookie), ("x-csrf-token", &*b.csrf));
    for from in [
        &[("origin", "https://evil.test")][..],
        &[("origin", "https://shop.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://bank.example")],
    ] {
        let headers = [&[cookie, csrf], from].concat();
        for (method, path) in [
            (Method::GET, "/v1/me"),
            (Method::POST, "/v1/accounts"),
            (Method::DELETE, "/v1/sessions"),
        ] {
            let reply = b.ask(method, path, &headers).await;
            reply.refused(403, "cross_site_refused");
            assert_eq!(reply.header("access-control-allow-credentials"), None);
        }
    }
    // A link from elsewhere may open a page; a form from elsewhere may not.
    let visit = [cookie, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    let _me = b.ask(Method::GET, "/v1/me", &visit).await.expect(200);
    let form = [&visit[..], &[csrf]].concat();
    b.ask(Method::POST, "/v1/accounts", &form).await.refused(403, "cross_site_refused");
}

#[tokio::test]
async fn a_page_from_elsewhere_signs_nobody_in() {
    let b = Browser::new().await;
    let body = json!({ "email": "asha@example.test", "password": PASSWORD });
    for from in [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")] {
        let request = b.client.request(Method::POST, "/v1/web/session").header(from.0, from.1);
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let reply = b.client.send(request).await;
        reply.refused(403, "cross_site_refused");
        assert_eq!(reply.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn a_cookie_beside_a_token_a_cookie_as_a_token_and_a_token_as_a_cookie_are_refused() {
    let b = Browser::new().await;
    let bearer = format!("Bearer {}", b.token);
    let both = [("cookie", &*b.cookie), ("authorization", &*bearer)];
    b.ask(Method::GET, "/v1/me", &both).await.refused(400, "two_credentials");
    let _me = b.ask(Method::GET, "/v1/me", &both[..1]).await.expect(200);
    let _me = b.ask(Method::GET, "/v1/me", &both[1..]).await.expect(200);
    // Both are remembered by now, each as what it is.
    let value = b.cookie.split_once('=').expect("a value").1;
    let as_token = format!("Bearer {value}");
    let reply = b.ask(Method::GET, "/v1/me", &[("authorization", &as_token)]).await;
    reply.refused(401, "unauthenticated");
    let as_cookie = format!("__Host-exchequer={}", b.token);
    let reply = b.ask(Method::GET, "/v1/me", &[("cookie", &as_cookie)]).await;
    reply.refused(401, "unauthenticated");
    let twice = format!("{0}; {0}", b.cookie);
    let reply = b.ask(Method::GET, "/v1/me", &[("cookie", &twice)]).await;
    reply.refused(401, "unauthenticated");
    // And as a refresh token it is nobody's.
    let body = json!({ "refresh_token": value });
    post(&b.bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn every_cookie_is_another_and_none_is_kept_as_it_is() {
    let b = Browser::new().await;
    let body = json!({ "email": "asha@example.test", "password": PASSWORD });
    let mut cookies = BTreeSet::from([b.cookie.clone()]);
    for _ in 0..4 {
        let reply = post(&b.bank, "/v1/web/session", &body).await.expect(200);
        let set = reply.header("set-cookie").expect("a cookie").to_owned();
        b.bank.secret(set.split(['=', ';']).nth(1).expect("a value"));
        assert!(cookies.insert(set.split(';').next().expect("a value").to_owned()));
    }
    let hashes = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions WHERE length(cookie_hash) = 32";
    assert_eq!(number(&b.bank, hashes).await, 5);
}
