//! A collector of traces for tests (OTLP/HTTP in JSON): keeps what it was sent, and can refuse, be silent, or take a
//! part only.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::listener::serve;

/// A running collector; it ends with the runtime.
#[derive(Clone)]
pub struct Collector {
    url: String,
    state: Arc<Mutex<Known>>,
}

/// What a collector does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Takes,
    Answers(StatusCode),
    /// Takes all but so many, which is a 200 all the same.
    Refuses(u64),
    /// Takes it and never answers.
    Silent,
}

struct Known {
    mood: Mood,
    bodies: Vec<Value>,
    requests: usize,
}

impl Collector {
    pub async fn start() -> Self {
        let known = Known { mood: Mood::Takes, bodies: Vec::new(), requests: 0 };
        let state = Arc::new(Mutex::new(known));
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&state));
        Self { url: format!("http://{}", serve(router).await), state }
    }

    /// In front of `/v1/traces`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn is(&self, mood: Mood) {
        self.known().mood = mood;
    }

    /// How often it was asked.
    pub fn requests(&self) -> usize {
        self.known().requests
    }

    /// The bodies that it took.
    pub fn bodies(&self) -> Vec<Value> {
        self.known().bodies.clone()
    }

    /// All spans that it took, in their order.
    pub fn spans(&self) -> Vec<Value> {
        let bodies = self.bodies();
        let spans = bodies.iter().flat_map(|body| {
            let spans = body.pointer("/resourceSpans/0/scopeSpans/0/spans");
            spans.and_then(Value::as_array).expect("spans").clone()
        });
        spans.collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().expect("the collector")
    }
}

async fn take(
    State(state): State<Arc<Mutex<Known>>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, String) {
    let mood = {
        let mut known = state.lock().expect("the collector");
        known.requests += 1;
        known.mood
    };
    let media_type = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_vec());
    if media_type.as_deref() != Some(b"application/json") {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, String::new());
    }
    let answer = match mood {
        Mood::Takes => json!({}),
        Mood::Refuses(count) => json!({ "partialSuccess":
            { "rejectedSpans": count.to_string(), "errorMessage": "words of the collector" } }),
        Mood::Answers(status) => return (status, "words of the collector".to_owned()),
        Mood::Silent => std::future::pending().await,
    };
    let Ok(body) = serde_json::from_str(&body) else {
        return (StatusCode::BAD_REQUEST, String::new());
    };
    state.lock().expect("the collector").bodies.push(body);
    (StatusCode::OK, answer.to_string())
}
