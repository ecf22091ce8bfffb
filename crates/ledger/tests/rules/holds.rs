//! The life of a hold.

use ledger::{AccountStatus, Hold, HoldStatus, Outcome, Refusal};

use crate::scene::{
    ALICE, BOB, CAROL, HOUR, NOW, alone, available, bank, capture, expire, held, hold, hold_id,
    one, one_at, plan_now, posted, refused, refused_at, transfer, void,
};

#[test]
fn a_hold_reserves_on_both_sides_and_moves_nothing() {
    let mut book = bank();
    let slot = held(&mut book, hold(1, ALICE, BOB, 300));
    let expected = Hold {
        id: hold_id(1),
        debit: ALICE,
        credit: BOB,
        amount: 300,
        captured: 0,
        status: HoldStatus::Active,
        placed_at: NOW,
        expires_at: NOW.plus_micros(HOUR),
    };
    assert_eq!(book.holds[slot], expected);
    let (alice, bob) = (&book.accounts[ALICE], &book.accounts[BOB]);
    assert_eq!((alice.posted(), alice.held(), alice.credits_held), (1000, 300, 0));
    assert_eq!((bob.posted(), bob.held(), bob.credits_held), (0, 0, 300));
    assert_eq!((available(&book, ALICE), available(&book, BOB)), (700, 0));
}

#[test]
fn captures_may_be_many_until_nothing_is_left() {
    let mut book = bank();
    let slot = held(&mut book, hold(1, ALICE, BOB, 300));
    for (id, part) in [(1, 100), (2, 150)] {
        assert_eq!(posted(&mut book, capture(id, slot, Some(part), false)).amount, part);
        assert_eq!(book.holds[slot].status, HoldStatus::Active);
    }
    assert_eq!((book.accounts[ALICE].posted(), book.accounts[ALICE].held()), (750, 50));
    refused(&mut book, capture(3, slot, Some(51), false), Refusal::CaptureExceedsHold);
    assert_eq!(posted(&mut book, capture(3, slot, None, false)).amount, 50);
    assert_eq!(book.holds[slot].status, HoldStatus::Captured);
    assert_eq!(book.holds[slot].remaining(), 0);
    assert_eq!((book.accounts[ALICE].held(), book.accounts[BOB].credits_held), (0, 0));
    refused(&mut book, capture(4, slot, None, false), Refusal::HoldNotActive);
}

#[test]
fn a_final_capture_releases_the_rest() {
    let mut book = bank();
    let slot = held(&mut book, hold(1, ALICE, BOB, 300));
    posted(&mut book, capture(1, slot, Some(10), true));
    assert_eq!(book.holds[slot].status, HoldStatus::Captured);
    assert_eq!(available(&book, ALICE), 990);
    assert_eq!((book.accounts[ALICE].held(), book.accounts[BOB].credits_held), (0, 0));
    for act in [capture(2, slot, Some(1), false), void(slot), expire(slot)] {
        refused_at(&mut book, act, NOW.plus_micros(HOUR), Refusal::HoldNotActive);
    }
}

#[test]
fn a_capture_is_paid_from_the_hold_alone() {
    let mut book = bank();
    let slot = held(&mut book, hold(1, ALICE, BOB, 300));
    posted(&mut book, transfer(1, ALICE, CAROL, 700));
    assert_eq!(available(&book, ALICE), 0);
    posted(&mut book, capture(2, slot, Some(300), false));
    assert_eq!((book.accounts[ALICE].posted(), available(&book, ALICE)), (0, 0));
}

#[test]
fn captured_money_can_be_spent_by_the_next_order() {
    let mut book = bank();
    let slot = held(&mut book, hold(1, ALICE, BOB, 300));
    let outcomes = plan_now(
        &mut book,
        &[alone(capture(1, slot, None, true)), alone(transfer(2, BOB, CAROL, 300))],
    );
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Posted(_))), "{outcomes:?}");
}

#[test]
fn a_hold_is_captured_before_its_time_and_expires_at_it() {
    let mut book = bank();
    let slot = held(&mut book, hold(1, ALICE, BOB, 300));
    let end = NOW.plus_micros(HOUR);
    let last_moment = end.plus_micros(-1);
    refused_at(&mut book, expire(slot), last_moment, Refusal::HoldNotExpired);
    assert!(matches!(
        one_at(&mut book, capture(1, slot, Some(1), false), last_moment),
        Outcome::Posted(_)
    ));
    refused_at(&mut book, capture(2, slot, Some(1), false), end, Refusal::HoldExpired);
    assert_eq!(one_at(&mut book, expire(slot), end), Outcome::Expired);
    assert_eq!(book.holds[slot].status, HoldStatus::Expired);
    assert_eq!((available(&book, ALICE), book.accounts[BOB].credits_held), (999, 0));
}

#[test]
fn an_overdue_hold_that_was_not_swept_can_be_voided() {
    let mut book = bank();
    let slot = held(&mut book, hold(1, ALICE, BOB, 300));
    let outcome = one_at(&mut book, void(slot), NOW.plus_micros(2 * HOUR));
    assert_eq!(outcome, Outcome::Voided);
    assert_eq!(available(&book, ALICE), 1000);
}

#[test]
fn void_and_expiry_work_on_any_standing() {
    for status in [AccountStatus::Frozen, AccountStatus::Closed] {
        for (act, outcome) in [
            (void as fn(usize) -> _, Outcome::Voided),
            (expire as fn(usize) -> _, Outcome::Expired),
        ] {
            let mut book = bank();
            let slot = held(&mut book, hold(1, ALICE, BOB, 300));
            book.accounts[ALICE].status = status;
            book.accounts[BOB].status = status;
            let later = NOW.plus_micros(HOUR);
            // A closed account cannot have holds, so this book is broken on purpose: what is
            // reserved must come free even then.
            assert_eq!(ledger::plan(&mut book, &[alone(act(slot))], later), [outcome]);
            assert_eq!((book.accounts[ALICE].held(), book.accounts[BOB].credits_held), (0, 0));
            assert_eq!(book.accounts[ALICE].status, status);
        }
    }
}

#[test]
fn incoming_holds_are_not_money() {
    let mut book = bank();
    held(&mut book, hold(1, ALICE, BOB, 300));
    refused(&mut book, transfer(1, BOB, CAROL, 1), Refusal::InsufficientFunds);
    refused(&mut book, hold(2, BOB, CAROL, 1), Refusal::InsufficientFunds);
}

#[test]
fn a_hold_of_this_batch_cannot_be_named_by_a_guessed_slot() {
    let mut book = bank();
    let orders = [
        alone(hold(1, ALICE, BOB, 5000)),
        alone(hold(2, ALICE, CAROL, 10)),
        // Whoever meant the first hold would capture the second.
        alone(capture(1, 0, None, true)),
        alone(void(0)),
    ];
    let outcomes = plan_now(&mut book, &orders);
    let not_found = Outcome::Refused(Refusal::HoldNotFound);
    let poor = Outcome::Refused(Refusal::InsufficientFunds);
    assert_eq!(outcomes, [poor, Outcome::Held { hold: 0 }, not_found, not_found]);
    assert_eq!(one(&mut book, void(0)), Outcome::Voided, "the next batch knows it");
}
