//! PostgreSQL: worker threads with a connection each.
//!
//! BEGIN, closure, COMMIT; a serialization failure or deadlock runs the closure again, a bounded
//! number of times. A lost connection fails the job with `Unavailable` and is made anew for the next
//! one. An error of COMMIT itself is never retried here: whether it took effect is unknown, and the
//! caller's idempotency key is what finds out.

use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Statement};

use crate::fault::Faults;
use crate::job::{Job, Wish};
use crate::queue::{Pop, Queue};
use crate::tx::Backend;
use crate::value::Value;
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
    /// The last error of this transaction allows to run the closure again.
    again: bool,
    /// Rows of this transaction were read by their version instead of locked.
    trusts_versions: bool,
    /// Batches to come that lock what they load, because others write the same rows.
    cautious: u32,
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
            again: false,
            trusts_versions: false,
            cautious: 0,
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

    fn failed(&mut self, error: tokio_postgres::Error) -> DbError {
        let code = error.code();
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

fn read_row(row: &tokio_postgres::Row) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(row.len());
    for (index, column) in row.columns().iter().enumerate() {
        values.push(read_value(row, index, column.type_()).map_err(from_postgres)?.ok_or_else(
            || DbError::Corrupt(format!("column {index} has type {}", column.type_())),
        )?);
    }
    Ok(Row(values))
}

/// `None`: a type that is not one of the four.
fn read_value(
    row: &tokio_postgres::Row,
    index: usize,
    kind: &Type,
) -> Result<Option<Value>, tokio_postgres::Error> {
    Ok(Some(match *kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map_or(Value::Null, Value::Int),
        Type::INT4 => {
            row.try_get::<_, Option<i32>>(index)?.map_or(Value::Null, |n| Value::Int(n.into()))
        }
        Type::BOOL => {
            row.try_get::<_, Option<bool>>(index)?.map_or(Value::Null, |b| Value::Int(b.into()))
        }
        Type::TEXT | Type::VARCHAR | Type::NAME => {
            row.try_get::<_, Option<String>>(index)?.map_or(Value::Null, Value::Text)
        }
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map_or(Value::Null, Value::Blob),
        _ => return Ok(None),
    }))
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, kind) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Int(value), &Type::INT8) => value.to_sql(kind, out),
            (Self::Text(value), &Type::TEXT | &Type::VARCHAR | &Type::NAME) => {
                value.to_sql(kind, out)
            }
            (Self::Blob(value), &Type::BYTEA) => value.to_sql(kind, out),
            (value, kind) => Err(format!("{value:?} bound where {kind} is wanted").into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::TEXT | Type::VARCHAR | Type::NAME | Type::BYTEA)
    }

    to_sql_checked!();
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
        session.cautious = CAUTIOUS;
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
