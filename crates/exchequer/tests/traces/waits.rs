//! What a request waited for: the batcher, the gateway, Redis; each a child of its span.

use exchequer::config::Traces;
use serde_json::{Value, json};
use testkit::{Collector, TestBank, Till, redis};

use super::{LIMIT, attribute, named, traced};

fn children<'s>(spans: &'s [Value], root: &Value, name: &str) -> Vec<&'s Value> {
    let of_it = |span: &&Value| {
        span["parentSpanId"] == root["spanId"] && span["traceId"] == root["traceId"]
    };
    named(spans, name).into_iter().filter(of_it).collect()
}

#[tokio::test]
async fn a_transfer_waits_at_the_door() {
    let (bank, collector) = traced().await;
    let ada = bank.customer("Ada Doors").await;
    let (from, to) = (bank.account(&ada, "INR").await, bank.account(&ada, "INR").await);
    let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR" });
    ada.client.post("/v1/transfers", &order).await.refused(422, "insufficient_funds");
    bank.bank().traces().flush(LIMIT).await;
    let spans = collector.spans();
    let roots = named(&spans, "POST /v1/transfers");
    let [root] = roots.as_slice() else { panic!("{spans:?}") };
    let doors = children(&spans, root, "transfers.door");
    let [door] = doors.as_slice() else { panic!("{spans:?}") };
    assert_eq!((&door["kind"], &door["status"]), (&json!(1), &json!({})));
}

// P6: neither the card nor the payment's id goes with it.
#[tokio::test]
async fn a_payment_waits_for_its_gateway_in_a_task_of_its_own() {
    const CARD: &str = "4242424242424242";
    let collector = Collector::start().await;
    let url = Some(collector.url());
    let traces = Traces { url, per_million: 1_000_000, follow_callers: false };
    let till = Till::with(|config| config.traces = traces).await;
    let paid = till.pay(CARD, "automatic").await.expect(201);
    till.bank.bank().traces().flush(LIMIT).await;
    let spans = collector.spans();
    let roots = named(&spans, "POST /v1/payments");
    let [root] = roots.as_slice() else { panic!("{spans:?}") };
    let calls = children(&spans, root, "gateway.submit");
    let [call] = calls.as_slice() else { panic!("{spans:?}") };
    assert_eq!((&call["kind"], &call["status"]), (&json!(3), &json!({})));
    assert_eq!(attribute(call, "exchequer.peer"), Some(&json!("sandbox")));
    let told = collector.bodies().iter().map(Value::to_string).collect::<String>();
    let id = paid.text("/id");
    for secret in [CARD, "4242", id.split_once('_').expect("an id").1, &till.gateway.url()] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[tokio::test]
async fn a_limit_waits_for_redis() {
    if redis::address().is_none() {
        println!("no Redis for this run");
        return;
    }
    let collector = Collector::start().await;
    let url = Some(collector.url());
    let bank = TestBank::with(|config| {
        config.rate_limits_on = true;
        config.traces = Traces { url, per_million: 1_000_000, follow_callers: false };
    })
    .await;
    assert_eq!(bank.client().get("/v1/log/keys").await.status, 200);
    bank.bank().traces().flush(LIMIT).await;
    let spans = collector.spans();
    let roots = named(&spans, "GET /v1/log/keys");
    let [root] = roots.as_slice() else { panic!("{spans:?}") };
    let waits = children(&spans, root, "limits.decide");
    let [wait] = waits.as_slice() else { panic!("{spans:?}") };
    assert_eq!(attribute(wait, "exchequer.peer"), Some(&json!("redis")));
}
