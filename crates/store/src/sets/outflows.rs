//! Outflows of an account that was given a daily limit: what had left it before anybody counted.

use money::{AccountId, Timestamp};

use super::column;
use crate::sqlite::{bind, from_sqlite};
use crate::tx::Backend;
use crate::{DbError, Tx, params};

const INSERT_ONE: &str = "INSERT INTO outflows (account, posted_at, id, amount) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (account, posted_at, id) DO NOTHING";
const INSERT_SET: &str = "INSERT INTO outflows (account, posted_at, id, amount) \
     SELECT $1::bytea, n.at, n.id, n.amount FROM unnest($2::bigint[], $3::bytea[], $4::bigint[]) \
     AS n(at, id, amount) ON CONFLICT (account, posted_at, id) DO NOTHING";

/// Money that left an account, or is held to leave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outflow {
    pub posted_at: Timestamp,
    /// Of the transfer or the hold.
    pub id: [u8; 16],
    /// Minor units.
    pub amount: i64,
}

impl Tx<'_> {
    /// Remembers outflows of a locked account; one that is remembered already stays as it is.
    pub fn insert_outflows(
        &mut self,
        account: &AccountId,
        rows: &[Outflow],
    ) -> Result<(), DbError> {
        self.count()?;
        match &mut self.backend {
            Backend::Sqlite(session) => {
                let mut statement = session.prepare(INSERT_ONE)?;
                for r in rows {
                    bind(&mut statement, params![account, r.posted_at, &r.id, r.amount])?;
                    statement.raw_execute().map_err(from_sqlite)?;
                }
            }
            Backend::Postgres(session) => {
                session.execute_typed(
                    INSERT_SET,
                    &[
                        &&account.bytes()[..],
                        &column(rows, |r| r.posted_at.micros()),
                        &column(rows, |r| &r.id[..]),
                        &column(rows, |r| r.amount),
                    ],
                )?;
            }
        }
        Ok(())
    }
}
