//! The book: everything one batch touches, loaded as one set and changed in memory.
//!
//! Purpose: orders name accounts, holds and originals by their *slot* (index) here, so that the
//! planner never looks anything up.
//! Order: the loader puts each account, hold and original in once; slots stay what they are. New
//! holds are appended.
//! Bound: as large as the batch; the caller limits that.
//! Never: an account twice. Two slots of one account would each spend the whole balance.

use money::{Currency, HoldId, Timestamp, TransferId};

use crate::account::Account;

/// What a batch reads and changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Both sides of every transfer, hold and original below, each account once.
    pub accounts: Vec<Account>,
    /// The loaded holds first, then those the batch placed, in the order they were placed.
    pub holds: Vec<Hold>,
    /// Transfers that orders of this batch reverse.
    pub originals: Vec<Original>,
}

/// The life of a hold: `Active`, then exactly one of the others, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldStatus {
    Active,
    /// Captured to the end, or in part with the rest released by a final capture.
    Captured,
    /// Given up on request; what was captured before stays captured.
    Voided,
    /// Given up because its time was over; what was captured before stays captured.
    Expired,
}

/// Money reserved on the debit account for the credit account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    pub id: HoldId,
    /// Slot of the account that will pay.
    pub debit: usize,
    /// Slot of the account that will be paid.
    pub credit: usize,
    /// Minor units reserved at first, above zero.
    pub amount: i64,
    /// Minor units captured so far, at most `amount`.
    pub captured: i64,
    pub status: HoldStatus,
    /// Posting time; decides whether the hold counts against today's limit.
    pub placed_at: Timestamp,
    /// From this moment on it can no longer be captured.
    pub expires_at: Timestamp,
}

/// A posted transfer that an order wants reversed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original {
    pub id: TransferId,
    /// Slot of the account that paid then, and is paid back by a reversal.
    pub debit: usize,
    /// Slot of the account that was paid then, and pays back.
    pub credit: usize,
    /// Minor units, above zero.
    pub amount: i64,
    pub currency: Currency,
    /// The sum of its reversals so far, minor units.
    pub reversed: i64,
}

impl Hold {
    /// What is neither captured nor, while the hold is active, released: minor units.
    pub const fn remaining(&self) -> i64 {
        // 0 <= captured <= amount, so the difference always fits.
        self.amount.saturating_sub(self.captured)
    }
}

impl Original {
    /// What may still be reversed, in minor units.
    pub const fn remaining(&self) -> i64 {
        // 0 <= reversed <= amount, so the difference always fits.
        self.amount.saturating_sub(self.reversed)
    }
}
