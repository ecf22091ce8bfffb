//! The operators' second factor: guessed, repeated, raced, answered late.

use exchequer::challenges::{self, Purpose, Question};
use exchequer::customers::model::Email;
use exchequer::sessions::model::PrincipalRef;
use exchequer::staff;
use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::json;
use store::DbError;
use testkit::{Person, Reply, TestBank};

use crate::scene::{post, sql, succeeded};

/// A challenge as the right password opens it, without the price of a hash.
async fn challenge(bank: &TestBank, person: &Person) -> String {
    let email: Email = person.email.parse().expect("an e-mail");
    let act = bank.bank().system_act("attack");
    let opened = bank.bank().db().write("attack", move |tx| {
        let known = staff::credentials(tx, &email)?.expect("an operator");
        let question = Question {
            purpose: Purpose::SignIn,
            session: None,
            device: None,
            factor: None,
            binding: None,
            text: None,
        };
        challenges::ask_in(tx, &act, PrincipalRef::Staff(known.id), &question)
    });
    let asked = opened.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    asked.id.to_string()
}

async fn answer(bank: &TestBank, challenge: &str, code: &str) -> Reply {
    let path = format!("/v1/auth/challenges/{challenge}/verify");
    post(bank, &path, &json!({ "method": "totp", "code": code })).await
}

/// A code that is none of the window.
fn wrong_code(bank: &TestBank, person: &Person) -> String {
    let mut right = Vec::new();
    for step in [-30, 30, 30] {
        bank.advance(step);
        right.push(bank.totp_code(person));
    }
    bank.advance(-30);
    (0..1_000_000)
        .map(|n| format!("{n:06}"))
        .find(|code| !right.contains(code))
        .expect("one of a million")
}

#[tokio::test]
async fn one_code_in_sixty_four_challenges_at_once_signs_in_once() {
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    bank.advance(30);
    let mut challenges = Vec::new();
    for _ in 0..64 {
        challenges.push(challenge(&bank, &teller).await);
    }
    let code = bank.totp_code(&teller);
    let replies = join_all(challenges.iter().map(|id| answer(&bank, id, &code))).await;
    assert_eq!(succeeded(&replies), 1);
}

#[tokio::test]
async fn guessing_does_not_go_on_through_an_older_or_newer_challenge() {
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    bank.advance(30);
    let older = challenge(&bank, &teller).await;
    let wrong = wrong_code(&bank, &teller);
    // Who has the password opens challenges as they please: five wrong codes in all, not each.
    for n in 0..8 {
        let id = challenge(&bank, &teller).await;
        let told = if n < 5 { (401, "invalid_code") } else { (429, "locked_out") };
        answer(&bank, &id, &wrong).await.refused(told.0, told.1);
    }
    let newer = challenge(&bank, &teller).await;
    for id in [&older, &newer] {
        let code = bank.totp_code(&teller);
        answer(&bank, id, &code).await.refused(429, "locked_out");
    }
    bank.advance(901);
    let mut teller = teller;
    bank.sign_in_operator(&mut teller).await;
}

// ASVS 2.3.1: a sign-in goes on only from the step that it is at.
#[tokio::test]
async fn a_dead_late_used_or_unknown_challenge_takes_no_right_code() {
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    bank.advance(30);
    let (guessed, late, used) = (
        challenge(&bank, &teller).await,
        challenge(&bank, &teller).await,
        challenge(&bank, &teller).await,
    );
    let wrong = wrong_code(&bank, &teller);
    for _ in 0..3 {
        answer(&bank, &guessed, &wrong).await.refused(401, "invalid_code");
    }
    answer(&bank, &guessed, &bank.totp_code(&teller)).await.refused(401, "invalid_code");
    let _in = answer(&bank, &used, &bank.totp_code(&teller)).await.expect(200);
    bank.advance(30);
    answer(&bank, &used, &bank.totp_code(&teller)).await.refused(401, "invalid_code");
    bank.advance(270);
    answer(&bank, &late, &bank.totp_code(&teller)).await.refused(401, "invalid_code");
    let unknown = bank.unknown_id::<money::kind::Challenge>();
    answer(&bank, &unknown, &bank.totp_code(&teller)).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_operator_disabled_between_password_and_code_stays_outside() {
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    bank.advance(30);
    let id = challenge(&bank, &teller).await;
    assert_eq!(sql(&bank, "UPDATE staff SET status = 1").await, 1);
    answer(&bank, &id, &bank.totp_code(&teller)).await.refused(401, "invalid_code");
    bank.advance(2);
    teller.client.get("/v1/staff/customers?query=x@y.test").await.refused(401, "unauthenticated");
    let body = json!({ "refresh_token": teller.refresh_token });
    post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
}
