//! Which rows of the last minutes are leaves already, by the time in their ids.
//!
//! An id is made before its transaction commits, so a row can appear below others that are leaves. Slices of
//! [`SLICE_MILLIS`] are counted against the table; one that counts otherwise is read again. Pure. Memory: 17 bytes for
//! each row younger than [`GRACE_SECONDS`].

use std::collections::BTreeMap;

use super::model::{RowId, RowKey, Table, first_id_at, millis_of};

/// No row is committed so long after its id was made: `store` rolls a transaction back that took
/// [`store::MAX_TRANSACTION_SECONDS`], and a commit gets as long again. What comes later is not made a leaf by itself;
/// the check of the log tells of it.
pub const GRACE_SECONDS: i64 = 2 * store::MAX_TRANSACTION_SECONDS;

pub const SLICE_MILLIS: u64 = 5_000;

#[derive(Debug, Default)]
pub struct Window {
    /// By table within a slice, ascending.
    slices: BTreeMap<u64, [Vec<RowId>; 2]>,
}

impl Window {
    pub fn insert(&mut self, key: RowKey) {
        let slice = self.slices.entry(slice_of(&key.id)).or_default();
        let ids = of_table(slice, key.table);
        if let Err(place) = ids.binary_search(&key.id) {
            ids.insert(place, key.id);
        }
    }

    pub fn contains(&self, key: &RowKey) -> bool {
        let slice = self.slices.get(&slice_of(&key.id));
        let ids = slice.map(|[events, transfers]| match key.table {
            Table::Events => events,
            Table::Transfers => transfers,
        });
        ids.is_some_and(|ids| ids.binary_search(&key.id).is_ok())
    }

    /// How many from one id to another, both included: events and transfers.
    pub fn counts_between(&self, from: &RowId, to: &RowId) -> [usize; 2] {
        let mut counts = [0_usize; 2];
        if from > to {
            return counts;
        }
        let within = |ids: &Vec<RowId>| {
            let below = ids.partition_point(|id| id < from);
            ids.partition_point(|id| id <= to).saturating_sub(below)
        };
        for (_, slice) in self.slices.range(slice_of(from)..=slice_of(to)) {
            for (count, ids) in counts.iter_mut().zip(slice) {
                *count = count.saturating_add(within(ids));
            }
        }
        counts
    }

    pub fn forget_below(&mut self, slice: u64) {
        self.slices = self.slices.split_off(&slice);
    }

    pub fn rows(&self) -> usize {
        self.slices.values().flatten().map(Vec::len).sum()
    }
}

pub fn slice_of(id: &RowId) -> u64 {
    millis_of(id) / SLICE_MILLIS
}

/// The lowest id of a slice.
pub fn start_of(slice: u64) -> RowId {
    first_id_at(slice.saturating_mul(SLICE_MILLIS))
}

fn of_table([events, transfers]: &mut [Vec<RowId>; 2], table: Table) -> &mut Vec<RowId> {
    match table {
        Table::Events => events,
        Table::Transfers => transfers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(millis: u64, last: u8, table: Table) -> RowKey {
        let mut id = first_id_at(millis);
        id[15] = last;
        RowKey { id, table }
    }

    #[test]
    fn rows_are_known_counted_and_forgotten_by_slice() {
        let mut window = Window::default();
        let (early, late) = (key(4_999, 1, Table::Events), key(5_000, 1, Table::Transfers));
        for known in [late, early, early, key(5_000, 0, Table::Transfers)] {
            window.insert(known);
        }
        assert!(window.contains(&early) && window.contains(&late));
        assert!(!window.contains(&RowKey { table: Table::Transfers, ..early }));
        assert_eq!(window.counts_between(&[0; 16], &[0xff; 16]), [1, 2]);
        assert_eq!(window.counts_between(&start_of(1), &[0xff; 16]), [0, 2]);
        assert_eq!(window.counts_between(&early.id, &first_id_at(5_000)), [1, 1]);
        assert_eq!(window.counts_between(&late.id, &early.id), [0, 0]);
        assert_eq!((window.rows(), slice_of(&late.id), start_of(1)), (3, 1, first_id_at(5_000)));
        window.forget_below(1);
        assert!(!window.contains(&early) && window.contains(&late));
    }
}
