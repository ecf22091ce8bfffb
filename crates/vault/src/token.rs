//! Bearer tokens made of 256 random bits, and what is stored of them.
//!
//! Stored is the SHA-256, looked up by equality. Cost: a microsecond. A token itself is given out
//! once and never kept. Not for codes that a person types: six digits are found behind any unkeyed
//! hash in seconds.

use crate::secret::SecretString;
use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use money::Rng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Characters of a [`random_token`].
pub const TOKEN_CHARS: usize = 43;

/// Length of a SHA-256 in bytes.
pub const SHA256_LEN: usize = 32;

/// 256 random bits as 43 characters of base64url.
pub fn random_token(rng: &Rng) -> SecretString {
    let bytes = Zeroizing::new(rng.bytes::<32>());
    SecretString::new(BASE64URL_NOPAD.encode(bytes.as_slice()))
}

/// What is stored of a [`random_token`].
///
/// A plain, fast hash is right here: whoever has the hash would have to find one of 2^256 equally
/// likely tokens, so a slow hash or a key would add nothing, and every request pays for this one
/// (OWASP ASVS 5.0, 11.4.2 asks for slow hashes for passwords, which people choose).
pub fn token_hash(token: &str) -> [u8; SHA256_LEN] {
    sha256(token.as_bytes())
}

/// SHA-256 (FIPS 180-4).
pub fn sha256(bytes: &[u8]) -> [u8; SHA256_LEN] {
    let digest = digest::digest(&digest::SHA256, bytes);
    let mut out = [0; SHA256_LEN];
    out.copy_from_slice(digest.as_ref());
    out
}

/// Equality in time that depends on the lengths alone.
#[must_use]
pub fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests;
