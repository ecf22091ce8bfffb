//! How many sessions, for how long: the cap, the idle and the absolute limit, clocks, and what is deleted.

use exchequer::config::AtCap;
use exchequer::jobs::{Job, SESSIONS_KEPT};
use exchequer::staff::model::Role;
use serde_json::json;
use testkit::{Client, Person, TestBank};
use tokio::sync::watch;

use crate::rows::number;
use crate::sessions::{log_in, post};

const LIVE: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions WHERE ended_at IS NULL";
const ALL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions";

async fn is_in(client: &Client) {
    let _me = client.get("/v1/me").await.expect(200);
}

async fn is_out(client: &Client) {
    client.get("/v1/me").await.refused(401, "unauthenticated");
}

async fn sign_in_again(bank: &TestBank, person: &Person) -> Person {
    let mut again = person.clone();
    bank.sign_in(&mut again).await;
    again
}

async fn run(bank: &TestBank, job: Job) -> u64 {
    let (_go_on, stop) = watch::channel(false);
    job.run(bank.bank(), &stop).await.expect("the job runs")
}

/// How often an event of this action and outcome was recorded.
async fn events(bank: &TestBank, action: &str) -> usize {
    let auditor = bank.operator(Role::Compliance).await;
    let reply = auditor.client.get(&format!("/v1/staff/events?limit=100&action={action}")).await;
    reply.expect(200).json()["data"].as_array().expect("a list").len()
}

/// ASVS 7.1.2: how many at once, and what happens then.
#[tokio::test]
async fn a_fourth_sign_in_ends_the_oldest_session_and_no_other() {
    let bank = TestBank::new().await;
    let first = bank.customer("Asha").await;
    let bela = bank.customer("Bela").await;
    let mut all = vec![first.clone()];
    for _ in 0..4 {
        bank.advance(1);
        all.push(sign_in_again(&bank, &first).await);
    }
    for old in &all[..2] {
        is_out(&old.client).await;
        let body = json!({ "refresh_token": old.refresh_token });
        post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
    }
    for live in &all[2..] {
        is_in(&live.client).await;
    }
    is_in(&bela.client).await;
    let list = all[4].client.get("/v1/sessions").await.expect(200).json();
    assert_eq!(list["data"].as_array().expect("a list").len(), 3);
    assert_eq!(events(&bank, "session.ended").await, 2);
}

#[tokio::test]
async fn where_the_cap_refuses_the_new_one_is_refused_and_it_is_no_failed_sign_in() {
    let refuse = |config: &mut exchequer::config::Config| {
        config.sessions.at_cap = AtCap::Refuse;
        config.sessions.max = 2;
    };
    let bank = TestBank::with(refuse).await;
    let asha = bank.customer("Asha").await;
    let other = sign_in_again(&bank, &asha).await;
    // More often than wrong passwords would lock for.
    for _ in 0..8 {
        log_in(&bank, &asha.email, &asha.password).await.refused(409, "too_many_sessions");
    }
    is_in(&asha.client).await;
    is_in(&other.client).await;
    let _out = other.client.post_raw("/v1/auth/logout", None, Vec::new()).await.expect(204);
    let again = sign_in_again(&bank, &asha).await;
    is_in(&again.client).await;
    is_in(&asha.client).await;
    assert_eq!(events(&bank, "session.sign_in_failed").await, 0);
    assert_eq!(events(&bank, "session.open_refused").await, 8);
}

#[tokio::test]
async fn a_session_past_a_limit_takes_no_place() {
    let refuse = |config: &mut exchequer::config::Config| {
        config.sessions.at_cap = AtCap::Refuse;
        config.sessions.max = 1;
    };
    let bank = TestBank::with(refuse).await;
    let asha = bank.customer("Asha").await;
    log_in(&bank, &asha.email, &asha.password).await.refused(409, "too_many_sessions");
    bank.advance(900);
    let again = sign_in_again(&bank, &asha).await;
    is_in(&again.client).await;
    is_out(&asha.client).await;
}

/// ASVS 7.3.1, 7.3.2; and a clock that goes back wakes nothing that was seen dead.
#[tokio::test]
async fn what_was_found_past_its_limit_stays_ended_when_the_clock_goes_back() {
    let bank = TestBank::new().await;
    let (seen, unseen) = (bank.customer("Seen").await, bank.customer("Unseen").await);
    bank.advance(900);
    let refresh = |person: &Person| json!({ "refresh_token": person.refresh_token });
    post(&bank, "/v1/auth/refresh", &refresh(&seen)).await.refused(401, "invalid_refresh_token");
    assert_eq!(run(&bank, Job::EndSessions).await, 1);
    assert_eq!(number(&bank, LIVE).await, 0);
    bank.advance(-890);
    for person in [&seen, &unseen] {
        is_out(&person.client).await;
        let reply = post(&bank, "/v1/auth/refresh", &refresh(person)).await;
        reply.refused(401, "invalid_refresh_token");
    }
    assert_eq!(run(&bank, Job::EndSessions).await, 0);
}

#[tokio::test]
async fn a_session_of_a_clock_that_was_ahead_serves_nobody_until_the_clock_is_there() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    bank.advance(3_600);
    let ahead = sign_in_again(&bank, &asha).await;
    bank.advance(-3_600);
    let body = json!({ "refresh_token": ahead.refresh_token });
    post(&bank, "/v1/auth/refresh", &body).await.refused(503, "unavailable");
    is_in(&asha.client).await;
    // It has not ended, since it may be this clock that is wrong.
    bank.advance(3_600);
    let _pair = post(&bank, "/v1/auth/refresh", &body).await.expect(200);
}

#[tokio::test]
async fn the_last_use_never_goes_back() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    bank.advance(100);
    is_in(&asha.client).await;
    let last_use = "SELECT last_used_at FROM sessions";
    let before = number(&bank, last_use).await;
    assert_eq!(before, bank.clock().now().micros());
    bank.advance(-40);
    is_in(&asha.client).await;
    let body = json!({ "refresh_token": asha.refresh_token });
    let _pair = post(&bank, "/v1/auth/refresh", &body).await.expect(200);
    assert_eq!(number(&bank, last_use).await, before);
}

/// ASVS 7.4.1: ended by its limit, in the row and in the log.
#[tokio::test]
async fn the_sweep_ends_what_is_idle_or_too_old_and_leaves_the_rest() {
    let bank = TestBank::with(|config| config.sessions.absolute_seconds = 1_000).await;
    let idle = bank.customer("Idle").await;
    bank.advance(500);
    let busy = bank.customer("Busy").await;
    bank.advance(450);
    let body = json!({ "refresh_token": busy.refresh_token });
    let _pair = post(&bank, "/v1/auth/refresh", &body).await.expect(200);
    assert_eq!(run(&bank, Job::EndSessions).await, 1);
    is_out(&idle.client).await;
    bank.advance(549);
    assert_eq!(run(&bank, Job::EndSessions).await, 0);
    bank.advance(1);
    assert_eq!(run(&bank, Job::EndSessions).await, 1);
    assert_eq!(number(&bank, LIVE).await, 0);
    let reasons = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions WHERE end_reason = 'idle_limit'";
    assert_eq!(number(&bank, reasons).await, 1);
}

#[tokio::test]
async fn old_sessions_are_deleted_after_their_refresh_tokens() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let _all = asha.client.delete("/v1/sessions").await.expect(204);
    bank.advance(SESSIONS_KEPT - 1);
    for job in [Job::DeleteRefreshTokens, Job::DeleteSessions] {
        assert_eq!(run(&bank, job).await, 0, "{job:?}");
    }
    bank.advance(1);
    // The used token that returns must be known for as long as the row is there.
    assert_eq!(run(&bank, Job::DeleteSessions).await, 0);
    assert_eq!(run(&bank, Job::DeleteRefreshTokens).await, 1);
    assert_eq!(run(&bank, Job::DeleteSessions).await, 1);
    assert_eq!(number(&bank, ALL).await, 0);
    let asha = sign_in_again(&bank, &asha).await;
    is_in(&asha.client).await;
}

/// A locked holder gets nothing through any grant, on the device that the guesses came from.
#[tokio::test]
async fn a_locked_customer_gets_no_new_pair_either() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let reply = log_in(&bank, &asha.email, &asha.password).await.expect(200);
    let (device, refresh) = (reply.text("/device_token"), reply.text("/refresh_token"));
    let wrong = json!({
        "email": asha.email, "password": "not the right passphrase", "device_token": device
    });
    for _ in 0..5 {
        post(&bank, "/v1/auth/login", &wrong).await.refused(401, "invalid_credentials");
    }
    let right = json!({ "email": asha.email, "password": asha.password, "device_token": device });
    post(&bank, "/v1/auth/login", &right).await.refused(429, "locked_out");
    let body = json!({ "refresh_token": refresh });
    let locked = post(&bank, "/v1/auth/refresh", &body).await;
    locked.refused(429, "locked_out");
    assert!(locked.header("retry-after").is_some());
    // The token was not used up by it.
    bank.advance(850);
    post(&bank, "/v1/auth/refresh", &body).await.refused(429, "locked_out");
    bank.advance(49);
    post(&bank, "/v1/auth/refresh", &body).await.refused(429, "locked_out");
}
