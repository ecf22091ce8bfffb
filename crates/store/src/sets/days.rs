//! Closing balances of days, kept as a set.

use super::column;
use crate::rows::DayRow;
use crate::sqlite::{bind, from_sqlite};
use crate::tx::Backend;
use crate::{DbError, Tx, params};

const INSERT_ONE: &str = "INSERT INTO account_days (account, day, posted, last_entry) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (account, day) DO NOTHING";
const INSERT_SET: &str = "INSERT INTO account_days (account, day, posted, last_entry) \
     SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[]) \
     ON CONFLICT (account, day) DO NOTHING";

impl Tx<'_> {
    /// Keeps days that are not kept yet: another request may have found the same.
    pub fn insert_days(&mut self, rows: &[DayRow]) -> Result<(), DbError> {
        self.count()?;
        match &mut self.backend {
            Backend::Sqlite(session) => {
                let mut statement = session.prepare(INSERT_ONE)?;
                for r in rows {
                    let values = params![&r.account, r.day, r.posted, r.last_entry.as_ref()];
                    bind(&mut statement, values)?;
                    statement.raw_execute().map_err(from_sqlite)?;
                }
            }
            Backend::Postgres(session) => {
                session.execute_typed(
                    INSERT_SET,
                    &[
                        &column(rows, |r| &r.account.bytes()[..]),
                        &column(rows, |r| r.day),
                        &column(rows, |r| r.posted),
                        &column(rows, |r| r.last_entry.as_ref().map(|id| &id.bytes()[..])),
                    ],
                )?;
            }
        }
        Ok(())
    }
}
