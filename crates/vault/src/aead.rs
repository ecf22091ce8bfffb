//! AES-256-GCM, or ChaCha20-Poly1305 (RFC 8439), with a random nonce: `header ‖ nonce (12) ‖ ciphertext ‖ tag (16)`.
//!
//! The header is authenticated together with the caller's context. Cost: one to two microseconds
//! for a field, as long as the key's schedule is kept (a fresh one costs three times the sealing).
//!
//! Bound: random 96-bit nonces allow 2^32 sealings under one key (NIST SP 800-38D §8.3: the chance
//! of a repeated nonce stays below 2^-32), and with nonces of the same length no more under the other cipher. A key is
//! rotated before that; `sealing` counts. The two ciphers have nothing in common but their lengths, so that one can take
//! over where the other is found weak (ASVS 5.0, 11.2.2).

use crate::secret::SecretBytes;
use aws_lc_rs::aead::{
    AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use aws_lc_rs::error::Unspecified;
use money::Rng;

pub(crate) const KEY_LEN: usize = 32;
pub(crate) const TAG_LEN: usize = 16;
/// What sealing adds to the header and the plaintext.
pub(crate) const OVERHEAD: usize = 28;
const _: () = assert!(OVERHEAD == NONCE_LEN.saturating_add(TAG_LEN));

/// What seals. Both take keys of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cipher {
    #[default]
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Cipher {
    pub const ALL: [Self; 2] = [Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.name() == name)
    }
}

/// Fails when the key is not 32 bytes long.
pub(crate) fn key(cipher: Cipher, bytes: &[u8]) -> Result<LessSafeKey, Unspecified> {
    let algorithm = match cipher {
        Cipher::Aes256Gcm => &AES_256_GCM,
        Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    UnboundKey::new(algorithm, bytes).map(LessSafeKey::new)
}

pub(crate) fn seal(
    key: &LessSafeKey,
    rng: &Rng,
    header: &[u8],
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let nonce: [u8; NONCE_LEN] = rng.bytes();
    let start = header.len().saturating_add(NONCE_LEN);
    let capacity = start.saturating_add(plaintext.len()).saturating_add(TAG_LEN);
    let mut out = Vec::with_capacity(capacity);
    out.extend_from_slice(header);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plaintext);
    let body = out.get_mut(start..).ok_or(Unspecified)?;
    let tag = key.seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from([header, context].concat()),
        body,
    );
    match tag {
        Ok(tag) => {
            out.extend_from_slice(tag.as_ref());
            Ok(out)
        }
        Err(refused) => {
            // The buffer may still hold the plaintext.
            drop(SecretBytes::new(out));
            Err(refused)
        }
    }
}

/// `sealed` is what follows the header. Fails alike on whatever was changed.
pub(crate) fn open(
    key: &LessSafeKey,
    header: &[u8],
    context: &[u8],
    sealed: &[u8],
) -> Result<SecretBytes, Unspecified> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unspecified)?;
    let mut buffer = SecretBytes::new(body.to_vec());
    let opened = key
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from([header, context].concat()),
            buffer.expose_mut(),
        )?
        .len();
    buffer.keep_first(opened);
    Ok(buffer)
}
