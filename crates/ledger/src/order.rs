//! What a batch may ask for.
//!
//! Purpose: one value per request. Accounts, holds and originals are slots of the
//! [`Book`](crate::Book); `None` says that nothing was found under the id the caller gave.
//! Never: no overdraft, no limit and no posting time; those are not a request's to give.

use money::{Amount, Currency, HoldId, Timestamp, TransferId};

/// One request of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// This order and the next happen together or not at all. A chain is a run of such orders and
    /// the first one without the flag; the last order of a batch must not carry it. Whoever joins
    /// several callers' orders into one batch looks at the last order of each first, or an open chain
    /// would take in the next caller's order.
    pub linked_with_next: bool,
    pub act: Act,
}

/// What is to happen. A slot that the book did not have when the batch began counts as `None`: a
/// hold placed by a batch can be captured from the next batch on, for its slot is not known
/// before (another order's refusal would shift it onto somebody else's hold).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Move money now.
    Transfer(TransferOrder),
    /// Reserve money.
    Hold(HoldOrder),
    /// Move reserved money.
    Capture(CaptureOrder),
    /// Give up what a hold still reserves.
    Void { hold: Option<usize> },
    /// Give up what a hold still reserves because its time is over; for the sweeping job.
    Expire { hold: Option<usize> },
    /// Send a posted transfer back, in part or in whole.
    Reverse(ReverseOrder),
}

/// Move `amount` from `debit` to `credit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOrder {
    pub id: TransferId,
    pub debit: Option<usize>,
    pub credit: Option<usize>,
    pub amount: Amount,
    pub currency: Currency,
}

/// Reserve `amount` on `debit` for `credit` until `expires_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldOrder {
    pub id: HoldId,
    pub debit: Option<usize>,
    pub credit: Option<usize>,
    pub amount: Amount,
    pub currency: Currency,
    pub expires_at: Timestamp,
}

/// Move reserved money, as the new transfer `transfer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureOrder {
    pub transfer: TransferId,
    pub hold: Option<usize>,
    /// `None` is all that remains; zero cannot be said.
    pub amount: Option<Amount>,
    /// Releases whatever this capture leaves.
    pub is_final: bool,
}

/// Move money back, as the new transfer `transfer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReverseOrder {
    pub transfer: TransferId,
    pub original: Option<usize>,
    /// `None` is all that was not reversed yet; zero cannot be said.
    pub amount: Option<Amount>,
}
