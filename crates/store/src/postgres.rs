//! PostgreSQL: worker threads with a connection each.
//!
//! BEGIN, closure, COMMIT ([`work`]); a serialization failure or deadlock runs the closure again, a bounded
//! number of times. A lost connection fails the job with `Unavailable` and is made anew for the next
//! one. An error of COMMIT itself is never retried here: whether it took effect is unknown, and the
//! caller's idempotency key is what finds out. Whether TLS is spoken says the address ([`address`], [`tls`]).

mod address;
mod copy;
mod tls;
mod values;
mod work;

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use ::tls::client::ClientSettings;
use money::AccountId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Connection, NoTls, Statement};

pub use self::address::PostgresAddress;
use self::copy::Copying;
use self::tls::Encryption;
use self::values::read_row;
pub(crate) use self::work::{Mode, open as open_worker, work_loop};
use crate::sets::{Known, LoadedAccount, Remembered};
use crate::{DbError, Param, Row};

/// For one host to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For all hosts together, with TLS and signing in: a server may take a connection and be silent then.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// A server that was cut off says nothing, and what waits for it would wait for hours: after three questions of the
/// system's without an answer the connection is lost. Behind a proxy on this machine the proxy says so.
const FIRST_QUESTION: Duration = Duration::from_secs(10);
const NEXT_QUESTION: Duration = Duration::from_secs(3);
const QUESTIONS: u32 = 3;
/// The same where it was sent something that it never confirmed.
const UNCONFIRMED_LIMIT: Duration = Duration::from_secs(20);
/// Batches that lock their rows after a closure ran again: so that nodes which share a hot account do not work twice.
const CAUTIOUS: u32 = 64;
/// A statement that runs longer is a fault of ours or of the server; the caller has given up.
const STATEMENT_TIMEOUT_MS: u64 = 60_000;
/// A server that waits for a synchronous standby gives up at the statement's timeout and then answers a COMMIT as done,
/// with a warning, though it stands on that server alone: what takes so long is not known to be kept.
const COMMIT_LIMIT: Duration = Duration::from_millis(STATEMENT_TIMEOUT_MS - 1_000);

pub(crate) type PgParam<'a> = &'a (dyn ToSql + Sync);

/// A worker's connection, its statements, and the small runtime that drives its socket.
pub(crate) struct PgSession {
    runtime: Runtime,
    client: Client,
    statements: HashMap<(&'static str, Lock), Statement>,
    /// What never changes.
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
    /// Rows that the server still takes.
    copying: Option<Copying>,
    remembered: Arc<Remembered>,
    /// The era of `remembered` that this transaction began in.
    era: u64,
    memory: Memory,
    /// What this transaction will have saved.
    saved: Vec<LoadedAccount>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lock {
    None,
    Rows,
}

/// Accounts of this transaction that were remembered instead of read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    Unused,
    Trusted,
    /// Somebody else had changed them.
    Wrong,
}

#[derive(Clone)]
pub(crate) struct PgOptions {
    pub config: Config,
    /// Absent: plain text.
    pub tls: Option<ClientSettings>,
    pub lock_timeout_ms: u32,
    pub require_durable: bool,
    /// What all connections with these options know of balances.
    pub remembered: Arc<Remembered>,
}

impl PgSession {
    pub fn connect(options: &PgOptions) -> Result<Self, DbError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| DbError::Unavailable(format!("no runtime for a connection: {e}")))?;
        let mut config = options.config.clone();
        config.connect_timeout(CONNECT_TIMEOUT);
        notice_silence(&mut config);
        let client = runtime.block_on(async {
            let connected = open(&config, options.tls.as_ref());
            let silent = || DbError::Unavailable("the server took too long to answer".to_owned());
            tokio::time::timeout(CONNECT_LIMIT, connected).await.map_err(|_| silent())?
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
            copying: None,
            remembered: Arc::clone(&options.remembered),
            era: 0,
            memory: Memory::Unused,
            saved: Vec::new(),
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
        if self.memory == Memory::Trusted {
            self.remembered.was_wrong();
            self.memory = Memory::Wrong;
        }
        Err(DbError::Busy("another transaction changed a row that was read".to_owned()))
    }

    /// Whether this transaction may copy rows in that must not be there yet. A row that is there makes it
    /// run again, and ask; and so do some batches after it.
    pub fn may_trust_absence(&mut self) -> bool {
        self.trusts_absence = self.doubting == 0;
        self.doubting = self.doubting.saturating_sub(1);
        self.trusts_absence
    }

    /// What is remembered of accounts, for a transaction that trusts versions and has not saved any yet.
    pub fn recall(&mut self, ids: &[AccountId]) -> HashMap<AccountId, LoadedAccount> {
        if !self.trusts_versions || !self.saved.is_empty() {
            return HashMap::new();
        }
        let recalled = self.remembered.recall(ids);
        if !recalled.is_empty() {
            self.memory = Memory::Trusted;
        }
        recalled
    }

    /// These accounts were saved, each as it was loaded: once it is committed, this is how they stand.
    pub fn saved(&mut self, accounts: &[LoadedAccount]) {
        let next = |a: &LoadedAccount| LoadedAccount {
            version: a.version + 1, // as the UPDATE has it
            remembered: true,
            ..*a
        };
        self.saved.extend(accounts.iter().map(next));
    }

    /// Forgets how the last transaction went.
    fn begun(&mut self) {
        self.again = false;
        self.trusts_versions = false;
        self.trusts_absence = false;
        self.memory = Memory::Unused;
        self.saved.clear();
        self.known.origins.begun();
        self.era = self.remembered.era();
    }

    fn commit(&mut self) -> Result<(), DbError> {
        // The COMMIT of a transaction that has failed is a rollback and no error.
        if let Err(error) = self.end_copy() {
            self.batch("ROLLBACK")?;
            return Err(error);
        }
        let began = Instant::now();
        self.batch("COMMIT")?;
        if began.elapsed() >= COMMIT_LIMIT {
            return Err(DbError::Unavailable("a commit was not confirmed by a standby".to_owned()));
        }
        self.remembered.keep(self.era, &self.saved);
        self.known.origins.committed();
        Ok(())
    }

    /// An error of the driver, or the earlier one of rows still copied in, behind which all only says that it failed.
    fn failed(&mut self, error: tokio_postgres::Error) -> DbError {
        match self.end_copy() {
            Ok(()) => self.judge(error),
            Err(first) => first,
        }
    }

    fn judge(&mut self, error: tokio_postgres::Error) -> DbError {
        let code = error.code();
        self.known.origins.begun(); // what it wrote goes with it, also where the closure goes on
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

/// Unless the address says otherwise.
fn notice_silence(config: &mut Config) {
    config.keepalives(true);
    if config.get_keepalives_interval().is_none() {
        config.keepalives_idle(FIRST_QUESTION).keepalives_interval(NEXT_QUESTION);
        config.keepalives_retries(QUESTIONS);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNCONFIRMED_LIMIT);
    }
}

/// One connection, whose socket the runtime drives.
async fn open(config: &Config, tls: Option<&ClientSettings>) -> Result<Client, DbError> {
    let Some(settings) = tls else {
        return config.connect(NoTls).await.map(drive).map_err(from_postgres);
    };
    let connected = config.connect(Encryption::open(settings)?).await;
    connected.map(drive).map_err(|error| tls::refused(error, settings))
}

fn drive<S, T>((client, connection): (Client, Connection<S, T>)) -> Client
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsStream + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a database connection ended");
        }
    });
    client
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

#[cfg(test)]
mod tests;
