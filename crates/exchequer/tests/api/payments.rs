//! `/v1/payments`, through the sandbox gateway: what succeeds, what is declined, what is not known yet.

use exchequer::jobs::Job;
use money::kind::Payment;
use serde_json::{Value, json};
use testkit::sandbox::order;
use testkit::{Reply, Till};
use tokio::sync::watch;

/// Lets the bank ask about whatever is due.
pub async fn ask(till: &Till) -> u64 {
    let (_go, stop) = watch::channel(false);
    Job::AskGateways.run(till.bank.bank(), &stop).await.expect("the gateway is asked")
}

/// The payment as it is now.
async fn now(till: &Till, reply: &Reply) -> Value {
    let path = format!("/v1/payments/{}", reply.text("/id"));
    till.shop.get(&path).await.expect(200).json()
}

#[tokio::test]
async fn a_payment_is_taken_at_once() {
    let till = Till::new().await;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201);
    assert_eq!(paid.text("/status"), "succeeded");
    assert_eq!(
        (paid.int("/amount"), paid.int("/captured"), paid.int("/refunded")),
        (10_000, 10_000, 0)
    );
    // 2 % and 10 paise.
    assert_eq!(paid.int("/fee"), 210);
    assert_eq!(paid.text("/card_last4"), "4242");
    assert_eq!(now(&till, &paid).await, paid.json());
    assert_eq!(till.totals(), (10_000, 0));
    let listed = till.shop.get("/v1/payments").await.expect(200);
    assert_eq!(listed.json()["data"][0], paid.json());
}

#[tokio::test]
async fn money_is_reserved_captured_in_parts_and_the_rest_released() {
    let till = Till::new().await;
    let held = till.pay("5555555555554444", "manual").await.expect(201);
    assert_eq!((held.text("/status"), held.int("/captured")), ("authorized".to_owned(), 0));
    let path = |act: &str| format!("/v1/payments/{}/{act}", held.text("/id"));
    let part = till.shop.post(&path("capture"), &json!({ "amount": 4_000 })).await.expect(200);
    assert_eq!((part.text("/status"), part.int("/captured")), ("authorized".to_owned(), 4_000));
    let more = till.shop.post(&path("capture"), &json!({ "amount": 6_001 })).await;
    more.refused(422, "capture_exceeds_payment");
    let last = json!({ "amount": 1_000, "final": true });
    let last = till.shop.post(&path("capture"), &last).await.expect(200);
    assert_eq!((last.text("/status"), last.int("/captured")), ("succeeded".to_owned(), 5_000));
    let over = till.shop.post(&path("capture"), &json!({})).await;
    over.refused(409, "payment_not_capturable");
    till.shop.post(&path("cancel"), &json!({})).await.refused(409, "payment_not_cancelable");
    assert_eq!(till.totals(), (5_000, 0));
}

#[tokio::test]
async fn a_payment_is_given_up_before_it_is_captured() {
    let till = Till::new().await;
    let held = till.pay("378282246310005", "manual").await.expect(201);
    let path = |act: &str| format!("/v1/payments/{}/{act}", held.text("/id"));
    let gone = till.shop.post(&path("cancel"), &json!({})).await.expect(200);
    assert_eq!((gone.text("/status"), gone.int("/captured")), ("canceled".to_owned(), 0));
    till.shop.post(&path("capture"), &json!({})).await.refused(409, "payment_not_capturable");
    till.shop.post(&path("refunds"), &json!({})).await.refused(409, "payment_not_refundable");
    assert_eq!(till.totals(), (0, 0));
}

#[tokio::test]
async fn refunds_never_exceed_what_was_captured() {
    let till = Till::new().await;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201);
    // The bank took 210 of the first; another payment brings enough to give all of it back.
    let _more = till.pay("4242424242424242", "automatic").await.expect(201);
    let path = format!("/v1/payments/{}/refunds", paid.text("/id"));
    let first = till.shop.post(&path, &json!({ "amount": 4_000 })).await.expect(201);
    assert_eq!((first.text("/status"), first.int("/amount")), ("succeeded".to_owned(), 4_000));
    assert_eq!(first.text("/payment"), paid.text("/id"));
    till.shop.post(&path, &json!({ "amount": 6_001 })).await.refused(422, "refund_exceeds_payment");
    for amount in [0, -1, i64::MIN] {
        till.shop.post(&path, &json!({ "amount": amount })).await.refused(422, "invalid_fields");
    }
    let rest = till.shop.post(&path, &json!({})).await.expect(201);
    assert_eq!(rest.int("/amount"), 6_000);
    till.shop.post(&path, &json!({ "amount": 1 })).await.refused(422, "refund_exceeds_payment");
    assert_eq!(now(&till, &paid).await["refunded"], 10_000);
    let listed = till.shop.get(&path).await.expect(200);
    assert_eq!(listed.json()["data"], json!([rest.json(), first.json()]));
    assert_eq!(till.totals(), (20_000, 10_000));
}

#[tokio::test]
async fn a_merchant_gives_back_no_more_than_it_has() {
    let till = Till::new().await;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let path = format!("/v1/payments/{}/refunds", paid.text("/id"));
    // The fee is the bank's.
    till.shop.post(&path, &json!({})).await.refused(422, "insufficient_funds");
    let _less = till.shop.post(&path, &json!({ "amount": 9_790 })).await.expect(201);
    assert_eq!(now(&till, &paid).await["refunded"], 9_790);
}

#[tokio::test]
async fn a_card_is_declined_in_the_gateways_words() {
    let till = Till::new().await;
    for (number, code) in [
        ("4000000000000002", "card_declined"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000069", "expired_card"),
    ] {
        let declined = till.pay(number, "automatic").await.expect(201);
        assert_eq!(declined.text("/status"), "declined");
        assert_eq!(declined.text("/decline_code"), code);
        assert_eq!((declined.int("/captured"), declined.int("/fee")), (0, 0));
    }
    assert_eq!(till.totals(), (0, 0));
}

/// P7: silence is `unknown`, and the bank asks until it knows.
#[tokio::test]
async fn an_answer_that_is_lost_is_processing_until_it_is_known() {
    let till = Till::new().await;
    for number in ["4000000000001000", "4000000000001018", "4000000000001026", "4000000000001042"] {
        let paid = till.pay(number, "automatic").await.expect(201);
        assert_eq!(paid.text("/status"), "processing", "{number}");
        assert_eq!(paid.int("/captured"), 0);
        till.bank.advance(2);
        assert_eq!(ask(&till).await, 1, "{number}");
        assert_eq!(now(&till, &paid).await["status"], "succeeded", "{number}");
    }
    assert_eq!(till.totals(), (40_000, 0));
}

/// What never arrived is closed at the gateway, so that it cannot arrive late.
#[tokio::test]
async fn what_the_gateway_never_got_is_declined_in_the_end() {
    let till = Till::new().await;
    let paid = till.pay("4000000000001034", "automatic").await.expect(201);
    assert_eq!(paid.text("/status"), "processing");
    till.bank.advance(2);
    assert_eq!(ask(&till).await, 0);
    till.bank.advance(60);
    assert_eq!(ask(&till).await, 1);
    let known = now(&till, &paid).await;
    assert_eq!(
        (&known["status"], &known["decline_code"]),
        (&json!("declined"), &json!("not_received"))
    );
    assert_eq!(till.totals(), (0, 0));
}

/// P3: the first answer is the answer, also where the outcome came later.
#[tokio::test]
async fn a_repeated_request_is_one_payment_and_one_answer() {
    let till = Till::new().await;
    let card = till.shop.card("4000000000001000").await;
    let body = order(&card, 10_000, "automatic");
    let first = till.shop.post_with_key("/v1/payments", "one", &body).await.expect(201);
    till.bank.advance(2);
    let _known = ask(&till).await;
    let again = till.shop.post_with_key("/v1/payments", "one", &body).await.expect(201);
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = till.shop.post_with_key("/v1/payments", "one", &order(&card, 1, "automatic")).await;
    other.refused(422, "idempotency_key_reused");
    assert_eq!(till.totals(), (10_000, 0));
}

#[tokio::test]
async fn a_payment_that_cannot_be_is_refused_before_the_gateway_is_asked() {
    let till = Till::new().await;
    let card = till.shop.card("4242424242424242").await;
    let wrong = |field: &str, value: Value| {
        let mut body = order(&card, 10_000, "automatic");
        body[field] = value;
        body
    };
    for (field, value) in [
        ("amount", json!(0)),
        ("amount", json!(1.5)),
        ("amount", json!("5")),
        ("currency", json!("inr")),
        ("capture", json!("later")),
        ("card", json!("4242424242424242")),
        ("cvv", json!("12345")),
        ("metadata", json!(["a list"])),
        ("metadata", json!({ "note": "4111 1111 1111 1111" })),
        ("metadata", json!({ "note": "x".repeat(5_000) })),
    ] {
        let reply = till.shop.post("/v1/payments", &wrong(field, value)).await;
        assert_eq!(reply.text("/fields/0/field"), field);
    }
    let unknown = wrong("card", json!(till.bank.unknown_id::<money::kind::Card>()));
    till.shop.post("/v1/payments", &unknown).await.refused(422, "card_refused");
    let _gone = till.shop.delete(&format!("/v1/cards/{card}")).await.expect(204);
    let deleted = order(&card, 10_000, "automatic");
    till.shop.post("/v1/payments", &deleted).await.refused(422, "card_refused");
    assert_eq!(till.totals(), (0, 0));
}

/// P4: not yours is not there.
#[tokio::test]
async fn anothers_payment_is_an_unknown_payment() {
    let till = Till::new().await;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let other = testkit::Shop::new(&till.bank, &till.admin, "test").await;
    for id in [paid.text("/id"), till.bank.unknown_id::<Payment>()] {
        other.get(&format!("/v1/payments/{id}")).await.refused(404, "not_found");
        other.get(&format!("/v1/payments/{id}/refunds")).await.refused(404, "not_found");
        for act in ["capture", "cancel", "refunds"] {
            let path = format!("/v1/payments/{id}/{act}");
            other.post(&path, &json!({})).await.refused(404, "not_found");
        }
    }
    let card = paid.text("/card");
    let theirs = order(&card, 10_000, "automatic");
    other.post("/v1/payments", &theirs).await.refused(422, "card_refused");
}

#[tokio::test]
async fn metadata_comes_back_and_the_security_code_does_not() {
    let till = Till::new().await;
    let card = till.shop.card("4242424242424242").await;
    let mut body = order(&card, 10_000, "automatic");
    body["metadata"] = json!({ "order": "A-17", "lines": [1, 2] });
    body["cvv"] = json!("739");
    let paid = till.shop.post("/v1/payments", &body).await.expect(201);
    assert_eq!(paid.json()["metadata"], body["metadata"]);
    assert!(!String::from_utf8_lossy(&paid.body).contains("739"));
}
