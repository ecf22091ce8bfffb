//! Signed notes and the keys that verify them (C2SP `signed-note`), Ed25519 only.
//!
//! A note is text that ends with a line break, an empty line, and a line for each signature:
//! `— <name> <base64 of key hash ‖ signature>`. The key hash is four bytes of SHA-256 over name, line break, type and
//! public key, so that a signature says under which key it was made. Signatures of keys that are not known say nothing
//! and are passed over; a signature of a known key that does not verify spoils the note.

use data_encoding::{BASE64, HEXLOWER};
use vault::{DeviceKey, SignError, SigningKey, sha256};

/// The type of an Ed25519 signature of the note's text.
const ED25519: u8 = 1;
/// How a signature's line begins.
const DASH: &str = "\u{2014} ";
/// The longest note that is looked at: a checkpoint has some 250 bytes, and room for witnesses.
pub const MAX_NOTE_BYTES: usize = 16_384;
/// Signatures of one note.
const MAX_SIGNATURES: usize = 32;
const KEY_HASH_LEN: usize = 4;
const SIGNATURE_LEN: usize = 64;

/// A note, nothing of it believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    name: String,
    /// Key hash and what the key made.
    bytes: Vec<u8>,
}

/// A name and a public key: `<name>+<key hash>+<base64 of type ‖ key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

/// Why a note or a key is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("this is not a signed note")]
    Malformed,
    #[error("this is not a key that verifies notes")]
    Key,
    #[error("no known key has signed the note")]
    Unsigned,
    #[error("a signature of the note is wrong")]
    Forged,
}

impl Note {
    /// Signs a text, which must end with a line break, under a name (no blank, no plus).
    pub fn sign(text: &str, name: &str, key: &SigningKey) -> Result<Self, SignError> {
        let signature = key.sign(text.as_bytes())?;
        let hash = key_hash(name, ED25519, key.public_key());
        let bytes = [&hash[..], &signature].concat();
        let signatures = vec![Signature { name: name.to_owned(), bytes }];
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Reads a whole note, strictly.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        let is_plain = |c: char| c == '\n' || !c.is_control();
        if note.len() > MAX_NOTE_BYTES || !note.chars().all(is_plain) {
            return Err(NoteError::Malformed);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let signatures: Vec<Signature> = lines
            .split('\n')
            .map(Signature::parse)
            .collect::<Option<_>>()
            .ok_or(NoteError::Malformed)?;
        if text.is_empty() || signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// What was signed, if one of the keys has signed it.
    pub fn verified(&self, keys: &[VerifierKey]) -> Result<&str, NoteError> {
        let mut is_signed = false;
        for signature in &self.signatures {
            let Some((hash, made)) = signature.bytes.split_at_checked(KEY_HASH_LEN) else {
                return Err(NoteError::Malformed);
            };
            let known = keys.iter().find(|key| {
                key.name == signature.name && key_hash(&key.name, ED25519, &key.public)[..] == *hash
            });
            let Some(key) = known else { continue };
            let verifier = DeviceKey::Ed25519 { x: key.public };
            if made.len() != SIGNATURE_LEN || !verifier.verifies(self.text.as_bytes(), made) {
                return Err(NoteError::Forged);
            }
            is_signed = true;
        }
        if is_signed { Ok(&self.text) } else { Err(NoteError::Unsigned) }
    }

    /// The same note with further signatures: lines as a witness answers them. One that is there already stays once.
    pub fn with_signatures(&self, lines: &str) -> Result<Self, NoteError> {
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let mut signatures = self.signatures.clone();
        for line in lines.split('\n') {
            let signature = Signature::parse(line).ok_or(NoteError::Malformed)?;
            if !signatures.contains(&signature) {
                signatures.push(signature);
            }
        }
        let note = Self { text: self.text.clone(), signatures };
        // What is not read again is of no use to anybody.
        Self::parse(&note.to_string())
    }

    /// What a key has made, behind its hash; nothing of it verified.
    pub(crate) fn made_by<'a>(
        &'a self,
        name: &'a str,
        hash: &'a [u8],
    ) -> impl Iterator<Item = &'a [u8]> {
        let named = self.signatures.iter().filter(move |signature| signature.name == name);
        named.filter_map(move |signature| signature.bytes.strip_prefix(hash))
    }

    /// What it says, whoever signed it.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Signature { name, bytes } in &self.signatures {
            writeln!(f, "{DASH}{name} {}", BASE64.encode(bytes))?;
        }
        Ok(())
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, bytes) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = BASE64.decode(bytes.as_bytes()).ok()?;
        let is_long = bytes.len() > KEY_HASH_LEN;
        (is_name(name) && is_long).then(|| Self { name: name.to_owned(), bytes })
    }
}

impl VerifierKey {
    /// None for a name that no note can have.
    pub fn new(name: &str, public: [u8; 32]) -> Option<Self> {
        is_name(name).then(|| Self { name: name.to_owned(), public })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn public_key(&self) -> &[u8; 32] {
        &self.public
    }
}

impl std::str::FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, public) = read_key(text, ED25519)?;
        Ok(Self { name, public })
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&key_text(&self.name, ED25519, &self.public))
    }
}

/// Name and public key of a text `<name>+<key hash>+<base64 of type ‖ key>`, if it is of this type.
pub(crate) fn read_key(text: &str, kind: u8) -> Result<(String, [u8; 32]), NoteError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::Key);
    };
    let key = BASE64.decode(key.as_bytes()).map_err(|_| NoteError::Key)?;
    let (found, public) = key.split_first().ok_or(NoteError::Key)?;
    let public = <[u8; 32]>::try_from(public).map_err(|_| NoteError::Key)?;
    let is_right =
        *found == kind && is_name(name) && HEXLOWER.encode(&key_hash(name, kind, &public)) == hash;
    if is_right { Ok((name.to_owned(), public)) } else { Err(NoteError::Key) }
}

/// The text that [`read_key`] reads.
pub(crate) fn key_text(name: &str, kind: u8, public: &[u8; 32]) -> String {
    let hash = HEXLOWER.encode(&key_hash(name, kind, public));
    format!("{name}+{hash}+{}", BASE64.encode(&[&[kind][..], public].concat()))
}

pub(crate) fn key_hash(name: &str, kind: u8, public: &[u8; 32]) -> [u8; KEY_HASH_LEN] {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes(), b"\n", &[kind], public].concat());
    [a, b, c, d]
}

/// Whether a note can be signed under this name.
pub fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.chars().all(is_allowed)
}
