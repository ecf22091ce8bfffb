//! `/v1/password`, `/v1/auth/password/…`: who may set a password, and what ends when it is set.

use exchequer::jobs::Job;
use http::Method;
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank};
use tokio::sync::watch;

use crate::outbox::inbox;
use crate::rows::{number, texts};
use crate::sessions::{log_in, post};

const NEW: &str = "another long and quiet sentence";

async fn change(person: &Person, current: &str, new: &str) -> Reply {
    let body = json!({ "current_password": current, "new_password": new });
    person.client.post_raw("/v1/password", None, body.to_string().into_bytes()).await
}

async fn change_with(person: &Person, new: &str, proof: &str) -> Reply {
    let body = json!({ "current_password": person.password, "new_password": new });
    let request = person.client.request(Method::POST, "/v1/password");
    let request = request.header("content-type", "application/json").header("step-up", proof);
    person.client.send(request.body(body.to_string().into()).expect("a request")).await
}

async fn forgot(bank: &TestBank, email: &str) -> Reply {
    post(bank, "/v1/auth/password/forgot", &json!({ "email": email })).await
}

async fn reset(bank: &TestBank, token: &str, new: &str) -> Reply {
    let body = json!({ "token": token, "new_password": new });
    post(bank, "/v1/auth/password/reset", &body).await
}

/// Asks for a reset and reads the token from the newest mail.
async fn mailed_token(bank: &TestBank, email: &str) -> String {
    let _told = forgot(bank, email).await.expect(202);
    let mails = inbox(bank).await;
    let text = mails[0]["text"].as_str().expect("a text");
    assert_eq!((&mails[0]["to"], &mails[0]["purpose"]), (&json!(email), &json!("password_reset")));
    assert!(text.contains("password"), "{text}");
    bank.mailed_token(email, "password_reset").await
}

/// A customer whose address is proven.
async fn proven(bank: &TestBank, name: &str) -> Person {
    let person = bank.customer(name).await;
    bank.confirm_email(&person).await;
    person
}

/// Answers a challenge with the authenticator's next code.
async fn prove(bank: &TestBank, person: &Person, challenge: &str) -> String {
    bank.advance(30);
    let body = json!({ "method": "totp", "code": bank.totp_code(person) });
    let path = format!("/v1/auth/challenges/{challenge}/verify");
    let proof = post(bank, &path, &body).await.expect(200).text("/proof");
    bank.secret(&proof);
    proof
}

async fn notices(bank: &TestBank, email: &str) -> usize {
    let is_notice = |m: &&Value| m["purpose"] == "password_changed" && m["to"] == email;
    inbox(bank).await.iter().filter(is_notice).count()
}

// ASVS 6.2.2, 6.2.3: a customer changes their password and shows the current one for it.
// ASVS 7.4.3: all sessions end with it, the one that asked too.
// PCI DSS 10.2.1.5: a change of a password is an event.
// RTS 26: a password is renewed by who shows the old one.
#[tokio::test]
async fn a_change_ends_all_sessions_and_is_told() {
    let bank = TestBank::new().await;
    bank.secret(NEW);
    let mut elsewhere = bank.customer("Asha").await;
    let here = elsewhere.clone();
    bank.sign_in(&mut elsewhere).await;
    let _done = change(&here, &here.password, NEW).await.expect(204);
    for person in [&here, &elsewhere] {
        person.client.get("/v1/me").await.refused(401, "unauthenticated");
        let body = json!({ "refresh_token": person.refresh_token });
        post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
    }
    log_in(&bank, &here.email, &here.password).await.refused(401, "invalid_credentials");
    let _in = log_in(&bank, &here.email, NEW).await.expect(200);
    assert_eq!(notices(&bank, &here.email).await, 1);
    let outcomes = "SELECT outcome FROM events WHERE action = 'password.changed'";
    assert_eq!(texts(&bank, outcomes).await, ["done"]);
    let changed = "SELECT CAST(COUNT(*) AS BIGINT) FROM customers \
                   WHERE password_changed_at IS NOT NULL";
    assert_eq!(number(&bank, changed).await, 1, "large transfers wait from here on");
}

// ASVS 6.2.1, 6.2.4, 6.2.12: the rules are those of a registration.
#[tokio::test]
async fn a_new_password_follows_the_rules_and_is_not_the_old_one() {
    let bank = TestBank::new().await;
    let asha = proven(&bank, "Asha").await;
    for (new, code) in [
        ("short", "too_short"),
        ("asha@example.test", "contains_identity"),
        (asha.password.as_str(), "reused"),
    ] {
        let refused = change(&asha, &asha.password, new).await;
        refused.refused(422, "invalid_fields");
        assert_eq!(refused.text("/fields/0/field"), "new_password");
        assert_eq!(refused.text("/fields/0/code"), code, "{new}");
        let token = mailed_token(&bank, &asha.email).await;
        let refused = reset(&bank, &token, new).await;
        refused.refused(422, "invalid_fields");
        assert_eq!(refused.text("/fields/0/code"), code, "{new}");
    }
    let _in = log_in(&bank, &asha.email, &asha.password).await.expect(200);
    assert_eq!(notices(&bank, &asha.email).await, 0);
}

// ASVS 6.3.1: guessing the current password from a session counts as guessing at sign-in.
#[tokio::test]
async fn wrong_current_passwords_are_counted_and_locked() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    for _ in 0..5 {
        change(&asha, "not it at all, friend", NEW).await.refused(401, "invalid_credentials");
    }
    let locked = change(&asha, &asha.password, NEW).await;
    locked.refused(429, "locked_out");
    assert!(locked.header("retry-after").is_some());
    bank.advance(900);
    let mut asha = asha;
    bank.sign_in(&mut asha).await;
    let _done = change(&asha, &asha.password.clone(), NEW).await.expect(204);
}

// ASVS 7.5.1: who has a second factor shows it for a change of the password.
// PCI DSS 8.3.3: a password is changed by who shows the old one and the second factor.
#[tokio::test]
async fn with_a_second_factor_a_change_needs_it() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    // The factor was shown while it was enrolled; that counts for five minutes, as long as a token.
    bank.advance(301);
    let pair = json!({ "refresh_token": asha.refresh_token });
    let pair = post(&bank, "/v1/auth/refresh", &pair).await.expect(200);
    asha.client = bank.client().with_token(&pair.text("/access_token"));
    let asked = change(&asha, &asha.password, NEW).await;
    asked.refused(403, "step_up_required");
    let proof = prove(&bank, &asha, &asked.text("/challenge/id")).await;
    change_with(&asha, NEW, "chl_00000000000000000000000000.x")
        .await
        .refused(403, "step_up_required");
    let _done = change_with(&asha, NEW, &proof).await.expect(204);
    change_with(&asha, "yet another long sentence", &proof).await.refused(401, "unauthenticated");
}

// ASVS 6.4.3: a reset needs the token, serves once, and signs everybody out.
#[tokio::test]
async fn a_token_sets_a_password_once_and_lifts_the_lock() {
    let bank = TestBank::new().await;
    bank.secret(NEW);
    let asha = proven(&bank, "Asha").await;
    for _ in 0..5 {
        log_in(&bank, &asha.email, "not it at all, friend")
            .await
            .refused(401, "invalid_credentials");
    }
    log_in(&bank, &asha.email, &asha.password).await.refused(429, "locked_out");
    let token = mailed_token(&bank, &asha.email).await;
    let done = reset(&bank, &token, NEW).await.expect(200);
    assert_eq!(done.json(), json!({ "status": "password_changed" }));
    asha.client.get("/v1/me").await.refused(401, "unauthenticated");
    let _in = log_in(&bank, &asha.email, NEW).await.expect(200);
    assert_eq!(notices(&bank, &asha.email).await, 1);
    let again = reset(&bank, &token, "yet another long sentence").await;
    again.refused(401, "invalid_reset_token");
    let _in = log_in(&bank, &asha.email, NEW).await.expect(200);
}

// RTS 9: a mailbox in other hands does not stand in for the second factor.
#[tokio::test]
async fn with_a_second_factor_a_token_alone_is_not_enough() {
    let bank = TestBank::new().await;
    let mut asha = proven(&bank, "Asha").await;
    let codes = bank.enrol_totp(&mut asha).await;
    let token = mailed_token(&bank, &asha.email).await;
    let asked = reset(&bank, &token, NEW).await.expect(200);
    assert_eq!(asked.text("/status"), "mfa_required");
    assert!(asked.json()["challenge"]["methods"].to_string().contains("totp"), "{asked:?}");
    let _still_in = log_in(&bank, &asha.email, &asha.password).await.expect(200);
    let path = format!("/v1/auth/challenges/{}/verify", asked.text("/challenge/id"));
    let wrong = json!({ "method": "totp", "code": "000000" });
    post(&bank, &path, &wrong).await.refused(401, "invalid_code");
    let body = json!({ "method": "recovery_code", "code": codes[0] });
    let proof = post(&bank, &path, &body).await.expect(200).text("/proof");
    bank.secret(&proof);
    for made_up in ["x", "chl_00000000000000000000000000.x"] {
        let body = json!({ "token": token, "new_password": NEW, "proof": made_up });
        let asked = post(&bank, "/v1/auth/password/reset", &body).await.expect(200);
        assert_eq!(asked.text("/status"), "mfa_required");
    }
    let body = json!({ "token": token, "new_password": NEW, "proof": proof });
    let done = post(&bank, "/v1/auth/password/reset", &body).await.expect(200);
    assert_eq!(done.text("/status"), "password_changed");
    assert_eq!(log_in(&bank, &asha.email, NEW).await.expect(200).text("/status"), "mfa_required");
}

#[tokio::test]
async fn a_passkey_is_the_second_factor_of_a_reset() {
    let bank = TestBank::new().await;
    let asha = proven(&bank, "Asha").await;
    let mut key = bank.enrol_webauthn(&asha, "passkey").await;
    let token = mailed_token(&bank, &asha.email).await;
    let asked = reset(&bank, &token, NEW).await.expect(200).json();
    let proof = bank.verify_with(&asked["challenge"], &mut key).await.expect(200).text("/proof");
    let body = json!({ "token": token, "new_password": NEW, "proof": proof });
    let done = post(&bank, "/v1/auth/password/reset", &body).await.expect(200);
    assert_eq!(done.text("/status"), "password_changed");
}

#[tokio::test]
async fn the_proof_may_come_in_the_header() {
    let bank = TestBank::new().await;
    let mut asha = proven(&bank, "Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let token = mailed_token(&bank, &asha.email).await;
    let asked = reset(&bank, &token, NEW).await.expect(200);
    let proof = prove(&bank, &asha, &asked.text("/challenge/id")).await;
    let body = json!({ "token": token, "new_password": NEW }).to_string();
    let request = bank.client().request(Method::POST, "/v1/auth/password/reset");
    let request = request.header("content-type", "application/json").header("step-up", proof);
    let done = bank.client().send(request.body(body.into()).expect("a request")).await;
    assert_eq!(done.expect(200).text("/status"), "password_changed");
}

#[tokio::test]
async fn a_token_ends_after_half_an_hour_with_the_next_one_and_with_a_change() {
    let bank = TestBank::new().await;
    let asha = proven(&bank, "Asha").await;
    let late = mailed_token(&bank, &asha.email).await;
    bank.advance(1_800);
    reset(&bank, &late, NEW).await.refused(401, "invalid_reset_token");
    let mut asha = asha;
    bank.sign_in(&mut asha).await;
    let older = mailed_token(&bank, &asha.email).await;
    let newest = mailed_token(&bank, &asha.email).await;
    reset(&bank, &older, NEW).await.refused(401, "invalid_reset_token");
    let _done = change(&asha, &asha.password.clone(), NEW).await.expect(204);
    reset(&bank, &newest, "yet another long sentence").await.refused(401, "invalid_reset_token");
    for nonsense in ["", "x", &"a".repeat(43), &"a".repeat(5_000)] {
        reset(&bank, nonsense, NEW).await.refused(401, "invalid_reset_token");
    }
}

#[tokio::test]
async fn a_clock_set_back_lengthens_no_token() {
    let bank = TestBank::new().await;
    let asha = proven(&bank, "Asha").await;
    let token = mailed_token(&bank, &asha.email).await;
    let start = bank.clock().now();
    bank.clock().set(start.plus_seconds(-60)).expect("a clock in hand");
    reset(&bank, &token, NEW).await.refused(401, "invalid_reset_token");
    bank.clock().set(start.plus_seconds(1_799)).expect("a clock in hand");
    let _done = reset(&bank, &token, NEW).await.expect(200);
}

#[tokio::test]
async fn whatever_statement_fails_a_reset_is_whole_or_not_at_all() {
    let bank = TestBank::new().await;
    let asha = proven(&bank, "Asha").await;
    let token = mailed_token(&bank, &asha.email).await;
    let faults = bank.bank().db().faults().clone();
    let mut statements = 0;
    for statement in 1..60 {
        faults.fail_at("passwords.reset", statement);
        let reply = reset(&bank, &token, NEW).await;
        if faults.disarm() {
            assert_eq!(reply.expect(200).text("/status"), "password_changed");
            statements = statement;
            break;
        }
        reply.refused(503, "unavailable");
        let _me = asha.client.get("/v1/me").await.expect(200);
        assert_eq!(notices(&bank, &asha.email).await, 0, "at {statement}");
    }
    assert!(statements > 5, "the verb has no statements: is the name right?");
    asha.client.get("/v1/me").await.refused(401, "unauthenticated");
    assert_eq!(notices(&bank, &asha.email).await, 1);
}

#[tokio::test]
async fn rows_of_tokens_are_deleted_after_a_day() {
    let bank = TestBank::new().await;
    let asha = proven(&bank, "Asha").await;
    let _token = mailed_token(&bank, &asha.email).await;
    let _told = forgot(&bank, "nobody@example.test").await.expect(202);
    let (_running, stop) = watch::channel(false);
    bank.advance(86_399);
    assert_eq!(Job::DeleteResets.run(bank.bank(), &stop).await.expect("it runs"), 0);
    bank.advance(1);
    assert_eq!(Job::DeleteResets.run(bank.bank(), &stop).await.expect("it runs"), 2);
}
