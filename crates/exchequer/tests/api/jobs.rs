//! What the bank does by itself: forgetting what is old, and nothing that still counts.

use std::time::Duration;

use exchequer::jobs::{self, ANSWERS_KEPT, Job};
use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::json;
use store::{DbError, params};
use testkit::{TestBank, key};
use tokio::sync::watch;

use crate::rows::number;
use crate::sessions::post;
use crate::transfers::Pair;

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// Runs a job once; gives how many rows it changed.
async fn run(bank: &TestBank, job: Job) -> u64 {
    let (_running, stop) = watch::channel(false);
    job.run(bank.bank(), &stop).await.expect("the job runs")
}

/// Time passes; Asha signs in anew.
async fn pass(p: &mut Pair, seconds: i64) {
    p.bank.advance(seconds);
    p.bank.sign_in(&mut p.asha).await;
}

#[tokio::test]
async fn an_answer_older_than_30_days_is_gone_and_its_request_is_never_done_again() {
    let mut p = Pair::new().await;
    let account = json!({ "currency": "EUR", "name": "Euro" });
    let (hold, poor) = (p.order(100), p.order(99_999));
    let opened = p.asha.client.post_with_key("/v1/accounts", "open", &account).await.expect(201);
    let _held = p.asha.client.post_with_key("/v1/holds", "hold", &hold).await.expect(201);
    let refused = p.asha.client.post_with_key("/v1/transfers", "poor", &poor).await;
    refused.refused(422, "insufficient_funds");
    pass(&mut p, ANSWERS_KEPT - 1).await;
    assert_eq!(run(&p.bank, Job::ForgetAnswers).await, 0);
    let again = p.asha.client.post_with_key("/v1/accounts", "open", &account).await.expect(201);
    assert_eq!(again.body, opened.body);
    pass(&mut p, 1).await;
    assert!(run(&p.bank, Job::ForgetAnswers).await >= 3);
    // Enough money is there now, and the old key still does nothing.
    let mut teller = p.teller.clone();
    p.bank.sign_in_operator(&mut teller).await;
    p.bank.deposit(&teller, &p.from, 200_000, "INR").await;
    let before = p.bank.balance(&p.asha, &p.from).await;
    for (path, key, body) in [
        ("/v1/accounts", "open", &account),
        ("/v1/holds", "hold", &hold),
        ("/v1/transfers", "poor", &poor),
    ] {
        for _ in 0..2 {
            let late = p.asha.client.post_with_key(path, key, body).await;
            late.refused(410, "idempotency_key_expired");
        }
    }
    let other = json!({ "currency": "EUR", "name": "Another" });
    let other = p.asha.client.post_with_key("/v1/accounts", "open", &other).await;
    other.refused(422, "idempotency_key_reused");
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, before);
    let list = p.asha.client.get("/v1/accounts").await.expect(200).json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_posted_transfer_is_answered_under_its_key_for_ever() {
    let mut p = Pair::new().await;
    let order = p.order(70);
    let sent = p.asha.client.post_with_key("/v1/transfers", "t", &order).await.expect(201);
    for _ in 0..3 {
        pass(&mut p, 400 * DAY).await;
        let _rows = run(&p.bank, Job::ForgetAnswers).await;
        let again = p.asha.client.post_with_key("/v1/transfers", "t", &order).await.expect(201);
        assert_eq!(again.body, sent.body);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [9_930, 0, 9_930]);
}

#[tokio::test]
async fn a_job_run_twice_or_at_once_acts_once() {
    let mut p = Pair::new().await;
    // More than one slice of keys.
    let order = p.order(99_999);
    let client = &p.asha.client;
    for _ in 0..6 {
        let keys: Vec<String> = (0..200).map(|_| key()).collect();
        let sent = keys.iter().map(|key| client.post_with_key("/v1/transfers", key, &order));
        join_all(sent).await.iter().for_each(|r| r.refused(422, "insufficient_funds"));
    }
    let kept = "SELECT CAST(COUNT(*) AS BIGINT) FROM idempotency WHERE length(answer) > 0";
    let answers = number(&p.bank, kept).await;
    assert!(answers > 1_200, "{answers}");
    pass(&mut p, ANSWERS_KEPT).await;
    let (one, other) =
        tokio::join!(run(&p.bank, Job::ForgetAnswers), run(&p.bank, Job::ForgetAnswers));
    assert_eq!(i64::try_from(one + other), Ok(answers));
    assert_eq!(run(&p.bank, Job::ForgetAnswers).await, 0);
    assert_eq!(number(&p.bank, kept).await, 0);
}

#[tokio::test]
async fn what_a_daily_limit_counts_is_kept_while_it_counts() {
    let mut p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    let limits = format!("/v1/staff/accounts/{}/limits", p.from);
    let _set = admin.client.post(&limits, &json!({ "per_day": 1_000 })).await.expect(200);
    let _sent = p.asha.client.post("/v1/transfers", &p.order(1_000)).await.expect(201);
    // The last second of the window: the job leaves what counts, and the limit stands.
    pass(&mut p, DAY - 1).await;
    assert_eq!(run(&p.bank, Job::DeleteOutflows).await, 0);
    p.asha.client.post("/v1/transfers", &p.order(1)).await.refused(422, "limit_exceeded");
    pass(&mut p, 1).await;
    let _sent = p.asha.client.post("/v1/transfers", &p.order(900)).await.expect(201);
    // The first is two days old, the second one: the first goes, the second stays till its time.
    pass(&mut p, DAY - HOUR).await;
    assert_eq!(run(&p.bank, Job::DeleteOutflows).await, 0);
    p.asha.client.post("/v1/transfers", &p.order(101)).await.refused(422, "limit_exceeded");
    pass(&mut p, HOUR).await;
    assert_eq!(run(&p.bank, Job::DeleteOutflows).await, 1);
    assert_eq!(run(&p.bank, Job::DeleteOutflows).await, 0);
    pass(&mut p, DAY).await;
    assert_eq!(run(&p.bank, Job::DeleteOutflows).await, 1);
    let _free = p.asha.client.post("/v1/transfers", &p.order(1_000)).await.expect(201);
}

#[tokio::test]
async fn sign_ins_that_were_not_finished_are_deleted_a_day_after_they_expired() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let body = json!({ "email": admin.email, "password": admin.password });
    let open = post(&bank, "/v1/staff/login", &body).await.expect(200).text("/challenge/id");
    bank.advance(300 + DAY - 1);
    // The one that was answered is some seconds older.
    assert_eq!(run(&bank, Job::DeleteChallenges).await, 1);
    let late = json!({ "method": "totp", "code": "000000" });
    let path = format!("/v1/auth/challenges/{open}/verify");
    post(&bank, &path, &late).await.refused(401, "invalid_code");
    bank.advance(1);
    assert_eq!(run(&bank, Job::DeleteChallenges).await, 1);
    post(&bank, &path, &late).await.refused(404, "not_found");
}

#[tokio::test]
async fn refresh_tokens_are_kept_for_30_days_after_their_session_ended() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let all = "SELECT CAST(COUNT(*) AS BIGINT) FROM refresh_tokens";
    let body = json!({ "refresh_token": asha.refresh_token });
    let pair = post(&bank, "/v1/auth/refresh", &body).await.expect(200);
    // The session lives: its used token must be known for what it is.
    assert_eq!(run(&bank, Job::DeleteRefreshTokens).await, 0);
    let _out = asha.client.post_raw("/v1/auth/logout", None, Vec::new()).await.expect(204);
    bank.advance(30 * DAY - 1);
    assert_eq!(run(&bank, Job::DeleteRefreshTokens).await, 0);
    assert_eq!(number(&bank, all).await, 2);
    bank.advance(1);
    assert_eq!(run(&bank, Job::DeleteRefreshTokens).await, 2);
    assert_eq!(number(&bank, all).await, 0);
    for token in [asha.refresh_token, pair.text("/refresh_token")] {
        let body = json!({ "refresh_token": token });
        post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
    }
}

/// More counters of one subject than a slice has rows: the purge goes past them, and to its end.
#[tokio::test]
async fn many_counters_of_one_subject_do_not_keep_a_purge_for_ever() {
    let bank = TestBank::new().await;
    let last_at = bank.clock().now();
    let fill = bank.bank().db().write("test.fill", move |tx| {
        for n in 0..2_500_u32 {
            // The last one is of another subject, behind them.
            let subject = [if n < 2_499 { 7_u8 } else { 8 }; 32];
            let mut device = [0_u8; 32];
            device[..4].copy_from_slice(&n.to_be_bytes());
            tx.execute(
                "INSERT INTO attempts (subject, kind, device, failures, last_at) \
                 VALUES ($1, 'factor', $2, 1, $3)",
                params![&subject, &device, last_at],
            )?;
        }
        Ok(())
    });
    fill.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    bank.advance(DAY);
    let purge = tokio::time::timeout(Duration::from_secs(30), run(&bank, Job::DeleteAttempts));
    assert_eq!(purge.await.expect("the purge comes to its end"), 2_500);
}

#[tokio::test]
async fn every_job_ends_when_it_is_told_to_or_nobody_is_left_to_tell_it() {
    let bank = TestBank::new().await;
    for tells in [true, false] {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = jobs::spawn(bank.bank(), stopped);
        assert_eq!(tasks.len(), Job::ALL.len());
        if tells {
            stop.send(true).expect("the jobs listen");
        }
        drop(stop);
        let end = async { while tasks.join_next().await.is_some() {} };
        assert!(tokio::time::timeout(Duration::from_secs(5), end).await.is_ok());
    }
}

#[tokio::test]
async fn what_ones_own_limits_count_is_kept_for_longer_than_the_longest() {
    let mut p = Pair::new().await;
    let limits = json!({ "per_month": 1_000 });
    let _set = p.asha.client.put("/v1/limits/INR", &limits).await.expect(200);
    let _sent = p.asha.client.post("/v1/transfers", &p.order(1_000)).await.expect(201);
    pass(&mut p, 30 * DAY - HOUR).await;
    assert_eq!(run(&p.bank, Job::DeleteSpending).await, 0);
    p.asha.client.post("/v1/transfers", &p.order(1)).await.refused(422, "limit_exceeded");
    pass(&mut p, 2 * DAY + 3 * HOUR).await;
    assert_eq!(run(&p.bank, Job::DeleteSpending).await, 1);
    assert_eq!(run(&p.bank, Job::DeleteSpending).await, 0);
    let _sent = p.asha.client.post("/v1/transfers", &p.order(1_000)).await.expect(201);
}
