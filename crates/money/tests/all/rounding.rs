use money::{Currency, Factor, Money, MoneyError, Rounding};
use proptest::prelude::*;

use crate::money::any_minor;

const MODES: [Rounding; 7] = [
    Rounding::HalfUp,
    Rounding::HalfEven,
    Rounding::HalfDown,
    Rounding::Up,
    Rounding::Down,
    Rounding::Ceiling,
    Rounding::Floor,
];

fn times(minor: i64, factor: &str, rounding: Rounding) -> Result<i64, MoneyError> {
    Money::new(minor, Currency::INR).multiply(&factor.parse()?, rounding).map(Money::minor)
}

/// The rounded quotient of wide integers, reckoned from the floor and not from magnitudes.
fn reference(numerator: i128, divisor: i128, rounding: Rounding) -> i128 {
    let floor = numerator.div_euclid(divisor);
    let twice = numerator.rem_euclid(divisor) * 2;
    let (exact, positive) = (twice == 0, numerator > 0);
    let above = match rounding {
        Rounding::Floor => false,
        Rounding::Ceiling => !exact,
        Rounding::Down => !exact && !positive,
        Rounding::Up => !exact && positive,
        Rounding::HalfUp => twice > divisor || (twice == divisor && positive),
        Rounding::HalfDown => twice > divisor || (twice == divisor && !positive),
        Rounding::HalfEven => twice > divisor || (twice == divisor && floor % 2 != 0),
    };
    floor + i128::from(above)
}

/// `numerator / 10^decimals` in plain notation.
fn written(numerator: i64, decimals: usize) -> String {
    let width = decimals + 1;
    let digits = format!("{:0width$}", numerator.unsigned_abs());
    let (integer, fraction) = digits.split_at(digits.len() - decimals);
    let sign = if numerator < 0 { "-" } else { "" };
    let point = if decimals == 0 { "" } else { "." };
    format!("{sign}{integer}{point}{fraction}")
}

#[test]
fn the_documented_table() {
    // The columns of `Rounding`'s table: 1.5, 2.5, −1.5, −2.5, 1.1, −1.1.
    let table = [
        (Rounding::HalfUp, [2, 3, -2, -3, 1, -1]),
        (Rounding::HalfEven, [2, 2, -2, -2, 1, -1]),
        (Rounding::HalfDown, [1, 2, -1, -2, 1, -1]),
        (Rounding::Up, [2, 3, -2, -3, 2, -2]),
        (Rounding::Down, [1, 2, -1, -2, 1, -1]),
        (Rounding::Ceiling, [2, 3, -1, -2, 2, -1]),
        (Rounding::Floor, [1, 2, -2, -3, 1, -2]),
    ];
    for (rounding, row) in table {
        let seen =
            [15, 25, -15, -25, 11, -11].map(|tenths| times(tenths, "0.1", rounding).unwrap());
        assert_eq!(seen, row, "{rounding:?}");
    }
}

#[test]
fn a_tax_that_floating_point_gets_wrong() {
    // 1.15 × 1.18 = 1.357, and 10.75 × 0.07 = 0.7525; binary fractions make 0.285 of 0.2849….
    assert_eq!(times(115, "1.18", Rounding::HalfUp), Ok(136));
    assert_eq!(times(1_075, "0.07", Rounding::HalfUp), Ok(75));
    assert_eq!(times(100, "0.285", Rounding::HalfUp), Ok(29));
    assert_eq!(times(100, "1.005", Rounding::HalfUp), Ok(101));
    assert_eq!(times(100, "1.005", Rounding::HalfEven), Ok(100));
}

#[test]
fn the_smallest_part_of_a_unit_counts() {
    assert_eq!(times(1, "0.000000000000000001", Rounding::Up), Ok(1));
    assert_eq!(times(1, "0.500000000000000001", Rounding::HalfDown), Ok(1));
    assert_eq!(times(1, "0.499999999999999999", Rounding::HalfUp), Ok(0));
    assert_eq!(times(-1, "0.000000000000000001", Rounding::Floor), Ok(-1));
    assert_eq!(times(0, "0.000000000000000001", Rounding::Up), Ok(0));
}

#[test]
fn the_range_is_decided_after_rounding() {
    assert_eq!(times(i64::MAX, "1", Rounding::HalfUp), Ok(i64::MAX));
    assert_eq!(times(i64::MIN, "1", Rounding::HalfUp), Ok(i64::MIN));
    assert_eq!(times(i64::MIN, "-1", Rounding::HalfUp), Err(MoneyError::Overflow));
    assert_eq!(times(i64::MAX, "1.000000000000000001", Rounding::Up), Err(MoneyError::Overflow));
    // 10^-18 of the largest amount is nine units.
    assert_eq!(
        times(i64::MAX - 4, "1.000000000000000001", Rounding::Down),
        Err(MoneyError::Overflow)
    );
    assert_eq!(
        times(i64::MAX, "999999999999999999.999999999999999999", Rounding::Down),
        Err(MoneyError::Overflow)
    );
    assert_eq!(
        times(1, "999999999999999999.999999999999999999", Rounding::HalfUp),
        Ok(1_000_000_000_000_000_000)
    );
    assert_eq!(
        times(i64::MIN, "0.999999999999999999", Rounding::Down),
        Ok(-9_223_372_036_854_775_798)
    );
}

#[test]
fn factors_are_read_strictly() {
    for text in ["", "+1", "1.", ".5", "01", "-0", "-0.0", "1e2", "1,5", " 1", "1 ", "٣", "NaN"] {
        assert_eq!(text.parse::<Factor>(), Err(MoneyError::Syntax), "{text:?}");
    }
    let decimals = "0.0000000000000000000";
    assert_eq!(decimals.parse::<Factor>(), Err(MoneyError::TooManyDecimals));
    assert!(decimals[..20].parse::<Factor>().is_ok());
    assert_eq!("1000000000000000000".parse::<Factor>(), Err(MoneyError::Overflow));
    assert!("999999999999999999".parse::<Factor>().is_ok());
}

#[test]
fn factors_are_equal_as_numbers() {
    let factor = |text: &str| text.parse::<Factor>().unwrap();
    assert_eq!(factor("1.10"), factor("1.1"));
    assert_eq!(factor("1.000"), factor("1"));
    assert_ne!(factor("1.1"), factor("1.01"));
    assert_ne!(factor("1"), factor("-1"));
    for (text, shown) in [("1.180", "1.18"), ("-0.0050", "-0.005"), ("3.000", "3"), ("0", "0")] {
        assert_eq!(factor(text).to_string(), shown);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn modes_agree_with_the_reference(
        minor in any_minor(),
        (numerator, decimals) in prop_oneof![
            (any::<i64>(), 0_usize..=18),
            (-1_000_i64..=1_000, 0_usize..=3),
        ],
    ) {
        let text = written(numerator, decimals);
        let text = if numerator == 0 { "0" } else { &text };
        let (Ok(factor), divisor) = (text.parse::<Factor>(), 10_i128.pow(u32::try_from(decimals).unwrap()))
        else {
            // 19 digits before the point are one too many.
            prop_assert!(text.trim_start_matches('-').split('.').next().unwrap().len() > 18);
            return Ok(());
        };
        for rounding in MODES {
            let exact = reference(i128::from(minor) * i128::from(numerator), divisor, rounding);
            let expected = i64::try_from(exact).map_err(|_| MoneyError::Overflow);
            let seen = Money::new(minor, Currency::INR).multiply(&factor, rounding);
            prop_assert_eq!(seen.map(Money::minor), expected, "{} × {} {:?}", minor, text, rounding);
        }
    }

    #[test]
    fn ties_and_neighbours(whole in -1_000_i64..1_000, tenth in -9_i64..=9) {
        let tenths = whole * 10 + tenth;
        for rounding in MODES {
            let expected = reference(i128::from(tenths), 10, rounding);
            prop_assert_eq!(times(tenths, "0.1", rounding).map(i128::from), Ok(expected));
        }
    }

    #[test]
    fn factors_round_trip(numerator in any::<i64>(), decimals in 0_usize..=18) {
        if let Ok(factor) = written(numerator, decimals).parse::<Factor>() {
            prop_assert_eq!(factor.to_string().parse::<Factor>(), Ok(factor));
        }
    }
}
