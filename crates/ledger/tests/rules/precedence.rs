//! Refusals come in their documented order: for each act, every pair of reasons that apply at once.

use ledger::{AccountStatus, Act, Book, HoldStatus, Original, Outcome, Refusal, plan};
use money::{Currency, Timestamp};

use crate::scene::{
    ALICE, BOB, HOUR, NOW, alone, amount, bank, capture, expire, held, hold, reverse, transfer,
    void,
};

const NOWHERE: usize = usize::MAX;

/// A book and an act that would succeed, until faults are put in.
struct Scene {
    book: Book,
    act: Act,
    now: Timestamp,
}

type Fault = fn(&mut Scene, Refusal);

#[test]
fn a_transfer_is_refused_in_the_documented_order() {
    let scene = || Scene { book: bank(), act: transfer(1, ALICE, BOB, 100), now: NOW };
    every_pair(Refusal::OF_TRANSFER, scene, put_into_parties);
}

#[test]
fn a_hold_is_refused_in_the_documented_order() {
    let scene = || Scene { book: bank(), act: hold(1, ALICE, BOB, 100), now: NOW };
    every_pair(Refusal::OF_HOLD, scene, put_into_parties);
}

#[test]
fn a_capture_is_refused_in_the_documented_order() {
    let scene = || Scene { book: with_hold(), act: capture(1, 0, Some(60), false), now: NOW };
    every_pair(Refusal::OF_CAPTURE, scene, put_into_hold);
}

#[test]
fn a_void_is_refused_in_the_documented_order() {
    let scene = || Scene { book: with_hold(), act: void(0), now: NOW };
    every_pair(Refusal::OF_VOID, scene, put_into_hold);
}

#[test]
fn an_expiry_is_refused_in_the_documented_order() {
    let later = NOW.plus_micros(HOUR);
    let scene = || Scene { book: with_hold(), act: expire(0), now: later };
    every_pair(Refusal::OF_EXPIRE, scene, put_into_hold);
}

#[test]
fn a_reversal_is_refused_in_the_documented_order() {
    let scene = || Scene { book: with_original(), act: reverse(2, 0, None), now: NOW };
    every_pair(Refusal::OF_REVERSE, scene, put_into_original);
}

// ASVS 1.4.2: a total that would pass 64 bits is refused.
#[test]
fn a_total_that_overflows_is_a_passed_limit_and_comes_before_missing_funds() {
    let mut book = bank();
    book.accounts[BOB].credits_posted = i64::MAX;
    book.accounts[BOB].debits_posted = i64::MAX;
    expect(&mut book, transfer(1, ALICE, BOB, 5000), NOW, Refusal::LimitExceeded);
    book.accounts[BOB].credits_held = i64::MAX;
    expect(&mut book, hold(1, ALICE, BOB, 5000), NOW, Refusal::LimitExceeded);
    book.accounts[BOB] = bank().accounts[BOB];
    book.accounts[BOB].entry_count = i64::MAX;
    expect(&mut book, transfer(1, ALICE, BOB, 5000), NOW, Refusal::LimitExceeded);
}

#[test]
fn either_side_that_is_frozen_or_closed_refuses() {
    for (status, refusal) in [
        (AccountStatus::Frozen, Refusal::AccountFrozen),
        (AccountStatus::Closed, Refusal::AccountClosed),
    ] {
        for side in [ALICE, BOB] {
            let mut book = with_hold();
            book.originals = with_original().originals;
            book.accounts[side].status = status;
            expect(&mut book, transfer(3, ALICE, BOB, 1), NOW, refusal);
            expect(&mut book, hold(3, ALICE, BOB, 1), NOW, refusal);
            expect(&mut book, capture(3, 0, None, true), NOW, refusal);
            expect(&mut book, reverse(3, 0, None), NOW, refusal);
        }
    }
}

#[test]
fn codes_are_the_names_in_snake_case() {
    let all: Vec<Refusal> = [
        Refusal::OF_CAPTURE,
        Refusal::OF_HOLD,
        Refusal::OF_EXPIRE,
        Refusal::OF_REVERSE,
        &[Refusal::LinkedRefused, Refusal::LinkedChainOpen],
    ]
    .concat();
    for refusal in &all {
        let mut name = String::new();
        for letter in format!("{refusal:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        assert_eq!(refusal.code(), name);
    }
}

/// Each reason alone is answered, and of any two the one that stands first in the list.
fn every_pair(order: &[Refusal], scene: impl Fn() -> Scene, fault: Fault) {
    let sound = scene();
    let outcomes = plan(&mut sound.book.clone(), &[alone(sound.act)], sound.now);
    assert!(!matches!(outcomes[0], Outcome::Refused(_)), "without a fault: {outcomes:?}");
    for (place, later) in order.iter().enumerate() {
        for earlier in &order[..=place] {
            let mut scene = scene();
            fault(&mut scene, *later);
            fault(&mut scene, *earlier);
            expect(&mut scene.book, scene.act, scene.now, *earlier);
        }
    }
}

fn expect(book: &mut Book, act: Act, now: Timestamp, refusal: Refusal) {
    let before = book.clone();
    let outcomes = plan(book, &[alone(act)], now);
    assert_eq!(outcomes, [Outcome::Refused(refusal)], "{act:?}");
    assert_eq!(*book, before, "a refused order leaves the book exactly as it was");
}

fn put_into_parties(scene: &mut Scene, refusal: Refusal) {
    let accounts = &mut scene.book.accounts;
    let (debit, credit, currency) = match &mut scene.act {
        Act::Transfer(order) => (&mut order.debit, &mut order.credit, &mut order.currency),
        Act::Hold(order) => (&mut order.debit, &mut order.credit, &mut order.currency),
        other => panic!("{other:?} has no parties of its own"),
    };
    match refusal {
        Refusal::AccountNotFound => (*debit, *credit) = (Some(NOWHERE), Some(NOWHERE)),
        Refusal::SameAccount => *credit = *debit,
        Refusal::CurrencyMismatch => *currency = Currency::USD,
        Refusal::AccountFrozen => accounts[ALICE].status = AccountStatus::Frozen,
        // On the other side, so that one can be frozen and one closed at once.
        Refusal::AccountClosed => accounts[BOB].status = AccountStatus::Closed,
        Refusal::LimitExceeded => accounts[ALICE].limits.per_transfer = Some(99),
        Refusal::InsufficientFunds => accounts[ALICE].credits_posted = 99,
        Refusal::HoldExpired => {
            let Act::Hold(order) = &mut scene.act else { panic!("only a hold expires") };
            order.expires_at = NOW;
        }
        other => panic!("{other:?} is no refusal of a transfer or hold"),
    }
}

fn put_into_hold(scene: &mut Scene, refusal: Refusal) {
    let hold = &mut scene.book.holds[0];
    let accounts = &mut scene.book.accounts;
    match refusal {
        Refusal::HoldNotFound => match &mut scene.act {
            Act::Capture(order) => order.hold = None,
            Act::Void { hold } | Act::Expire { hold } => *hold = None,
            other => panic!("{other:?} uses no hold"),
        },
        Refusal::HoldNotActive => hold.status = HoldStatus::Voided,
        Refusal::HoldExpired => hold.expires_at = scene.now,
        Refusal::HoldNotExpired => hold.expires_at = scene.now.plus_micros(1),
        Refusal::AccountNotFound => (hold.debit, hold.credit) = (NOWHERE, NOWHERE),
        Refusal::SameAccount => hold.credit = hold.debit,
        Refusal::CurrencyMismatch => accounts[BOB].currency = Currency::USD,
        Refusal::AccountFrozen => accounts[ALICE].status = AccountStatus::Frozen,
        Refusal::AccountClosed => accounts[BOB].status = AccountStatus::Closed,
        Refusal::CaptureExceedsHold => {
            let Act::Capture(order) = &mut scene.act else { panic!("only a capture has one") };
            order.amount = Some(amount(101));
        }
        Refusal::LimitExceeded => accounts[BOB].credits_posted = i64::MAX,
        other => panic!("{other:?} is no refusal of a hold's use"),
    }
}

fn put_into_original(scene: &mut Scene, refusal: Refusal) {
    let original = &mut scene.book.originals[0];
    let accounts = &mut scene.book.accounts;
    match refusal {
        Refusal::TransferNotFound => {
            let Act::Reverse(order) = &mut scene.act else { panic!("only a reversal has one") };
            order.original = None;
        }
        Refusal::AccountNotFound => (original.debit, original.credit) = (NOWHERE, NOWHERE),
        Refusal::SameAccount => original.credit = original.debit,
        Refusal::CurrencyMismatch => original.currency = Currency::USD,
        Refusal::AccountFrozen => accounts[ALICE].status = AccountStatus::Frozen,
        Refusal::AccountClosed => accounts[BOB].status = AccountStatus::Closed,
        Refusal::ReversalExceedsTransfer => original.reversed = original.amount,
        Refusal::LimitExceeded => accounts[ALICE].credits_posted = i64::MAX,
        Refusal::InsufficientFunds => accounts[BOB].debits_posted = 1,
        other => panic!("{other:?} is no refusal of a reversal"),
    }
}

/// Alice holds 100 for Bob, in slot 0, for an hour.
fn with_hold() -> Book {
    let mut book = bank();
    assert_eq!(held(&mut book, hold(1, ALICE, BOB, 100)), 0);
    book
}

/// Alice has paid Bob 100, and that transfer is original 0.
fn with_original() -> Book {
    let mut book = bank();
    let outcomes = plan(&mut book, &[alone(transfer(1, ALICE, BOB, 100))], NOW);
    assert!(matches!(outcomes[0], Outcome::Posted(_)));
    book.originals.push(Original {
        id: crate::scene::transfer_id(1),
        debit: ALICE,
        credit: BOB,
        amount: 100,
        currency: Currency::INR,
        reversed: 0,
    });
    book
}
