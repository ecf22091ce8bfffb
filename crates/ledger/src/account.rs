//! An account: its standing, its balance policy and its four running totals.
//!
//! Purpose: what a row of the accounts table means, and the three changes of standing.
//! Bound: totals are `i64` minor units and never negative ([`crate::check`] and the schema say so).
//! Never: no owner and no name; who may touch an account is decided before it gets here.

use money::{AccountId, Currency, TransferId};

/// Whether money may move. `Closed` is terminal: nothing leads out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    Open,
    /// No money in or out; holds may still be voided and expire.
    Frozen,
    Closed,
}

/// How far an account may go below zero. It belongs to the account; no order carries one, so no
/// request can grant itself an overdraft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalancePolicy {
    /// Posted less held may not fall below `-overdraft_limit` (minor units, not negative).
    Bounded { overdraft_limit: i64 },
    /// Only for the bank's own accounts (cash, fees, clearing), which mirror money elsewhere.
    Unbounded,
}

/// What may leave the account, in minor units; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The largest single transfer or hold.
    pub per_transfer: Option<i64>,
    /// The largest sum of outgoing transfers and holds in any rolling 24 hours of posting time.
    pub per_day: Option<i64>,
}

/// One account as the planner sees it. The totals only grow, except the held ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub currency: Currency,
    pub status: AccountStatus,
    pub policy: BalancePolicy,
    pub limits: Limits,
    /// Everything that ever left, minor units.
    pub debits_posted: i64,
    /// Everything that ever arrived, minor units.
    pub credits_posted: i64,
    /// Reserved by active holds that will leave.
    pub debits_held: i64,
    /// Reserved by active holds that will arrive.
    pub credits_held: i64,
    /// What counts against `limits.per_day` at this moment; read only when that limit is set. The
    /// loader sums, over what is [`in_window`](crate::in_window): outgoing transfers that are
    /// neither captures nor reversals, by posting time; and outgoing holds, by `placed_at`, with
    /// their whole amount while active and with what was captured once they are not.
    pub spent_in_window: i64,
    /// The transfer behind the newest entry; entries are linked backwards from here.
    pub last_entry: Option<TransferId>,
    /// How many entries the account has; the newest one has this number.
    pub entry_count: i64,
}

/// Why an account's standing does not change, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusRefusal {
    /// Any change: closed is terminal.
    #[error("the account is closed")]
    AccountClosed,
    /// Freeze only.
    #[error("the account is frozen already")]
    AlreadyFrozen,
    /// Unfreeze only.
    #[error("the account is not frozen")]
    NotFrozen,
    /// Close only: the posted balance is not zero, above or below.
    #[error("the account still has a balance")]
    BalanceNotZero,
    /// Close only: a hold reserves money on its way out or in.
    #[error("the account still has active holds")]
    HoldsActive,
}

impl StatusRefusal {
    /// The stable name that callers see, `snake_case`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccountClosed => "account_closed",
            Self::AlreadyFrozen => "already_frozen",
            Self::NotFrozen => "not_frozen",
            Self::BalanceNotZero => "balance_not_zero",
            Self::HoldsActive => "holds_active",
        }
    }
}

impl Account {
    /// A new, open, empty account.
    pub const fn open(id: AccountId, currency: Currency, policy: BalancePolicy) -> Self {
        Self {
            id,
            currency,
            status: AccountStatus::Open,
            policy,
            limits: Limits { per_transfer: None, per_day: None },
            debits_posted: 0,
            credits_posted: 0,
            debits_held: 0,
            credits_held: 0,
            spent_in_window: 0,
            last_entry: None,
            entry_count: 0,
        }
    }

    /// What is booked, in minor units; negative when overdrawn.
    pub const fn posted(&self) -> i64 {
        // Neither total is negative, so the difference of the two always fits.
        self.credits_posted.saturating_sub(self.debits_posted)
    }

    /// What active holds reserve of the posted balance, in minor units.
    pub const fn held(&self) -> i64 {
        self.debits_held
    }

    /// What may still leave: posted less held plus the overdraft limit. `None` for an account
    /// without a bound. A value beyond `i64` is given as the nearest `i64`; the rules themselves
    /// compare exactly.
    pub fn available(&self) -> Option<i64> {
        self.headroom().map(|exact| {
            let nearest = if exact < 0 { i64::MIN } else { i64::MAX };
            i64::try_from(exact).unwrap_or(nearest)
        })
    }

    /// Stops all movement. Refuses, in order: `AccountClosed`, `AlreadyFrozen`.
    pub const fn freeze(&mut self) -> Result<(), StatusRefusal> {
        match self.status {
            AccountStatus::Closed => Err(StatusRefusal::AccountClosed),
            AccountStatus::Frozen => Err(StatusRefusal::AlreadyFrozen),
            AccountStatus::Open => {
                self.status = AccountStatus::Frozen;
                Ok(())
            }
        }
    }

    /// Lets money move again. Refuses, in order: `AccountClosed`, `NotFrozen`.
    pub const fn unfreeze(&mut self) -> Result<(), StatusRefusal> {
        match self.status {
            AccountStatus::Closed => Err(StatusRefusal::AccountClosed),
            AccountStatus::Open => Err(StatusRefusal::NotFrozen),
            AccountStatus::Frozen => {
                self.status = AccountStatus::Open;
                Ok(())
            }
        }
    }

    /// Ends the account for good; a frozen one may be closed, since nothing is left in it to
    /// protect. Refuses, in order: `AccountClosed`, `BalanceNotZero`, `HoldsActive`.
    pub const fn close(&mut self) -> Result<(), StatusRefusal> {
        if matches!(self.status, AccountStatus::Closed) {
            return Err(StatusRefusal::AccountClosed);
        }
        if self.posted() != 0 {
            return Err(StatusRefusal::BalanceNotZero);
        }
        if self.debits_held != 0 || self.credits_held != 0 {
            return Err(StatusRefusal::HoldsActive);
        }
        self.status = AccountStatus::Closed;
        Ok(())
    }

    /// Whether the balance policy holds as the account stands.
    pub(crate) fn within_policy(&self) -> bool {
        self.headroom().is_none_or(|exact| exact >= 0)
    }

    /// `available` without any rounding to `i64`.
    fn headroom(&self) -> Option<i128> {
        match self.policy {
            BalancePolicy::Unbounded => None,
            BalancePolicy::Bounded { overdraft_limit } => Some(
                // Three 64-bit numbers cannot leave the range of 128 bits.
                i128::from(self.posted())
                    .saturating_sub(i128::from(self.debits_held))
                    .saturating_add(i128::from(overdraft_limit)),
            ),
        }
    }
}
