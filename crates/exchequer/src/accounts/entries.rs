//! Entries of an account, newest first, each with how its other side is called: by number, and by the name that the
//! account's owner has for it.
//!
//! Cost: one read of the chain, one of the numbers, one of the owner's list of payees and one of the owner's accounts. Of a page
//! only its own names are opened; for a search all are, once ([`Names::all`]). What it never does: tell anybody a
//! name that somebody else gave.

use std::collections::{HashMap, HashSet};

use ::store::rows::TransferRow;
use ::store::{DbError, Tx};
use ledger::Account;
use money::{AccountId, TransferId};

use super::model::{BANK, EntryView, other_side, previous_entry};
use super::search::{self, Filter};
use super::store::{self, Owned};
use crate::bank::Tools;
use crate::beneficiaries;
use crate::http::Page;

/// An owner's own accounts that are looked at for their names: ten times what may be open at once.
const MAX_OWN: i64 = 1_000;

/// What an owner calls other accounts.
#[derive(Default)]
pub(super) struct Names(HashMap<AccountId, String>);

/// An entry's transfer, with how its other side is shown.
pub(super) type Shown = (TransferRow, String);

impl Names {
    /// Of every account that the owner has a name for.
    pub(super) fn all(tx: &mut Tx<'_>, tools: &Tools, owned: &Owned) -> Result<Self, DbError> {
        Self::of(tx, tools, owned, |_| true)
    }

    /// A payee's name goes before that of an account of one's own.
    fn of(
        tx: &mut Tx<'_>,
        tools: &Tools,
        owned: &Owned,
        wanted: impl Fn(&AccountId) -> bool,
    ) -> Result<Self, DbError> {
        let Some(owner) = owned.row().owner else { return Ok(Self::default()) };
        let own = store::names(tx, &owner, MAX_OWN)?;
        let mut names: HashMap<_, _> = own.into_iter().filter(|(id, _)| wanted(id)).collect();
        names.extend(beneficiaries::names(tx, tools, &owner, wanted)?);
        Ok(Self(names))
    }

    pub(super) fn get(&self, account: &AccountId) -> Option<&str> {
        self.0.get(account).map(String::as_str)
    }
}

/// A page of an account's entries that fit a filter, newest first, from the entry of transfer `from` on.
/// `None` when `from` is not an entry of this account: a stranger's transfer and an unknown one look alike.
pub fn entries(
    tx: &mut Tx<'_>,
    tools: &Tools,
    owned: &Owned,
    from: Option<&TransferId>,
    (filter, most): (&Filter, i64),
) -> Result<Option<Page<EntryView>>, DbError> {
    let account = &owned.row().account;
    if !filter.is_empty() {
        if !is_place(tx, account, from)? {
            return Ok(None);
        }
        return search::page(tx, tools, owned, from, (filter, most)).map(Some);
    }
    let Some((rows, next)) = newest(tx, account, from, most)? else { return Ok(None) };
    Ok(Some(Page { data: named(tx, tools, owned, rows)?, next_cursor: cursor(next) }))
}

/// The same without a filter and without names, of anybody's account, the bank's own included: for operators.
pub fn entries_of(
    tx: &mut Tx<'_>,
    account: &Account,
    from: Option<&TransferId>,
    most: i64,
) -> Result<Option<Page<EntryView>>, DbError> {
    let Some((rows, next)) = newest(tx, account, from, most)? else { return Ok(None) };
    let view = |(row, shown)| EntryView::new(&row, &account.id, shown, None);
    Ok(Some(Page { data: rows.into_iter().map(view).collect(), next_cursor: cursor(next) }))
}

/// Entries as their account's owner sees them.
pub(super) fn named(
    tx: &mut Tx<'_>,
    tools: &Tools,
    owned: &Owned,
    rows: Vec<Shown>,
) -> Result<Vec<EntryView>, DbError> {
    let id = owned.row().account.id;
    let others: HashSet<AccountId> = rows.iter().map(|(row, _)| other_side(row, &id)).collect();
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let names = Names::of(tx, tools, owned, |account| others.contains(account))?;
    let view = |(row, shown): Shown| {
        let name = names.get(&other_side(&row, &id)).map(str::to_owned);
        EntryView::new(&row, &id, shown, name)
    };
    Ok(rows.into_iter().map(view).collect())
}

/// How the other sides of an account's transfers are shown, in their order.
pub(super) fn counterparties(
    tx: &mut Tx<'_>,
    account: &AccountId,
    rows: &[TransferRow],
) -> Result<Vec<String>, DbError> {
    let others: Vec<AccountId> = rows.iter().map(|row| other_side(row, account)).collect();
    let numbers = tx.account_numbers(&others)?;
    let shown = others.iter().map(|other| {
        let found = numbers
            .get(other)
            .ok_or_else(|| DbError::Corrupt(format!("{other} has entries and is not there")))?;
        Ok(if found.of_bank { BANK.to_owned() } else { found.number.clone() })
    });
    shown.collect()
}

/// Where the list goes on.
pub(super) fn cursor(next: Option<TransferId>) -> Option<String> {
    next.map(|id| id.to_string())
}

/// Entries, and the one to go on with.
type Newest = (Vec<Shown>, Option<TransferId>);

/// Up to `most` entries and the one to go on with; `None` when `from` is no entry of this account.
fn newest(
    tx: &mut Tx<'_>,
    account: &Account,
    from: Option<&TransferId>,
    most: i64,
) -> Result<Option<Newest>, DbError> {
    if !is_place(tx, account, from)? {
        return Ok(None);
    }
    let Some(from) = from.or(account.last_entry.as_ref()) else {
        return Ok(Some((Vec::new(), None)));
    };
    let rows = tx.entries(&account.id, from, most)?;
    let next = rows.last().and_then(|row| previous_entry(row, &account.id));
    let shown = counterparties(tx, &account.id, &rows)?;
    Ok(Some((rows.into_iter().zip(shown).collect(), next)))
}

fn is_place(
    tx: &mut Tx<'_>,
    account: &Account,
    from: Option<&TransferId>,
) -> Result<bool, DbError> {
    from.map_or(Ok(true), |from| store::is_entry(tx, &account.id, from))
}
