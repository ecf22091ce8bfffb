//! What the edge is compared with: one axum route that parses the same JSON and does nothing.
//!
//! Served as the bank is (hyper's automatic builder, `TCP_NODELAY`, the default runtime), in this
//! process, on a free port of the loopback address. It ends when it is dropped.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use exchequer::transfers::api::SendTransfer;
use http::{HeaderName, StatusCode, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::Result;

/// As long as the bank's answer.
const ANSWER: &str = concat!(
    r#"{"id":"trf_01kaz5m0000000000000000000","from":"acc_01kaz5m0000000000000000000","#,
    r#""to":"acc_01kaz5m0000000000000000001","amount":1,"currency":"INR","kind":"transfer","#,
    r#""status":"posted","posted_at":"2026-01-05T10:00:00.000000Z","memo":null,"reference":null}"#
);

pub struct BareRoute {
    address: SocketAddr,
    /// Dropped last: its end is the server's.
    _runtime: Runtime,
}

impl BareRoute {
    pub fn serve() -> Result<Self> {
        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/v1/transfers", post(parse));
        runtime.spawn(accept(listener, router));
        Ok(Self { address, _runtime: runtime })
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

async fn accept(listener: TcpListener, router: Router) {
    loop {
        let accepted = listener.accept().await;
        let Some(stream) = accepted.ok().filter(|(stream, _)| stream.set_nodelay(true).is_ok())
        else {
            // wrk counts what it could not connect, and the measurement fails.
            eprintln!("exchequer-bench: the bare route accepts no more connections");
            return;
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            if let Err(error) = builder.serve_connection(TokioIo::new(stream.0), service).await {
                eprintln!("exchequer-bench: a connection of the bare route ended: {error}");
            }
        });
    }
}

async fn parse(body: Bytes) -> (StatusCode, [(HeaderName, &'static str); 1], &'static str) {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    match serde_json::from_slice::<SendTransfer>(&body) {
        Ok(wanted) => {
            black_box(&wanted);
            (StatusCode::CREATED, content_type, ANSWER)
        }
        Err(_) => (StatusCode::BAD_REQUEST, content_type, "{}"),
    }
}
