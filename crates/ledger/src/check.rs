//! What must be true of every account and hold at rest.
//!
//! Purpose: the statement of invariants that `verify` runs over every row, and the tests after every
//! step. The schema's CHECKs say the same where one row can.
//! Order: the first violation, in the order of [`Violation`].
//! Never: anything that needs two rows; that all debits equal all credits per currency, and that
//! held totals are the sums of active holds, is asked by who has all rows.

use crate::{
    account::{Account, AccountStatus, BalancePolicy},
    book::{Hold, HoldStatus},
};

/// A row that cannot be, in the order in which it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("a posted total is negative")]
    PostedNegative,
    #[error("a held total is negative")]
    HeldNegative,
    #[error("the sum counted against the daily limit is negative")]
    SpentNegative,
    #[error("the overdraft limit is negative")]
    OverdraftLimitNegative,
    #[error("a limit is negative")]
    LimitNegative,
    /// The count is negative, or one of count, newest entry and totals says that nothing was ever
    /// posted and another that something was.
    #[error("entry count, newest entry and totals disagree")]
    EntriesDisagree,
    /// Posted less held lies below the overdraft limit.
    #[error("the balance is beyond the overdraft limit")]
    PolicyBroken,
    #[error("a closed account has a balance")]
    ClosedWithBalance,
    #[error("a closed account has holds")]
    ClosedWithHolds,
    /// Of a hold: its amount is not above zero.
    #[error("the amount of a hold is not above zero")]
    HoldAmount,
    /// Of a hold: less than nothing or more than its amount was captured, or an active hold has
    /// nothing left, or a captured one captured nothing.
    #[error("what was captured of a hold does not fit its amount and status")]
    HoldCaptured,
}

/// Checks one account by itself.
pub fn check(account: &Account) -> Result<(), Violation> {
    let posted = [account.debits_posted, account.credits_posted];
    let held = [account.debits_held, account.credits_held];
    let limits = [account.limits.per_transfer, account.limits.per_day];
    let overdrawn_by_less_than_nothing = match account.policy {
        BalancePolicy::Bounded { overdraft_limit } => overdraft_limit < 0,
        BalancePolicy::Unbounded => false,
    };
    let closed = account.status == AccountStatus::Closed;
    let first_violation = [
        (posted.iter().any(|total| *total < 0), Violation::PostedNegative),
        (held.iter().any(|total| *total < 0), Violation::HeldNegative),
        (account.spent_in_window < 0, Violation::SpentNegative),
        (overdrawn_by_less_than_nothing, Violation::OverdraftLimitNegative),
        (limits.iter().flatten().any(|limit| *limit < 0), Violation::LimitNegative),
        (!entries_agree(account), Violation::EntriesDisagree),
        (!account.within_policy(), Violation::PolicyBroken),
        (closed && account.posted() != 0, Violation::ClosedWithBalance),
        (closed && held != [0, 0], Violation::ClosedWithHolds),
    ]
    .into_iter()
    .find(|(violated, _)| *violated);
    first_violation.map_or(Ok(()), |(_, violation)| Err(violation))
}

/// Checks one hold by itself: `HoldAmount`, then `HoldCaptured`.
pub const fn check_hold(hold: &Hold) -> Result<(), Violation> {
    if hold.amount <= 0 {
        return Err(Violation::HoldAmount);
    }
    if hold.captured < 0 || hold.captured > hold.amount {
        return Err(Violation::HoldCaptured);
    }
    let fits = match hold.status {
        HoldStatus::Active | HoldStatus::Voided | HoldStatus::Expired => {
            hold.captured < hold.amount
        }
        HoldStatus::Captured => hold.captured > 0,
    };
    if fits { Ok(()) } else { Err(Violation::HoldCaptured) }
}

/// Whether count, newest entry and totals agree on whether anything was ever posted.
const fn entries_agree(account: &Account) -> bool {
    let has_moved = account.debits_posted != 0 || account.credits_posted != 0;
    account.entry_count >= 0
        && has_moved == (account.entry_count > 0)
        && has_moved == account.last_entry.is_some()
}
