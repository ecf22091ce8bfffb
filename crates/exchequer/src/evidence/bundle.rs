//! Bundles: which rows stand behind the 256 leaves of a tile, 49 bytes each.
//!
//! A leaf's number is found from its row's id: bundles are looked up by their highest id, which ascends nearly as the
//! leaves do. Pure.

use merkle::{HASH_LEN, Hash, TILE_WIDTH};

use super::model::{HIGHEST, LOWEST, RowId, RowKey, Table};

/// Leaves of a full bundle.
pub const BUNDLE_LEAVES: u64 = 256;
const _: () = assert!(BUNDLE_LEAVES == 256 && TILE_WIDTH == 256);

const ENTRY: usize = 1 + 16 + HASH_LEN;

/// One leaf of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub key: RowKey,
    /// To what is personal of its row.
    pub personal: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    pub number: u64,
    pub secret: [u8; 32],
    /// At most [`BUNDLE_LEAVES`].
    pub entries: Vec<Entry>,
}

impl Bundle {
    pub fn parse(number: u64, secret: [u8; 32], bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<ENTRY>();
        let is_whole = rest.is_empty() && (1..=usize::from(TILE_WIDTH)).contains(&entries.len());
        let entries: Option<Vec<Entry>> = entries.iter().map(Entry::parse).collect();
        entries.filter(|_| is_whole).map(|entries| Self { number, secret, entries })
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * ENTRY);
        for Entry { key, personal } in &self.entries {
            bytes.push(key.table.code());
            bytes.extend_from_slice(&key.id);
            bytes.extend_from_slice(personal);
        }
        bytes
    }

    /// The number of its first leaf.
    pub fn first(&self) -> u64 {
        self.number.saturating_mul(BUNDLE_LEAVES)
    }

    pub fn is_full(&self) -> bool {
        self.entries.len() >= usize::from(TILE_WIDTH)
    }

    /// The lowest and the highest of its ids.
    pub fn bounds(&self) -> (RowId, RowId) {
        let ids = || self.entries.iter().map(|entry| entry.key.id);
        (ids().min().unwrap_or(HIGHEST), ids().max().unwrap_or(LOWEST))
    }

    /// A row's entry and its leaf's number.
    pub fn find(&self, key: &RowKey) -> Option<(u64, &Entry)> {
        (self.first()..).zip(&self.entries).find(|(_, entry)| entry.key == *key)
    }
}

impl Entry {
    fn parse(bytes: &[u8; ENTRY]) -> Option<Self> {
        let (table, rest) = bytes.split_first()?;
        let (id, personal) = rest.split_first_chunk()?;
        let key = RowKey { id: *id, table: Table::from_code(*table)? };
        Some(Self { key, personal: personal.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u8, table: Table) -> Entry {
        Entry { key: RowKey { id: [id; 16], table }, personal: [id; HASH_LEN] }
    }

    #[test]
    fn a_bundle_goes_both_ways_and_anything_else_is_none() {
        let entries = vec![entry(3, Table::Transfers), entry(1, Table::Events)];
        let bundle = Bundle { number: 2, secret: [9; 32], entries };
        let bytes = bundle.bytes();
        assert_eq!(Bundle::parse(2, [9; 32], &bytes), Some(bundle.clone()));
        assert_eq!(bundle.bounds(), ([1; 16], [3; 16]));
        let found = bundle.find(&bundle.entries[1].key).map(|(leaf, entry)| (leaf, entry.personal));
        assert_eq!(found, Some((513, [1; HASH_LEN])));
        assert_eq!(bundle.find(&entry(2, Table::Events).key), None);
        for wrong in [&bytes[..0], &bytes[1..], &bytes[..bytes.len() - 1]] {
            assert_eq!(Bundle::parse(2, [9; 32], wrong), None);
        }
        assert_eq!(Bundle::parse(2, [9; 32], &[&[3][..], &bytes[1..]].concat()), None);
        assert_eq!(Bundle::parse(2, [9; 32], &bytes.repeat(129)), None);
    }
}
