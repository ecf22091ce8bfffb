use money::Rng;

/// SplitMix64 from seed 1234567, the values that its other implementations are checked with.
#[test]
fn the_seeded_sequence_is_splitmix64() {
    let bytes = Rng::seeded(1_234_567).bytes::<40>();
    let words: Vec<_> = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    assert_eq!(
        words,
        [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821
        ]
    );
}

#[test]
fn the_same_seed_gives_the_same_and_clones_share() {
    let (a, b) = (Rng::seeded(7), Rng::seeded(7));
    assert_eq!(a.bytes::<13>(), b.bytes::<13>());
    assert_ne!(Rng::seeded(7).bytes::<16>(), Rng::seeded(8).bytes::<16>());
    let clone = a.clone();
    assert_ne!(a.bytes::<16>(), clone.bytes::<16>(), "a clone repeats the sequence");
}

#[test]
fn every_byte_is_filled() {
    for rng in [Rng::System, Rng::seeded(1)] {
        for length in [1, 7, 8, 9, 33] {
            let mut ever_set = vec![0; length];
            for _ in 0..64 {
                let mut bytes = vec![0; length];
                rng.fill(&mut bytes);
                ever_set.iter_mut().zip(bytes).for_each(|(seen, byte)| *seen |= byte);
            }
            assert!(ever_set.iter().all(|seen| *seen != 0), "{rng:?} {length}");
        }
        rng.fill(&mut []);
    }
}

#[test]
fn the_system_does_not_repeat_itself() {
    assert_ne!(Rng::System.bytes::<32>(), Rng::System.bytes::<32>());
}

#[test]
fn below_is_below_and_even() {
    let rng = Rng::seeded(3);
    for n in [0, 1] {
        assert_eq!(rng.below(n), 0);
    }
    for n in [2, 3, 6, 10, 1_000] {
        let mut counts = vec![0_u32; usize::try_from(n).unwrap()];
        for _ in 0..n * 2_000 {
            counts[usize::try_from(rng.below(n)).unwrap()] += 1;
        }
        // 2,000 are expected; six standard deviations are 268.
        assert!(counts.iter().all(|count| count.abs_diff(2_000) < 268), "{n}: {counts:?}");
    }
}

/// `draw % n` would take the lower third of this range half of the time.
#[test]
fn below_has_no_modulo_bias() {
    let rng = Rng::seeded(4);
    let lower_third = (0..30_000).filter(|_| rng.below(3 << 30) < 1 << 30).count();
    assert!(lower_third.abs_diff(10_000) < 500, "{lower_third}");
    for _ in 0..1_000 {
        assert!(rng.below(u32::MAX) < u32::MAX);
    }
}

#[test]
fn debug_shows_no_state() {
    assert_eq!(format!("{:?} {:?}", Rng::System, Rng::seeded(99)), "Rng::System Rng::Seeded");
}
