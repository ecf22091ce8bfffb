//! A bank moves from a file to PostgreSQL or to another file, and is in one of the two places at each moment.
//!
//! Order: the file is taken for this process alone; the target must be durable and have no row; the file is marked as
//! *moving*; the target is migrated and marked with the same token; tables are copied page by page, a commit each; rows and hashes of every table
//! are compared, and both sides verified; the file is marked as *moved*; the mark on the target is taken away and the move noted there, in one transaction. A marked
//! bank is opened by nobody ([`crate::migrate`]). Whatever is interrupted is run again: it goes on behind the last row that
//! is there, since a marked file does not change. Between the last two steps neither place can be served, and
//! running it again does the last one.
//!
//! Cost: every row is read once, written once and read back; memory is a page. Bound: one transaction is a page. Never: a row
//! of the file changed besides the mark; a target with rows of somebody else's touched.

mod target;

use std::path::PathBuf;
use std::time::Duration;

use money::{Rng, Timestamp};
use vault::token::sha256;

use self::target::Target;
use crate::backup::copy::{first_used_table, insert_page, param};
use crate::backup::tables::{HISTORY, KEYS, RUNS, TABLES, Table};
use crate::backup::{BackupError, refuse_rows};
use crate::db::{Location, Options, on_own_thread};
use crate::fault::Faults;
use crate::migrate::{MARK, MOVED, MOVING, check_moving, migrate};
use crate::sqlite::{DatabaseFile, SqliteSession, from_sqlite};
use crate::tx::Backend;
use crate::value::Value;
use crate::{DbError, Param, Row, Tx, params};

/// Who is told of a move as it goes on, and verifies what arrived.
pub trait Watcher: Send {
    /// So many rows of a table are at the server, of so many.
    fn copied(&mut self, table: &'static str, rows: (i64, i64)) -> Result<(), MoveError>;

    /// Verifies one side in a snapshot of it. The two texts must be the same.
    fn verify(&mut self, tx: &mut Tx<'_>) -> Result<String, MoveError>;

    /// Notes at the target what arrived there, in the transaction that opens it.
    fn arrived(&mut self, tx: &mut Tx<'_>, moved: &Moved) -> Result<(), MoveError>;
}

/// Why a bank was not moved, in the order in which it is found out.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("only a bank on SQLite can be moved, to PostgreSQL or to another file")]
    Direction,
    #[error("there is no database at {}", .path.display())]
    NoBank { path: PathBuf },
    #[error("somebody has this bank open: what is written there would be lost. Stop it first")]
    Open,
    #[error("this bank was moved already")]
    MovedAlready,
    #[error("another bank is being moved into this database")]
    OtherMove,
    #[error("the database is not empty: the table {table} has rows; nothing was changed")]
    NotEmpty { table: &'static str },
    #[error("what arrived in {table} is not what was sent; nothing was switched")]
    Differs { table: &'static str },
    #[error("{0}; nothing was switched")]
    Wrong(String),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Rows of each table, in the order of the migrations.
pub type Moved = Vec<(&'static str, i64)>;

/// What stands at the end of a history of migrations.
struct Mark {
    is_moved: bool,
    token: String,
}

/// Rows of a table, and a sum of hashes of them that does not depend on their order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Digest {
    rows: i64,
    sum: [u64; 4],
}

const VERB: &str = "move.copy";

/// Moves the bank of `from` into the database of `to`; each file is plain or encrypted by itself. Blocks. Run again after an interruption, it goes on.
pub fn run(
    (from, to): (&Options, &Options),
    (now, rng): (Timestamp, &Rng),
    mut watcher: Box<dyn Watcher>,
) -> Result<Moved, MoveError> {
    let Location::Sqlite { path } = &from.location else { return Err(MoveError::Direction) };
    if let Location::Sqlite { path: other } = &to.location
        && other == path
    {
        return Err(MoveError::Direction);
    }
    let source = alone(from.file(path))?;
    let (to, token) = (to.clone(), vault::token::random_token(rng).expose().to_owned());
    on_own_thread(move || Ok(carry((&source, &to), (token, now), &mut *watcher)))?
}

/// Gives a move up: the bank in the file can be served again. What is at the server stays, marked as not
/// whole. Errors: `Direction`, `NoBank`, `Open`, `MovedAlready`.
pub fn give_up(from: &Options) -> Result<(), MoveError> {
    let Location::Sqlite { path } = &from.location else { return Err(MoveError::Direction) };
    let source = alone(from.file(path))?;
    let faults = Faults::of_process();
    let mut tx = Tx::new(Backend::Sqlite(&source), VERB, &faults);
    match read_mark(&mut tx)? {
        Some(Mark { is_moved: true, .. }) => Err(MoveError::MovedAlready),
        Some(_) | None => Ok(clear_mark(&mut tx)?),
    }
}

fn carry(
    (source, to): (&SqliteSession, &Options),
    (token, now): (String, Timestamp),
    watcher: &mut dyn Watcher,
) -> Result<Moved, MoveError> {
    let faults = Faults::of_process();
    let mut from = Tx::new(Backend::Sqlite(source), VERB, &faults);
    let mut target = Target::open(to)?;
    let theirs = read_mark(&mut target.tx(&faults))?;
    check_moving(&mut from)?;
    let ours = read_mark(&mut from)?;
    let mark = match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours.token == theirs.token => ours,
        (_, Some(_)) => return Err(MoveError::OtherMove),
        (Some(Mark { is_moved: true, .. }), None) => return Err(MoveError::MovedAlready),
        (ours, None) => {
            refuse_rows(&mut target.tx(&faults)).map_err(refused)?;
            let mark = ours.unwrap_or(Mark { is_moved: false, token });
            set_mark(&mut from, MOVING, (&mark.token, now))?;
            claim(&mut target, to, (&mark, now))?;
            mark
        }
    };
    let mut into = target.tx(&faults);
    let mut moved = Vec::new();
    for table in TABLES.iter().filter(|table| ![HISTORY, RUNS].contains(&table.name)) {
        if !mark.is_moved {
            copy(&mut from, &mut into, table, watcher)?;
        }
        let sent = digest(&mut from, table)?;
        if digest(&mut into, table)? != sent {
            return Err(MoveError::Differs { table: table.name });
        }
        moved.push((table.name, sent.rows));
    }
    for text in target.finish() {
        target.batch(text)?;
    }
    compare(&mut from, &mut target, watcher)?;
    target.batch("BEGIN")?;
    let mut into = target.tx(&faults);
    watcher.arrived(&mut into, &moved)?;
    clear_mark(&mut into)?;
    // Only now: what cannot be noted leaves a move that can be given up.
    set_mark(&mut from, MOVED, (&mark.token, now))?;
    batch(&mut into, "COMMIT")?;
    Ok(moved)
}

/// Both sides verified, each in one snapshot.
fn compare(
    from: &mut Tx<'_>,
    target: &mut Target,
    watcher: &mut dyn Watcher,
) -> Result<(), MoveError> {
    batch(from, "BEGIN DEFERRED")?;
    let ours = watcher.verify(from)?;
    batch(from, "COMMIT")?;
    target.batch(target.begin_snapshot())?;
    let theirs = watcher.verify(&mut target.tx(&Faults::default()))?;
    target.batch("COMMIT")?;
    if ours == theirs {
        return Ok(());
    }
    Err(MoveError::Wrong(format!("the two sides are not the same: {ours} and {theirs}")))
}

/// A target without rows becomes the place of this move.
fn claim(
    target: &mut Target,
    to: &Options,
    (mark, now): (&Mark, Timestamp),
) -> Result<(), MoveError> {
    let faults = Faults::of_process();
    migrate(to, now)?;
    target.batch(target.begin_claim())?;
    let mut into = target.tx(&faults);
    if let Some(table) = first_used_table(&mut into)? {
        return Err(MoveError::NotEmpty { table });
    }
    set_mark(&mut into, MOVING, (&mark.token, now))?;
    Ok(batch(&mut into, "COMMIT")?)
}

fn refused(error: BackupError) -> MoveError {
    match error {
        BackupError::NotEmpty { table } => MoveError::NotEmpty { table },
        BackupError::Db(error) => error.into(),
        other => MoveError::Wrong(other.to_string()),
    }
}

/// Copies what of a table is not at the server yet. Pages arrive in the order of the source's keys, each whole or not
/// at all, so as many rows as are there are its first ones.
fn copy(
    from: &mut Tx<'_>,
    into: &mut Tx<'_>,
    table: &'static Table,
    watcher: &mut dyn Watcher,
) -> Result<(), MoveError> {
    let all = from.query_one(table.count, &[])?.int(0)?;
    let mut there = into.query_one(table.count, &[])?.int(0)?;
    let mut page = if there == 0 {
        from.query(table.first, params![table.page])?
    } else {
        match from.query_opt(table.last, params![there.saturating_sub(1)])? {
            Some(Row(key)) => behind(from, table, &key)?,
            None => return Err(MoveError::Differs { table: table.name }),
        }
    };
    while let Some(Row(last)) = page.last() {
        let key: Vec<Value> =
            table.key_places().filter_map(|place| last.get(place)).cloned().collect();
        there = there.saturating_add(i64::try_from(page.len()).unwrap_or(i64::MAX));
        batch(into, "BEGIN")?;
        insert_page(into, table, page)?;
        batch(into, "COMMIT")?;
        watcher.copied(table.name, (there, all))?;
        page = behind(from, table, &key)?;
    }
    Ok(())
}

/// The page behind a key.
fn behind(tx: &mut Tx<'_>, table: &'static Table, key: &[Value]) -> Result<Vec<Row>, DbError> {
    let mut after = vec![Param::Int(table.page)];
    after.extend(key.iter().map(param));
    tx.query(table.next, &after)
}

/// The run of a key is each database's own.
fn digest(tx: &mut Tx<'_>, table: &'static Table) -> Result<Digest, DbError> {
    let mut digest = Digest::default();
    let own = usize::from(table.name == KEYS);
    let mut page = tx.query(table.first, params![table.page])?;
    while let Some(Row(last)) = page.last() {
        let key: Vec<Value> =
            table.key_places().filter_map(|place| last.get(place)).cloned().collect();
        for Row(values) in &page {
            digest.add(values.get(own..).unwrap_or_default());
        }
        page = behind(tx, table, &key)?;
    }
    Ok(digest)
}

impl Digest {
    /// Each value with its kind and length, so that no two rows have the same bytes.
    fn add(&mut self, values: &[Value]) {
        let mut bytes = Vec::new();
        let mut push = |kind: u8, content: &[u8]| {
            bytes.push(kind);
            bytes.extend_from_slice(&content.len().to_le_bytes());
            bytes.extend_from_slice(content);
        };
        for value in values {
            match value {
                Value::Null => push(0, &[]),
                Value::Int(value) => push(1, &value.to_le_bytes()),
                Value::Text(value) => push(2, value.as_bytes()),
                Value::Blob(value) => push(3, value),
            }
        }
        let hash = sha256(&bytes);
        for (sum, part) in self.sum.iter_mut().zip(hash.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*part));
        }
        self.rows = self.rows.saturating_add(1);
    }
}

const READ_MARK: &str = "SELECT name, checksum FROM schema_migrations WHERE version = $1";
const SET_MARK: &str = "INSERT INTO schema_migrations (version, name, checksum, applied_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO UPDATE \
     SET name = excluded.name, applied_at = excluded.applied_at";
const CLEAR_MARK: &str = "DELETE FROM schema_migrations WHERE version = $1";
const HAS_HISTORY: &str = "SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'";
const PG_HAS_HISTORY: &str = "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() \
     AND table_name = 'schema_migrations'";

fn read_mark(tx: &mut Tx<'_>) -> Result<Option<Mark>, DbError> {
    let has_history = match &tx.backend {
        Backend::Sqlite(_) => HAS_HISTORY,
        Backend::Postgres(_) => PG_HAS_HISTORY,
    };
    if tx.query(has_history, &[])?.is_empty() {
        return Ok(None);
    }
    let row = tx.query_opt(READ_MARK, params![MARK])?;
    row.map(|row| Ok(Mark { is_moved: row.text(0)? == MOVED, token: row.text(1)?.to_owned() }))
        .transpose()
}

fn set_mark(
    tx: &mut Tx<'_>,
    name: &'static str,
    (token, now): (&str, Timestamp),
) -> Result<(), DbError> {
    tx.execute(SET_MARK, params![MARK, name, token, now]).map(|_| ())
}

fn clear_mark(tx: &mut Tx<'_>) -> Result<(), DbError> {
    tx.execute(CLEAR_MARK, params![MARK]).map(|_| ())
}

fn batch(tx: &mut Tx<'_>, sql: &str) -> Result<(), DbError> {
    match &mut tx.backend {
        Backend::Sqlite(session) => session.batch(sql),
        Backend::Postgres(session) => session.batch(sql),
    }
}

/// Opens the file so that nobody else has it open, now or until this ends.
fn alone(file: DatabaseFile<'_>) -> Result<SqliteSession, MoveError> {
    if !file.path.is_file() {
        return Err(MoveError::NoBank { path: file.path.to_owned() });
    }
    let taken = file.connect_alone().and_then(|connection| {
        let mut session = SqliteSession::over(connection)?;
        session.is_encrypted = file.key.is_some();
        session.connection.busy_timeout(Duration::ZERO).map_err(from_sqlite)?;
        session.batch("PRAGMA synchronous = FULL")?;
        session.batch("BEGIN IMMEDIATE; COMMIT")?;
        Ok(session)
    });
    taken.map_err(|error| match error {
        DbError::Busy(_) => MoveError::Open,
        error => error.into(),
    })
}

#[cfg(test)]
mod tests;
