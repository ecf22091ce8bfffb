use money::{Currency, Money, MoneyError};
use proptest::prelude::*;

use crate::money::any_minor;

fn minors(shares: &[Money]) -> Vec<i64> {
    shares.iter().map(|share| share.minor()).collect()
}

fn inr(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

#[test]
fn examples() {
    assert_eq!(minors(&inr(100).split(3).unwrap()), [34, 33, 33]);
    assert_eq!(minors(&inr(-100).split(3).unwrap()), [-34, -33, -33]);
    assert_eq!(minors(&inr(2).split(3).unwrap()), [1, 1, 0]);
    assert_eq!(minors(&inr(0).split(2).unwrap()), [0, 0]);
    assert_eq!(minors(&inr(5).allocate(&[1, 1]).unwrap()), [3, 2]);
    // The largest remainder gets the unit, not the first: 0.5, 1.5, 8.0 of 10 with ties by place.
    assert_eq!(minors(&inr(10).allocate(&[1, 3, 16]).unwrap()), [1, 1, 8]);
    assert_eq!(minors(&inr(10).allocate(&[7, 12]).unwrap()), [4, 6]);
    assert_eq!(minors(&inr(1).allocate(&[1, 2]).unwrap()), [0, 1]);
    assert_eq!(minors(&inr(7).allocate(&[0, 3, 0]).unwrap()), [0, 7, 0]);
}

#[test]
fn extremes() {
    let whole = inr(i64::MIN);
    assert_eq!(minors(&whole.split(1).unwrap()), [i64::MIN]);
    assert_eq!(minors(&whole.split(2).unwrap()), [i64::MIN / 2, i64::MIN / 2]);
    assert_eq!(
        minors(&inr(i64::MAX).allocate(&[u64::MAX, u64::MAX]).unwrap()),
        [i64::MAX / 2 + 1, i64::MAX / 2]
    );
    let many = inr(-1).allocate(&vec![u64::MAX; Money::MAX_SHARES]).unwrap();
    assert_eq!((many.len(), many[0].minor(), many[9_999].minor()), (10_000, -1, 0));
}

#[test]
fn nobody_and_too_many() {
    assert_eq!(inr(1).split(0), Err(MoneyError::NoShares));
    assert_eq!(inr(1).allocate(&[]), Err(MoneyError::NoShares));
    assert_eq!(inr(1).allocate(&[0, 0]), Err(MoneyError::NoShares));
    assert_eq!(inr(1).split(Money::MAX_SHARES + 1), Err(MoneyError::TooManyShares));
    assert_eq!(inr(1).split(usize::MAX), Err(MoneyError::TooManyShares));
    assert_eq!(inr(1).allocate(&vec![0; 10_001]), Err(MoneyError::TooManyShares));
}

fn any_weights() -> impl Strategy<Value = Vec<u64>> {
    let weight = prop_oneof![2 => 0_u64..10, 2 => 0_u64..1_000_000, 1 => any::<u64>()];
    proptest::collection::vec(weight, 1..40)
        .prop_filter("one weight counts", |weights| weights.iter().any(|weight| *weight > 0))
}

proptest! {
    #[test]
    fn no_unit_is_lost_and_each_share_is_fair(minor in any_minor(), weights in any_weights()) {
        let shares = inr(minor).allocate(&weights).unwrap();
        prop_assert_eq!(shares.len(), weights.len());
        prop_assert!(shares.iter().all(|share| share.currency() == Currency::INR));
        let sum: i128 = shares.iter().map(|share| i128::from(share.minor())).sum();
        prop_assert_eq!(sum, i128::from(minor));

        let total: u128 = weights.iter().copied().map(u128::from).sum();
        let whole = u128::from(minor.unsigned_abs());
        for (share, weight) in shares.iter().zip(&weights) {
            prop_assert!(share.minor() == 0 || (share.minor() < 0) == (minor < 0));
            // The exact share lies between floor and floor + 1; so must the share.
            let floor = whole * u128::from(*weight) / total;
            let exact = whole * u128::from(*weight) % total == 0;
            let magnitude = u128::from(share.minor().unsigned_abs());
            prop_assert!(magnitude == floor || (!exact && magnitude == floor + 1));
        }
    }

    #[test]
    fn the_spare_units_go_to_the_largest_remainders(minor in 0..i64::MAX, weights in any_weights()) {
        let total: u128 = weights.iter().copied().map(u128::from).sum();
        let product = |weight: u64| u128::from(minor.unsigned_abs()) * u128::from(weight);
        let shares = inr(minor).allocate(&weights).unwrap();
        let parts: Vec<_> = shares
            .iter()
            .zip(&weights)
            .map(|(share, weight)| {
                let floor = product(*weight) / total;
                (u128::from(share.minor().unsigned_abs()) > floor, product(*weight) % total)
            })
            .collect();
        for (place, (raised, remainder)) in parts.iter().enumerate() {
            for (later, other) in &parts[place + 1..] {
                prop_assert!(!later || *raised || other > remainder);
                prop_assert!(!raised || *later || remainder >= other);
            }
        }
    }

    #[test]
    fn equal_parts_differ_by_one_unit(minor in any_minor(), parts in 1_usize..200) {
        let shares = minors(&inr(minor).split(parts).unwrap());
        prop_assert_eq!(shares.iter().copied().map(i128::from).sum::<i128>(), i128::from(minor));
        let magnitudes: Vec<_> = shares.iter().map(|share| share.unsigned_abs()).collect();
        prop_assert!(magnitudes.is_sorted_by(|a, b| a >= b));
        prop_assert!(magnitudes[0] - magnitudes[parts - 1] <= 1);
    }

    #[test]
    fn a_negative_whole_mirrors_the_positive(minor in 1..=i64::MAX, weights in any_weights()) {
        let positive = minors(&inr(minor).allocate(&weights).unwrap());
        let negative = minors(&inr(-minor).allocate(&weights).unwrap());
        prop_assert_eq!(positive, negative.iter().map(|share| -share).collect::<Vec<_>>());
    }
}
