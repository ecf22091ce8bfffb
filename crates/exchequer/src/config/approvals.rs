//! Four eyes: whether acts wait for a second operator, from which amount, for how long.
//!
//! Amounts are whole major units, one number for all currencies, as for step-up.

use money::{Currency, Money};

use super::reading::Reading;
use crate::stepup::policy;

/// The rules of approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approvals {
    /// False for a demo bank that said so: no act waits.
    pub are_required: bool,
    /// For so long an act waits.
    pub hours: u64,
    /// Postings by hand of at least this much wait. Zero: none does.
    pub amount: u64,
    /// Refunds of at least this much that operators make wait. Zero: none does.
    pub refund_amount: u64,
}

impl Approvals {
    /// Whether a refund that an operator makes waits.
    pub fn is_large_refund(&self, money: Money) -> bool {
        let least = policy::minor(self.refund_amount, money.currency());
        self.are_required && self.refund_amount > 0 && money.minor() >= least
    }

    /// Whether a posting by hand of so many minor units waits.
    pub fn is_large(&self, amount: i64, currency: Currency) -> bool {
        self.are_required && self.amount > 0 && amount >= policy::minor(self.amount, currency)
    }
}

/// A demo bank is funded by hand, with whatever its users fancy: there no amount is large unless it is said so.
pub(super) fn read(reading: &mut Reading) -> Approvals {
    let are_required = reading.choice("approvals_required") == "on";
    if !are_required && !reading.demo {
        let wrong = "only a demo bank may do without a second operator";
        reading.fault("approvals_required", wrong, "on; a bank of one operator makes a second");
    }
    let amount = reading.integer("approvals_amount");
    let is_free = reading.demo && !reading.is_given("approvals_amount");
    Approvals {
        are_required,
        hours: reading.integer("approvals_hours"),
        amount: if is_free { 0 } else { amount },
        refund_amount: reading.integer("approvals_refund_amount"),
    }
}
