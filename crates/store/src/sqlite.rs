//! SQLite: one writer thread with the one writing connection, and a few read-only connections.
//!
//! The writer drains its queue, runs each closure under a savepoint, commits the group **once** and
//! only then answers everybody: group commit for every write. A crash before the commit loses only
//! what nobody was told.
//!
//! Settings: WAL with `synchronous=FULL` (NORMAL was measured to lose acknowledged commits at a power
//! cut), foreign keys on, own checkpoints in the writer's pauses and beside it ([`log`]).

mod file;
mod log;
mod values;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::fault::Faults;
use crate::job::{Job, Wish};
use crate::queue::{Pop, Queue};
use crate::sets::{KnownOrigins, Places, Runs};
use crate::tx::Backend;
use crate::{DbError, Param, Row, Tx};

use self::file::NOT_PLAIN;
pub use self::file::{CAN_ENCRYPT, DatabaseFile, FileKey};
use self::log::checkpoint;
pub(crate) use self::log::{Mover, settle};
pub(crate) use self::values::{bind, bind_from};
use self::values::{number_parameters, read_value};

/// Closures under one commit: bounds how long the first of a group waits for its answer.
const MAX_GROUP: usize = 256;
/// A pause this long without work is used for a checkpoint.
const PAUSE: Duration = Duration::from_millis(20);
/// For connections that nobody keeps a [`Mover`] for, those of commands: 64 MiB.
const AUTOMATIC_PAGES: i64 = 16_000;
/// How long another process (backup, `staff create`) may hold the write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENTS: usize = 256;
/// 3.51.3: older ones can lose commits when a write-ahead log begins anew (SQLite, "the WAL-reset bug").
const WAL_RESET_MENDED: i32 = 3_051_003;

/// A connection, with the SQL texts in SQLite's own parameter syntax.
pub(crate) struct SqliteSession {
    pub(crate) connection: Connection,
    numbered: RefCell<HashMap<&'static str, Arc<str>>>,
    pub(crate) places: RefCell<Places>,
    pub(crate) runs: RefCell<Runs>,
    pub(crate) origins: RefCell<KnownOrigins>,
    pub(crate) is_encrypted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
}

impl SqliteSession {
    /// Errors: those of [`DatabaseFile::connect`].
    pub fn open<'a>(
        file: impl Into<DatabaseFile<'a>>,
        cache_mib: u32,
        access: Access,
    ) -> Result<Self, DbError> {
        let file = file.into();
        let flags = match access {
            Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        let mut session = Self::over(file.connect(flags)?)?;
        session.is_encrypted = file.key.is_some();
        if access == Access::ReadWrite {
            session.pragma("journal_mode", "WAL")?;
            session.pragma("synchronous", "FULL")?;
            session.pragma("wal_autocheckpoint", &AUTOMATIC_PAGES.to_string())?;
        }
        session.pragma("cache_size", &format!("-{}", i64::from(cache_mib) * 1024))?;
        Ok(session)
    }

    /// What every connection has, wherever its database is.
    pub fn over(connection: Connection) -> Result<Self, DbError> {
        connection.busy_timeout(BUSY_TIMEOUT).map_err(from_sqlite)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // One plan for a statement, whatever is bound to it. Without this SQLite prepares a statement anew when a number
        // changes to 0 or 1 or from it, so the bank's first account cost a plan in each batch that it was in.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(from_sqlite)?;
        let session = Self {
            connection,
            numbered: RefCell::default(),
            places: RefCell::default(),
            runs: RefCell::default(),
            origins: RefCell::default(),
            is_encrypted: false,
        };
        session.pragma("foreign_keys", "ON")?;
        session.pragma("trusted_schema", "OFF")?;
        session.pragma("temp_store", "MEMORY")?;
        Ok(session)
    }

    /// Refuses a database whose commits would not survive a power cut, and a library that can lose the end of its
    /// write-ahead log.
    pub fn check_durable(&self) -> Result<(), DbError> {
        if rusqlite::version_number() < WAL_RESET_MENDED {
            let found = rusqlite::version();
            return Err(DbError::Refused(format!(
                "SQLite {found} loses commits; 3.51.3 is needed"
            )));
        }
        let read = |name| -> Result<String, DbError> {
            self.connection
                .pragma_query_value(None, name, |row| {
                    row.get_ref(0).map(|value| match value {
                        ValueRef::Integer(n) => n.to_string(),
                        ValueRef::Text(t) => String::from_utf8_lossy(t).to_lowercase(),
                        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
                    })
                })
                .map_err(from_sqlite)
        };
        for (name, wanted) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")]
        {
            let found = read(name)?;
            if found != wanted {
                return Err(DbError::Refused(format!("PRAGMA {name} is {found}, not {wanted}")));
            }
        }
        Ok(())
    }

    fn pragma(&self, name: &str, value: &str) -> Result<(), DbError> {
        self.connection.pragma_update(None, name, value).map_err(from_sqlite)
    }

    pub fn batch(&self, sql: &str) -> Result<(), DbError> {
        self.connection.execute_batch(sql).map_err(from_sqlite)
    }

    /// A statement that begins or ends a transaction: prepared once, as it runs for every closure.
    fn control(&self, sql: &'static str) -> Result<(), DbError> {
        self.execute(sql, &[]).map(|_| ())
    }

    pub fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, DbError> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, params)?;
        let changed = statement.raw_execute().map_err(from_sqlite)?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    pub fn query(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        most: usize,
    ) -> Result<Vec<Row>, DbError> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, params)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(from_sqlite)? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(read_value(row.get_ref(column).map_err(from_sqlite)?)?);
            }
            found.push(Row(values));
            if found.len() > most {
                break;
            }
        }
        Ok(found)
    }

    pub fn prepare(&self, sql: &'static str) -> Result<rusqlite::CachedStatement<'_>, DbError> {
        let text = Arc::clone(
            self.numbered.borrow_mut().entry(sql).or_insert_with(|| number_parameters(sql).into()),
        );
        self.connection.prepare_cached(&text).map_err(from_sqlite)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(crate) fn from_sqlite(error: rusqlite::Error) -> DbError {
    let rusqlite::Error::SqliteFailure(failure, message) = &error else {
        return DbError::Corrupt(error.to_string());
    };
    match failure.code {
        ErrorCode::ConstraintViolation => {
            DbError::Constraint(message.clone().unwrap_or_else(|| failure.to_string()))
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => DbError::Busy(error.to_string()),
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::ReadOnly
        | ErrorCode::CannotOpen
        | ErrorCode::OutOfMemory
        | ErrorCode::OperationInterrupted
        | ErrorCode::OperationAborted
        | ErrorCode::PermissionDenied
        | ErrorCode::FileLockingProtocolFailed => DbError::Unavailable(error.to_string()),
        ErrorCode::NotADatabase => DbError::Refused(NOT_PLAIN.to_owned()),
        _ => DbError::Corrupt(error.to_string()),
    }
}

/// The writer's loop; ends when the queue is closed and empty.
pub(crate) fn write_loop(session: &SqliteSession, queue: &Queue<Box<dyn Job>>, faults: &Faults) {
    let mut log_is_dirty = false;
    loop {
        match queue.pop(PAUSE) {
            Pop::Job(first) => {
                run_group(session, queue, faults, (first, commit));
                log_is_dirty = true;
            }
            Pop::TimedOut if log_is_dirty => {
                checkpoint(session);
                log_is_dirty = false;
            }
            Pop::TimedOut => {}
            Pop::Closed => {
                checkpoint(session);
                return;
            }
        }
    }
}

/// How a group ends: [`commit`], or what a simulation makes of it.
pub(crate) type End = fn(&SqliteSession) -> Result<(), DbError>;

/// Durable when it answers `Ok`.
pub(crate) fn commit(session: &SqliteSession) -> Result<(), DbError> {
    session.control("COMMIT")
}

/// Runs what waits in one transaction. `BEGIN` is the first closure's savepoint: a savepoint of its own
/// would copy every page that it changes. If it rolls back, the group ends with it.
pub(crate) fn run_group(
    session: &SqliteSession,
    queue: &Queue<Box<dyn Job>>,
    faults: &Faults,
    (mut first, commit): (Box<dyn Job>, End),
) {
    if let Err(error) = session.control("BEGIN IMMEDIATE") {
        first.answer(Err(error));
        return;
    }
    session.origins.borrow_mut().begun();
    let ran = run_bare(session, faults, &mut *first);
    if ran != Ok(Wish::Commit) {
        roll_back(session);
        first.answer(ran.map(|_| ()));
        return;
    }
    let mut group = Vec::with_capacity(8);
    let mut has_batch = first.is_batch();
    group.push(first);
    while group.len() < MAX_GROUP
        && let Some(mut job) = queue.try_pop_if(|next| !(has_batch && next.is_batch()))
    {
        has_batch |= job.is_batch();
        let ran = run_one(session, faults, &mut *job);
        group.push(job);
        if let Err(error) = ran {
            roll_back(session);
            return answer_all(group, &Err(error));
        }
    }
    let committed = commit(session);
    match &committed {
        Ok(()) => session.origins.borrow_mut().committed(),
        Err(_) => roll_back(session),
    }
    answer_all(group, &committed);
}

/// Runs one closure under a savepoint. An error here is the whole group's.
fn run_one(session: &SqliteSession, faults: &Faults, job: &mut dyn Job) -> Result<(), DbError> {
    session.control("SAVEPOINT one")?;
    let reached = session.origins.borrow().reached();
    match run_bare(session, faults, job)? {
        Wish::Commit => session.control("RELEASE one"),
        Wish::RollBack => {
            session.control("ROLLBACK TO one")?;
            session.origins.borrow_mut().back_to(reached);
            session.control("RELEASE one")
        }
    }
}

/// An error means that SQLite gave the transaction up (disk full, I/O error), so nothing of it can be
/// acknowledged.
fn run_bare(session: &SqliteSession, faults: &Faults, job: &mut dyn Job) -> Result<Wish, DbError> {
    let wish = job.run(&mut Tx::new(Backend::Sqlite(session), job.verb(), faults));
    if session.connection.is_autocommit() {
        return Err(DbError::Unavailable("the database gave the transaction up".to_owned()));
    }
    Ok(wish)
}

fn roll_back(session: &SqliteSession) {
    if session.connection.is_autocommit() {
        return;
    }
    if let Err(error) = session.control("ROLLBACK") {
        tracing::error!(%error, "a rollback failed");
    }
}

fn answer_all(group: Vec<Box<dyn Job>>, database: &Result<(), DbError>) {
    for job in group {
        job.answer(database.clone());
    }
}

/// A reader's loop: each closure sees one snapshot.
pub(crate) fn read_loop(session: &SqliteSession, queue: &Queue<Box<dyn Job>>, faults: &Faults) {
    loop {
        match queue.pop(Duration::from_mins(1)) {
            Pop::Job(mut job) => {
                let result = read_one(session, faults, &mut *job);
                job.answer(result);
            }
            Pop::TimedOut => {}
            Pop::Closed => return,
        }
    }
}

pub(crate) fn read_one(
    session: &SqliteSession,
    faults: &Faults,
    job: &mut dyn Job,
) -> Result<(), DbError> {
    session.control("BEGIN DEFERRED")?;
    let wish = job.run(&mut Tx::new(Backend::Sqlite(session), job.verb(), faults));
    match wish {
        Wish::Commit => session.control("COMMIT"),
        Wish::RollBack => {
            roll_back(session);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
