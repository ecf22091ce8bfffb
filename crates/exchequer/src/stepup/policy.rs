//! Which payments need a second factor: pure rules over what is known of a payment.
//!
//! Order of the reasons: the profile's rule, the amount, the payee, the day's total, the pace. The first
//! that applies is told in the event.

use money::Currency;

use crate::config::{EveryPayment, StepUp};

/// A payment as the rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    /// To another account of the payer's own.
    pub own: bool,
    /// To a payee on the customer's list; meaningless where `own`.
    pub known: bool,
}

/// What the customer sent to others before this payment, in its currency, the payments before it in the
/// same request included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Before {
    /// Minor units in this request.
    pub in_request: i64,
    /// Minor units in the last 24 hours.
    pub in_day: i64,
    /// Payments in the last hour.
    pub in_hour: i64,
}

/// Why a payment needs a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    EveryPayment,
    Amount,
    NewPayee,
    DayTotal,
    Pace,
}

impl Reason {
    /// As events have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EveryPayment => "every_payment",
            Self::Amount => "amount",
            Self::NewPayee => "new_payee",
            Self::DayTotal => "day_total",
            Self::Pace => "pace",
        }
    }
}

/// Why this payment needs a factor; `None` where it needs none. A customer without a factor has no new
/// payees: nothing tells the first payment to somebody from the tenth.
pub fn reason(
    rules: &StepUp,
    payment: &Payment,
    before: &Before,
    has_factor: bool,
) -> Option<Reason> {
    match rules.every_payment {
        EveryPayment::ToOthers if payment.own => return None,
        EveryPayment::All | EveryPayment::ToOthers => return Some(Reason::EveryPayment),
        EveryPayment::Weighed => {}
    }
    let over = |limit: u64, before: i64| {
        before.saturating_add(payment.amount) > minor(limit, payment.currency)
    };
    let others = !payment.own;
    if before.in_request.saturating_add(payment.amount) >= minor(rules.amount, payment.currency) {
        Some(Reason::Amount)
    } else if others && has_factor && !payment.known {
        Some(Reason::NewPayee)
    } else if others && over(rules.day_total, before.in_day) {
        Some(Reason::DayTotal)
    } else if others && is_too_fast(rules, before) {
        Some(Reason::Pace)
    } else {
        None
    }
}

/// Below how much a payment of somebody without a factor, without limits of his own and without a fresh
/// password needs no look at who is paid: minor units.
pub fn plain_below(rules: &StepUp, currency: Currency) -> i64 {
    let least = match rules.every_payment {
        EveryPayment::All | EveryPayment::ToOthers => 0,
        EveryPayment::Weighed if rules.hourly_payments > 0 => 0,
        EveryPayment::Weighed if rules.cooling_seconds > 0 => {
            rules.amount.min(rules.cooling_amount)
        }
        EveryPayment::Weighed => rules.amount,
    };
    minor(least, currency)
}

/// Whole major units as minor units; more than there can be is as good as the most.
pub fn minor(major: u64, currency: Currency) -> i64 {
    let factor = 10_i64.saturating_pow(currency.digits());
    i64::try_from(major).unwrap_or(i64::MAX).saturating_mul(factor)
}

fn is_too_fast(rules: &StepUp, before: &Before) -> bool {
    let most = i64::try_from(rules.hourly_payments).unwrap_or(i64::MAX);
    most > 0 && before.in_hour >= most
}

#[cfg(test)]
mod tests;
