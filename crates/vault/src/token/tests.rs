//! What `token` promises.

use super::*;
use data_encoding::HEXLOWER;
use std::collections::BTreeSet;

// ASVS 11.5.1: a token is 256 bits from the source of randomness.
#[test]
fn tokens_are_256_random_bits() {
    let tokens: BTreeSet<String> =
        (0..1000).map(|_| random_token(&Rng::System).expose().to_owned()).collect();
    assert_eq!(tokens.len(), 1000);
    for token in tokens {
        assert_eq!(token.len(), TOKEN_CHARS);
        assert_eq!(BASE64URL_NOPAD.decode(token.as_bytes()).unwrap().len(), 32);
    }
}

// ASVS 11.4.1, 11.4.3: tokens are kept as their SHA-256.
#[test]
fn the_hash_is_sha_256() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(HEXLOWER.encode(&token_hash("abc")), abc);
    assert_eq!(sha256(b"abc"), token_hash("abc"));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(HEXLOWER.encode(&sha256(b"")), empty);
}

#[test]
fn same_is_equal_in_length_and_content() {
    assert!(same_bytes(b"", b""));
    assert!(same_bytes(b"abc", b"abc"));
    assert!(!same_bytes(b"abc", b"abd"));
    assert!(!same_bytes(b"abc", b"ab"));
    assert!(!same_bytes(b"abc", b"abc\0"));
}
