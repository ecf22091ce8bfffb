//! A transaction: an ordinary synchronous handle over one of the two databases.
//!
//! SQL texts are `&'static str`, so no text can be built from a caller's input. They use `$1` and the
//! common subset of both databases (RETURNING, ON CONFLICT, CTE, window functions; sums cast to
//! BIGINT). Where a database needs its own words (row locks here, set-based inserts in
//! [`crate::rows`]) there is a named method, never an `if` in a caller.

use crate::fault::Faults;
use crate::postgres::PgSession;
use crate::sqlite::SqliteSession;
use crate::{DbError, Param, Row};

/// Rows that one query may give: a page, a batch, a fold in slices. More is a missing LIMIT.
const MAX_ROWS: usize = 100_000;

pub struct Tx<'c> {
    pub(crate) backend: Backend<'c>,
    verb: &'static str,
    faults: &'c Faults,
    statements: u64,
}

pub(crate) enum Backend<'c> {
    Sqlite(&'c SqliteSession),
    Postgres(&'c mut PgSession),
}

impl<'c> Tx<'c> {
    pub(crate) fn new(backend: Backend<'c>, verb: &'static str, faults: &'c Faults) -> Self {
        Self { backend, verb, faults, statements: 0 }
    }

    /// Runs a statement; gives the number of rows it changed.
    pub fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, DbError> {
        self.count()?;
        match &mut self.backend {
            Backend::Sqlite(session) => session.execute(sql, params),
            Backend::Postgres(session) => session.execute(sql, params),
        }
    }

    /// Runs a query; gives all rows, in order. Fails with [`DbError::Corrupt`] past 100,000 rows.
    pub fn query(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, DbError> {
        self.count()?;
        let rows = match &mut self.backend {
            Backend::Sqlite(session) => session.query(sql, params, MAX_ROWS),
            Backend::Postgres(session) => session.query(sql, params),
        }?;
        if rows.len() > MAX_ROWS {
            return Err(DbError::Corrupt(format!("a query gave over {MAX_ROWS} rows")));
        }
        Ok(rows)
    }

    /// The only row, or none; a second row is [`DbError::Corrupt`].
    pub fn query_opt(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Option<Row>, DbError> {
        let mut rows = self.query(sql, params)?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            n => Err(DbError::Corrupt(format!("{n} rows where one was expected"))),
        }
    }

    /// The only row; none is [`DbError::Corrupt`] (an aggregate always gives one).
    pub fn query_one(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Row, DbError> {
        self.query_opt(sql, params)?.ok_or_else(|| DbError::Corrupt("no row".to_owned()))
    }

    /// Like [`Tx::query`], and the rows stay locked until the end of the transaction. The query must
    /// order by the primary key, so that two transactions lock in the same order. SQLite has one
    /// writer, so there nothing has to be locked.
    pub fn query_locked(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, DbError> {
        self.count()?;
        match &mut self.backend {
            Backend::Sqlite(session) => session.query(sql, params, MAX_ROWS),
            Backend::Postgres(session) => session.query_locked(sql, params),
        }
    }

    /// The verb under which the transaction was opened.
    pub fn verb(&self) -> &'static str {
        self.verb
    }

    /// Counts a statement, and fails where a test armed a fault.
    pub(crate) fn count(&mut self) -> Result<(), DbError> {
        self.statements = self.statements.saturating_add(1);
        self.faults.check(self.verb, self.statements)
    }

    /// Statements so far.
    pub fn statements(&self) -> u64 {
        self.statements
    }
}
