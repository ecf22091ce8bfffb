//! The right edge of the tree: what has to be kept to append leaves and to know the root.
//!
//! Of each level the hashes of its unfinished tile, so at most 255 × 32 bytes a level, of which there are one for each
//! 256-fold of size. Appending gives the tiles that changed; a full tile never changes again.

use crate::hash::{Hash, empty_root, fold};
use crate::tile::{FAN, TILE_WIDTH, Tile, TileId};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// Of each level, the lowest first.
    levels: Vec<Vec<Hash>>,
}

/// Why an edge cannot be taken up from tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError<E> {
    #[error(transparent)]
    Read(E),
    #[error("tile {} of level {} has {found} hashes and not {wanted}", id.number, id.level)]
    Width { id: TileId, wanted: usize, found: usize },
}

impl Edge {
    /// Takes the log of a size up from its partial tiles, which `read` gives: at least as wide as asked.
    pub fn of_tiles<E>(
        size: u64,
        mut read: impl FnMut(TileId) -> Result<Vec<Hash>, E>,
    ) -> Result<Self, EdgeError<E>> {
        let mut levels = Vec::new();
        let (mut level, mut entries) = (0_u8, size);
        while entries > 0 {
            let number = entries / FAN;
            let wanted = usize::try_from(entries % FAN).unwrap_or(0);
            let mut hashes = Vec::new();
            if wanted > 0 {
                let id = TileId { level, number };
                hashes = read(id).map_err(EdgeError::Read)?;
                let found = hashes.len();
                if found < wanted {
                    return Err(EdgeError::Width { id, wanted, found });
                }
                hashes.truncate(wanted);
            }
            levels.push(hashes);
            level = level.saturating_add(1);
            entries = number;
        }
        Ok(Self { size, levels })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of all leaves so far.
    pub fn root(&self) -> Hash {
        let mut below = None;
        for level in &self.levels {
            let mut hashes = level.clone();
            hashes.extend(below);
            below = fold(hashes);
        }
        below.unwrap_or_else(empty_root)
    }

    /// Appends leaves' hashes; gives the tiles that are new or wider than before, full ones in the order in which they
    /// were filled, then the partial ones.
    pub fn append(&mut self, leaves: &[Hash]) -> Vec<Tile> {
        let mut tiles = Vec::new();
        let mut touched = 0;
        for leaf in leaves {
            touched = touched.max(self.push(*leaf, &mut tiles));
        }
        let mut entries = self.size;
        for (level, hashes) in (0_u8..).zip(self.levels.iter().take(touched)) {
            let number = entries / FAN;
            if !hashes.is_empty() {
                tiles.push(Tile { id: TileId { level, number }, hashes: hashes.clone() });
            }
            entries = number;
        }
        tiles
    }

    /// Appends one; gives how many levels it has changed.
    fn push(&mut self, leaf: Hash, full: &mut Vec<Tile>) -> usize {
        let mut number = self.size / FAN;
        self.size = self.size.saturating_add(1);
        let (mut entry, mut place) = (leaf, 0_usize);
        for level in 0_u8..=u8::MAX {
            if self.levels.len() <= place {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(place) else { break };
            hashes.push(entry);
            place = place.saturating_add(1);
            if hashes.len() < usize::from(TILE_WIDTH) {
                break;
            }
            let filled = std::mem::take(hashes);
            let Some(above) = fold(filled.clone()) else { break };
            full.push(Tile { id: TileId { level, number }, hashes: filled });
            entry = above;
            number /= FAN;
        }
        place
    }
}
