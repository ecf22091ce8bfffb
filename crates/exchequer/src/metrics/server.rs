//! The listener that Prometheus asks: `GET /metrics`, apart from the bank's own, since what it says is for operators.
//!
//! Small on purpose: [`CONNECTIONS`] at once, a head within [`PATIENCE`], HTTP/1.1, one path. It is not behind a
//! password: nothing that it tells is of a person, and it belongs into a network of the operator's own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::scrape::scrape;
use super::text::MEDIA_TYPE;
use crate::bank::Bank;

const CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection is closed after so long, so that forgotten ones give their places back.
const LIFE: Duration = Duration::from_mins(5);

/// Answers until `stopped` says so.
pub async fn serve(bank: Bank, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // A sender that is gone stops as well.
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let bank = bank.clone();
                tokio::spawn(async move {
                    let answer = service_fn(move |request| answer(bank.clone(), request));
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(PATIENCE)
                        .serve_connection(TokioIo::new(stream), answer);
                    match tokio::time::timeout(LIFE, connection).await {
                        Ok(Ok(())) | Err(_) => {}
                        Ok(Err(error)) => tracing::debug!(%error, "a scrape's connection ended"),
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a scrape's connection was not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn answer(
    bank: Bank,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET | &Method::HEAD) => (StatusCode::OK, scrape(&bank).await),
        ("/metrics", _) => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "only /metrics is here\n".to_owned()),
    };
    let media_type =
        if status == StatusCode::OK { MEDIA_TYPE } else { "text/plain; charset=utf-8" };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
    }
    Ok(response)
}
