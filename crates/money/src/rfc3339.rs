//! RFC 3339 times in UTC, to and from microseconds since the epoch.
//!
//! The calendar is the proleptic Gregorian one. Days and dates are converted by arithmetic on
//! years that begin in March, so that the leap day is the last of its year (Hinnant, "chrono-
//! Compatible Low-Level Date Algorithms", 2021). Cost: some 20 integer operations, no
//! allocation. Bound: the years 0000 to 9999, which the caller keeps.

use crate::time::TimestampError;

/// `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
pub(crate) const TEXT_BYTES: usize = 27;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Days of 400 years, after which the calendar repeats.
const DAYS_PER_ERA: i64 = 146_097;

/// Days from 0000-03-01, where the arithmetic begins, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

/// The time in ASCII. `micros` lies in the years 0000 to 9999.
pub(crate) fn write(micros: i64) -> [u8; TEXT_BYTES] {
    let (year, month, day) = date_of(micros.div_euclid(MICROS_PER_DAY));
    let in_day = micros.rem_euclid(MICROS_PER_DAY);
    let [_, _, hour_1, hour_0] = digits(in_day / (3_600 * MICROS_PER_SECOND));
    let [_, _, minute_1, minute_0] = digits(in_day / (60 * MICROS_PER_SECOND) % 60);
    let [_, _, second_1, second_0] = digits(in_day / MICROS_PER_SECOND % 60);
    let [_, milli_2, milli_1, milli_0] = digits(in_day / 1_000 % 1_000);
    let [_, micro_2, micro_1, micro_0] = digits(in_day % 1_000);
    let [year_3, year_2, year_1, year_0] = digits(year);
    let [_, _, month_1, month_0] = digits(month);
    let [_, _, day_1, day_0] = digits(day);
    [
        year_3, year_2, year_1, year_0, b'-', month_1, month_0, b'-', day_1, day_0, b'T', hour_1,
        hour_0, b':', minute_1, minute_0, b':', second_1, second_0, b'.', milli_2, milli_1,
        milli_0, micro_2, micro_1, micro_0, b'Z',
    ]
}

/// Microseconds since the epoch, in the years 0000 to 9999.
pub(crate) fn read(text: &str) -> Result<i64, TimestampError> {
    let (fields, fraction) = cut(text.as_bytes()).ok_or(TimestampError::Syntax)?;
    let [year, month, day, hour, minute, second] = fields;
    let micros = microseconds(fraction)?;
    if second == 60 {
        return Err(TimestampError::LeapSecond);
    }
    let real_date = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !real_date || hour > 23 || minute > 59 || second > 59 {
        return Err(TimestampError::NoSuchTime);
    }
    let seconds = days_to(year, month, day)
        .saturating_mul(86_400)
        .saturating_add(hour.saturating_mul(3_600))
        .saturating_add(minute.saturating_mul(60))
        .saturating_add(second);
    Ok(seconds.saturating_mul(MICROS_PER_SECOND).saturating_add(micros))
}

/// The six fields and the decimals; `None` where the form is wrong.
fn cut(text: &[u8]) -> Option<([i64; 6], &[u8])> {
    let (head, rest) = text.split_first_chunk::<19>()?;
    let [y3, y2, y1, y0, b'-', m1, m0, b'-', d1, d0, b'T', clock @ ..] = head else {
        return None;
    };
    let [h1, h0, b':', n1, n0, b':', s1, s0] = clock else { return None };
    let fields = [
        number(&[*y3, *y2, *y1, *y0])?,
        number(&[*m1, *m0])?,
        number(&[*d1, *d0])?,
        number(&[*h1, *h0])?,
        number(&[*n1, *n0])?,
        number(&[*s1, *s0])?,
    ];
    match rest {
        [b'Z'] => Some((fields, &[])),
        [b'.', fraction @ .., b'Z'] if !fraction.is_empty() => {
            fraction.iter().all(u8::is_ascii_digit).then_some((fields, fraction))
        }
        _ => None,
    }
}

/// Decimals of a second as microseconds.
fn microseconds(fraction: &[u8]) -> Result<i64, TimestampError> {
    let padding = 6_usize.checked_sub(fraction.len()).ok_or(TimestampError::TooPrecise)?;
    let padded = fraction.iter().copied().chain(std::iter::repeat_n(b'0', padding));
    Ok(padded.fold(0, |value: i64, digit| push_digit(value, digit)))
}

/// At most four ASCII digits; `None` where one is not a digit.
fn number(text: &[u8]) -> Option<i64> {
    text.iter().all(u8::is_ascii_digit).then(|| text.iter().copied().fold(0, push_digit))
}

fn push_digit(value: i64, digit: u8) -> i64 {
    value.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0')))
}

/// The last four decimal digits in ASCII; `value` is not negative.
fn digits(value: i64) -> [u8; 4] {
    [value / 1_000, value / 100, value / 10, value].map(|shifted| {
        let [low, ..] = (shifted % 10).to_le_bytes();
        b'0' | low
    })
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day of a day since the epoch.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "days of the years 0000 to 9999: no term passes four million"
)]
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Days since the epoch of a date that exists.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "dates of the years 0000 to 9999: no term passes four million"
)]
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH
}
