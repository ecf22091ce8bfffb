//! Gateways' reports against our payments: what agrees, and each way in which it does not.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use serde_json::json;
use testkit::sandbox::Till;
use testkit::{Person, Reply};
use tokio::sync::watch;

async fn reconcile(till: &Till) -> u64 {
    let (_go, stop) = watch::channel(false);
    Job::Reconcile.run(till.bank.bank(), &stop).await.expect("the reports are read")
}

/// Somebody who signs in now: a session does not last until the next day.
async fn auditor(till: &Till) -> Person {
    till.bank.operator(Role::Compliance).await
}

async fn open(till: &Till) -> Reply {
    auditor(till).await.client.get("/v1/staff/differences").await.expect(200)
}

/// A day and an hour, after which today's report is read.
const NEXT_DAY: i64 = 86_400 + 3_600;

// RBI DPSC 6: a day's report of a gateway is held against the books when the day is over.
#[tokio::test]
async fn what_agrees_is_matched_once() {
    let till = Till::with_its_clock().await;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let held = till.pay("4242424242424242", "manual").await.expect(201);
    let path = format!("/v1/payments/{}/capture", held.text("/id"));
    let _part = till.shop.post(&path, &json!({ "amount": 700 })).await.expect(200);
    let path = format!("/v1/payments/{}/refunds", paid.text("/id"));
    let _back = till.shop.post(&path, &json!({ "amount": 300 })).await.expect(201);
    let _declined = till.pay("4000000000000002", "automatic").await.expect(201);
    till.bank.advance(NEXT_DAY);
    assert!(reconcile(&till).await > 0);
    assert_eq!(reconcile(&till).await, 0);
    assert_eq!(open(&till).await.json()["data"], json!([]));
    let done = auditor(&till).await.client.get("/v1/staff/reconciliations").await.expect(200);
    let first = &done.json()["data"][0];
    assert_eq!((&first["lines"], &first["matched"]), (&json!(3), &json!(3)), "{first}");
    till.bank.advance(86_400);
    assert_eq!(reconcile(&till).await, 1);
    assert_eq!(open(&till).await.json()["data"], json!([]));
}

/// The bank has it as declined, and the gateway took the money: a row was changed, or a gateway lied.
// RBI DPSC 6: what does not agree is named and booked.
#[tokio::test]
async fn what_the_gateway_took_and_the_bank_has_not_goes_into_suspense() {
    let till = Till::with_its_clock().await;
    let stray = till.charge_behind_the_bank(12_300).await;
    till.bank.advance(NEXT_DAY);
    let _done = reconcile(&till).await;
    let found = open(&till).await;
    let row = &found.json()["data"][0];
    assert_eq!(
        (&row["what"], &row["theirs"], &row["ours"]),
        (&json!("unknown_operation"), &json!(12_300), &json!(0))
    );
    assert_eq!(row["operation"], json!(stray));
    assert!(row["transfer"].as_str().is_some_and(|id| id.starts_with("trf_")));
    let auditor = auditor(&till).await;
    let path = format!("/v1/staff/differences/{}/resolve", found.text("/data/0/id"));
    let note = json!({ "note": "refunded by hand at the gateway" });
    till.bank
        .operator(Role::Teller)
        .await
        .client
        .post(&path, &note)
        .await
        .refused(403, "forbidden");
    let resolved = auditor.client.post(&path, &note).await.expect(200);
    assert!(resolved.text("/resolved_by").starts_with("stf_"));
    auditor.client.post(&path, &note).await.refused(409, "already_resolved");
    assert_eq!(open(&till).await.json()["data"], json!([]));
    let all = auditor.client.get("/v1/staff/differences?open=false").await.expect(200);
    assert_eq!(all.json()["data"][0]["note"], note["note"]);
}

/// The bank has it as done, and no report of two days has it.
#[tokio::test]
async fn what_no_report_has_is_named_after_a_day_of_grace() {
    let till = Till::with_its_clock().await;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201);
    // Another gateway, which knows nothing of it, answers from now on.
    let till = till.with_another_gateway().await;
    till.bank.advance(NEXT_DAY);
    let _done = reconcile(&till).await;
    assert_eq!(open(&till).await.json()["data"], json!([]));
    till.bank.advance(86_400);
    let _done = reconcile(&till).await;
    let found = open(&till).await;
    let row = &found.json()["data"][0];
    assert_eq!(
        (&row["what"], &row["ours"], &row["theirs"]),
        (&json!("not_reported"), &json!(10_000), &json!(0))
    );
    assert_eq!(row["operation"], json!(paid.text("/id")));
}

/// A gateway that is away leaves the day open, and the next run reads it.
#[tokio::test]
async fn a_day_without_a_report_is_read_later() {
    let till = Till::with_its_clock().await;
    let _paid = till.pay("4242424242424242", "automatic").await.expect(201);
    till.bank.advance(NEXT_DAY);
    till.chaos(exchequer::sandbox::Chaos { is_down: true, ..Default::default() });
    assert_eq!(reconcile(&till).await, 0);
    till.chaos(exchequer::sandbox::Chaos::default());
    assert!(reconcile(&till).await > 0);
}
