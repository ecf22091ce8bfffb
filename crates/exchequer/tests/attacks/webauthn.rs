//! Security keys and passkeys attacked: every part of an answer changed, answers repeated, moved and raced, keys
//! copied and claimed by others.

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::authenticator::{Authenticator, BACKED_UP, BACKUP_ELIGIBLE, PRESENT, VERIFIED};
use testkit::{Person, Reply, TestBank};

use crate::scene::{number, post, succeeded};

async fn half(bank: &TestBank, person: &Person) -> Value {
    let body = json!({ "email": person.email, "password": person.password });
    post(bank, "/v1/auth/login", &body).await.expect(200).json()["challenge"].clone()
}

async fn passkey(bank: &TestBank) -> Value {
    post(bank, "/v1/auth/passkey", &json!({})).await.expect(200).json()["challenge"].clone()
}

async fn begin(person: &Person) -> Value {
    person.client.post("/v1/factors/webauthn/options", &json!({})).await.expect(200).json()
}

async fn add(person: &Person, credential: &Value) -> Reply {
    person.client.post("/v1/factors/webauthn", &json!({ "credential": credential })).await
}

async fn roomy() -> TestBank {
    TestBank::with(|config| {
        config.sessions.max = 1_000;
        config.sessions.lockout.failures = 1_000;
    })
    .await
}

/// One thing that an authenticator or a browser may say and must not.
type Lie = (&'static str, fn(&mut Authenticator));

const LIES: [Lie; 12] = [
    ("another page", |key| "https://evil.example".clone_into(&mut key.claims.origin)),
    ("a page below", |key| "http://localhost.evil.example".clone_into(&mut key.claims.origin)),
    ("another scheme", |key| key.claims.origin = key.claims.origin.replace("http", "https")),
    ("another port", |key| "http://localhost:1".clone_into(&mut key.claims.origin)),
    ("another bank", |key| key.claims.rp_id = Some("evil.example".to_owned())),
    ("another challenge", |key| key.claims.challenge = Some("A".repeat(43))),
    ("no challenge", |key| key.claims.challenge = Some(String::new())),
    ("another ceremony", |key| key.claims.kind = Some("payment.get".to_owned())),
    ("nobody there", |key| key.claims.flags = VERIFIED),
    ("nobody verified", |key| key.claims.flags = PRESENT),
    ("backed up, and cannot be", |key| key.claims.flags = PRESENT | VERIFIED | BACKED_UP),
    ("inside another page", |key| key.claims.cross_origin = true),
];

/// ASVS 6.5.1, 6.6.1; W3C WebAuthn Level 3 §7.2.
#[tokio::test]
async fn no_answer_with_one_lie_signs_in() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let mut key = bank.enrol_webauthn(&asha, "passkey").await;
    let honest = key.claims.clone();
    let mut later: Vec<Lie> = LIES.to_vec();
    later.push(("another kind of key", |key| key.claims.flags |= BACKUP_ELIGIBLE));
    for (lie, tell) in later {
        tell(&mut key);
        let (asked, alone) = (half(&bank, &asha).await, passkey(&bank).await);
        for challenge in [&asked, &alone] {
            let reply = bank.verify_with(challenge, &mut key).await;
            assert_eq!(
                (reply.status.as_u16(), reply.code().as_str()),
                (401, "invalid_code"),
                "{lie}"
            );
        }
        key.claims = honest.clone();
    }
    // Nobody's, nobody's with a name, and another's.
    for holder in [None, Some(vec![7; 16]), Some(Vec::new())] {
        key.claims.user_handle = holder;
        bank.verify_with(&passkey(&bank).await, &mut key).await.refused(401, "invalid_code");
    }
    key.claims = honest;
    let _honest = bank.verify_with(&passkey(&bank).await, &mut key).await.expect(200);
    let _honest = bank.verify_with(&half(&bank, &asha).await, &mut key).await.expect(200);
}

/// W3C WebAuthn Level 3 §7.1.
#[tokio::test]
async fn no_credential_with_one_lie_is_registered() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    for (lie, tell) in LIES {
        let mut key = bank.authenticator();
        tell(&mut key);
        let credential = key.create(&begin(&asha).await);
        let reply = add(&asha, &credential).await;
        let told = (reply.status.as_u16(), reply.code());
        assert_eq!(told, (422, "credential_refused".to_owned()), "{lie}");
    }
    let mut key = bank.authenticator();
    for nonsense in
        [json!({}), json!([]), json!("x"), json!({ "response": { "clientDataJSON": "!" } })]
    {
        let _options = begin(&asha).await;
        add(&asha, &nonsense).await.refused(422, "credential_refused");
    }
    assert_eq!(number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM factors").await, 0);
    let credential = key.create(&begin(&asha).await);
    let _honest = add(&asha, &credential).await.expect(201);
}

#[tokio::test]
async fn a_registration_serves_once_its_own_session_and_the_newest_only() {
    let bank = roomy().await;
    let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let refused = |reply: Reply| reply.refused(422, "credential_refused");
    // Nothing was begun.
    let options = begin(&asha).await;
    let made = bank.authenticator().create(&options);
    refused(add(&bela, &made).await);
    // In another session of the same customer.
    let body = json!({ "email": asha.email, "password": asha.password });
    let elsewhere = post(&bank, "/v1/auth/login", &body).await.expect(200).text("/access_token");
    let elsewhere = asha.client.with_token(&elsewhere);
    refused(elsewhere.post("/v1/factors/webauthn", &json!({ "credential": made })).await);
    // A newer one takes its place; a wrong answer ends it; so does time.
    let newer = begin(&asha).await;
    refused(add(&asha, &made).await);
    let late = bank.authenticator().create(&newer);
    refused(add(&asha, &late).await);
    let slow = bank.authenticator().create(&begin(&asha).await);
    let mut token = asha.refresh_token.clone();
    let mut client = asha.client.clone();
    for _ in 0..2 {
        bank.advance(451);
        let pair = json!({ "refresh_token": token });
        let pair = post(&bank, "/v1/auth/refresh", &pair).await.expect(200);
        token = pair.text("/refresh_token");
        client = client.with_token(&pair.text("/access_token"));
    }
    refused(client.post("/v1/factors/webauthn", &json!({ "credential": slow })).await);
}

/// What a thief of the session began while there was no factor is not finished when there is one.
#[tokio::test]
async fn a_registration_begun_before_the_first_factor_is_void_after_it() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let credential = bank.authenticator().create(&begin(&asha).await);
    let _codes = bank.enrol_totp(&mut asha).await;
    add(&asha, &credential).await.refused(422, "credential_refused");
}

#[tokio::test]
async fn one_answer_sixty_four_times_at_once_signs_in_once() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let mut key = bank.enrol_webauthn(&asha, "passkey").await;
    for challenge in [half(&bank, &asha).await, passkey(&bank).await] {
        let id = challenge["id"].as_str().expect("an id");
        let path = format!("/v1/auth/challenges/{id}/verify");
        let body = json!({ "method": "webauthn", "credential": key.get(&challenge["webauthn"]) });
        let replies = join_all((0..64).map(|_| post(&bank, &path, &body))).await;
        assert_eq!(succeeded(&replies), 1);
    }
    // A registration too.
    let bela = bank.customer("Bela").await;
    let credential = bank.authenticator().create(&begin(&bela).await);
    let replies = join_all((0..16).map(|_| add(&bela, &credential))).await;
    assert_eq!(succeeded(&replies), 1);
    let keys = "SELECT CAST(COUNT(*) AS BIGINT) FROM factors WHERE status = 1";
    assert_eq!(number(&bank, keys).await, 2);
}

// PCI DSS 8.3.11: a security key is one person's and answers for nobody else.
#[tokio::test]
async fn a_key_is_its_holder_s_and_nobody_else_s() {
    let bank = roomy().await;
    let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let mut hers = bank.enrol_webauthn(&asha, "passkey").await;
    let mut other = bank.enrol_webauthn(&bela, "passkey").await;
    let question = half(&bank, &asha).await;
    bank.verify_with(&question, &mut other).await.refused(401, "invalid_code");
    // One that claims to be hers: her id and her name, another key behind it.
    other.credential_id.clone_from(&hers.credential_id);
    other.claims.user_handle.clone_from(&hers.claims.user_handle);
    other.counter = 1_000;
    bank.verify_with(&question, &mut other).await.refused(401, "invalid_code");
    bank.verify_with(&passkey(&bank).await, &mut other).await.refused(401, "invalid_code");
    let _hers = bank.verify_with(&question, &mut hers).await.expect(200);
    // Nobody else registers it.
    let cora = bank.customer("Cora").await;
    let credential = hers.create(&begin(&cora).await);
    add(&cora, &credential).await.refused(409, "factor_confirmed");
}

/// W3C WebAuthn Level 3 §7.2 step 22.
// RTS 7: a key that was copied is refused as soon as its counter shows it.
#[tokio::test]
async fn a_copied_key_is_refused_and_told() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let mut key = bank.enrol_webauthn(&asha, "security_key").await;
    let _in = bank.verify_with(&half(&bank, &asha).await, &mut key).await.expect(200);
    key.counter -= 1;
    bank.verify_with(&half(&bank, &asha).await, &mut key).await.refused(401, "invalid_code");
    assert_eq!(bank.inbox().await[0]["purpose"], "factor_copied");
    let seen = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'factor.copy_seen'";
    assert_eq!(number(&bank, seen).await, 1);
}

// ASVS 6.5.6: a security key that was removed signs nobody in, not even where it was asked for before.
#[tokio::test]
async fn a_late_answer_and_one_of_a_removed_key_sign_nobody_in() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let mut key = bank.enrol_webauthn(&asha, "passkey").await;
    for challenge in [half(&bank, &asha).await, passkey(&bank).await] {
        bank.advance(300);
        bank.verify_with(&challenge, &mut key).await.refused(401, "invalid_code");
    }
    let reply = bank.verify_with(&half(&bank, &asha).await, &mut key).await.expect(200);
    bank.keep_tokens(&mut asha, &reply);
    let (asked, alone) = (half(&bank, &asha).await, passkey(&bank).await);
    let factors = asha.client.get("/v1/factors").await.expect(200);
    let gone = format!("/v1/factors/{}", factors.text("/data/0/id"));
    let asked_of = asha.client.delete(&gone).await.json();
    let proof = bank.verify_with(&asked_of["challenge"], &mut key).await.expect(200);
    let _gone = asha.client.delete_proved(&gone, &proof.text("/proof")).await.expect(204);
    bank.verify_with(&asked, &mut key).await.refused(422, "invalid_fields");
    bank.verify_with(&alone, &mut key).await.refused(401, "invalid_code");
}
