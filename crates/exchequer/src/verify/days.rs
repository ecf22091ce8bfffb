//! The closing balances that are kept of days, against the entries that they are of.
//!
//! Pure. A day's closing balance is that of the entry with the highest number among those posted until its end.
//! Rows come in windows, so that memory is bounded: all entries are passed by once for each window. Cost: a look-up
//! a side, and nothing where no day is kept.

use std::collections::HashMap;

use money::{AccountId, Timestamp, TransferId};
use store::rows::{DayRow, Side};

use super::model::{Finding, Step};
use crate::statements::period::Day;

/// Rows in one window, some 100 bytes each.
pub const WINDOW: usize = 500_000;

/// The rows of one window.
#[derive(Default)]
pub struct Days {
    /// By account, ascending.
    accounts: HashMap<AccountId, Vec<Kept>>,
    count: usize,
}

struct Kept {
    row: DayRow,
    /// Of the entries that belong to this day and not to one that is kept before it.
    newest: Option<Newest>,
}

#[derive(Clone, Copy)]
struct Newest {
    number: i64,
    transfer: TransferId,
    balance: i64,
}

impl Days {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn is_full(&self) -> bool {
        self.count >= WINDOW
    }

    /// Takes a row; those of one account come in the order of their days.
    pub fn add(&mut self, row: DayRow) {
        self.count = self.count.saturating_add(1);
        self.accounts.entry(row.account).or_default().push(Kept { row, newest: None });
    }

    /// Takes one side of a transfer, in any order.
    pub fn follow(&mut self, transfer: TransferId, posted_at: Timestamp, side: &Side) {
        let Some(days) = self.accounts.get_mut(&side.account) else { return };
        let day = Day::of(posted_at).number();
        let first = days.partition_point(|kept| kept.row.day < day);
        let Some(kept) = days.get_mut(first) else { return };
        if kept.newest.is_none_or(|newest| newest.number < side.number) {
            kept.newest = Some(Newest { number: side.number, transfer, balance: side.balance });
        }
    }

    /// After the last transfer: the finding about the first row that is wrong.
    pub fn finish(&self) -> Step {
        let wrong = self.accounts.values().filter_map(|days| first_wrong(days));
        let first = wrong.min_by_key(|(row, _)| (row.account, row.day));
        first.map_or(Ok(()), |(row, newest)| Err(finding(row, newest).into()))
    }
}

fn first_wrong(days: &[Kept]) -> Option<(&DayRow, Option<Newest>)> {
    let mut newest: Option<Newest> = None;
    for Kept { row, newest: of_day } in days {
        if let Some(of_day) = of_day
            && newest.is_none_or(|newest| newest.number < of_day.number)
        {
            newest = Some(*of_day);
        }
        let posted = newest.map_or(0, |newest| newest.balance);
        if row.posted != posted || row.last_entry != newest.map(|newest| newest.transfer) {
            return Some((row, newest));
        }
    }
    None
}

fn finding(row: &DayRow, newest: Option<Newest>) -> Finding {
    let shown = |posted: i64, entry: Option<TransferId>| match entry {
        Some(entry) => format!("{posted} after {entry}"),
        None => format!("{posted} without an entry"),
    };
    let expected =
        shown(newest.map_or(0, |newest| newest.balance), newest.map(|newest| newest.transfer));
    let id = format!("{} on {}", row.account, Day::from_number(row.day));
    Finding::new("account_days", id, expected, shown(row.posted, row.last_entry))
}
