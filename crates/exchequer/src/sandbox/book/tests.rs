//! The gateway's own rules: captures within the authorisation, refunds within what was captured.

use super::*;
use crate::sandbox::report::fee;
use money::{IdMint, Rng};

struct Scene {
    book: Book,
    mint: IdMint,
    now: Timestamp,
    count: u32,
}

impl Scene {
    fn new() -> Self {
        let now = "2026-11-21T08:00:00Z".parse().unwrap();
        Self { book: Book::default(), mint: IdMint::new(Rng::seeded(1)), now, count: 0 }
    }

    fn payment(&self) -> PaymentId {
        self.mint.mint(self.now)
    }

    fn ask(&mut self, payment: PaymentId, demand: Demand) -> Answer {
        self.count += 1;
        let operation = Arc::from(format!("op-{}", self.count));
        let order = Order { operation, fingerprint: [7; 32], payment, demand };
        let record = self.book.decide(&order, self.now);
        self.book.apply(record.clone());
        // What is entered twice counts once.
        self.book.apply(record.clone());
        record.answer()
    }

    fn code(&mut self, payment: PaymentId, demand: Demand) -> String {
        let answer = self.ask(payment, demand);
        answer.code.unwrap_or_else(|| format!("done {}", answer.amount.unwrap()))
    }
}

fn inr(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

fn authorize(minor: i64, capture: bool) -> Demand {
    Demand::Authorize { money: inr(minor), capture, card: Ok(()) }
}

fn capture(minor: i64, is_final: bool) -> Demand {
    Demand::Capture { money: inr(minor), is_final }
}

fn refund(minor: i64) -> Demand {
    Demand::Refund { money: inr(minor) }
}

#[test]
fn captures_stay_within_the_authorisation() {
    let mut scene = Scene::new();
    let payment = scene.payment();
    assert_eq!(scene.code(payment, authorize(1_000, false)), "done 1000");
    assert_eq!(scene.code(payment, capture(600, false)), "done 600");
    assert_eq!(scene.code(payment, capture(401, false)), "exceeds_authorization");
    assert_eq!(scene.code(payment, capture(400, false)), "done 400");
    assert_eq!(scene.code(payment, capture(1, false)), "not_open");
    let charge = scene.book.charge(payment).unwrap();
    assert_eq!((charge.authorized, charge.captured, charge.is_open), (1_000, 1_000, false));
}

#[test]
fn a_final_capture_and_a_cancellation_end_it() {
    let mut scene = Scene::new();
    let [finished, canceled] = [scene.payment(), scene.payment()];
    for payment in [finished, canceled] {
        scene.ask(payment, authorize(1_000, false));
        scene.ask(payment, capture(300, false));
    }
    assert_eq!(scene.code(finished, capture(100, true)), "done 100");
    assert_eq!(scene.code(finished, capture(100, true)), "not_open");
    assert_eq!(scene.code(finished, Demand::Cancel), "not_open");
    assert_eq!(scene.code(canceled, Demand::Cancel), "done 700");
    assert_eq!(scene.code(canceled, Demand::Cancel), "not_open");
    assert_eq!(scene.code(canceled, capture(1, false)), "not_open");
}

#[test]
fn refunds_stay_within_what_was_captured() {
    let mut scene = Scene::new();
    let payment = scene.payment();
    scene.ask(payment, authorize(1_000, false));
    assert_eq!(scene.code(payment, refund(1)), "exceeds_capture");
    scene.ask(payment, capture(500, true));
    assert_eq!(scene.code(payment, refund(200)), "done 200");
    assert_eq!(scene.code(payment, refund(301)), "exceeds_capture");
    assert_eq!(scene.code(payment, refund(300)), "done 300");
    assert_eq!(scene.code(payment, refund(1)), "exceeds_capture");
}

#[test]
fn refusals_come_in_their_order() {
    let mut scene = Scene::new();
    let [paid, unknown] = [scene.payment(), scene.payment()];
    scene.ask(paid, authorize(1_000, true));
    let no_card =
        |money| Demand::Authorize { money, capture: true, card: Err(Refusal::NoTestCard) };
    assert_eq!(scene.code(paid, no_card(inr(1))), "payment_exists");
    assert_eq!(scene.code(unknown, no_card(inr(1))), "test_card_required");
    let usd = Money::new(5_000, Currency::USD);
    assert_eq!(scene.code(unknown, Demand::Refund { money: usd }), "no_such_payment");
    assert_eq!(scene.code(paid, Demand::Refund { money: usd }), "currency_mismatch");
    let usd_capture = Demand::Capture { money: usd, is_final: true };
    assert_eq!(scene.code(unknown, usd_capture), "no_such_payment");
    assert_eq!(scene.code(paid, usd_capture), "currency_mismatch");
    assert_eq!(scene.code(paid, capture(5_000, true)), "not_open");
    assert_eq!(scene.code(unknown, Demand::Cancel), "no_such_payment");
    for refusal in ["payment_exists", "stolen_card", "exceeds_capture"] {
        assert_eq!(Refusal::parse(refusal).unwrap().as_str(), refusal);
    }
    assert_eq!(Refusal::parse("no"), None);
}

#[test]
fn totals_and_reports_say_what_moved() {
    let mut scene = Scene::new();
    let [held, paid] = [scene.payment(), scene.payment()];
    scene.ask(held, authorize(700, false));
    scene.ask(paid, authorize(1_025, true));
    scene.now = scene.now.plus_seconds(86_400);
    scene.ask(paid, refund(25));
    let expected = Total { charges: 2, authorized: 1_725, captured: 1_025, refunded: 25 };
    assert_eq!(scene.book.totals(), BTreeMap::from([("INR", expected)]));
    let moved = |day| -> Vec<(Kind, Money)> {
        let done = scene.book.day(day).filter_map(|record| match record.verdict {
            Verdict::Done { deed, .. } => deed.movement(),
            Verdict::Refused { .. } | Verdict::Closed => None,
        });
        done.collect()
    };
    let today = Day::of(scene.now);
    assert_eq!(moved(today.previous()), [(Kind::Capture, inr(1_025))]);
    assert_eq!(moved(today), [(Kind::Refund, inr(25))]);
    assert_eq!(fee(Kind::Capture, inr(1_025)), 21, "20.5 is rounded upwards");
    assert_eq!(fee(Kind::Refund, inr(1_025)), 0);
}

#[test]
fn the_oldest_day_makes_room_and_todays_never() {
    let mut scene = Scene::new();
    let [old, kept] = [scene.payment(), scene.payment()];
    scene.ask(old, authorize(1, true));
    scene.ask(kept, authorize(5, true));
    scene.now = scene.now.plus_seconds(86_400);
    scene.ask(kept, refund(1));
    let today = Day::of(scene.now);
    assert!(scene.book.make_room(today, 4) && scene.book.charge(old).is_some());
    assert!(scene.book.make_room(today, 3));
    assert!(scene.book.charge(old).is_none() && scene.book.record("op-1").is_none());
    // Something happened to it today.
    assert!(scene.book.charge(kept).is_some() && scene.book.record("op-3").is_some());
    assert_eq!(scene.code(kept, authorize(5, true)), "payment_exists");
    assert!(!scene.book.make_room(today, 1));
}
