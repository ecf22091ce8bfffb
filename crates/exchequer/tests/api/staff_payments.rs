//! `/v1/staff/payments` and merchants' webhooks: as operators look at them.

use exchequer::sandbox::Chaos;
use exchequer::staff::model::Role;
use money::kind::{Merchant, Payment, Webhook};
use serde_json::{Value, json};
use testkit::{Client, Reply, Till};

use crate::payments::ask;

fn text_of(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).expect("UTF-8")
}

async fn ids(client: &Client, query: &str) -> Vec<String> {
    let found = client.get(&format!("/v1/staff/payments{query}")).await.expect(200).json();
    let data = found["data"].as_array().expect("a list");
    data.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn payments_are_listed_by_what_became_of_them_and_whose_they_are() {
    let till = Till::new().await;
    let support = till.bank.operator(Role::Support).await;
    let client = &support.client;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201).text("/id");
    let held = till.pay("4242424242424242", "manual").await.expect(201).text("/id");
    let declined = till.pay("4000000000000002", "automatic").await.expect(201).text("/id");
    assert_eq!(ids(client, "").await, [declined.clone(), held.clone(), paid.clone()]);
    assert_eq!(ids(client, "?status=declined").await, [&*declined]);
    assert_eq!(ids(client, "?status=authorized").await, [&*held]);
    assert_eq!(ids(client, "?status=succeeded").await, [&*paid]);
    for none in ["processing", "unknown", "canceled"] {
        assert!(ids(client, &format!("?status={none}")).await.is_empty(), "{none}");
    }
    let one = client.get("/v1/staff/payments?limit=1").await.expect(200);
    let merchant = one.text("/data/0/merchant");
    let of = format!("?merchant={merchant}");
    assert_eq!(ids(client, &of).await, [declined.clone(), held, paid.clone()]);
    assert_eq!(ids(client, &format!("{of}&status=succeeded")).await, [paid]);
    let stranger = format!("?merchant={}", till.bank.unknown_id::<Merchant>());
    for status in ["", "&status=succeeded", "&status=unknown"] {
        assert!(ids(client, &format!("{stranger}{status}")).await.is_empty());
    }
    let next = format!("?limit=2&cursor={}", one.text("/next_cursor"));
    assert_eq!(ids(client, &next).await.len(), 2);
    for bad in ["limit=0", "limit=101", "status=paid", "merchant=me"] {
        client.get(&format!("/v1/staff/payments?{bad}")).await.refused(422, "invalid_fields");
    }
    client.get("/v1/staff/payments?cursor=x").await.refused(400, "malformed_request");
    let teller = till.bank.operator(Role::Teller).await;
    teller.client.get("/v1/staff/payments").await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_payment_is_shown_with_its_refunds_its_trail_and_its_postings() {
    let till = Till::new().await;
    let auditor = till.bank.operator(Role::Auditor).await;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let id = paid.text("/id");
    let _more = till.pay("4242424242424242", "automatic").await.expect(201);
    let back = json!({ "amount": 4_000 });
    let refund = till.shop.post(&format!("/v1/payments/{id}/refunds"), &back).await.expect(201);
    let path = format!("/v1/staff/payments/{id}");
    let seen = auditor.client.get(&path).await.expect(200);
    let own = till.shop.get(&format!("/v1/payments/{id}")).await.expect(200).json();
    for (field, value) in own.as_object().expect("an object") {
        assert_eq!(&seen.json()[field], value, "{field}");
    }
    let refunds = json!([refund.json()]);
    assert_eq!(seen.json()["refunds"], refunds);
    assert_eq!((seen.text("/state"), seen.text("/gateway")), ("captured".into(), "sandbox".into()));
    let of = |list: &str, field: &str| -> Vec<Value> {
        let json = seen.json();
        json[list].as_array().expect("a list").iter().map(|row| row[field].clone()).collect()
    };
    let states = ["submitting", "authorized", "refund_submitted", "refunded"];
    assert_eq!(of("history", "state"), states);
    assert_eq!(of("steps", "kind"), ["authorize", "refund"]);
    assert_eq!(of("steps", "state"), ["done", "done"]);
    assert!(of("steps", "gateway_reference").iter().all(Value::is_string));
    let kinds = ["card_capture", "card_fee", "refund_set_aside", "refund_paid"];
    assert_eq!(of("postings", "kind"), kinds);
    assert_eq!(of("postings", "amount"), [10_000, 210, 4_000, 4_000]);
    assert!(!text_of(&seen).contains("4242424242424242"));
    let unknown = format!("/v1/staff/payments/{}", till.bank.unknown_id::<Payment>());
    auditor.client.get(&unknown).await.refused(404, "not_found");
}

#[tokio::test]
async fn unknown_outcomes_are_found_until_they_are_known() {
    let till = Till::new().await;
    let support = till.bank.operator(Role::Support).await;
    till.chaos(Chaos { lose_answer_per_mille: 1_000, asks_too: true, ..Chaos::default() });
    let lost = till.pay("4242424242424242", "automatic").await.expect(201);
    assert_eq!(lost.text("/status"), "processing");
    for status in ["unknown", "processing"] {
        assert_eq!(ids(&support.client, &format!("?status={status}")).await, [lost.text("/id")]);
    }
    let path = format!("/v1/staff/payments/{}", lost.text("/id"));
    let seen = support.client.get(&path).await.expect(200);
    assert_eq!(
        (seen.json()["has_unknown"].clone(), seen.text("/state")),
        (json!(true), "unknown".into())
    );
    assert!(seen.json()["steps"][0]["next_ask_at"].is_string());
    till.chaos(Chaos::default());
    till.bank.advance(60);
    let _known = ask(&till).await;
    assert!(ids(&support.client, "?status=unknown").await.is_empty());
}

#[tokio::test]
async fn a_merchants_endpoints_are_seen_and_an_event_is_sent_again() {
    let till = Till::new().await;
    let support = till.bank.operator(Role::Support).await;
    let _paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let made = json!({ "url": "https://example.com/hooks" });
    let made = till.shop.post("/v1/webhook_endpoints", &made).await.expect(201);
    let event = till.shop.get("/v1/events").await.expect(200).text("/data/0/id");
    let payments = support.client.get("/v1/staff/payments").await.expect(200);
    let merchant = payments.text("/data/0/merchant");
    assert_eq!(merchant, till.shop.id);
    let list = |id: &str| format!("/v1/staff/merchants/{id}/webhook_endpoints");
    let listed = support.client.get(&list(&merchant)).await.expect(200);
    assert_eq!(listed.text("/data/0/id"), made.text("/id"));
    assert!(!text_of(&listed).contains("whsec_"));
    let stranger = till.bank.unknown_id::<Merchant>();
    support.client.get(&list(&stranger)).await.refused(404, "not_found");
    let path = |id: &str, rest: &str| format!("/v1/staff/webhook_endpoints/{id}/{rest}");
    let again = path(&made.text("/id"), "redeliver");
    let body = json!({ "event": event });
    let auditor = till.bank.operator(Role::Auditor).await;
    auditor.client.post(&again, &body).await.refused(403, "forbidden");
    let sent = support.client.post(&again, &body).await.expect(202);
    assert_eq!((sent.text("/event"), sent.text("/status")), (event, "waiting".to_owned()));
    let deliveries = path(&made.text("/id"), "deliveries");
    let waiting = support.client.get(&format!("{deliveries}?status=waiting")).await.expect(200);
    assert_eq!(waiting.json()["data"][0], sent.json());
    let dead = support.client.get(&format!("{deliveries}?status=dead")).await.expect(200);
    assert_eq!(dead.json(), json!({ "data": [], "next_cursor": null }));
    for bad in ["limit=0", "limit=101", "status=lost"] {
        support.client.get(&format!("{deliveries}?{bad}")).await.refused(422, "invalid_fields");
    }
    let unknown = till.bank.unknown_id::<Webhook>();
    support.client.get(&path(&unknown, "deliveries")).await.refused(404, "not_found");
    support.client.post(&path(&unknown, "redeliver"), &body).await.refused(404, "not_found");
    let nothing = json!({ "event": "evt_01jz7m5v3k8e9q2r4s6t8w0xyz" });
    support.client.post(&again, &nothing).await.refused(404, "not_found");
    let off = json!({ "url": "https://example.com/hooks", "events": ["*"], "status": "disabled" });
    let own = format!("/v1/webhook_endpoints/{}", made.text("/id"));
    let _off = till.shop.put(&own, &off).await.expect(200);
    support.client.post(&again, &body).await.refused(409, "endpoint_disabled");
}
