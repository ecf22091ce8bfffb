//! Proving: the log against the rows, its own tiles, its checkpoints, and those that were kept elsewhere.
//!
//! Order: bundle by bundle, each leaf made again from its row and held against its tile; every checkpoint, in the
//! database and outside of it, when the log has its size; that no row was left out, as far as no later leaf can have
//! it; tiles of higher levels; then the end: a log that is shorter than a checkpoint says. The first thing that is wrong
//! is named and ends it: the row that was edited, deleted, inserted or moved, or the checkpoint that does not fit.
//!
//! What an attacker with the database alone cannot do: sign. What is found without any key: everything but changes of
//! memos, addresses and agents; with the bank's keys those, too, unless their person's salt was destroyed. A database
//! that was put back whole is found by a checkpoint from outside, and by nothing else.
//!
//! Cost: every covered row once, its id once more; a signature for each
//! checkpoint. Memory: 16 bytes for 256 rows, and the ids of rows that are out of order. Never: a row changed.

mod cover;
mod leaves;

use ::store::{DbError, Tx};
use merkle::{Checkpoint, Edge, Note, Tile, TileId, VerifierKey};
use money::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use vault::Keyring;

use self::cover::Cover;
use self::leaves::Leaves;
pub(super) use self::leaves::{Made, made_in};
use super::bundle::{BUNDLE_LEAVES, Bundle};
use super::outside::keys_for;
use super::store::{self as log, KeptCheckpoint};
use crate::verify::model::{Finding, Step};

/// What a log is proven with.
#[derive(Clone)]
pub struct Trust {
    /// The bank's own keys, where they are at hand.
    pub keys: Option<Arc<Keyring>>,
    /// A key that checkpoints must be signed with, where those are not.
    pub verifier: Option<VerifierKey>,
    /// Signed checkpoints from elsewhere.
    pub outside: Vec<String>,
    /// The present: leaves of later times were made by a clock that was wrong.
    pub now: Timestamp,
}

/// What was found right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Proven {
    pub leaves: u64,
    /// Rows that are too young to be leaves for certain.
    pub pending: u64,
    pub checkpoints: u64,
    /// Of them, those whose signature was checked.
    pub signed: u64,
    /// Checkpoints from elsewhere.
    pub outside: u64,
    /// Leaves whose personal values were not compared: no keys, or the person's salt is destroyed.
    pub sealed: u64,
}

/// Bundles read at once: some 200 KiB.
const BUNDLES: i64 = 16;
/// Checkpoints read at once.
const CHECKPOINTS: i64 = 1_000;

impl Trust {
    /// Nothing but the database.
    pub fn nothing(now: Timestamp) -> Self {
        Self { keys: None, verifier: None, outside: Vec::new(), now }
    }
}

/// Proves the whole log, in a transaction that is one snapshot.
pub fn everything_in(tx: &mut Tx<'_>, trust: &Trust) -> Step<Proven> {
    let state = log::state(tx)?;
    let mut walk = Walk::begin(tx, trust)?;
    let mut number = 0_u64;
    loop {
        let bundles = log::bundles_from(tx, number, BUNDLES)?;
        if bundles.is_empty() {
            break;
        }
        for bundle in bundles {
            walk.bundle(tx, (number, &bundle), state.size)?;
            number = number.saturating_add(1);
        }
    }
    walk.finish(tx, state.size)
}

/// Some bundles' leaves alone, held against their rows: `most` bundles from one on.
pub fn some_in(tx: &mut Tx<'_>, trust: &Trust, (from, most): (u64, i64)) -> Step<Vec<Bundle>> {
    let mut leaves = Leaves::new(trust);
    let bundles = log::bundles_from(tx, from, most)?;
    for bundle in &bundles {
        let hashes = log::tile(tx, TileId { level: 0, number: bundle.number })?;
        leaves.check(tx, bundle, &hashes)?;
    }
    Ok(bundles)
}

struct Walk<'t> {
    trust: &'t Trust,
    edge: Edge,
    leaves: Leaves<'t>,
    cover: Cover,
    /// Of the database, those that are not reached yet, ascending; and whether there may be more.
    kept: std::collections::VecDeque<KeptCheckpoint>,
    /// The newest that was looked at.
    newest: u64,
    /// From elsewhere, the longest log last.
    outside: Vec<Checkpoint>,
    proven: Proven,
}

impl<'t> Walk<'t> {
    fn begin(tx: &mut Tx<'_>, trust: &'t Trust) -> Step<Self> {
        let mut outside = Vec::new();
        let mut proven = Proven::default();
        for note in &trust.outside {
            outside.push(trust.read(note, ("checkpoints", "from elsewhere"), &mut proven)?);
        }
        proven.outside = u64::try_from(outside.len()).unwrap_or(u64::MAX);
        proven.signed = 0;
        outside.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        Ok(Self {
            trust,
            edge: Edge::default(),
            leaves: Leaves::new(trust),
            cover: Cover::begin(tx, trust.now)?,
            kept: log::checkpoints_above(tx, 0, CHECKPOINTS)?.into(),
            newest: 0,
            outside,
            proven,
        })
    }

    fn bundle(&mut self, tx: &mut Tx<'_>, (number, bundle): (u64, &Bundle), size: u64) -> Step {
        let first = bundle.first();
        let wrong =
            |expected: String, found: String| Finding::new("log_bundles", number, expected, found);
        if bundle.number != number {
            let found = format!("bundle {} follows", bundle.number);
            return Err(wrong("a bundle of this number".to_owned(), found).into());
        }
        let expected = size.saturating_sub(first).min(BUNDLE_LEAVES);
        let found = u64::try_from(bundle.entries.len()).unwrap_or(u64::MAX);
        if found != expected {
            return Err(
                wrong(format!("{expected} rows of a log of {size}"), found.to_string()).into()
            );
        }
        let hashes = log::tile(tx, TileId { level: 0, number })?;
        if hashes.len() != bundle.entries.len() {
            let id = format!("level 0, number {number}");
            return Err(Finding::new("log_tiles", id, expected, hashes.len()).into());
        }
        self.proven.sealed =
            self.proven.sealed.saturating_add(self.leaves.check(tx, bundle, &hashes)?);
        self.cover.add(tx, bundle)?;
        for hash in &hashes {
            let tiles = self.edge.append(std::slice::from_ref(hash));
            full_tiles(tx, &tiles)?;
            self.checkpoints(tx)?;
        }
        Ok(())
    }

    /// All checkpoints of the size that is reached.
    fn checkpoints(&mut self, tx: &mut Tx<'_>) -> Step {
        let size = self.edge.size();
        while let Some(kept) = self.kept.front().filter(|kept| kept.size <= size) {
            let id = kept.size;
            let said = self.trust.read(
                &kept.note,
                ("log_checkpoints", &id.to_string()),
                &mut self.proven,
            )?;
            if said.size != id {
                let expected = format!("a checkpoint of {id} leaves");
                return Err(Finding::new("log_checkpoints", id, expected, said.size).into());
            }
            self.same_root(&said, "log_checkpoints")?;
            self.proven.checkpoints = self.proven.checkpoints.saturating_add(1);
            self.newest = id;
            self.kept.pop_front();
            if self.kept.is_empty() {
                self.kept = log::checkpoints_above(tx, id, CHECKPOINTS)?.into();
            }
        }
        while let Some(said) = self.outside.pop_if(|said| said.size <= size) {
            self.same_root(&said, "checkpoints")?;
        }
        Ok(())
    }

    fn same_root(&self, said: &Checkpoint, table: &'static str) -> Step {
        // A checkpoint of a size that was passed was sorted wrongly by its own table.
        let (size, root) = (self.edge.size(), self.edge.root());
        if said.size == size && said.root == root {
            return Ok(());
        }
        let id = format!("{} leaves", said.size);
        let root = |root: &merkle::Hash| data_encoding::BASE64.encode(root);
        let expected = format!("the root {}, which was signed", root(&said.root));
        Err(Finding::new(
            table,
            id,
            expected,
            format!("{}: another history", root(&self.edge.root())),
        )
        .into())
    }

    fn finish(mut self, tx: &mut Tx<'_>, size: u64) -> Step<Proven> {
        let found = self.edge.size();
        if found != size {
            return Err(Finding::new("log_state", "size", format!("{size} leaves"), found).into());
        }
        if let Some(kept) = self.kept.front() {
            let expected = format!("a log of {} leaves, as it was signed", kept.size);
            return Err(Finding::new("log_checkpoints", kept.size, expected, cut_off(found)).into());
        }
        if self.newest != size {
            let expected = format!("a checkpoint of all {size} leaves");
            return Err(Finding::new("log_checkpoints", "newest", expected, self.newest).into());
        }
        let tiles = Edge::of_tiles(size, |id| log::tile(tx, id));
        match tiles {
            Ok(edge) if edge.root() == self.edge.root() => {}
            Ok(_) | Err(merkle::EdgeError::Width { .. }) => {
                let expected = "the unfinished tiles of each level, as they follow from the leaves";
                return Err(
                    Finding::new("log_tiles", "the last of a level", expected, "others").into()
                );
            }
            Err(merkle::EdgeError::Read(error)) => return Err(error.into()),
        }
        if let Some(said) = self.outside.first() {
            let id = format!("{} leaves", said.size);
            let expected =
                format!("a log of {} leaves, as a checkpoint from elsewhere says", said.size);
            return Err(Finding::new("checkpoints", id, expected, cut_off(found)).into());
        }
        self.proven.pending = self.cover.finish(tx)?;
        self.proven.leaves = size;
        Ok(self.proven)
    }
}

impl Trust {
    /// What a note says, if it is signed as it should be.
    fn read(
        &self,
        note: &str,
        (table, id): (&'static str, &str),
        proven: &mut Proven,
    ) -> Step<Checkpoint> {
        let wrong =
            |found: String| Finding::new(table, id, "a checkpoint that the bank has signed", found);
        let parsed = Note::parse(note).map_err(|error| wrong(error.to_string()))?;
        let said = Checkpoint::parse(parsed.unverified_text())
            .map_err(|error| wrong(error.to_string()))?;
        let mut keys: Vec<VerifierKey> = self.verifier.iter().cloned().collect();
        if let Some(ring) = &self.keys {
            keys.extend(keys_for(&said.origin, ring));
        }
        if !keys.is_empty() {
            Checkpoint::verified(note, &keys).map_err(|error| wrong(error.to_string()))?;
            proven.signed = proven.signed.saturating_add(1);
        }
        Ok(said)
    }
}

/// A full tile of a higher level stands as it follows from the one below.
fn full_tiles(tx: &mut Tx<'_>, tiles: &[Tile]) -> Step {
    let full = |tile: &&Tile| tile.id.level > 0 && tile.hashes.len() == 256;
    tiles.iter().filter(full).try_for_each(|tile| same_tile(tx, tile))
}

fn same_tile(tx: &mut Tx<'_>, tile: &Tile) -> Step {
    if log::tile(tx, tile.id)? == tile.hashes {
        return Ok(());
    }
    let id = format!("level {}, number {}", tile.id.level, tile.id.number);
    Err(Finding::new("log_tiles", id, "the roots of the tiles below", "others").into())
}

fn cut_off(size: u64) -> String {
    format!("{size} leaves: it was cut off or rolled back")
}

/// A row that cannot be read at all, as a finding about it.
fn damaged(table: &'static str, id: String, error: DbError) -> crate::verify::model::Stop {
    match error {
        DbError::Corrupt(found) => Finding::new(table, id, "what the schema allows", found).into(),
        other => other.into(),
    }
}
