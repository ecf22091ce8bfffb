//! The bank's own scheme: one HMAC-SHA256 over five lines, which a shell and openssl can make.
//!
//! ```text
//! Authorization: Exchequer key_…
//! X-Timestamp:   1795249442                 seconds since 1970, decimal
//! X-Nonce:       16 to 64 visible ASCII characters, once for each key
//! X-Signature:   hex(HMAC-SHA256(secret, lines))
//!
//! lines = METHOD \n path?query \n timestamp \n nonce \n hex(sha256(body))
//! ```
//!
//! The lines are joined by one line feed (0x0A), with none behind the last. Method, path and query stand
//! as in the request line, not decoded; without a query there is no `?`. Timestamp and nonce stand as in
//! their headers. The body's hash is in lower case, also of an empty body. The key is the bytes of the
//! secret as it was given out. Neither the host nor any other header is covered.
//!
//! Order: the refusals as [`Refusal`] lists them. Cost: 2 µs with 1 KiB of body. Bound: each header
//! stands once. The comparison takes the same time wherever two signatures differ.

use super::{
    Accepted, MAX_SKEW_SECONDS, Moment, Request, is_nonce, is_visible, key_of_authorization,
    moment, values,
};
use crate::mac;
use crate::secret::SecretBytes;
use crate::token::{same_bytes, sha256};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use money::Timestamp;

/// The headers of a signed request, in the order in which they are read.
pub const AUTHORIZATION: &str = "authorization";
pub const TIMESTAMP: &str = "x-timestamp";
pub const NONCE: &str = "x-nonce";
pub const SIGNATURE: &str = "x-signature";

/// Shortest secret in bytes: that of the hash (RFC 2104 §3). The bank's own have more.
pub const MIN_SECRET_BYTES: usize = 32;

/// Digits of the latest second that [`Timestamp`] knows: 253402300799.
const MAX_TIMESTAMP_DIGITS: usize = 12;

/// Why a request is not taken, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the header {0} is missing")]
    Missing(&'static str),
    #[error("the header {0} stands twice")]
    Repeated(&'static str),
    #[error("the header {0} cannot be read")]
    Malformed(&'static str),
    #[error("the timestamp is too old")]
    Past,
    #[error("the timestamp is too far ahead")]
    Future,
    /// An empty method, or a blank or a control character in method, path or query: the five lines
    /// would not be five.
    #[error("the request line has characters that cannot be signed")]
    RequestLine,
    /// The bank's fault, not the caller's: the secret is shorter than [`MIN_SECRET_BYTES`].
    #[error("the key cannot be used")]
    Key,
    #[error("the signature is wrong")]
    Signature,
}

/// What a request says of itself; nothing of it is proven before [`Claim::verify`].
#[derive(Clone, Copy)]
pub struct Claim<'r> {
    request: &'r Request<'r>,
    key_id: &'r str,
    /// As in the header: the text is what was signed.
    timestamp: &'r str,
    created_seconds: i64,
    nonce: &'r str,
    signature: [u8; mac::MAC_LEN],
}

/// Reads the four headers. Errors: [`Refusal::Missing`], [`Refusal::Repeated`] and [`Refusal::Malformed`]
/// of one header after another.
pub fn read<'r>(request: &'r Request<'r>) -> Result<Claim<'r>, Refusal> {
    let key_id = key_of_authorization(single(request, AUTHORIZATION)?)
        .ok_or(Refusal::Malformed(AUTHORIZATION))?;
    let timestamp = text(request, TIMESTAMP)?;
    let created_seconds = seconds(timestamp).ok_or(Refusal::Malformed(TIMESTAMP))?;
    let nonce = text(request, NONCE)?;
    if !is_nonce(nonce) {
        return Err(Refusal::Malformed(NONCE));
    }
    let signature = HEXLOWER_PERMISSIVE
        .decode(single(request, SIGNATURE)?)
        .ok()
        .and_then(|bytes| <[u8; mac::MAC_LEN]>::try_from(bytes).ok())
        .ok_or(Refusal::Malformed(SIGNATURE))?;
    Ok(Claim { request, key_id, timestamp, created_seconds, nonce, signature })
}

impl<'r> Claim<'r> {
    /// The key to look up; a claim, not a proof.
    pub fn key_id(&self) -> &'r str {
        self.key_id
    }

    /// Errors: from [`Refusal::Past`] on.
    pub fn verify(&self, secret: &SecretBytes, now: Timestamp) -> Result<Accepted<'r>, Refusal> {
        match moment(self.created_seconds, now, MAX_SKEW_SECONDS) {
            Moment::Past => return Err(Refusal::Past),
            Moment::Future => return Err(Refusal::Future),
            Moment::Within => {}
        }
        let lines = lines(self.request, self.timestamp, self.nonce)?;
        if !same_bytes(&tag(&lines, secret)?, &self.signature) {
            return Err(Refusal::Signature);
        }
        Ok(Accepted::new(self.key_id, self.nonce, self.created_seconds, MAX_SKEW_SECONDS))
    }
}

/// The value of `X-Signature` for a request that will carry `created` as seconds and `nonce`; of the
/// request's own headers none is read. For examples and tests. Errors: [`Refusal::Malformed`] of the
/// nonce, [`Refusal::RequestLine`], [`Refusal::Key`].
pub fn sign(
    request: &Request<'_>,
    created: Timestamp,
    nonce: &str,
    secret: &SecretBytes,
) -> Result<String, Refusal> {
    if !is_nonce(nonce) {
        return Err(Refusal::Malformed(NONCE));
    }
    let lines = lines(request, &created.seconds().to_string(), nonce)?;
    tag(&lines, secret).map(|tag| HEXLOWER.encode(&tag))
}

/// What is signed. The parts contain no line feed, so that two requests never give the same lines.
fn lines(request: &Request<'_>, timestamp: &str, nonce: &str) -> Result<String, Refusal> {
    let Request { method, path, query, body, .. } = *request;
    let parts_are_plain =
        is_visible(method) && [path, query.unwrap_or("")].map(is_plain) == [true; 2];
    if method.is_empty() || path.contains('?') || !parts_are_plain {
        return Err(Refusal::RequestLine);
    }
    let (mark, query) = query.map_or(("", ""), |query| ("?", query));
    let body = HEXLOWER.encode(&sha256(body));
    Ok(format!("{method}\n{path}{mark}{query}\n{timestamp}\n{nonce}\n{body}"))
}

/// Neither blank nor control character. Bytes beyond ASCII are signed as they are.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte > b' ' && byte != 0x7f)
}

fn tag(lines: &str, secret: &SecretBytes) -> Result<[u8; mac::MAC_LEN], Refusal> {
    if secret.expose().len() < MIN_SECRET_BYTES {
        return Err(Refusal::Key);
    }
    Ok(mac::hmac_sha256(&mac::key(secret.expose()), &[lines.as_bytes()]))
}

fn seconds(timestamp: &str) -> Option<i64> {
    let is_short = (1..=MAX_TIMESTAMP_DIGITS).contains(&timestamp.len());
    let is_number = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    if is_short && is_number { timestamp.parse().ok() } else { None }
}

fn text<'r>(request: &'r Request<'r>, name: &'static str) -> Result<&'r str, Refusal> {
    std::str::from_utf8(single(request, name)?).map_err(|_not_text| Refusal::Malformed(name))
}

fn single<'r>(request: &'r Request<'r>, name: &'static str) -> Result<&'r [u8], Refusal> {
    let mut values = values(request.headers, name);
    let value = values.next().ok_or(Refusal::Missing(name))?;
    if values.next().is_some() { Err(Refusal::Repeated(name)) } else { Ok(value) }
}

#[cfg(test)]
mod tests;
