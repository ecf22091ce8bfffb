//! Blind indexes: what sealed values are looked up by, under every version of the key.
//!
//! New indexes are made with the version in use; a lookup tries all versions, since rows are computed anew one by
//! one after a rotation and what lasts minutes is not computed anew at all. Cost: a microsecond a version. Bound:
//! [`MAX_INDEX_VERSIONS`]. Never here: a derived key given out, but sealed ([`IndexKeys::seal_key`]).

use super::Versions;
use crate::mac;
use crate::secret::SecretBytes;
use crate::token::same_bytes;
use aws_lc_rs::hmac;

/// Versions of the key that may be there at once: each lookup tries them all.
pub const MAX_INDEX_VERSIONS: usize = 4;

const BLIND_INDEX_LABEL: &str = "exchequer.v1.blind-index:";

/// One version of the key.
pub(super) struct IndexKey {
    pub version: u32,
    pub key: hmac::Key,
}

/// All versions of the key.
pub(super) struct IndexKeys {
    active: IndexKey,
    /// Newest first; one that is newer than `active` is not used by all nodes yet.
    others: Vec<IndexKey>,
}

/// What the sealed values of one column are looked up by; see [`super::Keyring::blind_index`].
pub struct BlindIndex {
    active: hmac::Key,
    others: Vec<hmac::Key>,
}

/// The index of one value under every version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexes {
    active: [u8; mac::MAC_LEN],
    others: Vec<[u8; mac::MAC_LEN]>,
}

impl BlindIndex {
    pub(super) fn of_key(key: hmac::Key) -> Self {
        Self { active: key, others: Vec::new() }
    }

    /// What is written.
    pub fn of(&self, normalised: &[u8]) -> [u8; mac::MAC_LEN] {
        mac::hmac_sha256(&self.active, &[normalised])
    }

    /// What is looked for.
    pub fn all(&self, normalised: &[u8]) -> Indexes {
        let of = |key| mac::hmac_sha256(key, &[normalised]);
        Indexes { active: of(&self.active), others: self.others.iter().map(of).collect() }
    }
}

impl Indexes {
    /// Under the version in use.
    pub fn active(&self) -> &[u8; mac::MAC_LEN] {
        &self.active
    }

    /// Under all other versions, the newest first.
    pub fn others(&self) -> &[[u8; mac::MAC_LEN]] {
        &self.others
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8; mac::MAC_LEN]> {
        std::iter::once(&self.active).chain(&self.others)
    }

    /// For a statement with as many places as there may be versions: places that are left over have the first.
    pub fn places(&self) -> [&[u8; mac::MAC_LEN]; MAX_INDEX_VERSIONS] {
        let mut places = [&self.active; MAX_INDEX_VERSIONS];
        for (place, index) in places.iter_mut().zip(self.iter()) {
            *place = index;
        }
        places
    }

    /// Whether `shown` is the index under any version, in a time that does not tell where they differ.
    #[must_use]
    pub fn has(&self, shown: &[u8]) -> bool {
        self.iter().fold(false, |found, index| found | same_bytes(index, shown))
    }
}

impl IndexKeys {
    pub fn new(versions: Versions<IndexKey>) -> Self {
        Self { active: versions.active, others: versions.others }
    }

    pub fn active_version(&self) -> u32 {
        self.active.version
    }

    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.iter().map(|key| key.version)
    }

    pub fn of(&self, column: &str) -> BlindIndex {
        let derive = |key: &IndexKey| mac::key(derived(key, column).expose());
        BlindIndex {
            active: derive(&self.active),
            others: self.others.iter().map(derive).collect(),
        }
    }

    /// The key of one column alone, which leads to no other column's; none where there is no such version.
    pub fn column_key(&self, version: u32, column: &str) -> Option<SecretBytes> {
        self.iter().find(|key| key.version == version).map(|key| derived(key, column))
    }

    fn iter(&self) -> impl Iterator<Item = &IndexKey> {
        std::iter::once(&self.active).chain(&self.others)
    }
}

fn derived(key: &IndexKey, column: &str) -> SecretBytes {
    SecretBytes::new(mac::derive(&key.key, BLIND_INDEX_LABEL, column.as_bytes()).to_vec())
}
