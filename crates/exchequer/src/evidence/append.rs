//! Appending: rows become leaves, their tiles and bundles are written, and a checkpoint over all of it is signed, in
//! one transaction that looks again whether the log is still where it was.
//!
//! Everything is made before the transaction begins, so that the one writer of SQLite is kept for some milliseconds.

use std::sync::Arc;

use ::store::{DbError, Tx};
use merkle::{Checkpoint, Edge, Hash, Note, Tile, leaf_hash};
use money::Timestamp;

use super::bundle::{BUNDLE_LEAVES, Bundle, Entry};
use super::leaf::{BundleKey, encode};
use super::model::{CoveredRow, RowId};
use super::salts::Wanted;
use super::store::{self as log, KeptCheckpoint, State};
use crate::bank::Tools;

/// Seconds that a node writes the log alone after it has last written: longer than its pause between two runs.
pub const LEASE_SECONDS: i64 = 5;

/// What one append writes.
pub struct Appended {
    was: u64,
    pub edge: Edge,
    pub checkpoint: KeptCheckpoint,
    tiles: Vec<Tile>,
    bundles: Vec<Bundle>,
    made: Vec<(RowId, Vec<u8>)>,
    state: State,
}

/// Where the log stands, as the node knows it.
pub struct Standing {
    pub edge: Edge,
    /// The bundle that is not full.
    pub open: Option<Bundle>,
    pub settled: RowId,
    pub node: RowId,
}

/// Makes leaves of rows, in this order.
pub fn prepare(
    tools: &Tools,
    standing: Standing,
    rows: &[CoveredRow],
    salts: &Wanted,
) -> Result<Appended, DbError> {
    let was = standing.edge.size();
    let mut bundles: Vec<Bundle> = standing.open.into_iter().collect();
    let mut leaves: Vec<Hash> = Vec::with_capacity(rows.len());
    let mut key = bundles.last().map(|bundle| BundleKey::new(&bundle.secret));
    for (index, row) in (was..).zip(rows) {
        if bundles.last().is_none_or(Bundle::is_full) {
            let secret = tools.rng().bytes::<32>();
            key = Some(BundleKey::new(&secret));
            bundles.push(Bundle { number: index / BUNDLE_LEAVES, secret, entries: Vec::new() });
        }
        let salt = salts.known.get(&row.person()).ok_or_else(|| missing("a salt"))?;
        let personal = salt.personal(row).commitment();
        let bank = key.as_ref().ok_or_else(|| missing("a bundle"))?.commitment(index, row);
        leaves.push(leaf_hash(&encode(row, &bank, &personal)));
        let bundle = bundles.last_mut().ok_or_else(|| missing("a bundle"))?;
        bundle.entries.push(Entry { key: row.key(), personal });
    }
    let mut edge = standing.edge;
    let tiles = edge.append(&leaves);
    let now = tools.now();
    let note = sign(tools, &edge)?.to_string();
    let checkpoint = KeptCheckpoint { size: edge.size(), at: now, note };
    let state = State {
        size: edge.size(),
        settled: standing.settled,
        leader: standing.node,
        leased_until: now.plus_seconds(LEASE_SECONDS),
    };
    Ok(Appended { was, edge, checkpoint, tiles, bundles, made: salts.made.clone(), state })
}

fn sign(tools: &Tools, edge: &Edge) -> Result<Note, DbError> {
    let origin = tools.config().evidence.origin.clone();
    let text = Checkpoint { origin, size: edge.size(), root: edge.root() }.to_string();
    sign_text(tools, &text)
}

/// Signs a checkpoint's text, under the log's name.
pub(super) fn sign_text(tools: &Tools, text: &str) -> Result<Note, DbError> {
    Note::sign(text, &tools.config().evidence.origin, tools.keyring().log_keys().current())
        .map_err(|error| DbError::Corrupt(format!("a checkpoint: {error}")))
}

impl Appended {
    /// The bundle that the next leaf goes into, unless it is full.
    pub fn open(&self) -> Option<Bundle> {
        self.bundles.last().filter(|bundle| !bundle.is_full()).cloned()
    }
}

/// Writes it. False, and nothing is written, where the log has moved on, or another node writes it.
pub fn write(tx: &mut Tx<'_>, appended: &Arc<Appended>, now: Timestamp) -> Result<bool, DbError> {
    let state = log::lock_state(tx)?;
    if state.size != appended.was || is_anothers(&state, &appended.state.leader, now) {
        return Ok(false);
    }
    for (person, sealed) in &appended.made {
        if !log::insert_salt(tx, (person, sealed), now)? {
            return Err(DbError::Busy("another node has made a salt".to_owned()));
        }
    }
    appended.tiles.iter().try_for_each(|tile| log::save_tile(tx, tile))?;
    appended.bundles.iter().try_for_each(|bundle| log::save_bundle(tx, bundle))?;
    log::insert_checkpoint(tx, &appended.checkpoint)?;
    log::save_state(tx, &appended.state)?;
    Ok(true)
}

/// Whether another node has the lease. One that ends later than any lease was written by a clock that was wrong.
pub fn is_anothers(state: &State, node: &RowId, now: Timestamp) -> bool {
    let farthest = now.plus_seconds(2 * LEASE_SECONDS);
    state.leader != *node && (now..=farthest).contains(&state.leased_until)
}

fn missing(what: &str) -> DbError {
    DbError::Corrupt(format!("{what} of the log was not made"))
}
