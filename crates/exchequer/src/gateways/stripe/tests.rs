//! Stripe by its documentation: a small server that gives scripted answers and remembers what it was asked.

mod acts;
mod asking;
mod compatible;
mod fake;
mod notices;

use std::time::Duration;

use money::{Currency, IdMint, Money, PaymentId, Rng, Timestamp};
use serde_json::{Value, json};
use vault::SecretString;
use vault::card::{Expiry, Number};

use self::fake::Fake;
use super::*;
use crate::gateways::{Card, Done};

const ID: &str = "op-1";
const INTENT: &str = "pi_1";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn payment() -> PaymentId {
    IdMint::new(Rng::seeded(5)).mint(now())
}

fn inr(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

fn card() -> Card {
    let Ok(number) = Number::parse("4242424242424242") else { panic!("no number") };
    let cvv = Some(SecretString::new("737".to_owned()));
    Card { number, expiry: Expiry::new(12, 2030, now()).unwrap(), cvv }
}

fn client(url: &str) -> Stripe {
    let limits = Limits { connect: Duration::from_secs(2), whole: Duration::from_millis(500) };
    let key = SecretString::new("sk_test_1".to_owned());
    Stripe::new(url, (&key, SecretString::new("whsec_1".to_owned())), limits).unwrap()
}

/// An intent of ours for INR 10.00, captured automatically, with some fields changed.
fn intent(status: &str, changes: Value) -> Value {
    let received = if status == "succeeded" { 1_000 } else { 0 };
    let mut intent = json!({
        "id": INTENT, "object": "payment_intent", "status": status, "amount": 1_000,
        "amount_received": received, "amount_capturable": 0, "currency": "inr",
        "capture_method": "automatic", "latest_charge": null, "last_payment_error": null,
        "livemode": false, "created": 1_800_000_000,
        "metadata": { "operation": ID, "payment": payment().to_string() },
    });
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    intent.as_object_mut().unwrap().extend(changes);
    intent
}

fn manual() -> Value {
    json!({ "capture_method": "manual", "amount_capturable": 1_000, "latest_charge": "ch_1" })
}

fn failure(kind: &str, code: &str) -> Value {
    json!({ "error": { "type": kind, "code": code, "message": "no", "param": "x" } })
}

fn refund(id: &str, status: &str, amount: i64) -> Value {
    json!({
        "id": format!("re_{id}"), "object": "refund", "status": status, "amount": amount,
        "currency": "inr", "payment_intent": INTENT, "charge": "ch_1",
        "metadata": { "operation": id, "payment": payment().to_string() },
    })
}

fn list(data: &[Value], has_more: bool) -> Value {
    json!({ "object": "list", "url": "/v1/x", "has_more": has_more, "data": data })
}

async fn submit(fake: &Fake, act: Act<'_>) -> Outcome {
    let operation = Operation { id: ID, payment: payment(), reference: Some(INTENT), act };
    client(&fake.url).submit(&operation).await
}

async fn confirm(fake: &Fake) -> Outcome {
    submit(fake, Act::Authorize { money: inr(1_000), card: &card(), capture: true }).await
}

async fn ask(fake: &Fake, kind: Kind, give_up: bool) -> Asked {
    let question = Question {
        id: ID,
        payment: payment(),
        reference: Some(INTENT),
        currency: Currency::INR,
        kind,
        give_up,
    };
    client(&fake.url).ask(&question).await
}

fn done(reference: &str, amount: i64, is_captured: bool) -> Outcome {
    Outcome::Done(Done { reference: reference.to_owned(), amount, is_captured })
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused { code: code.to_owned(), reference: Some(INTENT.to_owned()) }
}

#[track_caller]
fn assert_unknown(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
}
