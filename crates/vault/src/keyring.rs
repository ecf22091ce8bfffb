//! The data keys: a list per purpose, opened at start-up and whenever the table has changed.
//!
//! Order: of the active versions the newest that is [`USED_AFTER_SECONDS`] old seals, hashes and signs, so
//! that every node knows a version before any node uses it; until then the one before does. All versions
//! open and verify but those that are destroyed. Every purpose must have an active key, or the ring does not
//! open, so that the uses of it cannot lack one. Key schedules are made once and kept. Never here: a key
//! given out.
//!
//! Each key that seals is counted ([`Keyring::take_uses`]); past [`REFUSED_AFTER`] sealings it refuses.

mod data_key;
mod indexes;
mod purpose;

pub use self::data_key::{DataKey, WrappedKey};
pub use self::indexes::{BlindIndex, Indexes, MAX_INDEX_VERSIONS};
use self::indexes::{IndexKey, IndexKeys};
pub use self::purpose::{KeyState, Purpose, Sealing};
use crate::aead::Cipher;
use crate::card::{FingerprintKey, FormatPreservingKey};
use crate::mac;
use crate::master::MasterKey;
use crate::sealing::{CipherKeys, Place, SealError, Sealer, SealingKey};
use crate::secret::SecretBytes;
use crate::signing::{SigningKey, SigningKeys};
use aws_lc_rs::hmac;
use money::{Rng, Timestamp};

/// Seconds from the making of a version until it is used: longer than nodes take to look for one and their
/// clocks to differ.
pub const USED_AFTER_SECONDS: i64 = 15;
/// Sealings under one version after which the next one is made: half of what is allowed, because the count
/// is told late and what a crashed node had not told is lost.
pub const ROTATED_AFTER: u64 = 1 << 31;
/// Sealings under one version after which it seals no more: random 96-bit nonces allow 2^32 (NIST SP
/// 800-38D §8.3), and a sixteenth of that is kept back for what other nodes have not told yet.
pub const REFUSED_AFTER: u64 = (1 << 32) - (1 << 28);

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
    indexes: IndexKeys,
    /// Derived once, since each request with an idempotency key has one.
    request_hashes: BlindIndex,
    event_fields: hmac::Key,
    signing: SigningKeys,
    log: SigningKeys,
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

const REQUEST_HASHES: &str = "idempotency.request_hash";
const EVENT_FIELD_LABEL: &str = "exchequer.v1.event-field:";

impl Keyring {
    /// Version 1 of every purpose: what a new bank starts with.
    pub fn first_data_keys(
        master: &MasterKey,
        rng: &Rng,
        now: Timestamp,
    ) -> Result<Vec<WrappedKey>, KeyError> {
        Purpose::ALL
            .into_iter()
            .map(|purpose| DataKey::draw(rng, purpose, 1, now).wrap(master, rng))
            .collect()
    }

    /// Opens all rows of the table under a master key of a file, or none.
    pub fn open(master: &MasterKey, rows: &[WrappedKey], now: Timestamp) -> Result<Self, KeyError> {
        let kept = rows.iter().filter(|row| row.state != KeyState::Destroyed);
        let keys = kept.map(|row| row.unwrap_key(master)).collect::<Result<_, _>>()?;
        Self::of_keys(keys, now)
    }

    /// A ring of all keys that are not destroyed.
    pub fn of_keys(mut keys: Vec<DataKey>, now: Timestamp) -> Result<Self, KeyError> {
        keys.sort_by_key(|key| (key.purpose, std::cmp::Reverse(key.version)));
        for pair in keys.windows(2) {
            if let [a, b] = pair
                && (a.purpose, a.version) == (b.purpose, b.version)
            {
                return Err(KeyError::Duplicate { purpose: a.purpose, version: a.version });
            }
        }
        let sealer = |purpose| {
            let keys = each(&keys, purpose, now, |key| {
                let (version, sealings) = (key.version, key.sealings);
                let keys = CipherKeys::new(key.bytes.expose())?;
                Some(SealingKey { version, keys, sealings })
            })?;
            Ok(Sealer::new(keys.active, keys.others))
        };
        let card_tokens = each(&keys, Purpose::CardTokens, now, card_token_keys)?;
        let signing = |purpose| {
            let keys = each(&keys, purpose, now, |key| {
                let made = SigningKey::from_seed(key.version, key.bytes.expose()).ok()?;
                Some(made.retired_at(key.retired_at))
            })?;
            Ok(SigningKeys::new(keys.active, keys.others))
        };
        let hash = |purpose| each(&keys, purpose, now, |key| Some(mac::key(key.bytes.expose())));
        let indexes = IndexKeys::new(each(&keys, Purpose::BlindIndex, now, |key| {
            Some(IndexKey { version: key.version, key: mac::key(key.bytes.expose()) })
        })?);
        Ok(Self {
            sealer: sealer(Purpose::PersonalData)?,
            card_data: sealer(Purpose::CardData)?,
            merchant_secrets: sealer(Purpose::MerchantSecrets)?,
            card_tokens: std::iter::once(card_tokens.active).chain(card_tokens.others).collect(),
            request_hashes: indexes.of(REQUEST_HASHES),
            indexes,
            event_fields: hash(Purpose::EventFields)?.active,
            signing: signing(Purpose::TokenSigning)?,
            log: signing(Purpose::LogSigning)?,
        })
    }

    /// The same ring, which seals with another cipher; it opens what either has sealed.
    #[must_use]
    pub fn sealing_with(mut self, cipher: Cipher) -> Self {
        for sealer in [&mut self.sealer, &mut self.card_data, &mut self.merchant_secrets] {
            sealer.seal_with(cipher);
        }
        self
    }

    /// Which version of each purpose a ring of these rows uses at a moment: when this changes, a ring that
    /// stands has to be made anew.
    pub fn chosen(rows: &[WrappedKey], now: Timestamp) -> Vec<(Purpose, u32)> {
        let choose = |purpose| {
            let of_purpose = rows.iter().filter(|row| row.purpose == purpose);
            let versions = of_purpose
                .filter(|row| row.state != KeyState::Destroyed)
                .map(|row| (row.version, row.created_at));
            Some((purpose, choice(versions, now)?))
        };
        Purpose::ALL.into_iter().filter_map(choose).collect()
    }

    /// The sealings since this was last asked, by purpose and the version that made them.
    pub fn take_uses(&self) -> Vec<(Sealing, u32, u64)> {
        let uses = Sealing::ALL.map(|sealing| {
            let (version, uses) = self.sealer_of(sealing).take_uses();
            (sealing, version, uses)
        });
        uses.into_iter().filter(|(_, _, uses)| *uses > 0).collect()
    }

    /// The version that seals.
    pub fn active_version(&self, sealing: Sealing) -> u32 {
        self.sealer_of(sealing).active_version()
    }

    /// How often the version in use has sealed on all nodes, as the table has it.
    pub fn learn_uses(&self, (sealing, version, sealings): (Sealing, u32, u64)) {
        self.sealer_of(sealing).learn_uses(version, sealings);
    }

    /// The sealings since [`Keyring::take_uses`].
    pub fn untold_uses(&self) -> u64 {
        let of = |sealing| self.sealer_of(sealing).untold();
        Sealing::ALL.into_iter().map(of).fold(0, u64::saturating_add)
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
    /// equal values in two columns do not show. Equal values in one column do. Made with the version in use;
    /// what was written is looked for with [`Keyring::blind_indexes`].
    ///
    /// `column` is `table.column`; `normalised` is the one spelling of the value (an e-mail in
    /// lower case, a phone number in E.164).
    pub fn blind_index(&self, column: &'static str, normalised: &[u8]) -> [u8; mac::MAC_LEN] {
        self.blind_index_of(column).of(normalised)
    }

    /// The same under every version.
    pub fn blind_indexes(&self, column: &'static str, normalised: &[u8]) -> Indexes {
        self.blind_index_of(column).all(normalised)
    }

    /// The index of one column, for a caller that looks up often: deriving the key is most of the cost.
    pub fn blind_index_of(&self, column: &'static str) -> BlindIndex {
        self.indexes.of(column)
    }

    /// What requests under idempotency keys are compared by.
    pub fn request_hashes(&self) -> &BlindIndex {
        &self.request_hashes
    }

    /// The version that new indexes are made with.
    pub fn index_version(&self) -> u32 {
        self.indexes.active_version()
    }

    /// Every version that indexes are looked for with.
    pub fn index_versions(&self) -> impl Iterator<Item = u32> {
        self.indexes.versions()
    }

    /// The key of one column alone under a version, sealed for `place`: so that what cannot be computed anew is
    /// found when the version is gone. No other column's key follows from it. None: there is no such version.
    pub fn keep_index(
        &self,
        rng: &Rng,
        (version, column): (u32, &'static str),
        place: &Place<'_>,
    ) -> Result<Option<Vec<u8>>, SealError> {
        let Some(key) = self.indexes.column_key(version, column) else { return Ok(None) };
        self.sealer.seal(rng, place, key.expose()).map(Some)
    }

    /// The index that [`Keyring::keep_index`] sealed for the same place.
    pub fn kept_index(&self, place: &Place<'_>, sealed: &[u8]) -> Result<BlindIndex, SealError> {
        let key = self.sealer.open(place, sealed)?;
        Ok(BlindIndex::of_key(mac::key(key.expose())))
    }

    /// What an event keeps of a sensitive field: enough to see whether it changed.
    pub fn event_hash(&self, field: &str, value: &[u8]) -> [u8; mac::MAC_LEN] {
        let key = mac::derive(&self.event_fields, EVENT_FIELD_LABEL, field.as_bytes());
        mac::hmac_sha256(&mac::key(key.as_slice()), &[value])
    }

    pub fn signing_keys(&self) -> &SigningKeys {
        &self.signing
    }

    /// What checkpoints of the Merkle log are signed with; all versions verify for ever.
    pub fn log_keys(&self) -> &SigningKeys {
        &self.log
    }
}

struct Versions<K> {
    active: K,
    /// Newest first.
    others: Vec<K>,
}

/// The keys of one purpose, made by `make`; `keys` is newest first.
fn each<K>(
    keys: &[DataKey],
    purpose: Purpose,
    now: Timestamp,
    make: impl Fn(&DataKey) -> Option<K>,
) -> Result<Versions<K>, KeyError> {
    let of_purpose = || keys.iter().filter(|key| key.purpose == purpose);
    if !of_purpose().any(|key| key.state == KeyState::Active) {
        return Err(KeyError::NoActiveKey { purpose });
    }
    let chosen = choice(of_purpose().map(|key| (key.version, key.created_at)), now);
    let mut active = None;
    let mut others = Vec::new();
    for key in of_purpose() {
        let made = make(key).ok_or(KeyError::Refused { purpose })?;
        if chosen == Some(key.version) {
            active = Some(made);
        } else {
            others.push(made);
        }
    }
    let active = active.ok_or(KeyError::NoActiveKey { purpose })?;
    Ok(Versions { active, others })
}

/// The newest version that is old enough; where none is, as in a new bank, the first.
fn choice(versions: impl Iterator<Item = (u32, Timestamp)>, now: Timestamp) -> Option<u32> {
    let (mut newest_known, mut first) = (None, None);
    for (version, created_at) in versions {
        if created_at.plus_seconds(USED_AFTER_SECONDS) <= now {
            newest_known = newest_known.max(Some(version));
        }
        first = Some(first.map_or(version, |first: u32| first.min(version)));
    }
    newest_known.or(first)
}

fn card_token_keys(key: &DataKey) -> Option<CardTokenKeys> {
    let secret = key.bytes.expose().try_into().ok()?;
    let tokens = FormatPreservingKey::new(secret).ok()?;
    Some(CardTokenKeys { version: key.version, fingerprints: FingerprintKey::new(secret), tokens })
}

#[cfg(test)]
mod tests;
