//! WebAuthn credentials (W3C WebAuthn Level 3): the bytes of authenticators, and whether they are right.
//!
//! [`read_creation`] takes a new credential out of an attestation object (§7.1 steps 9 to 26),
//! [`verify_assertion`] judges that it was shown again (§7.2 steps 15 to 22). What stands in the client's
//! JSON (type, challenge, origin) is the caller's to compare, before either of them. The presence and the
//! verification of the person are always demanded. Attestation statements are not looked at (§7.1 step
//! 21 with no attestation asked for): which make of key somebody uses is not the bank's business.
//!
//! Keys: ES256, ES384, ES512, EdDSA (Ed25519) and RS256, nothing else. Every length comes from a
//! stranger: a damaged value is an error.

mod cbor;
mod cose;

pub use cose::Algorithm;

use self::cbor::{Item, Reader};
use crate::token::{SHA256_LEN, sha256};

/// A credential as it is kept. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Unique among all authenticators; 1 to 1,023 bytes (§4).
    pub id: Vec<u8>,
    /// A COSE_Key (RFC 9052 §7) of one of [`Algorithm`].
    pub public_key: Vec<u8>,
    /// The signature counter that was last seen; 0 where the authenticator keeps none.
    pub counter: u32,
    /// Whether it may be copied to other devices of its holder; never changes.
    pub backup_eligible: bool,
    pub backed_up: bool,
}

/// A right assertion: what has changed of the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub counter: u32,
    pub backed_up: bool,
}

/// Why a credential is not taken, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebauthnError {
    /// Not the bytes that the standard describes.
    #[error("the authenticator's data cannot be read")]
    Malformed,
    /// Made for another site.
    #[error("the relying party is another")]
    OtherParty,
    /// Nobody touched the authenticator, or it did not find out who.
    #[error("the person was not verified")]
    NotVerified,
    /// Backed up though it cannot be, or no longer eligible though it was.
    #[error("the backup flags contradict each other")]
    BackupFlags,
    /// A key of a kind that was not offered, or no key at all.
    #[error("the public key cannot be used")]
    Key,
    #[error("the signature is wrong")]
    Signature,
    /// The counter did not grow (§7.2 step 22): the credential may have been copied.
    #[error("the signature counter went back")]
    Copied,
}

/// The bits of authenticator data's flags (§6.1).
mod flag {
    pub const PRESENT: u8 = 0x01;
    pub const VERIFIED: u8 = 0x04;
    pub const BACKUP_ELIGIBLE: u8 = 0x08;
    pub const BACKED_UP: u8 = 0x10;
    pub const CREDENTIAL: u8 = 0x40;
    pub const EXTENSIONS: u8 = 0x80;
}

/// §4: an id is at most this long.
const MAX_ID_BYTES: usize = 1_023;

/// Authenticator data (§6.1), its fixed part checked.
struct Data<'d> {
    flags: u8,
    counter: u32,
    /// Behind the fixed part.
    rest: &'d [u8],
}

/// The credential in a fresh attestation object.
pub fn read_creation(rp_id: &str, attestation_object: &[u8]) -> Result<Credential, WebauthnError> {
    let mut data = None;
    let mut reader = Reader::new(attestation_object);
    for _ in 0..reader.map()? {
        match reader.text()? {
            "authData" if data.is_none() => data = Some(reader.bytes()?),
            "fmt" | "attStmt" => reader.skip()?,
            _ => return Err(WebauthnError::Malformed),
        }
    }
    reader.end()?;
    let data = Data::read(rp_id, data.ok_or(WebauthnError::Malformed)?)?;
    if data.flags & flag::CREDENTIAL == 0 {
        return Err(WebauthnError::Malformed);
    }
    // The make of the authenticator (its AAGUID) is not kept.
    let (_, rest) = data.rest.split_first_chunk::<16>().ok_or(WebauthnError::Malformed)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(WebauthnError::Malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > MAX_ID_BYTES {
        return Err(WebauthnError::Malformed);
    }
    let (id, rest) = rest.split_at_checked(length).ok_or(WebauthnError::Malformed)?;
    let mut reader = Reader::new(rest);
    reader.skip()?;
    let key_length = rest.len().saturating_sub(reader.left());
    let (public_key, _) = rest.split_at_checked(key_length).ok_or(WebauthnError::Malformed)?;
    data.end(reader)?;
    cose::PublicKey::read(public_key)?.check()?;
    Ok(Credential {
        id: id.to_vec(),
        public_key: public_key.to_vec(),
        counter: data.counter,
        backup_eligible: data.flags & flag::BACKUP_ELIGIBLE != 0,
        backed_up: data.flags & flag::BACKED_UP != 0,
    })
}

/// Whether this credential signed for this site. `client_data` are the raw bytes that the caller has
/// compared with its challenge and origins.
pub fn verify_assertion(
    rp_id: &str,
    credential: &Credential,
    client_data: &[u8],
    authenticator_data: &[u8],
    signature: &[u8],
) -> Result<Shown, WebauthnError> {
    let data = Data::read(rp_id, authenticator_data)?;
    data.end(Reader::new(data.rest))?;
    let is_eligible = data.flags & flag::BACKUP_ELIGIBLE != 0;
    if data.flags & flag::CREDENTIAL != 0 {
        return Err(WebauthnError::Malformed);
    }
    if is_eligible != credential.backup_eligible {
        return Err(WebauthnError::BackupFlags);
    }
    let signed = [authenticator_data, &sha256(client_data)].concat();
    cose::PublicKey::read(&credential.public_key)?.verify(&signed, signature)?;
    let counts = data.counter > 0 || credential.counter > 0;
    if counts && data.counter <= credential.counter {
        return Err(WebauthnError::Copied);
    }
    Ok(Shown { counter: data.counter, backed_up: data.flags & flag::BACKED_UP != 0 })
}

/// The algorithm of a stored key.
pub fn algorithm(public_key: &[u8]) -> Result<Algorithm, WebauthnError> {
    cose::PublicKey::read(public_key).map(|key| key.algorithm())
}

impl<'d> Data<'d> {
    /// Errors: `Malformed`, `OtherParty`, `NotVerified`, `BackupFlags`.
    fn read(rp_id: &str, bytes: &'d [u8]) -> Result<Self, WebauthnError> {
        let malformed = WebauthnError::Malformed;
        let (party, rest) = bytes.split_first_chunk::<SHA256_LEN>().ok_or(malformed)?;
        let (flags, rest) = rest.split_first().ok_or(malformed)?;
        let (counter, rest) = rest.split_first_chunk::<4>().ok_or(malformed)?;
        if *party != sha256(rp_id.as_bytes()) {
            return Err(WebauthnError::OtherParty);
        }
        let wanted = flag::PRESENT | flag::VERIFIED;
        if flags & wanted != wanted {
            return Err(WebauthnError::NotVerified);
        }
        if flags & (flag::BACKUP_ELIGIBLE | flag::BACKED_UP) == flag::BACKED_UP {
            return Err(WebauthnError::BackupFlags);
        }
        Ok(Self { flags: *flags, counter: u32::from_be_bytes(*counter), rest })
    }

    /// Nothing follows but the map of extensions that the flags announce.
    fn end(&self, mut reader: Reader<'_>) -> Result<(), WebauthnError> {
        if self.flags & flag::EXTENSIONS != 0 {
            match reader.item()? {
                Item::Map(entries) => {
                    for _ in 0..entries.saturating_mul(2) {
                        reader.skip()?;
                    }
                }
                _ => return Err(WebauthnError::Malformed),
            }
        }
        reader.end()
    }
}

#[cfg(test)]
mod tests;
