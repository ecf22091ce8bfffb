//! Transfers, their entries, and reversals.

use ledger::{BalancePolicy, Book, Entry, Limits, Original, Outcome, Refusal};
use money::Currency;

use crate::scene::{
    ALICE, BOB, CAROL, CASH, alone, available, balances, bank, held, hold, plan_now, posted,
    refused, reverse, transfer, transfer_id,
};

#[test]
fn entries_are_numbered_per_account_and_linked_backwards() {
    let mut book = bank();
    let first = posted(&mut book, transfer(1, ALICE, BOB, 400));
    assert_eq!(first.amount, 400);
    assert_eq!(first.debit, entry(ALICE, 2, Some(200), 600));
    assert_eq!(first.credit, entry(BOB, 1, None, 400));
    let second = posted(&mut book, transfer(2, BOB, ALICE, 150));
    assert_eq!(second.debit, entry(BOB, 2, Some(1), 250));
    assert_eq!(second.credit, entry(ALICE, 3, Some(1), 750));
    assert_eq!(book.accounts[ALICE].last_entry, Some(transfer_id(2)));
    assert_eq!(book.accounts[ALICE].entry_count, 3);
}

#[test]
fn each_order_sees_the_effects_of_earlier_ones() {
    let mut book = bank();
    let chain = [(1, ALICE, BOB), (2, BOB, CAROL), (3, CAROL, ALICE), (4, CAROL, ALICE)]
        .map(|(id, from, to)| alone(transfer(id, from, to, 1000)));
    let outcomes = plan_now(&mut book, &chain);
    assert!(outcomes[..3].iter().all(|outcome| matches!(outcome, Outcome::Posted(_))));
    assert_eq!(outcomes[3], Outcome::Refused(Refusal::InsufficientFunds));
    assert_eq!(balances(&book), [-1000, 1000, 0, 0, 0]);
}

#[test]
fn the_whole_balance_and_overdraft_can_go_and_not_one_unit_more() {
    let mut book = bank();
    book.accounts[ALICE].policy = BalancePolicy::Bounded { overdraft_limit: 500 };
    refused(&mut book, transfer(1, ALICE, BOB, 1501), Refusal::InsufficientFunds);
    posted(&mut book, transfer(1, ALICE, BOB, 1500));
    assert_eq!(book.accounts[ALICE].posted(), -500);
    refused(&mut book, transfer(2, ALICE, BOB, 1), Refusal::InsufficientFunds);
}

#[test]
fn what_is_held_cannot_be_sent() {
    let mut book = bank();
    held(&mut book, hold(1, ALICE, BOB, 700));
    refused(&mut book, transfer(1, ALICE, CAROL, 301), Refusal::InsufficientFunds);
    posted(&mut book, transfer(1, ALICE, CAROL, 300));
    assert_eq!(available(&book, ALICE), 0);
    refused(&mut book, transfer(2, BOB, CAROL, 1), Refusal::InsufficientFunds);
}

#[test]
fn an_account_without_bound_pays_without_a_balance() {
    let mut book = bank();
    posted(&mut book, transfer(1, CASH, BOB, 5_000_000));
    assert_eq!(book.accounts[CASH].posted(), -5_001_000);
}

#[test]
fn a_missing_side_is_not_found_on_either_side() {
    for sides in [(None, Some(BOB)), (Some(ALICE), None), (Some(99), Some(BOB))] {
        let mut act = transfer(1, ALICE, BOB, 1);
        let ledger::Act::Transfer(order) = &mut act else { panic!("a transfer") };
        (order.debit, order.credit) = sides;
        refused(&mut bank(), act, Refusal::AccountNotFound);
    }
}

#[test]
fn an_account_loaded_twice_still_cannot_pay_itself() {
    let mut book = bank();
    book.accounts.push(book.accounts[ALICE]);
    let twin = book.accounts.len() - 1;
    refused(&mut book, transfer(1, ALICE, twin, 1), Refusal::SameAccount);
}

#[test]
fn a_reversal_is_a_transfer_back() {
    let mut book = paid(300);
    let back = posted(&mut book, reverse(2, 0, Some(120)));
    assert_eq!(back.amount, 120);
    assert_eq!(back.debit, entry(BOB, 2, Some(1), 180));
    assert_eq!(back.credit, entry(ALICE, 3, Some(1), 820));
    assert_eq!(book.originals[0].reversed, 120);
    let rest = posted(&mut book, reverse(3, 0, None));
    assert_eq!(rest.amount, 180, "no amount is all that is left");
    assert_eq!(balances(&book), [-1000, 1000, 0, 0, 0]);
    refused(&mut book, reverse(4, 0, None), Refusal::ReversalExceedsTransfer);
    refused(&mut book, reverse(4, 0, Some(1)), Refusal::ReversalExceedsTransfer);
}

#[test]
fn a_reversal_needs_the_money_to_be_there() {
    let mut book = paid(300);
    posted(&mut book, transfer(2, BOB, CAROL, 1));
    refused(&mut book, reverse(3, 0, None), Refusal::InsufficientFunds);
    assert_eq!(posted(&mut book, reverse(3, 0, Some(299))).amount, 299);
}

#[test]
fn limits_neither_stop_a_reversal_nor_count_it() {
    let mut book = paid(300);
    book.accounts[BOB].limits = Limits { per_transfer: Some(1), per_day: Some(1) };
    book.accounts[ALICE].limits.per_day = Some(1000);
    book.accounts[ALICE].spent_in_window = 300;
    posted(&mut book, reverse(2, 0, None));
    assert_eq!(book.accounts[BOB].spent_in_window, 0);
    assert_eq!(book.accounts[ALICE].spent_in_window, 300, "sending and reversing frees no limit");
}

/// Alice has paid Bob, and that transfer is original 0.
fn paid(amount: i64) -> Book {
    let mut book = bank();
    posted(&mut book, transfer(1, ALICE, BOB, amount));
    let currency = Currency::INR;
    let id = transfer_id(1);
    book.originals.push(Original { id, debit: ALICE, credit: BOB, amount, currency, reversed: 0 });
    book
}

fn entry(account: usize, number: i64, previous: Option<u8>, balance_after: i64) -> Entry {
    Entry { account, number, previous: previous.map(transfer_id), balance_after }
}
