//! What `master` promises.

use super::*;
use money::Rng;
use proptest::prelude::*;

fn key(seed: u64) -> MasterKey {
    MasterKey::generate(&Rng::seeded(seed)).ok().unwrap()
}

fn refusal(file: &str) -> MasterKeyError {
    MasterKey::parse(file).err().expect("this file is accepted")
}

fn file_of(bytes: [u8; 32]) -> String {
    MasterKey { bytes }.to_file().expose().to_owned()
}

#[test]
fn a_file_gives_the_same_key_back() {
    let made = MasterKey::generate(&Rng::System).ok().unwrap();
    let file = made.to_file();
    assert_eq!(file.expose().lines().count(), 1);
    let read = MasterKey::parse(file.expose()).ok().unwrap();
    assert_eq!(read.bytes, made.bytes);
    assert_eq!(read.id(), made.id());
    let spaced = format!("\n  {}\r\n", file.expose().trim());
    assert_eq!(MasterKey::parse(&spaced).ok().unwrap().bytes, made.bytes);
}

#[test]
fn every_truncation_is_refused() {
    let file = key(1).to_file();
    let line = file.expose().trim();
    for len in 0..line.len() {
        MasterKey::parse(&line[..len]).err().expect("a file cut short is accepted");
    }
}

#[test]
fn every_mistyped_character_is_refused() {
    let file = key(2).to_file();
    let line = file.expose().trim().as_bytes();
    for at in 0..line.len() {
        for typed in [b'A', b'z', b'0', b'-', b':', b' ', b'\n', line[at] ^ 0x20] {
            if typed != line[at] {
                let mut wrong = line.to_vec();
                wrong[at] = typed;
                let wrong = String::from_utf8(wrong).unwrap();
                assert!(MasterKey::parse(&wrong).is_err(), "{typed} at {at}");
            }
        }
    }
}

#[test]
fn what_is_wrong_is_told_apart() {
    let file = key(3).to_file();
    let line = file.expose().trim();
    let (most, check) = line.rsplit_once(':').unwrap();
    assert_eq!(refusal(""), MasterKeyError::NotAMasterKey);
    assert_eq!(refusal("-----BEGIN PRIVATE KEY-----"), MasterKeyError::NotAMasterKey);
    assert_eq!(refusal(&line.replace("-1:", "-2:")), MasterKeyError::NotAMasterKey);
    assert_eq!(refusal(most), MasterKeyError::Malformed);
    assert_eq!(refusal(&format!("{FILE_PREFIX}short:{check}")), MasterKeyError::Malformed);
    assert_eq!(refusal(&format!("{line}:{line}")), MasterKeyError::Checksum);
    assert_eq!(refusal(&format!("{most}:AAAAAA")), MasterKeyError::Checksum);
    let other = key(4).to_file();
    let (other, _) = other.expose().trim().rsplit_once(':').unwrap();
    assert_eq!(refusal(&format!("{other}:{check}")), MasterKeyError::Checksum);
}

// PCI DSS 3.7.1: a master key that nobody drew at random is refused.
// ASVS 11.2.3: a master key has 256 bits, and one that was not drawn is refused.
#[test]
fn weak_keys_are_refused_from_a_file() {
    let mut counting = [0; 32];
    let mut backwards = [0; 32];
    let mut pattern = [0; 32];
    for (n, at) in (0_u8..).zip(0..32) {
        counting[at] = n;
        backwards[at] = 200_u8.wrapping_sub(n.wrapping_mul(3));
        pattern[at] = b"changeme"[at % 8];
    }
    for weak in [[0; 32], [0xff; 32], [7; 32], counting, backwards, pattern] {
        assert_eq!(refusal(&file_of(weak)), MasterKeyError::Weak, "{weak:?}");
    }
}

#[test]
fn the_id_is_of_the_key_and_not_part_of_it() {
    let made = key(5);
    assert_eq!(made.id(), key(5).id());
    assert_ne!(made.id(), key(6).id());
    assert!(!made.bytes.windows(MASTER_KEY_ID_LEN).any(|window| window == made.id()));
    let file = made.to_file();
    assert!(!file.expose().contains(&BASE64URL_NOPAD.encode(&made.id())));
}

proptest! {
    #[test]
    fn random_keys_are_strong_and_come_back(seed: u64) {
        let made = key(seed);
        let read = MasterKey::parse(made.to_file().expose()).ok().unwrap();
        prop_assert_eq!(read.bytes, made.bytes);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,120}", check in "[A-Za-z0-9_:-]{0,60}") {
        prop_assert!(MasterKey::parse(&text).is_err());
        let file = format!("{FILE_PREFIX}{check}");
        prop_assert!(MasterKey::parse(&file).is_err());
    }
}
