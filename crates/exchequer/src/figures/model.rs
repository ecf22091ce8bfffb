//! What is summed for each day. Pure.

use std::collections::BTreeMap;

use ::store::rows::TransferKind;
use money::Currency;

use crate::merchants::keys::Mode;
use crate::payments::model::State;

/// Days since 1970, UTC.
pub type Day = i64;

/// What a sum is of; with its name it is a row's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Under the currency.
    Transfers,
    /// Under [`Outcome`].
    Payments(Mode),
    /// Under the gateway's code.
    Declines(Mode),
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Approved,
    Declined,
    /// Not known yet.
    Open,
}

/// Sums to be added, by day, what and name: count and volume.
pub type Sums = BTreeMap<(Day, &'static str, String), (i64, i64)>;

const MICROS_PER_DAY: i64 = 86_400_000_000;

pub fn day_of(time: money::Timestamp) -> Day {
    time.micros().div_euclid(MICROS_PER_DAY)
}

/// Its first moment.
pub fn start_of(day: Day) -> money::Timestamp {
    money::Timestamp::from_micros(day.saturating_mul(MICROS_PER_DAY))
}

/// Adds to a sum; it stops at the end of what an integer holds.
pub fn add(sums: &mut Sums, (day, what, name): (Day, What, &str), (count, volume): (i64, i64)) {
    let sum = sums.entry((day, what.as_str(), name.to_owned())).or_default();
    sum.0 = sum.0.saturating_add(count);
    sum.1 = sum.1.saturating_add(volume);
}

/// Adds a transfer, where it is money that customers moved: what cards bring is counted as payments, and what the
/// bank books for itself is neither.
pub fn add_transfer(
    sums: &mut Sums,
    (day, kind): (Day, TransferKind),
    (currency, amount): (Currency, i64),
) {
    match kind {
        TransferKind::Transfer
        | TransferKind::Deposit
        | TransferKind::Withdrawal
        | TransferKind::Capture
        | TransferKind::Reversal => {
            add(sums, (day, What::Transfers, currency.code()), (1, amount));
        }
        TransferKind::CardCapture
        | TransferKind::CardFee
        | TransferKind::RefundSetAside
        | TransferKind::RefundPaid
        | TransferKind::RefundReturned
        | TransferKind::Payout
        | TransferKind::Difference => {}
    }
}

/// Adds a payment; gives its outcome.
pub fn add_payment(
    sums: &mut Sums,
    (day, mode): (Day, Mode),
    (state, refusal): (State, Option<&str>),
) -> Outcome {
    let outcome = outcome_of(state);
    add(sums, (day, What::Payments(mode), outcome.as_str()), (1, 0));
    if outcome == Outcome::Declined {
        add(sums, (day, What::Declines(mode), refusal.unwrap_or(NO_CODE)), (1, 0));
    }
    outcome
}

/// A decline without a word of the gateway.
const NO_CODE: &str = "none";

const fn outcome_of(state: State) -> Outcome {
    match state {
        State::Submitting | State::Unknown => Outcome::Open,
        // What was canceled had been approved.
        State::Authorized | State::Captured | State::Canceled => Outcome::Approved,
        State::Declined => Outcome::Declined,
    }
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Open => "open",
        }
    }
}

impl What {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transfers => "transfers",
            Self::Payments(Mode::Test) => "payments.test",
            Self::Payments(Mode::Live) => "payments.live",
            Self::Declines(Mode::Test) => "declines.test",
            Self::Declines(Mode::Live) => "declines.live",
        }
    }
}

#[cfg(test)]
mod tests {
    use money::Timestamp;

    use super::*;

    #[test]
    fn a_day_has_its_moments() {
        for day in [0, 1, 20_000] {
            let start = start_of(day);
            assert_eq!((day_of(start), day_of(start.plus_seconds(86_399))), (day, day));
            assert_eq!(day_of(start.plus_micros(-1)), day - 1);
        }
        assert_eq!(day_of(Timestamp::EPOCH), 0);
    }

    #[test]
    fn customers_money_is_counted_and_cards_bookings_are_not() {
        let mut sums = Sums::new();
        for kind in TransferKind::ALL {
            add_transfer(&mut sums, (1, kind), (Currency::INR, 10));
        }
        assert_eq!(sums, Sums::from([((1, "transfers", "INR".to_owned()), (5, 50))]));
        add_transfer(&mut sums, (1, TransferKind::Transfer), (Currency::INR, i64::MAX));
        assert_eq!(sums[&(1, "transfers", "INR".to_owned())], (6, i64::MAX));
    }

    #[test]
    fn a_payment_is_approved_declined_or_open() {
        let mut sums = Sums::new();
        for state in State::ALL {
            let _outcome = add_payment(&mut sums, (1, Mode::Test), (state, Some("card_declined")));
        }
        let of = |what: &'static str, name: &str| sums[&(1, what, name.to_owned())].0;
        assert_eq!(of("payments.test", "approved"), 3);
        assert_eq!(of("payments.test", "declined"), 1);
        assert_eq!(of("payments.test", "open"), 2);
        assert_eq!(of("declines.test", "card_declined"), 1);
    }
}
