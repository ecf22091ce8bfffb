//! Backup and restore: a whole bank as one file, from and into either database.
//!
//! The file is a SQLite bank with the schema and the history of migrations of its source, in one
//! piece (no write-ahead log beside it), mode 0600. It holds everything but the master key, without
//! which its sealed values stay closed. Of an encrypted bank it is encrypted with the bank's key; of a plain one
//! and of PostgreSQL it is plain, and what is not sealed can be read in it.
//!
//! A backup is one snapshot taken while others write: on SQLite the online backup interface inside an
//! open read transaction, on PostgreSQL one REPEATABLE READ transaction copied table by table. It is
//! written beside its name, synced, read back and counted, and only then gets its name. A restore is
//! one transaction into a database without rows: all of it or nothing.
//!
//! Never: an existing file or row overwritten; a schema of another version accepted.

pub(crate) mod copy;
mod file;
pub(crate) mod tables;

use std::path::{Path, PathBuf};

use money::Timestamp;
use rusqlite::OpenFlags;
use rusqlite::backup::{Backup, StepResult};

use self::copy::{compare, copy_all, count_all, first_used_table};
use self::file::Writing;
use crate::db::{Location, Options, on_own_thread, pg_options};
use crate::fault::Faults;
use crate::migrate::{self, migrate};
use crate::postgres::{PgOptions, PgSession};
use crate::sets::Runs;
use crate::sqlite::{Access, DatabaseFile, SqliteSession, from_sqlite};
use crate::tx::Backend;
use crate::{DbError, Tx, params};

/// The tables of a bank and how many rows each has, in the order of the migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts(Vec<(&'static str, i64)>);

impl Counts {
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, i64)> {
        self.0.iter().copied()
    }

    /// Rows of all tables together.
    pub fn total(&self) -> i64 {
        self.0.iter().map(|(_, rows)| rows).sum()
    }
}

/// Why there is no backup or no restored bank, in the order in which it is found out.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("there is no database at {}", .path.display())]
    NoBank { path: PathBuf },
    #[error("{} is there already; nothing was written", .path.display())]
    Exists { path: PathBuf },
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{} is no backup that this version can read: {reason}", .path.display())]
    NotABackup { path: PathBuf, reason: String },
    #[error("the database is not empty: the table {table} has rows; nothing was changed")]
    NotEmpty { table: &'static str },
    /// The copy has another number of rows than its source.
    #[error("the copy is not whole: {found} rows in {table}, {wanted} at the source")]
    Differs { table: &'static str, wanted: i64, found: i64 },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Writes a backup of the bank into a file that must not exist. Blocks; others may go on writing.
pub fn backup(options: &Options, file: &Path, now: Timestamp) -> Result<Counts, BackupError> {
    if let Location::Sqlite { path } = &options.location
        && !path.exists()
    {
        return Err(BackupError::NoBank { path: path.clone() });
    }
    let writing = Writing::begin(file)?;
    let target = writing.path();
    let counts = match &options.location {
        Location::Sqlite { path } => copy_file(options.file(path), options.file(target))?,
        Location::Postgres { url } => {
            let (pg, target) = (pg_options(options, url)?, target.to_owned());
            let run_rows = options.run_rows;
            own_thread(move || copy_server(&pg, (&target, run_rows), now))?
        }
    };
    writing.sync()?;
    let copy = match &options.location {
        Location::Sqlite { .. } => options.file(target),
        Location::Postgres { .. } => target.into(),
    };
    let found = read_file(copy, "backup.count", count_all)?;
    compare(&counts, &found)?;
    writing.finish()?;
    Ok(counts)
}

/// Reads a backup into the database of `options`, which must be absent or without rows. Blocks.
/// The backup is plain or encrypted, and so is the database, each by itself.
pub fn restore<'a>(
    options: &Options,
    file: impl Into<DatabaseFile<'a>>,
    now: Timestamp,
) -> Result<Counts, BackupError> {
    restore_noted(options, file, now, |_, _| Ok(()))
}

/// The same with a note in the transaction of the rows: both are done, or neither. What the note writes is not counted.
pub fn restore_noted<'a>(
    options: &Options,
    file: impl Into<DatabaseFile<'a>>,
    now: Timestamp,
    note: impl FnOnce(&mut Tx<'_>, &Counts) -> Result<(), DbError> + Send + 'static,
) -> Result<Counts, BackupError> {
    let source = open_backup(file.into())?;
    match &options.location {
        Location::Sqlite { path } => {
            if path.exists() {
                let file = options.file(path);
                let session = SqliteSession::open(file, options.cache_mib, Access::ReadWrite)?;
                refuse_rows(&mut Tx::new(
                    Backend::Sqlite(&session),
                    "restore",
                    &Faults::default(),
                ))?;
            }
            migrate(options, now)?;
            let file = options.file(path);
            let session = SqliteSession::open(file, options.cache_mib, Access::ReadWrite)?;
            session.check_durable()?;
            session.runs.replace(Runs::of_rows(options.run_rows));
            session.batch("BEGIN IMMEDIATE")?;
            // On an error the connection closes, and SQLite rolls back.
            let counts = fill(
                &source,
                &mut Tx::new(Backend::Sqlite(&session), "restore", &Faults::default()),
                now,
                note,
            )?;
            session.batch("COMMIT")?;
            Ok(counts)
        }
        Location::Postgres { url } => {
            let pg = pg_options(options, url)?;
            let before = pg.clone();
            own_thread(move || {
                let mut session = PgSession::connect(&before)?;
                let faults = Faults::default();
                refuse_rows(&mut Tx::new(Backend::Postgres(&mut session), "restore", &faults))
            })?;
            migrate(options, now)?;
            own_thread(move || {
                let mut session = PgSession::connect(&pg)?;
                session.batch("BEGIN")?;
                session.batch("LOCK TABLE schema_migrations IN EXCLUSIVE MODE")?;
                let faults = Faults::default();
                // On an error the connection closes, and the server rolls back.
                let counts = fill(
                    &source,
                    &mut Tx::new(Backend::Postgres(&mut session), "restore", &faults),
                    now,
                    note,
                )?;
                session.batch(NEXT_PLACE)?;
                session.batch("COMMIT")?;
                // Without it the planner knows nothing of the new rows. The bank is there already.
                if let Err(error) = session.batch("ANALYZE") {
                    tracing::warn!(%error, "statistics were not made; the server will do it");
                }
                Ok(counts)
            })
        }
    }
}

/// The next account's place, behind those that were copied.
pub(crate) const NEXT_PLACE: &str = "SELECT setval(pg_get_serial_sequence('accounts', 'place'), \
     COALESCE(MAX(place), 0) + 1, false) FROM accounts";

/// Runs `call` on one snapshot of a bank's file, opened for reading only: for looking at a backup.
pub fn read_file<'a, T, E: From<DbError>>(
    file: impl Into<DatabaseFile<'a>>,
    verb: &'static str,
    call: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let session = SqliteSession::open(file, CACHE_MIB, Access::ReadOnly)?;
    session.batch("BEGIN DEFERRED")?;
    let result = call(&mut Tx::new(Backend::Sqlite(&session), verb, &Faults::default()))?;
    session.batch("COMMIT")?;
    Ok(result)
}

/// Page cache of a connection that reads or writes a backup.
const CACHE_MIB: u32 = 32;

/// SQLite to SQLite: all pages of one snapshot. The read transaction that counts the rows is open
/// while the pages are copied, so both see the same state, whatever other processes write.
fn copy_file(from: DatabaseFile<'_>, to: DatabaseFile<'_>) -> Result<Counts, BackupError> {
    let source = SqliteSession::open(from, CACHE_MIB, Access::ReadWrite)?;
    migrate::check_sqlite(&source)?;
    source.batch("BEGIN DEFERRED")?;
    let counts = count_all(&mut Tx::new(Backend::Sqlite(&source), "backup", &Faults::default()))?;
    let mut target = to.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let step = Backup::new(&source.connection, &mut target)
        .and_then(|backup| backup.step(-1))
        .map_err(from_sqlite)?;
    if step != StepResult::Done {
        return Err(DbError::Busy(format!("the database file ({step:?})")).into());
    }
    source.batch("COMMIT")?;
    in_one_piece(&target)?;
    target.close().map_err(|(_, error)| from_sqlite(error))?;
    Ok(counts)
}

/// PostgreSQL to SQLite: table by table in one REPEATABLE READ transaction.
fn copy_server(
    pg: &PgOptions,
    (to, run_rows): (&Path, u32),
    now: Timestamp,
) -> Result<Counts, BackupError> {
    let mut source = PgSession::connect(pg)?;
    migrate::check_postgres(&mut source)?;
    let location = Location::Sqlite { path: to.to_owned() };
    migrate(&Options { cache_mib: CACHE_MIB, ..Options::new(location) }, now)?;
    let target = SqliteSession::open(to, CACHE_MIB, Access::ReadWrite)?;
    target.runs.replace(Runs::of_rows(run_rows));
    source.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    target.batch("BEGIN IMMEDIATE")?;
    let faults = Faults::default();
    let counts = copy_all(
        &mut Tx::new(Backend::Postgres(&mut source), "backup", &faults),
        &mut Tx::new(Backend::Sqlite(&target), "backup", &faults),
    )?;
    target.batch("COMMIT")?;
    source.batch("COMMIT")?;
    in_one_piece(&target.connection)?;
    target.connection.close().map_err(|(_, error)| from_sqlite(error))?;
    Ok(counts)
}

/// Takes the file out of write-ahead logging: it is then complete without a second file beside it.
fn in_one_piece(connection: &rusqlite::Connection) -> Result<(), DbError> {
    connection.pragma_update(None, "journal_mode", "DELETE").map_err(from_sqlite)
}

fn open_backup(file: DatabaseFile<'_>) -> Result<SqliteSession, BackupError> {
    let refused = |reason: String| BackupError::NotABackup { path: file.path.to_owned(), reason };
    if !file.path.is_file() {
        return Err(refused("there is no such file".to_owned()));
    }
    let session = SqliteSession::open(file, CACHE_MIB, Access::ReadOnly)
        .map_err(|error| refused(error.to_string()))?;
    migrate::check_sqlite(&session).map_err(|error| match error {
        DbError::Refused(reason) => refused(reason),
        other => refused(other.to_string()),
    })?;
    Ok(session)
}

/// Refuses a database with a row in one of our tables. One without our tables has none.
pub(crate) fn refuse_rows(target: &mut Tx<'_>) -> Result<(), BackupError> {
    match first_used_table(target) {
        Ok(None) => Ok(()),
        Ok(Some(table)) => Err(BackupError::NotEmpty { table }),
        Err(DbError::Corrupt(text)) if NO_TABLE.iter().any(|said| text.contains(said)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// How the two databases say that a table is not there: a message and an SQLSTATE (PostgreSQL
/// documentation, appendix A).
const NO_TABLE: [&str; 2] = ["no such table", "(42P01)"];

/// Copies a backup into the open transaction of a migrated database.
fn fill(
    source: &SqliteSession,
    target: &mut Tx<'_>,
    now: Timestamp,
    note: impl FnOnce(&mut Tx<'_>, &Counts) -> Result<(), DbError>,
) -> Result<Counts, BackupError> {
    if let Some(table) = first_used_table(target)? {
        return Err(BackupError::NotEmpty { table });
    }
    source.batch("BEGIN DEFERRED")?;
    let faults = Faults::default();
    let counts = copy_all(&mut Tx::new(Backend::Sqlite(source), "restore", &faults), target)?;
    source.batch("COMMIT")?;
    // Some may have been ended after the backup was made: nobody is signed in by a restore.
    target.execute(
        "UPDATE sessions SET ended_at = $1, end_reason = 'restored' WHERE ended_at IS NULL",
        params![now],
    )?;
    note(target, &counts)?;
    Ok(counts)
}

/// The driver's runtime may not be entered from inside another one, so it gets a thread of its own.
fn own_thread<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    on_own_thread(move || Ok(call()))?
}

#[cfg(test)]
mod tests;
