//! A server with a script: answers for each method and path, in order, the last one again and again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

pub struct Fake {
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    script: HashMap<String, VecDeque<(u16, Bytes)>>,
    seen: Vec<Seen>,
}

#[derive(Clone, Debug)]
pub struct Seen {
    /// `POST /v1/refunds`, without the query.
    pub call: String,
    pub query: String,
    pub key: Option<String>,
    pub authorization: String,
    pub body: String,
}

#[derive(Debug, thiserror::Error)]
#[error("nothing is scripted, so the connection is cut")]
struct Cut;

impl Fake {
    pub async fn new(script: &[(&str, u16, Value)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state: Arc<Mutex<State>> = Arc::default();
        let fake = Self { url, state: Arc::clone(&state) };
        for (call, status, answer) in script {
            fake.script(call, *status, answer.to_string());
        }
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    // Cut connections are part of the script.
                    drop(connection.await);
                });
            }
        });
        fake
    }

    pub fn script(&self, call: &str, status: u16, body: impl Into<Bytes>) {
        let mut state = self.state.lock().unwrap();
        state.script.entry(call.to_owned()).or_default().push_back((status, body.into()));
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    pub fn calls(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.call).collect()
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let header =
        |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let call = format!("{} {}", head.method, head.uri.path());
    let seen = Seen {
        call: call.clone(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        key: header("idempotency-key"),
        authorization: header("authorization").unwrap_or_default(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let mut state = state.lock().unwrap();
    state.seen.push(seen);
    let answers = state.script.get_mut(&call).ok_or(Cut)?;
    let (status, body) = match answers.len() {
        0 => return Err(Cut),
        1 => answers[0].clone(),
        _ => answers.pop_front().ok_or(Cut)?,
    };
    Response::builder().status(status).body(Full::new(body)).map_err(|_| Cut)
}
