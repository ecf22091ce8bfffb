//! Statements: an account's entries of a period between two balances, in four formats.
//!
//! Order: whose account it is, and its newest entry (one snapshot); back to the newest entry of the
//! period; from there back over the period, in pages of a transaction each. Transfers never change, and
//! each names the one before it, so that pages of many snapshots are one chain. An entry belongs to the
//! period in which the chain reaches its end: no entry is in two adjoining periods, none is in neither,
//! and the closing balance of one is the opening balance of the next, whatever the clocks of the nodes did.
//!
//! The way back to an old period costs the write path nothing: no index, no table. Two ways are taken in
//! turn. The chain takes a step for each entry since, which is short for quiet accounts; ids ascend with time, so
//! the bank's transfers of a moment are neighbours, and among a few thousand of them is an entry of a busy
//! account. Where an account has a share p of n transfers, the first takes pn steps and the second 1/p.
//!
//! Bounds: [`MAX_ENTRIES`] entries, `SKIP_PAGE` and `PAGE` rows a transaction, the request's time. What
//! it never does: write, or tell the moment at which it was made.

pub mod api;
pub mod camt053;
pub mod csv;
pub mod json;
pub mod model;
pub mod pdf;
pub mod period;
mod places;
mod store;

use std::collections::HashMap;
use std::sync::Arc;

use ::store::{DbError, Tx};
use money::{AccountId, Timestamp, TransferId};

use self::model::{BANK_NAME, Entry, Statement, Subject};
use self::period::Period;
use self::store::{Link, Place};
use crate::accounts::model::AccountRow;
use crate::bank::Tools;
use crate::customers;
use crate::http::{Code, Context, Problem};

/// Entries of one statement. In memory each takes some 300 bytes, and in the longest format 800 more.
pub const MAX_ENTRIES: usize = 100_000;

/// Entries read at once: some 10 ms of a reader.
const PAGE: i64 = 2_000;
/// Entries passed over at once, of which only the last is read.
const SKIP_PAGE: i64 = 4_000;
/// Transfers of the bank looked through at one moment, in the first round and at most.
const FIRST_SIGHT: i64 = 256;
const MAX_SIGHT: i64 = 16_384;
/// Moments tried in one round.
const SIGHTS: u32 = 16;
/// How far two nodes' clocks may be apart. Nearer to the period's end than this no place is looked for
/// but along the chain.
const CLOCKS_APART_MICROS: i64 = 10 * 60 * 1_000_000;
/// Moments nearer to each other than this are one.
const NEAR_MICROS: i64 = 1_000_000;

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
        Some(owner) => {
            customers::get(tx, tools, owner)?
                .ok_or_else(|| {
                    DbError::Corrupt(format!("{owner} has an account and is not there"))
                })?
                .full_name
        }
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

/// The newest entry of an account that is older than a moment, searched from a newer one.
async fn newest_before(
    context: &Context,
    account: AccountId,
    newest: TransferId,
    end: Timestamp,
) -> Result<Option<TransferId>, Problem> {
    let (mut from, mut sight) = (newest, FIRST_SIGHT);
    loop {
        let place = context
            .read("statements.skip", move |tx| {
                Ok(store::skip(tx, &account, &from, (end, SKIP_PAGE))?)
            })
            .await?;
        if place.posted_at < end {
            return Ok(Some(place.transfer));
        }
        let Some(previous) = place.previous else { return Ok(None) };
        let nearer = context
            .read("statements.sight", move |tx| Ok(nearer(tx, account, &place, (end, sight))?))
            .await?;
        from = nearer.unwrap_or(previous);
        sight = sight.saturating_mul(4).min(MAX_SIGHT);
    }
}

/// An entry between a moment and a place in the chain, as near to the moment as it is found by looking
/// at the bank's transfers of a few moments: first at that one, then half way between where something
/// was seen and where nothing was.
fn nearer(
    tx: &mut Tx<'_>,
    account: AccountId,
    place: &Place,
    (end, most): (Timestamp, i64),
) -> Result<Option<TransferId>, DbError> {
    let first = end.plus_micros(CLOCKS_APART_MICROS);
    let (mut blind, mut seen) = (first, place.posted_at);
    let mut best: Option<Place> = None;
    for _ in 0..SIGHTS {
        let distance = seen.micros_since(blind);
        if distance < NEAR_MICROS {
            break;
        }
        let is_first = blind == first && best.is_none() && seen == place.posted_at;
        let at = if is_first { blind } else { blind.plus_micros(distance / 2) };
        let newest = best.as_ref().unwrap_or(place).number;
        let Some(found) = store::sight(tx, &account, at, most)? else {
            blind = at.plus_micros(i64::from(is_first));
            continue;
        };
        // What is known already says that nothing lies between: what does lies before.
        seen = at;
        if found.number < newest && found.posted_at >= first {
            best = Some(found);
        }
    }
    Ok(best.map(|found| found.transfer))
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
