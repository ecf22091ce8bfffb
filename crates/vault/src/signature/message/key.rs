//! The keys and algorithms of RFC 9421 §3.3 that are known here.
//!
//! A key has one algorithm; a message never chooses it. All cryptography is aws-lc-rs. Cost: HMAC 1 µs,
//! Ed25519 25 µs. RSA and ECDSA verify only: the bank's merchants have Ed25519 or HMAC, the others are for
//! what third parties sign.

use super::Refusal;
use crate::device_key::DeviceKey;
use crate::mac;
use crate::secret::SecretBytes;
use crate::token::same_bytes;
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PSS_2048_8192_SHA512, UnparsedPublicKey};

pub use super::super::hmac::MIN_SECRET_BYTES;

/// The signature algorithms, by their registered names (§6.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    HmacSha256,
    Ed25519,
    EcdsaP256Sha256,
    RsaPssSha512,
}

/// What verifies a signature.
#[derive(Clone, Copy)]
pub enum VerifyingKey<'k> {
    /// The bytes of the secret as it was given out, at least [`MIN_SECRET_BYTES`].
    HmacSha256(&'k SecretBytes),
    /// RFC 8032 §5.1.5.
    Ed25519(&'k [u8; 32]),
    /// The coordinates of the point, big-endian.
    EcdsaP256Sha256 { x: &'k [u8; 32], y: &'k [u8; 32] },
    /// DER of an RSAPublicKey (RFC 8017) or a SubjectPublicKeyInfo (RFC 5280); 2,048 to 8,192 bits.
    RsaPssSha512(&'k [u8]),
}

/// What makes a signature.
#[derive(Clone, Copy)]
pub enum SigningKey<'k> {
    /// As [`VerifyingKey::HmacSha256`].
    HmacSha256(&'k SecretBytes),
    /// The 32 bytes of RFC 8032 §5.1.5 that the key pair follows from.
    Ed25519(&'k SecretBytes),
}

impl Algorithm {
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::RsaPssSha512 => "rsa-pss-sha512",
        }
    }
}

impl VerifyingKey<'_> {
    /// The only `alg` of a signature by this key.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::HmacSha256(_) => Algorithm::HmacSha256,
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::EcdsaP256Sha256 { .. } => Algorithm::EcdsaP256Sha256,
            Self::RsaPssSha512(_) => Algorithm::RsaPssSha512,
        }
    }

    /// Errors: [`Refusal::Key`], [`Refusal::Signature`].
    pub(super) fn verify(&self, base: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let right = match *self {
            Self::HmacSha256(secret) => {
                let tag = tag(secret, base).ok_or(Refusal::Key)?;
                same_bytes(&tag, signature)
            }
            Self::Ed25519(x) => DeviceKey::Ed25519 { x: *x }.verifies(base, signature),
            Self::EcdsaP256Sha256 { x, y } => {
                DeviceKey::P256 { x: *x, y: *y }.verifies(base, signature)
            }
            Self::RsaPssSha512(der) => {
                let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA512, der);
                key.verify(base, signature).is_ok()
            }
        };
        if right { Ok(()) } else { Err(Refusal::Signature) }
    }
}

impl SigningKey<'_> {
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::HmacSha256(_) => Algorithm::HmacSha256,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// `None` where the key cannot be used: too short a secret, a seed of another length.
    pub(super) fn sign(&self, base: &[u8]) -> Option<Vec<u8>> {
        match *self {
            Self::HmacSha256(secret) => tag(secret, base).map(|tag| tag.to_vec()),
            Self::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).ok()?;
                pair.try_sign(base).ok().map(|signature| signature.as_ref().to_vec())
            }
        }
    }
}

fn tag(secret: &SecretBytes, base: &[u8]) -> Option<[u8; mac::MAC_LEN]> {
    let long_enough = secret.expose().len() >= MIN_SECRET_BYTES;
    long_enough.then(|| mac::hmac_sha256(&mac::key(secret.expose()), &[base]))
}
