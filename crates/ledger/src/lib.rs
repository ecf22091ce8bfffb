//! The ledger's rules: accounts, transfers, holds, reversals, limits, and the batch planner.
//!
//! Purpose: [`plan`] takes a [`Book`] (the accounts, holds and transfers that a batch touches,
//! loaded as one set) and a list of [`Order`]s, and decides every order. It is the only place where
//! money is allowed to move; the two doors of the service (inside somebody's transaction, and the
//! batcher) both come through here and both write what it answers.
//!
//! Order: orders are decided strictly one after another and each sees the effects of those before
//! it. A refused order leaves the book exactly as it was. Orders chained by
//! [`Order::linked_with_next`] happen all or not at all.
//!
//! Cost: constant per order: two accounts copied, changed and put back. No hashing and no
//! allocation per order; one outcome vector per batch.
//!
//! Bound: amounts are 1 to 2^53 - 1 minor units (`money::Amount`), running totals are `i64`, and a
//! total that would pass 2^63 - 1 refuses its order.
//!
//! Never: no input or output, no clock (`now` is an argument), no randomness, no float, no panic.
//! Nothing here checks whether an id was used before or whether the caller may do what it asks.

#![deny(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod account;
mod book;
mod chain;
mod check;
mod holds;
mod order;
mod outcome;
mod planner;
mod refusal;
mod sides;
mod transfers;
mod window;

pub use account::{Account, AccountStatus, BalancePolicy, Limits, StatusRefusal};
pub use book::{Book, Hold, HoldStatus, Original};
pub use check::{Violation, check, check_hold};
pub use order::{Act, CaptureOrder, HoldOrder, Order, ReverseOrder, TransferOrder};
pub use outcome::{Entry, Outcome, Posting};
pub use planner::plan;
pub use refusal::Refusal;
pub use window::{WINDOW_MICROS, in_window, window_start};
