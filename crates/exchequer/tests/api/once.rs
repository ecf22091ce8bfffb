//! Once: keys on every changing POST.

use futures_util::future::join_all;
use serde_json::json;
use testkit::TestBank;

use crate::transfers::Pair;

#[tokio::test]
async fn a_repeated_request_gets_the_same_bytes() {
    let p = Pair::new().await;
    let first = p.asha.client.post_with_key("/v1/transfers", "k", &p.order(10)).await.expect(201);
    assert_eq!(first.header("idempotent-replayed"), None);
    p.bank.advance(60);
    let again = p.asha.client.post_with_key("/v1/transfers", "k", &p.order(10)).await.expect(201);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [9_990, 0, 9_990]);
}

#[tokio::test]
async fn a_refusal_is_repeated_too_with_its_first_request_id() {
    let p = Pair::new().await;
    let first = p.asha.client.post_with_key("/v1/transfers", "k", &p.order(99_999)).await;
    first.refused(422, "insufficient_funds");
    let again = p.asha.client.post_with_key("/v1/transfers", "k", &p.order(99_999)).await;
    again.refused(422, "insufficient_funds");
    assert_eq!(first.body, again.body);
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let p = Pair::new().await;
    let _first = p.asha.client.post_with_key("/v1/transfers", "k", &p.order(10)).await.expect(201);
    let other = p.asha.client.post_with_key("/v1/transfers", "k", &p.order(11)).await;
    other.refused(422, "idempotency_key_reused");
    // The key is bound to its route and its caller.
    let account = json!({ "currency": "INR", "name": "Second" });
    let _other_route = p.asha.client.post_with_key("/v1/accounts", "k", &account).await.expect(201);
    let _other_caller =
        p.bela.client.post_with_key("/v1/accounts", "k", &account).await.expect(201);
}

#[tokio::test]
async fn a_missing_or_odd_key_is_refused_before_the_body_is_read() {
    let p = Pair::new().await;
    let body = || b"not json".to_vec();
    let missing = p.asha.client.post_raw("/v1/transfers", None, body()).await;
    missing.refused(400, "idempotency_key_missing");
    let long = "k".repeat(256);
    for key in ["", &long] {
        let odd = p.asha.client.post_raw("/v1/transfers", Some(key), body()).await;
        odd.refused(400, "idempotency_key_invalid");
    }
    let most = "k".repeat(255);
    let fine = p.asha.client.post_with_key("/v1/transfers", &most, &p.order(1)).await;
    let _sent = fine.expect(201);
}

#[tokio::test]
async fn one_key_a_hundred_times_in_parallel_has_one_effect_and_equal_bytes() {
    let p = Pair::new().await;
    let account = json!({ "currency": "INR", "name": "Third" });
    let order = p.order(10);
    let transfers =
        join_all((0..100).map(|_| p.asha.client.post_with_key("/v1/transfers", "t", &order)));
    let accounts =
        join_all((0..100).map(|_| p.asha.client.post_with_key("/v1/accounts", "a", &account)));
    let (transfers, accounts) = tokio::join!(transfers, accounts);
    for replies in [transfers, accounts] {
        let fresh = replies.iter().filter(|r| r.header("idempotent-replayed").is_none()).count();
        assert_eq!(fresh, 1);
        for reply in &replies {
            assert_eq!((reply.status.as_u16(), &reply.body), (201, &replies[0].body));
        }
    }
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [9_990, 0, 9_990]);
    let list = p.asha.client.get("/v1/accounts").await.expect(200);
    assert_eq!(list.json()["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn an_infrastructure_failure_is_not_stored() {
    let p = Pair::new().await;
    for (verb, path, body) in [
        ("transfers.post", "/v1/transfers", p.order(10)),
        ("accounts.open", "/v1/accounts", json!({ "currency": "INR", "name": "Spare" })),
    ] {
        p.bank.bank().db().faults().fail_at(verb, 2);
        let failed = p.asha.client.post_with_key(path, "f", &body).await;
        failed.refused(503, "unavailable");
        assert!(failed.header("retry-after").is_some());
        let retried = p.asha.client.post_with_key(path, "f", &body).await.expect(201);
        assert_eq!(retried.header("idempotent-replayed"), None);
    }
}

#[tokio::test]
async fn registration_is_once_too() {
    let bank = TestBank::new().await;
    let body = json!({
        "email": "one@example.test", "password": "a long enough passphrase", "full_name": "One"
    });
    let client = bank.client();
    let replies =
        join_all((0..20).map(|_| client.post_with_key("/v1/customers", "r", &body))).await;
    for reply in &replies {
        assert_eq!((reply.status.as_u16(), &reply.body), (201, &replies[0].body));
    }
}
