//! `POST /v1/transfers/batch`.

use serde_json::{Value, json};

use crate::transfers::Pair;

#[tokio::test]
async fn results_come_in_order_and_refusals_do_not_stop_the_rest() {
    let p = Pair::new().await;
    let body =
        json!({ "transfers": [p.order(100), p.order(99_999), p.order(200)], "atomic": false });
    let reply = p.asha.client.post("/v1/transfers/batch", &body).await.expect(200);
    assert_eq!(reply.int("/results/0/transfer/amount"), 100);
    assert_eq!(reply.text("/results/1/problem/code"), "insufficient_funds");
    assert_eq!(reply.int("/results/2/transfer/amount"), 200);
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [9_700, 0, 9_700]);
}

#[tokio::test]
async fn an_atomic_batch_is_all_or_none() {
    let p = Pair::new().await;
    let body =
        json!({ "transfers": [p.order(100), p.order(99_999), p.order(200)], "atomic": true });
    let reply = p.asha.client.post("/v1/transfers/batch", &body).await.expect(200);
    let codes: Vec<String> =
        (0..3).map(|i| reply.text(&format!("/results/{i}/problem/code"))).collect();
    assert_eq!(codes, ["linked_refused", "insufficient_funds", "linked_refused"]);
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 0, 10_000]);
    let fits = json!({ "transfers": [p.order(4_000), p.order(6_000)], "atomic": true });
    let _sent = p.asha.client.post("/v1/transfers/batch", &fits).await.expect(200);
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [0, 0, 0]);
}

#[tokio::test]
async fn a_batch_is_repeated_as_a_whole() {
    let p = Pair::new().await;
    let transfers: Vec<Value> = (1..=500).map(|_| p.order(2)).collect();
    let body = json!({ "transfers": transfers, "atomic": false });
    let first = p.asha.client.post_with_key("/v1/transfers/batch", "b", &body).await.expect(200);
    let again = p.asha.client.post_with_key("/v1/transfers/batch", "b", &body).await.expect(200);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [9_000, 0, 9_000]);
}

#[tokio::test]
async fn the_length_is_bounded_and_every_fault_is_named() {
    let p = Pair::new().await;
    let none = json!({ "transfers": [], "atomic": false });
    p.asha.client.post("/v1/transfers/batch", &none).await.refused(422, "invalid_fields");
    let many: Vec<Value> = (0..8_001).map(|_| p.order(1)).collect();
    let many = json!({ "transfers": many, "atomic": false });
    p.asha.client.post("/v1/transfers/batch", &many).await.refused(422, "invalid_fields");
    let mut wrong = p.order(1);
    wrong["amount"] = json!(-1);
    let body = json!({ "transfers": [p.order(1), wrong], "atomic": false });
    let reply = p.asha.client.post("/v1/transfers/batch", &body).await;
    reply.refused(422, "invalid_fields");
    assert_eq!(reply.text("/fields/0/field"), "transfers[1].amount");
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 0, 10_000]);
}

#[tokio::test]
async fn eight_thousand_at_once() {
    let p = Pair::new().await;
    let transfers: Vec<Value> = (0..8_000).map(|_| p.order(1)).collect();
    let body = json!({ "transfers": transfers, "atomic": true });
    let reply = p.asha.client.post("/v1/transfers/batch", &body).await.expect(200);
    let results = reply.json()["results"].as_array().map(Vec::len);
    assert_eq!(results, Some(8_000));
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [2_000, 0, 2_000]);
}
