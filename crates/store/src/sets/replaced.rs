//! Values replaced where they still are what they were read as: sealed values sealed anew.

use super::column;
use crate::sqlite::{bind, from_sqlite};
use crate::tx::Backend;
use crate::{DbError, Tx, params};

/// The two texts of one column: `one` for SQLite with `$1` the key, `$2` the old and `$3` the new value,
/// `set` for PostgreSQL with an array of each. Both must compare the old value.
#[derive(Debug, Clone, Copy)]
pub struct ReplaceSql {
    pub one: &'static str,
    pub set: &'static str,
}

/// A value and what it becomes.
pub struct Replacement {
    /// The row's primary key.
    pub key: [u8; 16],
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

impl Tx<'_> {
    /// Replaces what has not changed since it was read; gives how many values that were. `rows` ascend by
    /// key, so that two who do this lock in one order.
    pub fn replace_unchanged(
        &mut self,
        sql: ReplaceSql,
        rows: &[Replacement],
    ) -> Result<u64, DbError> {
        self.count()?;
        match &mut self.backend {
            Backend::Sqlite(session) => {
                let mut statement = session.prepare(sql.one)?;
                let mut replaced = 0_u64;
                for r in rows {
                    bind(&mut statement, params![&r.key, &r.old, &r.new])?;
                    let changed = statement.raw_execute().map_err(from_sqlite)?;
                    replaced = replaced.saturating_add(u64::try_from(changed).unwrap_or(u64::MAX));
                }
                Ok(replaced)
            }
            Backend::Postgres(session) => session.execute_typed(
                sql.set,
                &[
                    &column(rows, |r| &r.key[..]),
                    &column(rows, |r| &r.old[..]),
                    &column(rows, |r| &r.new[..]),
                ],
            ),
        }
    }
}
