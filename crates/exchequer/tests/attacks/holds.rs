//! Holds and reversals: after their end, beyond their amount, with odd numbers, and at once.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::json;
use testkit::Person;
use tokio::sync::watch;

use crate::scene::{Scene, succeeded};

async fn compliance(s: &Scene) -> Person {
    s.bank.operator(Role::Compliance).await
}

// ASVS 2.3.1: a hold takes each step once and in order.
#[tokio::test]
async fn a_hold_is_not_captured_after_void_capture_or_expiry() {
    let mut s = Scene::new().await;
    let (voided, captured) = (s.hold(&s.order(10)).await, s.hold(&s.order(20)).await);
    let mut short = s.order(30);
    short["expires_in"] = json!(5);
    let expired = s.hold(&short).await;
    let _voided = s.asha.client.post(&format!("{voided}/void"), &json!({})).await.expect(200);
    let part = json!({ "amount": 5 });
    let _part = s.bela.client.post(&format!("{captured}/capture"), &part).await.expect(201);
    let before = s.balances().await;
    for path in [&voided, &captured] {
        for (act, person) in [("capture", &s.asha), ("capture", &s.bela), ("void", &s.bela)] {
            let again = person.client.post(&format!("{path}/{act}"), &json!({})).await;
            again.refused(409, "hold_not_active");
        }
    }
    s.bank.advance(5); // to the very moment
    let late = s.bela.client.post(&format!("{expired}/capture"), &json!({})).await;
    late.refused(409, "hold_expired");
    assert_eq!(s.balances().await, before);
    let (_stop, stopped) = watch::channel(false);
    let runs = join_all((0..4).map(|_| Job::ExpireHolds.run(s.bank.bank(), &stopped))).await;
    let swept: u64 = runs.into_iter().map(|run| run.expect("a sweep")).sum();
    assert_eq!(swept, 1, "four sweeps at once act once");
    s.bank.sign_in(&mut s.bela).await;
    let late = s.bela.client.post(&format!("{expired}/capture"), &json!({})).await;
    late.refused(409, "hold_not_active");
    assert_eq!(s.balances().await, [[9_995, 0, 9_995], [5, 0, 5]]);
}

#[tokio::test]
async fn voiding_a_hold_restores_exactly_what_was_before_it() {
    let s = Scene::new().await;
    let kept = s.hold(&s.order(1_000)).await;
    let before = s.balances().await;
    let hold = s.hold(&s.order(4_000)).await;
    let part = json!({ "amount": 1, "final": false });
    let _part = s.asha.client.post(&format!("{hold}/capture"), &part).await.expect(201);
    let after = s.asha.client.post(&format!("{hold}/void"), &json!({})).await.expect(200);
    assert_eq!((after.int("/captured"), after.int("/remaining")), (1, 0));
    let [[posted, held, available], _] = before;
    assert_eq!(s.balances().await[0], [posted - 1, held, available - 1]);
    let _kept = s.asha.client.get(&kept).await.expect(200);
}

#[tokio::test]
async fn nothing_never_means_all_and_less_than_nothing_is_refused() {
    let s = Scene::new().await;
    let auditor = compliance(&s).await;
    let hold = s.hold(&s.order(100)).await;
    let sent = s.asha.client.post("/v1/transfers", &s.order(100)).await.expect(201).text("/id");
    let before = s.balances().await;
    for amount in ["0", "-1", "-9223372036854775808", "9223372036854775808", "1.0", "\"1\"", "-0"] {
        let capture = format!(r#"{{"amount":{amount}}}"#).into_bytes();
        let path = format!("{hold}/capture");
        let key = testkit::key();
        let refused = s.bela.client.post_raw(&path, Some(&key), capture).await;
        refused.refused(422, "invalid_fields");
        let reverse = format!(r#"{{"amount":{amount},"reason":"attack"}}"#).into_bytes();
        let path = format!("/v1/staff/transfers/{sent}/reverse");
        let key = testkit::key();
        let refused = auditor.client.post_raw(&path, Some(&key), reverse).await;
        refused.refused(422, "invalid_fields");
    }
    assert_eq!(s.balances().await, before);
}

#[tokio::test]
async fn reversals_at_once_never_pass_the_transfer() {
    let s = Scene::new().await;
    let auditor = compliance(&s).await;
    let sent = s.asha.client.post("/v1/transfers", &s.order(1_000)).await.expect(201).text("/id");
    let path = format!("/v1/staff/transfers/{sent}/reverse");
    let body = json!({ "amount": 400, "reason": "attack" });
    let replies = join_all((0..8).map(|_| auditor.client.post(&path, &body))).await;
    assert_eq!(succeeded(&replies), 2);
    let late = replies.iter().filter(|reply| !reply.status.is_success());
    late.for_each(|reply| reply.refused(422, "reversal_exceeds_transfer"));
    let rest = json!({ "reason": "attack" });
    let replies = join_all((0..4).map(|_| auditor.client.post(&path, &rest))).await;
    assert_eq!(succeeded(&replies), 1);
    assert_eq!(s.balances().await, [[10_000, 0, 10_000], [0, 0, 0]]);
}

#[tokio::test]
async fn a_reversal_is_not_reversed_and_not_by_the_customer() {
    let s = Scene::new().await;
    let auditor = compliance(&s).await;
    let sent = s.asha.client.post("/v1/transfers", &s.order(10)).await.expect(201).text("/id");
    let reason = json!({ "reason": "attack" });
    let path = format!("/v1/staff/transfers/{sent}/reverse");
    s.asha.client.post(&path, &reason).await.refused(403, "wrong_caller");
    let back = auditor.client.post(&path, &reason).await.expect(201).text("/id");
    let path = format!("/v1/staff/transfers/{back}/reverse");
    auditor.client.post(&path, &reason).await.refused(404, "not_found");
}

#[tokio::test]
async fn one_hold_ends_once_whoever_pulls_at_it() {
    let s = Scene::new().await;
    let mut short = s.order(3_000);
    short["expires_in"] = json!(3_000);
    let hold = s.hold(&short).await;
    let (capture, void) = (format!("{hold}/capture"), format!("{hold}/void"));
    let empty = json!({});
    let pulls = (0..16).map(|n| {
        let person = if n % 2 == 0 { &s.asha } else { &s.bela };
        let path = if n % 4 < 2 { &capture } else { &void };
        person.client.post(path, &empty)
    });
    let replies = join_all(pulls).await;
    assert_eq!(succeeded(&replies), 1);
    let [asha, bela] = s.balances().await;
    assert_eq!(asha[0] + bela[0], 10_000);
    assert_eq!(asha[1], 0);
}

#[tokio::test]
async fn a_hold_made_many_times_with_one_key_has_one_id() {
    let s = Scene::new().await;
    let order = s.order(1_000);
    let replies =
        join_all((0..32).map(|_| s.asha.client.post_with_key("/v1/holds", "h", &order))).await;
    assert_eq!(succeeded(&replies), 32);
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    assert_eq!(s.bank.balance(&s.asha, &s.from).await, [10_000, 1_000, 9_000]);
}

#[tokio::test]
async fn small_captures_at_once_never_pass_the_hold() {
    let s = Scene::new().await;
    let hold = s.hold(&s.order(1_000)).await;
    let part = json!({ "amount": 300, "final": false });
    let path = format!("{hold}/capture");
    let replies = join_all((0..8).map(|_| s.bela.client.post(&path, &part))).await;
    assert_eq!(succeeded(&replies), 3);
    assert_eq!(s.balances().await, [[9_100, 100, 9_000], [900, 0, 900]]);
}
