//! Sessions and tokens: rotation raced, bytes changed, clocks moved, holders disabled.

use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;
use serde_json::json;
use testkit::{Client, TestBank};

use crate::scene::{number, post, sql, succeeded};

async fn is_refused(client: &Client) {
    client.get("/v1/me").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn one_refresh_token_sixty_four_times_at_once_gives_one_pair_and_ends_the_session() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let body = json!({ "refresh_token": asha.refresh_token });
    let replies = join_all((0..64).map(|_| post(&bank, "/v1/auth/refresh", &body))).await;
    assert_eq!(succeeded(&replies), 1);
    for reply in replies.iter().filter(|reply| !reply.status.is_success()) {
        reply.refused(401, "invalid_refresh_token");
    }
    // Somebody else may hold a copy: neither the old tokens nor the one new pair live on.
    is_refused(&asha.client).await;
    let won = replies.iter().find(|reply| reply.status.is_success()).expect("one");
    is_refused(&bank.client().with_token(&won.text("/access_token"))).await;
    let next = json!({ "refresh_token": won.text("/refresh_token") });
    post(&bank, "/v1/auth/refresh", &next).await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_refresh_token_lives_as_long_as_configured_and_no_longer() {
    let bank = TestBank::with(|config| config.tokens.refresh_seconds = 300).await;
    let asha = bank.customer("Asha").await;
    bank.advance(200);
    let body = json!({ "refresh_token": asha.refresh_token });
    let fresh = post(&bank, "/v1/auth/refresh", &body).await.expect(200);
    bank.advance(301);
    let body = json!({ "refresh_token": fresh.text("/refresh_token") });
    post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_session_in_use_outlives_a_short_idle_limit_and_an_idle_one_does_not() {
    let bank = TestBank::with(|config| config.sessions.idle_seconds = 20).await;
    let asha = bank.customer("Asha").await;
    for _ in 0..6 {
        bank.advance(10);
        let _me = asha.client.get("/v1/me").await.expect(200);
    }
    bank.advance(21);
    is_refused(&asha.client).await;
    let body = json!({ "refresh_token": asha.refresh_token });
    post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn the_absolute_limit_ends_a_session_that_never_rests() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    for _ in 0..71 {
        bank.advance(600);
        let body = json!({ "refresh_token": asha.refresh_token });
        let pair = post(&bank, "/v1/auth/refresh", &body).await.expect(200);
        asha.refresh_token = pair.text("/refresh_token");
        asha.client = bank.client().with_token(&pair.text("/access_token"));
    }
    bank.advance(299);
    let _me = asha.client.get("/v1/me").await;
    bank.advance(301);
    is_refused(&asha.client).await;
    let body = json!({ "refresh_token": asha.refresh_token });
    post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_clock_set_back_wakes_no_ended_session_and_no_used_token() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let body = json!({ "refresh_token": asha.refresh_token });
    let pair = post(&bank, "/v1/auth/refresh", &body).await.expect(200);
    let _out = asha.client.post_raw("/v1/auth/logout", None, Vec::new()).await.expect(204);
    for back in [-1, -2, -60, -3_600, -86_400] {
        bank.advance(back);
        is_refused(&asha.client).await;
        is_refused(&bank.client().with_token(&pair.text("/access_token"))).await;
        for token in [asha.refresh_token.clone(), pair.text("/refresh_token")] {
            let body = json!({ "refresh_token": token });
            post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
        }
    }
    // The ids of a clock set back by more than a day are what `clocks` is about.
    bank.advance(86_400);
}

#[tokio::test]
async fn a_changed_byte_anywhere_in_a_token_is_refused() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = asha.client.token().expect("a token").to_owned();
    for place in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        is_refused(&bank.client().with_token(&changed)).await;
        is_refused(&bank.client().with_token(&token[..place])).await;
    }
    let _me = asha.client.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn no_other_algorithm_type_or_key_is_taken() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = asha.client.token().expect("a token");
    let (_, rest) = token.split_once('.').expect("three parts");
    let (claims, signature) = rest.split_once('.').expect("three parts");
    let keys = bank.client().get("/.well-known/jwks.json").await.expect(200);
    let kid = keys.text("/keys/0/kid");
    for header in [
        json!({ "alg": "none", "typ": "at+jwt", "kid": kid }),
        json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid }),
        json!({ "alg": "Ed25519", "typ": "at+jwt", "kid": kid }),
        json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid }),
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "another" }),
        json!({ "alg": "EdDSA", "typ": "at+jwt" }),
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid, "jwk": { "kty": "OKP" } }),
    ] {
        let header = BASE64URL_NOPAD.encode(header.to_string().as_bytes());
        for signature in [signature, ""] {
            is_refused(&bank.client().with_token(&format!("{header}.{claims}.{signature}"))).await;
        }
    }
}

#[tokio::test]
async fn a_disabled_customer_gets_nothing_through_any_grant() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    assert_eq!(sql(&bank, "UPDATE customers SET status = 1").await, 1);
    bank.advance(2);
    is_refused(&asha.client).await;
    let body = json!({ "refresh_token": asha.refresh_token });
    post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
    let body = json!({ "email": asha.email, "password": asha.password });
    post(&bank, "/v1/auth/login", &body).await.refused(403, "account_disabled");
}

#[tokio::test]
async fn wrong_passwords_of_a_stranger_end_no_session() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let wrong = json!({ "email": asha.email, "password": "not the right passphrase" });
    for _ in 0..5 {
        post(&bank, "/v1/auth/login", &wrong).await.refused(401, "invalid_credentials");
    }
    post(&bank, "/v1/auth/login", &wrong).await.refused(429, "locked_out");
    let _me = asha.client.get("/v1/me").await.expect(200);
    let refresh = json!({ "refresh_token": asha.refresh_token });
    let _pair = post(&bank, "/v1/auth/refresh", &refresh).await.expect(200);
}

// ASVS 14.2.2: no cache on the way keeps a token.
#[tokio::test]
async fn an_answer_with_tokens_is_kept_by_no_cache() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let sign_in = json!({ "email": asha.email, "password": asha.password });
    let refresh = json!({ "refresh_token": asha.refresh_token });
    for (path, body) in [("/v1/auth/login", &sign_in), ("/v1/auth/refresh", &refresh)] {
        let reply = post(&bank, path, body).await.expect(200);
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}"); // RFC 6749 §5.1
    }
}

#[tokio::test]
async fn a_password_that_shares_its_first_72_bytes_is_another_and_nul_is_kept() {
    let bank = TestBank::new().await;
    let long = format!("{}{}", "a long phrase ".repeat(6), "tail-one");
    let nul = "before the nul\u{0}after the nul".to_owned();
    for (email, password, other) in [
        ("long@example.test", &long, format!("{}{}", "a long phrase ".repeat(6), "tail-two")),
        ("nul@example.test", &nul, "before the nul".to_owned()),
    ] {
        let body = json!({ "email": email, "password": password, "full_name": "One" });
        let _made = bank.client().post("/v1/customers", &body).await.expect(201);
        let body = json!({ "email": email, "password": other });
        post(&bank, "/v1/auth/login", &body).await.refused(401, "invalid_credentials");
        let body = json!({ "email": email, "password": password });
        let _in = post(&bank, "/v1/auth/login", &body).await.expect(200);
    }
}

#[tokio::test]
async fn one_email_registered_many_times_at_once_is_one_customer_and_tells_nobody() {
    let bank = TestBank::new().await;
    let body = json!({
        "email": "one@example.test", "password": "a long enough passphrase", "full_name": "One"
    });
    let client = bank.client();
    let replies = join_all((0..12).map(|_| client.post("/v1/customers", &body))).await;
    assert_eq!(succeeded(&replies), 12);
    let fields = |reply: &testkit::Reply| {
        let json = reply.json();
        json.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
    };
    assert!(replies.iter().all(|reply| fields(reply) == fields(&replies[0])));
    assert_eq!(number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM customers").await, 1);
}
