//! Schema versions: numbered SQL files, the same numbers for both databases, each run once.
//!
//! A row per migration keeps a checksum of its text: a database that was migrated with another text
//! under the same number is refused, and so is one that is ahead of this version or behind it.
//! (A small runner of our own: the wanted file names, the check at start-up and both drivers together
//! are fewer lines here than the adapters to a library.)

use money::Timestamp;
use vault::token::sha256;

use crate::db::{Location, Options, on_own_thread, pg_options};
use crate::fault::Faults;
use crate::postgres::PgSession;
use crate::sqlite::{Access, SqliteSession};
use crate::tx::Backend;
use crate::{DbError, Row, Tx, params};

struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($version:literal, $file:literal) => {
        Migration {
            version: $version,
            name: $file,
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $file, ".sql")),
            postgres: include_str!(concat!("../../../migrations/postgres/", $file, ".sql")),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_ledger"),
    migration!(2, "0002_events"),
    migration!(3, "0003_people"),
    migration!(4, "0004_factors"),
    migration!(5, "0005_payees"),
    migration!(6, "0006_standing"),
    migration!(7, "0007_merchants"),
    migration!(8, "0008_payments"),
    migration!(9, "0009_reconciliation"),
    migration!(10, "0010_keys"),
    migration!(11, "0011_webhooks"),
    migration!(12, "0012_approvals"),
    migration!(13, "0013_account_days"),
    migration!(14, "0014_console"),
    migration!(15, "0015_reversals"),
    migration!(16, "0016_log"),
    migration!(17, "0017_indexes"),
    migration!(18, "0018_salts"),
    migration!(19, "0019_step_numbers"),
    migration!(20, "0020_access"),
    migration!(21, "0021_erased"),
    migration!(22, "0022_alerts"),
    migration!(23, "0023_service_secrets"),
];

/// How many there are.
#[cfg(test)]
pub(crate) fn count() -> usize {
    MIGRATIONS.len()
}

/// Serialises two processes that migrate at once: the second waits on the table's lock, then finds
/// nothing left to do.
const CREATE_HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL)";
const HISTORY: &str = "SELECT version, name, checksum FROM schema_migrations ORDER BY version";
const RECORD: &str =
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";

/// The number of a row that is no migration: this bank is on its way to another database ([`MOVING`]), or gone there
/// ([`MOVED`]). Every version refuses a schema with a migration that it does not know, those that know of no mark, too.
pub(crate) const MARK: i64 = i64::MAX;
pub(crate) const MOVING: &str = "moving";
pub(crate) const MOVED: &str = "moved";
const SAYS_MOVING: &str = "this bank is being moved and is not whole; run `exchequer move` again";
const SAYS_MOVED: &str = "this bank was moved and is served from its new place";

/// Brings the schema up, in one transaction; gives the names of the migrations it ran. Blocks.
pub fn migrate(options: &Options, now: Timestamp) -> Result<Vec<&'static str>, DbError> {
    migrate_noted(options, now, |_, _| Ok(()))
}

/// The same with a note in that transaction, where there was something to run: both are done, or neither.
pub fn migrate_noted(
    options: &Options,
    now: Timestamp,
    note: impl FnOnce(&mut Tx<'_>, &[&'static str]) -> Result<(), DbError> + Send + 'static,
) -> Result<Vec<&'static str>, DbError> {
    match &options.location {
        Location::Sqlite { path } => {
            let session =
                SqliteSession::open(options.file(path), options.cache_mib, Access::ReadWrite)?;
            session.batch("BEGIN IMMEDIATE")?;
            let run = session.batch(&sqlite_dialect(CREATE_HISTORY)).and_then(|()| {
                run_pending(
                    &mut Tx::new(Backend::Sqlite(&session), "migrate", &Faults::default()),
                    now,
                    note,
                )
            });
            match run {
                Ok(names) => session.batch("COMMIT").map(|()| names),
                Err(error) => {
                    session.batch("ROLLBACK")?;
                    Err(error)
                }
            }
        }
        Location::Postgres { url } => {
            let pg = pg_options(options, url)?;
            on_own_thread(move || {
                let mut session = PgSession::connect(&pg)?;
                session.batch("BEGIN")?;
                session.batch(CREATE_HISTORY)?;
                session.batch("LOCK TABLE schema_migrations IN EXCLUSIVE MODE")?;
                let names = run_pending(
                    &mut Tx::new(Backend::Postgres(&mut session), "migrate", &Faults::default()),
                    now,
                    note,
                )?; // on an error the connection closes, and the server rolls back
                session.batch("COMMIT")?;
                Ok(names)
            })
        }
    }
}

/// The newest schema version this build knows.
pub fn latest_version() -> i64 {
    MIGRATIONS.last().map_or(0, |m| m.version)
}

pub(crate) fn check_sqlite(session: &SqliteSession) -> Result<(), DbError> {
    let rows = session.query(HISTORY, &[], 10_000);
    check(rows)
}

pub(crate) fn check_postgres(session: &mut PgSession) -> Result<(), DbError> {
    let rows = session.query(HISTORY, &[]);
    check(rows)
}

fn check(history: Result<Vec<Row>, DbError>) -> Result<(), DbError> {
    let history = match history {
        Ok(rows) => rows,
        Err(DbError::Corrupt(text)) if text.contains("schema_migrations") => Vec::new(),
        Err(error) => return Err(error),
    };
    check_history(&history)
}

/// That a bank which is being moved has the schema of this version, its mark aside.
pub(crate) fn check_moving(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let mut history = tx.query(HISTORY, &[])?;
    if history.last().map(|row| row.int(0)).transpose()? == Some(MARK) {
        history.pop();
    }
    check_history(&history)
}

fn check_history(history: &[Row]) -> Result<(), DbError> {
    let pending = compare(history)?;
    if let Some(first) = pending.first() {
        return Err(DbError::Refused(format!(
            "the schema lacks {} migration(s) from {}; run `exchequer migrate`",
            pending.len(),
            first.name
        )));
    }
    Ok(())
}

/// What is still to run; an error where history and this build disagree.
fn compare(history: &[Row]) -> Result<&'static [Migration], DbError> {
    for (index, row) in history.iter().enumerate() {
        let (version, name, checksum) = (row.int(0)?, row.text(1)?, row.text(2)?);
        if version == MARK {
            let said = if name == MOVED { SAYS_MOVED } else { SAYS_MOVING };
            return Err(DbError::Refused(said.to_owned()));
        }
        let Some(known) = MIGRATIONS.get(index).filter(|m| m.version == version) else {
            return Err(DbError::Refused(format!(
                "the schema has migration {version} ({name}), which this version does not know"
            )));
        };
        if known.checksum() != checksum {
            return Err(DbError::Refused(format!(
                "migration {version} ({name}) was run with another text"
            )));
        }
    }
    Ok(MIGRATIONS.get(history.len()..).unwrap_or_default())
}

fn run_pending(
    tx: &mut Tx<'_>,
    now: Timestamp,
    note: impl FnOnce(&mut Tx<'_>, &[&'static str]) -> Result<(), DbError>,
) -> Result<Vec<&'static str>, DbError> {
    let history = tx.query(HISTORY, &[])?;
    let pending = compare(&history)?;
    for migration in pending {
        match &mut tx.backend {
            Backend::Sqlite(session) => session.batch(migration.sqlite),
            Backend::Postgres(session) => session.batch(migration.postgres),
        }
        .map_err(|e| DbError::Refused(format!("migration {}: {e}", migration.name)))?;
        let checksum = migration.checksum();
        tx.execute(RECORD, params![migration.version, migration.name, &checksum, now])?;
    }
    let ran: Vec<_> = pending.iter().map(|m| m.name).collect();
    if !ran.is_empty() {
        note(tx, &ran)?;
    }
    Ok(ran)
}

impl Migration {
    /// Over both texts, so that the same number is the same schema on both databases.
    fn checksum(&self) -> String {
        let both = format!("{}\0{}", self.sqlite, self.postgres);
        hex(&sha256(both.as_bytes()))
    }
}

fn sqlite_dialect(sql: &str) -> String {
    sql.replace("BIGINT", "INTEGER") + " STRICT"
}

fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
