//! The positive rule: what a route does not declare in the OpenAPI document is refused before its handler.
//!
//! Where the inputs themselves are strict (fields of a body, names of a query) nothing is left to do; here is what no
//! input looks at. Paths and methods that are in no line of the table never come here: 404, 405 with `Allow`
//! (`routes.rs`). HEAD is served where GET is (RFC 9110 §9.1). Headers that nobody declared are not looked at.

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::codes::Code;
use super::input::check_content_type;
use super::problem::Problem;
use super::routes::Route;
use crate::sessions::web;

/// Errors, in order: `malformed_request` for a query or a body that the route does not have,
/// `unsupported_media_type`.
pub(super) fn check(route: &Route, parts: &Parts, body: &Bytes) -> Result<(), Problem> {
    let wrong = |why: &str| Err(Problem::new(Code::MalformedRequest).detail(why));
    let has_query = parts.uri.query().is_some_and(|query| !query.is_empty());
    if has_query && route.input.query.is_empty() {
        return wrong("this route takes no query string");
    }
    if body.is_empty() || route.input.is_raw || route.input.body.is_some() {
        return Ok(());
    }
    if route.method == Method::GET {
        return wrong("GET takes no body");
    }
    if is_form(parts) {
        // A browser's form carries the session's token and nothing else here.
        let mut names = form_urlencoded::parse(body).map(|(name, _)| name);
        return if names.all(|name| name == web::CSRF_FIELD) {
            Ok(())
        } else {
            wrong("this route takes no fields")
        };
    }
    check_content_type(parts)?;
    // An empty object says nothing: many clients send it with every POST.
    let is_empty_object = body.iter().filter(|byte| !byte.is_ascii_whitespace()).eq(b"{}");
    if is_empty_object { Ok(()) } else { wrong("this route takes no body") }
}

fn is_form(parts: &Parts) -> bool {
    let value = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
