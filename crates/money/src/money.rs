//! Money: a whole number of minor units that carries its currency.
//!
//! Purpose: two currencies never meet in one sum, and no unit appears or disappears. Bound: the
//! whole of `i64`, negative too (a debit, an overdraft); an order to move money takes the
//! narrower [`crate::Amount`]. Cost: 16 bytes, no allocation but in text and shares. It has no
//! operators and no `PartialOrd`: `+` could not fail and `<` would lie about two currencies.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::allocation;
use crate::currency::{Currency, CurrencyError};
use crate::decimal::Decimal;
use crate::factor::{Factor, signed};
use crate::rounding::Rounding;

/// An amount of minor units of a currency; may be zero or negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an operation on money did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Text that is not `CODE number` or not a plain decimal number.
    #[error("not a decimal number in plain notation")]
    Syntax,
    /// Text whose currency is refused.
    #[error(transparent)]
    Currency(#[from] CurrencyError),
    /// More decimals than the currency (or a factor) has, even if they are zeros.
    #[error("more decimals than allowed")]
    TooManyDecimals,
    /// Two different currencies in one operation.
    #[error("the two amounts are in different currencies")]
    CurrencyMismatch,
    /// The result does not fit 64 bits.
    #[error("amount out of range")]
    Overflow,
    /// Nothing to share among: no parts, or all weights are zero.
    #[error("nobody to share among")]
    NoShares,
    /// More than [`Money::MAX_SHARES`] parts.
    #[error("too many shares")]
    TooManyShares,
}

impl Money {
    /// Parts of one allocation: above the largest batch (8,000 transfers), and a bound on the
    /// memory that one call takes.
    pub const MAX_SHARES: usize = 10_000;

    /// `minor` minor units: `Money::new(135_802, Currency::INR)` is INR 1358.02.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Errors in order: `CurrencyMismatch`, `Overflow`.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_add(other.minor))
    }

    /// Errors in order: `CurrencyMismatch`, `Overflow`.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_sub(other.minor))
    }

    /// `Overflow` for `i64::MIN` alone.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_neg())
    }

    /// Which of two is more; `CurrencyMismatch` where that has no meaning.
    pub fn compare(self, other: Self) -> Result<Ordering, MoneyError> {
        self.same_currency(other)?;
        Ok(self.minor.cmp(&other.minor))
    }

    /// Times an exact factor; the exact product is rounded once. `Overflow` is decided after
    /// rounding.
    pub fn multiply(self, factor: &Factor, rounding: Rounding) -> Result<Self, MoneyError> {
        self.with(factor.apply(self.minor, rounding))
    }

    /// Shares in proportion to the weights, in their order; they sum to the whole.
    ///
    /// Largest remainder: each share is less than one unit from its exact proportion, and where
    /// remainders are equal the earlier share gets the unit. A weight of zero gets zero. A
    /// negative whole is shared as its positive would be. Errors in order: `TooManyShares`,
    /// `NoShares` (no weight above zero).
    pub fn allocate(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        if weights.len() > Self::MAX_SHARES {
            return Err(MoneyError::TooManyShares);
        }
        allocation::shares(self.minor.unsigned_abs(), weights)
            .ok_or(MoneyError::NoShares)?
            .into_iter()
            .map(|share| self.with(signed(self.minor < 0, share)))
            .collect()
    }

    /// Equal parts; the first ones are one unit larger where it does not divide: 1.00 in 3 is
    /// 0.34, 0.33, 0.33. Errors in order: `TooManyShares`, `NoShares` (zero parts).
    pub fn split(self, parts: usize) -> Result<Vec<Self>, MoneyError> {
        if parts > Self::MAX_SHARES {
            return Err(MoneyError::TooManyShares);
        }
        self.allocate(&vec![1; parts])
    }

    /// The number alone, with all decimals of the currency: `1358.02`, `-0.05`, JPY `100`.
    pub fn to_decimal_string(self) -> String {
        let decimals = usize::from(self.currency.0.row().digits);
        let width = decimals.saturating_add(1);
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.minor.unsigned_abs());
        let (integer, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{integer}{point}{fraction}")
    }

    /// Reads a plain decimal number: `1358.02`, `1358.1`, `1358`, `-5`. Exact: nothing is
    /// rounded. Errors in order: `Syntax` (plus sign, exponent, separators, leading zero,
    /// negative zero, white space), `TooManyDecimals` (also zeros), `Overflow`.
    pub fn from_decimal_str(currency: Currency, text: &str) -> Result<Self, MoneyError> {
        let written = Decimal::parse(text).ok_or(MoneyError::Syntax)?;
        let decimals = usize::from(currency.0.row().digits);
        if written.fraction.len() > decimals {
            return Err(MoneyError::TooManyDecimals);
        }
        let magnitude = written.scaled(decimals).ok_or(MoneyError::Overflow)?;
        Self::new(0, currency).with(signed(written.negative, magnitude))
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }

    fn with(self, minor: Option<i64>) -> Result<Self, MoneyError> {
        Ok(Self { minor: minor.ok_or(MoneyError::Overflow)?, currency: self.currency })
    }
}

impl fmt::Display for Money {
    /// `INR 1358.02`; reads back to the same value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.to_decimal_string())
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// `CODE number`, one space between. Errors in order: `Syntax` where there is no space,
    /// `Currency`, then as [`Money::from_decimal_str`].
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (code, number) = text.split_once(' ').ok_or(MoneyError::Syntax)?;
        Self::from_decimal_str(Currency::from_code(code)?, number)
    }
}
