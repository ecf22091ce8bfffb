//! The sandbox gateway's connections: accepted within a bound, cut where chaos says so, drained at the end.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use money::Clock;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tower::Service as _;
use vault::SecretString;

use super::api::{self, Body, Router, Way};
use super::chaos::{Chaos, ChaosError, Delivery};
use super::delivery::{Fault, Faulty};
use super::desk::Desk;
use super::journal::JournalError;
use super::notices::Notices;
use crate::gateways::SettingsError;

/// What a sandbox gateway is started with.
pub struct Settings {
    /// Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Asked for with every request, and the key of notices' signatures.
    pub secret: SecretString,
    pub journal: Option<PathBuf>,
    /// Where notices are posted.
    pub notify: Option<String>,
    pub clock: Clock,
}

/// A sandbox gateway that serves; dropped, it goes on until its runtime ends.
pub struct Server {
    address: SocketAddr,
    desk: Arc<Desk>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    sending: Option<AbortHandle>,
}

/// Why a sandbox gateway does not start, in the order in which it is found out.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the secret has fewer than {MIN_SECRET_BYTES} characters")]
    Secret,
    #[error("the address for notices: {0}")]
    Notify(#[from] SettingsError),
    #[error("the journal: {0}")]
    Journal(#[from] JournalError),
    #[error("{address} cannot be listened on: {source}")]
    Listen { address: SocketAddr, source: io::Error },
}

/// As many as guessing needs a while for; it is also a key.
pub const MIN_SECRET_BYTES: usize = 16;

/// Connections at once; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 4_096;
/// For the head of a request and the pause before it: longer than clients keep a silent connection, so that
/// none is closed while a request is on its way.
const HEAD_LIMIT: Duration = Duration::from_mins(1);
/// What is under way at a stop may take this; what hangs is cut.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

impl Server {
    /// Listens, and serves until [`Server::stop`]. Inside a tokio runtime.
    pub async fn start(settings: Settings) -> Result<Self, SandboxError> {
        let Settings { listen, secret, journal, notify, clock } = settings;
        if secret.expose().len() < MIN_SECRET_BYTES {
            return Err(SandboxError::Secret);
        }
        let secret = Arc::new(secret);
        let told =
            notify.map(|url| Notices::new(&url, Arc::clone(&secret), clock.clone())).transpose()?;
        let (notices, sending) = told.unzip();
        let key = secret.expose().as_bytes();
        let desk = Arc::new(Desk::open(key, journal.as_deref(), clock, notices)?);
        let failed = |source| SandboxError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let service = api::Service { desk: Arc::clone(&desk), secret };
        let serving = tokio::spawn(serve(service, listener, stopped));
        let sending = sending.map(|sending| tokio::spawn(sending.run()).abort_handle());
        Ok(Self { address, desk, stop, serving, sending })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// For [`crate::gateways::sandbox::Sandbox::new`].
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set_chaos(&self, chaos: Chaos) -> Result<(), ChaosError> {
        self.desk.set_chaos(chaos)
    }

    /// The book behind it, to be compared with the bank's.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Closes the socket, lets what is under way end, and returns when nothing is served any more.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the sandbox gateway panicked");
        }
        if let Some(sending) = self.sending {
            sending.abort();
        }
    }
}

async fn serve(service: api::Service, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let router = api::router(&service);
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let (cut, is_cut) = watch::channel(false);
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY was not set");
                }
                stream
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let fault = Fault::default();
        let faulty = Faulty::new(stream, fault.clone());
        let router = router.clone();
        let answering = service_fn(move |request| answer(router.clone(), fault.clone(), request));
        let connection = builder().serve_connection(TokioIo::new(faulty), answering);
        let connection = graceful.watch(connection);
        let mut is_cut = is_cut.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended");
                },
                _ = is_cut.wait_for(|cut| *cut) => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_LIMIT, graceful.shutdown()).await.is_err() {
        tracing::warn!("answers that hung were cut");
        cut.send_replace(true);
    }
}

/// The service's error, on which hyper cuts the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

async fn answer(
    mut router: Router,
    fault: Fault,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let Ok(response) = router.call(request).await;
    match response.extensions().get::<Way>().map(|way| way.0) {
        Some(Delivery::Lost) => return Err(Cut),
        Some(Delivery::Hung(time)) => {
            tokio::time::sleep(time).await;
            return Err(Cut);
        }
        Some(Delivery::Cut) => fault.cut(),
        Some(Delivery::Twice) => fault.twice(),
        Some(Delivery::Whole | Delivery::Error | Delivery::WrongAmount) | None => {}
    }
    Ok(response)
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    builder
}
