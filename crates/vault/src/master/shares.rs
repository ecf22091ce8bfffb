//! The master key in shares, all of which are needed: what whoever holds one of them, or all but one, cannot use.
//!
//! All shares but the last are random bytes; the last is the key combined with them by XOR. So any of them but one are
//! as random as if there were no key, whatever somebody can compute. A share's file is one line,
//! `exchequer-share-of-master-key-1:NUMBER/COUNT:KEY:SET:SHARE:CHECK`: `KEY` is [`MasterKey::id`] of the whole key and
//! `SET` 64 random bits of one splitting, so that a share that does not belong to the others is told before anything is
//! opened; `CHECK` is six characters of checksum over all before it. `KEY` is a keyed fingerprint: of use to nobody who
//! cannot try 2^256 keys.
//!
//! Never here: a threshold below all of them; a share or a key in an error.

use super::{MASTER_KEY_ID_LEN, MasterKey, MasterKeyError};
use crate::aead;
use crate::secret::SecretString;
use crate::token::sha256;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use money::Rng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// One of the shares of a master key.
#[derive(ZeroizeOnDrop)]
pub struct KeyShare {
    /// From 1.
    number: u8,
    count: u8,
    key: [u8; MASTER_KEY_ID_LEN],
    set: [u8; SET_LEN],
    bytes: [u8; aead::KEY_LEN],
}

/// One share is the key, and more custodians than eight are not brought together.
pub const MIN_SHARES: u8 = 2;
pub const MAX_SHARES: u8 = 8;

/// Why a key is not split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    #[error("a master key has {MIN_SHARES} to {MAX_SHARES} shares")]
    Count,
    /// Only when the source of randomness is broken.
    #[error(transparent)]
    Random(#[from] MasterKeyError),
}

/// Why a share is not accepted, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    #[error("this is not a share of a master key: it does not begin with `{SHARE_PREFIX}`")]
    NotAShare,
    #[error(
        "the share is damaged: it must be one line `{SHARE_PREFIX}NUMBER/COUNT:KEY:SET:SHARE:CHECK`"
    )]
    Malformed,
    #[error("the share is damaged: it and its checksum do not belong together")]
    Checksum,
}

/// Why shares do not make a key, in the order in which it is checked. Places are those in the order given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinError {
    /// The share at this place is of another key than the first.
    OtherKey {
        at: usize,
    },
    /// The same of another splitting of the same key.
    OtherSet {
        at: usize,
    },
    Twice {
        at: usize,
        before: usize,
    },
    /// The first number that is not there.
    Missing {
        number: u8,
        count: u8,
    },
    /// Together they give another key than they name: somebody changed one and its checksum.
    Mismatch,
    Key(MasterKeyError),
}

const SHARE_PREFIX: &str = "exchequer-share-of-master-key-1:";
const SHARE_CHECK_LABEL: &str = "exchequer master key share checksum";
const SET_LEN: usize = 8;

impl MasterKey {
    /// As many shares as `count` says, of which all are needed.
    pub fn split(&self, rng: &Rng, count: u8) -> Result<Vec<KeyShare>, SplitError> {
        if !(MIN_SHARES..=MAX_SHARES).contains(&count) {
            return Err(SplitError::Count);
        }
        let (key, set) = (self.id(), rng.bytes());
        let mut last = Self { bytes: self.bytes };
        // Measured first, so that no grown-out-of buffer with shares in it is left behind.
        let mut shares = Vec::with_capacity(usize::from(count));
        for number in 1..count {
            let random = Self::generate(rng)?;
            last.combine(&random.bytes);
            shares.push(KeyShare { number, count, key, set, bytes: random.bytes });
        }
        shares.push(KeyShare { number: count, count, key, set, bytes: last.bytes });
        Ok(shares)
    }

    /// The key of these shares, in any order.
    pub fn join(shares: &[KeyShare]) -> Result<Self, JoinError> {
        let none = JoinError::Missing { number: 1, count: MIN_SHARES };
        let first = shares.first().ok_or(none)?;
        for (at, share) in shares.iter().enumerate() {
            if share.key != first.key {
                return Err(JoinError::OtherKey { at });
            }
            if (share.set, share.count) != (first.set, first.count) {
                return Err(JoinError::OtherSet { at });
            }
        }
        for (at, share) in shares.iter().enumerate() {
            let mut earlier = shares.iter().take(at);
            if let Some(before) = earlier.position(|other| other.number == share.number) {
                return Err(JoinError::Twice { at, before });
            }
        }
        let is_there = |number: &u8| shares.iter().any(|share| share.number == *number);
        if let Some(number) = (1..=first.count).find(|number| !is_there(number)) {
            return Err(JoinError::Missing { number, count: first.count });
        }
        let mut key = Self { bytes: [0; aead::KEY_LEN] };
        for share in shares {
            key.combine(&share.bytes);
        }
        if key.id() != first.key {
            return Err(JoinError::Mismatch);
        }
        key.strong().map_err(JoinError::Key)
    }

    fn combine(&mut self, other: &[u8; aead::KEY_LEN]) {
        for (to, from) in self.bytes.iter_mut().zip(other) {
            *to ^= from;
        }
    }
}

impl KeyShare {
    /// Reads the content of a share's file. White space around the line is allowed.
    pub fn parse(file: &str) -> Result<Self, ShareError> {
        let line = file.trim().strip_prefix(SHARE_PREFIX).ok_or(ShareError::NotAShare)?;
        let (body, check) = line.rsplit_once(':').ok_or(ShareError::Malformed)?;
        let share = Self::of_body(body).ok_or(ShareError::Malformed)?;
        if check == checksum(body) { Ok(share) } else { Err(ShareError::Checksum) }
    }

    /// The line for its file, to be written with mode 0600.
    pub fn to_file(&self) -> SecretString {
        let body = self.body();
        SecretString::new([SHARE_PREFIX, &body, ":", &checksum(&body), "\n"].concat())
    }

    /// From 1 to [`KeyShare::count`].
    pub fn number(&self) -> u8 {
        self.number
    }

    pub fn count(&self) -> u8 {
        self.count
    }

    fn of_body(body: &str) -> Option<Self> {
        let (place, rest) = body.split_once(':')?;
        let (key, rest) = rest.split_once(':')?;
        let (set, encoded) = rest.split_once(':')?;
        let (number, count) = place.split_once('/')?;
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?);
        let share = Self {
            number: number.parse().ok()?,
            count: count.parse().ok()?,
            key: HEXLOWER.decode(key.as_bytes()).ok()?.try_into().ok()?,
            set: HEXLOWER.decode(set.as_bytes()).ok()?.try_into().ok()?,
            bytes: bytes.as_slice().try_into().ok()?,
        };
        let is_possible = (MIN_SHARES..=MAX_SHARES).contains(&share.count)
            && (1..=share.count).contains(&share.number);
        // One share has one spelling: `+1` is no number.
        (is_possible && *share.body() == body).then_some(share)
    }

    fn body(&self) -> Zeroizing<String> {
        let (number, count) = (self.number.to_string(), self.count.to_string());
        let (key, set) = (HEXLOWER.encode(&self.key), HEXLOWER.encode(&self.set));
        let share = Zeroizing::new(BASE64URL_NOPAD.encode(&self.bytes));
        Zeroizing::new([&number, "/", &count, ":", &key, ":", &set, ":", &share].concat())
    }
}

fn checksum(body: &str) -> String {
    let mut text = [SHARE_CHECK_LABEL, body].concat();
    let mut check = BASE64URL_NOPAD.encode(&sha256(text.as_bytes()));
    text.zeroize();
    check.truncate(6);
    check
}

#[cfg(test)]
mod tests;
