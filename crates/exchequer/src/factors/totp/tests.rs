//! What `factors::totp` promises.

use super::*;

/// RFC 6238 appendix B, the rows of SHA-1.
const VECTORS: [(i64, &str); 6] = [
    (59, "94287082"),
    (1_111_111_109, "07081804"),
    (1_111_111_111, "14050471"),
    (1_234_567_890, "89005924"),
    (2_000_000_000, "69279037"),
    (20_000_000_000, "65353130"),
];
const SECRET: &[u8] = b"12345678901234567890";

fn secret() -> SecretString {
    SecretString::new(BASE32_NOPAD.encode(SECRET))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

#[test]
fn codes_are_those_of_rfc_6238() {
    for (seconds, expected) in VECTORS {
        assert_eq!(code(SECRET, step_of(at(seconds)), 8), expected, "{seconds}");
        assert_eq!(code_at(&secret(), at(seconds)).unwrap(), expected[2..], "{seconds}");
    }
}

/// RFC 4226 appendix D.
#[test]
fn codes_are_those_of_rfc_4226() {
    let expected = [
        "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
        "520489",
    ];
    for (count, expected) in (0..).zip(expected) {
        assert_eq!(code(SECRET, count, 6), expected);
    }
}

// ASVS 6.5.8: a code is compared with the bank's own clock.
#[test]
fn one_step_before_and_after_is_taken_and_no_more() {
    let present = 1_000_000;
    let now = at(present * STEP_SECONDS + 7);
    for (offset, wanted) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
        let given = code(SECRET, present + offset, DIGITS);
        let step = matching_step(&secret(), &given, now, 0);
        assert_eq!(step, wanted.then_some(present + offset), "{offset}");
    }
}

#[test]
fn a_step_that_was_accepted_is_not_taken_again_nor_is_an_older_one() {
    let present = 1_000_000;
    let now = at(present * STEP_SECONDS);
    let given = code(SECRET, present, DIGITS);
    assert_eq!(matching_step(&secret(), &given, now, present - 1), Some(present));
    assert_eq!(matching_step(&secret(), &given, now, present), None);
    let older = code(SECRET, present - 1, DIGITS);
    assert_eq!(matching_step(&secret(), &older, now, present), None);
}

#[test]
fn what_is_no_code_matches_nothing() {
    for given in ["", "0", "0000000", "abcdef", "28708 "] {
        assert_eq!(matching_step(&secret(), given, at(59), 0), None, "{given:?}");
    }
}

// RTS 23: a secret is drawn by the bank, long enough that nobody guesses it.
#[test]
fn a_new_secret_has_160_bits_and_is_not_the_last_one() {
    let rng = Rng::seeded(7);
    let (a, b) = (new_secret(&rng), new_secret(&rng));
    assert_eq!(decode(&a).unwrap().len(), SECRET_BYTES);
    assert!(a != b);
}

#[test]
fn the_key_uri_names_issuer_and_owner() {
    let uri = otpauth_uri(&secret(), "asha+1@example.com");
    let expected = "otpauth://totp/Exchequer:asha%2B1%40example.com?\
         secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Exchequer&algorithm=SHA1&digits=6&period=30";
    assert_eq!(uri.as_str(), expected);
}
