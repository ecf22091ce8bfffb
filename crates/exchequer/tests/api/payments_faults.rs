//! A transaction of the merchants' API that fails at statement *n*, for every *n*: nothing half-done, one
//! charge or none at the gateway, and a retry with the same key works.

use exchequer::cards::keeper::Held;
use exchequer::gateways::signature;
use exchequer::merchants::keys::Mode;
use exchequer::payments::{self, NewPayment};
use exchequer::staff::model::Role;
use money::{Currency, Money};
use serde_json::{Value, json};
use testkit::sandbox::order;
use testkit::{Reply, Shop, Till, key};

use crate::faults::fail_then_repeat;
use crate::payments::ask;
use crate::rows::number;

const VISA: &str = "4242424242424242";

fn card() -> Value {
    json!({ "number": VISA, "exp_month": 12, "exp_year": 2030, "format_preserving": true })
}

async fn held(till: &Till) -> String {
    format!("/v1/payments/{}", till.pay(VISA, "manual").await.expect(201).text("/id"))
}

async fn taken(till: &Till) -> String {
    format!("/v1/payments/{}", till.pay(VISA, "automatic").await.expect(201).text("/id"))
}

/// A POST of the shop with a key.
async fn keyed(till: &Till, verb: (&'static str, u16), prepare: impl AsyncFn() -> (String, Value)) {
    let prepare = async || {
        let (path, body) = prepare().await;
        (key(), path, body)
    };
    fail_then_repeat(&till.bank, verb, prepare, async |(key, path, body)| {
        till.shop.post_with_key(path, key, body).await
    })
    .await;
}

#[tokio::test]
async fn keeping_and_deleting_a_card() {
    let till = Till::new().await;
    let prepare = async || ("/v1/cards".to_owned(), card());
    keyed(&till, ("cards.store", 201), prepare).await;
    let prepare = async || format!("/v1/cards/{}", till.shop.card(VISA).await);
    let delete = async |path: &String| till.shop.delete(path).await;
    fail_then_repeat(&till.bank, ("cards.delete", 204), prepare, delete).await;
}

#[tokio::test]
async fn beginning_a_payment_which_then_is_not_begun() {
    let till = Till::new().await;
    let card = till.shop.card(VISA).await;
    let prepare = async || ("/v1/payments".to_owned(), order(&card, 10, "automatic"));
    keyed(&till, ("payments.create", 201), prepare).await;
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM payments WHERE state = 3";
    let paid = number(&till.bank, count).await;
    assert_eq!(till.totals().0, i128::from(paid) * 10);
}

/// The payment was made and concluded; the repetition finds it and is answered.
#[tokio::test]
async fn answering_a_payment_which_stands() {
    let till = Till::new().await;
    let card = till.shop.card(VISA).await;
    let prepare = async || ("/v1/payments".to_owned(), order(&card, 10, "automatic"));
    keyed(&till, ("payments.answer", 201), prepare).await;
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM payments";
    assert_eq!(till.totals().0, i128::from(number(&till.bank, count).await) * 10);
}

#[tokio::test]
async fn beginning_a_capture_a_cancellation_and_a_refund() {
    let till = Till::new().await;
    let of = |path: String, act: &str| (format!("{path}/{act}"), json!({}));
    let capture = async || of(held(&till).await, "capture");
    keyed(&till, ("payments.capture", 200), capture).await;
    let cancel = async || of(held(&till).await, "cancel");
    keyed(&till, ("payments.cancel", 200), cancel).await;
    let refund = async || (format!("{}/refunds", taken(&till).await), json!({ "amount": 50 }));
    keyed(&till, ("payments.refund", 201), refund).await;
}

/// Fails the second half of `act` at each statement in turn. What is repeated is in flight, until the bank has
/// asked; then it stands, once.
async fn conclude_everywhere(till: &Till, act: &str, body: &Value, statuses: [&str; 2]) {
    for statement in 1.. {
        assert!(statement < 60, "concluding has no end");
        let (path, key) = match act {
            "" => ("/v1/payments".to_owned(), key()),
            "refunds" => (format!("{}/{act}", taken(till).await), key()),
            _ => (format!("{}/{act}", held(till).await), key()),
        };
        till.bank.bank().db().faults().fail_at("payments.conclude", statement);
        let failed = till.shop.post_with_key(&path, &key, body).await;
        if till.bank.bank().db().faults().disarm() {
            assert!(statement > 4, "concluding has no statements");
            assert_eq!(failed.text("/status"), statuses[0]);
            return;
        }
        failed.refused(503, "unavailable");
        let again = till.shop.post_with_key(&path, &key, body).await;
        again.refused(409, "idempotency_key_in_flight");
        till.bank.advance(21);
        // The job fails as well, and then no more.
        till.bank.bank().db().faults().fail_at("payments.conclude", statement);
        let (_go, stop) = tokio::sync::watch::channel(false);
        let asked = exchequer::jobs::Job::AskGateways.run(till.bank.bank(), &stop).await;
        assert!(asked.is_err(), "{act} at {statement}: {asked:?}");
        till.bank.advance(31);
        assert_eq!(ask(till).await, 1, "{act} at {statement}");
        let known: Reply = till.shop.post_with_key(&path, &key, body).await;
        assert!(known.status.is_success(), "{known:?}");
        assert_eq!(known.text("/status"), statuses[1], "{act} at {statement}");
    }
}

#[tokio::test]
async fn concluding_a_payment() {
    let till = Till::new().await;
    let card = till.shop.card(VISA).await;
    let body = order(&card, 10_000, "automatic");
    conclude_everywhere(&till, "", &body, ["succeeded", "succeeded"]).await;
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM payments";
    assert_eq!(till.totals().0, i128::from(number(&till.bank, count).await) * 10_000);
}

#[tokio::test]
async fn concluding_what_was_declined() {
    let till = Till::new().await;
    let card = till.shop.card("4000000000000002").await;
    let body = order(&card, 10_000, "manual");
    conclude_everywhere(&till, "", &body, ["declined", "declined"]).await;
    assert_eq!(till.totals(), (0, 0));
}

#[tokio::test]
async fn concluding_a_capture_and_a_cancellation() {
    let till = Till::new().await;
    let part = json!({ "amount": 4_000, "final": true });
    conclude_everywhere(&till, "capture", &part, ["succeeded", "succeeded"]).await;
    let captured = till.totals().0;
    assert_eq!(captured % 4_000, 0);
    conclude_everywhere(&till, "cancel", &json!({}), ["canceled", "canceled"]).await;
    assert_eq!(till.totals(), (captured, 0));
}

#[tokio::test]
async fn concluding_a_refund() {
    let till = Till::new().await;
    let body = json!({ "amount": 4_000 });
    conclude_everywhere(&till, "refunds", &body, ["succeeded", "succeeded"]).await;
    let refunded = "SELECT CAST(SUM(refunded) AS BIGINT) FROM payments";
    assert_eq!(till.totals().1, i128::from(number(&till.bank, refunded).await));
}

#[tokio::test]
async fn leasing_what_is_to_be_asked_about_and_taking_a_notice() {
    let till = Till::new().await;
    let lost = till.pay("4000000000001000", "automatic").await.expect(201);
    assert_eq!(lost.text("/status"), "processing");
    let body = json!({ "operation": lost.text("/id"), "status": "done" }).to_string();
    let prepare = async || {};
    let notice = async |(): &()| {
        let now = till.bank.clock().now();
        let signed = signature::sign(testkit::sandbox::SECRET.as_bytes(), now, body.as_bytes());
        let request = till
            .bank
            .client()
            .request(http::Method::POST, "/v1/gateways/sandbox/notices")
            .header("exchequer-sandbox-signature", signed);
        let body = axum::body::Body::from(body.clone());
        till.bank.client().send(request.body(body).expect("a request")).await
    };
    till.bank.bank().db().faults().fail_at("payments.notice", 1);
    notice(&prepare().await).await.refused(503, "unavailable");
    let _taken = notice(&()).await.expect(204);
    for statement in 1.. {
        till.bank.bank().db().faults().fail_at("payments.lease", statement);
        let (_go, stop) = tokio::sync::watch::channel(false);
        let asked = exchequer::jobs::Job::AskGateways.run(till.bank.bank(), &stop).await;
        if till.bank.bank().db().faults().disarm() {
            assert!(statement > 3);
            assert_eq!(asked.expect("asked"), 1);
            break;
        }
        assert!(asked.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn what_operators_do_for_merchants() {
    let till = Till::new().await;
    let staff = &till.admin.client;
    let path = async |path: &str| (key(), path.to_owned());
    let (merchants, own) = ("/v1/staff/merchants", format!("/v1/staff/merchants/{}", till.shop.id));
    // Terms that favour the bank: nobody else has to look at them.
    let terms = json!({ "name": "Otter", "fee_basis_points": 300, "fee_fixed": 20 });
    let create =
        async |(key, path): &(String, String)| staff.post_with_key(path, key, &terms).await;
    let prepare = async || path(merchants).await;
    fail_then_repeat(&till.bank, ("merchants.create", 201), prepare, create).await;
    let mut changed = terms.clone();
    changed["status"] = json!("active");
    let change = async |path: &String| staff.put(path, &changed).await;
    fail_then_repeat(&till.bank, ("merchants.change", 200), async || own.clone(), change).await;
    let keys = format!("{own}/keys");
    let make = async |(key, path): &(String, String)| {
        staff.post_with_key(path, key, &json!({ "mode": "test" })).await
    };
    let prepare = async || path(&keys).await;
    fail_then_repeat(&till.bank, ("merchants.make_key", 201), prepare, make).await;
    for (act, status) in [("rotate", 201), ("revoke", 200)] {
        let verb = if act == "rotate" { "merchants.rotate_key" } else { "merchants.revoke_key" };
        let prepare = async || {
            let made = staff.post(merchants, &terms).await.expect(201).text("/id");
            let made = staff.post(&format!("{merchants}/{made}/keys"), &json!({})).await;
            let id = made.expect(201).text("/id");
            path(&format!("/v1/staff/merchant_keys/{id}/{act}")).await
        };
        let end =
            async |(key, path): &(String, String)| staff.post_with_key(path, key, &json!({})).await;
        fail_then_repeat(&till.bank, (verb, status), prepare, end).await;
    }
}

/// Live money, as a gateway would have brought it.
async fn live_payment(till: &Till, live: &Shop) {
    let card = live.card("4716190207394368").await.parse().expect("an id");
    let merchant = till.shop.id.parse().expect("an id");
    let act = till.bank.bank().system_act("test");
    let run = till.bank.bank().db().write("test", move |tx| {
        let new = NewPayment {
            money: Money::new(1_000, Currency::INR),
            card,
            is_automatic: true,
            cvv: None,
            metadata: None,
            gateway: "stripe",
        };
        let begun = payments::create_in(
            tx,
            &act,
            (&merchant, Mode::Live),
            &new,
            &Held::ByTheVault(Some(())),
        )?
        .expect("begun");
        let done = exchequer::gateways::Done {
            reference: "pi_1".to_owned(),
            amount: 1_000,
            is_captured: true,
        };
        let outcome = exchequer::gateways::Outcome::Done(done);
        payments::conclude_in(tx, &act, (&begun.payment.id, &begun.step.id), &outcome)
    });
    let _rows = run.await.unwrap_or_else(|error: store::DbError| panic!("{error}"));
}

#[tokio::test]
async fn a_payout_which_is_paid_once() {
    let till = Till::new().await;
    let staff = &till.admin.client;
    let owner = till.bank.customer("Owner").await;
    let account = till.bank.account(&owner, "INR").await;
    let own = format!("/v1/staff/merchants/{}", till.shop.id);
    let terms = json!({
        "name": "Otter", "fee_basis_points": 100, "fee_fixed": 0, "status": "active",
        "settlement_account": account
    });
    let _changed = till.bank.done(staff.put(&own, &terms).await, Role::Compliance).await;
    let mode = json!({ "mode": "live" });
    let live = Shop::with_key(&till.bank, &till.admin, (&till.shop.id, &mode)).await;
    let prepare = async || {
        live_payment(&till, &live).await;
        key()
    };
    let settle =
        async |key: &String| staff.post_with_key(&format!("{own}/settle"), key, &json!({})).await;
    fail_then_repeat(&till.bank, ("merchants.settle", 201), prepare, settle).await;
    staff.post(&format!("{own}/settle"), &json!({})).await.refused(409, "nothing_to_settle");
    let paid = "SELECT CAST(COUNT(*) AS BIGINT) FROM payments";
    let paid = number(&till.bank, paid).await * 990;
    assert_eq!(till.bank.balance(&owner, &account).await, [paid, 0, paid]);
}
