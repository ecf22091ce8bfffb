//! `/v1/auth` and `/v1/sessions`: tokens that end when they should, for everybody who holds one.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;
use money::kind::Session;
use serde_json::{Value, json};
use testkit::{Client, Person, Reply, TestBank};

use crate::accounts::pages;
use crate::rows::execute;

/// A POST to one of the sign-in routes, which take no key.
pub async fn post(bank: &TestBank, path: &str, body: &Value) -> Reply {
    bank.client().post_raw(path, None, body.to_string().into_bytes()).await
}

pub async fn log_in(bank: &TestBank, email: &str, password: &str) -> Reply {
    post(bank, "/v1/auth/login", &json!({ "email": email, "password": password })).await
}

async fn refresh(bank: &TestBank, token: &str) -> Reply {
    post(bank, "/v1/auth/refresh", &json!({ "refresh_token": token })).await
}

async fn is_in(client: &Client) {
    let _me = client.get("/v1/me").await.expect(200);
}

async fn is_out(client: &Client) {
    client.get("/v1/me").await.refused(401, "unauthenticated");
}

/// Takes the next pair of tokens.
async fn renew(bank: &TestBank, person: &mut Person) {
    let pair = refresh(bank, &person.refresh_token).await.expect(200);
    person.refresh_token = pair.text("/refresh_token");
    person.client = bank.client().with_token(&pair.text("/access_token"));
}

// ASVS 7.2.2: what stands for a session is made at the sign-in and lives for minutes; nothing static does.
#[tokio::test]
async fn a_sign_in_gives_a_token_for_five_minutes_and_a_session() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let reply = log_in(&bank, &asha.email, &asha.password).await.expect(200);
    let told = (reply.text("/status"), reply.text("/token_type"), reply.int("/expires_in"));
    assert_eq!(told, ("authenticated".to_owned(), "Bearer".to_owned(), 300));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let client = bank.client().with_token(&reply.text("/access_token"));
    assert_eq!(client.get("/v1/me").await.expect(200).text("/id"), asha.id);
    let again = log_in(&bank, &asha.email, &asha.password).await.expect(200);
    for token in ["/access_token", "/refresh_token", "/session_id"] {
        assert_ne!(again.text(token), reply.text(token));
    }
    bank.advance(299);
    is_in(&client).await;
    bank.advance(1);
    is_out(&client).await;
}

#[tokio::test]
async fn an_unknown_email_a_wrong_password_and_no_email_are_answered_alike() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let long = "x".repeat(5_000);
    let mut answers = Vec::new();
    for (email, password) in [
        (asha.email.as_str(), "a wrong password"),
        (&asha.email, ""),
        (&asha.email, &long),
        ("nobody@example.test", "a wrong password"),
        ("nobody@example.test", &asha.password),
        ("no address", "a wrong password"),
    ] {
        let reply = log_in(&bank, email, password).await;
        reply.refused(401, "invalid_credentials");
        let mut body = reply.json();
        body["request_id"] = Value::Null;
        answers.push((body, reply.header("www-authenticate").map(str::to_owned)));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[tokio::test]
async fn a_refresh_token_serves_once_and_a_used_one_ends_the_session_for_both() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let mut other = asha.clone();
    bank.sign_in(&mut other).await;
    let pair = refresh(&bank, &asha.refresh_token).await.expect(200);
    let renewed = bank.client().with_token(&pair.text("/access_token"));
    assert_ne!(pair.text("/refresh_token"), asha.refresh_token);
    is_in(&asha.client).await;
    is_in(&renewed).await;
    refresh(&bank, &asha.refresh_token).await.refused(401, "invalid_refresh_token");
    is_out(&asha.client).await;
    is_out(&renewed).await;
    refresh(&bank, &pair.text("/refresh_token")).await.refused(401, "invalid_refresh_token");
    // The other session of the same customer is another matter.
    is_in(&other.client).await;
    let _next = refresh(&bank, &other.refresh_token).await.expect(200);
    for odd in ["", "nonsense", &"x".repeat(2_000), asha.client.token().expect("a token")] {
        refresh(&bank, odd).await.refused(401, "invalid_refresh_token");
    }
}

#[tokio::test]
async fn one_refresh_token_used_at_once_succeeds_at_most_once() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let replies = join_all((0..32).map(|_| refresh(&bank, &asha.refresh_token))).await;
    let won: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(won.len(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.refused(401, "invalid_refresh_token");
    }
    is_out(&bank.client().with_token(&won[0].text("/access_token"))).await;
}

#[tokio::test]
async fn logging_out_ends_this_session_at_once_and_no_other() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let mut other = asha.clone();
    bank.sign_in(&mut other).await;
    is_in(&asha.client).await; // and the token is remembered
    let out = asha.client.post_raw("/v1/auth/logout", None, Vec::new()).await.expect(204);
    assert!(out.body.is_empty());
    is_out(&asha.client).await;
    refresh(&bank, &asha.refresh_token).await.refused(401, "invalid_refresh_token");
    is_in(&other.client).await;
}

#[tokio::test]
async fn sessions_are_listed_newest_first_and_end_one_by_one_or_all() {
    let bank = TestBank::with(|config| config.sessions.max = 5).await;
    let bela = bank.customer("Bela").await;
    let mut asha = bank.customer("Asha").await;
    let mut persons = vec![asha.clone()];
    for _ in 0..4 {
        bank.sign_in(&mut asha).await;
        persons.push(asha.clone());
    }
    let list = pages(&asha.client, "/v1/sessions", 2).await;
    assert_eq!(list, pages(&asha.client, "/v1/sessions", 100).await);
    assert_eq!(list.len(), 5);
    let current: Vec<bool> = list.iter().map(|s| s["current"] == true).collect();
    assert_eq!(current, [true, false, false, false, false]);
    assert_eq!((&list[0]["agent"], &list[0]["address"]), (&json!("testkit"), &json!("192.0.2.1")));
    let oldest = format!("/v1/sessions/{}", list[4]["id"].as_str().expect("an id"));
    bela.client.delete(&oldest).await.refused(404, "not_found");
    let unknown = format!("/v1/sessions/{}", bank.unknown_id::<Session>());
    asha.client.delete(&unknown).await.refused(404, "not_found");
    is_in(&persons[0].client).await;
    for _ in 0..2 {
        let _ended = asha.client.delete(&oldest).await.expect(204);
    }
    is_out(&persons[0].client).await;
    refresh(&bank, &persons[0].refresh_token).await.refused(401, "invalid_refresh_token");
    assert_eq!(pages(&asha.client, "/v1/sessions", 3).await.len(), 4);
    let _all = asha.client.delete("/v1/sessions").await.expect(204);
    for person in &persons {
        is_out(&person.client).await;
        refresh(&bank, &person.refresh_token).await.refused(401, "invalid_refresh_token");
    }
    is_in(&bela.client).await;
}

// PCI DSS 8.2.8: a session that nobody used for its time is over, and its refresh token with it.
#[tokio::test]
async fn a_session_ends_when_it_was_idle_for_its_limit() {
    let bank = TestBank::with(|config| config.sessions.idle_seconds = 120).await;
    let asha = bank.customer("Asha").await;
    let idle = bank.customer("Idle").await;
    bank.advance(100);
    is_in(&asha.client).await;
    bank.advance(20);
    is_out(&idle.client).await;
    refresh(&bank, &idle.refresh_token).await.refused(401, "invalid_refresh_token");
    bank.advance(99);
    is_in(&asha.client).await;
    bank.advance(120);
    is_out(&asha.client).await;
    refresh(&bank, &asha.refresh_token).await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_session_ends_at_its_absolute_limit_however_busy_it_is() {
    let bank = TestBank::with(|config| config.sessions.absolute_seconds = 1_000).await;
    let mut asha = bank.customer("Asha").await;
    for _ in 0..4 {
        bank.advance(249);
        renew(&bank, &mut asha).await;
        is_in(&asha.client).await;
    }
    bank.advance(3);
    is_in(&asha.client).await;
    bank.advance(1);
    is_out(&asha.client).await;
    refresh(&bank, &asha.refresh_token).await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_clock_set_back_makes_no_token_live_longer_than_it_says() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    bank.advance(200);
    is_in(&asha.client).await;
    // Before it was issued it is no token, and it dies at the minute that was written into it.
    bank.advance(-300);
    is_out(&asha.client).await;
    bank.advance(399);
    is_in(&asha.client).await;
    bank.advance(1);
    is_out(&asha.client).await;
    // A use by a clock that stood back does not count as a later one.
    let mut bela = bank.customer("Bela").await;
    bank.advance(600);
    renew(&bank, &mut bela).await;
    bank.advance(-2);
    is_in(&bela.client).await;
    bank.advance(902);
    refresh(&bank, &bela.refresh_token).await.refused(401, "invalid_refresh_token");
}

#[tokio::test]
async fn a_disabled_customer_gets_nothing_through_any_grant() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    is_in(&asha.client).await;
    assert_eq!(execute(&bank, "UPDATE customers SET status = 1").await, 1);
    bank.advance(1); // what another node did is felt within a second
    is_out(&asha.client).await;
    refresh(&bank, &asha.refresh_token).await.refused(401, "invalid_refresh_token");
    let reply = log_in(&bank, &asha.email, &asha.password).await;
    reply.refused(403, "account_disabled");
}

/// The three parts of a token, the first two decoded.
fn decoded(token: &str) -> (Value, Value, Vec<u8>) {
    let parts: Vec<Vec<u8>> = token
        .split('.')
        .map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).expect("base64url"))
        .collect();
    let json = |bytes: &[u8]| serde_json::from_slice(bytes).expect("JSON");
    let [header, claims, signature] = parts.as_slice() else { panic!("not three parts: {token}") };
    (json(header), json(claims), signature.clone())
}

// ASVS 9.2.4: a token names the one audience it is for, and who issued it.
#[tokio::test]
async fn the_published_key_verifies_a_token_and_its_claims_name_the_session() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = asha.client.token().expect("a token");
    let (header, claims, signature) = decoded(token);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    let set = bank.client().get("/.well-known/jwks.json").await.expect(200).json();
    let keys = set["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("the token's key");
    assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert!(keys.iter().all(|key| key.get("d").is_none()), "a private key is published");
    let x = BASE64URL_NOPAD.decode(key["x"].as_str().expect("x").as_bytes()).expect("base64url");
    let (message, _) = token.rsplit_once('.').expect("three parts");
    let key = UnparsedPublicKey::new(&ED25519, &x);
    key.verify(message.as_bytes(), &signature).expect("the signature is right");
    assert!(key.verify(format!("{message}x").as_bytes(), &signature).is_err());
    assert_eq!(claims["sub"], asha.id);
    let session = asha.client.get("/v1/sessions").await.expect(200).text("/data/0/id");
    assert_eq!(claims["sid"], session);
    let (issued, expires) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    assert_eq!(issued.map(|at| at + 300), expires);
    assert_eq!(issued, Some(bank.clock().now().seconds()));
    let config = &bank.bank().config().tokens;
    assert_eq!((&claims["aud"], &claims["iss"]), (&json!(config.audience), &json!(config.issuer)));
    assert!(claims["jti"].is_string() && !config.audience.is_empty(), "{claims}");
}

/// Each is signed by the bank's own key, so only what is said of it can be wrong.
///
/// ASVS 9.2.2, 9.2.3: the type and the audience are this service's own.
/// ASVS 9.1.1: and what was changed after it was signed, or not signed at all, is not looked at.
#[tokio::test]
async fn a_token_of_another_algorithm_type_issuer_or_audience_is_refused_though_signed_by_us() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let (header, claims, _) = decoded(asha.client.token().expect("a token"));
    let ring = bank.bank().tools().keyring();
    let key = ring.signing_keys().current();
    let signed = |header: &Value, claims: &Value| {
        let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = key.sign(message.as_bytes()).expect("a signature");
        bank.client().with_token(&format!("{message}.{}", BASE64URL_NOPAD.encode(&signature)))
    };
    let changed = |json: &Value, name: &str, value: Value| {
        let mut json = json.clone();
        json[name] = value;
        json
    };
    is_in(&signed(&header, &claims)).await;
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("Ed25519")),
        ("alg", json!("eddsa")),
        ("typ", json!("JWT")),
        ("typ", json!("AT+JWT")),
        ("kid", json!("another")),
        ("kid", json!(null)),
    ] {
        is_out(&signed(&changed(&header, name, value), &claims)).await;
    }
    let now = bank.clock().now().seconds();
    for (name, value) in [
        ("iss", json!("https://elsewhere.test")),
        ("aud", json!("another")),
        ("sub", json!(bank.customer("Bela").await.id)),
        ("sub", json!("nobody")),
        ("sid", json!(bank.unknown_id::<Session>())),
        ("exp", json!(now)),
        ("iat", json!(now + 60)),
    ] {
        is_out(&signed(&header, &changed(&claims, name, value))).await;
    }
    // Every claim under a signature that was made for others.
    let (message, signature) = asha.client.token().and_then(|t| t.rsplit_once('.')).expect("parts");
    let (head, _) = message.split_once('.').expect("two parts");
    for (name, value) in
        [("exp", json!(now + 9_999)), ("sub", json!(bank.customer("Chen").await.id))]
    {
        let body = changed(&claims, name, value).to_string();
        let forged = format!("{head}.{}.{signature}", BASE64URL_NOPAD.encode(body.as_bytes()));
        is_out(&bank.client().with_token(&forged)).await;
    }
    let unsigned = asha.client.token().and_then(|t| t.rsplit_once('.')).expect("three parts").0;
    for token in [unsigned.to_owned(), format!("{unsigned}.")] {
        is_out(&bank.client().with_token(&token)).await;
    }
}
