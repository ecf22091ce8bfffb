use std::cmp::Ordering;

use money::{Currency, CurrencyError, Money, MoneyError};
use proptest::prelude::*;

pub(crate) fn any_currency() -> impl Strategy<Value = Currency> {
    proptest::sample::select(Currency::all().collect::<Vec<_>>())
}

/// All of `i64`, with its ends, zero and everyday amounts more often than chance has them.
pub(crate) fn any_minor() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => any::<i64>(),
        4 => -1_000_000_i64..1_000_000,
        1 => i64::MIN..i64::MIN + 100,
        1 => i64::MAX - 100..=i64::MAX,
        1 => -2_i64..=2,
    ]
}

#[test]
fn prints_and_reads() {
    let cases = [
        (Currency::INR, 135_802, "INR 1358.02"),
        (Currency::INR, 5, "INR 0.05"),
        (Currency::INR, -5, "INR -0.05"),
        (Currency::INR, 0, "INR 0.00"),
        (Currency::JPY, 100, "JPY 100"),
        (Currency::JPY, -1, "JPY -1"),
        (Currency::KWD, 1, "KWD 0.001"),
        (Currency::CLF, 123_456, "CLF 12.3456"),
        (Currency::EUR, i64::MAX, "EUR 92233720368547758.07"),
        (Currency::EUR, i64::MIN, "EUR -92233720368547758.08"),
    ];
    for (currency, minor, text) in cases {
        let money = Money::new(minor, currency);
        assert_eq!(money.to_string(), text);
        assert_eq!(text.parse(), Ok(money));
        assert_eq!(money.to_decimal_string(), text[4..]);
    }
}

#[test]
fn fewer_decimals_are_read_exactly() {
    for (text, minor) in
        [("INR 5", 500), ("INR 5.1", 510), ("INR -5.1", -510), ("CLF 1.05", 10_500)]
    {
        assert_eq!(text.parse::<Money>().unwrap().minor(), minor, "{text}");
    }
}

#[test]
fn more_decimals_are_refused_even_zeros() {
    for text in ["INR 1.001", "INR 1.000", "JPY 1.0", "JPY 1.5", "KWD 1.0000", "CLF 0.00001"] {
        assert_eq!(text.parse::<Money>(), Err(MoneyError::TooManyDecimals), "{text}");
    }
}

#[test]
fn other_notations_are_refused() {
    let numbers = [
        "", " ", ".", "-", "+1", "--1", "-", "1.", ".5", "-.5", "01", "00", "00.5", "-0", "-0.00",
        "1e3", "1E3", "0x10", "1,000", "1_000", "1 000", " 1", "1 ", "1.2.3", "١", "１", "1\u{0}",
        "NaN", "inf", "1.-5", "1.+5", "−5",
    ];
    for number in numbers {
        let read = Money::from_decimal_str(Currency::INR, number);
        assert_eq!(read, Err(MoneyError::Syntax), "{number:?}");
    }
    for text in ["", "INR", "INR1", "INR\t1", "INR  1", " INR 1"] {
        assert!(text.parse::<Money>().is_err(), "{text:?}");
    }
    assert_eq!("INR".parse::<Money>(), Err(MoneyError::Syntax));
    assert_eq!("ZZZ x".parse::<Money>(), Err(MoneyError::Currency(CurrencyError::Unknown)));
    assert_eq!("XAU 1".parse::<Money>(), Err(MoneyError::Currency(CurrencyError::NoMinorUnit)));
    assert_eq!("INR x.123".parse::<Money>(), Err(MoneyError::Syntax));
}

#[test]
fn numbers_beyond_the_range_are_refused() {
    let beyond = [
        "92233720368547758.08",
        "-92233720368547758.09",
        "184467440737095516.16",
        "99999999999999999999",
        "340282366920938463463374607431768211457",
    ];
    for number in beyond {
        let read = Money::from_decimal_str(Currency::EUR, number);
        assert_eq!(read, Err(MoneyError::Overflow), "{number}");
    }
    let huge = "9".repeat(100_000);
    assert_eq!(Money::from_decimal_str(Currency::JPY, &huge), Err(MoneyError::Overflow));
}

// ASVS 1.4.2: a sum that passes 64 bits is an error and wraps nowhere.
#[test]
fn arithmetic_at_the_limits() {
    let inr = |minor| Money::new(minor, Currency::INR);
    assert_eq!(inr(i64::MAX).checked_add(inr(1)), Err(MoneyError::Overflow));
    assert_eq!(inr(i64::MAX).checked_add(inr(0)), Ok(inr(i64::MAX)));
    assert_eq!(inr(i64::MIN).checked_add(inr(-1)), Err(MoneyError::Overflow));
    assert_eq!(inr(i64::MIN).checked_sub(inr(1)), Err(MoneyError::Overflow));
    assert_eq!(inr(0).checked_sub(inr(i64::MIN)), Err(MoneyError::Overflow));
    assert_eq!(inr(-1).checked_sub(inr(i64::MIN)), Ok(inr(i64::MAX)));
    assert_eq!(inr(i64::MIN).checked_neg(), Err(MoneyError::Overflow));
    assert_eq!(inr(i64::MAX).checked_neg(), Ok(inr(-i64::MAX)));
}

#[test]
fn currencies_do_not_meet() {
    let (a, b) = (Money::new(i64::MAX, Currency::INR), Money::new(i64::MAX, Currency::EUR));
    // The mismatch is named before the overflow.
    assert_eq!(a.checked_add(b), Err(MoneyError::CurrencyMismatch));
    assert_eq!(a.checked_sub(b), Err(MoneyError::CurrencyMismatch));
    assert_eq!(a.compare(b), Err(MoneyError::CurrencyMismatch));
    assert_ne!(a, b);
}

proptest! {
    #[test]
    fn text_round_trips(currency in any_currency(), minor in any_minor()) {
        let money = Money::new(minor, currency);
        prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
        let number = money.to_decimal_string();
        prop_assert_eq!(Money::from_decimal_str(currency, &number), Ok(money));
        // Written digits are the minor units' digits: nothing is scaled.
        let digits: String = number.chars().filter(|c| *c != '.').collect();
        prop_assert_eq!(digits.parse::<i128>().unwrap(), i128::from(minor));
    }

    #[test]
    fn any_text_is_refused_or_means_one_number(
        currency in any_currency(),
        text in "-?[0-9]{0,22}(\\.[0-9]{0,6})?|\\PC{0,12}",
    ) {
        if let Ok(money) = Money::from_decimal_str(currency, &text) {
            let (shown, digits) = (money.to_decimal_string(), currency.digits());
            // The shown number is the written one with zeros filled up behind the point.
            prop_assert!(shown.starts_with(&text), "{} shown as {}", text, shown);
            let filled = shown[text.len()..].trim_start_matches('.');
            prop_assert!(filled.bytes().all(|byte| byte == b'0'), "{} shown as {}", text, shown);
            prop_assert!(filled.len() <= usize::try_from(digits).unwrap());
        }
    }

    #[test]
    fn sums_agree_with_wide_integers(a in any_minor(), b in any_minor(), currency in any_currency()) {
        let wide = |value: i128| {
            i64::try_from(value).map(|minor| Money::new(minor, currency)).map_err(|_| MoneyError::Overflow)
        };
        let (x, y) = (Money::new(a, currency), Money::new(b, currency));
        let (a, b) = (i128::from(a), i128::from(b));
        prop_assert_eq!(x.checked_add(y), wide(a + b));
        prop_assert_eq!(x.checked_sub(y), wide(a - b));
        prop_assert_eq!(x.checked_neg(), wide(-a));
        prop_assert_eq!(x.compare(y), Ok::<Ordering, MoneyError>(a.cmp(&b)));
    }
}
