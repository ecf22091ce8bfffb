//! The rolling day of the daily limit.
//!
//! Purpose: one meaning of "the last 24 hours" for the planner and for whoever loads
//! [`Account::spent_in_window`](crate::Account::spent_in_window).
//! Order: it looks at posting time, never at a value date, so a back-dated label does not get
//! round a limit.
//! Never: calendar days or time zones; a limit that resets at midnight allows twice the sum around
//! midnight.

use money::Timestamp;

use crate::{account::Account, book::Hold, refusal::Refusal};

/// 24 hours, in microseconds.
pub const WINDOW_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Whether something posted at `posted_at` counts now. What is exactly 24 hours old no longer does;
/// what lies in the future, after a clock was set back, does.
pub const fn in_window(posted_at: Timestamp, now: Timestamp) -> bool {
    posted_at.micros() > window_start(now).micros()
}

/// What is posted *after* this moment counts now; for the loader's SQL.
pub const fn window_start(now: Timestamp) -> Timestamp {
    now.plus_micros(-WINDOW_MICROS)
}

/// Charges an outgoing transfer or hold to the payer's limits, or answers `LimitExceeded`.
pub(crate) fn charge(payer: &mut Account, amount: i64) -> Result<(), Refusal> {
    if payer.limits.per_transfer.is_some_and(|limit| amount > limit) {
        return Err(Refusal::LimitExceeded);
    }
    let Some(limit) = payer.limits.per_day else { return Ok(()) };
    match payer.spent_in_window.checked_add(amount) {
        Some(spent) if spent <= limit => {
            payer.spent_in_window = spent;
            Ok(())
        }
        Some(_) | None => Err(Refusal::LimitExceeded),
    }
}

/// Gives `released` of a hold back to the payer's day, if the hold still counts in it.
pub(crate) const fn give_back(payer: &mut Account, hold: &Hold, released: i64, now: Timestamp) {
    if payer.limits.per_day.is_some() && in_window(hold.placed_at, now) {
        // Neither is negative, so this cannot saturate.
        payer.spent_in_window = payer.spent_in_window.saturating_sub(released);
    }
}
