//! What became of each order.
//!
//! Purpose: everything the writer needs to insert rows, without looking at the book again, save
//! for new holds (the appended slots of [`Book::holds`](crate::Book::holds)).
//! Order: one outcome per order, in the order of the batch.

use money::TransferId;

use crate::refusal::Refusal;

/// The answer to one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A transfer, capture or reversal is booked.
    Posted(Posting),
    /// The hold is placed, in this slot of `Book::holds`.
    Held { hold: usize },
    /// What the hold still reserved is free again.
    Voided,
    /// The same, because its time was over.
    Expired,
    /// Nothing happened.
    Refused(Refusal),
}

/// Money that moved: one transfer and its two entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Minor units, above zero; for a capture or reversal "of all" this is how much that was.
    pub amount: i64,
    pub debit: Entry,
    pub credit: Entry,
}

/// One account's line for a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Slot of the account in the book.
    pub account: usize,
    /// 1, 2, 3 … per account, without gaps, in posting order.
    pub number: i64,
    /// The transfer of the entry before this one; `None` for the first.
    pub previous: Option<TransferId>,
    /// Posted balance of the account right after this entry, minor units.
    pub balance_after: i64,
}
