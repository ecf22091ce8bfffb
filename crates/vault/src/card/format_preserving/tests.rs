//! What `format_preserving` promises.

use super::super::number::NumberError;
use super::*;
use crate::checkdigit::{luhn_check_digit, luhn_valid};
use proptest::prelude::*;
use std::collections::HashSet;

const ONE: MerchantId = MerchantId::from_bytes([1; 16]);
const OTHER: MerchantId = MerchantId::from_bytes([2; 16]);

fn key(secret: u8) -> FormatPreservingKey {
    FormatPreservingKey::new(&[secret; 32]).ok().unwrap()
}

fn number(text: &str) -> Number {
    Number::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn with_check_digit(body: &str) -> String {
    format!("{body}{}", luhn_check_digit(body).unwrap())
}

/// Numbers of every length that has tokens, of known schemes and unknown ones.
fn numbers() -> impl Strategy<Value = String> {
    "[0-9]{12,18}"
        .prop_map(|body| with_check_digit(&body))
        .prop_filter("the brand has the length", |text| Number::parse(text).is_ok())
}

/// Tokens of a bank that exists must open for ever. The values are those of an implementation made
/// apart from this one.
#[test]
fn tokens_do_not_change() {
    for (text, expected) in [
        ("4242424242424242", "9473566406874242"),
        ("4222222222222", "7068692302222"),
        ("6205500000000000004", "5732071080802750004"),
    ] {
        let token = key(7).tokenize(ONE, &number(text)).unwrap();
        assert_eq!(token.as_str(), expected);
    }
}

#[test]
fn merchants_and_keys_have_tokens_of_their_own() {
    let texts: Vec<String> = (0..100)
        .map(|account| with_check_digit(&format!("42424242{account:03}4242")))
        .filter(|text| Number::parse(text).is_ok())
        .chain(["4242424242424242".into(), "4222222222222".into()])
        .collect();
    let mut seen = HashSet::new();
    for (key, merchant) in [(key(7), ONE), (key(7), OTHER), (key(8), ONE)] {
        for text in &texts {
            seen.insert(key.tokenize(merchant, &number(text)).unwrap().to_string());
        }
    }
    assert_eq!(seen.len(), 3 * texts.len());
}

#[test]
fn a_token_of_another_key_or_merchant_does_not_open_to_its_number() {
    let text = "4242424242424242";
    let token = key(7).tokenize(ONE, &number(text)).unwrap();
    for (key, merchant) in [(key(7), OTHER), (key(8), ONE)] {
        let opened = key.detokenize(merchant, &token);
        assert!(opened.is_err() || opened.is_ok_and(|opened| opened != number(text)));
    }
}

#[test]
fn twelve_digits_are_too_few() {
    let short = number(&with_check_digit("67000000000"));
    assert_eq!(key(7).tokenize(ONE, &short).err(), Some(TokenError::TooShort));
    let enough = number(&with_check_digit("670000000000"));
    assert!(key(7).tokenize(ONE, &enough).is_ok());
}

#[test]
fn what_is_no_token_is_refused_in_order() {
    let token = key(7).tokenize(ONE, &number("4242424242424242")).unwrap();
    assert_eq!(FormatPreservingToken::parse(token.as_str()).as_ref(), Ok(&token));
    let huge = "5".repeat(1_000_000);
    let spaced = format!("{token} ");
    for text in [
        "",
        "123456789012",
        "12345678901234567890",
        "4242 4242 4242 4242",
        "424242424242424x",
        "42424242424242\0",
        "٤٢٤٢٤٢٤٢",
        "４２４２４２",
        "crd_0123456789",
        &huge,
        &spaced,
    ] {
        let refused = FormatPreservingToken::parse(text);
        assert_eq!(refused.err(), Some(TokenError::Form), "{text:.40?}");
    }
    for card in ["4242424242424242", "378282246310005", "6205500000000000004"] {
        let refused = FormatPreservingToken::parse(card);
        assert_eq!(refused.err(), Some(TokenError::WrongDigit), "{card}");
    }
}

/// Under a wrong key the digits can be a number that its scheme does not issue.
#[test]
fn what_opens_to_no_card_number_is_foreign() {
    let key = key(7);
    let foreign = (0..10_000)
        .map(|account| format!("{account:011}"))
        .filter_map(|body| {
            (0..10)
                .find_map(|digit| FormatPreservingToken::parse(&format!("{body}{digit}4242")).ok())
        })
        .filter_map(|token| key.detokenize(ONE, &token).err())
        .collect::<Vec<_>>();
    assert!(!foreign.is_empty());
    assert!(foreign.iter().all(|error| *error == TokenError::Foreign));
}

proptest! {
    #[test]
    fn a_token_opens_to_its_number_and_is_none(text in numbers(), secret: u8, merchant: [u8; 16]) {
        let (key, merchant) = (key(secret), MerchantId::from_bytes(merchant));
        let number = number(&text);
        let token = key.tokenize(merchant, &number).unwrap();

        prop_assert!(!luhn_valid(token.as_str()));
        prop_assert_eq!(Number::parse(token.as_str()).err(), Some(NumberError::Luhn));
        prop_assert_eq!(token.as_str().len(), text.len());
        prop_assert!(token.as_str().ends_with(&number.last_four()));

        prop_assert_eq!(key.tokenize(merchant, &number), Ok(token.clone()));
        let read = FormatPreservingToken::parse(token.as_str()).unwrap();
        prop_assert!(key.detokenize(merchant, &read).is_ok_and(|opened| opened == number));
    }

    #[test]
    fn a_mistyped_token_is_none(text in numbers(), at: prop::sample::Index, by in 1_u8..10) {
        let token = key(7).tokenize(ONE, &number(&text)).unwrap();
        let mut wrong = token.as_str().to_owned().into_bytes();
        let place = at.index(wrong.len());
        wrong[place] = b'0' + (wrong[place] - b'0' + by) % 10;
        let wrong = String::from_utf8(wrong).unwrap();
        prop_assert_eq!(FormatPreservingToken::parse(&wrong), Err(TokenError::WrongDigit));
    }

    /// Every token-like text that opens to a card number is that number's token.
    #[test]
    fn a_number_has_one_token(body in "[0-9]{12,18}") {
        let token = (0..10)
            .find_map(|digit| FormatPreservingToken::parse(&format!("{body}{digit}")).ok())
            .unwrap();
        let key = key(7);
        match key.detokenize(ONE, &token) {
            Ok(number) => prop_assert_eq!(key.tokenize(ONE, &number), Ok(token)),
            Err(error) => prop_assert_eq!(error, TokenError::Foreign),
        }
    }
}
