//! From a routed request to its answer.
//!
//! Order: request id; caller; rate limit; place and permission; body within size and time; the body's signature; idempotency key; what the route does not declare; input; handler.
//! So an unauthenticated request costs no body and learns nothing of what it would have led to. Whatever happens,
//! a panic included, the answer carries the request id and the security headers.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::Request;
use bytes::Bytes;
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use money::{RequestId, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::body::Sent;
use super::callers::{self, Caller};
use super::codes::Code;
use super::cors;
use super::credentials;
use super::declared;
use super::guards::Guard;
use super::input::{Input, Raw};
use super::limits::Gate;
use super::limits::rules::Class;
use super::once::{self, PROBLEM_JSON};
use super::problem::Problem;
use super::reply::{HTML, JSON, RawReply};
use super::routes::{Access, BodyLimit, Handler, Route, unrouted};
use super::service::{Incoming, Response};
use crate::bank::Bank;
use crate::traces::Span;

/// Serves one request of one route.
pub(super) async fn serve<C, I, T, H>(
    bank: Bank,
    route: Arc<Route>,
    handler: H,
    incoming: Incoming,
) -> Response
where
    C: Caller + Guard,
    I: Input + Send + 'static,
    T: 'static,
    H: Handler<C, I, T>,
{
    let started = bank.tools().now();
    let id: RequestId = bank.tools().id_at(started);
    let (parts, body) = incoming.request.into_parts();
    let limit = Duration::from_secs(bank.config().http.request_timeout_seconds);
    let gate = Gate::new(&bank, &route, (incoming.peer.as_ref(), &parts));
    let span = span(&bank, &route, (&parts, id, started));
    let request = (&parts, body, id);
    let work = AssertUnwindSafe(handle(&gate, &route, handler, request, &incoming.segments));
    let work = pin!(work.catch_unwind());
    // Stopping to wait does not cancel: a transaction that has begun finishes, and its key keeps
    // the answer.
    let result = match tokio::time::timeout(limit, span.around(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(panicked(&*panic)),
        Err(_) => Err(Problem::new(Code::Unavailable).cause("the request took too long")),
    };
    let code = result.as_ref().err().map(|problem| problem.code);
    if let Some(code) = code {
        bank.metrics().refused(code);
    }
    let public = matches!(route.access, Access::Public(_))
        && route.method == Method::GET
        && !route.is_never_kept;
    let keep = match (public, route.is_unchanging) {
        (false, _) => Keep::Never,
        (true, false) => Keep::Allowed,
        (true, true) => Keep::Forever,
    };
    let mut response = span.logged(|| respond(result, &id, keep));
    gate.tell(response.headers_mut());
    let ended = bank.tools().now();
    let elapsed_us = ended.micros_since(started);
    bank.metrics().answered(route.number, response.status().as_u16(), elapsed_us);
    if route.class != Class::Probe {
        bank.latency().record(ended, elapsed_us);
    }
    let status = response.status().as_u16();
    span.logged(|| {
        let (method, route) = (&parts.method, route.path);
        tracing::debug!(request_id = %id, %method, route, status, elapsed_us, "request");
    });
    span.answered(status, code.map(Code::as_str), ended);
    cors::add(bank.config(), &parts, response)
}

/// Probes are not traced: balancers ask each second, and nobody looks for where that time went.
fn span(bank: &Bank, route: &Route, (parts, id, at): (&Parts, RequestId, Timestamp)) -> Span {
    if route.class == Class::Probe {
        return Span::default();
    }
    bank.traces().request(&parts.headers, (id, at), (&route.method, route.path))
}

async fn handle<C, I, T, H>(
    gate: &Gate<'_>,
    route: &Route,
    handler: H,
    (parts, body, request): (&Parts, Sent, RequestId),
    segments: &[String],
) -> Result<RawReply, Problem>
where
    C: Caller + Guard,
    I: Input + Send,
    H: Handler<C, I, T>,
{
    let bank = gate.bank();
    let incoming = callers::Incoming { bank, parts, request, gate, visit: route.visit };
    let claim = match C::admit(&incoming, route.access).await {
        Ok(claim) => claim,
        Err(problem) => return Err(gate.refused(problem).await),
    };
    let _place = match route.body_limit {
        BodyLimit::Bulk => Some(bulk_place(bank).await?),
        BodyLimit::Ordinary => None,
    };
    let body = read_body(bank, route, body).await?;
    gate.after_body(&body).await?;
    let mut caller = match C::prove(claim, &incoming, &body).await {
        Ok(caller) => caller,
        Err(problem) => return Err(gate.refused(problem).await),
    };
    if route.once {
        caller = with_key(caller, route, parts, &body)?;
    }
    credentials::check_form(&caller, &body)?;
    declared::check(route, parts, &body)?;
    let input = I::read(&Raw { parts, segments, body })?;
    let mut reply = handler.call(caller.clone(), input).await?.raw;
    credentials::after_step_up(&caller, parts, &mut reply).await;
    Ok(reply)
}

fn with_key<C: Caller>(caller: C, route: &Route, parts: &Parts, body: &[u8]) -> Result<C, Problem> {
    // Only POSTs demand a key, so the path names the route.
    let tools = caller.context().bank().tools();
    let key = once::key(tools, caller.scope(), route.path, parts, body)?;
    Ok(caller.with_key(key))
}

/// Bulk requests at once, from the first byte of the body to the answer: 4 MiB each, and some times that
/// once parsed, so that all connections together cannot fill the memory.
static BULK: Semaphore = Semaphore::const_new(8);

async fn bulk_place(bank: &Bank) -> Result<SemaphorePermit<'static>, Problem> {
    let limit = Duration::from_secs(bank.config().http.body_timeout_seconds);
    match tokio::time::timeout(limit, BULK.acquire()).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) | Err(_) => Err(Problem::new(Code::Overloaded)),
    }
}

async fn read_body(bank: &Bank, route: &Route, body: Sent) -> Result<Bytes, Problem> {
    let http = &bank.config().http;
    let limit = match route.body_limit {
        BodyLimit::Ordinary => http.max_body_bytes,
        BodyLimit::Bulk => http.max_bulk_body_bytes,
    };
    let mut read = std::pin::pin!(body.gather(limit));
    let timeout = Duration::from_secs(http.body_timeout_seconds);
    // Most bodies came in one piece with their head: those need no timer.
    match read.as_mut().now_or_never() {
        Some(result) => result,
        None => match tokio::time::timeout(timeout, read).await {
            Ok(result) => result,
            Err(_) => Err(Problem::new(Code::BodyTimeout)),
        },
    }
}

fn panicked(payload: &(dyn Any + Send)) -> Problem {
    let text = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::new(Code::Internal).cause(format!("panic: {text}"))
}

pub(super) async fn not_found(
    axum::extract::State(bank): axum::extract::State<Bank>,
    request: Request,
) -> Response {
    let id: RequestId = bank.tools().id();
    let (parts, _) = request.into_parts();
    if let Some(preflight) = cors::preflight(bank.config(), &parts) {
        return finish(preflight, &id);
    }
    respond_unknown(&bank, &id)
}

/// For a path that is another door's.
pub(super) fn nothing_here(bank: &Bank) -> Response {
    respond_unknown(bank, &bank.tools().id())
}

fn respond_unknown(bank: &Bank, id: &RequestId) -> Response {
    bank.metrics().unrouted(Code::NotFound.status());
    bank.metrics().refused(Code::NotFound);
    respond(Err(unrouted(Code::NotFound)), id, Keep::Never)
}

/// Also where a preflight arrives: `OPTIONS` is no route's method.
pub(super) fn method_not_allowed(bank: &Bank, table: &[Arc<Route>], request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let id: RequestId = bank.tools().id();
    if let Some(preflight) = cors::preflight(bank.config(), &parts) {
        return finish(preflight, &id);
    }
    bank.metrics().unrouted(Code::MethodNotAllowed.status());
    bank.metrics().refused(Code::MethodNotAllowed);
    let fitting = || table.iter().filter(|route| matches(route.path, parts.uri.path()));
    // As the router does: a path that names its segments comes before one with a place for any.
    let places = |route: &Arc<Route>| route.path.matches('{').count();
    let fewest = fitting().map(places).min();
    let allowed = fitting().filter(|route| Some(places(route)) == fewest);
    let allowed: Vec<&str> = allowed.map(|route| route.method.as_str()).collect();
    let mut response = respond(Err(unrouted(Code::MethodNotAllowed)), &id, Keep::Never);
    if let Ok(value) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// Whether a path fits a route's pattern.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut a, mut b) = (pattern.split('/'), path.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(p), Some(s)) if p == s || p.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// What anybody may `GET` may be kept; nothing else is (RFC 9111; RFC 6749 §5.1 for tokens).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Allowed,
    /// It never changes (RFC 8246).
    Forever,
    Never,
}

fn respond(result: Result<RawReply, Problem>, id: &RequestId, keep: Keep) -> Response {
    let mut scheme = BEARER;
    let (reply, retry_after) = match result {
        Ok(reply) => (reply, None),
        Err(problem) => {
            log(&problem, id);
            match problem.code {
                Code::InvalidDpopProof => scheme = DPOP,
                Code::InvalidSignature => scheme = SIGNED,
                _ => {}
            }
            let (status, body) = (problem.code.status(), problem.body(id).into());
            (RawReply::new(status, PROBLEM_JSON, body), problem.retry_after_seconds)
        }
    };
    let length = reply.body.len();
    let mut response = Response::new(reply.body.into());
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.clone_from(&JSON_HEADERS);
    if let Ok(value) = HeaderValue::from_bytes(&id.text()) {
        headers.insert(REQUEST_ID, value);
    }
    if reply.status == 204 {
        // Its length of 0 is written by HTTP/2 alone.
        headers.remove(header::CONTENT_TYPE);
    } else {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        if reply.content_type != JSON {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
        }
    }
    if reply.content_type == HTML {
        headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    }
    if reply.replayed {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    if reply.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, scheme);
    }
    if let Some(cookie) = reply.cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    if let Some(disposition) = reply.disposition {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    match keep {
        Keep::Allowed if reply.status < 400 => _ = headers.remove(header::CACHE_CONTROL),
        Keep::Forever if reply.status < 400 => _ = headers.insert(header::CACHE_CONTROL, FOR_EVER),
        Keep::Allowed | Keep::Forever | Keep::Never => {}
    }
    response
}

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// RFC 6750 §3.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
/// RFC 9449 §7.1.
const DPOP: HeaderValue =
    HeaderValue::from_static("DPoP error=\"invalid_dpop_proof\", algs=\"ES256 EdDSA\"");

/// The name of our own scheme (RFC 9110 §11.6.1).
const SIGNED: HeaderValue = HeaderValue::from_static("Exchequer");

/// What most answers carry: a copy is cheaper than an insertion each. Length and request id are here for
/// their places, which makes the copy large enough; each answer has its own.
static JSON_HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::from_iter(SECURITY_HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REQUEST_ID, HeaderValue::from_static(""));
    headers
});

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// OWASP ASVS 5.0 §3.4: on every answer. An API answer runs nothing and is framed by nobody.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Pages: no script at all, styles from our own address, the icon inside the page.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'none'; \
     frame-ancestors 'none'; base-uri 'none'; report-uri /v1/csp_reports",
);

fn finish(mut response: Response, id: &RequestId) -> Response {
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(value);
    }
    if let Ok(value) = HeaderValue::from_bytes(&id.text()) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

fn log(problem: &Problem, id: &RequestId) {
    let (code, cause) = (problem.code.as_str(), problem.cause.as_deref().unwrap_or_default());
    if problem.code.status() >= 500 {
        tracing::error!(request_id = %id, code, cause, "a request failed");
    } else {
        tracing::debug!(request_id = %id, code, cause, "a request was refused");
    }
}

/// Methods a browser may be told of.
pub(super) const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
