//! The Merkle log: an append-only list of hashes whose every state is one root, with short proofs.
//!
//! Pure: no IO, no async, no clock; whoever has the tiles hands them in. The tree is that of RFC 6962 §2.1 (SHA-256),
//! cut into tiles of 256 as C2SP `tlog-tiles` has them, and its roots are said in signed notes (C2SP `signed-note`,
//! `tlog-checkpoint`), so that other people's tools read them.
//!
//! * [`hash`]: leaves, nodes, and the root of a few hashes;
//! * [`tile`]: where a tile stands and how its path is written;
//! * [`edge`]: appending: what is left open at the right edge, 8 KiB for each 256-fold of size at most;
//! * [`proof`]: inclusion and consistency proofs, made from tiles (RFC 6962 §2.1.1, §2.1.2);
//! * [`check`]: the same, checked without any tile (RFC 9162 §2.1.3.2, §2.1.4.2);
//! * [`subtree`]: both of them about leaves in a row (draft-ietf-plants-merkle-tree-certs §4);
//! * [`note`]: signed notes and the keys that verify them;
//! * [`checkpoint`]: what a note says of a log;
//! * [`cosign`]: what somebody else adds to it who has seen the log only grow (C2SP `tlog-cosignature`).
//!
//! Cost: appending a leaf about a hash; a proof of a log of 2^30 leaves four tiles. Never here: a panic on what
//! somebody else wrote, or a number that wraps.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

pub mod check;
pub mod checkpoint;
pub mod cosign;
pub mod edge;
pub mod hash;
pub mod note;
pub mod proof;
pub mod subtree;
pub mod tile;

pub use check::{Refusal, check_consistency, check_inclusion};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosign::WitnessKey;
pub use edge::{Edge, EdgeError};
pub use hash::{HASH_LEN, Hash, empty_root, leaf_hash, node_hash};
pub use note::{Note, NoteError, VerifierKey};
pub use proof::{ProofError, consistency_proof, inclusion_proof, root_of};
pub use subtree::Subtree;
pub use tile::{TILE_WIDTH, Tile, TileId, TilePath};
