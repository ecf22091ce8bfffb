//! Runs: how SQLite keeps idempotency keys, so that a random key costs as little in a full bank as in
//! an empty one.
//!
//! An index that is hit at random changes a page for each key, and past the page cache that is dearer than
//! all the rest of a transfer. So a key goes into the *open* run, a part of the b-tree that is small
//! enough to stay in the cache. A run that has about [`ROWS`] rows is closed: its fingerprints are
//! written as one row of `idempotency_runs`, and the next run is open. Whether a key is in a closed run is
//! asked of the fingerprints in memory; a row is read only where they say "perhaps".
//!
//! **Why no key can be claimed twice.** A claim is refused by the primary key where the scope is in the
//! open run, and by its row where it is in a closed one. A closed run has the same scopes for ever: a
//! trigger refuses an INSERT into any run but the open one, which is by definition the one above the newest
//! row of `idempotency_runs`, and no statement deletes a key or changes its scope. What is closed is
//! read inside the claiming transaction, which on SQLite is the only one that writes. Memory is no
//! second truth: it is right for exactly the run and `mark` that it names, the mark being a hash over
//! the fingerprints of that run and of all before, and [`Runs::follow`] compares it with the newest
//! row before each use.
//!
//! * *Rolled back*, also to a savepoint, after a run was closed: that row is gone or, closed anew with
//!   other keys, has another mark. Memory is thrown away and read again.
//! * *Another process* closed runs between two transactions: the row of the run that memory ends with
//!   still has memory's mark, so what memory has is a part of what is there; the rest is read.
//! * *Another process* inserted into the open run: the primary key sees it. Only the count of rows is then
//!   too low, and it decides nothing but when the run is closed.
//! * *A crash* is a rollback, and memory starts empty.
//!
//! Cost: one row read before each claim, and for each key one question to each group of [`GROUP_RUNS`]
//! runs; closing reads the run once. A key that is found costs up to [`GROUP_RUNS`] probes. Memory: two
//! bytes a key and half a MiB a group. Reading connections do not ask. PostgreSQL has one run, number
//! 0, and nothing of this.

use rusqlite::types::ValueRef;
use vault::token::sha256;

use super::fingerprints::{Fingerprint, Group, fingerprint, from_bytes, to_bytes};
use crate::sqlite::{SqliteSession, bind, from_sqlite};
use crate::{DbError, params};

/// Keys of a run: some 6 MiB of rows, of the 16 MiB that the page cache has.
pub(crate) const ROWS: u32 = 65_536;
/// Runs whose fingerprints are asked at once: more, and a key that is found costs more probes; fewer, and
/// one that is not found asks more groups.
const GROUP_RUNS: usize = 16;

const NEWEST: &str = "SELECT run, mark FROM idempotency_runs ORDER BY run DESC LIMIT 1";
const ONE: &str = "SELECT mark, fingerprints FROM idempotency_runs WHERE run = $1";
const MARK: &str = "SELECT mark FROM idempotency_runs WHERE run = $1";
const COUNT: &str = "SELECT COUNT(*) FROM idempotency WHERE run = $1";
const SCOPES: &str = "SELECT scope FROM idempotency WHERE run = $1";
const CLOSE: &str = "INSERT INTO idempotency_runs (run, mark, fingerprints) VALUES ($1, $2, $3)";

/// A hash over the fingerprints of a run and of all before it.
pub(crate) type Mark = [u8; 16];

/// What the writing connection knows of the closed runs.
pub(crate) struct Runs {
    /// All of [`GROUP_RUNS`] runs but the last.
    groups: Vec<Group>,
    /// The closed runs that are in `groups` are those below; it is the open one.
    open: i64,
    /// Of the run before `open`; zero where there is none.
    mark: Mark,
    /// Rows of the open run, as far as this connection knows; `None`: not counted yet.
    rows: Option<u64>,
    most_rows: u64,
}

impl Default for Runs {
    fn default() -> Self {
        Self::of_rows(ROWS)
    }
}

impl Runs {
    /// A run is closed when it has `most_rows` rows.
    pub fn of_rows(most_rows: u32) -> Self {
        let most_rows = u64::from(most_rows.max(1));
        Self { groups: Vec::new(), open: 0, mark: [0; 16], rows: None, most_rows }
    }

    /// The open run.
    pub fn open(&self) -> i64 {
        self.open
    }

    /// Closed runs that may hold the scope; it is in no other. Newest first.
    pub fn may_hold(&self, scope: &[u8; 16]) -> Vec<i64> {
        let fingerprint = fingerprint(scope);
        let found = self.groups.iter().rev().filter(|group| group.may_hold(fingerprint));
        found.flat_map(|group| group.runs().rev()).collect()
    }

    /// Makes memory what the open transaction sees. Before each use.
    pub fn follow(&mut self, session: &SqliteSession) -> Result<(), DbError> {
        let newest = session.query(NEWEST, &[], 1)?;
        let (open, mark) = match newest.first() {
            Some(row) => (row.int(0)?.saturating_add(1), row.bytes(1)?),
            None => (0, [0; 16]),
        };
        if (open, mark) == (self.open, self.mark) {
            return Ok(());
        }
        if !self.is_part(session)? {
            self.forget();
        }
        while self.open < open {
            let rows = session.query(ONE, params![self.open], 1)?;
            let row = rows.first().ok_or_else(|| damaged(self.open))?;
            let sorted = from_bytes(row.blob(1)?).ok_or_else(|| damaged(self.open))?;
            if self.add(&sorted) != row.bytes(0)? {
                let run = self.open.saturating_sub(1);
                self.forget();
                return Err(damaged(run));
            }
        }
        Ok(())
    }

    /// True where the open run has its rows; follow first.
    pub fn is_full(&mut self, session: &SqliteSession) -> Result<bool, DbError> {
        let rows = match self.rows {
            Some(rows) => rows,
            None => self.count(session)?,
        };
        Ok(rows >= self.most_rows)
    }

    /// Closes the open run and opens the next; follow first.
    pub fn close(&mut self, session: &SqliteSession) -> Result<(), DbError> {
        let run = self.open;
        let sorted = sorted_fingerprints(session, run)?;
        let mark = self.add(&sorted);
        session.execute(CLOSE, params![run, &mark, &to_bytes(&sorted)])?;
        Ok(())
    }

    /// Rows were put into the open run.
    pub fn grew(&mut self, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.rows = self.rows.map(|before| before.saturating_add(rows));
    }

    /// Adds the fingerprints of the open run, which is closed with that; gives its mark.
    pub fn add(&mut self, sorted: &[Fingerprint]) -> Mark {
        let text = [&self.mark[..], &to_bytes(sorted)].concat();
        self.mark.copy_from_slice(&sha256(&text)[..16]);
        match self.groups.last_mut() {
            Some(group) if group.runs().count() < GROUP_RUNS => group.add(sorted),
            _ => {
                let mut group = Group::before(self.open);
                group.add(sorted);
                self.groups.push(group);
            }
        }
        self.open = self.open.saturating_add(1);
        self.rows = None;
        self.mark
    }

    /// True where the newest run of memory is what the table has under its number, and so all before.
    fn is_part(&self, session: &SqliteSession) -> Result<bool, DbError> {
        if self.open == 0 {
            return Ok(true);
        }
        let rows = session.query(MARK, params![self.open.saturating_sub(1)], 1)?;
        match rows.first() {
            Some(row) => Ok(row.bytes::<16>(0)? == self.mark),
            None => Ok(false),
        }
    }

    fn forget(&mut self) {
        self.groups.clear();
        (self.open, self.mark, self.rows) = (0, [0; 16], None);
    }

    fn count(&mut self, session: &SqliteSession) -> Result<u64, DbError> {
        let rows = session.query(COUNT, params![self.open], 1)?;
        let count = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or_default();
        let count = u64::try_from(count).unwrap_or_default();
        self.rows = Some(count);
        Ok(count)
    }
}

fn sorted_fingerprints(session: &SqliteSession, run: i64) -> Result<Vec<Fingerprint>, DbError> {
    let mut statement = session.prepare(SCOPES)?;
    bind(&mut statement, params![run])?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(from_sqlite)? {
        match row.get_ref(0).map_err(from_sqlite)? {
            ValueRef::Blob(scope) => {
                let scope = scope.try_into().map_err(|_| damaged(run))?;
                found.push(fingerprint(scope));
            }
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => {
                return Err(damaged(run));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn damaged(run: i64) -> DbError {
    DbError::Corrupt(format!("run {run} of the idempotency keys is not as it was closed"))
}

#[cfg(test)]
mod tests;
