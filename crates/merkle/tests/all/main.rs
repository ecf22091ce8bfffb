//! What the Merkle log promises: against the plain definition, an independent implementation, and published cases.
#![expect(clippy::unwrap_used, reason = "the functions that tests share are tests, too")]

mod notes;
mod oracle;
mod published;
mod tiles;

use std::collections::HashMap;
use std::convert::Infallible;

use merkle::{Edge, Hash, TileId, leaf_hash};

/// A log of `size` leaves with all its tiles.
#[derive(Default)]
pub struct Log {
    pub edge: Edge,
    pub leaves: Vec<Hash>,
    pub tiles: HashMap<TileId, Vec<Hash>>,
}

impl Log {
    pub fn of_size(size: u64) -> Self {
        let mut log = Self::default();
        log.grow(size);
        log
    }

    /// Up to `size` leaves, in one go.
    pub fn grow(&mut self, size: u64) {
        let new: Vec<Hash> =
            (self.edge.size()..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        self.leaves.extend(&new);
        for tile in self.edge.append(&new) {
            self.tiles.insert(tile.id, tile.hashes);
        }
    }

    pub fn read(&self) -> impl FnMut(TileId) -> Result<Vec<Hash>, Infallible> + '_ {
        |id| Ok(self.tiles.get(&id).cloned().unwrap_or_default())
    }
}

/// RFC 6962 §2.1, word by word.
pub fn plain_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => merkle::empty_root(),
        [leaf] => *leaf,
        _ => {
            let half = 1 << (leaves.len() - 1).ilog2();
            merkle::node_hash(&plain_root(&leaves[..half]), &plain_root(&leaves[half..]))
        }
    }
}
