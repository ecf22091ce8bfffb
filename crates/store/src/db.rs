//! The door to the database: opens it, checks it, and runs closures in transactions.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::fault::Faults;
use crate::job::{Closure, Job, Waiting};
use crate::migrate;
use crate::postgres::{Mode, PgOptions, PgSession, open_worker, work_loop};
use crate::queue::{PushError, Queue};
use crate::sets::{RUN_ROWS, Runs};
use crate::sqlite::{
    Access, DatabaseFile, FileKey, Mover, SqliteSession, read_loop, settle, write_loop,
};
use crate::{DbError, PostgresAddress, Tx};

/// Where the bank lives.
#[derive(Clone)]
pub enum Location {
    Sqlite {
        path: PathBuf,
    },
    /// As [`crate::PostgresAddress`] reads it; carries a password, so it has no `Debug`.
    Postgres {
        url: String,
    },
}

#[derive(Clone)]
pub struct Options {
    pub location: Location,
    /// What opens the file of a bank on SQLite; without it the file is plain.
    pub file_key: Option<FileKey>,
    /// Page cache of each SQLite connection, MiB.
    pub cache_mib: u32,
    /// Connections for reading.
    pub readers: u32,
    /// PostgreSQL connections for writing; SQLite has one writer.
    pub writers: u32,
    /// How long PostgreSQL waits for a row another transaction holds, milliseconds.
    pub lock_timeout_ms: u32,
    /// Refuse a server that would lose acknowledged commits at a power cut. Off in tests only.
    pub require_durable: bool,
    /// Idempotency keys of a run on SQLite: 65,536. Less in tests only.
    pub run_rows: u32,
}

impl Options {
    pub fn new(location: Location) -> Self {
        Self {
            location,
            file_key: None,
            cache_mib: 16,
            readers: 2,
            writers: 4,
            lock_timeout_ms: 5_000,
            require_durable: true,
            run_rows: RUN_ROWS,
        }
    }

    /// A file of this bank, as all of them are opened.
    pub(crate) fn file<'a>(&'a self, path: &'a Path) -> DatabaseFile<'a> {
        (path, self.file_key.as_ref()).into()
    }
}

/// A handle; clones share the same threads.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

/// Transactions that wait to be run.
pub(crate) type Jobs = Arc<Queue<Box<dyn Job>>>;

struct Inner {
    writes: Jobs,
    reads: Jobs,
    faults: Faults,
    backend: Kind,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Which database stands behind a [`Db`], for reports and metrics; no rule may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Db {
    /// Opens a bank whose schema is exactly the one this version knows. Blocks while it connects.
    ///
    /// Errors: `Unavailable`, `Refused` (settings that lose commits; a schema this version does not
    /// know, in which case `exchequer migrate` is what helps).
    pub fn open(options: &Options) -> Result<Self, DbError> {
        let mut threads = Vec::new();
        let writes = Arc::new(Queue::new());
        let reads = Arc::new(Queue::new());
        let faults = Faults::of_process();
        let backend = match &options.location {
            Location::Sqlite { path } => {
                let file = options.file(path);
                let mut writer = SqliteSession::open(file, options.cache_mib, Access::ReadWrite)?;
                writer.check_durable()?;
                migrate::check_sqlite(&writer)?;
                settle(&writer)?;
                writer.runs.replace(Runs::of_rows(options.run_rows));
                for n in 0..options.readers.max(1) {
                    let session = SqliteSession::open(file, options.cache_mib, Access::ReadOnly)?;
                    let (queue, faults) = (Arc::clone(&reads), faults.clone());
                    threads.push(spawn(&format!("read-{n}"), move || {
                        read_loop(&session, &queue, &faults);
                    })?);
                }
                let mover = Mover::of(&mut writer, file)?;
                threads.push(spawn("log", move || mover.run())?);
                let (queue, faults) = (Arc::clone(&writes), faults.clone());
                threads.push(spawn("write", move || write_loop(&writer, &queue, &faults))?);
                Kind::Sqlite
            }
            Location::Postgres { url } => {
                let pg = pg_options(options, url)?;
                let check = pg.clone();
                on_own_thread(move || migrate::check_postgres(&mut PgSession::connect(&check)?))?;
                for (mode, count, queue) in
                    [(Mode::Write, options.writers, &writes), (Mode::Read, options.readers, &reads)]
                {
                    for n in 0..count.max(1) {
                        threads.push(worker(&pg, mode, n, queue, &faults)?);
                    }
                }
                Kind::Postgres
            }
        };
        Ok(Self(Arc::new(Inner { writes, reads, faults, backend, threads: Mutex::new(threads) })))
    }

    /// Over queues that somebody else works off.
    pub(crate) fn over(writes: Jobs, reads: Jobs, faults: Faults) -> Self {
        let (backend, threads) = (Kind::Sqlite, Mutex::default());
        Self(Arc::new(Inner { writes, reads, faults, backend, threads }))
    }

    /// Runs `call` in a transaction that is committed when it answers `Ok` and rolled back when it
    /// answers `Err`. It may run more than once, so it has no effect outside its `Tx`; time and
    /// randomness come in as arguments. The answer comes after the commit is durable.
    ///
    /// A caller that stops waiting does not cancel it. After [`crate::MAX_TRANSACTION_SECONDS`] it is rolled back.
    pub async fn write<T, E, F>(&self, verb: &'static str, call: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.written(verb, Closure::bounded(verb, call)).await
    }

    /// The same for a batch that takes what waits when it runs: on SQLite no two of them share a commit, since what
    /// comes in while one commits is the next one.
    pub async fn write_batch<T, E, F>(&self, verb: &'static str, call: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.written(verb, Closure::batch(verb, call)).await
    }

    async fn written<T, E: From<DbError>>(
        &self,
        verb: &'static str,
        waiting: Waiting<T, E>,
    ) -> Result<T, E> {
        let written = submit(&self.0.writes, waiting).await;
        if written.is_ok() {
            self.0.faults.committed(verb);
        }
        written
    }

    /// Batches that are well under way at once: on SQLite one is written while the next one is at hand; PostgreSQL would
    /// write both, in each other's way on the same accounts.
    pub fn batches_ahead(&self) -> usize {
        match self.0.backend {
            Kind::Sqlite => 2,
            Kind::Postgres => 1,
        }
    }

    /// Runs `call` on one snapshot of the committed state; it cannot write.
    pub async fn read<T, E, F>(&self, verb: &'static str, call: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        submit(&self.0.reads, Closure::boxed(verb, call)).await
    }

    /// Faults for tests.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    pub fn kind(&self) -> Kind {
        self.0.backend
    }

    /// Refuses new work, finishes what waits, and joins the threads. Blocks.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Inner {
    fn close(&self) {
        self.writes.close();
        self.reads.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a database thread panicked");
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

async fn submit<T, E>(queue: &Queue<Box<dyn Job>>, (job, answer): Waiting<T, E>) -> Result<T, E>
where
    E: From<DbError>,
{
    match queue.push(job) {
        Ok(()) => {}
        Err(PushError::Full) => return Err(DbError::Overloaded.into()),
        Err(PushError::Closed) => return Err(stopping().into()),
    }
    answer.await.unwrap_or_else(|_| Err(stopping().into()))
}

fn stopping() -> DbError {
    DbError::Unavailable("the bank is stopping".to_owned())
}

pub(crate) fn pg_options(options: &Options, url: &str) -> Result<PgOptions, DbError> {
    let wrong = |why| DbError::Refused(format!("the address of PostgreSQL: {why}"));
    let address = PostgresAddress::parse(url).map_err(wrong)?;
    Ok(PgOptions {
        config: address.config().map_err(wrong)?,
        tls: address.tls,
        lock_timeout_ms: options.lock_timeout_ms,
        require_durable: options.require_durable,
        remembered: Arc::default(),
    })
}

fn worker(
    pg: &PgOptions,
    mode: Mode,
    n: u32,
    queue: &Arc<Queue<Box<dyn Job>>>,
    faults: &Faults,
) -> Result<JoinHandle<()>, DbError> {
    let (pg, queue, faults) = (pg.clone(), Arc::clone(queue), faults.clone());
    let (told, connected) = std::sync::mpsc::channel();
    let name = match mode {
        Mode::Write => format!("write-{n}"),
        Mode::Read => format!("read-{n}"),
    };
    let thread = spawn(&name, move || match open_worker(&pg, mode) {
        Ok(session) => {
            if told.send(Ok(())).is_ok() {
                work_loop(&pg, mode, session, &queue, &faults);
            }
        }
        Err(error) => {
            if told.send(Err(error)).is_err() {
                tracing::error!("nobody waits for a database connection");
            }
        }
    })?;
    connected.recv().map_err(|_| stopping())??;
    Ok(thread)
}

/// The driver's runtime may not be entered from inside another one, so it gets a thread of its own.
pub(crate) fn on_own_thread<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, DbError> + Send + 'static,
) -> Result<T, DbError> {
    let (told, result) = std::sync::mpsc::channel();
    let thread = spawn("database", move || {
        if told.send(call()).is_err() {
            tracing::error!("nobody waits for a database thread");
        }
    })?;
    let result = result.recv().map_err(|_| DbError::Panicked("a database thread".to_owned()));
    if thread.join().is_err() {
        tracing::error!("a database thread panicked");
    }
    result?
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, DbError> {
    std::thread::Builder::new()
        .name(format!("db-{name}"))
        .spawn(run)
        .map_err(|e| DbError::Unavailable(format!("no thread: {e}")))
}
