//! Connections: an accept loop of our own, because every wait on a client has a limit here.
//!
//! With certificates in the configuration a connection begins with a TLS handshake, which has the time of the first
//! request's head together with it, and keeps one of the places for connections; plain HTTP is not spoken then.
//! Answers over TLS, the bank's own or that of a proxy that is trusted to say so, carry
//! `Strict-Transport-Security` (RFC 6797 §7.1, §7.2).
//!
//! Limits: connections at once; seconds for the request head, between two requests, and in which no byte
//! moves (in `patience`); seconds and bytes for the body, seconds for the whole request (in `dispatch`).
//! Stopping: the socket closes at once, requests in flight get `drain_seconds`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderValue, header};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tls::{ClientCertificate, TlsAcceptor};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::server::TlsStream;

use super::limits;
use super::patience::{Limits, Patient, Progress};
use super::service::{Peer, Service};
use crate::bank::Bank;
use crate::config::Http;

/// Bytes of a request head; a longer one is answered 431 by hyper.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Header lines of a request.
const MAX_HEADERS: usize = 64;
/// Requests of one HTTP/2 connection at once.
const MAX_STREAMS: u32 = 128;

/// Serves until `stop` resolves, then drains. Gives the number of connections that had to be cut.
pub async fn serve(bank: Bank, listener: TcpListener, stop: impl Future<Output = ()>) -> usize {
    let service = super::service(&bank);
    let builder = Arc::new(builder(&bank.config().http));
    let permits = Arc::new(Semaphore::new(bank.config().http.max_connections));
    let graceful = GracefulShutdown::new();
    let (closing, closed) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let progress = Arc::new(Progress::default());
        let stream = Patient::new(stream, limits_of(&bank.config().http), Arc::clone(&progress));
        let mut conversation = Conversation {
            service: service.clone(),
            peer: Peer(Arc::from(peer.ip().to_canonical().to_string())),
            certificate: None,
            proxies: bank.config().http.trusted_proxies,
            progress,
        };
        let (builder, watcher) = (Arc::clone(&builder), graceful.watcher());
        let handshake = bank.config().tls.as_ref().map(|tls| (tls.acceptor(), closed.clone()));
        let bank = bank.clone();
        tokio::spawn(async move {
            let _open = bank.metrics().connected();
            let ended = match handshake {
                None => converse(&builder, stream, conversation, watcher).await,
                Some((acceptor, closed)) => match shake_hands(&acceptor, stream, closed).await {
                    Ok(stream) => {
                        let shown = stream.get_ref().1.peer_certificates();
                        let shown = shown.and_then(|chain| chain.first());
                        conversation.certificate =
                            shown.map(|leaf| Arc::new(ClientCertificate::read(leaf)));
                        converse(&builder, stream, conversation, watcher).await
                    }
                    Err(error) => Err(error.into()),
                },
            };
            if let Err(error) = ended {
                tracing::debug!(error = %error, "a connection ended");
            }
            drop(permit);
        });
    }
    drop((listener, closing));
    let open = graceful.count();
    let drain = Duration::from_secs(bank.config().http.drain_seconds);
    match tokio::time::timeout(drain, graceful.shutdown()).await {
        Ok(()) => 0,
        Err(_) => open,
    }
}

/// The requests of one connection.
struct Conversation {
    service: Service,
    peer: Peer,
    /// Shown and verified in the handshake.
    certificate: Option<Arc<ClientCertificate>>,
    proxies: u8,
    progress: Arc<Progress>,
}

type Ended = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// `patience` limits the wait; nobody waits for a handshake where the bank closes.
async fn shake_hands(
    acceptor: &TlsAcceptor,
    stream: Patient,
    mut closed: watch::Receiver<()>,
) -> io::Result<TlsStream<Patient>> {
    tokio::select! {
        shaken = acceptor.accept(stream) => shaken,
        // Its sender is dropped when the socket is closed.
        _ = closed.changed() => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

async fn converse<S>(
    builder: &auto::Builder<TokioExecutor>,
    stream: S,
    conversation: Conversation,
    watcher: Watcher,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send + IsSecure + 'static,
{
    let Conversation { service, peer, certificate, proxies, progress } = conversation;
    let is_secure = S::IS_SECURE;
    let serve = hyper::service::service_fn(move |mut request: hyper::Request<_>| {
        progress.begin(request.version());
        let is_secure = is_secure || limits::is_https(request.headers(), proxies);
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(Arc::clone(certificate));
        }
        let (answer, progress) = (service.answer(&peer, request), Arc::clone(&progress));
        answer.map(move |mut answer| {
            progress.answer();
            if let (Ok(answer), true) = (&mut answer, is_secure) {
                answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, TWO_YEARS);
            }
            answer
        })
    });
    let connection = builder.serve_connection(TokioIo::new(stream), serve).into_owned();
    watcher.watch(connection).await
}

/// Whether a stream is the bank's own TLS.
trait IsSecure {
    const IS_SECURE: bool;
}

impl IsSecure for Patient {
    const IS_SECURE: bool = false;
}

impl IsSecure for TlsStream<Patient> {
    const IS_SECURE: bool = true;
}

/// ASVS 5.0, 3.4.1: a year at least, and for all names below this one.
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

/// Waits for a free place before it accepts, so that what is too much waits in the kernel's queue.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(error = %error, "TCP_NODELAY was not set");
            }
            Some((stream, peer, permit))
        }
        Err(error) => {
            // Out of descriptors, or a client that went away: trying at once would spin.
            tracing::warn!(error = %error, "a connection was not accepted");
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        }
    }
}

/// A standstill is longer than a request may take, during which nothing moves, and than HTTP/2's pings
/// are apart.
fn limits_of(http: &Http) -> Limits {
    let head = Duration::from_secs(http.header_timeout_seconds);
    let idle = Duration::from_secs(http.idle_timeout_seconds);
    let request = Duration::from_secs(http.request_timeout_seconds);
    Limits { head, idle, standstill: idle.saturating_add(request) }
}

fn builder(http: &Http) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .header_read_timeout(None) // `patience` has it: hyper's counts the pause between requests in
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(http.idle_timeout_seconds))
        .keep_alive_timeout(Duration::from_secs(http.header_timeout_seconds));
    builder
}
