//! Connections: an accept loop of our own, because every wait on a client has a limit here.
//!
//! Limits: connections at once; seconds for the request head, between two requests, and in which no byte
//! moves (in `patience`); seconds and bytes for the body, seconds for the whole request (in `dispatch`).
//! Stopping: the socket closes at once, requests in flight get `drain_seconds`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use futures_util::FutureExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::Service;

use super::dispatch::Peer;
use super::patience::{Limits, Patient, Progress};
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
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let peer = Peer(Arc::from(peer.ip().to_canonical().to_string()));
        let service = service.clone();
        let progress = Arc::new(Progress::default());
        let stream = Patient::new(stream, limits(&bank.config().http), Arc::clone(&progress));
        let serve = hyper::service::service_fn(move |request: hyper::Request<_>| {
            progress.begin(request.version());
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(peer.clone());
            // A router is always ready.
            let (answer, progress) = (service.clone().call(request), Arc::clone(&progress));
            answer.inspect(move |_| progress.answer())
        });
        let connection = builder.serve_connection(TokioIo::new(stream), serve).into_owned();
        let watched = graceful.watch(connection);
        let bank = bank.clone();
        tokio::spawn(async move {
            let _open = bank.metrics().connected();
            if let Err(error) = watched.await {
                tracing::debug!(error = %error, "a connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    let open = graceful.count();
    let drain = Duration::from_secs(bank.config().http.drain_seconds);
    match tokio::time::timeout(drain, graceful.shutdown()).await {
        Ok(()) => 0,
        Err(_) => open,
    }
}

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
fn limits(http: &Http) -> Limits {
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
