//! What was added is found, whatever else was; what was not is seldom.

use money::Rng;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

proptest! {
    /// Also where all fingerprints crowd in one place, or are the same.
    #[test]
    fn what_was_added_is_found(
        runs in vec(vec(prop_oneof![any::<u32>(), 0..20_u32, (u32::MAX - 9)..], 0..60), 1..8),
        others in vec(prop_oneof![any::<u32>(), 0..40_u32], 0..60),
    ) {
        let mut group = Group::before(3);
        for run in &runs {
            let mut sorted = run.clone();
            sorted.sort_unstable();
            group.add(&sorted);
        }
        prop_assert_eq!(group.runs().start, 3);
        prop_assert_eq!(group.runs().count(), runs.len());
        let all: Vec<u32> = runs.concat();
        prop_assert!(all.iter().all(|fingerprint| group.may_hold(*fingerprint)));
        // All 32 bits are kept, so nothing else is found either.
        for other in others {
            prop_assert_eq!(group.may_hold(other), all.contains(&other));
        }
    }

    #[test]
    fn bytes_come_back(mut found in vec(any::<u32>(), 0..40)) {
        found.sort_unstable();
        prop_assert_eq!(from_bytes(&to_bytes(&found)), Some(found));
    }
}

#[test]
fn bytes_that_are_cut_or_mixed_are_refused() {
    assert_eq!(from_bytes(&[0, 0, 0, 1, 0]), None);
    assert_eq!(from_bytes(&[0, 0, 0, 2, 0, 0, 0, 1]), None);
}

#[test]
fn keys_that_clients_choose_spread() {
    // The first six bytes are the client's.
    let same = |n: u8| fingerprint(&[9, 9, 9, 9, 9, 9, 1, 2, 3, n, 5, 5, 5, 5, 5, 5]);
    assert_eq!(same(4), 0x0102_0304);
    assert_ne!(same(4), same(5));
}

#[test]
fn strangers_are_seldom_found() {
    let rng = Rng::seeded(5);
    let mut sorted: Vec<u32> = (0..65_536).map(|_| u32::from_be_bytes(rng.bytes())).collect();
    sorted.sort_unstable();
    let mut group = Group::before(0);
    group.add(&sorted);
    let found = (0..100_000).filter(|_| group.may_hold(u32::from_be_bytes(rng.bytes()))).count();
    // 65,536 ÷ 2³² of them, 1.5, are expected.
    assert!(found < 15, "{found}");
}
