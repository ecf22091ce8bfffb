//! Every idempotency key is there once, and the closed runs are as they were closed (SQLite).
//!
//! One pass over all keys in the order of the table. The fingerprints of each run are made anew from its
//! rows and compared with what was stored when it was closed; each key is asked for in the runs
//! before its own, and looked up where their fingerprints say "perhaps". So nothing that is stored
//! about a run is believed. Memory: two bytes a key. On PostgreSQL the primary key says it all.

use rusqlite::types::ValueRef;

use crate::sets::{Fingerprint, Runs, fingerprint, to_bytes};
use crate::sqlite::{SqliteSession, from_sqlite};
use crate::tx::Backend;
use crate::{DbError, Tx, params};

const ALL: &str = "SELECT run, scope FROM idempotency ORDER BY run, scope";
const THERE: &str = "SELECT 1 FROM idempotency WHERE run = $1 AND scope = $2";
const CLOSED: &str = "SELECT mark, fingerprints FROM idempotency_runs WHERE run = $1";
const BEYOND: &str = "SELECT 1 FROM idempotency_runs WHERE run >= $1";

/// A run of keys with a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRun {
    pub run: i64,
    pub expected: &'static str,
    pub found: String,
}

impl Tx<'_> {
    /// The first run with a key that another run has, too, or that is not as it was closed.
    pub fn run_fault(&mut self) -> Result<Option<BrokenRun>, DbError> {
        self.count()?;
        match &self.backend {
            Backend::Sqlite(session) => fault(session),
            Backend::Postgres(_) => Ok(None),
        }
    }
}

fn fault(session: &SqliteSession) -> Result<Option<BrokenRun>, DbError> {
    let mut runs = Runs::default();
    let mut run: Vec<Fingerprint> = Vec::new();
    let mut statement = session.prepare(ALL)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(from_sqlite)? {
        let number = row.get(0).map_err(from_sqlite)?;
        // A closed run may be empty: one whose rows were rolled back.
        while runs.open() < number {
            if let Some(broken) = compare(session, &mut runs, std::mem::take(&mut run))? {
                return Ok(Some(broken));
            }
        }
        let scope = match row.get_ref(1).map_err(from_sqlite)? {
            ValueRef::Blob(scope) => scope.try_into().ok(),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => None,
        };
        let Some(scope) = scope else {
            return Ok(Some(broken(number, "scopes of 16 bytes", "another value")));
        };
        for before in runs.may_hold(scope) {
            if !session.query(THERE, params![before, scope], 1)?.is_empty() {
                let found = format!("a key of run {before}, too");
                return Ok(Some(broken(number, "keys of its own", &found)));
            }
        }
        run.push(fingerprint(scope));
    }
    // What is left is the open run, unless nothing was put into it yet.
    while !session.query(BEYOND, params![runs.open()], 1)?.is_empty() {
        if let Some(broken) = compare(session, &mut runs, std::mem::take(&mut run))? {
            return Ok(Some(broken));
        }
    }
    Ok(None)
}

/// Compares the run with what was stored when it was closed, and goes on to the next.
fn compare(
    session: &SqliteSession,
    runs: &mut Runs,
    mut run: Vec<Fingerprint>,
) -> Result<Option<BrokenRun>, DbError> {
    run.sort_unstable();
    let number = runs.open();
    let rows = session.query(CLOSED, params![number], 1)?;
    let Some(row) = rows.first() else {
        return Ok(Some(broken(number, "closed before the next was opened", "it is not closed")));
    };
    if row.blob(1)? != to_bytes(&run) {
        return Ok(Some(broken(number, "the fingerprints of its keys", "others")));
    }
    if runs.add(&run) != row.bytes(0)? {
        return Ok(Some(broken(number, "the mark that follows from the runs", "another")));
    }
    Ok(None)
}

fn broken(run: i64, expected: &'static str, found: &str) -> BrokenRun {
    BrokenRun { run, expected, found: found.to_owned() }
}

#[cfg(test)]
mod tests;
