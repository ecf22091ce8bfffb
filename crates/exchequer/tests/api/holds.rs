//! `/v1/holds`: what is reserved, captured, released; and what never passes the balance.

use exchequer::holds::job;
use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{Client, Reply, key};
use tokio::sync::watch;

use crate::rows::number;
use crate::transfers::Pair;

/// Asha reserves money for Bela; gives the hold's path.
async fn hold(p: &Pair, amount: i64) -> String {
    let placed = p.asha.client.post("/v1/holds", &p.order(amount)).await.expect(201);
    format!("/v1/holds/{}", placed.text("/id"))
}

async fn hold_for(p: &Pair, amount: i64, seconds: i64) -> String {
    let mut order = p.order(amount);
    order["expires_in"] = json!(seconds);
    let placed = p.asha.client.post("/v1/holds", &order).await.expect(201);
    format!("/v1/holds/{}", placed.text("/id"))
}

async fn capture(client: &Client, hold: &str, body: &Value) -> Reply {
    client.post(&format!("{hold}/capture"), body).await
}

async fn void(client: &Client, hold: &str) -> Reply {
    client.post(&format!("{hold}/void"), &json!({})).await
}

/// Runs the job that expires holds; gives how many it did.
async fn sweep(p: &Pair) -> u64 {
    let (_running, stop) = watch::channel(false);
    job::sweep(p.bank.bank(), &stop).await.expect("the sweep runs")
}

/// Time passes; both customers sign in anew.
async fn pass(p: &mut Pair, seconds: i64) {
    p.bank.advance(seconds);
    p.bank.sign_in(&mut p.asha).await;
    p.bank.sign_in(&mut p.bela).await;
}

async fn balances(p: &Pair) -> [[i64; 3]; 2] {
    [p.bank.balance(&p.asha, &p.from).await, p.bank.balance(&p.bela, &p.to).await]
}

fn successes(replies: &[Reply]) -> usize {
    replies.iter().filter(|reply| reply.status.is_success()).count()
}

#[tokio::test]
async fn a_hold_reserves_money_and_a_capture_moves_it() {
    let p = Pair::new().await;
    let mut order = p.order(600);
    order["memo"] = json!("deposit for room 12");
    let placed = p.asha.client.post("/v1/holds", &order).await.expect(201);
    assert_eq!((placed.text("/status"), placed.int("/remaining")), ("active".to_owned(), 600));
    assert_eq!(balances(&p).await, [[10_000, 600, 9_400], [0, 0, 0]]);
    let path = format!("/v1/holds/{}", placed.text("/id"));
    for person in [&p.asha, &p.bela] {
        assert_eq!(person.client.get(&path).await.expect(200).body, placed.body);
    }
    let captured = capture(&p.bela.client, &path, &json!({})).await.expect(201);
    assert_eq!(captured.text("/status"), "captured");
    assert_eq!((captured.int("/captured"), captured.int("/remaining")), (600, 0));
    assert_eq!(balances(&p).await, [[9_400, 0, 9_400], [600, 0, 600]]);
    let transfer = format!("/v1/transfers/{}", captured.text("/transfer_id"));
    let transfer = p.asha.client.get(&transfer).await.expect(200);
    assert_eq!(
        (transfer.int("/amount"), transfer.text("/memo")),
        (600, order["memo"].as_str().expect("a memo").to_owned())
    );
}

#[tokio::test]
async fn a_hold_is_captured_in_parts_until_the_final_one() {
    let p = Pair::new().await;
    let path = hold(&p, 1_000).await;
    for (amount, remaining) in [(100, 900), (250, 650)] {
        let part = json!({ "amount": amount, "final": false });
        let reply = capture(&p.bela.client, &path, &part).await.expect(201);
        assert_eq!(
            (reply.text("/status"), reply.int("/remaining")),
            ("active".to_owned(), remaining)
        );
    }
    assert_eq!(balances(&p).await, [[9_650, 650, 9_000], [350, 0, 350]]);
    let more = capture(&p.bela.client, &path, &json!({ "amount": 651, "final": false })).await;
    more.refused(422, "capture_exceeds_hold");
    // The final part releases what it leaves, and that is usable at once.
    let last = capture(&p.bela.client, &path, &json!({ "amount": 50 })).await.expect(201);
    assert_eq!((last.text("/status"), last.int("/captured")), ("captured".to_owned(), 400));
    assert_eq!(balances(&p).await, [[9_600, 0, 9_600], [400, 0, 400]]);
    let _all = p.asha.client.post("/v1/transfers", &p.order(9_600)).await.expect(201);
    capture(&p.bela.client, &path, &json!({})).await.refused(409, "hold_not_active");
}

#[tokio::test]
async fn parts_that_use_a_hold_up_end_it_though_none_was_final() {
    let p = Pair::new().await;
    let path = hold(&p, 100).await;
    for _ in 0..2 {
        let part = json!({ "amount": 50, "final": false });
        let _part = capture(&p.bela.client, &path, &part).await.expect(201);
    }
    assert_eq!(p.asha.client.get(&path).await.expect(200).text("/status"), "captured");
    void(&p.asha.client, &path).await.refused(409, "hold_not_active");
    assert_eq!(balances(&p).await, [[9_900, 0, 9_900], [100, 0, 100]]);
}

#[tokio::test]
async fn voiding_a_hold_restores_exactly_the_state_before_it() {
    let p = Pair::new().await;
    let (from, to) = (format!("/v1/accounts/{}", p.from), format!("/v1/accounts/{}", p.to));
    let before = [p.asha.client.get(&from).await, p.bela.client.get(&to).await];
    for client in [&p.asha.client, &p.bela.client] {
        let path = hold(&p, 10_000).await;
        let voided = void(client, &path).await.expect(200);
        assert_eq!((voided.text("/status"), voided.int("/remaining")), ("voided".to_owned(), 0));
        let after = [p.asha.client.get(&from).await, p.bela.client.get(&to).await];
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.body, after.body);
        }
    }
    // All of it can be sent.
    let _all = p.asha.client.post("/v1/transfers", &p.order(10_000)).await.expect(201);
}

#[tokio::test]
async fn a_void_after_a_partial_capture_releases_only_the_rest() {
    let p = Pair::new().await;
    let path = hold(&p, 1_000).await;
    let part = json!({ "amount": 300, "final": false });
    let _part = capture(&p.bela.client, &path, &part).await.expect(201);
    let voided = void(&p.asha.client, &path).await.expect(200);
    assert_eq!((voided.int("/captured"), voided.int("/remaining")), (300, 0));
    assert_eq!(balances(&p).await, [[9_700, 0, 9_700], [300, 0, 300]]);
}

#[tokio::test]
async fn an_expired_hold_is_refused_at_use_before_any_job_has_run() {
    let mut p = Pair::new().await;
    let path = hold_for(&p, 600, 60).await;
    pass(&mut p, 59).await;
    let part = json!({ "amount": 1, "final": false });
    let _in_time = capture(&p.bela.client, &path, &part).await.expect(201);
    pass(&mut p, 1).await;
    for body in [json!({}), part] {
        capture(&p.bela.client, &path, &body).await.refused(409, "hold_expired");
    }
    assert_eq!(balances(&p).await, [[9_999, 599, 9_400], [1, 0, 1]]);
    // Its money may still be given back by hand.
    let _voided = void(&p.asha.client, &path).await.expect(200);
    assert_eq!(sweep(&p).await, 0);
    assert_eq!(balances(&p).await, [[9_999, 0, 9_999], [1, 0, 1]]);
}

#[tokio::test]
async fn the_job_releases_expired_holds_once_and_no_others() {
    let mut p = Pair::new().await;
    let mut due = Vec::new();
    for _ in 0..40 {
        due.push(hold_for(&p, 10, 60).await);
    }
    let later = hold_for(&p, 7, 61).await;
    pass(&mut p, 59).await;
    assert_eq!(sweep(&p).await, 0);
    pass(&mut p, 1).await;
    let (one, other) = tokio::join!(sweep(&p), sweep(&p));
    assert_eq!(one + other, 40, "each hold expires once, whoever sweeps");
    assert_eq!(sweep(&p).await, 0);
    assert_eq!(balances(&p).await[0], [10_000, 7, 9_993]);
    let expired = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'hold.expired'";
    assert_eq!(number(&p.bank, expired).await, 40);
    for path in &due {
        assert_eq!(p.asha.client.get(path).await.expect(200).text("/status"), "expired");
    }
    assert_eq!(p.asha.client.get(&later).await.expect(200).text("/status"), "active");
}

#[tokio::test]
async fn a_sweep_that_is_told_to_stop_leaves_the_rest() {
    let mut p = Pair::new().await;
    let path = hold_for(&p, 10, 60).await;
    pass(&mut p, 60).await;
    let (_running, stop) = watch::channel(true);
    assert_eq!(job::sweep(p.bank.bank(), &stop).await.expect("no error"), 0);
    assert_eq!(p.asha.client.get(&path).await.expect(200).text("/status"), "active");
}

/// The three ways a hold ends.
#[tokio::test]
async fn what_has_ended_is_neither_captured_nor_voided_and_nothing_moves() {
    let mut p = Pair::new().await;
    let (voided, captured) = (hold(&p, 100).await, hold(&p, 100).await);
    let expired = hold_for(&p, 100, 60).await;
    let _voided = void(&p.bela.client, &voided).await.expect(200);
    let _captured = capture(&p.bela.client, &captured, &json!({ "amount": 40 })).await.expect(201);
    pass(&mut p, 60).await;
    assert_eq!(sweep(&p).await, 1);
    let before = balances(&p).await;
    assert_eq!(before, [[9_960, 0, 9_960], [40, 0, 40]]);
    for path in [&voided, &captured, &expired] {
        let shown = p.asha.client.get(path).await.expect(200).body;
        for client in [&p.asha.client, &p.bela.client] {
            for body in
                [json!({}), json!({ "amount": 1, "final": false }), json!({ "amount": 101 })]
            {
                capture(client, path, &body).await.refused(409, "hold_not_active");
            }
            void(client, path).await.refused(409, "hold_not_active");
        }
        assert_eq!(p.asha.client.get(path).await.expect(200).body, shown);
    }
    assert_eq!(balances(&p).await, before);
}

#[tokio::test]
async fn two_captures_of_one_hold_at_once_have_one_winner() {
    let p = Pair::new().await;
    for body in [json!({}), json!({ "amount": 60 }), json!({ "amount": 60, "final": false })] {
        let before = balances(&p).await[1][0];
        let path = hold(&p, 100).await;
        let (payer, payee) = tokio::join!(
            capture(&p.asha.client, &path, &body),
            capture(&p.bela.client, &path, &body)
        );
        assert_eq!(successes(&[payer, payee]), 1, "{body}");
        let moved = body["amount"].as_i64().unwrap_or(100);
        assert_eq!(balances(&p).await[1][0], before + moved);
    }
}

#[tokio::test]
async fn a_void_racing_a_capture_leaves_one_of_the_two() {
    let p = Pair::new().await;
    let mut sum = 0;
    for _ in 0..8 {
        let path = hold(&p, 100).await;
        let nothing = json!({});
        let (captured, voided) =
            tokio::join!(capture(&p.bela.client, &path, &nothing), void(&p.asha.client, &path));
        assert_ne!(captured.status.is_success(), voided.status.is_success());
        sum += if captured.status.is_success() { 100 } else { 0 };
    }
    assert_eq!(balances(&p).await, [[10_000 - sum, 0, 10_000 - sum], [sum, 0, sum]]);
}

#[tokio::test]
async fn holds_never_pass_the_balance_one_after_another_or_at_once() {
    let p = Pair::new().await;
    let _first = hold(&p, 6_000).await;
    let over = p.asha.client.post("/v1/holds", &p.order(4_001)).await;
    over.refused(422, "insufficient_funds");
    let order = p.order(300);
    let replies = join_all((0..30).map(|_| p.asha.client.post("/v1/holds", &order))).await;
    assert_eq!(successes(&replies), 13);
    for reply in replies.iter().filter(|reply| !reply.status.is_success()) {
        reply.refused(422, "insufficient_funds");
    }
    assert_eq!(balances(&p).await[0], [10_000, 9_900, 100]);
    p.asha.client.post("/v1/transfers", &p.order(101)).await.refused(422, "insufficient_funds");
}

#[tokio::test]
async fn a_hold_made_twice_with_one_key_is_one_hold() {
    let p = Pair::new().await;
    let (key, order) = (key(), p.order(100));
    let replies =
        join_all((0..10).map(|_| p.asha.client.post_with_key("/v1/holds", &key, &order))).await;
    for reply in &replies {
        assert_eq!((reply.status.as_u16(), &reply.body), (201, &replies[0].body));
    }
    assert_eq!(balances(&p).await[0], [10_000, 100, 9_900]);
    // So is a capture, though the hold has ended since.
    let path = format!("/v1/holds/{}/capture", replies[0].text("/id"));
    let body = json!({ "amount": 60 });
    let first = p.bela.client.post_with_key(&path, &key, &body).await.expect(201);
    let again = p.bela.client.post_with_key(&path, &key, &body).await.expect(201);
    assert_eq!(first.body, again.body);
    assert_eq!(balances(&p).await, [[9_940, 0, 9_940], [60, 0, 60]]);
}

#[tokio::test]
async fn a_strangers_hold_is_not_there_and_a_strangers_account_is_not_held() {
    let p = Pair::new().await;
    let path = hold(&p, 100).await;
    let mallory = p.bank.customer("Mallory").await;
    mallory.client.get(&path).await.refused(404, "not_found");
    capture(&mallory.client, &path, &json!({})).await.refused(404, "not_found");
    void(&mallory.client, &path).await.refused(404, "not_found");
    for client in [&mallory.client, &p.bela.client] {
        client.post("/v1/holds", &p.order(1)).await.refused(422, "account_not_found");
    }
    assert_eq!(balances(&p).await, [[10_000, 100, 9_900], [0, 0, 0]]);
}

#[tokio::test]
async fn a_daily_limit_counts_a_hold_once_and_what_is_released_no_more() {
    let p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    let limits = format!("/v1/staff/accounts/{}/limits", p.from);
    let _set = admin.client.post(&limits, &json!({ "per_day": 1_000 })).await.expect(200);
    // `left` and not one unit more can go out; it is not sent.
    let room = async |left: i64| {
        p.asha.client.post("/v1/holds", &p.order(left + 1)).await.refused(422, "limit_exceeded");
        let path = hold(&p, left).await;
        let _voided = void(&p.asha.client, &path).await.expect(200);
    };
    room(1_000).await;
    let path = hold(&p, 600).await;
    room(400).await;
    let part = json!({ "amount": 250, "final": false });
    let _part = capture(&p.bela.client, &path, &part).await.expect(201);
    room(400).await;
    let _last = capture(&p.bela.client, &path, &json!({ "amount": 50 })).await.expect(201);
    room(700).await;
    let _sent = p.asha.client.post("/v1/transfers", &p.order(700)).await.expect(201);
    p.asha.client.post("/v1/transfers", &p.order(1)).await.refused(422, "limit_exceeded");
}

#[tokio::test]
async fn nothing_never_means_all_and_a_hold_lasts_1_second_to_30_days() {
    let p = Pair::new().await;
    let path = hold(&p, 100).await;
    for amount in [json!(0), json!(-1), json!(1.0), json!("5")] {
        capture(&p.bela.client, &path, &json!({ "amount": amount }))
            .await
            .refused(422, "invalid_fields");
        let mut order = p.order(1);
        order["amount"] = amount;
        p.asha.client.post("/v1/holds", &order).await.refused(422, "invalid_fields");
    }
    for seconds in [0, -1, 2_592_001, i64::MAX] {
        let mut order = p.order(1);
        order["expires_in"] = json!(seconds);
        let reply = p.asha.client.post("/v1/holds", &order).await;
        reply.refused(422, "invalid_fields");
        assert_eq!(reply.text("/fields/0/field"), "expires_in");
    }
    let _shortest = hold_for(&p, 1, 1).await;
    let _longest = hold_for(&p, 1, 2_592_000).await;
    assert_eq!(balances(&p).await[0], [10_000, 102, 9_898]);
}

#[tokio::test]
async fn a_frozen_account_keeps_its_hold_and_an_account_with_one_is_not_closed() {
    let p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    let stand = async |account: &str, act: &str| {
        admin.client.post(&format!("/v1/staff/accounts/{account}/{act}"), &json!({})).await
    };
    let path = hold(&p, 100).await;
    stand(&p.to, "close").await.refused(409, "holds_active");
    let _frozen = stand(&p.from, "freeze").await.expect(200);
    p.asha.client.post("/v1/holds", &p.order(1)).await.refused(422, "account_frozen");
    capture(&p.bela.client, &path, &json!({})).await.refused(422, "account_frozen");
    assert_eq!(balances(&p).await[0], [10_000, 100, 9_900]);
    let _voided = void(&p.bela.client, &path).await.expect(200);
    let _closed = stand(&p.to, "close").await.expect(200);
    let _open = stand(&p.from, "unfreeze").await.expect(200);
    p.asha.client.post("/v1/holds", &p.order(1)).await.refused(422, "account_closed");
}
