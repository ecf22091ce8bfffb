//! A stolen session of somebody without a second factor: what loosens protections asks for the password again.
// ASVS 7.5.1: re-authentication before changes to what protects the account; 6.3.1: guessing it is counted and locked.

use exchequer::challenges::password::Password;
use exchequer::challenges::{self, Answer, AnswerRefusal};
use exchequer::customers::{self, Credentials};
use futures_util::future::join_all;
use http::Method;
use money::{ChallengeId, CustomerId};
use serde_json::{Value, json};
use store::DbError;
use testkit::{Person, Reply, TestBank, key};
use vault::SecretString;

use crate::scene::{Scene, number, post, sql, succeeded};

const LIMITS: &str = "/v1/limits/INR";
const RESUME: &str = "/v1/protections/resume";
const WRONG: &str = "not the password of anybody";
const FACTORS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM factors";

/// The session goes on for so long: used and refreshed, as a thief would keep it.
async fn age(bank: &TestBank, person: &mut Person, seconds: i64) {
    let mut left = seconds;
    while left > 0 {
        let step = left.min(240);
        bank.advance(step);
        bank.refresh(person).await;
        left -= step;
    }
}

async fn put(person: &Person, body: &Value, proof: Option<&str>) -> Reply {
    let request =
        person.client.request(Method::PUT, LIMITS).header("content-type", "application/json");
    let request = match proof {
        Some(proof) => request.header("step-up", proof),
        None => request,
    };
    person.client.send(request.body(body.to_string().into()).expect("a request")).await
}

fn asks_for_the_password(reply: &Reply) -> String {
    reply.refused(403, "step_up_required");
    assert_eq!(reply.json()["challenge"]["methods"], json!(["password"]), "{}", reply.json());
    reply.text("/challenge/id")
}

/// A question for Asha's password: she has a limit, and wants it higher.
async fn question(asha: &Person) -> String {
    let _tight = put(asha, &json!({ "per_day": 100 }), None).await.expect(200);
    asks_for_the_password(&put(asha, &json!({ "per_day": 200 }), None).await)
}

/// Each way to a factor, with what begins it.
fn beginnings() -> [(&'static str, Value); 4] {
    [
        ("/v1/factors/totp", json!({})),
        ("/v1/factors/sms", json!({ "phone": "+919876543210" })),
        ("/v1/factors/email", json!({})),
        ("/v1/factors/webauthn/options", json!({ "kind": "passkey" })),
    ]
}

#[tokio::test]
async fn a_stolen_session_that_is_not_fresh_binds_no_factor_of_its_own() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    age(&bank, &mut asha, 900).await;
    let mut thief = asha.clone();
    for (path, body) in beginnings() {
        let challenge = asks_for_the_password(&thief.client.post(path, &body).await);
        bank.verify(&challenge, "password", WRONG).await.refused(401, "invalid_code");
        // A later question is not answered either, by a refreshed session no more than by this one.
        bank.refresh(&mut thief).await;
        asks_for_the_password(&thief.client.post(path, &body).await);
        let invented = format!("{challenge}.{}", "A".repeat(43));
        let tried = thief.client.post_proved(path, &key(), &body, &invented).await;
        asks_for_the_password(&tried);
        assert_eq!(sql(&bank, "DELETE FROM attempts").await, 1);
    }
    // Recovery codes are made anew by who has a factor only.
    let codes = thief.client.post("/v1/factors/recovery_codes", &json!({})).await;
    codes.refused(409, "no_factor");
    // Nothing was begun that could be finished.
    let own = bank.authenticator().create(&json!({ "publicKey": {
        "rp": { "id": "localhost", "name": "x" }, "user": { "id": "AA", "name": "x", "displayName": "x" },
        "challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }],
    } }));
    let added = thief.client.post("/v1/factors/webauthn", &json!({ "credential": own })).await;
    added.refused(422, "credential_refused");
    assert_eq!(number(&bank, FACTORS).await, 0);
    let enrolling = "SELECT CAST(COUNT(*) AS BIGINT) FROM challenges WHERE purpose = 'enrol'";
    assert_eq!(number(&bank, enrolling).await, 0);
}

#[tokio::test]
async fn with_the_password_each_kind_of_factor_begins_in_an_old_session() {
    for (path, body) in beginnings() {
        let bank = TestBank::new().await;
        let mut asha = bank.customer("Asha").await;
        age(&bank, &mut asha, 3_600).await;
        let key = key();
        let asked = asha.client.post_with_key(path, &key, &body).await;
        let proof = bank.prove_by_password(&asha, &asked).await;
        let begun = asha.client.post_proved(path, &key, &body, &proof).await;
        assert!(begun.status.is_success(), "{path}: {}", begun.json());
        // Twice: the same key replays, another act is asked about anew.
        let again = asha.client.post_proved(path, &testkit::key(), &body, &proof).await;
        asks_for_the_password(&again);
    }
}

#[tokio::test]
async fn the_first_factor_needs_no_question_right_after_a_sign_in() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    for (path, body) in beginnings() {
        assert!(asha.client.post(path, &body).await.status.is_success(), "{path}");
    }
    age(&bank, &mut asha, 899).await;
    let _last = asha.client.post("/v1/factors/totp", &json!({})).await.expect(201);
    age(&bank, &mut asha, 1).await;
    asks_for_the_password(&asha.client.post("/v1/factors/totp", &json!({})).await);
    bank.sign_in(&mut asha).await;
    let _codes = bank.enrol_totp(&mut asha).await;
    // The second one needs the first, however fresh the session is.
    let second = asha.client.post("/v1/factors/email", &json!({})).await;
    second.refused(403, "step_up_required");
    assert_eq!(second.json()["challenge"]["methods"], json!(["totp", "recovery_code"]));
}

#[tokio::test]
async fn limits_and_the_switch_ask_always_and_protecting_oneself_never() {
    let s = Scene::new().await;
    let asha = &s.asha;
    let _tight = put(asha, &json!({ "per_day": 100, "per_week": 500 }), None).await.expect(200);
    let _tighter = put(asha, &json!({ "per_day": 90, "per_week": 500 }), None).await.expect(200);
    for looser in [json!({ "per_day": 91, "per_week": 500 }), json!({ "per_day": 90 }), json!({})] {
        asks_for_the_password(&put(asha, &looser, None).await);
    }
    let empty = json!({});
    let _stopped = asha.client.post("/v1/protections/stop", &empty).await.expect(200);
    asks_for_the_password(&asha.client.post(RESUME, &empty).await);
    assert_eq!(asha.client.get(LIMITS).await.int("/per_day"), 90);
    asha.client.post("/v1/transfers", &s.order(5)).await.refused(422, "limit_exceeded");
}

#[tokio::test]
async fn a_proof_by_password_opens_its_own_act_once_and_no_other() {
    let mut s = Scene::new().await;
    let _tight = put(&s.asha, &json!({ "per_day": 100 }), None).await.expect(200);
    let empty = json!({});
    let _stopped = s.asha.client.post("/v1/protections/stop", &empty).await.expect(200);
    let wanted = json!({ "per_day": 200 });
    let proof = s.bank.prove_by_password(&s.asha, &put(&s.asha, &wanted, None).await).await;
    for other in [json!({ "per_day": 201 }), json!({ "per_week": 200 }), json!({})] {
        asks_for_the_password(&put(&s.asha, &other, Some(&proof)).await);
    }
    let resumed = s.asha.client.post_proved(RESUME, &key(), &empty, &proof).await;
    asks_for_the_password(&resumed);
    // Another session of hers, and another customer.
    let first = s.asha.clone();
    s.bank.sign_in(&mut s.asha).await;
    asks_for_the_password(&put(&s.asha, &wanted, Some(&proof)).await);
    let _tight = put(&s.bela, &json!({ "per_day": 100 }), None).await.expect(200);
    asks_for_the_password(&put(&s.bela, &wanted, Some(&proof)).await);
    let tries = join_all((0..16).map(|_| put(&first, &wanted, Some(&proof)))).await;
    // Once it is raised, the same again is no raising and needs nothing.
    assert!(succeeded(&tries) >= 1);
    let _tight = put(&first, &json!({ "per_day": 100 }), None).await.expect(200);
    asks_for_the_password(&put(&first, &wanted, Some(&proof)).await);
    let used = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE purpose = 'limits_raised'";
    assert_eq!(number(&s.bank, used).await, 1);
}

#[tokio::test]
async fn a_late_proof_by_password_is_none() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let challenge = question(&asha).await;
    let proof =
        bank.verify(&challenge, "password", &asha.password).await.expect(200).text("/proof");
    bank.secret(&proof);
    age(&bank, &mut asha, 301).await;
    asks_for_the_password(&put(&asha, &json!({ "per_day": 200 }), Some(&proof)).await);
    let late = question(&asha).await;
    bank.advance(300);
    bank.verify(&late, "password", &asha.password).await.refused(401, "invalid_code");
}

/// A sign-in from a device that is known from then on; gives its token.
async fn known_device(bank: &TestBank, asha: &mut Person) -> String {
    let body = json!({ "email": asha.email, "password": asha.password });
    let reply = post(bank, "/v1/auth/login", &body).await.expect(200);
    bank.keep_tokens(asha, &reply);
    reply.text("/device_token")
}

async fn sign_in_from(bank: &TestBank, asha: &Person, device: &str, password: &str) -> Reply {
    let body = json!({ "email": asha.email, "password": password, "device_token": device });
    post(bank, "/v1/auth/login", &body).await
}

#[tokio::test]
async fn guessing_the_password_is_locked_as_at_sign_in() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let device = known_device(&bank, &mut asha).await;
    let first = question(&asha).await;
    for _ in 0..3 {
        bank.verify(&first, "password", WRONG).await.refused(401, "invalid_code");
    }
    // Three for a question; then the right one is not taken for it either, and is not counted.
    bank.verify(&first, "password", &asha.password).await.refused(401, "invalid_code");
    let second = question(&asha).await;
    for _ in 0..2 {
        bank.verify(&second, "password", WRONG).await.refused(401, "invalid_code");
    }
    let locked = bank.verify(&second, "password", &asha.password).await;
    locked.refused(429, "locked_out");
    assert_eq!(locked.header("retry-after"), Some("900"));
    // A newer question is no way round it.
    let third = question(&asha).await;
    bank.verify(&third, "password", &asha.password).await.refused(429, "locked_out");
    sign_in_from(&bank, &asha, &device, &asha.password).await.refused(429, "locked_out");
    let told = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE purpose = 'sign_in_locked'";
    assert_eq!(number(&bank, told).await, 1);
    bank.advance(900);
    let _in = sign_in_from(&bank, &asha, &device, &asha.password).await.expect(200);
}

#[tokio::test]
async fn wrong_passwords_here_and_at_sign_in_are_one_count() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let device = known_device(&bank, &mut asha).await;
    for _ in 0..4 {
        let wrong = sign_in_from(&bank, &asha, &device, WRONG).await;
        wrong.refused(401, "invalid_credentials");
    }
    let challenge = question(&asha).await;
    bank.verify(&challenge, "password", WRONG).await.refused(401, "invalid_code");
    bank.verify(&challenge, "password", &asha.password).await.refused(429, "locked_out");
    sign_in_from(&bank, &asha, &device, &asha.password).await.refused(429, "locked_out");
}

#[tokio::test]
async fn a_restart_of_the_count_is_a_right_password_only() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    for _ in 0..3 {
        let challenge = question(&asha).await;
        for _ in 0..2 {
            bank.verify(&challenge, "password", WRONG).await.refused(401, "invalid_code");
        }
        let right = bank.verify(&challenge, "password", &asha.password).await.expect(200);
        bank.secret(&right.text("/proof"));
    }
}

#[tokio::test]
async fn of_many_guesses_at_once_each_counts_and_one_right_answer_gives_one_proof() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let challenge = question(&asha).await;
    let right = (0..8).map(|_| bank.verify(&challenge, "password", &asha.password));
    let replies = join_all(right).await;
    assert_eq!(succeeded(&replies), 1);
    let mut challenges = Vec::new();
    for _ in 0..8 {
        challenges.push(question(&asha).await);
    }
    let guesses = challenges.iter().cycle().take(24);
    let replies = join_all(guesses.map(|id| bank.verify(id, "password", WRONG))).await;
    let told = |code: &str| replies.iter().filter(|reply| reply.code() == code).count();
    assert_eq!((told("invalid_code"), told("locked_out")), (5, 19));
    let failures = "SELECT CAST(MAX(failures) AS BIGINT) FROM attempts WHERE kind = 'password'";
    assert_eq!(number(&bank, failures).await, 5);
}

// RTS 9: one factor does not stand in for the other.
#[tokio::test]
async fn who_has_a_factor_cannot_show_the_password_instead() {
    let s = Scene::new().await;
    let (bank, mut asha) = (s.bank, s.asha);
    // A question and a proof from before there was a factor.
    let open = question(&asha).await;
    let answered = question(&asha).await;
    let proof = bank.verify(&answered, "password", &asha.password).await.expect(200).text("/proof");
    bank.secret(&proof);
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.verify(&open, "password", &asha.password).await.refused(422, "invalid_fields");
    let wanted = json!({ "per_day": 200 });
    let refused = put(&asha, &wanted, Some(&proof)).await;
    refused.refused(403, "step_up_required");
    assert_eq!(refused.json()["challenge"]["methods"], json!(["totp"]));
    // Nor where a factor is asked for, at an act, at a change of the factors or at a sign-in.
    let of_factors = asha.client.post("/v1/factors/email", &json!({})).await;
    of_factors.refused(403, "step_up_required");
    let body = json!({ "email": asha.email, "password": asha.password });
    let half = post(&bank, "/v1/auth/login", &body).await.expect(200);
    for asked in [&refused, &of_factors, &half] {
        let id = asked.text("/challenge/id");
        let tried = bank.verify(&id, "password", &asha.password).await;
        tried.refused(422, "invalid_fields");
    }
    assert_eq!(asha.client.get(LIMITS).await.int("/per_day"), 100);
}

// RBI AUTH 1: the password of the sign-in is no second factor of a payment.
#[tokio::test]
async fn a_large_payment_is_not_confirmed_with_the_password() {
    let s = Scene::new().await;
    s.bank.deposit(&s.teller, &s.from, 5_000_000, "INR").await;
    let asked = s.asha.client.post("/v1/transfers", &s.order(1_000_000)).await;
    asked.refused(403, "step_up_required");
    assert_eq!(asked.json()["challenge"]["methods"], json!([]));
    let tried = s.bank.verify(&asked.text("/challenge/id"), "password", &s.asha.password).await;
    tried.refused(422, "invalid_fields");
}

#[tokio::test]
async fn an_operators_challenge_takes_no_password() {
    let s = Scene::new().await;
    let body = json!({ "email": s.teller.email, "password": s.teller.password });
    let half = post(&s.bank, "/v1/staff/login", &body).await.expect(200);
    assert_eq!(half.json()["challenge"]["methods"], json!(["totp"]));
    let id = half.text("/challenge/id");
    s.bank.verify(&id, "password", &s.teller.password).await.refused(422, "invalid_fields");
    let unknown = s.bank.unknown_id::<money::kind::Challenge>();
    s.bank.verify(&unknown, "password", WRONG).await.refused(404, "not_found");
    for malformed in ["", &"x".repeat(1_025)] {
        s.bank.verify(&id, "password", malformed).await.refused(422, "invalid_fields");
    }
}

#[tokio::test]
async fn a_password_that_changed_or_a_customer_who_is_disabled_confirms_nothing() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let challenge = question(&asha).await;
    let change = json!({ "current_password": asha.password, "new_password": "eleven calm herons" });
    let body = change.to_string().into_bytes();
    let _changed = asha.client.post_raw("/v1/password", None, body).await.expect(204);
    bank.verify(&challenge, "password", &asha.password).await.refused(401, "invalid_code");
    assert_eq!(sql(&bank, "UPDATE customers SET status = 1").await, 1);
    let disabled = bank.verify(&challenge, "password", "eleven calm herons").await;
    disabled.refused(401, "invalid_code");
}

/// Compared before, judged after: a password that changed in between is wrong.
#[tokio::test]
async fn a_password_that_changes_between_its_hash_and_its_judgement_is_wrong() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let id: ChallengeId = question(&asha).await.parse().expect("an id");
    let customer: CustomerId = asha.id.parse().expect("an id");
    let known = bank.bank().db().read("test", move |tx| customers::credentials_of(tx, &customer));
    let known = known.await.unwrap_or_else(|error: DbError| panic!("{error}")).expect("a customer");
    let judge = async |known: Credentials| {
        let (act, given) =
            (bank.bank().system_act("test"), Answer::Password(Password::Right(known)));
        let judged = bank.bank().db().write("test", move |tx| {
            let answered = challenges::answer_in(tx, &act, &id, &given, None)?;
            Ok::<_, DbError>(answered.map(|_proof| ()))
        });
        judged.await.unwrap_or_else(|error| panic!("{error}"))
    };
    assert_eq!(sql(&bank, "UPDATE customers SET password_hash = password_hash || '='").await, 1);
    assert_eq!(judge(known.clone()).await, Err(AnswerRefusal::WrongCode));
    let unchanged =
        "UPDATE customers SET password_hash = substr(password_hash, 1, length(password_hash) - 1)";
    assert_eq!(sql(&bank, unchanged).await, 1);
    // As typed, never compared: wrong too.
    let (act, typed) = (bank.bank().system_act("test"), SecretString::new(asha.password.clone()));
    let given = Answer::Password(Password::Typed(typed));
    let judged = bank.bank().db().write("test", move |tx| {
        let answered = challenges::answer_in(tx, &act, &id, &given, None)?;
        Ok::<_, DbError>(answered.map(|_proof| ()))
    });
    assert_eq!(judged.await.expect("judged"), Err(AnswerRefusal::WrongCode));
    assert_eq!(judge(known).await, Ok(()));
}

#[tokio::test]
async fn an_address_that_is_a_step_of_the_sign_in_is_not_taken_off_by_a_session_alone() {
    let bank = TestBank::with(|config| config.factors.email_at_sign_in = true).await;
    let asha = bank.customer("Asha").await;
    let begun = asha.client.post("/v1/factors/email", &json!({})).await.expect(201);
    let code = json!({ "code": bank.newest_code(&asha.email).await });
    let path = format!("/v1/factors/{}", begun.text("/id"));
    let _codes = asha.client.post(&format!("{path}/confirm"), &code).await.expect(200);
    let asked = asha.client.delete(&path).await;
    let proof = bank.prove_by_password(&asha, &asked).await;
    let _gone = asha.client.delete_proved(&path, &proof).await.expect(204);
    assert_eq!(number(&bank, FACTORS).await, 0);
}
