//! Proofs about a part of the log: that a leaf is among some in a row, and that these are the log's own.
//!
//! A subtree is the tree over the leaves from one on up to another (not with it) whose beginning is a multiple of the
//! power of two at or above their number, so that its hash is made of nodes of the log's tree
//! (draft-ietf-plants-merkle-tree-certs §4). Whoever knows the hash of a day, say, can be shown a leaf of it by a shorter
//! proof, and once that the day is in the log. Cost: a hash for each of the proof.

use crate::check::{Place, Refusal, check_inclusion};
use crate::hash::{Hash, node_hash};

/// Leaves in a row: `start` is the first, `end` the one behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    start: u64,
    end: u64,
}

impl Subtree {
    /// None unless it has leaves, and begins where a tree of so many can begin.
    pub fn new(start: u64, end: u64) -> Option<Self> {
        let leaves = end.checked_sub(start).filter(|leaves| *leaves > 0)?;
        let step = leaves.checked_next_power_of_two()?;
        start.is_multiple_of(step).then_some(Self { start, end })
    }

    /// Whether the leaf of a hash is number `index` of the log, and so one of the subtree with this hash.
    pub fn check_inclusion(
        self,
        leaf: &Hash,
        index: u64,
        proof: &[Hash],
        hash: &Hash,
    ) -> Result<(), Refusal> {
        let place = index.checked_sub(self.start).ok_or(Refusal::Range)?;
        let leaves = self.end.checked_sub(self.start).ok_or(Refusal::Range)?;
        check_inclusion(leaf, (place, leaves), proof, hash)
    }

    /// Whether the log of `size` with `root` has these leaves, whose hash is `hash`.
    pub fn check_consistency(
        self,
        size: u64,
        (hash, root): (&Hash, &Hash),
        proof: &[Hash],
    ) -> Result<(), Refusal> {
        let (Some(last), Some(of)) = (self.end.checked_sub(1), size.checked_sub(1)) else {
            return Err(Refusal::Range);
        };
        if last > of {
            return Err(Refusal::Range);
        }
        let mut first = self.start;
        let mut at = Place { node: last, last: of };
        // Up to the first node that the subtree and the log have in common from here on.
        while first != at.node && (at.node == at.last || at.node % 2 == 1) {
            first /= 2;
            at.up();
        }
        let mut hashes = proof.iter();
        let begins = if first == at.node { Some(hash) } else { hashes.next() };
        let begins = begins.ok_or(Refusal::Length)?;
        let (mut part, mut whole) = (*begins, *begins);
        for beside in hashes {
            if at.last == 0 {
                return Err(Refusal::Length);
            }
            if at.is_right_or_last() {
                if first < at.node {
                    part = node_hash(beside, &part);
                }
                whole = node_hash(beside, &whole);
                while at.node.is_multiple_of(2) && at.node != 0 {
                    first /= 2;
                    at.up();
                }
            } else {
                whole = node_hash(&whole, beside);
            }
            first /= 2;
            at.up();
        }
        if at.last != 0 {
            return Err(Refusal::Length);
        }
        if part == *hash && whole == *root { Ok(()) } else { Err(Refusal::Root) }
    }
}
