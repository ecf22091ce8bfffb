//! What the two schemes have in common.

use super::*;

#[test]
fn the_scheme_is_chosen_by_its_headers_and_never_guessed() {
    let of = |names: &[&str]| {
        let headers: Vec<Header<'_>> = names.iter().map(|name| (*name, &b"x"[..])).collect();
        scheme(&headers)
    };
    assert_eq!(of(&[]), Err(SchemeRefusal::Unsigned));
    assert_eq!(of(&["authorization", "x-nonce", "x-timestamp"]), Err(SchemeRefusal::Unsigned));
    assert_eq!(of(&["X-Signature", "authorization"]), Ok(Scheme::Hmac));
    assert_eq!(of(&["signature", "Signature-Input"]), Ok(Scheme::Message));
    assert_eq!(of(&["signature-input"]), Ok(Scheme::Message));
    assert_eq!(of(&["signature-input", "x-signature"]), Err(SchemeRefusal::Both));
    assert_eq!(of(&["signature", "x-signature"]), Err(SchemeRefusal::Both));
}

#[test]
fn authorization_names_one_key() {
    for (value, expected) in [
        ("Exchequer key_1", Some("key_1")),
        ("exchequer   key_1", Some("key_1")),
        ("EXCHEQUER key_1", Some("key_1")),
        ("Exchequer key_1 key_2", None),
        ("Exchequer", None),
        ("Exchequer ", None),
        ("Exchequer\tkey_1", None),
        ("Bearer key_1", None),
        ("Exchequerkey_1", None),
        ("Exchequer kéy", None),
        ("", None),
    ] {
        assert_eq!(key_of_authorization(value.as_bytes()), expected, "{value:?}");
    }
    assert_eq!(key_of_authorization(b"Exchequer key_\xff"), None);
    let longest = format!("Exchequer {}", "k".repeat(MAX_KEY_ID_CHARS));
    assert!(key_of_authorization(longest.as_bytes()).is_some());
    assert_eq!(key_of_authorization(format!("{longest}k").as_bytes()), None);
}

#[test]
fn time_is_compared_at_both_ends_without_overflow() {
    let now = Timestamp::from_seconds(1_000_000).plus_micros(999_999);
    for (created, expected) in [
        (1_000_000 - 301, Moment::Past),
        (1_000_000 - 300, Moment::Within),
        (1_000_000, Moment::Within),
        (1_000_000 + 300, Moment::Within),
        (1_000_000 + 301, Moment::Future),
        (i64::MIN, Moment::Past),
        (i64::MAX, Moment::Future),
    ] {
        assert_eq!(moment(created, now, MAX_SKEW_SECONDS), expected, "{created}");
    }
}

#[test]
fn a_nonce_is_remembered_until_its_signature_is_too_old() {
    let accepted = Accepted::new("key_1", "nonce", 5_000, MAX_SKEW_SECONDS);
    let end = accepted.remember_until();
    assert_eq!(moment(5_000, end, MAX_SKEW_SECONDS), Moment::Past);
    assert_eq!(moment(5_000, end.plus_micros(-1), MAX_SKEW_SECONDS), Moment::Within);
}

#[test]
fn nonces_are_visible_and_bounded() {
    for good in ["0123456789abcdef", "~!@#$%^&*()_+{}|", &"n".repeat(64)] {
        assert!(is_nonce(good), "{good:?}");
    }
    for bad in ["", "0123456789abcde", &"n".repeat(65), "0123456789 abcdef", "0123456789abcd\nf"] {
        assert!(!is_nonce(bad), "{bad:?}");
    }
    assert!(!is_nonce("0123456789abcdeé"));
}
