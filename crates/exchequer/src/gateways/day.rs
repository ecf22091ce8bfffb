//! A day in UTC, by which gateways report. Cost: eight bytes. It knows no time zone.

use std::fmt;
use std::str::FromStr;

use money::Timestamp;

/// A calendar day, written `2026-11-21`. Sorts as time does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// Not a day of the calendar as `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as 2026-11-21")]
pub struct DayError;

const SECONDS: i64 = 86_400;

impl Day {
    /// The day in which a moment lies.
    pub const fn of(time: Timestamp) -> Self {
        Self(time.seconds().div_euclid(SECONDS))
    }

    /// Days since 1970.
    pub const fn number(self) -> i64 {
        self.0
    }

    pub const fn from_number(days: i64) -> Self {
        Self(days)
    }

    /// Its first moment.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_seconds(self.0.saturating_mul(SECONDS))
    }

    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.start().to_string();
        f.pad(text.get(..10).unwrap_or(&text))
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        if text.len() != 10 {
            return Err(DayError);
        }
        let midnight: Timestamp = format!("{text}T00:00:00Z").parse().map_err(|_| DayError)?;
        Ok(Self::of(midnight))
    }
}
