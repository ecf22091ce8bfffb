//! Cosignatures: that somebody else has seen a checkpoint, and that the log only grew up to it (C2SP `tlog-cosignature`).
//!
//! A witness signs the checkpoint's text with a time before it, under a key of type 4. Its signature is one more line of
//! the note, and whoever does not know the witness passes over it.

use vault::DeviceKey;

use crate::note::{Note, NoteError, key_hash, key_text, read_key};

/// The type of an Ed25519 cosignature of version 1.
const COSIGNATURE: u8 = 4;
const TIME_LEN: usize = 8;
const SIGNATURE_LEN: usize = 64;

/// A witness and its public key: `<name>+<key hash>+<base64 of 4 ‖ key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    public: [u8; 32],
}

impl WitnessKey {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the witness says that it has seen the note: seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`NoteError::Unsigned`] where the witness has no signature there, [`NoteError::Forged`] where one of its
    /// signatures is wrong.
    pub fn seen_at(&self, note: &Note) -> Result<u64, NoteError> {
        let hash = key_hash(&self.name, COSIGNATURE, &self.public);
        let verifier = DeviceKey::Ed25519 { x: self.public };
        let mut seen_at = None;
        for made in note.made_by(&self.name, &hash) {
            let (time, signature) =
                made.split_first_chunk::<TIME_LEN>().ok_or(NoteError::Malformed)?;
            let seconds = u64::from_be_bytes(*time);
            let signed = format!("cosignature/v1\ntime {seconds}\n{}", note.unverified_text());
            if signature.len() != SIGNATURE_LEN || !verifier.verifies(signed.as_bytes(), signature)
            {
                return Err(NoteError::Forged);
            }
            seen_at = Some(seconds);
        }
        seen_at.ok_or(NoteError::Unsigned)
    }
}

impl std::str::FromStr for WitnessKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, public) = read_key(text, COSIGNATURE)?;
        Ok(Self { name, public })
    }
}

impl std::fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&key_text(&self.name, COSIGNATURE, &self.public))
    }
}
