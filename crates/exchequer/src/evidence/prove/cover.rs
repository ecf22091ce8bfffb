//! Whether every row that should be a leaf is one, and only once.
//!
//! Leaves are nearly in the order of their rows' ids. Of each bundle the lowest id of all bundles behind it is known
//! beforehand; below that every row must have been met. So an inserted row is found without remembering all ids.

use ::store::Tx;
use money::Timestamp;
use std::collections::BTreeSet;

use crate::evidence::bundle::Bundle;
use crate::evidence::model::{HIGHEST, LOWEST, RowId, RowKey, Table, millis_of};
use crate::evidence::sequencer::id_at;
use crate::evidence::store as log;
use crate::evidence::window::GRACE_SECONDS;
use crate::verify::model::{Finding, Step};

/// Bounds or ids read at once.
const PAGE: i64 = 5_000;

pub struct Cover {
    /// For each bundle the lowest id of those behind it; the last first.
    behind: Vec<RowId>,
    /// Leaves that no row was held against yet, by table.
    met: [BTreeSet<RowId>; 2],
    /// Below it all rows were held against leaves.
    reached: RowId,
    /// Below it no row can appear any more that is no leaf yet.
    certain: RowId,
    highest: RowId,
    /// As the bundles say.
    said: RowId,
}

impl Cover {
    pub fn begin(tx: &mut Tx<'_>, now: Timestamp) -> Step<Self> {
        let (mut lowest, mut from, mut said) = (Vec::new(), 0_u64, LOWEST);
        loop {
            let bounds = log::bounds_from(tx, from, PAGE)?;
            let Some((last, _, _)) = bounds.last() else { break };
            from = last.saturating_add(1);
            said = bounds.iter().map(|(_, _, highest)| *highest).fold(said, RowId::max);
            lowest.extend(bounds.into_iter().map(|(_, lowest, _)| lowest));
        }
        let mut least = HIGHEST;
        let mut behind = Vec::with_capacity(lowest.len());
        for id in lowest.into_iter().rev() {
            behind.push(least);
            least = least.min(id);
        }
        let millis = i64::try_from(millis_of(&said.min(id_at(now)))).unwrap_or(i64::MAX);
        let newest = Timestamp::from_micros(millis.saturating_mul(1_000));
        let certain = id_at(newest.plus_seconds(-GRACE_SECONDS));
        let met = Default::default();
        Ok(Self { behind, met, reached: LOWEST, certain, highest: LOWEST, said })
    }

    pub fn add(&mut self, tx: &mut Tx<'_>, bundle: &Bundle) -> Step {
        let [events, transfers] = &mut self.met;
        for (leaf, entry) in (bundle.first()..).zip(&bundle.entries) {
            let met = match entry.key.table {
                Table::Events => &mut *events,
                Table::Transfers => &mut *transfers,
            };
            if entry.key.id < self.reached || !met.insert(entry.key.id) {
                let found = format!("leaf {leaf}, and one before it or out of its order");
                return Err(named(&entry.key, "one leaf of the log", found).into());
            }
        }
        self.highest = self.highest.max(bundle.bounds().1);
        let behind = self.behind.pop().unwrap_or(HIGHEST);
        self.hold(tx, behind.min(self.certain))
    }

    /// Gives how many rows are too young to be leaves for certain.
    pub fn finish(mut self, tx: &mut Tx<'_>) -> Step<u64> {
        if self.highest != self.said {
            let hex = |id: &RowId| data_encoding::HEXLOWER.encode(id);
            let expected = format!("{}, the highest of its ids", hex(&self.highest));
            return Err(Finding::new("log_bundles", "highest", expected, hex(&self.said)).into());
        }
        self.hold(tx, self.certain)?;
        let mut pending = 0_u64;
        for (table, met) in Table::ALL.into_iter().zip(&mut self.met) {
            let mut from = self.reached;
            loop {
                let ids = log::ids(tx, table, (&from, &HIGHEST), PAGE)?;
                let Some(last) = ids.last() else { break };
                from = next(last);
                let young = ids.iter().filter(|id| !met.remove(*id)).count();
                pending = pending.saturating_add(u64::try_from(young).unwrap_or(u64::MAX));
            }
        }
        Ok(pending)
    }

    /// Holds the rows below an id against the leaves.
    fn hold(&mut self, tx: &mut Tx<'_>, below: RowId) -> Step {
        let from = self.reached;
        self.reached = below.max(from);
        if below <= from {
            return Ok(());
        }
        for (table, met) in Table::ALL.into_iter().zip(&mut self.met) {
            let mut from = from;
            loop {
                let ids = log::ids(tx, table, (&from, &below), PAGE)?;
                let Some(last) = ids.last() else { break };
                from = next(last);
                if let Some(id) = ids.into_iter().find(|id| !met.remove(id)) {
                    let key = RowKey { id, table };
                    return Err(named(
                        &key,
                        "a leaf of the log",
                        "none: it was inserted".to_owned(),
                    )
                    .into());
                }
            }
        }
        Ok(())
    }
}

fn named(key: &RowKey, expected: &str, found: String) -> Finding {
    Finding::new(key.table.name(), key.text(), expected, found)
}

fn next(id: &RowId) -> RowId {
    u128::from_be_bytes(*id).saturating_add(1).to_be_bytes()
}
