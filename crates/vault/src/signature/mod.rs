//! Signed requests: who sent this request, and that nothing of it was changed on the way.
//!
//! Two schemes. [`hmac`] is the bank's own: four headers and one HMAC, so that a shell script can sign.
//! [`message`] is RFC 9421 (HTTP Message Signatures) with `Content-Digest` (RFC 9530). Both work on the
//! raw bytes as they were received: a path is not decoded, a query not sorted, a body not parsed.
//!
//! Order: [`scheme`] says which of them a request uses; that scheme's `read` gives a claim with a key's
//! id; the caller looks the key up (known, not revoked, its routes and addresses); the claim's `verify`
//! gives an [`Accepted`], which nothing else makes; the caller takes its nonce, once, and only then acts.
//! Cost, with 1 KiB of body: `hmac` 2 µs, `message` 7 µs with HMAC, 32 µs with Ed25519. Bound: see the constants
//! of each part; the body and the number of headers are bounded by whoever received them.
//!
//! Never here: a clock, a key's lookup, the memory of nonces, HTTP types; a canonical form that two
//! different requests have in common; a value in an error that a stranger wrote.

mod content_digest;
pub mod hmac;
pub mod message;
mod structured;

pub use content_digest::{DigestFault, DigestHash, content_digest};
pub use structured::Fault as FieldFault;

use money::Timestamp;
use std::ops::RangeInclusive;

/// One line of a header: its name in any case, its value as it was received.
pub type Header<'h> = (&'h str, &'h [u8]);

/// A request as it was received. No `Debug`: a body may hold a card's number.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    pub method: &'r str,
    /// As the *client* saw it: behind a proxy that ends TLS, the public one.
    pub scheme: &'r str,
    /// `Host` or `:authority`, as sent. That it is one of the bank's own names is the caller's check.
    pub authority: &'r str,
    /// Still percent-encoded.
    pub path: &'r str,
    /// What follows the first `?`, still percent-encoded; `None` where there is no `?`.
    pub query: Option<&'r str>,
    /// In their order, a repeated one as often as it was sent.
    pub headers: &'r [Header<'r>],
    pub body: &'r [u8],
}

/// A request whose signature is right; only the verifiers make one.
///
/// It may still be a replay: the caller takes (`key_id`, `nonce`) once, and remembers it until
/// [`Accepted::remember_until`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted<'c> {
    key_id: &'c str,
    nonce: &'c str,
    created: Timestamp,
    remember_until: Timestamp,
}

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `X-Signature`: [`hmac`].
    Hmac,
    /// `Signature` and `Signature-Input`: [`message`].
    Message,
}

/// Why no scheme is chosen, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemeRefusal {
    #[error("the request is not signed")]
    Unsigned,
    /// Two answers to "who is it" are one too many, even where both are right.
    #[error("the request is signed in two ways")]
    Both,
}

/// How far a signature's time may be from the bank's, either way, in seconds (the contract with merchants).
pub const MAX_SKEW_SECONDS: i64 = 300;

/// How many characters a nonce has (the contract with merchants).
pub const NONCE_CHARS: RangeInclusive<usize> = 16..=64;

/// Longest name of a key that is looked up: ids have 30 characters.
pub const MAX_KEY_ID_CHARS: usize = 64;

/// Which scheme `headers` are signed with. Errors: [`SchemeRefusal`].
pub fn scheme(headers: &[Header<'_>]) -> Result<Scheme, SchemeRefusal> {
    let has = |name: &str| values(headers, name).next().is_some();
    match (has("x-signature"), has("signature") || has("signature-input")) {
        (false, false) => Err(SchemeRefusal::Unsigned),
        (true, true) => Err(SchemeRefusal::Both),
        (true, false) => Ok(Scheme::Hmac),
        (false, true) => Ok(Scheme::Message),
    }
}

impl<'c> Accepted<'c> {
    /// The nonce is remembered for as long as the signature would be accepted, and the second that
    /// comparing whole seconds adds.
    fn new(key_id: &'c str, nonce: &'c str, created_seconds: i64, max_skew_seconds: i64) -> Self {
        let created = Timestamp::from_seconds(created_seconds);
        let remember_until = created.plus_seconds(max_skew_seconds.saturating_add(1));
        Self { key_id, nonce, created, remember_until }
    }

    pub fn key_id(&self) -> &'c str {
        self.key_id
    }

    pub fn nonce(&self) -> &'c str {
        self.nonce
    }

    /// When the signer says that it signed, in whole seconds.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// From here on the signature is too old, so that its nonce may be forgotten.
    pub fn remember_until(&self) -> Timestamp {
        self.remember_until
    }
}

/// Where a signature's time lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Past,
    Within,
    Future,
}

fn moment(created_seconds: i64, now: Timestamp, max_skew_seconds: i64) -> Moment {
    let ahead = created_seconds.saturating_sub(now.seconds());
    if ahead > max_skew_seconds {
        Moment::Future
    } else if ahead < max_skew_seconds.saturating_neg() {
        Moment::Past
    } else {
        Moment::Within
    }
}

fn is_nonce(text: &str) -> bool {
    NONCE_CHARS.contains(&text.len()) && is_visible(text)
}

fn is_key_id(text: &str) -> bool {
    (1..=MAX_KEY_ID_CHARS).contains(&text.len()) && is_visible(text)
}

/// Visible ASCII only (RFC 5234 VCHAR): no blank, no line end, nothing that two programs read differently.
fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The values of the header `name`, in their order, without the blanks around them (RFC 9110 §5.5).
fn values<'h>(headers: &'h [Header<'h>], name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .iter()
        .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| trim(value))
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The key that `Authorization: Exchequer KEY` names: the scheme in any case, one blank or more.
fn key_of_authorization(value: &[u8]) -> Option<&str> {
    const SCHEME: &str = "exchequer";
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, key_id) = text.split_once(' ')?;
    let key_id = key_id.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case(SCHEME) && is_key_id(key_id)).then_some(key_id)
}

#[cfg(test)]
mod tests;
