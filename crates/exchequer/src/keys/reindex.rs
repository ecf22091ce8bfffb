//! Blind indexes computed anew after a rotation of their key.
//!
//! Two walks by key, over customers (e-mail, phone, government id and the words of the name, a row at a time) and
//! over credentials: a reader opens what a row's indexes are of and computes them, a short write puts them in place
//! of those of the older version, if the row is still under that. So a row is found by all of its indexes under one
//! version or the other at any moment, two nodes that walk at once change each row once, and a walk that was cut finds
//! next time only what is left. When a walk has met nothing old, the key of the column that cannot be computed anew is
//! kept ([`super::indexes`]) and the version is finished.
//!
//! What lives for minutes or days (codes, counters, answers under idempotency keys, counts of messages) is looked for
//! under every version until those are destroyed, and not walked.
//!
//! Cost: ten microseconds a row to compute, and a statement for each row and word to write. Bound: a slice is
//! [`SLICE`] rows, with a rest after each. A row that does not open, or whose index is another's, stays as it is, is
//! said in the log, and keeps its version from being destroyed.

use ::store::{DbError, Tx};
use tokio::sync::watch;
use tokio::time::Instant;
use vault::Purpose;

use super::indexes::keep_in;
use super::reseal::{finish, rest_after, settled};
use crate::bank::{Bank, Tools};
use crate::{customers, factors};

/// Rows of one slice: each is several statements, and on PostgreSQL each of these a way there and back.
const SLICE: i64 = 100;

/// One slice of a table behind a key.
pub struct Slice<M> {
    /// The key of its last row; none where the table has no more rows.
    pub to: Option<[u8; 16]>,
    /// What rows of older versions become.
    pub moves: Vec<M>,
    /// Rows that do not open.
    pub damaged: u64,
}

/// Where a slice begins, behind which key and how long it is.
pub type Behind = (Option<[u8; 16]>, i64);

/// How a table is walked.
struct Walk<M> {
    table: &'static str,
    look: fn(&mut Tx<'_>, &Tools, Behind) -> Result<Slice<M>, DbError>,
    write: fn(&mut Tx<'_>, &[M]) -> Result<u64, DbError>,
}

/// What walks met.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Met {
    /// Rows of older versions.
    pub old: u64,
    pub replaced: u64,
    pub damaged: u64,
}

/// Walks where a version of the key is to be finished.
pub(super) async fn sweep(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<Met, DbError> {
    let now = bank.tools().now();
    let active = bank.tools().keyring().index_version();
    let versions = settled(bank, Purpose::BlindIndex, active, now).await?;
    let mut met = Met::default();
    if versions.is_empty() {
        return Ok(met);
    }
    let people = Walk {
        table: "customers",
        look: customers::indexes_behind,
        write: customers::move_indexes_in,
    };
    let keys =
        Walk { table: "factors", look: factors::indexes_behind, write: factors::move_indexes_in };
    walk(bank, &people, stop, &mut met).await?;
    walk(bank, &keys, stop, &mut met).await?;
    if *stop.borrow() || met.old > 0 || met.damaged > 0 {
        return Ok(met);
    }
    let (tools, ended) = (bank.tools().clone(), versions.clone());
    let keep = move |tx: &mut Tx<'_>| {
        ended.iter().try_for_each(|version| keep_in(tx, &tools, *version, now))
    };
    bank.db().write("keys.keep_index", keep).await?;
    finish(bank, Purpose::BlindIndex, versions, now).await?;
    Ok(met)
}

async fn walk<M: Send + 'static>(
    bank: &Bank,
    walk: &Walk<M>,
    stop: &watch::Receiver<bool>,
    met: &mut Met,
) -> Result<(), DbError> {
    let mut after = None;
    while !*stop.borrow() {
        let began = Instant::now();
        let (tools, look, write) = (bank.tools().clone(), walk.look, walk.write);
        let read = move |tx: &mut Tx<'_>| look(tx, &tools, (after, SLICE));
        let slice: Slice<M> = bank.db().read("keys.reindex", read).await?;
        met.damaged = met.damaged.saturating_add(slice.damaged);
        if !slice.moves.is_empty() {
            let wanted = u64::try_from(slice.moves.len()).unwrap_or(u64::MAX);
            let put = move |tx: &mut Tx<'_>| write(tx, &slice.moves);
            let replaced: u64 = bank.db().write("keys.reindex", put).await?;
            if replaced < wanted {
                // Another node was faster, or an index is another row's already: the next walk tells.
                let (table, left) = (walk.table, wanted - replaced);
                tracing::warn!(table, left, "indexes were not computed anew");
            }
            met.old = met.old.saturating_add(wanted);
            met.replaced = met.replaced.saturating_add(replaced);
            tokio::time::sleep(rest_after(began.elapsed())).await;
        }
        let Some(to) = slice.to else { break };
        after = Some(to);
    }
    Ok(())
}
