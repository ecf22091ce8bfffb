//! Evidence: the Merkle log over every event and every transfer (design §8, P5).
//!
//! Order: a row is committed; within a second the [`sequencer`] makes it a leaf ([`leaf`]) with a number that is never
//! given again; tiles, [`bundle`]s and a signed checkpoint are written in one transaction; the checkpoint is kept outside
//! the database ([`outside`], [`witness`]). Whoever has a checkpoint can then be shown that a row is in the log, and that the log only
//! grew; [`prove`] compares all of it with the rows.
//!
//! Cost: nothing where rows are written: no column, no index, no second row. A leaf costs five hashes and 81
//! bytes, an idle bank two reads a second. Bound: [`window::GRACE_SECONDS`] after its id was made a row is a leaf or never
//! becomes one. Never here: a change of a row, a leaf that is taken back, a personal value in a leaf.

pub mod api;
mod append;
pub mod bundle;
pub(crate) mod check;
pub(crate) mod follow;
pub mod leaf;
pub mod model;
pub mod outside;
pub mod payment;
pub mod proofs;
pub mod prove;
pub mod receipt;
pub mod rules;
mod salts;
pub(crate) mod sending;
pub mod sequencer;
pub(crate) mod shred;
pub mod status;
mod store;
pub(crate) mod thin;
mod tiles;
pub mod window;
pub(crate) mod witness;

/// The job and what it writes.
pub(crate) const NAME: &str = "log.write";
