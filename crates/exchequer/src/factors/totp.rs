//! Time-based one-time passwords: RFC 6238 with HMAC-SHA1, 30 seconds and 6 digits, which is what every
//! authenticator has.
//!
//! Pure. That a step serves once is the caller's compare-and-set on the last step accepted (RFC 6238
//! §5.2).

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use money::{Rng, Timestamp};
use vault::{SecretString, same_bytes};
use zeroize::Zeroizing;

pub const STEP_SECONDS: i64 = 30;
pub const DIGITS: u32 = 6;
/// Steps before and after the present one that are taken: clocks differ, and people type slowly
/// (RFC 6238 §6).
const WINDOW: i64 = 1;
/// The length of the hash (RFC 4226 §4 R6 asks for at least 16 bytes and recommends 20).
const SECRET_BYTES: usize = 20;

/// A fresh secret in base 32, as authenticators take it.
pub fn new_secret(rng: &Rng) -> SecretString {
    let bytes = Zeroizing::new(rng.bytes::<SECRET_BYTES>());
    SecretString::new(BASE32_NOPAD.encode(bytes.as_slice()))
}

/// The code that an authenticator shows at `now`; none where `secret` is not base 32.
pub fn code_at(secret: &SecretString, now: Timestamp) -> Option<String> {
    let bytes = decode(secret)?;
    Some(code(&bytes, step_of(now), DIGITS))
}

/// The first step of the window, after `last_step`, whose code this is.
pub fn matching_step(
    secret: &SecretString,
    given: &str,
    now: Timestamp,
    last_step: i64,
) -> Option<i64> {
    let bytes = decode(secret)?;
    let present = step_of(now);
    // All are computed and compared, whichever matches.
    let matches: Vec<i64> = (present.saturating_sub(WINDOW)..=present.saturating_add(WINDOW))
        .filter(|step| same_bytes(code(&bytes, *step, DIGITS).as_bytes(), given.as_bytes()))
        .collect();
    matches.into_iter().find(|step| *step > last_step)
}

/// For an authenticator's camera: the key URI that all of them read.
pub fn otpauth_uri(secret: &SecretString, email: &str) -> Zeroizing<String> {
    let label = percent_encoded(email);
    Zeroizing::new(format!(
        "otpauth://totp/Exchequer:{label}?secret={}&issuer=Exchequer&algorithm=SHA1&digits={DIGITS}\
         &period={STEP_SECONDS}",
        secret.expose()
    ))
}

/// All but the unreserved characters of RFC 3986 §2.3.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn step_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(STEP_SECONDS)
}

fn decode(secret: &SecretString) -> Option<Zeroizing<Vec<u8>>> {
    BASE32_NOPAD.decode(secret.expose().as_bytes()).ok().map(Zeroizing::new)
}

/// HOTP (RFC 4226 §5.3) of a time step.
fn code(secret: &[u8], step: i64, digits: u32) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    // Dynamic truncation: the last four bits say where the 31 bits begin.
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let word = tag.get(offset..offset.saturating_add(4)).and_then(|w| <[u8; 4]>::try_from(w).ok());
    let number = u32::from_be_bytes(word.unwrap_or_default()) & 0x7fff_ffff;
    let number = number % 10_u32.saturating_pow(digits);
    format!("{number:0width$}", width = usize::try_from(digits).unwrap_or_default())
}

#[cfg(test)]
mod tests;
