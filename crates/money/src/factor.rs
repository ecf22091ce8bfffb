//! An exact decimal factor: a rate, a fee, an exchange price.
//!
//! Purpose: "1.18" is 118 hundredths and nothing near it. Bound: 18 digits before the point and
//! 18 behind it, so that a factor times any [`crate::Money`] fits 128 bits before it is rounded.
//! It never goes through floating point.

use std::fmt;
use std::str::FromStr;

use crate::decimal::Decimal;
use crate::money::MoneyError;
use crate::rounding::{Rounding, Unrounded};

/// A decimal number, `1.18` or `-0.005`. Equal when the numbers are equal: `1.10` is `1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Factor {
    negative: bool,
    /// Below ten to the power of [`Factor::MAX_INTEGER_DIGITS`].
    integer: u64,
    /// Below ten to the power of `decimals`.
    fraction: u64,
    /// Without trailing zeros, so that the derived equality is that of numbers.
    decimals: usize,
}

impl Factor {
    /// Digits behind the point: as many as exchange rates and daily interest rates are quoted in.
    pub const MAX_DECIMALS: usize = 18;

    /// Digits before the point: any larger factor overflows all amounts but the smallest.
    pub const MAX_INTEGER_DIGITS: usize = 18;

    /// `minor` times this, rounded; `None` where the result does not fit.
    pub(crate) fn apply(&self, minor: i64, rounding: Rounding) -> Option<i64> {
        let magnitude = u128::from(minor.unsigned_abs());
        let divisor = u128::from(self.divisor()?);
        let product = magnitude.checked_mul(u128::from(self.fraction))?;
        let whole = magnitude
            .checked_mul(u128::from(self.integer))?
            .checked_add(product.checked_div(divisor)?)?;
        let negative = (minor < 0) != self.negative;
        let remainder = product.checked_rem(divisor)?;
        let number = Unrounded { negative, whole, remainder, divisor };
        signed(negative, rounding.magnitude(&number)?)
    }

    fn divisor(&self) -> Option<u64> {
        10_u64.checked_pow(u32::try_from(self.decimals).ok()?)
    }
}

impl FromStr for Factor {
    type Err = MoneyError;

    /// Errors in order: `Syntax` (no sign but minus, no exponent, no leading zero, no negative
    /// zero), `TooManyDecimals` (18), `Overflow` (more than 18 digits before the point).
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let written = Decimal::parse(text).ok_or(MoneyError::Syntax)?;
        if written.fraction.len() > Self::MAX_DECIMALS {
            return Err(MoneyError::TooManyDecimals);
        }
        if written.integer.len() > Self::MAX_INTEGER_DIGITS {
            return Err(MoneyError::Overflow);
        }
        let fraction = written.fraction.trim_end_matches('0');
        let digits = |text: &str| match text {
            "" => Ok(0),
            text => text.parse::<u64>().map_err(|_| MoneyError::Overflow),
        };
        Ok(Self {
            negative: written.negative,
            integer: digits(written.integer)?,
            fraction: digits(fraction)?,
            decimals: fraction.len(),
        })
    }
}

impl fmt::Display for Factor {
    /// The shortest way to write it: no trailing zeros, no point in a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        write!(f, "{sign}{}", self.integer)?;
        match self.decimals {
            0 => Ok(()),
            width => write!(f, ".{:0width$}", self.fraction),
        }
    }
}

/// Sign and magnitude as `i64`; `None` where it does not fit.
pub(crate) fn signed(negative: bool, magnitude: impl Into<u128>) -> Option<i64> {
    let magnitude = i128::try_from(magnitude.into()).ok()?;
    i64::try_from(if negative { magnitude.checked_neg()? } else { magnitude }).ok()
}
