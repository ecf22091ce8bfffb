//! The batch planner.
//!
//! Purpose: decides every order of a batch against the book, and leaves in the book what is to be
//! written.
//! Order: strictly that of the batch. A chain of linked orders is one step: it happens whole or
//! leaves nothing behind.
//! Cost: one outcome vector per batch; per order, two accounts copied (chains copy them once more,
//! to undo by).
//! Bound: the caller bounds the batch; nothing here loops other than over the orders.

use money::Timestamp;

use crate::{
    book::Book,
    chain, holds,
    order::{Act, Order},
    outcome::Outcome,
    refusal::Refusal,
    transfers,
};

/// Decides `orders` one after another at the time `now`, changes `book` accordingly, and answers
/// one outcome per order.
///
/// Each refusal is the first that applies in the list of its act ([`Refusal::OF_TRANSFER`] …). An
/// order reaches the holds that the book had when the batch began, not those the batch places.
pub fn plan(book: &mut Book, orders: &[Order], now: Timestamp) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(orders.len());
    let mut undo = chain::Undo::default();
    let batch = Batch { now, known_holds: book.holds.len() };
    for step in orders.split_inclusive(|order| !order.linked_with_next) {
        if let [Order { linked_with_next: false, act }] = step {
            outcomes.push(batch.decide(book, act).unwrap_or_else(Outcome::Refused));
        } else {
            chain::plan(&batch, book, step, &mut undo, &mut outcomes);
        }
    }
    outcomes
}

/// What is the same for all orders of a batch.
pub(crate) struct Batch {
    now: Timestamp,
    /// How many holds the book had when the batch began.
    known_holds: usize,
}

impl Batch {
    /// Decides one order. On a refusal the book is as it was.
    pub(crate) fn decide(&self, book: &mut Book, act: &Act) -> Result<Outcome, Refusal> {
        match act {
            Act::Transfer(order) => transfers::transfer(book, order),
            Act::Hold(order) => holds::place(book, order, self.now),
            Act::Capture(order) => holds::capture(book, self.known(order.hold), order, self.now),
            Act::Void { hold } => holds::void(book, self.known(*hold), self.now),
            Act::Expire { hold } => holds::expire(book, self.known(*hold), self.now),
            Act::Reverse(order) => transfers::reverse(book, order),
        }
    }

    /// The slot, unless this batch made it: its number depends on other orders' refusals, so whoever
    /// guessed it could mean another hold.
    fn known(&self, hold: Option<usize>) -> Option<usize> {
        hold.filter(|slot| *slot < self.known_holds)
    }
}
