//! The amount of a movement of money, as the API accepts it.
//!
//! Purpose: an order to move nothing, less than nothing, or more than a JSON number can carry
//! exactly cannot be written down. A limit, not a balance: balances are `i64` and may be larger.

use std::fmt;

use thiserror::Error;

/// Minor units of a currency that stands beside it: 1 to [`Amount::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// Why a number is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Zero or negative. Zero never means "all".
    #[error("amount must be at least one minor unit")]
    NotPositive,
    /// Above 9,007,199,254,740,991 minor units.
    #[error("amount is above 9007199254740991 minor units")]
    TooLarge,
}

impl Amount {
    /// One minor unit.
    pub const MIN: Self = Self(1);

    /// 2^53 − 1, the largest integer that every JSON reader keeps exact (RFC 8259 §6).
    pub const MAX: Self = Self(9_007_199_254_740_991);

    /// An amount of that many minor units.
    pub const fn new(minor: i64) -> Result<Self, AmountError> {
        if minor < Self::MIN.0 {
            Err(AmountError::NotPositive)
        } else if minor > Self::MAX.0 {
            Err(AmountError::TooLarge)
        } else {
            Ok(Self(minor))
        }
    }

    /// Minor units, 1 to 9,007,199,254,740,991.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Amount {
    type Error = AmountError;

    fn try_from(minor: i64) -> Result<Self, AmountError> {
        Self::new(minor)
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

impl fmt::Display for Amount {
    /// The bare number of minor units.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
