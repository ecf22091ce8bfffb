//! Statements: an account's entries of a period between two balances, in four formats.
//!
//! Order: whose account it is, and its newest entry (one snapshot); back to the newest entry of the
//! period; from there back over the period, in pages of a transaction each. Transfers never change, and
//! each names the one before it, so that pages of many snapshots are one chain. An entry belongs to the
//! period in which the chain reaches its end: no entry is in two adjoining periods, none is in neither,
//! and the closing balance of one is the opening balance of the next, whatever the clocks of the nodes did.
//!
//! The way back to an old period is that of [`seek`].
//!
//! Bounds: [`MAX_ENTRIES`] entries, `SEEK_ROWS` and `PAGE` rows a transaction, the request's time. What
//! it never does: write, or tell the moment at which it was made.

pub mod api;
pub mod camt053;
pub mod csv;
pub mod json;
pub mod model;
pub mod pdf;
pub mod period;
mod places;
pub mod seek;
mod store;

use std::collections::HashMap;
use std::sync::Arc;

use ::store::{DbError, Tx};
use money::{AccountId, Timestamp, TransferId};

use self::model::{BANK_NAME, ERASED_NAME, Entry, Statement, Subject};
use self::period::Period;
use self::seek::{Search, Sought};
use self::store::Link;
use crate::accounts::model::AccountRow;
use crate::bank::Tools;
use crate::customers::{self, Known};
use crate::http::{Code, Context, Problem};

/// Entries of one statement. In memory each takes some 300 bytes, and in the longest format 800 more.
pub const MAX_ENTRIES: usize = 100_000;

/// Entries read at once: some 10 ms of a reader.
const PAGE: i64 = 2_000;
/// Rows looked at in one transaction on the way back to the period.
const SEEK_ROWS: i64 = 8_000;

/// An account at the moment of the request.
#[derive(Debug, Clone)]
pub struct Found {
    subject: Subject,
    last_entry: Option<TransferId>,
}

impl Found {
    /// The same under another name: of an account of the bank's own that holds somebody's money.
    #[must_use]
    pub fn owned_by(mut self, owner: String) -> Self {
        self.subject.owner = owner;
        self
    }
}

/// What a statement needs to know of an account that the caller may see.
pub fn open(tx: &mut Tx<'_>, tools: &Tools, row: &AccountRow) -> Result<Found, DbError> {
    let owner = match &row.owner {
        None => BANK_NAME.to_owned(),
        Some(owner) => match customers::known(tx, tools, owner)? {
            Some(Known::Here(customer)) => customer.full_name,
            Some(Known::Erased(_)) => ERASED_NAME.to_owned(),
            None => {
                let text = format!("{owner} has an account and is not there");
                return Err(DbError::Corrupt(text));
            }
        },
    };
    let subject = Subject {
        account: row.account.id,
        number: row.number.clone(),
        name: row.name.clone(),
        currency: row.account.currency,
        owner,
    };
    Ok(Found { subject, last_entry: row.account.last_entry })
}

/// Draws the statement up.
///
/// Refuses `statement_too_long` past `most` entries.
pub async fn draw_up(
    context: &Context,
    found: Found,
    period: Period,
    most: usize,
) -> Result<Statement, Problem> {
    let account = found.subject.account;
    let newest = match found.last_entry {
        None => None,
        Some(last) => newest_before(context, account, last, period.end()).await?,
    };
    let mut entries = Vec::new();
    let mut opening = 0;
    let mut next = newest;
    let mut names = HashMap::new();
    while let Some(from) = next {
        let start = period.start();
        let page =
            context.read("statements.page", move |tx| Ok(page(tx, account, from, start)?)).await?;
        next = page.next;
        opening = page.opening;
        entries.extend(page.links.into_iter().map(|(link, other)| entry(link, other, &mut names)));
        if entries.len() > most {
            let detail = format!("at most {most} entries in this format");
            return Err(Problem::new(Code::StatementTooLong).detail(detail));
        }
    }
    entries.reverse();
    Ok(Statement::of(found.subject, period, opening, entries)?)
}

/// An account's posted balance right after one of its entries, minor units.
pub fn balance_after(
    tx: &mut Tx<'_>,
    account: &AccountId,
    entry: &TransferId,
) -> Result<i64, DbError> {
    let links = store::links(tx, account, entry, (Timestamp::from_seconds(0), 1))?;
    let first = links.first().filter(|link| link.place.transfer == *entry);
    first.map(|link| link.balance).ok_or_else(|| store::gone(entry))
}

/// The newest entry of an account that is older than a moment, searched from a newer one.
async fn newest_before(
    context: &Context,
    account: AccountId,
    newest: TransferId,
    end: Timestamp,
) -> Result<Option<TransferId>, Problem> {
    let mut search = Search::new(account, newest, end);
    loop {
        let sought = context
            .read("statements.seek", move |tx| {
                let mut budget = SEEK_ROWS;
                Ok(seek::go(tx, search, &mut budget)?)
            })
            .await?;
        match sought {
            Sought::Found(found) => return Ok(found),
            Sought::Farther(rest) => search = rest,
        }
    }
}

/// A part of the period, newest first.
struct Page {
    /// Each with the number of its other side, where that is not the bank's own.
    links: Vec<(Link, Option<String>)>,
    /// Before the oldest of them.
    opening: i64,
    /// Where older ones go on.
    next: Option<TransferId>,
}

fn page(
    tx: &mut Tx<'_>,
    account: AccountId,
    from: TransferId,
    start: Timestamp,
) -> Result<Page, DbError> {
    let mut links = store::links(tx, &account, &from, (start, PAGE))?;
    let older = links.pop_if(|last| last.place.posted_at < start);
    let (opening, next) = match (&older, links.last()) {
        (Some(older), _) => (older.balance, None),
        (None, Some(oldest)) => (oldest.balance_before()?, oldest.place.previous),
        (None, None) => (0, None),
    };
    let others: Vec<AccountId> = links.iter().map(|link| link.other).collect();
    let numbers = tx.account_numbers(&others)?;
    let named = links.into_iter().map(|link| {
        let found = numbers.get(&link.other).ok_or_else(|| {
            DbError::Corrupt(format!("{} has entries and is not there", link.other))
        })?;
        let number = (!found.of_bank).then(|| found.number.clone());
        Ok((link, number))
    });
    Ok(Page { links: named.collect::<Result<_, DbError>>()?, opening, next })
}

/// A name is kept once, however many entries have it.
fn entry(
    link: Link,
    other: Option<String>,
    names: &mut HashMap<AccountId, Option<Arc<str>>>,
) -> Entry {
    let counterparty = names.entry(link.other).or_insert_with(|| other.map(Arc::from)).clone();
    Entry {
        number: link.place.number,
        transfer: link.place.transfer,
        kind: link.kind,
        side: link.side,
        amount: link.amount,
        balance: link.balance,
        counterparty,
        memo: link.memo,
        posted_at: link.place.posted_at,
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
