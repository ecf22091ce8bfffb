//! What clients want: one request under one key, sent as often as it takes, and the one answer that it may have.

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::{Method, header};
use money::Timestamp;
use serde_json::{Value, json};
use testkit::{Reply, Signed};

use crate::dice::Dice;
use crate::world::{CUSTOMERS, World};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Customer(usize),
    Merchant,
}

/// What is made where it succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Makes {
    Transfer,
    Hold,
    Payment,
    Refund,
    /// A change of what is there.
    Nothing,
}

pub struct Wish {
    pub key: String,
    pub who: Who,
    pub path: String,
    pub body: Value,
    pub makes: Makes,
    /// Status and bytes; the first that anybody was given.
    pub answer: Option<(u16, Bytes)>,
    /// What was said last that is no answer: for a report.
    pub not_yet: Option<Bytes>,
}

/// What later wishes can be about.
#[derive(Default)]
pub struct Things {
    /// Payments with what was authorised.
    pub payments: Vec<(String, i64)>,
    /// Holds, their payers, and what they reserve.
    pub holds: Vec<(String, usize, i64)>,
}

impl Wish {
    /// The next wish of somebody. Sums of parts are all different, so that one that is booked twice is seen.
    pub fn draw(world: &World, things: &Things, (dice, serial): (&Dice, usize)) -> Self {
        let kind = dice.weighted(&[30, 8, 8, 22, 16, 4, 12]);
        let part = 1_000 + i64::try_from(serial).expect("few");
        let made = match kind {
            0 => None,
            1 => Some(hold(world, (dice, serial))),
            2 => part_of_hold(things, dice),
            3 => Some(payment(world, (dice, serial))),
            4 => of_payment(
                things,
                dice,
                (
                    "capture",
                    |left, dice| json!({ "amount": left, "final": dice.per_mille(500) }),
                    part,
                ),
            ),
            5 => of_payment(things, dice, ("cancel", |_, _| json!({}), part)),
            _ => of_payment(things, dice, ("refunds", |left, _| json!({ "amount": left }), part)),
        };
        let (who, path, body, makes) = made.unwrap_or_else(|| transfer(world, (dice, serial)));
        Self { key: format!("wish-{serial}"), who, path, body, makes, answer: None, not_yet: None }
    }

    /// The same request once more; signed anew where it is signed.
    pub fn request(&self, world: &World, (now, nonce): (Timestamp, usize)) -> Request {
        self.asking(world, &self.body, (now, nonce))
    }

    /// Another request under the same key.
    pub fn altered(&self, world: &World, at: (Timestamp, usize)) -> Option<Request> {
        let mut body = self.body.clone();
        let amount = body.get("amount").and_then(Value::as_i64)?;
        body["amount"] = json!(amount + 1);
        Some(self.asking(world, &body, at))
    }

    fn asking(&self, world: &World, body: &Value, (now, nonce): (Timestamp, usize)) -> Request {
        let body = body.to_string().into_bytes();
        match self.who {
            Who::Merchant => {
                let nonce = format!("nonce-of-a-simulation-{nonce:0>8}");
                let signed = world.shop.sign_at(Method::POST, &self.path, &body, (now, &nonce));
                Signed { idempotency_key: self.key.clone(), ..signed }.request()
            }
            Who::Customer(n) => Request::builder()
                .method(Method::POST)
                .uri(&self.path)
                .header(header::USER_AGENT, "testkit")
                .header(header::AUTHORIZATION, format!("Bearer {}", world.customers[n].token))
                .header(header::CONTENT_TYPE, "application/json")
                .header("idempotency-key", &self.key)
                .body(Body::from(body))
                .expect("a request"),
        }
    }

    /// Takes an answer in. An error is a broken promise.
    pub fn told(&mut self, reply: &Reply, things: &mut Things) -> Result<(), String> {
        let status = reply.status.as_u16();
        if !is_final(reply) {
            self.not_yet = Some(reply.body.clone());
            return Ok(());
        }
        if let Some((before, bytes)) = &self.answer {
            return if (*before, bytes) == (status, &reply.body) {
                Ok(())
            } else {
                Err(format!("{}: answered {before} {bytes:?} and then {reply:?}", self.key))
            };
        }
        self.answer = Some((status, reply.body.clone()));
        if status >= 300 {
            return Ok(());
        }
        let amount = self.body["amount"].as_i64().unwrap_or_default();
        match (self.makes, self.who) {
            (Makes::Payment, _) => things.payments.push((reply.text("/id"), amount)),
            (Makes::Hold, Who::Customer(n)) => things.holds.push((reply.text("/id"), n, amount)),
            _ => {}
        }
        Ok(())
    }
}

/// Whether an answer is one that its key keeps: success or a refusal of the business.
pub fn is_final(reply: &Reply) -> bool {
    match reply.status.as_u16() {
        409 => reply.code() != "idempotency_key_in_flight",
        200..300 | 404 | 410 | 422 => true,
        _ => false,
    }
}

type Made = (Who, String, Value, Makes);

fn transfer(world: &World, (dice, serial): (&Dice, usize)) -> Made {
    let (from, to) = two(dice);
    let amount = dice.between(1, if dice.per_mille(100) { 60_000 } else { 6_000 });
    let body = json!({
        "from": world.customers[from].account, "to": world.customers[to].account,
        "amount": amount, "currency": "INR", "memo": format!("transfer-{serial}"),
    });
    (Who::Customer(from), "/v1/transfers".to_owned(), body, Makes::Transfer)
}

fn hold(world: &World, (dice, serial): (&Dice, usize)) -> Made {
    let (from, to) = two(dice);
    let body = json!({
        "from": world.customers[from].account, "to": world.customers[to].account,
        "amount": dice.between(2_000, 9_000), "currency": "INR", "memo": format!("hold-{serial}"),
        "expires_in": dice.between(5, 300),
    });
    (Who::Customer(from), "/v1/holds".to_owned(), body, Makes::Hold)
}

fn part_of_hold(things: &Things, dice: &Dice) -> Option<Made> {
    let (id, payer, amount) = things.holds.get(dice.below(things.holds.len()))?;
    let (act, body) = match dice.below(3) {
        0 => ("void", json!({})),
        1 => ("capture", json!({ "amount": dice.between(1, *amount), "final": false })),
        _ => ("capture", json!({})),
    };
    Some((Who::Customer(*payer), format!("/v1/holds/{id}/{act}"), body, Makes::Nothing))
}

fn payment(world: &World, (dice, serial): (&Dice, usize)) -> Made {
    let body = json!({
        "amount": dice.between(5_000, 40_000), "currency": "INR",
        "card": world.cards[dice.below(world.cards.len())],
        "capture": if dice.per_mille(500) { "automatic" } else { "manual" },
        "metadata": { "wish": serial },
    });
    (Who::Merchant, "/v1/payments".to_owned(), body, Makes::Payment)
}

type Describe = fn(i64, &Dice) -> Value;

/// Of one of the last payments, so that acts meet.
fn of_payment(
    things: &Things,
    dice: &Dice,
    (act, body, part): (&str, Describe, i64),
) -> Option<Made> {
    let recent = things.payments.len().min(3);
    let place = things.payments.len() - recent + dice.below(recent);
    let (id, _) = things.payments.get(place)?;
    let makes = if act == "refunds" { Makes::Refund } else { Makes::Nothing };
    // Sometimes more than there is.
    let sum = if dice.per_mille(60) { part + 50_000 } else { part };
    Some((Who::Merchant, format!("/v1/payments/{id}/{act}"), body(sum, dice), makes))
}

fn two(dice: &Dice) -> (usize, usize) {
    let from = dice.below(CUSTOMERS);
    (from, (from + 1 + dice.below(CUSTOMERS - 1)) % CUSTOMERS)
}
