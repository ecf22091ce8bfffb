//! The month on a card, through whose last moment in UTC it is valid.
//!
//! Issuers mean their own midnight, which nobody else knows; UTC is one rule for all, and the
//! gateway has the last word anyway. A year of two digits is the nearest such year, from 49 years
//! back to 50 ahead, so the rule needs no change of century. Cost: well under a microsecond. Never
//! here: a clock; `now` is an argument.

use money::Timestamp;
use std::fmt;

/// Month and year. Sorts by time; shown as `MM/YYYY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expiry {
    year: u16,
    month: u8,
}

/// Why something is not an expiry date, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// Not one or two digits, a slash or hyphen, and two or four digits.
    #[error("an expiry date is a month and a year, such as 08/29")]
    Form,
    #[error("a month is a number from 1 to 12")]
    Month,
    /// The year has neither at most two digits nor four.
    #[error("a year has two digits or four")]
    Year,
    #[error("the expiry date is more than {MAX_YEARS_AHEAD} years ahead")]
    TooFar,
}

/// Cards are issued for three to ten years; a date beyond twenty was mistyped.
pub const MAX_YEARS_AHEAD: u16 = 20;

/// Of the hundred years that two digits can mean, how many lie ahead.
const NEAREST_AHEAD: u16 = 50;

impl Expiry {
    /// The year may have four digits, or two of the nearest such year. A date that is over is a
    /// date: see [`Expiry::is_over`].
    pub fn new(month: u8, year: u16, now: Timestamp) -> Result<Self, ExpiryError> {
        if !(1..=12).contains(&month) {
            return Err(ExpiryError::Month);
        }
        let this_year = u16::try_from(month_number(now) / 100).unwrap_or(u16::MAX);
        let year = match year {
            0..=99 => nearest(year, this_year),
            1_000..=9_999 => year,
            _ => return Err(ExpiryError::Year),
        };
        if year > this_year.saturating_add(MAX_YEARS_AHEAD) {
            return Err(ExpiryError::TooFar);
        }
        Ok(Self { year, month })
    }

    /// Reads `8/29`, `08/29`, `08/2029` and the same with a hyphen, with at most one space on each
    /// side of it, as browsers fill it in.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, ExpiryError> {
        let (month, year) = text.split_once(['/', '-']).ok_or(ExpiryError::Form)?;
        let month = month.strip_suffix(' ').unwrap_or(month).as_bytes();
        let year = year.strip_prefix(' ').unwrap_or(year).as_bytes();
        let (month, year) = match (month, year) {
            // `0029` is no way to write a year.
            ([_] | [_, _], [_, _] | [b'1'..=b'9', _, _, _]) => (number(month), number(year)),
            _ => (None, None),
        };
        let (month, year) = month.zip(year).ok_or(ExpiryError::Form)?;
        let month = u8::try_from(month).map_err(|_too_large| ExpiryError::Month)?;
        Self::new(month, year, now)
    }

    /// 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// Four digits.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// True from the first moment of the next month on, in UTC.
    pub fn is_over(self, now: Timestamp) -> bool {
        let own = u32::from(self.year).saturating_mul(100).saturating_add(u32::from(self.month));
        month_number(now) > own
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:04}", self.month, self.year)
    }
}

/// `202611` in November 2026. The calendar is that of [`Timestamp`], whose text begins with year
/// and month.
pub fn month_number(now: Timestamp) -> u32 {
    let text = now.to_string();
    let digits = text.bytes().filter(u8::is_ascii_digit).take(6);
    digits.fold(0, |value: u32, digit| {
        value.saturating_mul(10).saturating_add(u32::from(digit & 0x0f))
    })
}

/// The year nearest to `this_year` that ends in `two_digits`.
fn nearest(two_digits: u16, this_year: u16) -> u16 {
    let last = this_year.saturating_add(NEAREST_AHEAD);
    let since = last.saturating_sub(two_digits).checked_rem(100).unwrap_or(0);
    last.saturating_sub(since)
}

/// At most four ASCII digits; none where one is not a digit.
fn number(text: &[u8]) -> Option<u16> {
    text.iter().try_fold(0_u16, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u16::from(digit))
    })
}

#[cfg(test)]
mod tests;
