//! What `sealing` promises.

use super::*;
use crate::SecretBytes;
use money::Rng;
use proptest::prelude::*;

const PLACE: Place<'static> = Place { table: "customers", column: "phone", row: b"cus_1" };

fn sealer(active: u32, others: &[u32]) -> Sealer {
    let key = |version: u32| {
        let bytes = crate::sha256(&version.to_be_bytes());
        SealingKey { version, keys: CipherKeys::new(&bytes).unwrap(), sealings: 0 }
    };
    Sealer::new(key(active), others.iter().copied().map(key).collect())
}

fn refusal(opened: Result<SecretBytes, SealError>) -> SealError {
    opened.err().expect("this opened")
}

#[test]
fn the_layout_is_as_documented() {
    let sealed = sealer(0x0102_0304, &[]).seal(&Rng::System, &PLACE, b"+919876543210").unwrap();
    assert_eq!(sealed[..5], [1, 1, 2, 3, 4]);
    assert_eq!(sealed.len(), 33 + 13);
    assert_eq!(sealed_with(&sealed), Ok(0x0102_0304));
    assert!(!sealed.windows(4).any(|window| b"+919876543210".windows(4).any(|w| w == window)));
}

// ASVS 11.3.4: each sealing has a nonce of its own.
#[test]
fn the_same_value_is_sealed_differently_each_time() {
    let sealer = sealer(1, &[]);
    let first = sealer.seal(&Rng::System, &PLACE, b"same").unwrap();
    assert_ne!(first, sealer.seal(&Rng::System, &PLACE, b"same").unwrap());
}

// PCI DSS 6.2.4: a sealed value that was tampered with does not open.
// ASVS 11.2.5, 11.3.3: what was changed does not open: an error, and nothing of the value.
#[test]
fn every_changed_byte_is_noticed() {
    for cipher in Cipher::ALL {
        let mut sealer = sealer(1, &[2]);
        sealer.seal_with(cipher);
        let sealed = sealer.seal(&Rng::System, &PLACE, b"+919876543210").unwrap();
        for at in 0..sealed.len() {
            for flip in 1..=255 {
                let mut changed = sealed.clone();
                changed[at] ^= flip;
                let found = refusal(sealer.open(&PLACE, &changed));
                // The other version, or the other cipher.
                let relabelled = flip == 3 && (at == 4 || at == 0);
                match at {
                    0 if !relabelled => {
                        assert_eq!(found, SealError::UnknownFormat { format: changed[0] });
                    }
                    1..5 if !relabelled => assert!(matches!(found, SealError::UnknownKey { .. })),
                    _ => assert_eq!(found, SealError::NotAuthentic, "{flip} at {at}"),
                }
            }
        }
    }
}

// ASVS 11.2.2: what one cipher has sealed opens while the other seals, under keys that are not the same.
#[test]
fn one_cipher_seals_and_both_open() {
    let mut sealer = sealer(1, &[]);
    let first = sealer.seal(&Rng::System, &PLACE, b"of AES").unwrap();
    sealer.seal_with(Cipher::ChaCha20Poly1305);
    let second = sealer.seal(&Rng::System, &PLACE, b"of ChaCha").unwrap();
    assert_eq!(
        (first[..5].to_vec(), second[..5].to_vec()),
        (vec![1, 0, 0, 0, 1], vec![2, 0, 0, 0, 1])
    );
    assert_eq!(sealer.open(&PLACE, &first).ok().unwrap().expose(), b"of AES");
    assert_eq!(sealer.open(&PLACE, &second).ok().unwrap().expose(), b"of ChaCha");
    let bytes = crate::sha256(&1_u32.to_be_bytes());
    let of_the_data_key = aead::key(Cipher::ChaCha20Poly1305, &bytes).unwrap();
    let context = PLACE.context().unwrap();
    assert!(aead::open(&of_the_data_key, &second[..5], &context, &second[5..]).is_err());
}

#[test]
fn every_truncation_and_extension_is_noticed() {
    let sealer = sealer(1, &[]);
    let sealed = sealer.seal(&Rng::System, &PLACE, b"+919876543210").unwrap();
    for len in 0..sealed.len() {
        let found = refusal(sealer.open(&PLACE, &sealed[..len]));
        let expected = if len < 33 { SealError::Truncated } else { SealError::NotAuthentic };
        assert_eq!(found, expected, "{len}");
    }
    let extended = [&sealed[..], &[0]].concat();
    assert_eq!(refusal(sealer.open(&PLACE, &extended)), SealError::NotAuthentic);
}

/// PCI DSS 4.0.1, 3.5.1, 3.7.7.
#[test]
fn a_value_moved_elsewhere_does_not_open() {
    let sealer = sealer(1, &[]);
    let sealed = sealer.seal(&Rng::System, &PLACE, b"+919876543210").unwrap();
    assert_eq!(sealer.open(&PLACE, &sealed).ok().unwrap().expose(), b"+919876543210");
    for elsewhere in [
        Place { row: b"cus_2", ..PLACE },
        Place { row: b"", ..PLACE },
        Place { row: b"cus_1\0", ..PLACE },
        Place { column: "email", ..PLACE },
        Place { table: "staff", ..PLACE },
        // The same letters, cut elsewhere.
        Place { table: "customersp", column: "hone", ..PLACE },
        Place { column: "phonecus", row: b"_1", ..PLACE },
    ] {
        assert_eq!(refusal(sealer.open(&elsewhere, &sealed)), SealError::NotAuthentic);
    }
}

#[test]
fn an_older_version_opens_and_only_the_active_one_seals() {
    let old = sealer(1, &[]).seal(&Rng::System, &PLACE, b"old").unwrap();
    let rotated = sealer(2, &[1]);
    assert_eq!(rotated.open(&PLACE, &old).ok().unwrap().expose(), b"old");
    let new = rotated.seal(&Rng::System, &PLACE, b"new").unwrap();
    assert_eq!(sealed_with(&new), Ok(2));
    assert_eq!(refusal(sealer(1, &[]).open(&PLACE, &new)), SealError::UnknownKey { version: 2 });
}

#[test]
fn lengths_are_bounded() {
    let sealer = sealer(1, &[]);
    let longest = vec![7; MAX_SEALED_PLAINTEXT];
    let sealed = sealer.seal(&Rng::System, &PLACE, &longest).unwrap();
    assert!(sealer.open(&PLACE, &sealed).ok().unwrap().expose() == longest);
    let longer = vec![7; MAX_SEALED_PLAINTEXT + 1];
    assert_eq!(sealer.seal(&Rng::System, &PLACE, &longer), Err(SealError::PlaintextTooLong));
    let found = refusal(sealer.open(&PLACE, &vec![1; MAX_SEALED_PLAINTEXT + 34]));
    assert_eq!(found, SealError::PlaintextTooLong);

    let row = [b'r'; 256];
    let longest_row = Place { row: &row[..255], ..PLACE };
    let sealed = sealer.seal(&Rng::System, &longest_row, b"x").unwrap();
    assert!(sealer.open(&longest_row, &sealed).is_ok());
    let too_long = Place { row: &row, ..PLACE };
    assert_eq!(sealer.seal(&Rng::System, &too_long, b"x"), Err(SealError::PlaceTooLong));
    assert_eq!(refusal(sealer.open(&too_long, &sealed)), SealError::PlaceTooLong);
}

// ASVS 11.3.4: a key stops before random nonces are likely to meet.
#[test]
fn a_key_seals_as_often_as_it_may_and_then_refuses() {
    let sealer = sealer(1, &[]);
    let seal = || sealer.seal(&Rng::System, &PLACE, b"x");
    sealer.learn_uses(1, REFUSED_AFTER - 2);
    let last = [seal().unwrap(), seal().unwrap()];
    assert_eq!(seal(), Err(SealError::UsedUp { version: 1 }));
    assert!(last.iter().all(|sealed| sealer.open(&PLACE, sealed).is_ok()));
    // Telling them takes none of them back.
    assert_eq!(sealer.take_uses(), (1, 3));
    assert_eq!(sealer.take_uses(), (1, 0));
    assert_eq!(seal(), Err(SealError::UsedUp { version: 1 }));
    // Another version has a count of its own.
    sealer.learn_uses(2, 0);
    assert_eq!(seal(), Err(SealError::UsedUp { version: 1 }));
    sealer.learn_uses(1, 0);
    assert!(seal().is_ok());
}

proptest! {
    #[test]
    fn what_was_sealed_opens(
        plaintext: Vec<u8>,
        row in prop::collection::vec(any::<u8>(), 0..=255),
    ) {
        let sealer = sealer(7, &[]);
        let place = Place { row: &row, ..PLACE };
        let sealed = sealer.seal(&Rng::System, &place, &plaintext).unwrap();
        prop_assert_eq!(sealed.len(), plaintext.len() + 33);
        let opened = sealer.open(&place, &sealed).ok().unwrap();
        prop_assert_eq!(opened.expose(), &plaintext[..]);
    }

    #[test]
    fn nothing_that_was_not_sealed_opens(sealed: Vec<u8>) {
        let sealer = sealer(0, &[1, 2, 3]);
        prop_assert!(sealer.open(&PLACE, &sealed).is_err());
        for cipher in Cipher::ALL {
            let labelled = [&header(cipher, 1)[..], &sealed].concat();
            prop_assert!(sealer.open(&PLACE, &labelled).is_err());
        }
    }
}
