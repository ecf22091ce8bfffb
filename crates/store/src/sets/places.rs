//! Accounts on SQLite, found by their place in the table.
//!
//! To find an account by its id, a descent compares a dozen ids of 16 bytes; by its place it compares
//! integers. So the writing connection remembers the place of each id it met. What it remembers is a
//! hint and never believed: the statement names id *and* place, and where both do not meet, the id alone
//! decides. Nothing of an account's state is remembered.
//!
//! Bound: [`MOST`] hints; then they are all forgotten and gathered anew.

use std::collections::HashMap;

use money::AccountId;
use rusqlite::Statement;

use super::accounts::{LoadedAccount, read, select_loaded};
use crate::rows::status_code;
use crate::sqlite::{SqliteSession, bind, from_sqlite};
use crate::{DbError, Param, params};

/// About 6 MiB.
const MOST: usize = 131_072;

const LOAD: &str = select_loaded!("WHERE a.id = $1");
const LOAD_PLACED: &str = select_loaded!("WHERE a.id = $1 AND a.place = $2");
/// The place was read in this transaction.
const SAVE: &str = "UPDATE balances SET status = $2, debits_posted = $3, credits_posted = $4, \
     debits_held = $5, credits_held = $6, last_entry = $7, entry_count = $8 WHERE place = $1";

/// The places of accounts.
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
                && let Some(account) = load_one(&mut placed, params![id, *place])?
            {
                loaded.push(account);
            } else if let Some(account) = load_one(&mut by_id, params![id])? {
                self.remember(*id, account.place);
                loaded.push(account);
            }
        }
        Ok(loaded)
    }

    /// Saves what changes of accounts that were loaded in this transaction; gives how many of them
    /// there were to save.
    pub fn save(session: &SqliteSession, accounts: &[LoadedAccount]) -> Result<u64, DbError> {
        let mut statement = session.prepare(SAVE)?;
        let mut saved = 0;
        for LoadedAccount { account: a, place, .. } in accounts {
            bind(
                &mut statement,
                params![
                    *place,
                    status_code(a.status),
                    a.debits_posted,
                    a.credits_posted,
                    a.debits_held,
                    a.credits_held,
                    a.last_entry.as_ref(),
                    a.entry_count
                ],
            )?;
            saved += statement.raw_execute().map_err(from_sqlite)? as u64;
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
) -> Result<Option<LoadedAccount>, DbError> {
    bind(statement, params)?;
    let mut rows = statement.raw_query();
    rows.next().map_err(from_sqlite)?.map(read).transpose()
}
