//! Set-based methods of `Tx`: what a batch of the ledger reads and writes, as whole sets.
//!
//! Each is one call for the caller and, for each database, whatever is fastest there: on SQLite a
//! prepared statement in a loop (no round trip, one b-tree descent a row), on PostgreSQL one
//! statement over `unnest` of arrays (one round trip a set). Both keep the same order of locks: keys by
//! scope, then accounts by id.

mod accounts;
mod chunk;
mod days;
mod events;
mod fingerprints;
mod keys;
mod known;
mod numbers;
mod outflows;
mod places;
mod remembered;
mod replaced;
mod runs;
mod transfers;

pub use accounts::LoadedAccount;
pub(crate) use fingerprints::{Fingerprint, fingerprint, to_bytes};
pub use keys::KeyClaim;
pub(crate) use known::{Fixed, Known, KnownOrigins};
pub use numbers::NumberedAccount;
pub use outflows::Outflow;
pub(crate) use places::Places;
pub(crate) use remembered::Remembered;
pub use replaced::{ReplaceSql, Replacement};
pub(crate) use runs::{ROWS as RUN_ROWS, Runs};

/// Rows from which on PostgreSQL is asked for all of them in another way than for few: accounts are loaded
/// without locks (below it a lock costs less than to run again), transfers and keys are copied in (below it
/// the further round trip costs more).
const MANY: usize = 64;

/// A column of a set, for `unnest`.
pub(crate) fn column<'a, T, V>(rows: &'a [T], of: impl Fn(&'a T) -> V) -> Vec<V> {
    rows.iter().map(of).collect()
}
