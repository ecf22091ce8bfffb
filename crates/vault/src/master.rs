//! The master key: 256 bits kept outside the database, which wraps the data keys inside it.
//!
//! Its file is one line, `exchequer-master-1:KEY:CHECK`, with the key in base64url and six
//! characters of checksum, so that a file cut short or mistyped is told apart from one that belongs
//! to another bank. The checksum is of the key and gives away nothing that the line does not
//! already say.
//!
//! The key itself encrypts nothing: one key derived from it wraps, another makes the fingerprint.
//! Never shown: anything but that fingerprint, which is keyed and 64 bits long. It may be in [`shares`] instead.

use crate::aead::{self, Cipher};
use crate::mac;
use crate::secret::{SecretBytes, SecretString};
use crate::token::sha256;
use aws_lc_rs::error::Unspecified;
use data_encoding::BASE64URL_NOPAD;
use money::Rng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

pub mod shares;

/// The key that wraps all others. Lose it and every sealed value is lost; see
/// [`MasterKey::to_file`].
#[derive(ZeroizeOnDrop)]
pub struct MasterKey {
    bytes: [u8; aead::KEY_LEN],
}

/// Why a master key was not accepted, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    #[error("this is not a master key file: it does not begin with `{FILE_PREFIX}`")]
    NotAMasterKey,
    #[error("the master key file is damaged: it must be one line `{FILE_PREFIX}KEY:CHECK`")]
    Malformed,
    #[error("the master key file is damaged: key and checksum do not belong together")]
    Checksum,
    #[error("the master key is not random; make one with `exchequer init`")]
    Weak,
}

/// Length of [`MasterKey::id`] in bytes.
pub const MASTER_KEY_ID_LEN: usize = 8;

const FILE_PREFIX: &str = "exchequer-master-1:";
const CHECK_LABEL: &[u8] = b"exchequer master key file checksum";
const WRAPPING_LABEL: &str = "exchequer.v1.master.wrapping:";
const ID_LABEL: &str = "exchequer.v1.master.id:";

/// 32 random bytes have fewer than 16 different values less than once in 2^54 keys.
const FEWEST_DIFFERENT_BYTES: usize = 16;

impl MasterKey {
    /// A new key. Fails with [`MasterKeyError::Weak`] only when the source of randomness is broken.
    pub fn generate(rng: &Rng) -> Result<Self, MasterKeyError> {
        let mut key = Self { bytes: [0; aead::KEY_LEN] };
        rng.fill(&mut key.bytes);
        key.strong()
    }

    /// Reads the content of a master key file. White space around the line is allowed.
    pub fn parse(file: &str) -> Result<Self, MasterKeyError> {
        let rest = file.trim().strip_prefix(FILE_PREFIX).ok_or(MasterKeyError::NotAMasterKey)?;
        let (encoded, check) = rest.split_once(':').ok_or(MasterKeyError::Malformed)?;
        let decoded = BASE64URL_NOPAD
            .decode(encoded.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_not_base64url| MasterKeyError::Malformed)?;
        let mut key = Self { bytes: [0; aead::KEY_LEN] };
        if decoded.len() != key.bytes.len() {
            return Err(MasterKeyError::Malformed);
        }
        key.bytes.copy_from_slice(&decoded);
        if check != key.checksum() {
            return Err(MasterKeyError::Checksum);
        }
        key.strong()
    }

    /// The line for the master key file, to be written with mode 0600 and kept in two places.
    pub fn to_file(&self) -> SecretString {
        let encoded = Zeroizing::new(BASE64URL_NOPAD.encode(&self.bytes));
        // `concat` measures first, so no grown-out-of buffer with the key in it is left behind.
        SecretString::new([FILE_PREFIX, &encoded, ":", &self.checksum(), "\n"].concat())
    }

    /// A keyed fingerprint: the same for the same key, safe to show, of no use to find the key.
    pub fn id(&self) -> [u8; MASTER_KEY_ID_LEN] {
        let full = mac::derive(&mac::key(&self.bytes), ID_LABEL, b"");
        let mut id = [0; MASTER_KEY_ID_LEN];
        for (to, from) in id.iter_mut().zip(full.iter()) {
            *to = *from;
        }
        id
    }

    pub(crate) fn wrap(
        &self,
        rng: &Rng,
        header: &[u8],
        context: &[u8],
        key: &[u8],
    ) -> Result<Vec<u8>, Unspecified> {
        aead::seal(
            &aead::key(Cipher::Aes256Gcm, self.wrapping_key().as_slice())?,
            rng,
            header,
            context,
            key,
        )
    }

    pub(crate) fn unwrap(
        &self,
        header: &[u8],
        context: &[u8],
        wrapped: &[u8],
    ) -> Result<SecretBytes, Unspecified> {
        aead::open(
            &aead::key(Cipher::Aes256Gcm, self.wrapping_key().as_slice())?,
            header,
            context,
            wrapped,
        )
    }

    fn wrapping_key(&self) -> Zeroizing<[u8; mac::MAC_LEN]> {
        mac::derive(&mac::key(&self.bytes), WRAPPING_LABEL, b"")
    }

    fn checksum(&self) -> String {
        let mut text = Zeroizing::new([0; CHECK_LABEL.len().saturating_add(aead::KEY_LEN)]);
        for (to, from) in text.iter_mut().zip(CHECK_LABEL.iter().chain(&self.bytes)) {
            *to = *from;
        }
        let mut check = BASE64URL_NOPAD.encode(&sha256(text.as_slice()));
        check.truncate(6);
        check
    }

    /// Refuses what a person typed instead of drawing it: one byte repeated, a short pattern, or
    /// bytes that count up or down. It cannot prove a key random and does not try to.
    fn strong(self) -> Result<Self, MasterKeyError> {
        let mut seen = self.bytes;
        seen.sort_unstable();
        let different = seen.chunk_by(|a, b| a == b).count();
        zeroize::Zeroize::zeroize(&mut seen);

        let pairs = self.bytes.iter().zip(self.bytes.iter().skip(1));
        let mut strides = pairs.map(|(a, b)| b.wrapping_sub(*a));
        let first = strides.next();
        let even_steps = strides.all(|stride| Some(stride) == first);

        if different < FEWEST_DIFFERENT_BYTES || even_steps {
            return Err(MasterKeyError::Weak);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
