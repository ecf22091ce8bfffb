//! What `fingerprint` promises.

use super::*;
use std::collections::HashSet;

const ONE: MerchantId = MerchantId::from_bytes([1; 16]);
const OTHER: MerchantId = MerchantId::from_bytes([2; 16]);

fn number(text: &str) -> Number {
    Number::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn equal_numbers_of_one_merchant_are_equal() {
    let key = FingerprintKey::new(&[7; 32]);
    let expected = key.of(ONE, &number("4242424242424242"));
    assert_eq!(key.of(ONE, &number("4242 4242 4242 4242")), expected);
    assert_eq!(FingerprintKey::new(&[7; 32]).of(ONE, &number("4242424242424242")), expected);
}

// PCI DSS 3.5.1.1: the hash of a number is keyed: under another key, or for another merchant, it is another.
#[test]
fn numbers_merchants_and_keys_tell_fingerprints_apart() {
    let mut seen = HashSet::new();
    for key in [FingerprintKey::new(&[7; 32]), FingerprintKey::new(&[8; 32])] {
        for merchant in [ONE, OTHER] {
            for text in ["4242424242424242", "4000056655665556", "0000000000000", "00000000000000"]
            {
                assert!(seen.insert(key.of(merchant, &number(text))), "{text}");
            }
        }
    }
    assert_eq!(seen.len(), 16);
}

/// An independent HMAC of the same parts: the stored fingerprints of a bank must not change.
#[test]
fn it_is_an_hmac_of_merchant_and_digits() {
    use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
    let derived = sign(&Key::new(HMAC_SHA256, &[7; 32]), b"exchequer.v1.card.fingerprint:\x01");
    let expected = sign(
        &Key::new(HMAC_SHA256, derived.as_ref()),
        &[&[1; 16][..], b"4242424242424242"].concat(),
    );
    let key = FingerprintKey::new(&[7; 32]);
    assert_eq!(key.of(ONE, &number("4242424242424242")), expected.as_ref());
}
