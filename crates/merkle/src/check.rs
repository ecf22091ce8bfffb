//! Proofs, checked: with nothing but the proof and the roots (RFC 9162 §2.1.3.2, §2.1.4.2).

use crate::hash::{Hash, node_hash};

/// Why a proof shows nothing, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such leaf, or no such smaller log")]
    Range,
    #[error("the proof has another length than the sizes ask for")]
    Length,
    #[error("the proof leads to another root")]
    Root,
}

/// Whether the leaf of a hash is number `index` of the log of `size` with this root.
pub fn check_inclusion(
    leaf: &Hash,
    (index, size): (u64, u64),
    proof: &[Hash],
    root: &Hash,
) -> Result<(), Refusal> {
    let last = size.checked_sub(1).filter(|last| index <= *last).ok_or(Refusal::Range)?;
    let mut at = Place { node: index, last };
    let mut hash = *leaf;
    for beside in proof {
        if at.last == 0 {
            return Err(Refusal::Length);
        }
        if at.is_right_or_last() {
            hash = node_hash(beside, &hash);
            at.skip_without_neighbour();
        } else {
            hash = node_hash(&hash, beside);
        }
        at.up();
    }
    if at.last != 0 {
        return Err(Refusal::Length);
    }
    if hash == *root { Ok(()) } else { Err(Refusal::Root) }
}

/// Whether the log of `size` with `root` begins with the one of `old` leaves with `old_root`. An empty log is the
/// beginning of every log, so a proof of that is refused: it would show nothing.
pub fn check_consistency(
    (old, size): (u64, u64),
    (old_root, root): (&Hash, &Hash),
    proof: &[Hash],
) -> Result<(), Refusal> {
    if old > size || old == 0 {
        return Err(Refusal::Range);
    }
    if old == size {
        return match (proof.is_empty(), old_root == root) {
            (false, _) => Err(Refusal::Length),
            (true, false) => Err(Refusal::Root),
            (true, true) => Ok(()),
        };
    }
    let (Some(node), Some(last)) = (old.checked_sub(1), size.checked_sub(1)) else {
        return Err(Refusal::Range);
    };
    let mut at = Place { node, last };
    let mut hashes = proof.iter();
    // A log of a power of two is one full tree, and its root is where the way begins.
    let first = if old.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let first = first.ok_or(Refusal::Length)?;
    while at.node % 2 == 1 {
        at.up();
    }
    let (mut was, mut is) = (*first, *first);
    for beside in hashes {
        if at.last == 0 {
            return Err(Refusal::Length);
        }
        if at.is_right_or_last() {
            was = node_hash(beside, &was);
            is = node_hash(beside, &is);
            at.skip_without_neighbour();
        } else {
            is = node_hash(&is, beside);
        }
        at.up();
    }
    if at.last != 0 {
        return Err(Refusal::Length);
    }
    if was == *old_root && is == *root { Ok(()) } else { Err(Refusal::Root) }
}

/// A node of one level, and the last one of that level.
pub(crate) struct Place {
    pub(crate) node: u64,
    pub(crate) last: u64,
}

impl Place {
    pub(crate) fn is_right_or_last(&self) -> bool {
        self.node % 2 == 1 || self.node == self.last
    }

    /// The last node of a level goes up as it is until it is a right one.
    fn skip_without_neighbour(&mut self) {
        while self.node.is_multiple_of(2) && self.node != 0 {
            self.up();
        }
    }

    pub(crate) fn up(&mut self) {
        self.node /= 2;
        self.last /= 2;
    }
}
