//! Receipts of card payments: checked without the bank, changed in every way, and asked for by who may not.

use exchequer::evidence::payment::PaymentReceipt;
use exchequer::evidence::receipt::{Receipt, ReceiptError};
use exchequer::jobs::Job;
use merkle::VerifierKey;
use serde_json::{Value, json};
use store::{DbError, params};
use testkit::{Reply, Shop, Till};
use tokio::sync::watch;

use crate::page::Page;
use crate::write;

const CARD: &str = "4242424242424242";

pub async fn key(till: &Till) -> VerifierKey {
    let keys = till.bank.client().get("/v1/log/keys").await.expect(200);
    keys.text("/keys/0").parse().expect("a key")
}

async fn asked(till: &Till, id: &str) -> Reply {
    till.shop.get(&format!("/v1/payments/{id}/receipt")).await
}

/// The receipt of now, after the log was written.
pub async fn receipt(till: &Till, id: &str) -> Value {
    write(till.bank.bank()).await.expect("the log is written");
    asked(till, id).await.expect(200).json()
}

pub fn checked(receipt: &Value, key: &VerifierKey) -> Result<PaymentReceipt, ReceiptError> {
    match Receipt::verify(&receipt.to_string(), key)? {
        Receipt::Payment(receipt) => Ok(*receipt),
        Receipt::Transfer(_) => panic!("it is a payment's"),
    }
}

/// A payment captured in two parts, some of it given back; its id.
async fn busy_payment(till: &Till) -> String {
    let id = till.pay(CARD, "manual").await.expect(201).text("/id");
    for (act, body, status) in [
        ("capture", json!({ "amount": 4_000 }), 200),
        ("capture", json!({ "amount": 1_000, "final": true }), 200),
        ("refunds", json!({ "amount": 700 }), 201),
    ] {
        let path = format!("/v1/payments/{id}/{act}");
        let _done = till.shop.post(&path, &body).await.expect(status);
    }
    id
}

#[tokio::test]
async fn a_payments_receipt_is_checked_with_the_banks_key_alone() {
    let till = Till::new().await;
    let (id, key) = (busy_payment(&till).await, key(&till).await);
    asked(&till, &id).await.refused(409, "receipt_not_ready");
    let receipt = receipt(&till, &id).await;
    let said = checked(&receipt, &key).expect("it is right");
    let facts = &said.payment;
    assert_eq!((facts.id.as_str(), facts.status.as_str()), (id.as_str(), "succeeded"));
    assert_eq!((facts.amount, facts.captured, facts.refunded), (10_000, 5_000, 700));
    // 2 % and 10 paise of each capture.
    assert_eq!(facts.fee, 90 + 30);
    let leaves: Vec<_> =
        said.steps.iter().map(|step| (step.kind.as_str(), step.leaves.len())).collect();
    assert_eq!(leaves, [("authorize", 2), ("capture", 3), ("capture", 3), ("refund", 4)]);
    let other = VerifierKey::new(key.name(), [3; 32]).expect("a key");
    assert!(matches!(checked(&receipt, &other), Err(ReceiptError::Checkpoint(_))));
}

/// Every value, every element of a list, every byte's neighbour.
#[tokio::test]
async fn any_change_of_a_payments_receipt_is_seen() {
    let till = Till::new().await;
    let (id, key) = (busy_payment(&till).await, key(&till).await);
    let receipt = receipt(&till, &id).await;
    let changes = changes(&receipt);
    assert!(changes.len() > 150, "{}", changes.len());
    for (what, changed) in changes {
        assert!(checked(&changed, &key).is_err(), "{what}: {changed}");
    }
    let mut swapped = receipt.clone();
    swapped["steps"].as_array_mut().expect("steps").swap(1, 2);
    assert_eq!(checked(&swapped, &key).err(), Some(ReceiptError::Statement));
}

#[tokio::test]
async fn nobody_else_gets_a_payments_receipt() {
    let till = Till::new().await;
    let id = busy_payment(&till).await;
    write(till.bank.bank()).await.expect("the log is written");
    let other = Shop::new(&till.bank, &till.admin, "test").await;
    let path = format!("/v1/payments/{id}/receipt");
    let theirs = other.get(&path).await;
    let nobody = till.bank.unknown_id::<money::kind::Payment>();
    let unknown = other.get(&format!("/v1/payments/{nobody}/receipt")).await;
    theirs.refused(404, "not_found");
    unknown.refused(404, "not_found");
    till.bank.client().get(&path).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_payment_goes_on_and_its_old_receipt_stays_right_about_its_time() {
    let till = Till::new().await;
    let (id, key) = (till.pay(CARD, "manual").await.expect(201).text("/id"), key(&till).await);
    let old = receipt(&till, &id).await;
    assert_eq!(checked(&old, &key).expect("it is right").payment.status, "authorized");
    let path = format!("/v1/payments/{id}/capture");
    let _done = till.shop.post(&path, &json!({})).await.expect(200);
    asked(&till, &id).await.refused(409, "receipt_not_ready");
    let new = receipt(&till, &id).await;
    assert_eq!(checked(&new, &key).expect("it is right").payment.captured, 10_000);
    let then = checked(&old, &key).expect("it is still right");
    assert_eq!((then.payment.captured, then.steps.len()), (0, 1));
    // What is new does not fit under what is old.
    let mut mixed = new.clone();
    mixed["checkpoint"] = old["checkpoint"].clone();
    assert!(checked(&mixed, &key).is_err());
    mixed["size"] = old["size"].clone();
    assert_eq!(checked(&mixed, &key).err(), Some(ReceiptError::Statement));
}

#[tokio::test]
async fn every_end_of_a_payment_has_its_receipt() {
    let till = Till::new().await;
    let key = key(&till).await;
    let at_once = till.pay(CARD, "automatic").await.expect(201).text("/id");
    let declined = till.pay("4000000000000002", "automatic").await.expect(201).text("/id");
    let released = till.pay(CARD, "manual").await.expect(201).text("/id");
    let part = till.pay(CARD, "manual").await.expect(201).text("/id");
    let lost = till.pay("4000000000001000", "automatic").await.expect(201).text("/id");
    let capture = format!("/v1/payments/{part}/capture");
    let _done = till.shop.post(&capture, &json!({ "amount": 1_500 })).await.expect(200);
    for id in [&released, &part] {
        let _done =
            till.shop.post(&format!("/v1/payments/{id}/cancel"), &json!({})).await.expect(200);
    }
    for (id, status, captured) in [
        (&at_once, "succeeded", 10_000),
        (&declined, "declined", 0),
        (&released, "canceled", 0),
        (&part, "succeeded", 1_500),
        (&lost, "processing", 0),
    ] {
        let said = checked(&receipt(&till, id).await, &key).expect("it is right").payment;
        assert_eq!((said.status.as_str(), said.captured), (status, captured), "{said:?}");
    }
    till.bank.advance(2);
    let (_go, stop) = watch::channel(false);
    Job::AskGateways.run(till.bank.bank(), &stop).await.expect("the gateway is asked");
    let said = checked(&receipt(&till, &lost).await, &key).expect("it is right");
    assert_eq!((said.payment.status.as_str(), said.payment.captured), ("succeeded", 10_000));
}

/// The bank does not sign what its own log contradicts.
#[tokio::test]
async fn a_payment_that_was_changed_in_the_database_gets_no_receipt() {
    let till = Till::new().await;
    let id = busy_payment(&till).await;
    receipt(&till, &id).await;
    for (spoil, undo) in [
        (
            "UPDATE payments SET refunded = refunded + 1",
            "UPDATE payments SET refunded = refunded - 1",
        ),
        (
            "UPDATE payment_steps SET amount = amount + 1 WHERE kind = 3",
            "UPDATE payment_steps SET amount = amount - 1 WHERE kind = 3",
        ),
    ] {
        sql(&till, spoil).await;
        asked(&till, &id).await.refused(500, "internal_error");
        sql(&till, undo).await;
        let _done = asked(&till, &id).await.expect(200);
    }
    // It is another merchant's now, as far as its row says; the event of its beginning says whose it was.
    let other = Shop::new(&till.bank, &till.admin, "test").await;
    let turned = "UPDATE payments SET merchant = (SELECT m.id FROM merchants AS m \
                  WHERE m.id <> payments.merchant ORDER BY m.id LIMIT 1)";
    sql(&till, turned).await;
    write(till.bank.bank()).await.expect("the log is written");
    other.get(&format!("/v1/payments/{id}/receipt")).await.refused(500, "internal_error");
    sql(&till, turned).await;
    let _done = asked(&till, &id).await.expect(200);
    let kept = till.bank.bank().db().read("kept", |tx| {
        let sql = "SELECT note FROM log_checkpoints ORDER BY size DESC LIMIT 1";
        Ok::<_, DbError>(tx.query_one(sql, &[])?.text(0)?.to_owned())
    });
    let kept = kept.await.expect("a checkpoint");
    let forged = kept.replacen("\n\n", "\nmore\n\n", 1);
    for note in [forged, kept] {
        let is_own = !note.contains("\nmore\n");
        let set = till.bank.bank().db().write("forge", move |tx| {
            let sql = "UPDATE log_checkpoints SET note = $1 \
                       WHERE size = (SELECT MAX(size) FROM log_checkpoints)";
            tx.execute(sql, params![&note])
        });
        assert_eq!(set.await.unwrap_or_else(|error: DbError| panic!("{error}")), 1);
        let reply = asked(&till, &id).await;
        assert_eq!(reply.status.as_u16(), if is_own { 200 } else { 500 });
    }
}

/// A gateway that knows of nothing refuses what is asked of it.
#[tokio::test]
async fn what_the_gateway_refused_is_in_the_receipt() {
    let till = Till::new().await;
    let paid = till.pay(CARD, "automatic").await.expect(201).text("/id");
    let held = till.pay(CARD, "manual").await.expect(201).text("/id");
    let till = till.with_another_gateway().await;
    let refunds = format!("/v1/payments/{paid}/refunds");
    let refund = till.shop.post(&refunds, &json!({ "amount": 700 })).await.expect(201);
    assert_eq!(refund.text("/status"), "failed");
    let _done = till.shop.post(&format!("/v1/payments/{held}/capture"), &json!({})).await;
    let (key, page) = (key(&till).await, Page::new());
    for (id, status, captured, leaves) in
        [(&paid, "succeeded", 10_000, 4), (&held, "authorized", 0, 1)]
    {
        let receipt = receipt(&till, id).await;
        let said = checked(&receipt, &key).expect("it is right");
        let facts = &said.payment;
        assert_eq!((facts.status.as_str(), facts.captured, facts.refunded), (status, captured, 0));
        let last = said.steps.last().expect("a step");
        assert_eq!((last.state.as_str(), last.leaves.len()), ("refused", leaves), "{last:?}");
        if let Some(output) = page.run(&receipt, &key) {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// The page says that its code needs nothing but Python: here it is run.
#[tokio::test]
async fn the_code_of_the_page_checks_a_payments_receipt() {
    let till = Till::new().await;
    let (id, key, page) = (busy_payment(&till).await, key(&till).await, Page::new());
    let declined = till.pay("4000000000000002", "automatic").await.expect(201).text("/id");
    let at_once = till.pay(CARD, "automatic").await.expect(201).text("/id");
    for (id, says) in [
        (&declined, "declined 0 captured"),
        (&at_once, "succeeded 10000 captured"),
        (&id, "succeeded 5000 captured, 700 refunded of 10000 INR"),
    ] {
        let Some(right) = page.run(&receipt(&till, id).await, &key) else { return };
        let said = String::from_utf8_lossy(&right.stdout).into_owned();
        assert!(right.status.success(), "{said}{}", String::from_utf8_lossy(&right.stderr));
        assert!(said.contains(id) && said.contains(says), "{said}");
    }
    // A tenth of all changes: each run is a process.
    let receipt = receipt(&till, &id).await;
    for (what, changed) in changes(&receipt).into_iter().step_by(10) {
        let found = page.run(&changed, &key).expect("it ran before");
        assert!(!found.status.success(), "{what}");
    }
}

async fn sql(till: &Till, text: &'static str) {
    let run = till.bank.bank().db().write("spoil", move |tx| tx.execute(text, &[]));
    let rows: u64 = run.await.unwrap_or_else(|error: DbError| panic!("{text}: {error}"));
    assert!(rows > 0, "{text}");
}

/// A document with each value changed, and each element of a list left out, one at a time.
fn changes(document: &Value) -> Vec<(String, Value)> {
    let mut changes = Vec::new();
    for path in paths(document, String::new()) {
        let mut changed = document.clone();
        let place = changed.pointer_mut(&path).expect("it is there");
        *place = other(place);
        changes.push((path, changed));
    }
    for path in lists(document, "") {
        let length = document.pointer(&path).and_then(Value::as_array).map_or(0, Vec::len);
        for place in 0..length {
            let mut changed = document.clone();
            let list = changed.pointer_mut(&path).and_then(Value::as_array_mut);
            list.expect("a list").remove(place);
            changes.push((format!("{path} without {place}"), changed));
        }
    }
    changes
}

fn other(value: &Value) -> Value {
    match value {
        Value::Null => Value::from("x"),
        Value::Bool(is) => Value::from(!is),
        Value::Number(number) => Value::from(number.as_i64().expect("whole") + 1),
        Value::String(text) => {
            let at = text.char_indices().nth(text.chars().count() / 2).expect("not empty").0;
            let letter = if text[at..].starts_with('0') { "1" } else { "0" };
            let rest = text[at..].chars().skip(1).collect::<String>();
            Value::from(format!("{}{letter}{rest}", &text[..at]))
        }
        Value::Array(_) | Value::Object(_) => Value::Null,
    }
}

fn paths(value: &Value, at: String) -> Vec<String> {
    below(value, &at)
        .into_iter()
        .fold(vec![at], |all, (path, value)| [all, paths(value, path)].concat())
}

fn lists(value: &Value, at: &str) -> Vec<String> {
    let own = if value.is_array() { vec![at.to_owned()] } else { Vec::new() };
    let all = below(value, at).into_iter();
    all.fold(own, |all, (path, value)| [all, lists(value, &path)].concat())
}

fn below<'v>(value: &'v Value, at: &str) -> Vec<(String, &'v Value)> {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(n, value)| (format!("{at}/{n}"), value)).collect()
        }
        _ => Vec::new(),
    }
}
