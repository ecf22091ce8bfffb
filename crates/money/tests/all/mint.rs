use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;

use money::kind::{Account, Event, Transfer};
use money::{Clock, IdMint, Rng, Timestamp};
use proptest::prelude::*;

fn millis_of(bytes: &[u8; 16]) -> i64 {
    let mut wide = [0; 8];
    wide[2..].copy_from_slice(&bytes[..6]);
    i64::from_be_bytes(wide)
}

/// RFC 9562 §5.7: version 7 in the high half of byte 6, variant 10 in the top bits of byte 8.
fn is_version_7(bytes: &[u8; 16]) -> bool {
    bytes[6] >> 4 == 7 && bytes[8] >> 6 == 0b10
}

#[test]
fn an_id_carries_its_millisecond() {
    let mint = IdMint::new(Rng::System);
    // The time of RFC 9562 appendix A.6: 017F22E2-79B0-7….
    let id = mint.mint::<Account>(Timestamp::from_micros(1_645_557_742_000_999));
    assert_eq!(id.bytes()[..6], [0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0]);
    assert!(is_version_7(id.bytes()));
    let last = mint.mint::<Account>(Timestamp::MAX);
    assert_eq!(millis_of(last.bytes()), Timestamp::MAX.millis());
}

#[test]
fn before_1970_counts_as_1970() {
    let mint = IdMint::new(Rng::seeded(1));
    let (a, b) = (mint.mint::<Account>(Timestamp::MIN), mint.mint::<Account>(Timestamp::EPOCH));
    assert!(a < b);
    assert_eq!((millis_of(a.bytes()), millis_of(b.bytes())), (0, 0));
}

#[test]
fn the_first_id_is_random_also_at_the_epoch() {
    let first = |seed| IdMint::new(Rng::seeded(seed)).mint::<Account>(Timestamp::EPOCH);
    let distinct: HashSet<_> = (0..100).map(|seed| first(seed).bytes()[8..].to_vec()).collect();
    assert_eq!(distinct.len(), 100);
}

#[test]
fn all_random_bits_are_used() {
    let mint = IdMint::new(Rng::seeded(5));
    let (mut ones, mut zeros) = (0_u128, 0_u128);
    for second in 1..200 {
        let id = mint.mint::<Account>(Timestamp::from_seconds(second));
        let value = u128::from_be_bytes(*id.bytes());
        ones |= value;
        zeros |= !value;
    }
    let random = (0xfff << 64) | ((1_u128 << 62) - 1);
    assert_eq!((ones & random, zeros & random), (random, random));
}

#[test]
fn many_in_one_millisecond_rise_and_stay_in_it() {
    let mint = IdMint::new(Rng::System);
    let now = Timestamp::from_seconds(1_800_000_000);
    let ids: Vec<_> = (0..20_000).map(|_| mint.mint::<Transfer>(now)).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert!(ids.iter().all(|id| is_version_7(id.bytes())));
    assert!(ids.iter().all(|id| millis_of(id.bytes()) == now.millis()));
    let steps: HashSet<_> = ids
        .windows(2)
        .map(|pair| u128::from_be_bytes(*pair[1].bytes()) - u128::from_be_bytes(*pair[0].bytes()))
        .collect();
    assert!(steps.len() > 19_900, "the steps are not random: {} differ", steps.len());
}

/// The seed makes the word for the first step 0 (SplitMix64 can be run backwards).
#[test]
fn a_step_is_never_zero() {
    let mint = IdMint::new(Rng::seeded(0xcd7b_8074_699c_ce2a));
    let pair = [Timestamp::EPOCH; 2].map(|now| *mint.mint::<Account>(now).bytes());
    let [first, second] = pair.map(u128::from_be_bytes);
    assert_eq!(second - first, 1);
}

/// The seed makes the first id's random bits end 213 below their largest value.
#[test]
fn random_bits_that_run_out_borrow_a_millisecond() {
    let mint = IdMint::new(Rng::seeded(0xb46c_2ab9_9e34_8fda));
    let ids: Vec<_> = (0..3).map(|_| mint.mint::<Account>(Timestamp::EPOCH)).collect();
    assert_eq!(ids[0].bytes()[6..8], [0x7f, 0xff]);
    assert_eq!(ids[0].bytes()[8..], 0xbfff_ffff_ffff_ff2a_u64.to_be_bytes());
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert!(ids.iter().all(|id| is_version_7(id.bytes())));
    let millis: Vec<_> = ids.iter().map(|id| millis_of(id.bytes())).collect();
    assert_eq!(millis, [0, 1, 1]);
    // The clock reaches the borrowed millisecond: still the same one, still rising.
    let next = mint.mint::<Account>(Timestamp::from_micros(1_000));
    assert!(next > ids[2] && millis_of(next.bytes()) == 1);
}

#[test]
fn kinds_share_one_order() {
    let mint = IdMint::new(Rng::seeded(2));
    let account = mint.mint::<Account>(Timestamp::EPOCH);
    let event = mint.mint::<Event>(Timestamp::EPOCH);
    assert!(account.bytes() < event.bytes());
}

#[test]
fn a_clock_set_back_does_not_repeat_or_fall() {
    let (mint, clock) = (IdMint::new(Rng::System), Clock::manual(Timestamp::from_seconds(1_000)));
    let before = mint.mint::<Account>(clock.now());
    clock.advance_seconds(-500).unwrap();
    let behind: Vec<_> = (0..100).map(|_| mint.mint::<Account>(clock.now())).collect();
    assert!(before < behind[0] && behind.is_sorted_by(|a, b| a < b));
    assert_eq!(millis_of(behind[99].bytes()), 1_000_000);
    clock.set(Timestamp::from_seconds(1_001)).unwrap();
    let after = mint.mint::<Account>(clock.now());
    assert!(behind[99] < after);
    assert_eq!(millis_of(after.bytes()), 1_001_000);
}

/// Whoever asks later gets the greater id, on every thread, while the clock is set to and fro.
#[test]
fn threads_and_a_restless_clock() {
    const THREADS: usize = 8;
    const EACH: usize = 4_000;
    let (mint, clock) = (IdMint::new(Rng::System), Clock::manual(Timestamp::from_seconds(1_000)));
    let all = Mutex::new(HashSet::new());
    thread::scope(|scope| {
        for worker in 0..THREADS {
            let (mint, clock, all) = (&mint, &clock, &all);
            scope.spawn(move || {
                let ids: Vec<_> = (0..EACH)
                    .map(|turn| {
                        let back = if (turn + worker) % 3 == 0 { -1_500 } else { 1_000 };
                        clock.advance_micros(back).unwrap();
                        mint.mint::<Transfer>(clock.now())
                    })
                    .collect();
                assert!(ids.is_sorted_by(|a, b| a < b), "a thread saw its ids fall");
                all.lock().unwrap().extend(ids);
            });
        }
    });
    let all = all.into_inner().unwrap();
    assert_eq!(all.len(), THREADS * EACH, "an id came twice");
    let last = mint.mint::<Transfer>(Timestamp::EPOCH);
    assert!(all.iter().all(|id| *id < last));
}

#[test]
fn two_mints_do_not_collide() {
    let (a, b) = (IdMint::new(Rng::System), IdMint::new(Rng::System));
    let made: HashSet<_> = (0..5_000)
        .flat_map(|_| [a.mint::<Account>(Timestamp::EPOCH), b.mint::<Account>(Timestamp::EPOCH)])
        .collect();
    assert_eq!(made.len(), 10_000);
}

proptest! {
    #[test]
    fn ids_rise_for_any_history_of_the_clock(
        seed in any::<u64>(),
        times in proptest::collection::vec(
            prop_oneof![any::<i64>(), -5_000_i64..5_000, Just(0)], 1..200),
    ) {
        let mint = IdMint::new(Rng::seeded(seed));
        let mut latest = 0;
        let mut last = None;
        for micros in times {
            let now = Timestamp::from_micros(micros);
            let id = mint.mint::<Account>(now);
            latest = latest.max(now.millis());
            prop_assert!(Some(id) > last);
            prop_assert!(is_version_7(id.bytes()));
            prop_assert_eq!(millis_of(id.bytes()), latest);
            last = Some(id);
        }
    }
}
