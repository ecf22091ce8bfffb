//! An HTTP client for a bank in the same process: no socket, the same router.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use exchequer::http::{Peer, Service};
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::answers;

/// A caller, signed in or not.
#[derive(Clone)]
pub struct Client {
    service: Service,
    token: Option<String>,
    address: Arc<str>,
    agent: Arc<str>,
}

/// An answer, its body read.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A fresh idempotency key.
pub fn key() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("test-key-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Client {
    pub fn new(service: Service) -> Self {
        Self { service, token: None, address: Arc::from("192.0.2.1"), agent: Arc::from("testkit") }
    }

    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// As from another address.
    #[must_use]
    pub fn from_address(&self, address: &str) -> Self {
        Self { address: Arc::from(address), ..self.clone() }
    }

    /// The same caller, from another network address.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { address: Arc::from(address), ..self.clone() }
    }

    /// The same caller, with another `User-Agent`.
    #[must_use]
    pub fn with_agent(&self, agent: &str) -> Self {
        Self { agent: Arc::from(agent), ..self.clone() }
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path).body(Body::empty()).expect("a request")).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path).body(Body::empty()).expect("a request")).await
    }

    /// A PUT of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        let request =
            self.request(Method::PUT, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// A POST with the proof of a step-up.
    pub async fn post_proved(&self, path: &str, key: &str, body: &Value, proof: &str) -> Reply {
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .header("step-up", proof);
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// A DELETE with the proof of a step-up.
    pub async fn delete_proved(&self, path: &str, proof: &str) -> Reply {
        let request = self.request(Method::DELETE, path).header("step-up", proof);
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// A POST with a fresh key.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_with_key(path, &key(), body).await
    }

    pub async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.post_raw(path, Some(key), body.to_string().into_bytes()).await
    }

    /// A POST of any bytes, declared as JSON.
    pub async fn post_raw(&self, path: &str, key: Option<&str>, body: Vec<u8>) -> Reply {
        let mut request =
            self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    /// A request to finish by hand.
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let builder =
            Request::builder().method(method).uri(path).header(header::USER_AGENT, &*self.agent);
        match &self.token {
            Some(token) => builder.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => builder,
        }
    }

    /// Fails where the answer is not as every answer has to be ([`answers::complaint`]).
    pub async fn send(&self, mut request: Request) -> Reply {
        request.extensions_mut().insert(Peer(Arc::clone(&self.address)));
        let (method, target) = (request.method().clone(), request.uri().clone());
        let response = self.service.clone().oneshot(request).await.expect("a router never fails");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body of ours").to_bytes();
        let reply = Reply { status: parts.status, headers: parts.headers, body };
        // An answer to HEAD says the length of what GET would bring.
        if method != Method::HEAD
            && let Some(complaint) = answers::complaint(&reply)
        {
            panic!("{method} {target}: {complaint}");
        }
        reply
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| {
            panic!("not JSON ({e}): {} {}", self.status, String::from_utf8_lossy(&self.body))
        })
    }

    /// The `code` of a problem, or nothing.
    pub fn code(&self) -> String {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        json.get("code").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A string at a path of the body, as `/balance/posted`.
    pub fn text(&self, pointer: &str) -> String {
        let json = self.json();
        let found = json.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer} in {json}")).to_owned()
    }

    pub fn int(&self, pointer: &str) -> i64 {
        let json = self.json();
        let found = json.pointer(pointer).and_then(Value::as_i64);
        found.unwrap_or_else(|| panic!("no integer at {pointer} in {json}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{body}");
        self
    }

    /// A problem with this status and code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!((self.status.as_u16(), &*self.code()), (status, code), "{body}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
    }
}
