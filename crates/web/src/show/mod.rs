//! Amounts and times as people read them. Pure.
//!
//! Grouping follows the language and the currency: rupees, and everything in Hindi, by lakh and crore (1,23,45,678.90);
//! other currencies in English by thousands.

pub mod dates;
pub mod typed;

use money::Currency;

use crate::language::Language;

/// `₹1,23,456.78`, `−$1,234.50`, `KWD 1.234`: minor units of a currency, with its sign or code.
pub fn money(minor: i64, currency: &str, language: Language) -> String {
    let minus = if minor < 0 { "−" } else { "" };
    let number = plain(minor, currency, language);
    let number = number.trim_start_matches('−');
    match sign_of(currency) {
        Some(sign) => format!("{minus}{sign}{number}"),
        None => format!("{minus}{currency}\u{a0}{number}"),
    }
}

/// The number alone.
pub fn plain(minor: i64, currency: &str, language: Language) -> String {
    // A currency that this bank does not know is shown in its smallest units.
    let digits = Currency::from_code(currency).map_or(0, Currency::digits);
    let digits = usize::try_from(digits).unwrap_or_default();
    let text = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
    let (whole, part) = text.split_at(text.len() - digits);
    let minus = if minor < 0 { "−" } else { "" };
    let whole = grouped(whole, language == Language::Hindi || currency == "INR");
    if part.is_empty() { format!("{minus}{whole}") } else { format!("{minus}{whole}.{part}") }
}

/// Three digits from the right, then by two (lakh, crore) or by three.
fn grouped(digits: &str, is_indian: bool) -> String {
    let step = if is_indian { 2 } else { 3 };
    let length = digits.len();
    let mut out = String::with_capacity(length * 2);
    for (index, digit) in digits.chars().enumerate() {
        let right = length - index;
        if index > 0 && (right == 3 || right > 3 && (right - 3).is_multiple_of(step)) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Signs that mean one currency to who banks in India; any other is shown by its code.
fn sign_of(currency: &str) -> Option<&'static str> {
    match currency {
        "INR" => Some("₹"),
        "USD" => Some("$"),
        "EUR" => Some("€"),
        "GBP" => Some("£"),
        "JPY" => Some("¥"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_language_and_currency() {
        let english = Language::English;
        assert_eq!(money(12_345_678, "INR", english), "₹1,23,456.78");
        assert_eq!(money(-5, "INR", english), "−₹0.05");
        assert_eq!(money(123_456_789, "USD", english), "$1,234,567.89");
        assert_eq!(money(123_456_789, "USD", Language::Hindi), "$12,34,567.89");
        assert_eq!(money(1_234_567, "KWD", english), "KWD\u{a0}1,234.567");
        assert_eq!(money(1_000, "JPY", english), "¥1,000");
        assert_eq!(money(i64::MIN, "INR", english), "−₹92,23,37,20,36,85,47,758.08");
    }
}
