//! A transaction that fails at statement *n*, for every *n* of every verb: nothing half-done, a clear
//! 503, and a retry with the same key works.

use serde_json::{Value, json};
use testkit::{Client, key};

use crate::transfers::Pair;

/// Fails `verb` at each of its statements in turn; the books are compared by `TestBank` at the end.
async fn fail_everywhere(p: &Pair, verb: &'static str, client: &Client, path: &str, body: &Value) {
    for statement in 1.. {
        assert!(statement < 60, "{verb} has no end");
        let key = key();
        p.bank.bank().db().faults().fail_at(verb, statement);
        let failed = client.post_with_key(path, &key, body).await;
        if p.bank.bank().db().faults().disarm() {
            assert!(statement > 2, "{verb} has no statements: is the name right?");
            assert!(failed.status.is_success(), "{verb}: {failed:?}");
            return;
        }
        failed.refused(503, "unavailable");
        assert!(failed.header("retry-after").is_some());
        if statement % 3 == 0 {
            let retried = client.post_with_key(path, &key, body).await;
            assert!(retried.status.is_success(), "{verb} at {statement}: {retried:?}");
            assert_eq!(retried.header("idempotent-replayed"), None);
        }
    }
}

#[tokio::test]
async fn opening_an_account() {
    let p = Pair::new().await;
    let body = json!({ "currency": "INR", "name": "Fault" });
    fail_everywhere(&p, "accounts.open", &p.asha.client, "/v1/accounts", &body).await;
}

#[tokio::test]
async fn a_transfer() {
    let p = Pair::new().await;
    fail_everywhere(&p, "transfers.post", &p.asha.client, "/v1/transfers", &p.order(1)).await;
}

#[tokio::test]
async fn a_batch_of_transfers() {
    let p = Pair::new().await;
    let body = json!({ "transfers": [p.order(1), p.order(2), p.order(99_999)], "atomic": false });
    fail_everywhere(&p, "transfers.batch", &p.asha.client, "/v1/transfers/batch", &body).await;
}

#[tokio::test]
async fn a_hold() {
    let p = Pair::new().await;
    fail_everywhere(&p, "holds.place", &p.asha.client, "/v1/holds", &p.order(1)).await;
}

#[tokio::test]
async fn a_capture_of_part_of_a_hold() {
    let p = Pair::new().await;
    let hold = p.asha.client.post("/v1/holds", &p.order(5_000)).await.expect(201).text("/id");
    let path = format!("/v1/holds/{hold}/capture");
    let body = json!({ "amount": 1, "final": false });
    fail_everywhere(&p, "holds.capture", &p.asha.client, &path, &body).await;
}

#[tokio::test]
async fn a_deposit() {
    let p = Pair::new().await;
    let body = json!({ "account": p.from, "amount": 5, "currency": "INR", "reference": "f" });
    fail_everywhere(&p, "transfers.post", &p.teller.client, "/v1/staff/deposits", &body).await;
}
