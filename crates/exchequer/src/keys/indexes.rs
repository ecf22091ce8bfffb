//! What a rotation of `blind_index` asks of those who write indexes, and what outlives a version of it.
//!
//! A value that has to be unique is unique by its index, and two indexes of one value do not meet. While rows are
//! under two versions, whoever adds one therefore holds the rows of the key ([`admit_index_in`]) and looks under all
//! versions first: of two nodes that add the same value under different versions at once, one waits and then finds
//! the other's. What is not stored cannot be computed anew: for it the key of its column alone is kept, sealed, when
//! its version is finished ([`kept_in`]). No other column's key follows from that, nor the version's own.
//!
//! Cost: a read of a few rows for each registration, and during a rotation registrations one after another. What it
//! never does: let a node add a row that has not taken up a key which others use.

use ::store::{DbError, Tx};
use money::Timestamp;
use vault::{BlindIndex, Place, USED_AFTER_SECONDS};

use super::store;
use crate::bank::{Act, Tools};

/// The column whose values are not stored: recovery codes.
pub const KEPT_COLUMN: &str = "recovery_codes.code_hash";

/// Before a row with a unique index is added: nobody else adds one under another version until the end of the
/// transaction. The caller looks under all versions after it.
///
/// Errors: [`DbError::Unavailable`] on a node that lacks a version that may be in use elsewhere.
pub fn admit_index_in(tx: &mut Tx<'_>, act: &Act) -> Result<(), DbError> {
    let known = store::index_versions(tx)?;
    let ring = act.tools.keyring();
    let lacks = |version: &store::IndexVersion| {
        let is_used = version.created_at.plus_seconds(USED_AFTER_SECONDS) <= act.now;
        is_used && !ring.index_versions().any(|held| held == version.version)
    };
    if known.iter().any(lacks) {
        let text = "this node has not taken up the newest blind_index key";
        return Err(DbError::Unavailable(text.to_owned()));
    }
    if known.iter().any(|version| version.is_retired && !version.is_finished) {
        store::lock_index_versions(tx)?;
    }
    Ok(())
}

/// The indexes of [`KEPT_COLUMN`] under versions that are gone.
pub fn kept_in(tx: &mut Tx<'_>, tools: &Tools) -> Result<Vec<BlindIndex>, DbError> {
    let ring = tools.keyring();
    let mut kept = Vec::new();
    for (version, sealed) in store::kept_indexes(tx)? {
        if ring.index_versions().any(|held| held == version) {
            continue;
        }
        let row = row_of(version);
        let place = place(&row);
        let index = ring.kept_index(&place, &sealed).map_err(|error| {
            DbError::Corrupt(format!("the index key kept of version {version}: {error}"))
        })?;
        kept.push(index);
    }
    Ok(kept)
}

/// Keeps the key of [`KEPT_COLUMN`] under a version, unless it is kept.
pub(super) fn keep_in(
    tx: &mut Tx<'_>,
    tools: &Tools,
    version: u32,
    now: Timestamp,
) -> Result<(), DbError> {
    let row = row_of(version);
    let sealed = tools
        .keyring()
        .keep_index(tools.rng(), (version, KEPT_COLUMN), &place(&row))
        .map_err(|error| DbError::Corrupt(format!("an index key was not kept: {error}")))?
        .ok_or_else(|| DbError::Corrupt(format!("there is no blind_index version {version}")))?;
    store::keep_index(tx, (&row, version), &sealed, now)
}

/// The row's key follows from the version.
fn row_of(version: u32) -> [u8; 16] {
    u128::from(version).to_be_bytes()
}

fn place(row: &[u8; 16]) -> Place<'_> {
    Place { table: "kept_indexes", column: "key_sealed", row }
}
