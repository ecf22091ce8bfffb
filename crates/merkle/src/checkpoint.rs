//! Checkpoints: what a signed note says of a log (C2SP `tlog-checkpoint`): whose it is, how many leaves it has, and
//! the root above them. Lines behind those three are allowed and mean nothing here.

use data_encoding::BASE64;

use crate::hash::{HASH_LEN, Hash};
use crate::note::{Note, NoteError, VerifierKey, is_name};
use crate::tile::decimal;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, and that of the key that signs for it.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// Why a text is no checkpoint that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("this is not a checkpoint")]
    Malformed,
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Checkpoint {
    /// Reads what a note says, strictly.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError::Malformed)?;
        let mut lines = lines.split('\n');
        let mut next = || lines.next().ok_or(CheckpointError::Malformed);
        let (origin, size, root) = (next()?, next()?, next()?);
        let size = decimal(size).ok_or(CheckpointError::Malformed)?;
        let root = BASE64.decode(root.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
        let root = <[u8; HASH_LEN]>::try_from(root).map_err(|_| CheckpointError::Malformed)?;
        if !is_name(origin) || lines.any(str::is_empty) {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// What a signed note says, if one of the keys has signed it, under the log's own name.
    pub fn verified(note: &str, keys: &[VerifierKey]) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = Self::parse(note.unverified_text())?;
        let own = keys.iter().filter(|key| key.name() == checkpoint.origin).cloned();
        note.verified(&own.collect::<Vec<_>>())?;
        Ok(checkpoint)
    }
}

/// The text that is signed.
impl std::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(&self.root))
    }
}
