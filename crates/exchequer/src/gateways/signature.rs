//! The signature of notices: `t=SECONDS,v1=HEX`, HMAC-SHA256 over `SECONDS.BODY`.
//!
//! Stripe's scheme ("Verify webhook signatures manually"), and the sandbox gateway's too. Several `v1` may
//! stand side by side while a secret is rotated; one of them must be right. Cost: an HMAC over the body for
//! each, of which at most [`MAX_SIGNATURES`] are tried. Never here: a comparison that tells where it failed.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName};
use money::Timestamp;

use super::{MAX_NOTICE_BYTES, NOTICE_WINDOW_SECONDS, NoticeRefusal};

/// More are not looked at.
const MAX_SIGNATURES: usize = 4;

/// The header's value for a body that is sent now.
pub fn sign(secret: &[u8], now: Timestamp, body: &[u8]) -> String {
    let seconds = now.seconds();
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    format!("t={seconds},v1={}", HEXLOWER.encode(context.sign().as_ref()))
}

/// Refusals in the order of [`NoticeRefusal`]; `Malformed` is for whoever reads the body.
pub fn check(
    secret: &[u8],
    (headers, name): (&HeaderMap, &HeaderName),
    body: &[u8],
    now: Timestamp,
) -> Result<(), NoticeRefusal> {
    if body.len() > MAX_NOTICE_BYTES {
        return Err(NoticeRefusal::TooLong);
    }
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(NoticeRefusal::Unsigned);
    };
    let value = value.to_str().map_err(|_| NoticeRefusal::Unsigned)?;
    let (seconds, signatures) = parts(value).ok_or(NoticeRefusal::Unsigned)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut signed = Vec::with_capacity(seconds.len() + 1 + body.len());
    signed.extend_from_slice(seconds.as_bytes());
    signed.push(b'.');
    signed.extend_from_slice(body);
    let is_right = |signature: &Vec<u8>| hmac::verify(&key, &signed, signature).is_ok();
    if !signatures.iter().any(is_right) {
        return Err(NoticeRefusal::WrongSignature);
    }
    let at = Timestamp::from_seconds(seconds.parse().map_err(|_| NoticeRefusal::Unsigned)?);
    let apart = now.micros_since(at).saturating_abs();
    if apart > NOTICE_WINDOW_SECONDS * 1_000_000 { Err(NoticeRefusal::Stale) } else { Ok(()) }
}

/// The time as it was signed, and the signatures that are hex at all. None where one of the two is missing
/// or the time stands twice; other elements are skipped, as Stripe asks.
fn parts(value: &str) -> Option<(&str, Vec<Vec<u8>>)> {
    let mut seconds = None;
    let mut signatures = Vec::new();
    for element in value.split(',') {
        match element.trim().split_once('=')? {
            ("t", text) => {
                let is_number = text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
                if !is_number || seconds.replace(text).is_some() {
                    return None;
                }
            }
            ("v1", text) if signatures.len() < MAX_SIGNATURES => {
                signatures.extend(HEXLOWER.decode(text.as_bytes()).ok());
            }
            _ => {}
        }
    }
    seconds.filter(|text| !text.is_empty() && !signatures.is_empty()).zip(Some(signatures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const NAME: HeaderName = HeaderName::from_static("a-signature");
    const BODY: &[u8] = br#"{"a":1}"#;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn checked(value: &str, body: &[u8], now: i64) -> Result<(), NoticeRefusal> {
        let mut headers = HeaderMap::new();
        headers.insert(NAME, HeaderValue::from_str(value).unwrap());
        check(b"secret", (&headers, &NAME), body, at(now))
    }

    #[test]
    fn what_was_signed_is_believed_for_five_minutes() {
        let value = sign(b"secret", at(1_000), BODY);
        for now in [700, 1_000, 1_300] {
            assert_eq!(checked(&value, BODY, now), Ok(()));
        }
        for now in [699, 1_301] {
            assert_eq!(checked(&value, BODY, now), Err(NoticeRefusal::Stale));
        }
    }

    /// Computed with `printf '%s' '1000.{"a":1}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn the_signature_is_the_one_of_openssl() {
        let expected = "t=1000,v1=79735020b7448fd0956ae8a025e12d8e8e654b3b2d7757e722076546bb0f8e3b";
        assert_eq!(sign(b"secret", at(1_000), BODY), expected);
    }

    #[test]
    fn any_change_is_a_wrong_signature() {
        let value = sign(b"secret", at(1_000), BODY);
        let wrong = Err(NoticeRefusal::WrongSignature);
        assert_eq!(checked(&value, br#"{"a":2}"#, 1_000), wrong);
        assert_eq!(checked(&value.replace("t=1000", "t=1001"), BODY, 1_000), wrong);
        assert_eq!(checked(&sign(b"other", at(1_000), BODY), BODY, 1_000), wrong);
        // Cut and lengthened ones, too.
        assert_eq!(checked(&value[..value.len() - 2], BODY, 1_000), wrong);
        assert_eq!(checked(&format!("{value}00"), BODY, 1_000), wrong);
    }

    #[test]
    fn one_right_signature_of_several_is_enough() {
        let old = sign(b"old", at(1_000), BODY);
        let new = sign(b"secret", at(1_000), BODY);
        let (_, signature) = new.split_once(',').unwrap();
        assert_eq!(checked(&format!("{old},{signature},v0=zz"), BODY, 1_000), Ok(()));
        let many = format!("{old},{},{signature}", ["v1=00"; 3].join(","));
        assert_eq!(checked(&many, BODY, 1_000), Err(NoticeRefusal::WrongSignature));
    }

    #[test]
    fn what_is_no_signature_is_unsigned() {
        let right = sign(b"secret", at(1_000), BODY);
        let twice = format!("t=1000,{right}");
        for value in ["", "t=1000", "v1=00", "t=,v1=00", "t=-5,v1=00", "t=1e3,v1=00", &twice] {
            assert_eq!(checked(value, BODY, 1_000), Err(NoticeRefusal::Unsigned), "{value}");
        }
        let none = check(b"secret", (&HeaderMap::new(), &NAME), BODY, at(0));
        assert_eq!(none, Err(NoticeRefusal::Unsigned));
        let mut two = HeaderMap::new();
        two.append(NAME, HeaderValue::from_str(&right).unwrap());
        two.append(NAME, HeaderValue::from_str(&right).unwrap());
        assert_eq!(check(b"secret", (&two, &NAME), BODY, at(1_000)), Err(NoticeRefusal::Unsigned));
        let long = vec![b' '; MAX_NOTICE_BYTES + 1];
        assert_eq!(checked(&right, &long, 1_000), Err(NoticeRefusal::TooLong));
    }
}
