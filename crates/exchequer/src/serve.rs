//! Serving: from a configuration to an open bank, and from there to the last drained request.
//!
//! Order of a start: configuration (all faults at once), logging, master key, database and its schema,
//! data keys, the listening socket, jobs, and only then the line that says that it listens. Order of a
//! stop, at SIGTERM or SIGINT: the socket closes, requests under way finish within `drain_seconds`, the end is recorded,
//! jobs end, traces are flushed, the database is closed. What fails at the start stops it; nothing is half served.
//!
//! What it never does: create a database, a schema or a key. `exchequer migrate` does.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use money::{Clock, Rng};
use store::{Db, DbError, Location, Options};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bank::Bank;
use crate::cards::keeper;
use crate::cards::keeper::server::Server;
use crate::cli::say;
use crate::config::{Config, DatabaseUrl, Faults, Sources, read_key_shares, read_master_key};
use crate::keys::database::KeyFileError;
use crate::keys::holder::KeyHolder;
use crate::keys::kms::Kms;
use crate::keys::master::{Master, MasterError};
use crate::keys::transit::Transit;
use crate::keys::{self, KeysError, database};
use crate::logging::InstallError;
use crate::presence::Presence;
use crate::renewals::Purpose;
use crate::{alerts, http, jobs, logging, metrics, outbox, renewals, secrets};

/// Why the bank does not start, in the order in which it is found out.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Configuration(#[from] Faults),
    #[error(transparent)]
    Log(#[from] InstallError),
    #[error("no threads to serve with: {0}")]
    Threads(io::Error),
    #[error("the master key {} cannot be used: {reason}", .path.display())]
    MasterKey { path: PathBuf, reason: String },
    #[error("the shares of the master key cannot be used: {0}")]
    KeyShares(String),
    #[error("{} cannot be made: {source}", .path.display())]
    Room { path: PathBuf, source: io::Error },
    #[error("there is no bank at {}; `exchequer migrate` makes one", .path.display())]
    NoBank { path: PathBuf },
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the bank has no data keys; run `exchequer migrate`")]
    NoKeys,
    #[error(transparent)]
    Master(#[from] MasterError),
    #[error("the data keys were not made: {0}")]
    Keys(#[from] KeysError),
    #[error("{address} cannot be listened on: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(
        "there is no card vault to run: neither card_vault_socket nor card_vault_address is set"
    )]
    NoVault,
    #[error("the card vault cannot listen at {place}: {source}")]
    Vault { place: String, source: io::Error },
    #[error("{0}")]
    Cards(String),
    #[error("signals cannot be waited for: {0}")]
    Signals(io::Error),
    /// Nobody reads what must be said.
    #[error("standard output is closed: {0}")]
    Output(io::Error),
}

/// How long jobs may take to end: their slices are a fraction of a second.
const JOBS_LIMIT: Duration = Duration::from_secs(10);
/// How long a collector of traces may take with what is left.
const TRACES_LIMIT: Duration = Duration::from_secs(3);
/// What is still on the runtime when all is served (a hash for a client that went away) may take this.
const RUNTIME_LIMIT: Duration = Duration::from_secs(5);

/// How long a start waits for Redis.
const CACHE_LIMIT: Duration = Duration::from_secs(3);

/// `exchequer serve`: returns after a stop that was asked for.
pub fn run(config_file: Option<PathBuf>) -> Result<(), StartError> {
    let config = Config::load(&Sources::of_process(config_file))?;
    logging::install(&config.log)?;
    let runtime = Runtime::new().map_err(StartError::Threads)?;
    let bank = runtime.block_on(async {
        let bank = open(config, Clock::System, Rng::System).await?;
        keeper::check(&bank).await.map_err(StartError::Cards)?;
        let listener = listen(bank.config().listen).await?;
        until_stopped(&bank, listener).await?;
        Ok::<_, StartError>(bank)
    })?;
    close(runtime, &bank);
    Ok(())
}

/// `exchequer vault`: the card vault of a bank that is another process, until a stop is asked for.
pub fn run_vault(config_file: Option<PathBuf>) -> Result<(), StartError> {
    let config = Config::load(&Sources::of_process(config_file))?;
    let vault = config.cards.vault.clone().ok_or(StartError::NoVault)?;
    logging::install(&config.log)?;
    let runtime = Runtime::new().map_err(StartError::Threads)?;
    let bank = runtime.block_on(async {
        let bank = open(config, Clock::System, Rng::System).await?;
        let failed = |source| StartError::Vault { place: vault.place.to_string(), source };
        let server = Server::bind(bank.clone(), vault.clone()).await.map_err(failed)?;
        let place = server.address().map_err(failed)?;
        let stop = Stop::listen().map_err(StartError::Signals)?;
        let (tell, told) = watch::channel(false);
        if let Some(renewing) = watch_vault_files(&bank, &told) {
            tokio::spawn(renewing);
        }
        secrets::look(&bank).await;
        tokio::spawn(secrets::watch(bank.clone(), told.clone()));
        say(&format!("listening at {place}\n")).map_err(StartError::Output)?;
        let presence = Presence::begin(&bank, "vault");
        let noting = tokio::spawn(presence.clone().record_start(told.clone()));
        let serving = tokio::spawn(server.serve(told.clone()));
        stop.asked().await;
        presence.record_end(0, &told).await;
        tell.send_replace(true);
        noting.abort();
        if let Err(error) = serving.await {
            tracing::error!(%error, "the card vault panicked");
        }
        Ok::<_, StartError>(bank)
    })?;
    close(runtime, &bank);
    Ok(())
}

/// Opens the bank that a configuration names. Inside a tokio runtime.
pub async fn open(config: Config, clock: Clock, rng: Rng) -> Result<Bank, StartError> {
    let master = master_key(&config)?;
    let db = open_database(&config).await?;
    let rows = db.read("keys.list", keys::list).await?;
    if rows.is_empty() {
        return Err(StartError::NoKeys);
    }
    let keys = KeyHolder::open(master, rows, clock.now()).await?;
    let bank = Bank::new(db, keys, config, clock, rng);
    outbox::warn_of_gaps(bank.config());
    if bank.config().evidence.checkpoint_file.is_none() {
        // Who owns the database could then roll it back as a whole, and nobody would notice.
        tracing::warn!(
            "the log's checkpoints are kept in the database alone; set evidence_checkpoint_file"
        );
    }
    if !bank.cache().connected(CACHE_LIMIT).await {
        // Also a node that starts now can serve reads, and the others would do no better.
        tracing::warn!("Redis is not there; signing in and moving money are refused until it is");
    }
    Ok(bank)
}

/// Opens the database alone, which must be there: a mistyped path makes no new bank.
pub async fn open_database(config: &Config) -> Result<Db, StartError> {
    if let DatabaseUrl::Sqlite { path } = &config.database.url
        && !path.exists()
    {
        return Err(StartError::NoBank { path: path.clone() });
    }
    Ok(Db::open(&database_options(config).await?)?)
}

/// How the configured database is opened, with the key of its file where that is encrypted: for it the master key is
/// asked.
pub async fn database_options(config: &Config) -> Result<Options, StartError> {
    let file_key = match encrypted_file(config) {
        Some(path) => Some(database::open(&master_key(config)?, path).await?),
        None => None,
    };
    Ok(Options { file_key, ..store_options(config) })
}

/// The file of an encrypted bank.
pub fn encrypted_file(config: &Config) -> Option<&Path> {
    match &config.database.url {
        DatabaseUrl::Sqlite { path } if config.database.is_encrypted => Some(path),
        DatabaseUrl::Sqlite { .. } | DatabaseUrl::Postgres { .. } => None,
    }
}

/// The same without the key of an encrypted file, which is then refused.
pub fn store_options(config: &Config) -> Options {
    let database = &config.database;
    let location = match &database.url {
        DatabaseUrl::Sqlite { path } => Location::Sqlite { path: path.clone() },
        DatabaseUrl::Postgres { url } => Location::Postgres { url: url.expose().to_owned() },
    };
    // The bounds of these settings are far below what the smaller integers hold.
    Options {
        cache_mib: database.sqlite_cache_mib,
        readers: u32::try_from(database.read_connections).unwrap_or(u32::MAX),
        writers: u32::try_from(database.write_connections).unwrap_or(u32::MAX),
        lock_timeout_ms: u32::try_from(database.lock_timeout_ms).unwrap_or(u32::MAX),
        ..Options::new(location)
    }
}

/// The master key that the configuration names. One in Transit or KMS is asked for nothing yet.
pub fn master_key(config: &Config) -> Result<Master, StartError> {
    if let Some(transit) = &config.transit {
        let at = transit.url.clone();
        let transit = Transit::new(transit.clone());
        return Ok(Master::Transit(transit.map_err(|reason| MasterError::Transit { at, reason })?));
    }
    if let Some(kms) = &config.kms {
        let at = kms.url.clone();
        let kms = Kms::new(kms.clone(), Clock::System);
        return Ok(Master::Kms(kms.map_err(|reason| MasterError::Kms { at, reason })?));
    }
    if !config.master_key_share_files.is_empty() {
        let joined = read_key_shares(&config.master_key_share_files);
        return joined.map(Master::File).map_err(StartError::KeyShares);
    }
    let path = &config.master_key_file;
    read_master_key(path)
        .map(Master::File)
        .map_err(|reason| StartError::MasterKey { path: path.clone(), reason })
}

pub async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

/// The address in fact, where a free port was asked for.
pub fn local_address(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen { address: asked, source })
}

/// Says that it listens, serves until SIGTERM or SIGINT, drains, and ends the jobs.
pub async fn until_stopped(bank: &Bank, listener: TcpListener) -> Result<(), StartError> {
    let address = local_address(&listener, bank.config().listen)?;
    let stop = Stop::listen().map_err(StartError::Signals)?;
    let (stop_jobs, stopped) = watch::channel(false);
    let mut jobs = jobs::spawn(bank, stopped.clone());
    if let Some(server) = bank.config().tls.clone() {
        let what = (Purpose::Listener, server);
        jobs.spawn(renewals::watch(bank.tools().clock().clone(), what, stopped.clone()));
    }
    if let Some(renewing) = watch_vault_files(bank, &stopped) {
        jobs.spawn(renewing);
    }
    if let Some(asked) = bank.config().metrics_listen {
        let listener = listen(asked).await?;
        let address = local_address(&listener, asked)?;
        tracing::info!(listen = %address, "metrics are told at /metrics");
        jobs.spawn(metrics::server::serve(bank.clone(), listener, stopped.clone()));
    }
    // Before the first request: what it posts is told, and what was posted before this version is not.
    alerts::job::begin(bank).await?;
    secrets::look(bank).await;
    jobs.spawn(secrets::watch(bank.clone(), stopped.clone()));
    let presence = Presence::begin(bank, "serve");
    jobs.spawn(presence.clone().record_start(stopped.clone()));
    let scheme = if bank.config().tls.is_some() { "https" } else { "http" };
    say(&format!("listening on {scheme}://{address}\n")).map_err(StartError::Output)?;
    tracing::info!(listen = %address, version = env!("CARGO_PKG_VERSION"), "the bank is open");
    let cut = http::server::serve(bank.clone(), listener, stop.asked()).await;
    if cut > 0 {
        tracing::warn!(connections = cut, "connections were cut: they took longer than the drain");
    }
    presence.record_end(cut, &stopped).await;
    stop_jobs.send_replace(true);
    if tokio::time::timeout(JOBS_LIMIT, ended(jobs)).await.is_err() {
        tracing::warn!("jobs were cut: they took too long to end");
    }
    bank.traces().flush(TRACES_LIMIT).await;
    Ok(())
}

/// Takes up the certificates of the way to the card vault, or from it, while both serve.
fn watch_vault_files(
    bank: &Bank,
    stopped: &watch::Receiver<bool>,
) -> Option<impl Future<Output = ()> + Send + use<>> {
    let tls = bank.config().cards.vault.as_ref()?.place.tls()?;
    let what = (Purpose::CardVault, Arc::clone(tls.files()));
    Some(renewals::watch(bank.tools().clock().clone(), what, stopped.clone()))
}

/// Ends the runtime's threads, then writes out and closes the database.
pub fn close(runtime: Runtime, bank: &Bank) {
    runtime.shutdown_timeout(RUNTIME_LIMIT);
    bank.db().close();
    tracing::info!("the bank is closed");
}

/// The signals that ask for a stop; from its making on they no longer end the process.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> io::Result<Self> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    async fn asked(mut self) {
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "it closes: requests under way are finished");
    }
}

async fn ended(mut jobs: JoinSet<()>) {
    while let Some(job) = jobs.join_next().await {
        if let Err(error) = job {
            tracing::error!(%error, "a job panicked");
        }
    }
}
