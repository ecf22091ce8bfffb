//! Card payments, many at once: one key from all sides, and acts on one payment that exclude each other.
//!
//! `EXCHEQUER_TEST_STORM_KEYS` says how many keys storm (20), each with 100 requests in parallel.

use std::collections::HashSet;

use exchequer::sandbox::Chaos;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::sandbox::order;
use testkit::{Reply, Till, key};

use crate::scene::{number, succeeded};

const VISA: &str = "4242424242424242";
/// Requests with one key.
const CROWD: usize = 100;

/// A number from the environment.
pub fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

async fn paid(till: &Till, capture: &str) -> String {
    format!("/v1/payments/{}", till.pay(VISA, capture).await.expect(201).text("/id"))
}

/// All answers that are one are the same; every other says that the first is under way.
fn one_answer(replies: &[Reply]) -> Option<&Reply> {
    let mut answers = replies.iter().filter(|reply| reply.status.is_success());
    let first = answers.next();
    for reply in answers {
        assert_eq!(Some(&reply.body), first.map(|first| &first.body));
    }
    for reply in replies.iter().filter(|reply| !reply.status.is_success()) {
        reply.refused(409, "idempotency_key_in_flight");
    }
    first
}

#[tokio::test]
async fn a_key_that_storms_is_one_charge_and_one_answer() {
    let till = Till::new().await;
    let keys = setting("EXCHEQUER_TEST_STORM_KEYS", 20);
    let card = till.shop.card(VISA).await;
    let body = order(&card, 10, "automatic");
    // Some answers come while others with their key are still begun.
    till.chaos(Chaos { slow_ms: 5, ..Chaos::default() });
    let mut payments = HashSet::new();
    for n in 0..keys {
        let key = format!("storm-{n}");
        let send = || till.shop.post_with_key("/v1/payments", &key, &body);
        let replies = join_all((0..CROWD).map(|_| send())).await;
        let answer = one_answer(&replies).expect("the first is answered");
        assert_eq!(answer.text("/status"), "succeeded");
        assert!(payments.insert(answer.text("/id")), "two keys, one payment");
        let late = send().await.expect(201);
        assert_eq!(late.body, answer.body);
    }
    let charges = till.gateway.desk().charges(None, usize::MAX);
    assert_eq!(charges.len(), payments.len());
    let keys = i128::from(keys);
    assert_eq!(till.totals(), (keys * 10, 0));
    let rows = number(&till.bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM payments").await;
    assert_eq!(i128::from(rows), keys);
}

#[tokio::test]
async fn a_refund_key_that_storms_is_one_refund() {
    let till = Till::new().await;
    for n in 0..5 {
        let path = format!("{}/refunds", paid(&till, "automatic").await);
        let (key, body) = (format!("refund-{n}"), json!({ "amount": 100 }));
        let send = || till.shop.post_with_key(&path, &key, &body);
        let replies = join_all((0..CROWD).map(|_| send())).await;
        assert!(one_answer(&replies).is_some());
    }
    assert_eq!(till.totals().1, 500);
}

#[tokio::test]
async fn of_refunds_that_together_pass_the_capture_one_is_made() {
    let till = Till::new().await;
    // Enough money of other payments, so that only the rule of this payment stands in the way.
    for _ in 0..3 {
        let _more = paid(&till, "automatic").await;
    }
    for round in 0..10 {
        let path = format!("{}/refunds", paid(&till, "automatic").await);
        let body = json!({ "amount": 6_000 });
        let replies = join_all((0..8).map(|_| till.shop.post(&path, &body))).await;
        assert_eq!(succeeded(&replies), 1, "{round}");
        let others = replies.iter().filter(|reply| !reply.status.is_success());
        others.for_each(|reply| reply.refused(422, "refund_exceeds_payment"));
        let _rest = till.shop.post(&path, &json!({ "amount": 100 })).await.expect(201);
    }
    assert_eq!(till.totals().1, 10 * 6_100);
}

#[tokio::test]
async fn refunds_of_many_payments_never_take_more_than_the_merchant_has() {
    let till = Till::new().await;
    let paths = join_all((0..10).map(|_| paid(&till, "automatic"))).await;
    // 98,... of each 100 rupees are left after fees: not enough to give all back.
    let whole = json!({});
    let paths: Vec<String> = paths.iter().map(|path| format!("{path}/refunds")).collect();
    let replies = join_all(paths.iter().map(|path| till.shop.post(path, &whole))).await;
    assert_eq!(succeeded(&replies), 9);
    let other = replies.iter().find(|reply| !reply.status.is_success()).expect("one");
    other.refused(422, "insufficient_funds");
}

#[tokio::test]
async fn of_captures_at_once_one_is_made() {
    let till = Till::new().await;
    for _ in 0..10 {
        let path = paid(&till, "manual").await;
        let (capture, all) = (format!("{path}/capture"), json!({}));
        let replies = join_all((0..8).map(|_| till.shop.post(&capture, &all))).await;
        assert_eq!(succeeded(&replies), 1);
        let others = replies.iter().filter(|reply| !reply.status.is_success());
        others.for_each(|reply| reply.refused(409, "payment_not_capturable"));
        let known = till.shop.get(&path).await.expect(200);
        assert_eq!((known.text("/status"), known.int("/captured")), ("succeeded".into(), 10_000));
    }
    assert_eq!(till.totals().0, 100_000);
}

#[tokio::test]
async fn parts_captured_at_once_never_pass_the_whole() {
    let till = Till::new().await;
    let path = paid(&till, "manual").await;
    let capture = format!("{path}/capture");
    let part = json!({ "amount": 3_000 });
    let replies = join_all((0..16).map(|_| till.shop.post(&capture, &part))).await;
    let captured = i64::try_from(succeeded(&replies)).expect("few") * 3_000;
    assert!((3_000..=9_000).contains(&captured), "{captured}");
    assert_eq!(till.shop.get(&path).await.expect(200).int("/captured"), captured);
    assert_eq!(till.totals().0, captured.into());
}

#[tokio::test]
async fn a_capture_racing_a_cancellation_is_one_of_the_two() {
    let till = Till::new().await;
    let mut ends = HashSet::new();
    for n in 0..20 {
        let path = paid(&till, "manual").await;
        let (capture, cancel) = (format!("{path}/capture"), format!("{path}/cancel"));
        let empty = json!({});
        let before = till.totals().0;
        let (first, second) = if n % 2 == 0 { (&capture, &cancel) } else { (&cancel, &capture) };
        let (a, b) = tokio::join!(till.shop.post(first, &empty), till.shop.post(second, &empty));
        assert_eq!(succeeded(&[a, b]), 1);
        let end: Value = till.shop.get(&path).await.expect(200).json();
        let taken = till.totals().0 - before;
        match end["status"].as_str() {
            Some("succeeded") => assert_eq!(taken, 10_000),
            Some("canceled") => assert_eq!(taken, 0),
            other => panic!("{other:?}"),
        }
        ends.insert(end["status"].to_string());
    }
    assert_eq!(ends.len(), 2, "both happen: {ends:?}");
}

/// A card is taken away while it pays: the payment is made, or there is no such card. Nothing fails.
#[tokio::test]
async fn a_card_deleted_while_it_pays_is_a_card_or_none() {
    let till = Till::new().await;
    for _ in 0..20 {
        let card = till.shop.card(VISA).await;
        let (path, body) = (format!("/v1/cards/{card}"), order(&card, 10, "automatic"));
        let pays = join_all((0..4).map(|_| till.shop.post("/v1/payments", &body)));
        let (pays, gone) = tokio::join!(pays, till.shop.delete(&path));
        assert_eq!(gone.status.as_u16(), 204);
        for reply in pays.iter().filter(|reply| !reply.status.is_success()) {
            reply.refused(422, "card_refused");
        }
    }
}

/// A key of payments is a key of its merchant, mode and route: nobody else's.
#[tokio::test]
async fn the_same_key_of_two_merchants_is_two_payments() {
    let till = Till::new().await;
    let other = testkit::Shop::new(&till.bank, &till.admin, "test").await;
    let (card, theirs) = (till.shop.card(VISA).await, other.card(VISA).await);
    let name = key();
    let (ours, other_body) = (order(&card, 10, "automatic"), order(&theirs, 20, "automatic"));
    let (a, b) = tokio::join!(
        till.shop.post_with_key("/v1/payments", &name, &ours),
        other.post_with_key("/v1/payments", &name, &other_body)
    );
    assert_ne!(a.expect(201).text("/id"), b.expect(201).text("/id"));
    assert_eq!(till.totals().0, 30);
}
