//! PostgreSQL: worker threads with a connection each.
//!
//! BEGIN, closure, COMMIT; a serialization failure or deadlock runs the closure again, a bounded
//! number of times. A lost connection fails the job with `Unavailable` and is made anew for the next
//! one. An error of COMMIT itself is never retried here: whether it took effect is unknown, and the
//! caller's idempotency key is what finds out.

mod values;

use std::collections::HashMap;
use std::error::Error as _;
use std::pin::pin;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Statement};

use self::values::read_row;
use crate::fault::Faults;
use crate::job::{Job, Wish};
use crate::queue::{Pop, Queue};
use crate::sets::Known;
use crate::tx::Backend;
use crate::{DbError, Param, Row, Tx};

/// Attempts at one closure before the caller is told that the row is busy.
const ATTEMPTS: u32 = 8;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Batches that lock their rows after a closure had to run again: many enough that two nodes which
/// share a hot account do not do half their work twice.
const CAUTIOUS: u32 = 64;
/// A statement that runs longer is a fault of ours or of the server; the caller has given up.
const STATEMENT_TIMEOUT_MS: u64 = 60_000;

pub(crate) type PgParam<'a> = &'a (dyn ToSql + Sync);

/// A worker's connection, its statements, and the small runtime that drives its socket.
pub(crate) struct PgSession {
    runtime: Runtime,
    client: Client,
    statements: HashMap<(&'static str, Lock), Statement>,
    /// What never changes of accounts.
    pub known: Known,
    /// The last error of this transaction allows to run the closure again.
    again: bool,
    /// Rows of this transaction were read by their version instead of locked.
    trusts_versions: bool,
    /// Rows of this transaction were copied in, as if none of them were there.
    trusts_absence: bool,
    /// Batches to come that lock what they load, because others write the same rows.
    cautious: u32,
    /// Batches to come that ask of each row whether it is there.
    doubting: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lock {
    None,
    Rows,
}

#[derive(Clone)]
pub(crate) struct PgOptions {
    pub config: Config,
    pub lock_timeout_ms: u32,
    pub require_durable: bool,
}

impl PgSession {
    pub fn connect(options: &PgOptions) -> Result<Self, DbError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| DbError::Unavailable(format!("no runtime for a connection: {e}")))?;
        let mut config = options.config.clone();
        config.connect_timeout(CONNECT_TIMEOUT).keepalives(true);
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await.map_err(from_postgres)?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a database connection ended");
                }
            });
            Ok::<_, DbError>(client)
        })?;
        let mut session = Self {
            runtime,
            client,
            statements: HashMap::new(),
            known: Known::default(),
            again: false,
            trusts_versions: false,
            trusts_absence: false,
            cautious: 0,
            doubting: 0,
        };
        session.batch(&format!(
            "SET lock_timeout = {}; SET statement_timeout = {STATEMENT_TIMEOUT_MS}; \
             SET synchronous_commit = on; SET timezone = 'UTC'",
            options.lock_timeout_ms
        ))?;
        if options.require_durable {
            session.check_durable()?;
        }
        Ok(session)
    }

    /// Refuses a server whose commits would not survive a power cut.
    fn check_durable(&mut self) -> Result<(), DbError> {
        for (name, sql) in [("fsync", "SHOW fsync"), ("full_page_writes", "SHOW full_page_writes")]
        {
            let rows = self.query(sql, &[])?;
            let found = rows.first().map(|row| row.text(0)).transpose()?.unwrap_or_default();
            if found != "on" {
                return Err(DbError::Refused(format!("the server's {name} is {found}, not on")));
            }
        }
        Ok(())
    }

    pub fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        let result = self.runtime.block_on(self.client.batch_execute(sql));
        result.map_err(|e| self.failed(e))
    }

    pub fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, DbError> {
        let params: Vec<PgParam<'_>> = params.iter().map(|p| p as PgParam<'_>).collect();
        self.execute_typed(sql, &params)
    }

    /// With parameters of the driver's own types: arrays, for the set-based methods.
    pub fn execute_typed(
        &mut self,
        sql: &'static str,
        params: &[PgParam<'_>],
    ) -> Result<u64, DbError> {
        let statement = self.prepare(sql, Lock::None)?;
        let result = self.runtime.block_on(self.client.execute(&statement, params));
        result.map_err(|e| self.failed(e))
    }

    pub fn query(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, DbError> {
        let params: Vec<PgParam<'_>> = params.iter().map(|p| p as PgParam<'_>).collect();
        self.query_with(sql, &params, Lock::None)
    }

    pub fn query_locked(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, DbError> {
        let params: Vec<PgParam<'_>> = params.iter().map(|p| p as PgParam<'_>).collect();
        self.query_with(sql, &params, Lock::Rows)
    }

    /// Rows as the driver gives them, for the hot path that reads columns without a [`Value`] each.
    pub fn query_raw(
        &mut self,
        sql: &'static str,
        params: &[PgParam<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, DbError> {
        let statement = self.prepare(sql, Lock::None)?;
        let result = self.runtime.block_on(self.client.query(&statement, params));
        result.map_err(|e| self.failed(e))
    }

    /// Appends rows by `COPY … FROM STDIN BINARY`, which writes a page of them at once: each of the types,
    /// in the order of the statement's columns.
    pub fn copy_in<'r, const N: usize>(
        &mut self,
        sql: &'static str,
        types: &[Type; N],
        rows: impl Iterator<Item = [Param<'r>; N]>,
    ) -> Result<(), DbError> {
        let statement = self.prepare(sql, Lock::None)?;
        let client = &self.client;
        let copied = self.runtime.block_on(async {
            let sink = client.copy_in(&statement).await?;
            let mut writer = pin!(BinaryCopyInWriter::new(sink, types));
            for row in rows {
                writer.as_mut().write_raw(row.iter()).await?;
            }
            writer.finish().await
        });
        copied.map(drop).map_err(|e| self.failed(e))
    }

    fn query_with(
        &mut self,
        sql: &'static str,
        params: &[PgParam<'_>],
        lock: Lock,
    ) -> Result<Vec<Row>, DbError> {
        let statement = self.prepare(sql, lock)?;
        let result = self.runtime.block_on(self.client.query(&statement, params));
        let rows = result.map_err(|e| self.failed(e))?;
        rows.iter().map(read_row).collect()
    }

    fn prepare(&mut self, sql: &'static str, lock: Lock) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.get(&(sql, lock)) {
            return Ok(statement.clone());
        }
        let prepared = match lock {
            Lock::None => self.runtime.block_on(self.client.prepare(sql)),
            Lock::Rows => self.runtime.block_on(self.client.prepare(&format!("{sql} FOR UPDATE"))),
        };
        let statement = prepared.map_err(|e| self.failed(e))?;
        self.statements.insert((sql, lock), statement.clone());
        Ok(statement)
    }

    /// Whether this transaction may read rows without locking them. Not for a while after one had to
    /// run again.
    pub fn may_trust_versions(&mut self) -> bool {
        self.trusts_versions = self.cautious == 0;
        self.cautious = self.cautious.saturating_sub(1);
        self.trusts_versions
    }

    /// Rows that were to be saved are not as they were read. Without a lock this can be; then the
    /// closure runs again.
    pub fn refuse_versions(&mut self) -> Result<(), DbError> {
        if !self.trusts_versions {
            return Ok(());
        }
        self.again = true;
        Err(DbError::Busy("another transaction changed a row that was read".to_owned()))
    }

    /// Whether this transaction may copy rows in that must not be there yet. A row that is there makes it
    /// run again, and ask; and so do some batches after it.
    pub fn may_trust_absence(&mut self) -> bool {
        self.trusts_absence = self.doubting == 0;
        self.doubting = self.doubting.saturating_sub(1);
        self.trusts_absence
    }

    fn failed(&mut self, error: tokio_postgres::Error) -> DbError {
        let code = error.code();
        if self.trusts_absence && code == Some(&SqlState::UNIQUE_VIOLATION) {
            self.again = true;
            self.doubting = CAUTIOUS;
        }
        self.again |= code == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
            || code == Some(&SqlState::T_R_DEADLOCK_DETECTED);
        from_postgres(error)
    }

    fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(crate) fn from_postgres(error: tokio_postgres::Error) -> DbError {
    let Some(server) = error.as_db_error() else {
        // Everything without an SQLSTATE is the connection or the conversion of a value.
        let text = error.source().map_or_else(|| error.to_string(), |s| format!("{error}: {s}"));
        let of_ours = text.contains("serializing parameter") || text.contains("deserializing");
        return if of_ours { DbError::Corrupt(text) } else { DbError::Unavailable(text) };
    };
    let code = server.code();
    let text = format!("{} ({})", server.message(), code.code());
    if code == &SqlState::LOCK_NOT_AVAILABLE
        || code == &SqlState::T_R_SERIALIZATION_FAILURE
        || code == &SqlState::T_R_DEADLOCK_DETECTED
    {
        return DbError::Busy(text);
    }
    // Classes of SQLSTATE (PostgreSQL documentation, appendix A).
    match code.code().get(..2) {
        Some("23") => DbError::Constraint(server.constraint().unwrap_or("unnamed").to_owned()),
        // connection, authorization, resources (disk full), operator intervention, I/O, read-only
        Some("08" | "28" | "53" | "57" | "58" | "25" | "3D") => DbError::Unavailable(text),
        _ => DbError::Corrupt(text),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Read,
}

impl Mode {
    fn begin(self) -> &'static str {
        match self {
            // Every check-then-write names the rows it locks; see `Tx::query_locked`.
            Self::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// A worker's loop; ends when the queue is closed and empty.
pub(crate) fn work_loop(
    options: &PgOptions,
    mode: Mode,
    first: PgSession,
    queue: &Queue<Box<dyn Job>>,
    faults: &Faults,
) {
    let mut session = Some(first);
    loop {
        let job = match queue.pop(Duration::from_mins(1)) {
            Pop::Job(job) => job,
            Pop::TimedOut => continue,
            Pop::Closed => return,
        };
        match begin(options, mode, &mut session) {
            Ok(session) => run(session, mode, faults, job),
            Err(error) => {
                tracing::warn!(%error, "no connection to the database");
                job.answer(Err(error));
            }
        }
    }
}

/// Begins a transaction, on a fresh connection where the old one turns out to be dead: nothing was
/// done yet, so nothing is done twice.
fn begin<'s>(
    options: &PgOptions,
    mode: Mode,
    slot: &'s mut Option<PgSession>,
) -> Result<&'s mut PgSession, DbError> {
    if let Some(mut session) = slot.take().filter(|session| !session.is_closed()) {
        match session.batch(mode.begin()) {
            Ok(()) => return Ok(slot.insert(session)),
            Err(error) if session.is_closed() => {
                tracing::debug!(%error, "a database connection was dead");
            }
            Err(error) => {
                *slot = Some(session);
                return Err(error);
            }
        }
    }
    let mut session = PgSession::connect(options)?;
    session.batch(mode.begin())?;
    Ok(slot.insert(session))
}

/// Runs a job in the transaction that has begun, and again in others while the server asks for it.
fn run(session: &mut PgSession, mode: Mode, faults: &Faults, mut job: Box<dyn Job>) {
    for attempt in 1..=ATTEMPTS {
        let begun = if attempt == 1 { Ok(()) } else { session.batch(mode.begin()) };
        let result = begun.and_then(|()| attempt_once(session, faults, &mut *job));
        if !session.again || attempt == ATTEMPTS {
            return job.answer(result);
        }
        if session.doubting == 0 {
            session.cautious = CAUTIOUS;
        }
        tracing::debug!(verb = job.verb(), attempt, "a transaction runs again");
        std::thread::sleep(Duration::from_millis(1 << attempt.min(5)));
    }
}

fn attempt_once(
    session: &mut PgSession,
    faults: &Faults,
    job: &mut dyn Job,
) -> Result<(), DbError> {
    session.again = false;
    session.trusts_versions = false;
    session.trusts_absence = false;
    let wish = job.run(&mut Tx::new(Backend::Postgres(session), job.verb(), faults));
    match wish {
        Wish::Commit => session.batch("COMMIT"),
        Wish::RollBack if session.again => {
            session.batch("ROLLBACK")?;
            Err(DbError::Busy("a serialization failure or deadlock".to_owned()))
        }
        Wish::RollBack => {
            if let Err(error) = session.batch("ROLLBACK") {
                // The server drops the transaction with the connection.
                tracing::debug!(%error, "a rollback was not answered");
            }
            Ok(())
        }
    }
}
