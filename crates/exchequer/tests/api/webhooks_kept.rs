//! How long merchants' events are kept.

use serde_json::json;
use testkit::Till;

const VISA: &str = "4242424242424242";

async fn purge(till: &Till) -> u64 {
    let (_go, stop) = tokio::sync::watch::channel(false);
    let job = exchequer::jobs::Job::DeleteMerchantEvents;
    job.run(till.bank.bank(), &stop).await.expect("the job runs")
}

/// Nobody reads past a gap.
#[tokio::test]
async fn events_are_kept_for_their_time_and_then_refused_by_name() {
    let till = Till::new().await;
    let old = [till.pay(VISA, "automatic").await, till.pay(VISA, "manual").await];
    let _taken = old.map(|paid| paid.expect(201));
    till.bank.advance(90 * 86_400 - 1);
    assert_eq!(purge(&till).await, 0);
    let _young = till.pay(VISA, "automatic").await.expect(201);
    let all = till.shop.get("/v1/events?after=0").await.expect(200).json();
    assert_eq!(all["data"].as_array().map(Vec::len), Some(3));
    till.bank.advance(2);
    assert_eq!((purge(&till).await, purge(&till).await), (2, 0));
    for after in [0, 1] {
        till.shop.get(&format!("/v1/events?after={after}")).await.refused(410, "events_expired");
    }
    for query in ["?after=2", ""] {
        let kept = till.shop.get(&format!("/v1/events{query}")).await.expect(200).json();
        assert_eq!(kept["data"][0]["sequence"], json!(3), "{query}");
        assert_eq!(kept["next_after"], json!(3), "{query}");
    }
    let body = json!({ "url": "http://127.0.0.1:1/hook", "after": 1 });
    till.shop.post("/v1/webhook_endpoints", &body).await.refused(410, "events_expired");
    // All of them go, and the number goes on.
    till.bank.advance(91 * 86_400);
    assert_eq!(purge(&till).await, 1);
    till.shop.get("/v1/events?after=2").await.refused(410, "events_expired");
    let none = till.shop.get("/v1/events?after=3").await.expect(200).json();
    assert_eq!((&none["data"], &none["next_after"]), (&json!([]), &json!(3)));
    let _next = till.pay(VISA, "automatic").await.expect(201);
    let next = till.shop.get("/v1/events").await.expect(200).json();
    assert_eq!(next["data"][0]["sequence"], json!(4));
}

/// What an endpoint still has to be sent stays, however old; one that was stopped is told when it comes back.
#[tokio::test]
async fn what_an_endpoint_needs_is_not_purged() {
    let till = Till::new().await;
    let body = json!({ "url": "http://127.0.0.1:1/hook" });
    let made = till.shop.post("/v1/webhook_endpoints", &body).await.expect(201).text("/id");
    let _paid = till.pay(VISA, "automatic").await.expect(201);
    till.bank.advance(91 * 86_400);
    assert_eq!(purge(&till).await, 0);
    let path = format!("/v1/webhook_endpoints/{made}");
    let change = |status: &str| json!({ "url": "http://127.0.0.1:1/hook", "events": ["*"], "status": status });
    let _off = till.shop.put(&path, &change("disabled")).await.expect(200);
    assert_eq!(purge(&till).await, 1);
    till.shop.put(&path, &change("enabled")).await.refused(410, "events_expired");
    let mut on = change("enabled");
    on["after"] = json!(1);
    let _on = till.shop.put(&path, &on).await.expect(200);
}
