//! What `ff1` promises.

use super::*;
use data_encoding::HEXUPPER;
use proptest::prelude::*;

const KEY_128: &str = "2B7E151628AED2A6ABF7158809CF4F3C";
const KEY_192: &str = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F";
const KEY_256: &str = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94";

const TWEAK: &[u8] = b"9876543210";
const TWEAK_36: &[u8] = b"7777pqrs777";

fn ff1(key: &str, radix: u8) -> Ff1 {
    Ff1::new(&HEXUPPER.decode(key.as_bytes()).unwrap(), radix).ok().unwrap()
}

fn values(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c.to_digit(36).unwrap()).unwrap()).collect()
}

fn text(values: &[u8]) -> String {
    values.iter().map(|value| char::from_digit(u32::from(*value), 36).unwrap()).collect()
}

/// The nine samples that NIST publishes with SP 800-38G ("FF1samples").
#[test]
fn nist_samples() {
    for (key, radix, tweak, plain, expected) in [
        (KEY_128, 10, &b""[..], "0123456789", "2433477484"),
        (KEY_128, 10, TWEAK, "0123456789", "6124200773"),
        (KEY_128, 36, TWEAK_36, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
        (KEY_192, 10, b"", "0123456789", "2830668132"),
        (KEY_192, 10, TWEAK, "0123456789", "2496655549"),
        (KEY_192, 36, TWEAK_36, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
        (KEY_256, 10, b"", "0123456789", "6657667009"),
        (KEY_256, 10, TWEAK, "0123456789", "1001623463"),
        (KEY_256, 36, TWEAK_36, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
    ] {
        let ff1 = ff1(key, radix);
        let mut digits = values(plain);
        ff1.encrypt(tweak, &mut digits).unwrap();
        assert_eq!(text(&digits), expected);
        ff1.decrypt(tweak, &mut digits).unwrap();
        assert_eq!(text(&digits), plain);
    }
}

#[test]
fn keys_and_radixes_that_are_none_are_refused() {
    for radix in [0, 1, 37, 255] {
        assert_eq!(Ff1::new(&[0; 32], radix).err(), Some(Ff1Error::Radix));
    }
    for length in [0, 1, 15, 17, 23, 25, 31, 33, 64] {
        assert_eq!(Ff1::new(&vec![0; length], 10).err(), Some(Ff1Error::Key), "{length}");
        assert_eq!(Ff1::new(&vec![0; length], 1).err(), Some(Ff1Error::Radix), "{length}");
    }
}

#[test]
fn what_is_refused_is_left_as_it_was() {
    let ff1 = ff1(KEY_256, 10);
    let long = [0; MAX_TWEAK_BYTES + 1];
    for (tweak, digits, expected) in [
        (&long[..], &[10; 5][..], Ff1Error::Tweak),
        (b"", &[], Ff1Error::Length),
        (b"", &[1], Ff1Error::Length),
        (b"", &[10; 5], Ff1Error::Length),
        (b"", &[10; MAX_DIGITS + 1], Ff1Error::Length),
        (b"", &[10; 6], Ff1Error::Digit),
        (b"", &[0, 0, 0, 0, 0, 255], Ff1Error::Digit),
        (b"", &[b'0'; 16], Ff1Error::Digit),
    ] {
        let mut changed = digits.to_vec();
        assert_eq!(ff1.encrypt(tweak, &mut changed), Err(expected));
        assert_eq!(ff1.decrypt(tweak, &mut changed), Err(expected));
        assert_eq!(changed, digits);
    }
    let mut huge = vec![0; 1_000_000];
    assert_eq!(ff1.encrypt(b"", &mut huge), Err(Ff1Error::Length));
    assert_eq!(ff1.encrypt(&huge, &mut [0; 16]), Err(Ff1Error::Tweak));
}

#[test]
fn a_million_strings_are_the_least() {
    for (radix, shortest) in [(2, 20), (3, 13), (10, 6), (31, 5), (32, 4), (36, 4)] {
        let ff1 = ff1(KEY_256, radix);
        assert_eq!(ff1.encrypt(b"", &mut vec![0; shortest - 1]), Err(Ff1Error::Length));
        assert_eq!(ff1.encrypt(b"", &mut vec![0; shortest]), Ok(()));
    }
}

#[test]
fn every_bit_of_the_tweak_counts_and_so_does_its_length() {
    let ff1 = ff1(KEY_256, 10);
    let encrypted = |tweak: &[u8]| {
        let mut digits = vec![0; 19];
        ff1.encrypt(tweak, &mut digits).unwrap();
        digits
    };
    let mut seen: Vec<Vec<u8>> =
        (0..=MAX_TWEAK_BYTES).map(|len| encrypted(&vec![0; len])).collect();
    for bit in 0..MAX_TWEAK_BYTES * 8 {
        let mut tweak = [0; MAX_TWEAK_BYTES];
        tweak[bit / 8] = 1 << (bit % 8);
        seen.push(encrypted(&tweak));
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
}

fn key_and_string() -> impl Strategy<Value = (Vec<u8>, u8, Vec<u8>, Vec<u8>)> {
    let key = prop::sample::select(vec![16_usize, 24, 32])
        .prop_flat_map(|len| prop::collection::vec(any::<u8>(), len));
    let tweak = prop::collection::vec(any::<u8>(), 0..=MAX_TWEAK_BYTES);
    (key, 2_u8..=36, tweak).prop_flat_map(|(key, radix, tweak)| {
        let shortest = (2_u32..=20).find(|len| u64::from(radix).pow(*len) >= 1_000_000).unwrap();
        let shortest = usize::try_from(shortest).unwrap();
        let digits = prop::collection::vec(0..radix, shortest..=MAX_DIGITS);
        (Just(key), Just(radix), Just(tweak), digits)
    })
}

proptest! {
    #[test]
    fn what_was_encrypted_decrypts((key, radix, tweak, digits) in key_and_string()) {
        let ff1 = Ff1::new(&key, radix).ok().unwrap();
        let mut changed = digits.clone();
        ff1.encrypt(&tweak, &mut changed).unwrap();
        prop_assert_eq!(changed.len(), digits.len());
        prop_assert!(changed.iter().all(|digit| *digit < radix));
        let encrypted = changed.clone();
        ff1.decrypt(&tweak, &mut changed).unwrap();
        prop_assert_eq!(&changed, &digits);
        // It is a permutation: the way back is as good a beginning.
        ff1.decrypt(&tweak, &mut changed).unwrap();
        ff1.encrypt(&tweak, &mut changed).unwrap();
        prop_assert_eq!(&changed, &digits);
        ff1.encrypt(&tweak, &mut changed).unwrap();
        prop_assert_eq!(&changed, &encrypted);
    }
}
