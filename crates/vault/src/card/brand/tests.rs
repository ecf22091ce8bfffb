//! What `brand` promises.

use super::super::number::{MOST_DIGITS, Number};
use super::*;
use crate::checkdigit::luhn_check_digit;
use proptest::prelude::*;

fn of(digits: &str) -> Option<Brand> {
    let values: Vec<u8> = digits.bytes().map(|digit| digit - b'0').collect();
    Brand::of(&values)
}

/// A number of the first length that the brand issues and Luhn allows, with this beginning.
fn number(prefix: &str, length: usize) -> String {
    let body = format!("{prefix:0<width$}", width = length - 1);
    format!("{body}{}", luhn_check_digit(&body).unwrap())
}

#[test]
fn words_go_both_ways() {
    for brand in Brand::ALL {
        assert_eq!(Brand::parse(brand.as_str()), Some(brand));
    }
    assert_eq!(Brand::parse("Visa"), None);
    assert_eq!(Brand::parse(""), None);
}

#[test]
fn the_table_is_sorted_and_has_one_answer_for_each_prefix() {
    for range in &RANGES {
        let shortest = 10_u32.pow(u32::try_from(range.digits).unwrap() - 1);
        assert!(shortest <= range.first && range.last < shortest * 10, "{}", range.first);
        assert!(range.first <= range.last, "{}", range.first);
    }
    for pair in RANGES.windows(2) {
        let [above, below] = pair else { unreachable!() };
        let longer = above.digits > below.digits;
        assert!(
            longer || above.digits == below.digits && above.last < below.first,
            "{} before {}",
            above.first,
            below.first
        );
    }
}

#[test]
fn only_the_co_branded_ranges_never_answer() {
    let hidden: Vec<u32> = RANGES
        .iter()
        .filter(|range| {
            let width = 6 - range.digits;
            let to_six = |prefix: u32| prefix * 10_u32.pow(u32::try_from(width).unwrap());
            (to_six(range.first)..to_six(range.last + 1))
                .all(|six| of(&six.to_string()) != Some(range.brand))
        })
        .map(|range| range.first)
        .collect();
    assert_eq!(hidden, [353, 356]);
}

#[test]
fn published_test_numbers_are_told() {
    for (text, brand) in [
        ("4242424242424242", Brand::Visa),
        ("4000056655665556", Brand::Visa),
        ("4111111111111111", Brand::Visa),
        ("4012888888881881", Brand::Visa),
        ("4222222222222", Brand::Visa),
        ("5555555555554444", Brand::Mastercard),
        ("2223003122003222", Brand::Mastercard),
        ("5200828282828210", Brand::Mastercard),
        ("5105105105105100", Brand::Mastercard),
        ("378282246310005", Brand::AmericanExpress),
        ("371449635398431", Brand::AmericanExpress),
        ("6011111111111117", Brand::Discover),
        ("6011000990139424", Brand::Discover),
        ("6011981111111113", Brand::Discover),
        ("3056930009020004", Brand::DinersClub),
        ("36227206271667", Brand::DinersClub),
        ("30569309025904", Brand::DinersClub),
        ("38520000023237", Brand::DinersClub),
        ("3566002020360505", Brand::Jcb),
        ("3530111333300000", Brand::Jcb),
        ("6200000000000005", Brand::UnionPay),
        ("6200000000000047", Brand::UnionPay),
        ("6205500000000000004", Brand::UnionPay),
        ("6759649826438453", Brand::Maestro),
    ] {
        let number = Number::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(number.brand(), Some(brand), "{text}");
    }
}

#[test]
fn schemes_without_published_numbers_are_told() {
    for (prefix, lengths, brand) in [
        ("60", &[16][..], Brand::RuPay),
        ("607482", &[16], Brand::RuPay),
        ("6521", &[16], Brand::RuPay),
        ("6522", &[16], Brand::RuPay),
        ("508500", &[16], Brand::RuPay),
        ("817290", &[16], Brand::RuPay),
        ("82", &[16], Brand::RuPay),
        ("5018", &[12, 13, 16, 19], Brand::Maestro),
        ("5893", &[12, 16, 18], Brand::Maestro),
        ("6304", &[16, 19], Brand::Maestro),
        ("6763", &[12, 19], Brand::Maestro),
    ] {
        for length in lengths {
            let text = number(prefix, *length);
            let number = Number::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(number.brand(), Some(brand), "{text}");
        }
    }
}

#[test]
fn the_ranges_end_where_they_end() {
    for (last, first, below, above) in [
        ("2220", "2221", None, Some(Brand::Mastercard)),
        ("2720", "2721", Some(Brand::Mastercard), None),
        ("305", "306", Some(Brand::DinersClub), None),
        ("3094", "3095", None, Some(Brand::DinersClub)),
        ("3095", "3096", Some(Brand::DinersClub), None),
        ("33", "34", None, Some(Brand::AmericanExpress)),
        ("34", "350", Some(Brand::AmericanExpress), None),
        ("3527", "3528", None, Some(Brand::Jcb)),
        ("3589", "3590", Some(Brand::Jcb), None),
        ("36", "37", Some(Brand::DinersClub), Some(Brand::AmericanExpress)),
        ("37", "38", Some(Brand::AmericanExpress), Some(Brand::DinersClub)),
        ("39", "40", Some(Brand::DinersClub), Some(Brand::Visa)),
        ("49", "50", Some(Brand::Visa), Some(Brand::Maestro)),
        ("507", "508", Some(Brand::Maestro), Some(Brand::RuPay)),
        ("508", "509", Some(Brand::RuPay), Some(Brand::Maestro)),
        ("50", "51", Some(Brand::Maestro), Some(Brand::Mastercard)),
        ("55", "56", Some(Brand::Mastercard), Some(Brand::Maestro)),
        ("59", "600", Some(Brand::Maestro), Some(Brand::RuPay)),
        ("6010", "6011", Some(Brand::RuPay), Some(Brand::Discover)),
        ("6011", "6012", Some(Brand::Discover), Some(Brand::RuPay)),
        ("609", "610", Some(Brand::RuPay), Some(Brand::Maestro)),
        ("619", "620", Some(Brand::Maestro), Some(Brand::UnionPay)),
        ("622125", "622126", Some(Brand::UnionPay), Some(Brand::Discover)),
        ("622925", "622926", Some(Brand::Discover), Some(Brand::UnionPay)),
        ("629", "630", Some(Brand::UnionPay), Some(Brand::Maestro)),
        ("643", "644", Some(Brand::Maestro), Some(Brand::Discover)),
        ("649", "650", Some(Brand::Discover), Some(Brand::Discover)),
        ("6520", "6521", Some(Brand::Discover), Some(Brand::RuPay)),
        ("65314", "65315", Some(Brand::RuPay), Some(Brand::Discover)),
        ("659", "660", Some(Brand::Discover), Some(Brand::Maestro)),
        ("69", "70", Some(Brand::Maestro), None),
        ("809", "810", None, Some(Brand::UnionPay)),
        ("8171", "8172", Some(Brand::UnionPay), Some(Brand::RuPay)),
        ("82", "83", Some(Brand::RuPay), None),
    ] {
        let filled = |prefix: &str, with: char| -> String {
            prefix.chars().chain(std::iter::repeat(with)).take(16).collect()
        };
        assert_eq!(of(&filled(last, '9')), below, "{last}");
        assert_eq!(of(&filled(first, '0')), above, "{first}");
    }
}

#[test]
fn a_number_shorter_than_a_prefix_is_in_no_range_of_it() {
    assert_eq!(of(""), None);
    assert_eq!(of("6"), None);
    assert_eq!(of("22"), None);
    assert_eq!(of("4"), Some(Brand::Visa));
}

proptest! {
    #[test]
    fn a_number_has_the_brand_of_its_range_or_of_a_longer_one(
        row in 0..RANGES.len(),
        at: prop::sample::Index,
        rest in "[0-9]{19}",
    ) {
        let range = &RANGES[row];
        let choices = usize::try_from(range.last - range.first).unwrap() + 1;
        let prefix = range.first + u32::try_from(at.index(choices)).unwrap();
        let text: String = format!("{prefix}{rest}").chars().take(MOST_DIGITS).collect();

        let longer = RANGES.iter().filter(|other| other.digits > range.digits).find(|other| {
            let prefix: u32 = text[..other.digits].parse().unwrap();
            (other.first..=other.last).contains(&prefix)
        });
        prop_assert_eq!(of(&text), Some(longer.unwrap_or(range).brand));
    }
}
