//! What is understood, what is refused and why, and that every shown amount can be typed again.

use money::Currency;
use proptest::prelude::*;

use super::*;
use crate::language::Language;
use crate::show;

#[test]
fn amounts_are_understood_exactly() {
    for (text, currency, minor) in [
        ("500", "INR", 50_000),
        ("500.5", "INR", 50_050),
        ("500.05", "INR", 50_005),
        (".5", "INR", 50),
        ("0.01", "INR", 1),
        ("1,234.50", "INR", 123_450),
        ("1,23,456.78", "INR", 12_345_678),
        ("12,34,56,789", "INR", 12_345_678_900),
        ("123,456,789", "INR", 12_345_678_900),
        ("1 234.50", "INR", 123_450),
        ("1\u{a0}234.50", "INR", 123_450),
        ("1\u{202f}23\u{202f}456", "INR", 12_345_600),
        ("  500  ", "INR", 50_000),
        ("₹ 500", "INR", 50_000),
        ("₹500.25", "INR", 50_025),
        ("Rs 500", "INR", 50_000),
        ("Rs. 500", "INR", 50_000),
        ("Rs.500", "INR", 50_000),
        ("रु. ५००", "INR", 50_000),
        ("500 INR", "INR", 50_000),
        ("inr 500", "INR", 50_000),
        ("INR\u{a0}1,000", "INR", 100_000),
        ("₹ 500 INR", "INR", 50_000),
        ("१,२३,४५६.७८", "INR", 12_345_678),
        ("१2३", "INR", 12_300),
        ("007", "INR", 700),
        ("$1,234", "USD", 123_400),
        ("€10", "EUR", 1_000),
        ("1,000", "JPY", 1_000),
        ("¥1,000", "JPY", 1_000),
        ("1.234", "KWD", 1_234),
        ("1.2345", "CLF", 12_345),
        ("90071992547409.91", "INR", 9_007_199_254_740_991),
        ("9007199254740991", "JPY", 9_007_199_254_740_991),
    ] {
        assert_eq!(parse(text, currency), Ok(minor), "{text} {currency}");
    }
}

#[test]
fn what_could_mean_two_things_is_refused_with_its_reason() {
    use TypedFault::*;
    for (text, currency, fault) in [
        ("500", "ABC", UnknownCurrency),
        ("500", "XAU", UnknownCurrency),
        ("", "INR", Empty),
        (" \u{a0}\t", "INR", Empty),
        ("$500", "INR", OtherCurrency),
        ("500 USD", "INR", OtherCurrency),
        ("₹500", "USD", OtherCurrency),
        ("₹500 USD", "INR", OtherCurrency),
        ("Rs. 500", "USD", OtherCurrency),
        ("-5", "INR", Negative),
        ("−5", "INR", Negative),
        ("–5", "INR", Negative),
        ("₹ -5", "INR", Negative),
        ("(5.00)", "INR", Unreadable),
        ("(5", "INR", Negative),
        ("5-", "INR", Negative),
        ("abc", "INR", Unreadable),
        ("5k", "INR", Unreadable),
        ("1e3", "INR", Unreadable),
        ("0x10", "INR", Unreadable),
        ("+5", "INR", Unreadable),
        ("1'000", "INR", Unreadable),
        ("500/-", "INR", Unreadable),
        ("½", "INR", Unreadable),
        ("٥", "INR", Unreadable),
        ("５００", "INR", Unreadable),
        ("5 0 INR 0", "INR", Unreadable),
        (".", "INR", Unreadable),
        (",", "INR", CommaAsPoint),
        ("5.", "INR", Unreadable),
        ("₹", "INR", Unreadable),
        ("INR", "INR", Unreadable),
        ("5\u{0}", "INR", Unreadable),
        ("<b>5</b>", "INR", Unreadable),
    ] {
        assert_eq!(parse(text, currency), Err(fault), "{text:?} {currency}");
    }
}

#[test]
fn points_groups_and_sizes_are_refused_with_their_reason() {
    use TypedFault::*;
    for (text, currency, fault) in [
        ("1.2.3", "INR", TwoPoints),
        ("1.234.567", "INR", TwoPoints),
        ("1..2", "INR", TwoPoints),
        ("12,5", "INR", CommaAsPoint),
        ("12,50", "INR", CommaAsPoint),
        ("1.234,50", "INR", CommaAsPoint),
        ("0,500", "KWD", CommaAsPoint),
        ("1234,567", "INR", CommaAsPoint),
        ("12,", "INR", CommaAsPoint),
        (",500", "INR", CommaAsPoint),
        ("1,2,3", "INR", UnevenGroups),
        ("1,23,45", "INR", UnevenGroups),
        ("12,3456,789", "INR", UnevenGroups),
        ("123,45,678", "INR", UnevenGroups),
        ("1,23,456,789", "INR", UnevenGroups),
        ("1,,234", "INR", UnevenGroups),
        ("1, 234", "INR", UnevenGroups),
        ("1 234,567", "INR", UnevenGroups),
        ("1  234", "INR", UnevenGroups),
        ("5 00", "INR", UnevenGroups),
        ("12,34.50", "INR", UnevenGroups),
        ("1.234 567", "KWD", UnevenGroups),
        ("5.001", "INR", TooManyDigits),
        ("5.000", "INR", TooManyDigits),
        ("1.234", "INR", TooManyDigits),
        ("100.0", "JPY", TooManyDigits),
        ("1.2345", "KWD", TooManyDigits),
        ("0", "INR", Zero),
        ("0.00", "INR", Zero),
        ("०", "INR", Zero),
        ("90071992547409.92", "INR", TooLarge),
        ("9007199254740992", "JPY", TooLarge),
        ("99999999999999999999", "INR", TooLarge),
    ] {
        assert_eq!(parse(text, currency), Err(fault), "{text:?} {currency}");
    }
    assert_eq!(parse(&"9".repeat(MAX_CHARS), "INR"), Err(TooLarge));
    assert_eq!(parse(&"9".repeat(MAX_CHARS + 1), "INR"), Err(Unreadable));
}

#[test]
fn each_fault_says_something_of_its_own_in_each_language() {
    use TypedFault::*;
    let all = [
        UnknownCurrency,
        Empty,
        OtherCurrency,
        Negative,
        Unreadable,
        TwoPoints,
        CommaAsPoint,
        UnevenGroups,
        TooManyDigits,
        Zero,
        TooLarge,
    ];
    for language in Language::ALL {
        let texts = all.map(|fault| fault.text(language.words()));
        let different: std::collections::BTreeSet<&str> = texts.into_iter().collect();
        assert_eq!(different.len(), all.len());
    }
}

fn devanagari(text: &str) -> String {
    let digit = |c: char| c.to_digit(10).and_then(|value| char::from_u32(u32::from('०') + value));
    text.chars().map(|c| digit(c).unwrap_or(c)).collect()
}

proptest! {
    // Each case goes through every currency, in both languages.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_shown_can_be_typed(minor in 1..=Amount::MAX.get(), small in 1_i64..100_000) {
        for currency in Currency::all() {
            for minor in [minor, small, Amount::MAX.get()] {
                for language in Language::ALL {
                    let shown = show::money(minor, currency.code(), language);
                    prop_assert_eq!(parse(&shown, currency.code()), Ok(minor), "{}", &shown);
                    let number = show::plain(minor, currency.code(), language);
                    prop_assert_eq!(parse(&number, currency.code()), Ok(minor), "{}", &number);
                    let deva = devanagari(&number.replace(',', "\u{a0}"));
                    prop_assert_eq!(parse(&deva, currency.code()), Ok(minor), "{}", &deva);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_typed_there_is_an_answer(text in "\\PC{0,70}", code in "[A-Z]{3}") {
        for currency in ["INR", "JPY", "KWD", code.as_str()] {
            if let Ok(minor) = parse(&text, currency) {
                prop_assert!((1..=Amount::MAX.get()).contains(&minor));
            }
        }
    }

    #[test]
    fn digits_mean_what_they_say(text in "[0-9]{1,12}(\\.[0-9]{1,2})?") {
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let minor: i64 = format!("{whole}{part:0<2}").parse().expect("digits");
        let expected = if minor == 0 { Err(TypedFault::Zero) } else { Ok(minor) };
        prop_assert_eq!(parse(&text, "INR"), expected);
    }
}
