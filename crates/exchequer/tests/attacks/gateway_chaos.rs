//! A gateway that does everything wrong that it can, under payments, captures, cancellations and refunds.
//!
//! `EXCHEQUER_TEST_CHAOS_PAYMENTS` says how many payments (150). The bank's clock runs fifty times as fast as
//! the day, so that its job asks, and gives up, while requests are still under way.

use std::collections::HashMap;
use std::time::Duration;

use exchequer::gateways::signature;
use exchequer::jobs::Job;
use exchequer::payments::model::State;
use exchequer::sandbox::{Chaos, TEST_CARDS};
use futures_util::StreamExt;
use money::{PaymentId, Rng};
use serde_json::{Value, json};
use store::DbError;
use testkit::Till;
use testkit::sandbox::{SECRET, order};
use tokio::sync::watch;

use crate::card_storms::setting;
use crate::scene::number;

/// Payments under way at once.
const AT_ONCE: usize = 48;
/// Seconds of the bank's clock after which nothing may be unknown once the gateway is well again.
const RESOLVED_WITHIN: u64 = 60;

const OPEN: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM payment_steps WHERE ask_at IS NOT NULL OR state < 2";

/// All that the knobs have.
fn everything(seed: u64) -> Chaos {
    Chaos {
        seed,
        decide_ms: if seed.is_multiple_of(2) { 0 } else { 30 },
        slow_ms: if seed.is_multiple_of(3) { 20 } else { 0 },
        hang_ms: 1_500,
        asks_too: true,
        drop_request_per_mille: 60,
        error_500_before_per_mille: 60,
        lose_answer_per_mille: 80,
        hang_per_mille: 20,
        error_500_after_per_mille: 60,
        cut_answer_per_mille: 60,
        answer_twice_per_mille: 60,
        wrong_amount_per_mille: 60,
        ..Chaos::default()
    }
}

/// What a merchant with bad luck does with one payment; no answer stops it.
async fn live(till: &Till, cards: &[String], n: u64) {
    let rng = Rng::seeded(n);
    let draw = |below: u32| rng.below(below);
    let card =
        &cards[usize::try_from(draw(u32::try_from(cards.len()).expect("few"))).expect("few")];
    let amount = 100 + i64::from(draw(100_000));
    let capture = if draw(2) == 0 { "automatic" } else { "manual" };
    let (key, body) = (format!("chaos-{n}"), order(card, amount, capture));
    let mut id = None;
    for _ in 0..40 {
        let reply = till.shop.post_with_key("/v1/payments", &key, &body).await;
        if reply.status.is_success() {
            id = Some(reply.text("/id"));
            break;
        }
        reply.refused(409, "idempotency_key_in_flight");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let Some(id) = id else { panic!("{key} is never answered") };
    for act in 0..draw(5) {
        let (path, body) = match draw(4) {
            0 => ("capture", json!({ "amount": 1 + draw(50_000) })),
            1 => ("capture", json!({ "final": true })),
            2 => ("cancel", json!({})),
            _ => ("refunds", json!({ "amount": 1 + draw(30_000) })),
        };
        let path = format!("/v1/payments/{id}/{path}");
        let key = format!("chaos-{n}-{act}");
        let reply = till.shop.post_with_key(&path, &key, &body).await;
        assert!(
            reply.status.is_success() || [409, 422].contains(&reply.status.as_u16()),
            "{reply:?}"
        );
        notify(till, &id, draw(3)).await;
        tokio::time::sleep(Duration::from_millis(u64::from(draw(60)))).await;
    }
}

/// A notice of the gateway, some times: late, twice, out of order, of a wrong amount.
async fn notify(till: &Till, operation: &str, times: u32) {
    for n in 0..times {
        let body = json!({ "operation": operation, "status": "done", "amount": n }).to_string();
        let signed = signature::sign(SECRET.as_bytes(), till.bank.clock().now(), body.as_bytes());
        let request = till
            .bank
            .client()
            .request(http::Method::POST, "/v1/gateways/sandbox/notices")
            .header("exchequer-sandbox-signature", signed)
            .body(axum::body::Body::from(body));
        let _taken = till.bank.client().send(request.expect("a request")).await.expect(204);
    }
}

async fn ask(till: &Till) {
    let (_go, stop) = watch::channel(false);
    Job::AskGateways.run(till.bank.bank(), &stop).await.expect("the gateway is asked");
}

const TURN: Duration = Duration::from_millis(20);

/// Time goes on, and the bank asks, until it is told to end.
async fn run_clock(till: &Till, mut over: watch::Receiver<bool>) {
    let mut seed = 1;
    loop {
        till.bank.advance(1);
        // A second of the bank is at least as long as this, so that its clock does not outrun the merchants.
        let end = tokio::time::timeout(TURN, over.wait_for(|over| *over));
        if let ((), Ok(_)) = tokio::join!(ask(till), end) {
            return;
        }
        seed += 1;
        if seed % 50 == 0 {
            // Down for a while, and then wrong in another way.
            let is_down = seed % 200 == 0;
            till.chaos(Chaos { is_down, ..everything(seed / 50) });
        }
    }
}

/// Every payment of the bank: state, captured, refunded.
async fn payments(till: &Till) -> HashMap<PaymentId, (State, i64, i64)> {
    let run = till.bank.bank().db().read("test", |tx| {
        let rows = tx.query("SELECT id, state, captured, refunded FROM payments", &[])?;
        let read = |row: &store::Row| {
            let state = State::from_code(row.int(1)?).expect("a state");
            Ok((row.id(0)?, (state, row.int(2)?, row.int(3)?)))
        };
        rows.iter().map(read).collect()
    });
    run.await.unwrap_or_else(|error: DbError| panic!("{error}"))
}

#[tokio::test]
async fn no_payment_ends_otherwise_than_at_the_gateway() {
    let count = setting("EXCHEQUER_TEST_CHAOS_PAYMENTS", 150);
    let till = Till::with(|config| config.cards.reveals_per_hour = u32::MAX).await;
    let mut cards = Vec::new();
    for card in &TEST_CARDS {
        cards.push(till.shop.card(card.number).await);
    }
    till.chaos(everything(1));
    let (end, over) = watch::channel(false);
    let lives = async {
        futures_util::stream::iter(0..count)
            .for_each_concurrent(AT_ONCE, |n| live(&till, &cards, n))
            .await;
        end.send_replace(true);
    };
    tokio::join!(lives, run_clock(&till, over));
    let unknown = number(&till.bank, OPEN).await;
    till.chaos(Chaos::default());
    let mut seconds = 0;
    while number(&till.bank, OPEN).await > 0 {
        assert!(seconds < RESOLVED_WITHIN, "still unknown after {seconds} s");
        till.bank.advance(1);
        ask(&till).await;
        seconds += 1;
    }
    let ours = payments(&till).await;
    assert_eq!(u64::try_from(ours.len()).expect("few"), count);
    println!("{:?}", compare(&till, &ours));
    println!(
        "{count} payments; {unknown} steps unknown when the gateway was well again, for {seconds} s"
    );
}

/// Gives how many payments ended in which state.
fn compare(
    till: &Till,
    ours: &HashMap<PaymentId, (State, i64, i64)>,
) -> HashMap<&'static str, u64> {
    let mut states: HashMap<&'static str, u64> = HashMap::new();
    for (id, (state, captured, refunded)) in ours {
        *states.entry(state.as_str()).or_default() += 1;
        let Some(charge) = till.gateway.desk().charge(*id) else {
            assert_eq!((*state, *captured, *refunded), (State::Declined, 0, 0), "{id}: no charge");
            continue;
        };
        let told: Value = json!([captured, refunded]);
        assert_eq!(told, json!([charge.captured, charge.refunded]), "{id}: {state:?} {charge:?}");
        let is_right = match state {
            State::Authorized => charge.is_open,
            State::Captured => !charge.is_open && charge.captured > 0,
            State::Canceled => !charge.is_open && charge.captured == 0,
            State::Declined | State::Submitting | State::Unknown => false,
        };
        assert!(is_right, "{id}: {state:?} {charge:?}");
    }
    for (id, charge) in till.gateway.desk().charges(None, usize::MAX) {
        assert!(ours.contains_key(&id), "{id}: a charge of nobody: {charge:?}");
    }
    states
}
