//! Sealed values: encrypted, and bound to the table, column and row they stand in.
//!
//! Layout: `format (1) ‖ key version (4, big endian) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, 33
//! bytes more than the plaintext. The format is the cipher: 1 is AES-256-GCM, 2 ChaCha20-Poly1305. One of them
//! seals, both open, each under a key of its own made of the version's. Format, version and place are authenticated, so a value that was
//! moved, relabelled, cut or changed does not open: an error, never a panic and never another
//! value.
//!
//! Cost: one to two microseconds for a field. Bound: sealings are counted, and refused past the bound of a
//! key version (`keyring::REFUSED_AFTER`); values up to [`MAX_SEALED_PLAINTEXT`]. It does not hide how long a value is, and it does not
//! notice that a row was set back to an older sealed value of the same place.

use crate::aead::{self, Cipher};
use crate::keyring::REFUSED_AFTER;
use crate::mac;
use crate::secret::SecretBytes;
use aws_lc_rs::aead::LessSafeKey;
use money::Rng;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a sealed value lives. All three are authenticated with it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub table: &'static str,
    pub column: &'static str,
    /// The row's primary key, as stored; at most 255 bytes.
    pub row: &'a [u8],
}

/// Why a value was not sealed or not opened, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("a part of the place is longer than 255 bytes")]
    PlaceTooLong,
    #[error("key version {version} seals no more: it did as often as it may, or is retired")]
    UsedUp { version: u32 },
    #[error("the value is longer than {MAX_SEALED_PLAINTEXT} bytes")]
    PlaintextTooLong,
    #[error("the sealed value is cut short")]
    Truncated,
    #[error("the sealed value has the unknown format {format}")]
    UnknownFormat { format: u8 },
    #[error("the sealed value names key version {version}, which is not in the key ring")]
    UnknownKey { version: u32 },
    #[error("the sealed value was changed, or belongs to another place or key")]
    NotAuthentic,
    #[error("the cryptographic library refused to seal")]
    Refused,
}

/// The longest plaintext in bytes: a sealed value is a field, and a request is at most 64 KiB.
pub const MAX_SEALED_PLAINTEXT: usize = 64 * 1024;

/// What the key of [`Cipher::ChaCha20Poly1305`] is derived with; that of AES-256-GCM, which came first, is the version's.
const CHACHA_LABEL: &str = "exchequer.v1.cipher:";
const HEADER_LEN: usize = 5;

/// The keys that seal and open: one seals, all open.
pub(crate) struct Sealer {
    /// With which the active key seals.
    cipher: Cipher,
    active: SealingKey,
    others: Vec<SealingKey>,
    /// Sealings of the active version that have been told, by all nodes.
    told: AtomicU64,
    /// Sealings here that have not.
    untold: AtomicU64,
}

pub(crate) struct SealingKey {
    pub version: u32,
    pub keys: CipherKeys,
    /// How often it has sealed before.
    pub sealings: u64,
}

/// The keys of a version, one for each cipher.
pub(crate) struct CipherKeys {
    aes: LessSafeKey,
    chacha: LessSafeKey,
}

impl CipherKeys {
    /// None when the data key is not 32 bytes long.
    pub(crate) fn new(data_key: &[u8]) -> Option<Self> {
        let name = Cipher::ChaCha20Poly1305.name().as_bytes();
        let chacha = mac::derive(&mac::key(data_key), CHACHA_LABEL, name);
        Some(Self {
            aes: aead::key(Cipher::Aes256Gcm, data_key).ok()?,
            chacha: aead::key(Cipher::ChaCha20Poly1305, chacha.as_slice()).ok()?,
        })
    }

    fn of(&self, cipher: Cipher) -> &LessSafeKey {
        match cipher {
            Cipher::Aes256Gcm => &self.aes,
            Cipher::ChaCha20Poly1305 => &self.chacha,
        }
    }
}

impl Sealer {
    pub(crate) fn new(active: SealingKey, others: Vec<SealingKey>) -> Self {
        let told = AtomicU64::new(active.sealings);
        Self { cipher: Cipher::default(), active, others, told, untold: AtomicU64::new(0) }
    }

    pub(crate) fn seal_with(&mut self, cipher: Cipher) {
        self.cipher = cipher;
    }

    pub(crate) fn seal(
        &self,
        rng: &Rng,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let context = place.context()?;
        if plaintext.len() > MAX_SEALED_PLAINTEXT {
            return Err(SealError::PlaintextTooLong);
        }
        let SealingKey { version, keys, .. } = &self.active;
        let before = self.untold.fetch_add(1, Ordering::Relaxed);
        if before.saturating_add(self.told.load(Ordering::Relaxed)) >= REFUSED_AFTER {
            return Err(SealError::UsedUp { version: *version });
        }
        let header = header(self.cipher, *version);
        aead::seal(keys.of(self.cipher), rng, &header, &context, plaintext)
            .map_err(|_unspecified| SealError::Refused)
    }

    /// The version in use, and its sealings that have not been told yet; they count as told now.
    pub(crate) fn take_uses(&self) -> (u32, u64) {
        let uses = self.untold.swap(0, Ordering::Relaxed);
        self.told.fetch_add(uses, Ordering::Relaxed);
        (self.active.version, uses)
    }

    pub(crate) fn active_version(&self) -> u32 {
        self.active.version
    }

    pub(crate) fn learn_uses(&self, version: u32, sealings: u64) {
        if version == self.active.version {
            self.told.store(sealings, Ordering::Relaxed);
        }
    }

    pub(crate) fn untold(&self) -> u64 {
        self.untold.load(Ordering::Relaxed)
    }

    pub(crate) fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let context = place.context()?;
        if sealed.len() > HEADER_LEN.saturating_add(aead::OVERHEAD + MAX_SEALED_PLAINTEXT) {
            return Err(SealError::PlaintextTooLong);
        }
        let (cipher, named, rest) = split(sealed)?;
        let SealingKey { version, keys, .. } = std::iter::once(&self.active)
            .chain(&self.others)
            .find(|key| key.version == named)
            .ok_or(SealError::UnknownKey { version: named })?;
        aead::open(keys.of(cipher), &header(cipher, *version), &context, rest)
            .map_err(|_unspecified| SealError::NotAuthentic)
    }
}

/// The key version that `sealed` names, without opening it: for counting what still has to be
/// sealed anew after a rotation.
pub fn sealed_with(sealed: &[u8]) -> Result<u32, SealError> {
    split(sealed).map(|(_, version, _)| version)
}

impl Place<'_> {
    /// Each part with its length before it, so that no two places have one encoding.
    fn context(&self) -> Result<Vec<u8>, SealError> {
        let mut context = Vec::new();
        for part in [self.table.as_bytes(), self.column.as_bytes(), self.row] {
            let len = u8::try_from(part.len()).map_err(|_too_long| SealError::PlaceTooLong)?;
            context.push(len);
            context.extend_from_slice(part);
        }
        Ok(context)
    }
}

const fn format(cipher: Cipher) -> u8 {
    match cipher {
        Cipher::Aes256Gcm => 1,
        Cipher::ChaCha20Poly1305 => 2,
    }
}

fn header(cipher: Cipher, version: u32) -> [u8; HEADER_LEN] {
    let [a, b, c, d] = version.to_be_bytes();
    [format(cipher), a, b, c, d]
}

fn split(sealed: &[u8]) -> Result<(Cipher, u32, &[u8]), SealError> {
    let ([named, version @ ..], rest) =
        sealed.split_first_chunk::<HEADER_LEN>().ok_or(SealError::Truncated)?;
    if rest.len() < aead::OVERHEAD {
        return Err(SealError::Truncated);
    }
    let cipher = Cipher::ALL.into_iter().find(|cipher| format(*cipher) == *named);
    let cipher = cipher.ok_or(SealError::UnknownFormat { format: *named })?;
    Ok((cipher, u32::from_be_bytes(*version), rest))
}

#[cfg(test)]
mod tests;
