//! Limits per transfer and per rolling day.

use ledger::{Act, BalancePolicy, Book, Limits, Outcome, Refusal, WINDOW_MICROS, in_window};
use money::Timestamp;

use crate::scene::{
    ALICE, BOB, HOUR, NOW, alone, bank, capture, held, hold, one_at, plan_now, posted, refused,
    transfer, void,
};

#[test]
fn the_limit_per_transfer_covers_transfers_and_holds_and_includes_itself() {
    let mut book = limited(Some(100), None);
    for act in [transfer(1, ALICE, BOB, 101), hold(1, ALICE, BOB, 101)] {
        refused(&mut book, act, Refusal::LimitExceeded);
    }
    posted(&mut book, transfer(1, ALICE, BOB, 100));
    held(&mut book, hold(1, ALICE, BOB, 100));
    assert_eq!(book.accounts[ALICE].spent_in_window, 0, "not kept without a daily limit");
}

#[test]
fn the_payees_limits_do_not_matter() {
    let mut book = bank();
    book.accounts[BOB].limits = Limits { per_transfer: Some(0), per_day: Some(0) };
    posted(&mut book, transfer(1, ALICE, BOB, 100));
}

#[test]
fn the_daily_limit_sums_transfers_and_holds_also_inside_one_batch() {
    let mut book = limited(None, Some(100));
    let orders = [
        alone(transfer(1, ALICE, BOB, 60)),
        alone(hold(1, ALICE, BOB, 41)),
        alone(hold(2, ALICE, BOB, 40)),
        alone(transfer(2, ALICE, BOB, 1)),
    ];
    let outcomes = plan_now(&mut book, &orders);
    assert!(matches!(outcomes[0], Outcome::Posted(_)));
    assert_eq!(outcomes[1], Outcome::Refused(Refusal::LimitExceeded));
    assert_eq!(outcomes[2], Outcome::Held { hold: 0 });
    assert_eq!(outcomes[3], Outcome::Refused(Refusal::LimitExceeded));
    assert_eq!(book.accounts[ALICE].spent_in_window, 100);
}

#[test]
fn what_was_spent_before_this_batch_counts() {
    let mut book = limited(None, Some(100));
    book.accounts[ALICE].spent_in_window = 70;
    refused(&mut book, transfer(1, ALICE, BOB, 31), Refusal::LimitExceeded);
    posted(&mut book, transfer(1, ALICE, BOB, 30));
}

#[test]
fn a_hold_counts_once_and_gives_back_what_it_releases() {
    let mut book = limited(None, Some(100));
    let slot = held(&mut book, hold(1, ALICE, BOB, 100));
    posted(&mut book, capture(1, slot, Some(30), false));
    assert_eq!(book.accounts[ALICE].spent_in_window, 100, "a capture is not counted again");
    refused(&mut book, transfer(2, ALICE, BOB, 1), Refusal::LimitExceeded);
    posted(&mut book, capture(3, slot, Some(30), true));
    assert_eq!(book.accounts[ALICE].spent_in_window, 60, "the released 40 are free again");
    posted(&mut book, transfer(4, ALICE, BOB, 40));

    let mut book = limited(None, Some(100));
    let slot = held(&mut book, hold(1, ALICE, BOB, 100));
    assert_eq!(one_at(&mut book, void(slot), NOW), Outcome::Voided);
    assert_eq!(book.accounts[ALICE].spent_in_window, 0);
}

#[test]
fn a_capture_needs_no_room_in_the_limits() {
    let mut book = limited(None, None);
    let slot = held(&mut book, hold(1, ALICE, BOB, 100));
    book.accounts[ALICE].limits = Limits { per_transfer: Some(1), per_day: Some(1) };
    posted(&mut book, capture(1, slot, None, true));
}

#[test]
fn a_hold_older_than_the_window_gives_nothing_back_to_this_day() {
    let mut book = limited(None, Some(100));
    let slot = place_for_two_days(&mut book);
    let next_day = NOW.plus_micros(WINDOW_MICROS);
    // The hold has left the window; today's 90 are other money.
    book.accounts[ALICE].spent_in_window = 90;
    assert_eq!(one_at(&mut book, void(slot), next_day), Outcome::Voided);
    assert_eq!(book.accounts[ALICE].spent_in_window, 90);

    let mut book = limited(None, Some(100));
    let slot = place_for_two_days(&mut book);
    assert_eq!(one_at(&mut book, void(slot), next_day.plus_micros(-1)), Outcome::Voided);
    assert_eq!(book.accounts[ALICE].spent_in_window, 0, "one microsecond earlier it still counted");
}

#[test]
fn the_window_is_the_last_24_hours_of_posting_time() {
    let age = |micros: i64| in_window(NOW.plus_micros(-micros), NOW);
    assert!(age(0) && age(24 * HOUR - 1));
    assert!(!age(24 * HOUR) && !age(48 * HOUR));
    assert!(age(-HOUR), "a clock set back does not free the limit");
    assert!(in_window(Timestamp::MIN.plus_micros(1), Timestamp::MIN));
}

#[test]
fn a_day_that_would_overflow_is_refused() {
    let mut book = limited(None, Some(i64::MAX));
    book.accounts[ALICE].policy = BalancePolicy::Unbounded;
    book.accounts[ALICE].spent_in_window = i64::MAX - 4;
    refused(&mut book, transfer(1, ALICE, BOB, 5), Refusal::LimitExceeded);
    posted(&mut book, transfer(1, ALICE, BOB, 4));
}

fn place_for_two_days(book: &mut Book) -> usize {
    let mut act = hold(1, ALICE, BOB, 100);
    let Act::Hold(order) = &mut act else { panic!("a hold") };
    order.expires_at = NOW.plus_micros(48 * HOUR);
    held(book, act)
}

fn limited(per_transfer: Option<i64>, per_day: Option<i64>) -> Book {
    let mut book = bank();
    book.accounts[ALICE].limits = Limits { per_transfer, per_day };
    book
}
