//! Accounts on SQLite, found by their place in the table.
//!
//! To find an account by its id, a descent compares a dozen ids of 16 bytes; by its rowid it compares
//! integers. So the writing connection remembers the rowid of each id it met. What it remembers is a
//! hint and never believed: every statement names id *and* rowid, and where both do not meet, the id alone
//! decides. Nothing of an account's state is remembered.
//!
//! Bound: [`MOST`] hints; then they are all forgotten and gathered anew.

use std::collections::HashMap;

use ledger::Account;
use money::AccountId;
use rusqlite::Statement;

use super::accounts::{LoadedAccount, read};
use crate::rows::status_code;
use crate::sqlite::{SqliteSession, bind, from_sqlite};
use crate::{DbError, Param, params};

/// About 6 MiB.
const MOST: usize = 131_072;

macro_rules! load {
    ($place:literal) => {
        concat!(
            "SELECT id, owner, currency, status, bounded, overdraft_limit, \
             CASE WHEN outgoing_stopped = 1 THEN 0 ELSE limit_transfer END, limit_day, \
             debits_posted, credits_posted, debits_held, credits_held, last_entry, \
             entry_count, rowid FROM accounts WHERE id = $1",
            $place
        )
    };
}
macro_rules! save {
    ($place:literal) => {
        concat!(
            "UPDATE accounts SET status = $2, debits_posted = $3, credits_posted = $4, \
             debits_held = $5, credits_held = $6, last_entry = $7, entry_count = $8 \
             WHERE id = $1",
            $place
        )
    };
}
const LOAD: &str = load!("");
const LOAD_PLACED: &str = load!(" AND rowid = $2");
const SAVE: &str = save!("");
const SAVE_PLACED: &str = save!(" AND rowid = $9");

/// The rowids of accounts.
#[derive(Default)]
pub(crate) struct Places(HashMap<AccountId, i64>);

impl Places {
    /// Reads the accounts that exist among `ids`, in this order.
    pub fn load(
        &mut self,
        session: &SqliteSession,
        ids: &[AccountId],
    ) -> Result<Vec<LoadedAccount>, DbError> {
        let mut placed = session.prepare(LOAD_PLACED)?;
        let mut by_id = session.prepare(LOAD)?;
        let mut loaded = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(place) = self.0.get(id)
                && let Some((account, _)) = load_one(&mut placed, params![id, *place])?
            {
                loaded.push(account);
            } else if let Some((account, place)) = load_one(&mut by_id, params![id])? {
                self.remember(*id, place);
                loaded.push(account);
            }
        }
        Ok(loaded)
    }

    /// Saves what changes of an account; gives how many of them there were to save.
    pub fn save(
        &mut self,
        session: &SqliteSession,
        accounts: &[Account],
    ) -> Result<usize, DbError> {
        let mut placed = session.prepare(SAVE_PLACED)?;
        let mut by_id = session.prepare(SAVE)?;
        let mut saved = 0;
        for a in accounts {
            let place = self.0.get(&a.id).copied();
            let values: &[Param<'_>; 9] = params![
                &a.id,
                status_code(a.status),
                a.debits_posted,
                a.credits_posted,
                a.debits_held,
                a.credits_held,
                a.last_entry.as_ref(),
                a.entry_count,
                place
            ];
            let mut changed = 0;
            if place.is_some() {
                bind(&mut placed, values)?;
                changed = placed.raw_execute().map_err(from_sqlite)?;
            }
            if changed == 0 {
                bind(&mut by_id, &values[..8])?;
                changed = by_id.raw_execute().map_err(from_sqlite)?;
            }
            saved += changed;
        }
        Ok(saved)
    }

    fn remember(&mut self, id: AccountId, place: i64) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(id, place);
    }
}

fn load_one(
    statement: &mut Statement<'_>,
    params: &[Param<'_>],
) -> Result<Option<(LoadedAccount, i64)>, DbError> {
    bind(statement, params)?;
    let mut rows = statement.raw_query();
    let Some(row) = rows.next().map_err(from_sqlite)? else { return Ok(None) };
    Ok(Some((read(row)?, row.get(14).map_err(from_sqlite)?)))
}
