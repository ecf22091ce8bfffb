//! Cross-origin requests: an explicit list of origins, none by default, never a wildcard.

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};

use super::dispatch::METHODS;
use super::service::Response;
use crate::config::Config;

/// How long a browser may remember a preflight, seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Adds the headers for an origin on the list; for any other, nothing (the browser refuses).
pub(super) fn add(config: &Config, parts: &Parts, mut response: Response) -> Response {
    if config.http.cors_origins.is_empty() {
        return response;
    }
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed(config, parts) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "x-request-id, idempotent-replayed, retry-after, ratelimit, ratelimit-policy",
            ),
        );
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    }
    response
}

/// The answer to a preflight, where this request is one from an origin on the list.
pub(super) fn preflight(config: &Config, parts: &Parts) -> Option<Response> {
    let asks = parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks || allowed(config, parts).is_none() {
        return None;
    }
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let methods = METHODS.map(|m| m.to_string()).join(", ");
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_str(&methods).ok()?);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, dpop, idempotency-key, step-up"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    Some(add(config, parts, response))
}

fn allowed(config: &Config, parts: &Parts) -> Option<HeaderValue> {
    let origin = parts.headers.get(header::ORIGIN)?;
    config
        .http
        .cors_origins
        .iter()
        .any(|o| o.as_bytes() == origin.as_bytes())
        .then(|| origin.clone())
}
