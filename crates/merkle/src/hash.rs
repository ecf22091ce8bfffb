//! The hashes of the tree (RFC 6962 §2.1): a leaf and a node never have the same input.

use vault::sha256;

/// Bytes of a hash.
pub const HASH_LEN: usize = 32;

pub type Hash = [u8; HASH_LEN];

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// SHA-256 over `0x00 ‖ data`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    sha256(&[&[LEAF], data].concat())
}

/// SHA-256 over `0x01 ‖ left ‖ right`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [NODE; 1 + 2 * HASH_LEN];
    for (to, from) in bytes.iter_mut().skip(1).zip(left.iter().chain(right)) {
        *to = *from;
    }
    sha256(&bytes)
}

/// The root of no leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The root above hashes of one height, the last of which may be a lower tree: neighbours are paired and one
/// without a neighbour goes up as it is, which is the tree of RFC 6962. None for none.
pub fn fold(mut hashes: Vec<Hash>) -> Option<Hash> {
    while hashes.len() > 1 {
        let pair = |pair: &[Hash]| match pair {
            [left, right] => Some(node_hash(left, right)),
            [alone] => Some(*alone),
            _ => None,
        };
        hashes = hashes.chunks(2).filter_map(pair).collect();
    }
    hashes.pop()
}
