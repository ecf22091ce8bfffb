//! Entries of an account that fit a filter, newest first; also by the names that their owner has for other accounts.
//!
//! Order: to the newest entry of the last day asked for ([`seek`]), then back along the chain, a chunk at a time,
//! until the page is full, the first day has begun, or enough was looked at. The cursor is the entry to go on
//! from, so that a page can be short or empty and still have a next one.
//!
//! Bound: [`SEEK_ROWS`] rows on the way to the last day and [`MAX_LOOKED`] entries after it. A filter has no
//! index, since every index would cost every transfer.

use ::store::rows::TransferRow;
use ::store::{DbError, Tx};
use money::{Timestamp, TransferId};

use super::entries::{Names, Shown, counterparties, cursor, named};
use super::model::{EntryView, other_side, previous_entry};
use super::store::Owned;
use crate::bank::Tools;
use crate::http::Page;
use crate::statements::seek::{self, Search, Sought};

/// Entries looked at for one answer: some ten milliseconds of a reader.
pub const MAX_LOOKED: i64 = 2_000;
/// Rows looked at for one answer on the way to the last day.
const SEEK_ROWS: i64 = 8_000;
/// Entries read at once: at first, so that a page that is full soon reads little more, and at most.
const FIRST_CHUNK: i64 = 50;
const MAX_CHUNK: i64 = 800;

/// Which entries; all must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The first moment.
    pub since: Option<Timestamp>,
    /// The first moment behind the last one.
    pub until: Option<Timestamp>,
    /// Minor units, without sign, included.
    pub min_amount: Option<i64>,
    /// Minor units, without sign, included.
    pub max_amount: Option<i64>,
    pub direction: Option<Direction>,
    /// A part of the memo, or of the counterparty as it is shown or called; in lower case.
    pub text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

impl Filter {
    /// Whether every entry fits.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What the row alone says.
    fn may_fit(&self, row: &TransferRow, owned: &Owned) -> bool {
        let is_debit = row.debit.account == owned.row().account.id;
        self.min_amount.is_none_or(|least| row.amount >= least)
            && self.max_amount.is_none_or(|most| row.amount <= most)
            && match self.direction {
                None => true,
                Some(Direction::In) => !is_debit,
                Some(Direction::Out) => is_debit,
            }
    }

    /// What is read in it.
    fn fits(&self, (row, counterparty): &Shown, name: Option<&str>) -> bool {
        let Some(text) = &self.text else { return true };
        let has = |field: &str| field.to_lowercase().contains(text);
        row.memo.as_deref().is_some_and(has) || has(counterparty) || name.is_some_and(has)
    }
}

/// A page of the entries that fit, newest first, from the entry of transfer `from` on, which must be one of
/// the account's; without it from the newest.
pub fn page(
    tx: &mut Tx<'_>,
    tools: &Tools,
    owned: &Owned,
    from: Option<&TransferId>,
    (filter, most): (&Filter, i64),
) -> Result<Page<EntryView>, DbError> {
    let account = &owned.row().account;
    let mut next = from.copied().or(account.last_entry);
    if let (Some(entry), Some(until)) = (next, filter.until) {
        let mut budget = SEEK_ROWS;
        match seek::go(tx, Search::new(account.id, entry, until), &mut budget)? {
            Sought::Found(found) => next = found,
            Sought::Farther(search) => {
                let next_cursor = cursor(Some(search.from()));
                return Ok(Page { data: Vec::new(), next_cursor });
            }
        }
    }
    let wanted = usize::try_from(most).unwrap_or(usize::MAX);
    let names = match filter.text {
        Some(_) => Names::all(tx, tools, owned)?,
        None => Names::default(),
    };
    let (mut found, mut left, mut chunk) = (Vec::new(), MAX_LOOKED, FIRST_CHUNK);
    while let Some(entry) = next
        && left > 0
        && found.len() < wanted
    {
        let mut rows = tx.entries(&account.id, &entry, chunk.min(left))?;
        left = left.saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        chunk = chunk.saturating_mul(4).min(MAX_CHUNK);
        next = rows.last().and_then(|row| previous_entry(row, &account.id));
        let first_older =
            rows.iter().position(|row| filter.since.is_some_and(|since| row.posted_at < since));
        if let Some(older) = first_older {
            rows.truncate(older);
            next = None;
        }
        rows.retain(|row| filter.may_fit(row, owned));
        let shown = counterparties(tx, &account.id, &rows)?;
        for entry in rows.into_iter().zip(shown) {
            if !filter.fits(&entry, names.get(&other_side(&entry.0, &account.id))) {
                continue;
            }
            if found.len() == wanted {
                // The first that found no room: the next page begins with it.
                next = Some(entry.0.id);
                break;
            }
            found.push(entry);
        }
    }
    Ok(Page { data: named(tx, tools, owned, found)?, next_cursor: cursor(next) })
}
