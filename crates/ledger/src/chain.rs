//! Chains of linked orders: all or none.
//!
//! Purpose: a chain is tried on the book itself; before each of its orders, what that order could
//! touch is copied, and a refusal puts the copies back.
//! Order: the refused order carries its own reason, all others of the chain `LinkedRefused`.
//! Cost: a copy of the touched rows per order; the copies' memory is used again by the next chain.

use crate::{
    account::Account,
    book::{Book, Hold, Original},
    order::{Act, Order},
    outcome::Outcome,
    planner::Batch,
    refusal::Refusal,
};

/// What a chain has overwritten, oldest first.
#[derive(Default)]
pub(crate) struct Undo {
    accounts: Vec<(usize, Account)>,
    holds: Vec<(usize, Hold)>,
    originals: Vec<(usize, Original)>,
    /// How many holds the book had when the chain began.
    holds_before: usize,
}

/// Decides one chain, and adds one outcome per order of it.
///
/// A chain that the batch's end cuts off is refused before any of its orders is looked at: its last
/// order answers `LinkedChainOpen`, since what it was linked with never came.
pub(crate) fn plan(
    batch: &Batch,
    book: &mut Book,
    chain: &[Order],
    undo: &mut Undo,
    outcomes: &mut Vec<Outcome>,
) {
    let before = outcomes.len();
    let cut_off = chain.last().is_some_and(|order| order.linked_with_next);
    undo.begin(book);
    let refused = if cut_off {
        Some((chain.len().saturating_sub(1), Refusal::LinkedChainOpen))
    } else {
        attempt(batch, book, chain, undo, outcomes)
    };
    if let Some((culprit, reason)) = refused {
        undo.restore(book);
        outcomes.truncate(before);
        outcomes.extend((0..chain.len()).map(|position| {
            Outcome::Refused(if position == culprit { reason } else { Refusal::LinkedRefused })
        }));
    }
}

/// Decides the orders until one is refused, and answers which and why.
fn attempt(
    batch: &Batch,
    book: &mut Book,
    chain: &[Order],
    undo: &mut Undo,
    outcomes: &mut Vec<Outcome>,
) -> Option<(usize, Refusal)> {
    for (position, order) in chain.iter().enumerate() {
        undo.save(book, &order.act);
        match batch.decide(book, &order.act) {
            Ok(outcome) => outcomes.push(outcome),
            Err(refusal) => return Some((position, refusal)),
        }
    }
    None
}

impl Undo {
    fn begin(&mut self, book: &Book) {
        self.accounts.clear();
        self.holds.clear();
        self.originals.clear();
        self.holds_before = book.holds.len();
    }

    /// Copies whatever `act` could change. Slots that do not exist have nothing to copy.
    fn save(&mut self, book: &Book, act: &Act) {
        match act {
            Act::Transfer(order) => self.save_accounts(book, [order.debit, order.credit]),
            Act::Hold(order) => self.save_accounts(book, [order.debit, order.credit]),
            Act::Capture(order) => self.save_hold(book, order.hold),
            Act::Void { hold } | Act::Expire { hold } => self.save_hold(book, *hold),
            Act::Reverse(order) => {
                if let Some((slot, original)) = copy_of(&book.originals, order.original) {
                    self.originals.push((slot, original));
                    self.save_accounts(book, [Some(original.debit), Some(original.credit)]);
                }
            }
        }
    }

    fn save_hold(&mut self, book: &Book, slot: Option<usize>) {
        if let Some((slot, hold)) = copy_of(&book.holds, slot) {
            self.holds.push((slot, hold));
            self.save_accounts(book, [Some(hold.debit), Some(hold.credit)]);
        }
    }

    fn save_accounts(&mut self, book: &Book, slots: [Option<usize>; 2]) {
        self.accounts.extend(slots.into_iter().filter_map(|slot| copy_of(&book.accounts, slot)));
    }

    /// Puts everything back, newest copy first, so that the oldest of each slot remains.
    fn restore(&mut self, book: &mut Book) {
        put_back(&mut book.accounts, &mut self.accounts);
        put_back(&mut book.holds, &mut self.holds);
        put_back(&mut book.originals, &mut self.originals);
        book.holds.truncate(self.holds_before);
    }
}

fn copy_of<T: Copy>(rows: &[T], slot: Option<usize>) -> Option<(usize, T)> {
    let slot = slot?;
    rows.get(slot).map(|row| (slot, *row))
}

fn put_back<T>(rows: &mut [T], copies: &mut Vec<(usize, T)>) {
    while let Some((slot, copy)) = copies.pop() {
        // The slot was read when the copy was made, and rows are never taken away before this.
        if let Some(row) = rows.get_mut(slot) {
            *row = copy;
        }
    }
}
