//! A server for logs, for tests: keeps each line that it took, and can refuse, be silent, or take and not say so.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::listener::serve;

/// A running server; it ends with the runtime.
#[derive(Clone)]
pub struct LogServer {
    url: String,
    state: Arc<Mutex<Known>>,
}

/// What it does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Takes,
    Answers(StatusCode),
    /// Takes it, and says that it has not.
    TakesAndAnswers(StatusCode),
    /// Never answers.
    Silent,
}

struct Known {
    manner: Manner,
    lines: Vec<Value>,
    requests: usize,
}

impl LogServer {
    /// The token that it knows the bank by.
    pub const TOKEN: &str = "token-of-the-log-server";

    pub async fn start() -> Self {
        let known = Known { manner: Manner::Takes, lines: Vec::new(), requests: 0 };
        let state = Arc::new(Mutex::new(known));
        let router = Router::new().route("/bank", post(take)).with_state(Arc::clone(&state));
        Self { url: format!("http://{}/bank", serve(router).await), state }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn is(&self, manner: Manner) {
        self.known().manner = manner;
    }

    /// How often it was asked.
    pub fn requests(&self) -> usize {
        self.known().requests
    }

    /// All that it took, in that order.
    pub fn lines(&self) -> Vec<Value> {
        self.known().lines.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().expect("the server")
    }
}

async fn take(
    State(state): State<Arc<Mutex<Known>>>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let manner = {
        let mut known = state.lock().expect("the server");
        known.requests += 1;
        known.manner
    };
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let wanted = format!("Bearer {}", LogServer::TOKEN);
    if header(header::AUTHORIZATION) != Some(&*wanted) {
        return StatusCode::UNAUTHORIZED;
    }
    if header(header::CONTENT_TYPE) != Some("application/x-ndjson") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let answer = match manner {
        Manner::Takes => StatusCode::NO_CONTENT,
        Manner::TakesAndAnswers(status) => status,
        Manner::Answers(status) => return status,
        Manner::Silent => std::future::pending().await,
    };
    let lines: Result<Vec<Value>, _> = body.lines().map(serde_json::from_str).collect();
    let Ok(lines) = lines else { return StatusCode::BAD_REQUEST };
    state.lock().expect("the server").lines.extend(lines);
    answer
}
