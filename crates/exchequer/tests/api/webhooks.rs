//! `/v1/events` and `/v1/webhook_endpoints`: what a merchant is told, and whom else.

use futures_util::future::join_all;
use money::kind::{Event, Webhook};
use serde_json::{Value, json};
use testkit::sandbox::order;
use testkit::{Reply, Shop, Till};

use crate::payments::ask;

const ENDPOINTS: &str = "/v1/webhook_endpoints";

/// All events of a merchant, page by page.
pub async fn events(shop: &Shop) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = shop.get(&format!("/v1/events?after={after}&limit=100")).await.expect(200);
        let data = page.json()["data"].as_array().expect("a list").clone();
        if data.is_empty() {
            assert_eq!(page.int("/next_after"), after);
            return all;
        }
        after = page.int("/next_after");
        all.extend(data);
    }
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

/// 1, 2, 3, …
fn assert_gapless(events: &[Value]) {
    let numbers: Vec<i64> = events.iter().filter_map(|event| event["sequence"].as_i64()).collect();
    let all: Vec<i64> = (1..).take(events.len()).collect();
    assert_eq!(numbers, all);
}

/// An endpoint that nothing is sent to, with all events.
pub async fn endpoint(shop: &Shop, body: &Value) -> Reply {
    shop.post(ENDPOINTS, body).await
}

#[tokio::test]
async fn what_happens_is_told_in_order_as_the_api_shows_it() {
    let till = Till::new().await;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let declined = till.pay("4000000000000002", "automatic").await.expect(201);
    let held = till.pay("4242424242424242", "manual").await.expect(201);
    let path = |of: &Reply, act: &str| format!("/v1/payments/{}/{act}", of.text("/id"));
    let part = json!({ "amount": 4_000 });
    let part = till.shop.post(&path(&held, "capture"), &part).await.expect(200);
    let rest = till.shop.post(&path(&held, "capture"), &json!({})).await.expect(200);
    let gone = till.pay("4242424242424242", "manual").await.expect(201);
    let gone = till.shop.post(&path(&gone, "cancel"), &json!({})).await.expect(200);
    let refund = json!({ "amount": 500 });
    let refund = till.shop.post(&path(&paid, "refunds"), &refund).await.expect(201);
    let told = events(&till.shop).await;
    assert_gapless(&told);
    assert_eq!(
        types(&told),
        [
            "payment.succeeded",
            "payment.declined",
            "payment.authorized",
            "payment.captured",
            "payment.succeeded",
            "payment.authorized",
            "payment.canceled",
            "refund.succeeded",
        ]
    );
    let shown = [(0, &paid), (1, &declined), (2, &held), (3, &part), (4, &rest), (6, &gone)];
    for (place, reply) in shown.into_iter().chain([(7, &refund)]) {
        assert_eq!(told[place]["data"], reply.json(), "{place}");
    }
    assert!(told.iter().all(|event| event["id"].as_str().is_some_and(|id| id.starts_with("evt_"))));
    let two = till.shop.get("/v1/events?after=3&limit=2").await.expect(200);
    assert_eq!(two.json()["data"], json!(told[3..5]));
    assert_eq!(two.int("/next_after"), 5);
    for bad in ["after=-1", "limit=0", "limit=101"] {
        let refused = till.shop.get(&format!("/v1/events?{bad}")).await;
        refused.refused(422, "invalid_fields");
    }
}

/// P7: silence is told as what it is, once, and then what it was.
#[tokio::test]
async fn a_lost_answer_is_told_once_as_processing() {
    let till = Till::new().await;
    let _paid = till.pay("4000000000001034", "automatic").await.expect(201);
    for _ in 0..3 {
        till.bank.advance(8);
        assert_eq!(ask(&till).await, 0);
    }
    till.bank.advance(60);
    assert_eq!(ask(&till).await, 1);
    let told = events(&till.shop).await;
    assert_eq!(types(&told), ["payment.processing", "payment.declined"]);
    assert_eq!(told[0]["data"]["status"], "processing");
}

/// Also on several connections that write at once.
#[tokio::test]
async fn sixty_four_payments_at_once_leave_no_gap_and_no_number_twice() {
    let till = Till::new().await;
    let card = till.shop.card("4242424242424242").await;
    let body = order(&card, 10_000, "automatic");
    let all = join_all((0..64).map(|_| till.shop.post("/v1/payments", &body))).await;
    let mut paid: Vec<String> = all.into_iter().map(|r| r.expect(201).text("/id")).collect();
    let told = events(&till.shop).await;
    assert_gapless(&told);
    let id = |event: &Value| event["data"]["id"].as_str().expect("an id").to_owned();
    let mut of: Vec<String> = told.iter().map(id).collect();
    paid.sort();
    of.sort();
    assert_eq!(of, paid);
}

#[tokio::test]
async fn an_endpoint_is_made_shown_changed_and_removed() {
    let till = Till::new().await;
    let body = json!({ "url": "https://example.com/hook", "description": "main" });
    let made = endpoint(&till.shop, &body).await.expect(201);
    till.bank.secret(&made.text("/secret"));
    assert!(made.text("/secret").starts_with("whsec_"));
    assert_eq!(made.json()["events"], json!(["*"]));
    let path = format!("{ENDPOINTS}/{}", made.text("/id"));
    let mut expected = made.json();
    expected.as_object_mut().expect("an object").remove("secret");
    assert_eq!(till.shop.get(&path).await.expect(200).json(), expected);
    assert_eq!(till.shop.get(ENDPOINTS).await.expect(200).json()["data"], json!([expected]));
    let change = json!({
        "url": "https://example.org/", "events": ["payment.*", "refund.failed"],
        "status": "disabled",
    });
    let changed = till.shop.put(&path, &change).await.expect(200);
    assert_eq!(
        (changed.text("/url"), changed.text("/status")),
        ("https://example.org/".into(), "disabled".into())
    );
    assert_eq!(changed.json()["description"], Value::Null);
    assert_eq!(till.shop.get(&path).await.expect(200).json(), changed.json());
    let _gone = till.shop.delete(&path).await.expect(204);
    till.shop.get(&path).await.refused(404, "not_found");
    till.shop.delete(&path).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_ed25519_endpoint_shows_its_public_key_and_has_no_secret() {
    let till = Till::new().await;
    let body = json!({ "url": "https://example.com/hook", "algorithm": "ed25519" });
    let made = endpoint(&till.shop, &body).await.expect(201);
    assert_eq!(made.json()["secret"], Value::Null);
    let path = format!("{ENDPOINTS}/{}", made.text("/id"));
    let public = till.shop.get(&path).await.expect(200).text("/public_key");
    assert!(public.starts_with("whpk_"), "{public}");
    let rotated = till.shop.post(&format!("{path}/rotate"), &json!({})).await.expect(200);
    assert_ne!(rotated.text("/public_key"), public);
}

#[tokio::test]
async fn what_is_wrong_with_an_endpoint_is_told() {
    let till = Till::new().await;
    for (change, field) in [
        (json!({ "url": "http://example.com/" }), "url"),
        (json!({ "url": "https://user@example.com/" }), "url"),
        (json!({ "events": [] }), "events"),
        (json!({ "events": ["payment.created"] }), "events[0]"),
        (json!({ "events": ["*", "card.*"] }), "events[1]"),
        (json!({ "algorithm": "rsa" }), "algorithm"),
        (json!({ "after": -1 }), "after"),
        (json!({ "after": 1 }), "after"),
        (json!({ "description": "" }), "description"),
        (json!({ "description": "4242 4242 4242 4242" }), "description"),
    ] {
        let mut body = json!({ "url": "https://example.com/" });
        let fields = body.as_object_mut().expect("an object");
        fields.extend(change.as_object().expect("an object").clone());
        let refused = endpoint(&till.shop, &body).await;
        refused.refused(422, "invalid_fields");
        assert_eq!(refused.text("/fields/0/field"), field, "{body}");
    }
}

#[tokio::test]
async fn a_merchant_has_twenty_endpoints_at_most() {
    let till = Till::new().await;
    let body = json!({ "url": "https://example.com/" });
    let made = join_all((0..24).map(|_| endpoint(&till.shop, &body))).await;
    let (full, some): (Vec<_>, Vec<_>) = made.into_iter().partition(|r| r.status.as_u16() == 409);
    assert_eq!((some.len(), full.len()), (20, 4));
    for reply in &full {
        reply.refused(409, "too_many_endpoints");
    }
    let path = format!("{ENDPOINTS}/{}", some[0].text("/id"));
    let _gone = till.shop.delete(&path).await.expect(204);
    let _room = endpoint(&till.shop, &body).await.expect(201);
}

/// P4, and test and live do not meet.
#[tokio::test]
async fn another_merchant_and_the_other_mode_see_nothing_and_change_nothing() {
    let till = Till::new().await;
    let _paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let event = events(&till.shop).await[0]["id"].as_str().expect("an id").to_owned();
    let body = json!({ "url": "https://example.com/" });
    let mine = endpoint(&till.shop, &body).await.expect(201).text("/id");
    let stranger = Shop::new(&till.bank, &till.admin, "test").await;
    let live = json!({ "mode": "live" });
    let live = Shop::with_key(&till.bank, &till.admin, (&till.shop.id, &live)).await;
    let unknown = till.bank.unknown_id::<Webhook>();
    let change = json!({ "url": "https://evil.test/", "events": ["*"], "status": "enabled" });
    for other in [&stranger, &live] {
        assert_eq!(events(other).await, Vec::<Value>::new());
        assert_eq!(other.get(ENDPOINTS).await.expect(200).json()["data"], json!([]));
        for id in [&mine, &unknown] {
            let path = format!("{ENDPOINTS}/{id}");
            let redeliver = json!({ "event": event });
            for reply in [
                other.get(&path).await,
                other.put(&path, &change).await,
                other.delete(&path).await,
                other.post(&format!("{path}/rotate"), &json!({})).await,
                other.get(&format!("{path}/deliveries")).await,
                other.post(&format!("{path}/redeliver"), &redeliver).await,
            ] {
                reply.refused(404, "not_found");
            }
        }
        // Their own endpoint does not get another's event, nor one that nobody has.
        let own = endpoint(other, &body).await.expect(201).text("/id");
        for event in [event.clone(), till.bank.unknown_id::<Event>(), "evt_x".to_owned()] {
            let path = format!("{ENDPOINTS}/{own}/redeliver");
            other.post(&path, &json!({ "event": event })).await.refused(404, "not_found");
        }
    }
    let path = format!("{ENDPOINTS}/{mine}");
    assert_eq!(till.shop.get(&path).await.expect(200).text("/url"), "https://example.com/");
}
