//! Customers' second factors attacked: repeated, raced, guessed, moved to another question, read from a dump.

use exchequer::challenges::{Method, Purpose, code};
use futures_util::future::join_all;
use money::ChallengeId;
use serde_json::{Value, json};
use store::DbError;
use testkit::{Person, Reply, TestBank, key};
use vault::sha256;

use crate::scene::{number, post, sql, succeeded};

const PHONE: &str = "+919876543210";

/// How often the races are run: 2 in CI, more by `EXCHEQUER_TEST_ROUNDS`.
fn rounds() -> usize {
    let asked = std::env::var("EXCHEQUER_TEST_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(2)
}

async fn roomy() -> TestBank {
    TestBank::with(|config| {
        config.messages.caps.destination_hour = 10_000;
        config.messages.caps.destination_day = 10_000;
        config.messages.caps.sms_hour = 10_000;
        config.sessions.max = 100;
    })
    .await
}

async fn challenge(bank: &TestBank, person: &Person) -> String {
    let body = json!({ "email": person.email, "password": person.password });
    post(bank, "/v1/auth/login", &body).await.expect(200).text("/challenge/id")
}

async fn send(bank: &TestBank, challenge: &str) -> Reply {
    let path = format!("/v1/auth/challenges/{challenge}/send");
    post(bank, &path, &json!({ "method": "sms" })).await
}

// ASVS 6.5.1, 6.5.5: of many who show one code at once, one gets in.
// PCI DSS 8.5.1: of many who show one code at the same moment one gets in.
// RTS 4: a code is accepted once.
#[tokio::test]
async fn one_code_sixty_four_times_at_once_signs_in_once() {
    let bank = TestBank::with(|config| config.sessions.lockout.failures = 1_000_000).await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    for round in 0..rounds() {
        // Each kills after three wrong answers; one code, a challenge for each two.
        let mut challenges = Vec::new();
        for _ in 0..8 {
            challenges.push(challenge(&bank, &asha).await);
        }
        bank.advance(30);
        let code = bank.totp_code(&asha);
        let tries = challenges.iter().cycle().take(64);
        let replies = join_all(tries.map(|id| bank.verify(id, "totp", &code))).await;
        assert_eq!(succeeded(&replies), 1, "round {round}");
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            reply.refused(401, "invalid_code");
        }
    }
}

#[tokio::test]
async fn a_recovery_code_sixty_four_times_at_once_signs_in_once() {
    let bank = TestBank::with(|config| config.sessions.lockout.failures = 1_000_000).await;
    let mut asha = bank.customer("Asha").await;
    let codes = bank.enrol_totp(&mut asha).await;
    for code in codes.iter().take(rounds()) {
        let mut challenges = Vec::new();
        for _ in 0..8 {
            challenges.push(challenge(&bank, &asha).await);
        }
        let tries = challenges.iter().cycle().take(64);
        let replies = join_all(tries.map(|id| bank.verify(id, "recovery_code", code))).await;
        assert_eq!(succeeded(&replies), 1);
    }
}

#[tokio::test]
async fn a_sent_code_sixty_four_times_at_once_signs_in_once() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let _codes = bank.enrol_sms(&asha, PHONE).await;
    for _ in 0..rounds() {
        let id = challenge(&bank, &asha).await;
        let _sent = send(&bank, &id).await.expect(202);
        let code = bank.newest_code(PHONE).await;
        let replies = join_all((0..64).map(|_| bank.verify(&id, "sms", &code))).await;
        assert_eq!(succeeded(&replies), 1);
    }
}

// ASVS 6.6.2: a code is bound to the very question that it was sent for.
#[tokio::test]
async fn a_code_of_another_challenge_or_purpose_is_wrong() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let _codes = bank.enrol_sms(&asha, PHONE).await;
    let (one, other) = (challenge(&bank, &asha).await, challenge(&bank, &asha).await);
    let _sent = send(&bank, &one).await.expect(202);
    let of_one = bank.newest_code(PHONE).await;
    let _sent = send(&bank, &other).await.expect(202);
    bank.verify(&other, "sms", &of_one).await.refused(401, "invalid_code");
    // A step-up's code signs nobody in, and a sign-in's confirms nothing.
    let body = json!({ "phone": "+919876500000" });
    let refused = asha.client.post("/v1/factors/sms", &body).await;
    refused.refused(403, "step_up_required");
    let step_up = refused.text("/challenge/id");
    let _sent = send(&bank, &step_up).await.expect(202);
    let of_step_up = bank.newest_code(PHONE).await;
    bank.verify(&other, "sms", &of_step_up).await.refused(401, "invalid_code");
    bank.verify(&step_up, "sms", &of_one).await.refused(401, "invalid_code");
    let _proof = bank.verify(&step_up, "sms", &of_step_up).await.expect(200).text("/proof");
    let _in = bank.verify(&one, "sms", &of_one).await.expect(200);
}

#[tokio::test]
async fn a_code_is_not_for_another_method_of_the_same_challenge() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.sign_in_with_totp(&mut asha).await;
    let _confirmed = bank.enrol_sms(&asha, PHONE).await;
    let id = challenge(&bank, &asha).await;
    let _sent = send(&bank, &id).await.expect(202);
    let sent = bank.newest_code(PHONE).await;
    bank.verify(&id, "totp", &sent).await.refused(401, "invalid_code");
    bank.advance(30);
    bank.verify(&id, "sms", &bank.totp_code(&asha)).await.refused(401, "invalid_code");
}

// ASVS 6.6.3: three wrong codes, and the right one comes too late.
#[tokio::test]
async fn three_wrong_codes_kill_a_challenge() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.advance(30);
    let id = challenge(&bank, &asha).await;
    let wrong = bank.wrong_totp_code(&asha);
    for _ in 0..3 {
        bank.verify(&id, "totp", &wrong).await.refused(401, "invalid_code");
    }
    let right = bank.totp_code(&asha);
    bank.verify(&id, "totp", &right).await.refused(401, "invalid_code");
    // The code was not used up by it.
    let other = challenge(&bank, &asha).await;
    let _in = bank.verify(&other, "totp", &right).await.expect(200);
}

// ASVS 11.4.1: behind a plain hash six digits are found in seconds; behind a keyed one a dump tells nothing.
#[tokio::test]
async fn a_million_guesses_at_a_dumped_code_find_nothing_without_the_key() {
    let bank = roomy().await;
    let asha = bank.customer("Asha").await;
    let _codes = bank.enrol_sms(&asha, PHONE).await;
    let id = challenge(&bank, &asha).await;
    let _sent = send(&bank, &id).await.expect(202);
    let right = bank.newest_code(PHONE).await;
    let dumped = bank.bank().db().read("attack", |tx| {
        let sql = "SELECT id, code_hash FROM challenges WHERE code_hash IS NOT NULL";
        let row = tx.query_one(sql, &[])?;
        Ok((row.bytes::<16>(0)?, row.bytes::<32>(1)?))
    });
    let (challenge, hash): ([u8; 16], [u8; 32]) =
        dumped.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    for code in (0..1_000_000).map(|n| format!("{n:06}")) {
        let bound = [&challenge[..], b"sign_in\0sms\0", code.as_bytes(), b"\0"].concat();
        assert!(sha256(&bound) != hash && sha256(code.as_bytes()) != hash, "{code}");
    }
    // With this bank's key it is that code; with another bank's it is not.
    let question = (Purpose::SignIn, Method::Sms);
    let challenge = ChallengeId::from_bytes(challenge);
    let made = code::hash(bank.bank().tools(), &challenge, question, &right);
    assert_eq!(*made.active(), hash);
    let keys = vault::MasterKey::generate(&money::Rng::seeded(1)).expect("a key");
    let rng = money::Rng::seeded(2);
    let rows = vault::Keyring::first_data_keys(&keys, &rng, bank.clock().now()).expect("keys");
    let other = vault::Keyring::open(&keys, &rows, bank.clock().now()).expect("a ring");
    assert_ne!(
        other.blind_index("challenges.code_hash", right.as_bytes()),
        bank.bank().tools().keyring().blind_index("challenges.code_hash", right.as_bytes())
    );
}

// ASVS 14.2.1: nothing that signs in stands in a dump.
// RTS 22: what signs somebody in is kept unreadable.
#[tokio::test]
async fn a_dump_holds_no_secret_of_a_factor() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let codes = bank.enrol_totp(&mut asha).await;
    bank.sign_in_with_totp(&mut asha).await;
    let _confirmed = bank.enrol_sms(&asha, PHONE).await;
    let enrolled = bank.post_stepped(&asha, "/v1/factors/totp", &json!({})).await;
    let device = enrolled.expect(201).text("/secret");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dump");
    let now = money::Timestamp::EPOCH;
    let _counts = store::backup::backup(bank.database().options(), &file, now).expect("a backup");
    let bytes = std::fs::read(&file).expect("the dump");
    let holds = |needle: &str| bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
    assert!(holds("factor.enrolled"), "the dump can be read at all");
    let secret = asha.totp_secret.as_deref().expect("a secret");
    let plain = codes[0].replace('-', "");
    for secret in [secret, &device, &codes[0], &plain, PHONE, &PHONE[3..]] {
        assert!(!holds(secret), "the dump holds {secret:?}");
    }
}

// PCI DSS 8.3.11: an authenticator cannot be made another person's by moving its secret.
// ASVS 6.7.1: what checks a factor is sealed to its row: put elsewhere it opens nothing.
#[tokio::test]
async fn a_factors_secret_moved_to_another_row_opens_nothing() {
    let bank = TestBank::new().await;
    let (mut asha, mut bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let _codes = bank.enrol_totp(&mut asha).await;
    let _codes = bank.enrol_totp(&mut bela).await;
    let moved = sql(
        &bank,
        "UPDATE factors SET secret_sealed = (SELECT f.secret_sealed FROM factors AS f \
         WHERE f.id <> factors.id)",
    );
    assert_eq!(moved.await, 2);
    bank.advance(30);
    let id = challenge(&bank, &asha).await;
    // Bela's authenticator, in Asha's row.
    let reply = bank.verify(&id, "totp", &bank.totp_code(&bela)).await;
    reply.refused(500, "internal_error");
}

// ASVS 7.5.3: a proof serves its act, its session and its customer, once.
#[tokio::test]
async fn a_proof_is_for_one_act_one_session_and_once() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let (mut bela, body) = (bank.customer("Bela").await, json!({ "phone": PHONE }));
    let _codes = bank.enrol_totp(&mut bela).await;
    let asked = bela.client.post("/v1/factors/sms", &body).await;
    asked.refused(403, "step_up_required");
    let proof = bank.prove(&bela, &asked.text("/challenge/id")).await;
    let post = async |person: &Person, body: &Value, proof: &str| {
        person.client.post_proved("/v1/factors/sms", &key(), body, proof).await
    };
    // Another customer, another act, another byte.
    post(&asha, &body, &proof).await.refused(403, "step_up_required");
    let other = json!({ "phone": "+919876543211" });
    post(&bela, &other, &proof).await.refused(403, "step_up_required");
    let cut = &proof[..proof.len() - 1];
    for wrong in [cut, "chl_00000000000000000000000000.x", "nothing", ""] {
        post(&bela, &body, wrong).await.refused(403, "step_up_required");
    }
    let (path, nothing, fresh) = ("/v1/factors/recovery_codes", json!({}), key());
    let recovery = bela.client.post_proved(path, &fresh, &nothing, &proof).await;
    recovery.refused(403, "step_up_required");
    let _added = post(&bela, &body, &proof).await.expect(201);
    post(&bela, &body, &proof).await.refused(403, "step_up_required");
    let used = "SELECT CAST(COUNT(*) AS BIGINT) FROM challenges \
                WHERE used_at IS NOT NULL AND purpose = 'factors'";
    assert_eq!(number(&bank, used).await, 1);
}

#[tokio::test]
async fn a_proof_is_late_after_five_minutes() {
    let bank = roomy().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let body = json!({ "phone": PHONE });
    for (wait, status) in [(300, 403), (299, 201)] {
        bank.sign_in_with_totp(&mut asha).await;
        // The sign-in is fresh no longer.
        bank.advance(300);
        renew(&bank, &mut asha).await;
        let asked = asha.client.post("/v1/factors/sms", &body).await;
        asked.refused(403, "step_up_required");
        let proof = bank.prove(&asha, &asked.text("/challenge/id")).await;
        bank.advance(wait);
        renew(&bank, &mut asha).await;
        let reply = asha.client.post_proved("/v1/factors/sms", &key(), &body, &proof).await;
        let _judged = reply.expect(status);
    }
}

/// The next pair of tokens of the same session.
async fn renew(bank: &TestBank, person: &mut Person) {
    let body = json!({ "refresh_token": person.refresh_token });
    let pair = post(bank, "/v1/auth/refresh", &body).await.expect(200);
    person.refresh_token = pair.text("/refresh_token");
    person.client = bank.client().with_token(&pair.text("/access_token"));
}
