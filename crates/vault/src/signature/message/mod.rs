//! HTTP Message Signatures (RFC 9421), verified as the bank demands it.
//!
//! [`read`] takes the one signature of a request out of `Signature-Input` and `Signature`;
//! [`Claim::verify`] asks a [`Policy`] whether it covers what it must, makes the signature base (§2.5)
//! again from the request, and compares. [`sign`] is the other direction, for examples and tests.
//!
//! Supported: the derived components of §2.2, `@query-param` and (in responses) `@status` included;
//! header fields, their lines joined (§2.1), with `sf` and `key` for the dictionaries that are known here,
//! `bs`, and `req` in responses. Trailers (`tr`), unknown parameters, unknown components, folded lines and
//! component identifiers that stand twice are refused, not passed over.
//!
//! Order: the refusals as [`Refusal`] lists them; the signature comes before the body's digest, so that a
//! stranger cannot make the bank hash. Cost: Ed25519 32 µs, HMAC 7 µs, with 1 KiB of body.
//! Bound: 4 KiB a field, 4 labels, 32 components, a signature base of 64 KiB.
//!
//! Never: an algorithm that the message chooses (`alg` must be that of the key), a signature of which only
//! a part is understood, the choice among several signatures.

mod base;
mod component;
mod key;
mod policy;
mod query;
mod sign;
mod signatures;
mod target;

pub use component::ComponentFault;
pub use key::{Algorithm, MIN_SECRET_BYTES, SigningKey, VerifyingKey};
pub use policy::Policy;
pub use sign::{SignRefusal, sign, signature_input};

use self::signatures::{Signature, Signatures};
use super::content_digest::DigestFault;
use super::structured::Fault;
use super::{Accepted, Header, Request, is_key_id, key_of_authorization, values};
use money::Timestamp;

/// The two fields of RFC 9421 §4.
pub const SIGNATURE_INPUT: &str = "signature-input";
pub const SIGNATURE: &str = "signature";

/// Signatures of one message: the sender's own, and some by proxies on the way.
pub const MAX_LABELS: usize = 4;

/// A response, for components such as `@status` and those of its request (`req`, §2.4).
#[derive(Clone, Copy)]
pub struct Response<'r> {
    pub status: u16,
    pub headers: &'r [Header<'r>],
    /// The request that it answers; `None` where nothing of it is covered.
    pub request: Option<&'r Request<'r>>,
}

/// What a signature is made over.
#[derive(Clone, Copy)]
pub enum Message<'m> {
    Request(&'m Request<'m>),
    Response(&'m Response<'m>),
}

/// Why a request is not taken, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the field {0} is missing")]
    Missing(&'static str),
    #[error("the field {0} cannot be read: {1}")]
    Field(&'static str, Fault),
    /// Too many, or not the same ones in both fields, or with a value of another kind.
    #[error("the labels of Signature-Input and Signature do not match")]
    Labels,
    /// A signature's parameter that RFC 9421 §2.3 does not know, or with a value of another kind.
    #[error("a parameter of the signature is not supported")]
    Parameter,
    /// A component that cannot be covered, whatever the message is.
    #[error("a covered component is refused: {0}")]
    Component(ComponentFault),
    /// The bank does not choose whom to believe.
    #[error("there is more than one signature")]
    Several,
    #[error("the parameter keyid is missing or cannot be one")]
    KeyId,
    /// An `Authorization` that is not `Exchequer` with the same key: two answers to "who is it".
    #[error("Authorization and the signature name different callers")]
    Authorization,
    /// `alg` is not that of the key, or the policy does not take the key's.
    #[error("the algorithm is not that of the key")]
    Algorithm,
    #[error("the parameter created is missing")]
    Created,
    #[error("the signature is too old")]
    Past,
    #[error("the signature is too far ahead")]
    Future,
    /// `expires` is over, or not after `created`.
    #[error("the signature has expired")]
    Expired,
    #[error("the parameter nonce is missing or cannot be one")]
    Nonce,
    /// The signature leaves out what it must cover.
    #[error("the signature does not cover {0}")]
    Uncovered(&'static str),
    /// A covered component has no value in this message, or one that cannot be signed.
    #[error("a covered component has no value: {0}")]
    Value(ComponentFault),
    /// The bank's fault, not the caller's: the secret is shorter than [`MIN_SECRET_BYTES`].
    #[error("the key cannot be used")]
    Key,
    #[error("the signature is wrong")]
    Signature,
    #[error("the body is refused: {0}")]
    Digest(DigestFault),
}

/// What a request says of itself; nothing of it is proven before [`Claim::verify`].
pub struct Claim<'r> {
    request: &'r Request<'r>,
    signature: Signature,
    key_id: String,
}

/// Reads the one signature of a request. Errors: [`Refusal::Missing`] to [`Refusal::Authorization`].
pub fn read<'r>(request: &'r Request<'r>) -> Result<Claim<'r>, Refusal> {
    let signature = Signatures::read(request.headers)?.only()?;
    let key_id = signature.key_id().filter(|key_id| is_key_id(key_id)).ok_or(Refusal::KeyId)?;
    let key_id = key_id.to_owned();
    let agrees = |value| key_of_authorization(value) == Some(key_id.as_str());
    if !values(request.headers, super::hmac::AUTHORIZATION).all(agrees) {
        return Err(Refusal::Authorization);
    }
    Ok(Claim { request, signature, key_id })
}

impl Claim<'_> {
    /// The key to look up; a claim, not a proof.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Errors: from [`Refusal::Algorithm`] on.
    pub fn verify(
        &self,
        policy: &Policy,
        key: &VerifyingKey<'_>,
        now: Timestamp,
    ) -> Result<Accepted<'_>, Refusal> {
        policy.decide(self, key, now)
    }
}

#[cfg(test)]
mod tests;
