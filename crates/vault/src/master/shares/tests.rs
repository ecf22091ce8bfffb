//! What `shares` promises.

use super::*;
use money::Rng;
use proptest::prelude::*;

fn key(seed: u64) -> MasterKey {
    MasterKey::generate(&Rng::seeded(seed)).ok().unwrap()
}

fn split(seed: u64, count: u8) -> Vec<KeyShare> {
    key(seed).split(&Rng::seeded(seed + 1_000), count).unwrap()
}

fn refusal(shares: &[KeyShare]) -> JoinError {
    MasterKey::join(shares).err().expect("these shares are accepted")
}

fn copy(share: &KeyShare) -> KeyShare {
    KeyShare::parse(share.to_file().expose()).unwrap()
}

fn chosen(shares: &[KeyShare], is_in: impl Fn(usize) -> bool) -> Vec<&KeyShare> {
    shares.iter().enumerate().filter(|(at, _)| is_in(*at)).map(|(_, share)| share).collect()
}

/// The bytes of some shares combined, as somebody would who has them.
fn combined(shares: &[&KeyShare]) -> [u8; 32] {
    let mut all = [0; 32];
    for share in shares {
        for (to, from) in all.iter_mut().zip(&share.bytes) {
            *to ^= from;
        }
    }
    all
}

// PCI DSS 3.7.6: a master key can be in shares, all of which are needed, each with a custodian of its own.
#[test]
fn all_shares_together_give_the_key_in_any_order() {
    let whole = key(1);
    for count in MIN_SHARES..=MAX_SHARES {
        let made = split(1, count);
        assert_eq!(made.len(), usize::from(count));
        let files: Vec<_> = made.iter().rev().map(KeyShare::to_file).collect();
        let read: Vec<_> =
            files.iter().map(|file| KeyShare::parse(file.expose()).unwrap()).collect();
        let joined = MasterKey::join(&read).unwrap_or_else(|error| panic!("{count}: {error:?}"));
        assert_eq!(joined.bytes, whole.bytes, "{count}");
        for left_out in 0..made.len() {
            let mut some: Vec<_> = made.iter().map(copy).collect();
            let number = some.remove(left_out).number;
            assert_eq!(refusal(&some), JoinError::Missing { number, count });
        }
    }
    assert_eq!(refusal(&[]), JoinError::Missing { number: 1, count: 2 });
}

// PCI DSS 3.7.6: whoever lacks one share knows nothing of the key: what the others give together is as random as if there
// were no key. Of one key split 2,000 times each bit of it is set as often as not, for whichever share is left out.
#[test]
fn all_shares_but_one_say_nothing_of_the_key() {
    const SPLITS: u32 = 2_000;
    let (whole, rng) = (key(2), Rng::seeded(3));
    for count in [2_u8, 3, 5] {
        let mut set = vec![[0_u32; 256]; usize::from(count)];
        // How often the others agree with the key itself in a bit: half of the times, too.
        let mut same = vec![[0_u32; 256]; usize::from(count)];
        for _ in 0..SPLITS {
            let shares = whole.split(&rng, count).unwrap();
            for left_out in 0..shares.len() {
                let bytes = combined(&chosen(&shares, |at| at != left_out));
                for bit in 0..256 {
                    let of = |bytes: &[u8; 32]| u32::from((bytes[bit / 8] >> (bit % 8)) & 1);
                    set[left_out][bit] += of(&bytes);
                    same[left_out][bit] += u32::from(of(&bytes) == of(&whole.bytes));
                }
            }
        }
        // Six standard deviations, of 22 each: by chance one bit in 10^9 is further off.
        for seen in set.iter().chain(&same).flatten() {
            assert!(seen.abs_diff(SPLITS / 2) < 135, "{seen} of {SPLITS}");
        }
    }
}

#[test]
fn no_share_and_no_combination_short_of_all_is_the_key() {
    let whole = key(4);
    let shares = split(4, 4);
    for some in 1..(1_usize << shares.len()) - 1 {
        let bytes = combined(&chosen(&shares, |at| (some >> at) & 1 == 1));
        assert_ne!(bytes, whole.bytes, "{some:b}");
    }
    let file = whole.to_file();
    let encoded = BASE64URL_NOPAD.encode(&whole.bytes);
    assert!(file.expose().contains(&encoded));
    for share in &shares {
        assert!(!share.to_file().expose().contains(&encoded));
    }
}

#[test]
fn a_share_that_does_not_belong_to_the_others_is_told_by_its_place() {
    let (ours, theirs) = (split(5, 3), split(6, 3));
    let again = key(5).split(&Rng::seeded(7), 3).unwrap();
    let more = key(5).split(&Rng::seeded(8), 4).unwrap();
    let mixed = |other: &[KeyShare]| [copy(&ours[0]), copy(&ours[1]), copy(&other[2])];
    assert_eq!(refusal(&mixed(&theirs)), JoinError::OtherKey { at: 2 });
    assert_eq!(refusal(&mixed(&again)), JoinError::OtherSet { at: 2 });
    assert_eq!(refusal(&mixed(&more)), JoinError::OtherSet { at: 2 });
    let twice = [copy(&ours[0]), copy(&ours[1]), copy(&ours[0])];
    assert_eq!(refusal(&twice), JoinError::Twice { at: 2, before: 0 });
    let mut all: Vec<_> = ours.iter().map(copy).collect();
    all.push(copy(&ours[1]));
    assert_eq!(refusal(&all), JoinError::Twice { at: 3, before: 1 });
}

// PCI DSS 3.7.7: a share that somebody made in the place of another gives no key.
#[test]
fn a_share_with_a_right_checksum_and_wrong_bytes_is_found_by_the_key_s_own_fingerprint() {
    let mut shares = split(9, 2);
    shares[0].bytes[17] ^= 1;
    let forged = [copy(&shares[0]), copy(&shares[1])];
    assert_eq!(refusal(&forged), JoinError::Mismatch);
}

#[test]
fn every_truncation_and_every_mistyped_character_of_a_share_is_refused() {
    let file = split(10, 2).swap_remove(1).to_file();
    let line = file.expose().trim();
    for len in 0..line.len() {
        assert!(KeyShare::parse(&line[..len]).is_err(), "{len}");
    }
    let bytes = line.as_bytes();
    for at in 0..bytes.len() {
        for typed in [b'A', b'z', b'0', b'1', b'-', b':', b'/', b' ', b'\n', bytes[at] ^ 0x20] {
            if typed != bytes[at] {
                let mut wrong = bytes.to_vec();
                wrong[at] = typed;
                let wrong = String::from_utf8(wrong).unwrap();
                assert!(KeyShare::parse(&wrong).is_err(), "{typed} at {at}");
            }
        }
    }
    let spaced = format!("\n  {line}\r\n");
    assert!(KeyShare::parse(&spaced).is_ok());
}

#[test]
fn what_is_wrong_with_a_share_is_told_apart() {
    let file = split(11, 2).swap_remove(0).to_file();
    let line = file.expose().trim();
    let refusal = |text: &str| KeyShare::parse(text).err().expect("this share is accepted");
    assert_eq!(refusal(""), ShareError::NotAShare);
    assert_eq!(refusal(key(11).to_file().expose()), ShareError::NotAShare);
    assert_eq!(MasterKey::parse(line).err(), Some(MasterKeyError::NotAMasterKey));
    assert_eq!(refusal(&line.replace("1:1/2", "1:+1/2")), ShareError::Malformed);
    for place in ["0/2", "3/2", "1/1", "1/9", "1", "1/2/2"] {
        let wrong = line.replace("1:1/2", &format!("1:{place}"));
        assert_eq!(refusal(&wrong), ShareError::Malformed, "{place}");
    }
    assert_eq!(refusal(&line.replace("1:1/2", "1:2/2")), ShareError::Checksum);
    let (most, _) = line.rsplit_once(':').unwrap();
    assert_eq!(refusal(&format!("{most}:AAAAAA")), ShareError::Checksum);
}

#[test]
fn a_key_has_two_to_eight_shares() {
    for count in [0, 1, 9, 255] {
        let refused = key(12).split(&Rng::seeded(1), count).err();
        assert_eq!(refused, Some(SplitError::Count), "{count}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,120}", rest in "[A-Za-z0-9_:/-]{0,120}") {
        prop_assert!(KeyShare::parse(&text).is_err());
        let file = format!("{SHARE_PREFIX}{rest}");
        prop_assert!(KeyShare::parse(&file).is_err());
    }

    #[test]
    fn whatever_key_and_count_come_back(seed: u64, count in MIN_SHARES..=MAX_SHARES) {
        let whole = key(seed);
        let shares = whole.split(&Rng::seeded(seed ^ 1), count).unwrap();
        prop_assert_eq!(MasterKey::join(&shares).ok().unwrap().bytes, whole.bytes);
    }
}
