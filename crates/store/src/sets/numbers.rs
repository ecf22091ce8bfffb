//! Numbers of a set of accounts: how the other sides of a page of entries are shown.

use std::collections::HashMap;

use money::AccountId;

use super::column;
use crate::postgres::from_postgres;
use crate::sqlite::from_sqlite;
use crate::tx::Backend;
use crate::{DbError, Tx};

const ONE: &str = "SELECT number, owner IS NULL FROM accounts WHERE id = $1";
const SET: &str =
    "SELECT id, number, owner IS NULL FROM accounts WHERE id = ANY($1::bytea[]) ORDER BY id";

/// How an account is named to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedAccount {
    pub number: String,
    /// One of the bank's own.
    pub of_bank: bool,
}

impl Tx<'_> {
    /// The numbers of the accounts that exist among `ids`.
    pub fn account_numbers(
        &mut self,
        ids: &[AccountId],
    ) -> Result<HashMap<AccountId, NumberedAccount>, DbError> {
        self.count()?;
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut found = HashMap::with_capacity(sorted.len());
        match &mut self.backend {
            Backend::Sqlite(session) => {
                let mut statement = session.prepare(ONE)?;
                for id in sorted {
                    statement.raw_bind_parameter(1, &id.bytes()[..]).map_err(from_sqlite)?;
                    let mut rows = statement.raw_query();
                    if let Some(row) = rows.next().map_err(from_sqlite)? {
                        let number = row.get(0).map_err(from_sqlite)?;
                        let of_bank = row.get(1).map_err(from_sqlite)?;
                        found.insert(id, NumberedAccount { number, of_bank });
                    }
                }
            }
            Backend::Postgres(session) => {
                let ids = column(&sorted, |id| &id.bytes()[..]);
                for row in session.query_raw(SET, &[&ids])? {
                    let id: Vec<u8> = row.try_get(0).map_err(from_postgres)?;
                    let id = <[u8; 16]>::try_from(id)
                        .map_err(|_| DbError::Corrupt("an id of another length".to_owned()))?;
                    let number = row.try_get(1).map_err(from_postgres)?;
                    let of_bank = row.try_get(2).map_err(from_postgres)?;
                    found.insert(AccountId::from_bytes(id), NumberedAccount { number, of_bank });
                }
            }
        }
        Ok(found)
    }
}
