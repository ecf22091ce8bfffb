//! Days of the calendar, and the days that a statement is about.
//!
//! Pure. A day is UTC and has 86,400 seconds, as everywhere in the bank; the calendar is that of
//! [`money::Timestamp`].

use std::fmt;
use std::str::FromStr;

use money::Timestamp;

use crate::http::fields::Fields;

/// The most days of one statement: a leap year.
pub const MAX_DAYS: i64 = 366;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A day since 1970-01-01, written `2026-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

/// The text is no day of the years 0000 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a day is written YYYY-MM-DD")]
pub struct NoSuchDay;

/// From the first moment of one day to the last of another, 1 to [`MAX_DAYS`] days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: Day,
    to: Day,
}

impl Day {
    pub fn of(time: Timestamp) -> Self {
        Self(time.micros().div_euclid(MICROS_PER_DAY))
    }

    /// Days since 1970.
    pub fn number(self) -> i64 {
        self.0
    }

    pub fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_mul(MICROS_PER_DAY))
    }

    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    fn first_of_month(self) -> Self {
        let text = self.to_string();
        let in_month = text.get(8..).and_then(|days| days.parse::<i64>().ok()).unwrap_or(1);
        self.plus(1 - in_month)
    }
}

impl Period {
    /// The whole month before the one of this moment.
    pub fn last_month(now: Timestamp) -> Self {
        let to = Day::of(now).first_of_month().plus(-1);
        Self { from: to.first_of_month(), to }
    }

    /// What was asked for as `from` and `to`, both included; neither of them is the last whole month.
    ///
    /// Refuses in `fields`: one without the other, what is no day, `to` before `from`, more than
    /// [`MAX_DAYS`], a day that has not begun.
    pub fn asked(
        fields: &mut Fields,
        (from, to): (Option<&str>, Option<&str>),
        now: Timestamp,
    ) -> Option<Self> {
        if from.is_none() && to.is_none() {
            return Some(Self::last_month(now));
        }
        let from = day(fields, "from", from);
        let to = day(fields, "to", to);
        let (from, to) = from.zip(to)?;
        let today = Day::of(now);
        if to > today {
            fields.refuse("to", "in_future", format!("at most today, {today}"));
        } else if to < from {
            fields.refuse("to", "before_from", "`from` or later");
        } else if to.0 - from.0 >= MAX_DAYS {
            fields.refuse("from", "period_too_long", format!("at most {MAX_DAYS} days"));
        } else {
            return Some(Self { from, to });
        }
        None
    }

    pub fn from(&self) -> Day {
        self.from
    }

    /// The last day.
    pub fn to(&self) -> Day {
        self.to
    }

    /// Its first moment.
    pub fn start(&self) -> Timestamp {
        self.from.start()
    }

    /// The first moment behind it.
    pub fn end(&self) -> Timestamp {
        self.to.plus(1).start()
    }

    /// Its last second: what a statement is dated with, whenever it is made.
    pub fn last_second(&self) -> Timestamp {
        self.end().plus_seconds(-1)
    }
}

fn day(fields: &mut Fields, field: &'static str, text: Option<&str>) -> Option<Day> {
    if let Some(text) = text {
        return fields.parse(field, text, "a day, as 2026-01-31");
    }
    fields.refuse(field, "required", "both of `from` and `to`, or neither");
    None
}

impl FromStr for Day {
    type Err = NoSuchDay;

    fn from_str(text: &str) -> Result<Self, NoSuchDay> {
        // Ten characters are not taken for more: `2026-01-01T00:00:00Z#` is not a day.
        if text.len() != 10 {
            return Err(NoSuchDay);
        }
        let start: Timestamp = format!("{text}T00:00:00Z").parse().map_err(|_| NoSuchDay)?;
        Ok(Self::of(start))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.start().to_string();
        f.pad(text.get(..10).unwrap_or(&text))
    }
}

#[cfg(test)]
mod tests;
