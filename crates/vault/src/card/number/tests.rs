//! What `number` promises.

use super::*;
use crate::checkdigit::luhn_check_digit;
use proptest::prelude::*;

fn refusal(text: &str) -> Option<NumberError> {
    Number::parse(text).err()
}

fn digits(text: &str) -> String {
    let number = Number::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    String::from_utf8(number.expose().to_vec()).unwrap()
}

#[test]
fn groups_are_read_as_people_cut_them() {
    for text in [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242-4242 42424242",
        "42 42424 242424242",
        "4-2-4-2-4-2-4-2-4-2-4-2-4-2-4-2",
    ] {
        assert_eq!(digits(text), "4242424242424242", "{text}");
    }
    assert_eq!(digits("3782 822463 10005"), "378282246310005");
    assert_eq!(digits("6 2 0 5 5 0 0 0 0 0 0 0 0 0 0 0 0 0 4"), "6205500000000000004");
}

#[test]
fn anything_but_digits_and_single_separators_is_another_form() {
    for text in [
        "",
        " ",
        "-",
        " 4242424242424242",
        "4242424242424242 ",
        "4242424242424242\n",
        "4242  4242 4242 4242",
        "4242 -4242 4242 4242",
        "4242–4242–4242–4242",
        "4242_4242_4242_4242",
        "4242.4242.4242.4242",
        "4242\t4242\t4242\t4242",
        "4242\u{a0}4242\u{a0}4242\u{a0}4242",
        "4242\u{0}4242424242424",
        "4242424242424242\0",
        "\u{feff}4242424242424242",
        "+4242424242424242",
        "-4242424242424242",
        "0x42424242424242",
        "42424242424242e2",
        "４２４２４２４２４２４２４２４２",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        "४२४२४२४२४२४२",
        "4242 4242 4242 424x",
        "4242 XXXX XXXX 4242",
        "<b>4242424242424242</b>",
        "4242424242424242' OR '1'='1",
    ] {
        assert_eq!(refusal(text), Some(NumberError::Form), "{text:?}");
    }
}

#[test]
fn the_refusals_come_in_their_order() {
    // A letter before too many digits, too few digits before a wrong one, a wrong one before the
    // brand's length.
    assert_eq!(refusal("424242424242424242424x"), Some(NumberError::Form));
    assert_eq!(refusal("42424242421"), Some(NumberError::Length));
    assert_eq!(refusal("424242424242421"), Some(NumberError::Luhn));
    let brand = Brand::Visa;
    assert_eq!(refusal("424242424242424"), Some(NumberError::BrandLength { brand }));
}

#[test]
fn twelve_to_nineteen_digits() {
    for length in 0..=MAX_TEXT_BYTES {
        // A prefix that no brand has, and zeros: right by Luhn at any length.
        let text = "0".repeat(length);
        let expected = match length {
            0 => Some(NumberError::Form),
            12..=19 => None,
            _ => Some(NumberError::Length),
        };
        assert_eq!(refusal(&text), expected, "{length}");
    }
    assert_eq!(refusal(&"0".repeat(MAX_TEXT_BYTES + 1)), Some(NumberError::Form));
    assert_eq!(refusal(&"4".repeat(10_000_000)), Some(NumberError::Form));
    let spaced = ["0"; MOST_DIGITS].join(" ");
    assert_eq!(spaced.len(), MAX_TEXT_BYTES);
    assert_eq!(refusal(&spaced), None);
    assert_eq!(refusal(&["0"; MOST_DIGITS + 1].join("-")), Some(NumberError::Form));
}

#[test]
fn each_brand_has_its_lengths() {
    for (prefix, brand, lengths) in [
        ("400000", Brand::Visa, &[13, 16, 18, 19][..]),
        ("510000", Brand::Mastercard, &[16]),
        ("340000", Brand::AmericanExpress, &[15]),
        ("608000", Brand::RuPay, &[16]),
        ("601100", Brand::Discover, &[16, 17, 18, 19]),
        ("360000", Brand::DinersClub, &[14, 16, 17, 18, 19]),
        ("352800", Brand::Jcb, &[16, 17, 18, 19]),
        ("620000", Brand::UnionPay, &[16, 17, 18, 19]),
        ("670000", Brand::Maestro, &[12, 13, 14, 15, 16, 17, 18, 19]),
    ] {
        for length in LEAST_DIGITS..=MOST_DIGITS {
            let body = format!("{prefix:0<width$}", width = length - 1);
            let text = format!("{body}{}", luhn_check_digit(&body).unwrap());
            let expected =
                (!lengths.contains(&length)).then_some(NumberError::BrandLength { brand });
            assert_eq!(refusal(&text), expected, "{} of {length}", brand.as_str());
        }
    }
}

// PCI DSS 3.4.1: what may be shown of a number, its first digits and its last four, leaves at least four hidden.
#[test]
fn what_is_shown_leaves_at_least_four_digits_hidden() {
    for (text, iin, last_four, brand) in [
        ("4242424242424242", "42424242", "4242", Some(Brand::Visa)),
        ("6205500000000000004", "62055000", "0004", Some(Brand::UnionPay)),
        ("378282246310005", "378282", "0005", Some(Brand::AmericanExpress)),
        ("36227206271667", "362272", "1667", Some(Brand::DinersClub)),
        ("4222222222222", "4222", "2222", Some(Brand::Visa)),
        ("670000000000", "6700", "0000", Some(Brand::Maestro)),
        ("0000000000000000", "00000000", "0000", None),
    ] {
        let number = Number::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(number.iin(), iin);
        assert_eq!(number.last_four(), last_four);
        assert_eq!(number.brand(), brand);
        assert_eq!(number.length(), text.len());
        assert!(number.length() - iin.len() - last_four.len() >= 4, "{text}");
    }
}

#[test]
fn numbers_are_compared_by_their_digits() {
    let parse = |text| Number::parse(text).ok().unwrap();
    assert!(parse("4242424242424242") == parse("4242-4242-4242-4242"));
    assert!(parse("4242424242424242") != parse("4000056655665556"));
    assert!(parse("0000000000000000") != parse("00000000000000000"));
}

#[test]
fn no_error_shows_a_digit_of_the_number() {
    for text in ["987654321x", "98765432109", "987654321098765", "424242424242424"] {
        let error = Number::parse(text).err().unwrap();
        let shown = format!("{error} {error:?}");
        for window in text.as_bytes().windows(3) {
            assert!(!shown.contains(str::from_utf8(window).unwrap()), "{shown}");
        }
    }
}

/// A number with a right check digit and any prefix, as bare digits.
fn right_by_luhn() -> impl Strategy<Value = String> {
    "[0-9]{11,18}".prop_map(|body| format!("{body}{}", luhn_check_digit(&body).unwrap()))
}

proptest! {
    #[test]
    fn separators_change_nothing(
        text in right_by_luhn(),
        gaps in prop::collection::vec(prop::sample::select(vec!["", "", "", " ", "-"]), 18),
    ) {
        let mut spaced = String::new();
        for (at, digit) in text.char_indices() {
            spaced.push_str(if at == 0 { "" } else { gaps[at - 1] });
            spaced.push(digit);
        }
        prop_assert_eq!(refusal(&text), refusal(&spaced));
        if let Ok(number) = Number::parse(&spaced) {
            prop_assert_eq!(number.expose(), text.as_bytes());
            prop_assert_eq!(number.brand(), Number::parse(&text).ok().unwrap().brand());
        }
    }

    #[test]
    fn every_wrong_digit_is_found(
        text in right_by_luhn(),
        at: prop::sample::Index,
        by in 1_u8..10,
    ) {
        let mut wrong = text.into_bytes();
        let place = at.index(wrong.len());
        wrong[place] = b'0' + (wrong[place] - b'0' + by) % 10;
        let wrong = String::from_utf8(wrong).unwrap();
        prop_assert_eq!(refusal(&wrong), Some(NumberError::Luhn));
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,60}|[0-9 \\-\0]{0,60}") {
        if let Ok(number) = Number::parse(&text) {
            let bare: String = text.chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(number.expose(), bare.as_bytes());
            prop_assert!(text.chars().all(|c| c.is_ascii_digit() || c == ' ' || c == '-'));
            prop_assert!((LEAST_DIGITS..=MOST_DIGITS).contains(&number.length()));
        }
    }
}
