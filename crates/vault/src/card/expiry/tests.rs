//! What `expiry` promises.

use super::*;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn now() -> Timestamp {
    at("2026-11-21T08:54:30.123456Z")
}

#[test]
fn valid_through_the_last_moment_of_its_month() {
    for (text, last, first) in [
        ("11/26", "2026-11-30T23:59:59.999999Z", "2026-12-01T00:00:00Z"),
        ("12/26", "2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00Z"),
        ("02/28", "2028-02-29T23:59:59.999999Z", "2028-03-01T00:00:00Z"),
        ("02/27", "2027-02-28T23:59:59.999999Z", "2027-03-01T00:00:00Z"),
    ] {
        let expiry = Expiry::parse(text, now()).unwrap();
        assert!(!expiry.is_over(at(last)), "{text}");
        assert!(expiry.is_over(at(first)), "{text}");
        assert!(!expiry.is_over(Timestamp::MIN), "{text}");
        assert!(expiry.is_over(Timestamp::MAX), "{text}");
    }
}

#[test]
fn the_ways_to_write_it() {
    for text in ["08/29", "8/29", "8/2029", "08/2029", "08-29", "08 / 29", "8 /2029", "08/ 29"] {
        let expiry = Expiry::parse(text, now());
        assert_eq!(expiry, Expiry::new(8, 2029, now()), "{text}");
        assert_eq!(expiry.unwrap().to_string(), "08/2029");
    }
}

#[test]
fn the_refusals_come_in_their_order() {
    for text in [
        "",
        "/",
        "08",
        "0829",
        "082029",
        "08/",
        "/29",
        "08//29",
        "08/9",
        "08/029",
        "08/0029",
        "08/02029",
        "008/29",
        " 08/29",
        "08/29 ",
        "08  /29",
        "08\u{2f}\u{a0}29",
        "08/2x",
        "x8/29",
        "-8/29",
        "+8/29",
        "08/+9",
        "08/-9",
        "0\u{0}/29",
        "08/29\0",
        "٠٨/٢٩",
        "０８/２９",
        "2029-08",
        "08/29/01",
        "13/x9",
    ] {
        assert_eq!(Expiry::parse(text, now()), Err(ExpiryError::Form), "{text:?}");
    }
    for text in ["0/29", "00/29", "13/29", "99/2099"] {
        assert_eq!(Expiry::parse(text, now()), Err(ExpiryError::Month), "{text}");
    }
    for year in [100, 999, 10_000, u16::MAX] {
        assert_eq!(Expiry::new(12, year, now()), Err(ExpiryError::Year), "{year}");
        assert_eq!(Expiry::new(0, year, now()), Err(ExpiryError::Month), "{year}");
    }
    for text in ["01/47", "12/76", "01/2047", "12/9999"] {
        assert_eq!(Expiry::parse(text, now()), Err(ExpiryError::TooFar), "{text}");
    }
    let huge = format!("08/{}", "9".repeat(1_000_000));
    assert_eq!(Expiry::parse(&huge, now()), Err(ExpiryError::Form));
    assert_eq!(Expiry::parse(&"/".repeat(1_000_000), now()), Err(ExpiryError::Form));
}

#[test]
fn twenty_years_ahead_and_no_more() {
    assert_eq!(Expiry::parse("12/46", now()).unwrap().year(), 2046);
    assert_eq!(Expiry::parse("12/2046", now()).unwrap().month(), 12);
    // A card of the past is a card, and over.
    let past = Expiry::parse("10/26", now()).unwrap();
    assert!(past.is_over(now()));
    assert!(Expiry::parse("01/1999", now()).unwrap().is_over(now()));
    assert!(Expiry::parse("01/99", now()).unwrap().is_over(now()));
}

#[test]
fn two_digits_mean_the_nearest_year_in_any_century() {
    for (year, this, expected) in [
        (26, 2026, 2026),
        (29, 2026, 2029),
        (0, 2026, 2000),
        (76, 2026, 2076),
        (77, 2026, 1977),
        (99, 2026, 1999),
        (5, 2095, 2105),
        (95, 2095, 2095),
        (0, 2099, 2100),
        (99, 2100, 2099),
    ] {
        assert_eq!(nearest(year, this), expected, "{year} in {this}");
    }
}

#[test]
fn sorts_by_time() {
    let mut all = ["12/2027", "01/2028", "11/2026", "02/2027"]
        .map(|text| Expiry::parse(text, now()).unwrap());
    all.sort();
    assert_eq!(all.map(|expiry| expiry.to_string()), ["11/2026", "02/2027", "12/2027", "01/2028"]);
}

proptest! {
    #[test]
    fn any_text_at_any_time_is_answered(text in "\\PC{0,12}|[0-9/ \\-]{0,9}", micros: i64) {
        if let Ok(expiry) = Expiry::parse(&text, Timestamp::from_micros(micros)) {
            prop_assert!((1..=12).contains(&expiry.month()));
        }
    }

    #[test]
    fn what_is_shown_is_read_again(
        text in "[01]?[0-9] ?[/-] ?([0-9]{2}|20[0-4][0-9])",
        seconds in 0_i64..4_000_000_000,
    ) {
        let now = Timestamp::from_seconds(seconds);
        match Expiry::parse(&text, now) {
            Ok(expiry) => prop_assert_eq!(Expiry::parse(&expiry.to_string(), now), Ok(expiry)),
            Err(error) => prop_assert!(matches!(error, ExpiryError::Month | ExpiryError::TooFar)),
        }
    }

    #[test]
    fn over_means_that_a_later_month_has_begun(
        month in 1_u8..=12,
        year in 2000_u16..=2046,
        micros in -1_000_000_000_000_000_i64..4_000_000_000_000_000,
    ) {
        let expiry = Expiry::new(month, year, now()).unwrap();
        let moment = Timestamp::from_micros(micros);
        let end = format!("{year:04}-{month:02}-31T23:59:59.999999Z");
        prop_assert_eq!(expiry.is_over(moment), moment.to_string() > end);
    }
}
