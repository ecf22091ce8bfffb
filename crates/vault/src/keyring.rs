//! The data keys: a list per purpose, wrapped under the master key, opened once at start-up.
//!
//! A wrapped key is `format (1) ‖ master key id (8) ‖ nonce (12) ‖ key (32) ‖ tag (16)`,
//! AES-256-GCM with purpose and version authenticated, so a row cannot pass for another purpose or
//! version. What is *not* authenticated is the state and the time: they change and are no secret;
//! whoever can write that table can have an old key used again, but cannot bring one in.
//!
//! Order: the newest active version of a purpose seals, hashes and signs; all versions open and
//! verify. Every purpose must have an active key, or the ring does not open, so that the uses of it
//! cannot lack one. Key schedules are made once and kept. Never here: a key given out.

use crate::aead;
use crate::card::{FingerprintKey, FormatPreservingKey};
use crate::mac;
use crate::master::{MASTER_KEY_ID_LEN, MasterKey};
use crate::sealing::{Place, SealError, Sealer};
use crate::secret::SecretBytes;
use crate::signing::{SigningKey, SigningKeys};
use aws_lc_rs::hmac;
use money::{Rng, Timestamp};
use zeroize::Zeroizing;

/// What a data key is for; no key serves two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Sealing personal fields.
    PersonalData,
    /// Looking a sealed field up.
    BlindIndex,
    /// Signing access tokens: the key is an Ed25519 seed.
    TokenSigning,
    /// Hashing sensitive fields in events.
    EventFields,
    /// Sealing card numbers (PCI DSS 4.0.1, 3.6.1: no key of anything else).
    CardData,
    /// Fingerprints of cards and format-preserving tokens.
    CardTokens,
    /// Sealing what merchants and webhook endpoints sign with.
    MerchantSecrets,
}

/// The purposes that seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {
    PersonalData,
    CardData,
    MerchantSecrets,
}

/// Whether a key is used for new values or only for old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Active,
    Retired,
}

/// A row of the `data_keys` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    pub purpose: Purpose,
    pub version: u32,
    pub state: KeyState,
    pub created_at: Timestamp,
    pub wrapped: Vec<u8>,
}

/// Why the keys do not open, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("there are two {} keys of version {version}", purpose.as_str())]
    Duplicate { purpose: Purpose, version: u32 },
    #[error("the {} key of version {version} is damaged", purpose.as_str())]
    Malformed { purpose: Purpose, version: u32 },
    #[error("the {} key of version {version} belongs to another master key", purpose.as_str())]
    OtherMasterKey { purpose: Purpose, version: u32 },
    #[error("the {} key of version {version} was changed", purpose.as_str())]
    NotAuthentic { purpose: Purpose, version: u32 },
    #[error("the cryptographic library refused a {} key", purpose.as_str())]
    Refused { purpose: Purpose },
    #[error("there is no active {} key", purpose.as_str())]
    NoActiveKey { purpose: Purpose },
}

/// The opened data keys, shared by all threads.
pub struct Keyring {
    sealer: Sealer,
    blind_index: hmac::Key,
    event_fields: hmac::Key,
    signing: SigningKeys,
    card_data: Sealer,
    merchant_secrets: Sealer,
    /// Newest first.
    card_tokens: Vec<CardTokenKeys>,
}

/// What one version of [`Purpose::CardTokens`] makes.
pub struct CardTokenKeys {
    pub version: u32,
    pub fingerprints: FingerprintKey,
    pub tokens: FormatPreservingKey,
}

/// What the sealed values of one column are looked up by; see [`Keyring::blind_index`].
pub struct BlindIndex(hmac::Key);

impl BlindIndex {
    pub fn of(&self, normalised: &[u8]) -> [u8; mac::MAC_LEN] {
        mac::hmac_sha256(&self.0, &[normalised])
    }
}

const FORMAT: u8 = 1;
const HEADER_LEN: usize = 1 + MASTER_KEY_ID_LEN;
const BLIND_INDEX_LABEL: &str = "exchequer.v1.blind-index:";
const EVENT_FIELD_LABEL: &str = "exchequer.v1.event-field:";

impl Purpose {
    pub const ALL: [Self; 7] = [
        Self::PersonalData,
        Self::BlindIndex,
        Self::TokenSigning,
        Self::EventFields,
        Self::CardData,
        Self::CardTokens,
        Self::MerchantSecrets,
    ];

    /// Came with a later version, so a bank that is older has no key of it until `migrate` makes one. Of
    /// the others a missing key is damage, which a new one would only hide.
    pub const fn came_later(self) -> bool {
        match self {
            Self::PersonalData | Self::BlindIndex | Self::TokenSigning | Self::EventFields => false,
            Self::CardData | Self::CardTokens | Self::MerchantSecrets => true,
        }
    }

    /// The word in the `data_keys` table and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PersonalData => "personal_data",
            Self::BlindIndex => "blind_index",
            Self::TokenSigning => "token_signing",
            Self::EventFields => "event_fields",
            Self::CardData => "card_data",
            Self::CardTokens => "card_tokens",
            Self::MerchantSecrets => "merchant_secrets",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

impl KeyState {
    /// The word in the `data_keys` table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Retired].into_iter().find(|state| state.as_str() == text)
    }
}

impl Keyring {
    /// Draws a key and wraps it; the caller stores it and sees to the version being new.
    pub fn new_data_key(
        master: &MasterKey,
        rng: &Rng,
        purpose: Purpose,
        version: u32,
        now: Timestamp,
    ) -> Result<WrappedKey, KeyError> {
        let key = Zeroizing::new(rng.bytes::<{ aead::KEY_LEN }>());
        let wrapped = master
            .wrap(rng, &header(master), &context(purpose, version), key.as_slice())
            .map_err(|_unspecified| KeyError::Refused { purpose })?;
        Ok(WrappedKey { purpose, version, state: KeyState::Active, created_at: now, wrapped })
    }

    /// Version 1 of every purpose: what a new bank starts with.
    pub fn first_data_keys(
        master: &MasterKey,
        rng: &Rng,
        now: Timestamp,
    ) -> Result<Vec<WrappedKey>, KeyError> {
        Purpose::ALL
            .into_iter()
            .map(|purpose| Self::new_data_key(master, rng, purpose, 1, now))
            .collect()
    }

    /// Opens all rows of the table, or none.
    pub fn open(master: &MasterKey, rows: &[WrappedKey]) -> Result<Self, KeyError> {
        let mut newest_first: Vec<&WrappedKey> = rows.iter().collect();
        newest_first.sort_by_key(|row| (row.purpose, std::cmp::Reverse(row.version)));
        for pair in newest_first.windows(2) {
            if let [a, b] = pair
                && (a.purpose, a.version) == (b.purpose, b.version)
            {
                return Err(KeyError::Duplicate { purpose: a.purpose, version: a.version });
            }
        }
        let mut opened = Vec::with_capacity(newest_first.len());
        for row in newest_first {
            opened.push(OpenedKey { row, bytes: unwrap(master, row)? });
        }

        let sealer = |purpose| {
            let keys = each(&opened, purpose, |version, bytes| {
                aead::key(bytes).ok().map(|key| (version, key))
            })?;
            Ok(Sealer::new(keys.active, keys.others))
        };
        let card_tokens = each(&opened, Purpose::CardTokens, card_token_keys)?;
        let signing = each(&opened, Purpose::TokenSigning, |version, bytes| {
            SigningKey::from_seed(version, bytes).ok()
        })?;
        let hash = |purpose| each(&opened, purpose, |_version, bytes| Some(mac::key(bytes)));
        Ok(Self {
            sealer: sealer(Purpose::PersonalData)?,
            card_data: sealer(Purpose::CardData)?,
            merchant_secrets: sealer(Purpose::MerchantSecrets)?,
            card_tokens: std::iter::once(card_tokens.active).chain(card_tokens.others).collect(),
            blind_index: hash(Purpose::BlindIndex)?.active,
            event_fields: hash(Purpose::EventFields)?.active,
            signing: SigningKeys::new(signing.active, signing.others),
        })
    }

    /// Seals `plaintext` for `place` with the newest active key; see [`crate::sealing`].
    pub fn seal(
        &self,
        rng: &Rng,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.sealer.seal(rng, place, plaintext)
    }

    /// Opens what [`Keyring::seal`] made for the same place, with whichever version made it.
    pub fn open_sealed(&self, place: &Place<'_>, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        self.sealer.open(place, sealed)
    }

    /// As [`Keyring::seal`], with the key of another purpose.
    pub fn seal_for(
        &self,
        sealing: Sealing,
        rng: &Rng,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.sealer_of(sealing).seal(rng, place, plaintext)
    }

    /// Opens what [`Keyring::seal_for`] made for the same purpose and place.
    pub fn open_for(
        &self,
        sealing: Sealing,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<SecretBytes, SealError> {
        self.sealer_of(sealing).open(place, sealed)
    }

    fn sealer_of(&self, sealing: Sealing) -> &Sealer {
        match sealing {
            Sealing::PersonalData => &self.sealer,
            Sealing::CardData => &self.card_data,
            Sealing::MerchantSecrets => &self.merchant_secrets,
        }
    }

    /// Fingerprints and tokens of cards: the active version first, which makes new ones; under all of
    /// them a number is looked up.
    pub fn card_tokens(&self) -> &[CardTokenKeys] {
        &self.card_tokens
    }

    /// What a sealed value is looked up by: HMAC-SHA256 under a key of the column's own, so that
    /// equal values in two columns do not show. Equal values in one column do.
    ///
    /// `column` is `table.column`; `normalised` is the one spelling of the value (an e-mail in
    /// lower case, a phone number in E.164).
    pub fn blind_index(&self, column: &'static str, normalised: &[u8]) -> [u8; mac::MAC_LEN] {
        self.blind_index_of(column).of(normalised)
    }

    /// The index of one column, for a caller that looks up often: deriving the key is most of the cost.
    pub fn blind_index_of(&self, column: &'static str) -> BlindIndex {
        let key = mac::derive(&self.blind_index, BLIND_INDEX_LABEL, column.as_bytes());
        BlindIndex(mac::key(key.as_slice()))
    }

    /// What an event keeps of a sensitive field: enough to see whether it changed.
    pub fn event_hash(&self, field: &str, value: &[u8]) -> [u8; mac::MAC_LEN] {
        let key = mac::derive(&self.event_fields, EVENT_FIELD_LABEL, field.as_bytes());
        mac::hmac_sha256(&mac::key(key.as_slice()), &[value])
    }

    pub fn signing_keys(&self) -> &SigningKeys {
        &self.signing
    }
}

struct OpenedKey<'a> {
    row: &'a WrappedKey,
    bytes: SecretBytes,
}

struct Versions<K> {
    active: K,
    /// Newest first.
    others: Vec<K>,
}

/// The keys of one purpose, made by `make`; `opened` is newest first.
fn each<K>(
    opened: &[OpenedKey<'_>],
    purpose: Purpose,
    make: impl Fn(u32, &[u8]) -> Option<K>,
) -> Result<Versions<K>, KeyError> {
    let mut active = None;
    let mut others = Vec::new();
    for key in opened.iter().filter(|key| key.row.purpose == purpose) {
        let made =
            make(key.row.version, key.bytes.expose()).ok_or(KeyError::Refused { purpose })?;
        if active.is_none() && key.row.state == KeyState::Active {
            active = Some(made);
        } else {
            others.push(made);
        }
    }
    let active = active.ok_or(KeyError::NoActiveKey { purpose })?;
    Ok(Versions { active, others })
}

fn card_token_keys(version: u32, bytes: &[u8]) -> Option<CardTokenKeys> {
    let secret = bytes.try_into().ok()?;
    let tokens = FormatPreservingKey::new(secret).ok()?;
    Some(CardTokenKeys { version, fingerprints: FingerprintKey::new(secret), tokens })
}

fn unwrap(master: &MasterKey, row: &WrappedKey) -> Result<SecretBytes, KeyError> {
    let WrappedKey { purpose, version, .. } = *row;
    let malformed = KeyError::Malformed { purpose, version };
    let (found, rest) = row.wrapped.split_first_chunk::<HEADER_LEN>().ok_or(malformed)?;
    if rest.len() != aead::OVERHEAD + aead::KEY_LEN || found.first() != Some(&FORMAT) {
        return Err(malformed);
    }
    let header = header(master);
    if *found != header {
        return Err(KeyError::OtherMasterKey { purpose, version });
    }
    master
        .unwrap(&header, &context(purpose, version), rest)
        .map_err(|_unspecified| KeyError::NotAuthentic { purpose, version })
}

fn header(master: &MasterKey) -> [u8; HEADER_LEN] {
    let mut header = [FORMAT; HEADER_LEN];
    for (to, from) in header.iter_mut().skip(1).zip(master.id()) {
        *to = from;
    }
    header
}

/// The version has a fixed length and the purpose is the rest, so no two pairs have one encoding.
fn context(purpose: Purpose, version: u32) -> Vec<u8> {
    [&version.to_be_bytes()[..], purpose.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests;
