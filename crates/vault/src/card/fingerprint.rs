//! What tells that two cards of one merchant are the same, without the number.
//!
//! HMAC-SHA256 over the merchant's id and the whole number (PCI DSS 4.0.1, 3.5.1.1: a keyed hash of
//! the entire number). The key is derived for this alone from a secret of the vault, is never given
//! out, and no request brings one. Cost: well under a microsecond.
//!
//! Bound: an answer can be tried out. First six and last four digits leave 100,000 numbers, so who
//! may have any number fingerprinted finds the one behind a fingerprint; asking is counted and
//! limited by the caller, and a fingerprint is for duplicates, not for publishing. Fingerprints
//! under two secrets are not comparable: a rotation makes them all anew. Never here: the way back.

use super::number::Number;
use crate::mac;
use aws_lc_rs::hmac;
use money::MerchantId;

/// Makes fingerprints; one for the whole vault.
pub struct FingerprintKey(hmac::Key);

/// In bytes.
pub const FINGERPRINT_LEN: usize = mac::MAC_LEN;

const LABEL: &str = "exchequer.v1.card.fingerprint:";

impl FingerprintKey {
    /// `secret` is 32 uniformly random bytes that only the vault has. The key is derived from it,
    /// so the same secret may be given to [`super::FormatPreservingKey`].
    pub fn new(secret: &[u8; mac::MAC_LEN]) -> Self {
        Self(mac::key(mac::derive(&mac::key(secret), LABEL, b"").as_slice()))
    }

    /// Equal for equal numbers of one merchant, and only for those.
    pub fn of(&self, merchant: MerchantId, number: &Number) -> [u8; FINGERPRINT_LEN] {
        // The id has a fixed length and the number is the rest: no two pairs have one encoding.
        mac::hmac_sha256(&self.0, &[merchant.bytes(), number.expose()])
    }
}

#[cfg(test)]
mod tests;
