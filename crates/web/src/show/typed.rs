//! An amount as people type it, understood exactly or refused with a reason; never guessed.
//!
//! A point stands before the smallest part. Commas or spaces group digits by thousands (1,234,567) or by lakh and crore
//! (12,34,567), one of them in one way. Western and Devanagari digits count alike; the currency may stand
//! before or behind, by sign or code. A comma that could be a decimal one is refused where it cannot be a
//! group's: `12,5`, `1.234,50`. Pure; cost: some passes over at most [`MAX_CHARS`] characters.

use money::{Amount, Currency};

use crate::words::Words;

/// What is longer is no amount: the largest, grouped and with its currency, has some thirty.
const MAX_CHARS: usize = 64;

/// Why a text is no amount, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedFault {
    /// The account's currency is none of ISO 4217.
    UnknownCurrency,
    Empty,
    /// The sign or code of another currency stands with it.
    OtherCurrency,
    Negative,
    /// Letters, other signs, no digit, or a point with nothing behind it.
    Unreadable,
    TwoPoints,
    CommaAsPoint,
    /// Groups that are neither Western nor Indian, or of two kinds.
    UnevenGroups,
    /// More digits behind the point than the currency has, zeros too.
    TooManyDigits,
    Zero,
    /// Above 9007199254740991 minor units.
    TooLarge,
}

impl TypedFault {
    /// For who typed it.
    pub fn text(self, words: &Words) -> &'static str {
        let w = &words.typed;
        match self {
            Self::UnknownCurrency => w.unknown_currency,
            Self::Empty => w.empty,
            Self::OtherCurrency => w.other_currency,
            Self::Negative => w.negative,
            Self::Unreadable => w.unreadable,
            Self::TwoPoints => w.two_points,
            Self::CommaAsPoint => w.comma_as_point,
            Self::UnevenGroups => w.uneven_groups,
            Self::TooManyDigits => w.too_many_digits,
            Self::Zero => w.zero,
            Self::TooLarge => w.too_large,
        }
    }
}

/// Minor units of `currency`, at least 1.
pub fn parse(text: &str, currency: &str) -> Result<i64, TypedFault> {
    let currency = Currency::from_code(currency).map_err(|_| TypedFault::UnknownCurrency)?;
    let text = plain(text)?;
    let number = without_currency(text.trim(), currency)?;
    if number.starts_with(['-', '(']) || number.ends_with('-') {
        return Err(TypedFault::Negative);
    }
    if !number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ')) {
        return Err(TypedFault::Unreadable);
    }
    let (whole, part) = cut(number)?;
    let whole = ungrouped(whole, part.is_some())?;
    exact(&whole, part.unwrap_or_default(), currency.digits())
}

/// One kind of blank, of minus and of digit.
fn plain(text: &str) -> Result<String, TypedFault> {
    if text.trim().is_empty() {
        return Err(TypedFault::Empty);
    }
    if text.chars().count() > MAX_CHARS {
        return Err(TypedFault::Unreadable);
    }
    Ok(text.chars().map(plain_char).collect())
}

fn plain_char(c: char) -> char {
    match c {
        // No-break, narrow no-break, thin and figure space, as printed amounts have them.
        '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{2007}' | '\t' => ' ',
        '−' | '–' | '‐' | '‑' => '-',
        '०'..='९' => {
            let value = u32::from(c).saturating_sub(u32::from('०'));
            char::from_digit(value, 10).unwrap_or(c)
        }
        _ => c,
    }
}

/// Signs and short forms of a currency. A dollar's or a yen's sign is shared, and stands for the account's own.
fn is_sign(mark: &str, currency: Currency) -> bool {
    match mark {
        "₹" | "rs" | "rs." | "रु" | "रु." => currency.code() == "INR",
        "€" => currency.code() == "EUR",
        "£" => currency.code() == "GBP",
        "$" => matches!(currency.code(), "USD" | "AUD" | "CAD" | "SGD" | "HKD" | "NZD"),
        "¥" => matches!(currency.code(), "JPY" | "CNY"),
        _ => mark.eq_ignore_ascii_case(currency.code()),
    }
}

/// Without what stands for the currency before or behind it.
fn without_currency(text: &str, currency: Currency) -> Result<&str, TypedFault> {
    let text = text.strip_prefix('-').map_or(Ok(text), |_| Err(TypedFault::Negative))?;
    let in_number = |c: char| c.is_ascii_digit() || matches!(c, ',' | ' ' | '-' | '(');
    let start = text.find(|c: char| in_number(c) || c == '.').unwrap_or(text.len());
    // The point of `Rs.` is the sign's.
    let start = if text.get(..start).is_some_and(|mark| matches!(mark, "Rs" | "rs" | "RS" | "रु"))
        && text.get(start..).is_some_and(|rest| rest.starts_with('.'))
    {
        start.saturating_add(1)
    } else {
        start
    };
    let (before, text) = text.split_at_checked(start).ok_or(TypedFault::Unreadable)?;
    let text = text.trim_start();
    let end = text.find(|c: char| !in_number(c) && c != '.').unwrap_or(text.len());
    let (number, behind) = text.split_at_checked(end).ok_or(TypedFault::Unreadable)?;
    for mark in [before, behind.trim()] {
        if mark.is_empty() || is_sign(&mark.to_lowercase(), currency) {
            continue;
        }
        let upper = mark.to_uppercase();
        let is_other = ["₹", "€", "£", "$", "¥", "RS", "RS.", "रु", "रु."].contains(&&*upper)
            || Currency::from_code(&upper).is_ok();
        return Err(if is_other { TypedFault::OtherCurrency } else { TypedFault::Unreadable });
    }
    Ok(number.trim())
}

/// What stands before the point, and behind it.
fn cut(number: &str) -> Result<(&str, Option<&str>), TypedFault> {
    let Some((whole, part)) = number.split_once('.') else { return Ok((number, None)) };
    if part.contains('.') {
        return Err(TypedFault::TwoPoints);
    }
    if part.contains(',') {
        return Err(TypedFault::CommaAsPoint);
    }
    if part.contains(' ') {
        return Err(TypedFault::UnevenGroups);
    }
    if part.is_empty() {
        return Err(TypedFault::Unreadable);
    }
    Ok((whole, Some(part)))
}

/// The digits of the whole part, if their groups are Western or Indian.
fn ungrouped(whole: &str, has_part: bool) -> Result<String, TypedFault> {
    if whole.is_empty() && !has_part {
        return Err(TypedFault::Unreadable);
    }
    let separator = match (whole.contains(','), whole.contains(' ')) {
        (true, true) => return Err(TypedFault::UnevenGroups),
        (true, false) => ',',
        (false, true) => ' ',
        (false, false) => return Ok(whole.to_owned()),
    };
    let lengths: Vec<usize> = whole.split(separator).map(str::len).collect();
    let is_fair = match lengths.as_slice() {
        [first, middle @ .., 3] => {
            // `0,500` is a half to some: no group begins a number with a zero.
            let western = (1..=3).contains(first) && middle.iter().all(|length| *length == 3);
            let indian = (1..=2).contains(first) && middle.iter().all(|length| *length == 2);
            !whole.starts_with('0') && (western || indian)
        }
        _ => false,
    };
    if is_fair {
        return Ok(whole.replace(separator, ""));
    }
    let is_decimal = separator == ',' && lengths.len() == 2 && !has_part;
    Err(if is_decimal { TypedFault::CommaAsPoint } else { TypedFault::UnevenGroups })
}

/// Digits before and behind the point as minor units.
fn exact(whole: &str, part: &str, digits: u32) -> Result<i64, TypedFault> {
    let given = u32::try_from(part.len()).unwrap_or(u32::MAX);
    let Some(missing) = digits.checked_sub(given) else { return Err(TypedFault::TooManyDigits) };
    let mut minor = whole.chars().chain(part.chars()).chain((0..missing).map(|_| '0'));
    let minor = minor.try_fold(0_i64, |sum, digit| {
        let value = digit.to_digit(10).map(i64::from)?;
        sum.checked_mul(10)?.checked_add(value)
    });
    match minor {
        Some(0) => Err(TypedFault::Zero),
        Some(minor) if minor <= Amount::MAX.get() => Ok(minor),
        Some(_) | None => Err(TypedFault::TooLarge),
    }
}

#[cfg(test)]
mod tests;
