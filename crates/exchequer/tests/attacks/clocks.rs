//! Clocks that jump: nothing comes back to life, no limit gives way, and the books still verify.

use exchequer::staff::model::Role;
use exchequer::verify;
use serde_json::json;

use crate::scene::Scene;

const DAY: i64 = 86_400;

/// A clock that stood two days ahead for a minute must not make the audit trail wrong for ever.
// PCI DSS 10.6.1: a clock that was wrong for a while leaves the trail in order.
#[tokio::test]
async fn the_books_verify_after_a_clock_that_was_far_ahead() {
    let mut s = Scene::new().await;
    s.bank.advance(2 * DAY);
    s.bank.sign_in(&mut s.asha).await;
    let _sent = s.asha.client.post("/v1/transfers", &s.order(10)).await.expect(201);
    s.bank.advance(-2 * DAY);
    s.bank.sign_in(&mut s.asha).await;
    let _sent = s.asha.client.post("/v1/transfers", &s.order(10)).await.expect(201);
    s.asha.client.post("/v1/transfers", &s.order(99_999)).await.refused(422, "insufficient_funds");
    let report = verify::run(s.bank.bank().db()).await.expect("a report");
    s.bank.skip_verify(); // its own assertion, here, with the finding in it
    assert!(report.finding().is_none(), "{report}");
}

#[tokio::test]
async fn a_daily_limit_does_not_give_way_to_a_clock_set_back() {
    let mut s = Scene::new().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    let path = format!("/v1/staff/accounts/{}/limits", s.from);
    let _set = auditor.client.post(&path, &json!({ "per_day": 100 })).await.expect(200);
    let _sent = s.asha.client.post("/v1/transfers", &s.order(100)).await.expect(201);
    s.asha.client.post("/v1/transfers", &s.order(1)).await.refused(422, "limit_exceeded");
    s.bank.advance(-DAY / 2);
    s.bank.sign_in(&mut s.asha).await;
    s.asha.client.post("/v1/transfers", &s.order(1)).await.refused(422, "limit_exceeded");
}

#[tokio::test]
async fn a_limit_given_late_counts_what_was_sent_before_it() {
    let s = Scene::new().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    let _sent = s.asha.client.post("/v1/transfers", &s.order(60)).await.expect(201);
    let hold = s.hold(&s.order(30)).await;
    let path = format!("/v1/staff/accounts/{}/limits", s.from);
    for body in [json!({ "per_day": 100 }), json!({ "per_day": null }), json!({ "per_day": 100 })] {
        let set = auditor.client.post(&path, &body).await;
        if body["per_day"].is_null() {
            let _none = s.bank.done(set, Role::Compliance).await;
        } else {
            let _set = set.expect(200);
        }
    }
    s.asha.client.post("/v1/transfers", &s.order(11)).await.refused(422, "limit_exceeded");
    let _voided = s.bela.client.post(&format!("{hold}/void"), &json!({})).await.expect(200);
    s.asha.client.post("/v1/transfers", &s.order(41)).await.refused(422, "limit_exceeded");
    let _sent = s.asha.client.post("/v1/transfers", &s.order(40)).await.expect(201);
}
