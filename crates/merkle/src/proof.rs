//! Proofs, made from tiles (RFC 6962 §2.1.1, §2.1.2).
//!
//! `read` gives a tile at least as wide as the log of the size asked for has it; wider ones of a later state are as
//! good, since hashes are only appended. Cost: a tile for each of the two sides of each level, hashes of at most
//! 256 entries of each.

use crate::hash::{Hash, empty_root, fold};
use crate::tile::{FAN, TileId};

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError<E> {
    /// There is no leaf of this number, or no log of this size below the other.
    #[error("{wanted} is beyond a log of {size}")]
    Beyond { wanted: u64, size: u64 },
    #[error("tile {} of level {} is not as wide as the log", .0.number, .0.level)]
    Short(TileId),
    #[error(transparent)]
    Read(E),
}

/// The hashes beside the way from a leaf to the root of a log of `size`, the lowest first.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    mut read: impl FnMut(TileId) -> Result<Vec<Hash>, E>,
) -> Result<Vec<Hash>, ProofError<E>> {
    if index >= size {
        return Err(ProofError::Beyond { wanted: index, size });
    }
    let mut range = Range { from: 0, leaves: size };
    let mut proof = Vec::new();
    while let Some((left, right)) = range.halves() {
        let (stays, beside) = if index < right.from { (left, right) } else { (right, left) };
        proof.push(beside.root(&mut read)?);
        range = stays;
    }
    proof.reverse();
    Ok(proof)
}

/// What shows that a log of `size` begins with the one of `old` leaves; empty where the two are one, or where the
/// old one is empty.
pub fn consistency_proof<E>(
    old: u64,
    size: u64,
    mut read: impl FnMut(TileId) -> Result<Vec<Hash>, E>,
) -> Result<Vec<Hash>, ProofError<E>> {
    if old > size {
        return Err(ProofError::Beyond { wanted: old, size });
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let mut range = Range { from: 0, leaves: size };
    let mut is_whole = true;
    while old < range.end() {
        let Some((left, right)) = range.halves() else { break };
        let (stays, beside) = if old <= right.from { (left, right) } else { (right, left) };
        is_whole = is_whole && stays == left;
        proof.push(beside.root(&mut read)?);
        range = stays;
    }
    // The old root itself is known to whoever asks; only a part of it is not.
    if !is_whole {
        proof.push(range.root(&mut read)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The root of the first `size` leaves.
pub fn root_of<E>(
    size: u64,
    mut read: impl FnMut(TileId) -> Result<Vec<Hash>, E>,
) -> Result<Hash, ProofError<E>> {
    if size == 0 {
        return Ok(empty_root());
    }
    Range { from: 0, leaves: size }.root(&mut read)
}

/// Leaves of one tree of the recursion: `from` is a multiple of the power of two above or at `leaves`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    from: u64,
    leaves: u64,
}

impl Range {
    fn end(self) -> u64 {
        self.from.saturating_add(self.leaves)
    }

    /// The two trees below its root; none of a single leaf.
    fn halves(self) -> Option<(Self, Self)> {
        let last = self.leaves.checked_sub(1).filter(|last| *last > 0)?;
        let half = 1_u64.checked_shl(last.ilog2())?;
        let left = Self { from: self.from, leaves: half };
        let right =
            Self { from: self.from.checked_add(half)?, leaves: self.leaves.checked_sub(half)? };
        Some((left, right))
    }

    fn root<E>(
        self,
        read: &mut impl FnMut(TileId) -> Result<Vec<Hash>, E>,
    ) -> Result<Hash, ProofError<E>> {
        // Full trees from the left, each higher than the next; then joined from the right.
        let mut roots = Vec::new();
        let mut rest = self;
        while rest.leaves > 0 {
            let height = rest.leaves.ilog2();
            let leaves = 1_u64.checked_shl(height).unwrap_or(u64::MAX);
            roots.push(full_root(rest.from, height, read)?);
            rest = Self { from: rest.from.saturating_add(leaves), leaves: rest.leaves ^ leaves };
        }
        let mut root = roots.pop().unwrap_or_else(empty_root);
        while let Some(left) = roots.pop() {
            root = crate::hash::node_hash(&left, &root);
        }
        Ok(root)
    }
}

/// The root of the full tree of a height that begins at a leaf.
fn full_root<E>(
    from: u64,
    height: u32,
    read: &mut impl FnMut(TileId) -> Result<Vec<Hash>, E>,
) -> Result<Hash, ProofError<E>> {
    let level = u8::try_from(height / 8).unwrap_or(u8::MAX);
    let entries = 1_usize.checked_shl(height % 8).unwrap_or(1);
    let first = from.checked_shr(u32::from(level).saturating_mul(8)).unwrap_or(0);
    let id = TileId { level, number: first / FAN };
    let offset = usize::try_from(first % FAN).unwrap_or(0);
    let hashes = read(id).map_err(ProofError::Read)?;
    let part = hashes.get(offset..offset.saturating_add(entries));
    part.and_then(|part| fold(part.to_vec())).ok_or(ProofError::Short(id))
}
