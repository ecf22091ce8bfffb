//! Leaves: a row as bytes that anybody can hash, and nothing in them that not anybody may see.
//!
//! A leaf is `version ‖ table ‖ fields`, every field with its length before it, so that no two rows have one encoding.
//! Its fields are, in order: of a transfer id, paying and paid account, amount, currency, kind, time, reference; of an
//! event id, time, action, resource, outcome; then two commitments of 32 bytes:
//!
//! * to what the bank alone may see (entry numbers, balances, `before` and `after`, the request, who acted): HMAC-SHA256
//!   under the bundle's secret, over the leaf's number and the values. The secret stands beside the rows: whoever has
//!   the database can check it, whoever has a receipt learns no balance from it. The number binds a leaf to its place;
//! * to what is personal: SHA-256 over a commitment to the memo and one to where the act came from (address, agent),
//!   each under the salt of the person who acted. Once the salt is destroyed nobody can tell what they were, and the
//!   leaf stays as it is, since this commitment is kept with it.
//!
//! Pure. Cost: five hashes.

use aws_lc_rs::hmac;
use merkle::Hash;
use vault::sha256;

use super::model::{CoveredRow, Facts, OriginRow, SideFacts, Table};

/// The version of the encoding. A change of it is a new version beside this one, never in place of it.
pub const VERSION: u8 = 1;

/// What a person's values are committed to with.
pub struct Salt(hmac::Key);

/// What the leaves of one bundle are committed to with.
pub struct BundleKey(hmac::Key);

/// The two halves of a personal commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Personal {
    pub memo: Hash,
    pub origin: Hash,
}

impl Salt {
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// What opens the commitment to one row's memo, and nothing else.
    pub fn memo_key(&self, row: &CoveredRow) -> Hash {
        let key = row.key();
        tag(&self.0, &[b"memo\0", &[key.table.code()], &key.id])
    }

    pub fn personal(&self, row: &CoveredRow) -> Personal {
        let (key, mut writer) = (row.key(), Writer::default());
        let OriginRow { id, address, agent, .. } = &row.origin;
        writer.bytes(id).bytes(address.as_bytes()).bytes(agent.as_bytes());
        let origin = tag(&self.0, &[b"origin\0", &[key.table.code()], &key.id, &writer.0]);
        Personal { memo: memo_commitment(&self.memo_key(row), memo_of(row)), origin }
    }
}

impl Personal {
    /// The commitment that stands in the leaf.
    pub fn commitment(&self) -> Hash {
        sha256(&[self.memo, self.origin].concat())
    }
}

impl BundleKey {
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The commitment to what the bank alone may see of leaf number `index`.
    pub fn commitment(&self, index: u64, row: &CoveredRow) -> Hash {
        let mut writer = Writer::default();
        writer.bytes(&row.request);
        let OriginRow { actor_kind, actor, session, first_seen_at, .. } = &row.origin;
        writer.bytes(actor_kind.as_bytes()).optional(actor.as_ref().map(|id| &id[..]));
        writer.optional(session.as_ref().map(|id| &id[..])).int(*first_seen_at);
        match &row.facts {
            Facts::Event(event) => {
                writer.optional(event.before.as_deref().map(str::as_bytes));
                writer.optional(event.after.as_deref().map(str::as_bytes));
                writer.optional(event.subject.as_ref().map(|id| &id[..]));
            }
            Facts::Transfer(transfer) => {
                for side in [&transfer.debit, &transfer.credit] {
                    let SideFacts { number, previous, balance, .. } = side;
                    writer.int(*number).optional(previous.as_ref().map(|id| &id[..])).int(*balance);
                }
            }
        }
        tag(&self.0, &[&index.to_be_bytes(), &writer.0])
    }
}

/// `key` is [`Salt::memo_key`]; no memo is another value than an empty one.
pub fn memo_commitment(key: &Hash, memo: Option<&str>) -> Hash {
    let mut writer = Writer(key.to_vec());
    writer.optional(memo.map(str::as_bytes));
    sha256(&writer.0)
}

/// The bytes of a leaf.
pub fn encode(row: &CoveredRow, bank: &Hash, personal: &Hash) -> Vec<u8> {
    let mut writer = Writer(vec![VERSION, row.key().table.code()]);
    writer.bytes(&row.id);
    match &row.facts {
        Facts::Event(event) => {
            writer.int(event.at).bytes(event.action.as_bytes());
            writer.bytes(event.resource.as_bytes()).bytes(event.outcome.as_bytes());
        }
        Facts::Transfer(transfer) => {
            writer.bytes(&transfer.debit.account).bytes(&transfer.credit.account);
            writer.int(transfer.amount).bytes(transfer.currency.as_bytes()).int(transfer.kind);
            writer.int(transfer.posted_at);
            writer.optional(transfer.reference.as_ref().map(|id| &id[..]));
        }
    }
    writer.bytes(bank).bytes(personal);
    writer.0
}

pub fn memo_of(row: &CoveredRow) -> Option<&str> {
    match &row.facts {
        Facts::Event(_) => None,
        Facts::Transfer(transfer) => transfer.memo.as_deref(),
    }
}

/// The fields of a leaf of a table; none of anything else.
pub fn fields(leaf: &[u8], table: Table) -> Option<Vec<Option<&[u8]>>> {
    let ([version, code], mut rest) = leaf.split_first_chunk::<2>()?;
    if *version != VERSION || *code != table.code() {
        return None;
    }
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length);
        if length == u32::MAX {
            fields.push(None);
            rest = behind;
            continue;
        }
        let (field, behind) = behind.split_at_checked(usize::try_from(length).ok()?)?;
        fields.push(Some(field));
        rest = behind;
    }
    Some(fields)
}

/// Fields with their length before them: four bytes, most significant first; all ones where there is no value.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        // Columns are bounded far below this.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn optional(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        if let Some(bytes) = bytes {
            return self.bytes(bytes);
        }
        self.0.extend_from_slice(&u32::MAX.to_be_bytes());
        self
    }

    /// Eight bytes, two's complement.
    fn int(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }
}

fn tag(key: &hmac::Key, parts: &[&[u8]]) -> Hash {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

#[cfg(test)]
mod tests;
