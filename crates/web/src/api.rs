//! The bank's own API, asked in the process: the only way from a page to anything.
//!
//! A request carries what the visitor's request carried to be known by: cookie, address, agent. It is
//! authenticated, limited, made once and refused exactly as if the visitor had sent it. Cost: some
//! microseconds above the route itself. Bounds: an answer of [`MAX_ANSWER_BYTES`]; a request whose key is
//! still in flight is asked for again at most [`IN_FLIGHT_TRIES`] times.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;

use crate::visit::Visit;

/// Larger than any answer of the API: a statement of 100,000 entries as a file.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// The first of two identical requests is nearly always done within this many [`IN_FLIGHT_WAIT`]s.
const IN_FLIGHT_TRIES: u32 = 20;
const IN_FLIGHT_WAIT: Duration = Duration::from_millis(250);

/// What of a visitor's request goes on to the API, besides the cookie.
const PASSED_ON: [HeaderName; 5] = [
    header::USER_AGENT,
    header::HOST,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// The API's router.
#[derive(Clone)]
pub struct Api(Router);

/// A request on its way; made by [`Visit::get`] and its siblings.
pub struct Ask<'v> {
    visit: &'v Visit,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A refusal of the API, as it says it (RFC 9457), or that it did not answer as it should.
#[derive(Debug, Clone, Deserialize)]
pub struct Refused {
    pub status: u16,
    pub code: String,
    pub title: String,
    pub detail: Option<String>,
    pub request_id: String,
    #[serde(default)]
    pub fields: Vec<FieldFault>,
    pub challenge: Option<Challenge>,
    #[serde(skip)]
    pub retry_after_seconds: Option<u32>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldFault {
    pub field: String,
    pub code: String,
    pub detail: String,
}

/// A question that a second factor answers.
#[derive(Debug, Clone, Deserialize)]
pub struct Challenge {
    pub id: String,
    pub methods: Vec<String>,
    pub expires_at: String,
    pub webauthn: Option<Value>,
}

/// One page of a list.
#[derive(Debug, Clone, Deserialize)]
pub struct List<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
}

impl Api {
    pub(crate) fn new(router: Router) -> Self {
        Self(router)
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Response<Body> {
        match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

impl<'v> Ask<'v> {
    pub(crate) fn new(visit: &'v Visit, method: Method, path: impl Into<String>) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { visit, method, path: path.into(), headers, body }
    }

    /// The body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// The idempotency key of a form. One that is no header value goes as an empty one, which the API
    /// refuses.
    #[must_use]
    pub fn once(mut self, key: &str) -> Self {
        self.insert("idempotency-key", key);
        self
    }

    /// What a step-up gave.
    #[must_use]
    pub fn proof(mut self, proof: Option<&str>) -> Self {
        if let Some(proof) = proof {
            self.insert("step-up", proof);
        }
        self
    }

    /// The answer as a value; an empty one as `null`.
    pub async fn receive<T: DeserializeOwned>(self) -> Result<T, Refused> {
        let (_, body) = self.send().await?;
        let body = if body.is_empty() { &b"null"[..] } else { &body };
        serde_json::from_slice(body).map_err(|error| Refused::unreadable(&error))
    }

    /// The answer's being a success is all that matters.
    pub async fn done(self) -> Result<(), Refused> {
        self.send().await.map(|_| ())
    }

    /// The answer as it is: a file.
    pub async fn file(self) -> Result<(HeaderMap, Bytes), Refused> {
        self.send().await
    }

    async fn send(self) -> Result<(HeaderMap, Bytes), Refused> {
        for _ in 0..IN_FLIGHT_TRIES {
            match self.send_once().await {
                Err(refused) if refused.code == "idempotency_key_in_flight" => {
                    tokio::time::sleep(IN_FLIGHT_WAIT).await;
                }
                answer => return answer,
            }
        }
        self.send_once().await
    }

    async fn send_once(&self) -> Result<(HeaderMap, Bytes), Refused> {
        let request = self.request().map_err(|error| Refused::unreadable(&error))?;
        let response = self.visit.api().call(request).await;
        let (parts, body) = response.into_parts();
        self.visit.keep_cookies(&parts.headers);
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| Refused::unreadable(&error))?.to_bytes();
        if parts.status.is_success() {
            return Ok((parts.headers, body));
        }
        Err(Refused::read(parts.status, &parts.headers, &body))
    }

    fn request(&self) -> Result<Request<Body>, http::Error> {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse()?;
        *request.extensions_mut() = self.visit.carried();
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        for name in PASSED_ON {
            for value in self.visit.headers().get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        if let Some(cookie) = self.visit.session_cookie() {
            headers.insert(header::COOKIE, cookie);
        }
        if let Some(token) = self.visit.csrf_token() {
            headers.insert("x-csrf-token", HeaderValue::try_from(token)?);
        }
        // That this is so was checked of the visitor's request.
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        Ok(request)
    }

    fn insert(&mut self, name: &'static str, value: &str) {
        let value = HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
        self.headers.insert(name, value);
    }
}

impl Refused {
    /// Whether the visitor's session is gone.
    pub fn is_signed_out(&self) -> bool {
        self.code == "unauthenticated"
    }

    pub fn is_not_found(&self) -> bool {
        self.status == 404
    }

    /// The fault of one field, if it is at fault.
    pub fn field(&self, name: &str) -> Option<&FieldFault> {
        self.fields.iter().find(|fault| fault.field == name)
    }

    fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let retry = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        match serde_json::from_slice::<Self>(body) {
            Ok(refused) => {
                let retry_after_seconds = retry.and_then(|text| text.parse().ok());
                Self { status: status.as_u16(), retry_after_seconds, ..refused }
            }
            Err(error) => Self::unreadable(&error),
        }
    }

    /// The API is ours: what it says can be read. If not, the visitor is told that something failed here.
    pub(crate) fn unreadable(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(cause = %cause, "a page could not read an answer of the API");
        Self {
            status: 500,
            code: "internal".to_owned(),
            title: String::new(),
            detail: None,
            request_id: String::new(),
            fields: Vec::new(),
            challenge: None,
            retry_after_seconds: None,
        }
    }
}
