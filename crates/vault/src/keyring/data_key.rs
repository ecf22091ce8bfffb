//! One data key: drawn, wrapped into a row of `data_keys`, and unwrapped.
//!
//! Wrapped here, under a master key of a file, a key is `1 ‖ master key id (8) ‖ nonce (12) ‖ key (32) ‖
//! tag (16)`, AES-256-GCM with purpose and version authenticated. Wrapped elsewhere (OpenBao Transit) it is
//! `2 ‖ id (8) ‖ the other's ciphertext as text`; what the other encrypts is not the bare key but an
//! [`DataKey::envelope`] that says purpose and version, so that a row cannot pass for another even where
//! the other authenticates nothing besides.
//!
//! What is *not* authenticated is the state and the times: they change and are no secret; whoever can
//! write that table can have an old key used again, but cannot bring one in.

use super::{KeyError, KeyState, Purpose};
use crate::aead;
use crate::master::{MASTER_KEY_ID_LEN, MasterKey};
use crate::secret::SecretBytes;
use money::{Rng, Timestamp};

/// A row of the `data_keys` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    pub purpose: Purpose,
    pub version: u32,
    pub state: KeyState,
    pub created_at: Timestamp,
    pub retired_at: Option<Timestamp>,
    /// How often it has sealed, as far as nodes have told.
    pub sealings: u64,
    /// Empty once it is destroyed.
    pub wrapped: Vec<u8>,
}

/// A data key in the open. Its bytes leave this crate in an [`DataKey::envelope`] only; those of a database file also
/// for the library that encrypts it.
pub struct DataKey {
    pub(super) purpose: Purpose,
    pub(super) version: u32,
    pub(super) state: KeyState,
    pub(super) created_at: Timestamp,
    pub(super) retired_at: Option<Timestamp>,
    pub(super) sealings: u64,
    pub(super) bytes: SecretBytes,
}

const FORMAT_HERE: u8 = 1;
const FORMAT_ELSEWHERE: u8 = 2;
const HEADER_LEN: usize = 1 + MASTER_KEY_ID_LEN;
const ENVELOPE_LABEL: &[u8] = b"exchequer.v1.data-key:";

impl DataKey {
    /// A new active key; the caller sees to the version being new.
    pub fn draw(rng: &Rng, purpose: Purpose, version: u32, now: Timestamp) -> Self {
        let mut bytes = SecretBytes::new(vec![0; aead::KEY_LEN]);
        rng.fill(bytes.expose_mut());
        let (state, created_at) = (KeyState::Active, now);
        Self { purpose, version, state, created_at, retired_at: None, sealings: 0, bytes }
    }

    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub fn version(&self) -> u32 {
        self.version
    }

    /// The row for it under a master key of a file.
    pub fn wrap(&self, master: &MasterKey, rng: &Rng) -> Result<WrappedKey, KeyError> {
        let header = header(FORMAT_HERE, master.id());
        let context = context(self.purpose, self.version);
        let wrapped = master
            .wrap(rng, &header, &context, self.bytes.expose())
            .map_err(|_unspecified| KeyError::Refused { purpose: self.purpose })?;
        Ok(self.row(wrapped))
    }

    /// The raw key of a database file; none of a key of any other purpose.
    pub fn of_database_file(&self) -> Option<SecretBytes> {
        (self.purpose == Purpose::DatabaseFile)
            .then(|| SecretBytes::new(self.bytes.expose().to_vec()))
    }

    /// What is given to somebody else to encrypt: `label ‖ version (4) ‖ length of the purpose (1) ‖
    /// purpose ‖ key (32)`.
    pub fn envelope(&self) -> SecretBytes {
        let head = envelope_head(self.purpose, self.version);
        let mut envelope = Vec::with_capacity(head.len().saturating_add(aead::KEY_LEN));
        envelope.extend_from_slice(&head);
        envelope.extend_from_slice(self.bytes.expose());
        SecretBytes::new(envelope)
    }

    /// The row for it under a master key that somebody else keeps: `id` names it, and `ciphertext` is
    /// what they made of the envelope.
    pub fn wrapped_elsewhere(&self, id: [u8; MASTER_KEY_ID_LEN], ciphertext: &str) -> WrappedKey {
        self.row([&header(FORMAT_ELSEWHERE, id)[..], ciphertext.as_bytes()].concat())
    }

    fn row(&self, wrapped: Vec<u8>) -> WrappedKey {
        WrappedKey {
            purpose: self.purpose,
            version: self.version,
            state: self.state,
            created_at: self.created_at,
            retired_at: self.retired_at,
            sealings: self.sealings,
            wrapped,
        }
    }
}

impl WrappedKey {
    /// Opens it with a master key of a file.
    pub fn unwrap_key(&self, master: &MasterKey) -> Result<DataKey, KeyError> {
        let rest = self.body(FORMAT_HERE, master.id())?;
        if rest.len() != aead::OVERHEAD + aead::KEY_LEN {
            return Err(self.malformed());
        }
        let header = header(FORMAT_HERE, master.id());
        let bytes = master
            .unwrap(&header, &context(self.purpose, self.version), rest)
            .map_err(|_unspecified| self.not_authentic())?;
        Ok(self.opened(bytes))
    }

    /// The ciphertext of whoever keeps the master key that `id` names.
    pub fn ciphertext_elsewhere(&self, id: [u8; MASTER_KEY_ID_LEN]) -> Result<&str, KeyError> {
        let rest = self.body(FORMAT_ELSEWHERE, id)?;
        std::str::from_utf8(rest).map_err(|_not_text| self.malformed())
    }

    /// What they gave back for it: an envelope of this purpose and version.
    pub fn opened_elsewhere(&self, envelope: &SecretBytes) -> Result<DataKey, KeyError> {
        let head = envelope_head(self.purpose, self.version);
        let key = envelope.expose().strip_prefix(&head[..]).ok_or_else(|| self.not_authentic())?;
        if key.len() != aead::KEY_LEN {
            return Err(self.not_authentic());
        }
        Ok(self.opened(SecretBytes::new(key.to_vec())))
    }

    fn body(&self, format: u8, id: [u8; MASTER_KEY_ID_LEN]) -> Result<&[u8], KeyError> {
        let (found, rest) =
            self.wrapped.split_first_chunk::<HEADER_LEN>().ok_or_else(|| self.malformed())?;
        let [named, found_id @ ..] = found;
        let is_known = [FORMAT_HERE, FORMAT_ELSEWHERE].contains(named);
        if !is_known || (*named == FORMAT_HERE && rest.len() != aead::OVERHEAD + aead::KEY_LEN) {
            return Err(self.malformed());
        }
        if *named != format || *found_id != id {
            let (purpose, version) = (self.purpose, self.version);
            return Err(KeyError::OtherMasterKey { purpose, version });
        }
        Ok(rest)
    }

    fn opened(&self, bytes: SecretBytes) -> DataKey {
        DataKey {
            purpose: self.purpose,
            version: self.version,
            state: self.state,
            created_at: self.created_at,
            retired_at: self.retired_at,
            sealings: self.sealings,
            bytes,
        }
    }

    fn malformed(&self) -> KeyError {
        KeyError::Malformed { purpose: self.purpose, version: self.version }
    }

    fn not_authentic(&self) -> KeyError {
        KeyError::NotAuthentic { purpose: self.purpose, version: self.version }
    }
}

fn header(format: u8, id: [u8; MASTER_KEY_ID_LEN]) -> [u8; HEADER_LEN] {
    let mut header = [format; HEADER_LEN];
    for (to, from) in header.iter_mut().skip(1).zip(id) {
        *to = from;
    }
    header
}

/// The version has a fixed length and the purpose is the rest, so no two pairs have one encoding.
fn context(purpose: Purpose, version: u32) -> Vec<u8> {
    [&version.to_be_bytes()[..], purpose.as_str().as_bytes()].concat()
}

fn envelope_head(purpose: Purpose, version: u32) -> Vec<u8> {
    let name = purpose.as_str().as_bytes();
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    [ENVELOPE_LABEL, &version.to_be_bytes(), &[length], name].concat()
}
