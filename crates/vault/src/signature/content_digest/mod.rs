//! `Content-Digest` (RFC 9530 §2): the hash of a body, in a header that a signature can cover.
//!
//! SHA-256 and SHA-512 (§5). A digest of another algorithm is neither enough nor in the way: at least one
//! of the two must be there, and each of them that is must be right. Cost: one hash of the body for each.
//! Never: a weak hash (MD5, SHA-1, CRC, §6.6) as proof of anything.

use super::structured::{Bare, Dictionary, Fault, Member};
use super::{Header, values};
use crate::token::same_bytes;
use aws_lc_rs::digest;
use data_encoding::BASE64;

/// The header's name.
pub(super) const NAME: &str = "content-digest";

/// The algorithms of RFC 9530 §5 that are not deprecated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestHash {
    Sha256,
    Sha512,
}

/// Why a body's digest is not right, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestFault {
    #[error("there is no Content-Digest")]
    Missing,
    /// Not a dictionary of byte sequences without parameters.
    #[error("the Content-Digest cannot be read: {0}")]
    Malformed(Fault),
    /// Neither sha-256 nor sha-512.
    #[error("the Content-Digest has no supported algorithm")]
    Unsupported,
    #[error("the body is not the one of the Content-Digest")]
    Mismatch,
}

/// The header's value for `body`.
pub fn content_digest(hash: DigestHash, body: &[u8]) -> String {
    format!("{}=:{}:", hash.name(), BASE64.encode(hash.of(body).as_ref()))
}

/// Whether the header is there and right. Errors: [`DigestFault`].
pub(super) fn check(headers: &[Header<'_>], body: &[u8]) -> Result<(), DigestFault> {
    if values(headers, NAME).next().is_none() {
        return Err(DigestFault::Missing);
    }
    let field = Dictionary::read(values(headers, NAME)).map_err(DigestFault::Malformed)?;
    let mut supported = Vec::new();
    for (name, member) in field.iter() {
        let digest = bytes(member).ok_or(DigestFault::Malformed(Fault::Syntax))?;
        supported.extend(DigestHash::named(name).map(|hash| (hash, digest)));
    }
    if supported.is_empty() {
        return Err(DigestFault::Unsupported);
    }
    let right = supported.iter().all(|(hash, digest)| same_bytes(hash.of(body).as_ref(), digest));
    if right { Ok(()) } else { Err(DigestFault::Mismatch) }
}

fn bytes(member: &Member) -> Option<&[u8]> {
    match member {
        Member::Item(item) if item.parameters.is_empty() => match &item.value {
            Bare::Bytes(bytes) => Some(bytes),
            Bare::Integer(_) | Bare::String(_) | Bare::Token(_) | Bare::Boolean(_) => None,
        },
        Member::Item(_) | Member::InnerList(_) => None,
    }
}

impl DigestHash {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    fn of(self, body: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, body)
    }
}

#[cfg(test)]
mod tests;
