//! Time: a point on the UTC line in microseconds, and the clock that gives it.
//!
//! Purpose: time is an argument. A [`Clock`] is made once, at start-up or in a test, and handed
//! down; transactions get a [`Timestamp`]. Bound: the years 0000 to 9999, which are those that
//! RFC 3339 can write; arithmetic stops at the ends. It knows no time zone and no leap second:
//! as in POSIX, a day has 86,400 seconds.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

use crate::rfc3339;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_MILLI: i64 = 1_000;

/// Microseconds since 1970-01-01T00:00:00Z, negative before. Displayed as RFC 3339, always with
/// `Z` and six decimals: `2026-11-21T08:54:30.123456Z`, so that text sorts as time does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not a time, in the order in which it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimestampError {
    /// Not `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`, with capital `T` and `Z`; other offsets are refused.
    #[error("not an RFC 3339 time in UTC")]
    Syntax,
    /// More than six decimals; they are not cut off.
    #[error("time is finer than a microsecond")]
    TooPrecise,
    /// Second 60. RFC 3339 §5.7 allows it, but it has no place on the POSIX line.
    #[error("leap seconds are not supported")]
    LeapSecond,
    /// A month, day, hour, minute or second that does not exist.
    #[error("no such date or time of day")]
    NoSuchTime,
}

/// Where the time comes from. Cloning shares the clock.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Microseconds since the epoch, moved by hand: tests and simulations.
    Manual(Arc<AtomicI64>),
}

/// Why a clock did not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClockError {
    /// Only [`Clock::Manual`] can be moved.
    #[error("the system clock cannot be set")]
    NotManual,
}

impl Timestamp {
    /// 1970-01-01T00:00:00.000000Z.
    pub const EPOCH: Self = Self(0);

    /// 0000-01-01T00:00:00.000000Z.
    pub const MIN: Self = Self(-62_167_219_200_000_000);

    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// A number beyond [`Timestamp::MIN`] or [`Timestamp::MAX`] becomes that end.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// As [`Timestamp::from_micros`].
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded towards the past.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(MICROS_PER_MILLI)
    }

    /// Whole seconds since the epoch, rounded towards the past.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// Later, or earlier where negative; stops at the ends.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// Later, or earlier where negative; stops at the ends.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds from `earlier` to this; negative where `earlier` is the later one.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Clock {
    /// A clock that stands at `start` until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.micros())))
    }

    /// The time now. The system's clock may go back; nothing here hides that.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => system_now(),
            Self::Manual(micros) => Timestamp::from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock, back where `seconds` is negative.
    pub fn advance_seconds(&self, seconds: i64) -> Result<(), ClockError> {
        self.advance_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Moves a manual clock, back where `micros` is negative.
    pub fn advance_micros(&self, micros: i64) -> Result<(), ClockError> {
        let mut seen = self.hand()?.load(Ordering::SeqCst);
        loop {
            let moved = Timestamp::from_micros(seen).plus_micros(micros).micros();
            let swap =
                self.hand()?.compare_exchange(seen, moved, Ordering::SeqCst, Ordering::SeqCst);
            match swap {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }

    /// Sets a manual clock, also back.
    pub fn set(&self, time: Timestamp) -> Result<(), ClockError> {
        self.hand()?.store(time.micros(), Ordering::SeqCst);
        Ok(())
    }

    fn hand(&self) -> Result<&AtomicI64, ClockError> {
        match self {
            Self::System => Err(ClockError::NotManual),
            Self::Manual(micros) => Ok(micros),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = rfc3339::write(self.0);
        f.pad(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Strict RFC 3339 §5.6 in UTC: no lower case, no space for `T`, no offset but `Z`, none to
    /// six decimals.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        rfc3339::read(text).map(Self::from_micros)
    }
}

/// A machine whose clock stands before 1970 gets a negative time, not an error: it is as wrong
/// as any other unset clock, and the caller's own checks (expiry, order) see it.
#[expect(clippy::disallowed_methods, reason = "the one place where the bank asks the time")]
fn system_now() -> Timestamp {
    let (elapsed, past) = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => (since, false),
        Err(before) => (before.duration(), true),
    };
    let micros = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(if past { micros.saturating_neg() } else { micros })
}
