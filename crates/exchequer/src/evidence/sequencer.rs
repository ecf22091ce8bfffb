//! The sequencer: gives rows their numbers in the log, after they are committed and without any cost to who writes them.
//!
//! Each second, on one node at a time: rows behind the last known id are read in id order and appended; then the last
//! seconds are counted against what is known, and every [`SWEEP_RUNS`] runs all of the time in which a row may still
//! appear ([`GRACE_SECONDS`]). Where a count differs, halves are counted until the slice is found that is read
//! again. What is older than that and no leaf is never made one by itself: [`super::prove`] names it.
//!
//! Safe with any number of nodes: who appends locks the log's one row and looks whether the log is as long as it knows.
//! The lease only spares work. An idle bank writes nothing. After an error a node knows nothing, and reads again.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ::store::{Db, DbError, Tx};
use merkle::{Edge, EdgeError};
use money::Timestamp;
use tokio::sync::watch;

use super::append::{self, Appended, Standing, is_anothers};
use super::bundle::{BUNDLE_LEAVES, Bundle};
use super::model::{CoveredRow, HIGHEST, LOWEST, RowId, RowKey, Table, first_id_at};
use super::outside::{self, Outside};
use super::salts::{Salts, Wanted};
use super::status::Status;
use super::store::{self as log, Read, State};
use super::window::{GRACE_SECONDS, Window, slice_of, start_of};
use super::witness::Witness;
use crate::bank::{Bank, Tools};
use crate::gateways::client::Client;

/// Rows of each table read at once: some ten milliseconds of a reader, and a write of a few.
const PAGE: i64 = 2_000;
/// Rows whose leaves cost less than to hand them to another thread and back.
const FEW: usize = 64;
/// Runs from one count of all that may still appear to the next.
const SWEEP_RUNS: u64 = 15;
/// Seconds that are counted in each run.
const RECENT_SECONDS: i64 = 10;

/// A node's part in writing the log.
#[derive(Default)]
pub struct Sequencer {
    node: OnceLock<RowId>,
    memory: tokio::sync::Mutex<Option<Memory>>,
    outside: tokio::sync::Mutex<Outside>,
    pub(super) witness: tokio::sync::Mutex<Witness>,
    /// The way to the trail's collector.
    pub(super) trail: tokio::sync::Mutex<Option<Client>>,
    status: Mutex<Status>,
}

/// What the node that writes the log knows of it.
struct Memory {
    edge: Edge,
    open: Option<Bundle>,
    window: Window,
    salts: Salts,
    /// Every row up to it that was there when it was looked for is a leaf.
    cursor: RowId,
    settled: RowId,
    runs: u64,
}

impl Sequencer {
    /// The name that the node has a lease under: its own and of this run only.
    fn node(&self, tools: &Tools) -> RowId {
        *self.node.get_or_init(|| tools.rng().bytes())
    }

    /// What is remembered of salts is read again, where it is still there.
    pub(super) async fn forget_salts(&self) {
        if let Some(memory) = self.memory.lock().await.as_mut() {
            memory.salts = Salts::default();
        }
    }

    /// How the log does, as this node knows.
    pub fn status(&self) -> MutexGuard<'_, Status> {
        // Each field is whole whenever the lock is given back.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs once; gives how many rows have become leaves.
pub(crate) async fn run(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let sequencer = bank.sequencer();
    let mut memory = sequencer.memory.lock().await;
    let state: State = bank.db().read("log.state", log::state).await?;
    if is_anothers(&state, &sequencer.node(bank.tools()), bank.tools().now()) {
        *memory = None;
        sequencer.status().leads(false);
        return Ok(0);
    }
    sequencer.status().leads(true);
    let kept = memory.take().filter(|memory| memory.edge.size() == state.size);
    let mut current = match kept {
        Some(memory) => memory,
        None => Memory::load(bank.db(), &state).await?,
    };
    let appended = current.advance(bank, stop).await?;
    sequencer.status().reached(current.edge.size(), bank.tools().now(), current.window.rows());
    *memory = Some(current);
    outside::keep(bank, &mut *sequencer.outside.lock().await).await?;
    Ok(appended)
}

/// Leaves the log to whoever comes next, at once and not when the lease is over.
pub(crate) async fn give_up(bank: &Bank) -> Result<(), DbError> {
    let node = bank.sequencer().node(bank.tools());
    let leave = move |tx: &mut Tx<'_>| {
        let state = log::lock_state(tx)?;
        if state.leader == node {
            log::save_state(tx, &State { leased_until: Timestamp::EPOCH, ..state })?;
        }
        Ok(())
    };
    bank.db().write("log.give_up", leave).await
}

impl Memory {
    async fn load(db: &Db, state: &State) -> Result<Self, DbError> {
        let state = *state;
        db.read("log.load", move |tx| {
            let edge = Edge::of_tiles(state.size, |id| log::tile(tx, id)).map_err(corrupt)?;
            let mut open = None;
            if !state.size.is_multiple_of(BUNDLE_LEAVES) {
                let number = state.size / BUNDLE_LEAVES;
                open = log::bundle(tx, number)?;
                let found = open.as_ref().map_or(0, |bundle| bundle.entries.len());
                if u64::try_from(found) != Ok(state.size % BUNDLE_LEAVES) {
                    let wrong =
                        format!("bundle {number} has {found} rows in a log of {}", state.size);
                    return Err(DbError::Corrupt(wrong));
                }
            }
            let settled = state.settled;
            let window = window(tx, &settled)?;
            let salts = Salts::default();
            Ok(Self { edge, open, window, salts, cursor: settled, settled, runs: 0 })
        })
        .await
    }

    async fn advance(&mut self, bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
        let mut appended = self.forward(bank, stop).await?;
        if *stop.borrow() {
            return Ok(appended);
        }
        let now = bank.tools().now();
        let is_sweep = self.runs.is_multiple_of(SWEEP_RUNS);
        let recent = start_of(slice_of(&id_at(now.plus_seconds(-RECENT_SECONDS))));
        let from = if is_sweep { self.settled } else { recent.max(self.settled) };
        appended = appended.saturating_add(self.look_again(bank, from).await?);
        if is_sweep {
            self.settle(slice_of(&id_at(now.plus_seconds(-GRACE_SECONDS))));
        }
        self.runs = self.runs.saturating_add(1);
        Ok(appended)
    }

    /// Appends what is behind the cursor, page by page.
    async fn forward(&mut self, bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
        let (mut appended, mut from) = (0_u64, self.cursor);
        while !*stop.borrow() {
            let now = bank.tools().now();
            let page = bank.db().read("log.rows", move |tx| page(tx, (from, HIGHEST))).await?;
            from = page.to.max(from);
            appended = appended.saturating_add(self.append(bank, page.rows).await?);
            // What a clock that was ahead has made is known, and the cursor stays with the others.
            self.cursor = self.cursor.max(from.min(id_at(now.plus_seconds(1))));
            if page.is_last {
                break;
            }
            // Of a long way behind, nothing can appear below any more.
            let old = slice_of(&id_at(now.plus_seconds(-GRACE_SECONDS)));
            self.settle(slice_of(&from).min(old));
        }
        Ok(appended)
    }

    fn settle(&mut self, slice: u64) {
        self.settled = self.settled.max(start_of(slice));
        self.window.forget_below(slice_of(&self.settled));
    }

    /// Counts from an id up to the cursor, and finds what has appeared there.
    async fn look_again(&mut self, bank: &Bank, from: RowId) -> Result<u64, DbError> {
        let (mut appended, mut ranges) = (0_u64, vec![(from, self.cursor)]);
        while let Some((from, to)) = ranges.pop() {
            let known = self.window.counts_between(&from, &to);
            let found = bank.db().read("log.count", move |tx| counts(tx, (&from, &to))).await?;
            if found == known {
                continue;
            }
            let (first, last) = (slice_of(&from), slice_of(&to));
            if first < last {
                let middle = start_of(first.midpoint(last).saturating_add(1));
                ranges.push((middle, to));
                ranges.push((from, before(&middle)));
                continue;
            }
            appended = appended.saturating_add(self.read_again(bank, (from, to)).await?);
            let left = self.window.counts_between(&from, &to);
            if left.iter().zip(&found).any(|(known, found)| known > found) {
                bank.sequencer().status().rows_are_missing(first, bank.tools().now());
            }
        }
        Ok(appended)
    }

    async fn read_again(
        &mut self,
        bank: &Bank,
        (mut from, to): (RowId, RowId),
    ) -> Result<u64, DbError> {
        let mut appended = 0_u64;
        loop {
            let page = bank.db().read("log.rows", move |tx| page(tx, (from, to))).await?;
            from = page.to;
            appended = appended.saturating_add(self.append(bank, page.rows).await?);
            if page.is_last {
                return Ok(appended);
            }
        }
    }

    /// Makes leaves of those rows that are none.
    async fn append(&mut self, bank: &Bank, mut rows: Vec<CoveredRow>) -> Result<u64, DbError> {
        // The cursor stays at the last row of an idle bank, which the window has forgotten by then.
        rows.retain(|row| row.id >= self.settled && !self.window.contains(&row.key()));
        if rows.is_empty() {
            return Ok(0);
        }
        rows.sort_by_key(CoveredRow::key);
        let (db, tools) = (bank.db(), bank.tools());
        let node = bank.sequencer().node(tools);
        let mut persons: Vec<RowId> = rows.iter().map(CoveredRow::person).collect();
        persons.sort_unstable();
        persons.dedup();
        let salts = self.salts.of(db, tools, &persons).await?;
        let standing = Standing {
            edge: self.edge.clone(),
            open: self.open.clone(),
            settled: self.settled,
            node,
        };
        let (rows, salts, appended) = prepared(tools.clone(), standing, rows, salts).await?;
        let appended = Arc::new(appended);
        let (written, now) = (Arc::clone(&appended), tools.now());
        let is_written = db.write("log.append", move |tx| append::write(tx, &written, now)).await?;
        if !is_written {
            return Err(DbError::Busy("another node writes the log".to_owned()));
        }
        self.salts.learn(&salts);
        for row in &rows {
            self.window.insert(row.key());
        }
        self.edge = appended.edge.clone();
        self.open = appended.open();
        bank.sequencer().status().appended(&rows, now);
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }
}

/// Makes the leaves; many of them beside the threads that answer people, whom a page would keep for milliseconds.
async fn prepared(
    tools: Tools,
    standing: Standing,
    rows: Vec<CoveredRow>,
    salts: Wanted,
) -> Result<(Vec<CoveredRow>, Wanted, Appended), DbError> {
    let is_many = rows.len() > FEW;
    let prepare = move || {
        let appended = append::prepare(&tools, standing, &rows, &salts)?;
        Ok((rows, salts, appended))
    };
    if !is_many {
        return prepare();
    }
    let work = tokio::task::spawn_blocking(prepare);
    work.await.unwrap_or_else(|_| Err(DbError::Panicked("the leaves of the log".to_owned())))
}

/// Rows of both tables within a range, as far as both were read.
struct Page {
    rows: Vec<CoveredRow>,
    to: RowId,
    is_last: bool,
}

fn page(tx: &mut Tx<'_>, (from, to): (RowId, RowId)) -> Result<Page, DbError> {
    let (mut rows, mut end, mut last) = (Vec::new(), None, LOWEST);
    for table in Table::ALL {
        let found = log::rows(tx, table, (&from, &to), PAGE)?;
        let is_full = i64::try_from(found.len()) == Ok(PAGE);
        for row in found {
            match row {
                Read::Whole(row) => rows.push(*row),
                Read::Damaged { table, id, why } => {
                    let key = RowKey { id, table };
                    return Err(DbError::Corrupt(format!("{}: {why}", key.text())));
                }
            }
        }
        let to = rows.last().map_or(LOWEST, |row| row.id);
        last = last.max(to);
        if is_full {
            end = Some(end.map_or(to, |end: RowId| end.min(to)));
        }
    }
    let reached = end.unwrap_or(last);
    rows.retain(|row| row.id <= reached);
    Ok(Page { rows, to: reached, is_last: end.is_none() })
}

fn counts(tx: &mut Tx<'_>, range: (&RowId, &RowId)) -> Result<[usize; 2], DbError> {
    let mut counts = [0; 2];
    for (count, table) in counts.iter_mut().zip(Table::ALL) {
        let found = log::count(tx, table, range)?;
        *count = usize::try_from(found).unwrap_or(usize::MAX);
    }
    Ok(counts)
}

/// What is a leaf already, from an id on.
fn window(tx: &mut Tx<'_>, settled: &RowId) -> Result<Window, DbError> {
    let mut window = Window::default();
    for number in log::bundles_reaching(tx, settled, 100_000)? {
        let bundle = log::bundle(tx, number)?;
        let keys = bundle.iter().flat_map(|bundle| bundle.entries.iter().map(|entry| entry.key));
        keys.filter(|key| key.id >= *settled).for_each(|key| window.insert(key));
    }
    Ok(window)
}

pub(super) fn id_at(time: Timestamp) -> RowId {
    first_id_at(u64::try_from(time.millis()).unwrap_or(0))
}

/// The id below one that is not the lowest.
fn before(id: &RowId) -> RowId {
    u128::from_be_bytes(*id).saturating_sub(1).to_be_bytes()
}

fn corrupt(error: EdgeError<DbError>) -> DbError {
    match error {
        EdgeError::Read(error) => error,
        wrong @ EdgeError::Width { .. } => DbError::Corrupt(format!("the log: {wrong}")),
    }
}
