//! Each reason to ask, at its edge.

use money::Currency;

use super::*;

fn rules(every_payment: EveryPayment) -> StepUp {
    StepUp {
        every_payment,
        amount: 100,
        day_total: 250,
        hourly_payments: 0,
        cooling_seconds: 0,
        cooling_amount: 50,
        password_change_seconds: 86_400,
    }
}

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

fn payment(amount: i64) -> Payment {
    Payment { amount, currency: currency("INR"), own: false, known: true }
}

fn asked(rules: &StepUp, payment: Payment, before: Before) -> Option<Reason> {
    reason(rules, &payment, &before, true)
}

const NOTHING: Before = Before { in_request: 0, in_day: 0, in_hour: 0 };

#[test]
fn an_amount_is_large_from_the_threshold_on_in_each_currency() {
    let rules = rules(EveryPayment::Weighed);
    assert_eq!(asked(&rules, payment(9_999), NOTHING), None);
    assert_eq!(asked(&rules, payment(10_000), NOTHING), Some(Reason::Amount));
    for (code, large) in [("JPY", 100), ("KWD", 100_000)] {
        let of = |amount| Payment { currency: currency(code), ..payment(amount) };
        assert_eq!(asked(&rules, of(large - 1), NOTHING), None, "{code}");
        assert_eq!(asked(&rules, of(large), NOTHING), Some(Reason::Amount), "{code}");
    }
}

#[test]
fn the_payments_of_one_request_are_large_together() {
    let rules = rules(EveryPayment::Weighed);
    let before = Before { in_request: 6_000, ..NOTHING };
    assert_eq!(asked(&rules, payment(3_999), before), None);
    assert_eq!(asked(&rules, payment(4_000), before), Some(Reason::Amount));
}

#[test]
fn a_payee_is_new_to_who_has_a_factor_and_is_not_oneself() {
    let rules = rules(EveryPayment::Weighed);
    let new = Payment { known: false, ..payment(1) };
    assert_eq!(asked(&rules, new, NOTHING), Some(Reason::NewPayee));
    assert_eq!(reason(&rules, &new, &NOTHING, false), None);
    assert_eq!(asked(&rules, Payment { own: true, ..new }, NOTHING), None);
}

#[test]
fn the_day_may_come_to_its_total_and_not_beyond() {
    let rules = rules(EveryPayment::Weighed);
    let before = Before { in_day: 24_000, ..NOTHING };
    assert_eq!(asked(&rules, payment(1_000), before), None);
    assert_eq!(asked(&rules, payment(1_001), before), Some(Reason::DayTotal));
    assert_eq!(asked(&rules, Payment { own: true, ..payment(1_001) }, before), None);
}

#[test]
fn the_pace_is_off_at_zero() {
    let before = Before { in_hour: 3, ..NOTHING };
    let off = rules(EveryPayment::Weighed);
    assert_eq!(asked(&off, payment(1), before), None);
    let three = StepUp { hourly_payments: 3, ..off };
    assert_eq!(asked(&three, payment(1), before), Some(Reason::Pace));
    assert_eq!(asked(&three, payment(1), Before { in_hour: 2, ..NOTHING }), None);
}

// RBI DPSC 1: the smallest payment to oneself is asked about, too.
#[test]
fn the_profiles_ask_for_each_payment_or_spare_ones_own_accounts() {
    let own = Payment { own: true, ..payment(1) };
    let large_own = Payment { own: true, ..payment(10_000) };
    let (all, others) = (rules(EveryPayment::All), rules(EveryPayment::ToOthers));
    assert_eq!(asked(&all, own, NOTHING), Some(Reason::EveryPayment));
    assert_eq!(asked(&others, payment(1), NOTHING), Some(Reason::EveryPayment));
    assert_eq!(asked(&others, large_own, NOTHING), None, "RTS Art 15");
    let weighed = rules(EveryPayment::Weighed);
    assert_eq!(asked(&weighed, large_own, NOTHING), Some(Reason::Amount));
}

#[test]
fn sums_that_pass_64_bits_are_as_good_as_the_most() {
    let rules = rules(EveryPayment::Weighed);
    let before = Before { in_request: i64::MAX, in_day: i64::MAX, in_hour: i64::MAX };
    assert_eq!(asked(&rules, payment(i64::MAX), before), Some(Reason::Amount));
    assert_eq!(minor(u64::MAX, currency("KWD")), i64::MAX);
}

#[test]
fn what_nothing_is_asked_about_goes_through_the_plain_door() {
    let inr = currency("INR");
    let weighed = rules(EveryPayment::Weighed);
    assert_eq!(plain_below(&weighed, inr), 10_000);
    assert_eq!(plain_below(&StepUp { cooling_seconds: 1, ..weighed }, inr), 5_000);
    assert_eq!(plain_below(&StepUp { hourly_payments: 1, ..weighed }, inr), 0);
    assert_eq!(plain_below(&rules(EveryPayment::All), inr), 0);
    assert_eq!(plain_below(&rules(EveryPayment::ToOthers), inr), 0);
}
