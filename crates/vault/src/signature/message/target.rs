//! Derived components (RFC 9421 §2.2): parts of the request line, and the status of a response.
//!
//! What is normalised is what RFC 9110 §4.2.3 names: an authority in lower case without its scheme's
//! default port, an empty path as `/`. Nothing is decoded. Only requests in origin form are known (and
//! `*`): the bank is no proxy, so that CONNECT and absolute forms have no value here.

use super::super::{Request, is_visible};
use super::component::{ComponentFault, Subject};
use super::query;
use std::borrow::Cow;

/// Ports that are left out of an authority (RFC 9110 §4.2).
const DEFAULT_PORTS: [(&str, &str); 2] = [("http", "80"), ("https", "443")];

type Value<'m> = Result<Cow<'m, str>, ComponentFault>;

/// The value of a component of requests. Errors: `OtherMessage`, `Absent`, `Ambiguous`, `Value`.
pub(super) fn value<'m>(request: &'m Request<'m>, subject: &Subject) -> Value<'m> {
    match subject {
        Subject::Method => method(request.method),
        Subject::TargetUri => target_uri(request),
        Subject::Authority => authority(request).map(Cow::Owned),
        Subject::Scheme => scheme(request).map(Cow::Owned),
        Subject::RequestTarget => request_target(request),
        Subject::Path => path(request),
        Subject::Query => query_with_mark(request).map(Cow::Owned),
        Subject::QueryParam(name) => {
            query::parameter(visible(request.query.unwrap_or(""))?, name).map(Cow::Owned)
        }
        Subject::Status | Subject::Field { .. } => Err(ComponentFault::OtherMessage),
    }
}

/// §2.2.9: three digits.
pub(super) fn status<'m>(status: u16) -> Value<'m> {
    if (100..=999).contains(&status) {
        Ok(Cow::Owned(status.to_string()))
    } else {
        Err(ComponentFault::Value)
    }
}

/// §2.2.1: its case counts.
fn method(method: &str) -> Value<'_> {
    if method.is_empty() { Err(ComponentFault::Value) } else { visible(method).map(Cow::Borrowed) }
}

/// §2.2.2, put together from its parts.
fn target_uri<'m>(request: &Request<'m>) -> Value<'m> {
    let (scheme, authority, path) = (scheme(request)?, authority(request)?, path(request)?);
    let mut uri = format!("{scheme}://{authority}{path}");
    if request.query.is_some() {
        uri.push_str(&query_with_mark(request)?);
    }
    Ok(Cow::Owned(uri))
}

/// §2.2.3.
fn authority(request: &Request<'_>) -> Result<String, ComponentFault> {
    let scheme = scheme(request)?;
    let authority = visible(request.authority)?.to_ascii_lowercase();
    let is_foreign = |byte: u8| matches!(byte, b'@' | b'/' | b'?' | b'#' | b'\\' | b',');
    if authority.is_empty() || authority.bytes().any(is_foreign) {
        return Err(ComponentFault::Value);
    }
    let default = DEFAULT_PORTS.iter().find(|(of, _)| *of == scheme).map_or("", |(_, port)| port);
    let host = match authority.rsplit_once(':') {
        // The last colon of an address such as `[::1]` stands inside of it.
        Some((host, port)) if !port.contains(']') && (port.is_empty() || port == default) => host,
        Some(_) | None => &authority,
    };
    if host.is_empty() { Err(ComponentFault::Value) } else { Ok(host.to_owned()) }
}

/// §2.2.4.
fn scheme(request: &Request<'_>) -> Result<String, ComponentFault> {
    let scheme = request.scheme.to_ascii_lowercase();
    let is_known = DEFAULT_PORTS.iter().any(|(known, _)| *known == scheme);
    if is_known { Ok(scheme) } else { Err(ComponentFault::Value) }
}

/// §2.2.5 in origin form, and `*`.
fn request_target<'m>(request: &Request<'m>) -> Value<'m> {
    if request.method == "OPTIONS" && request.path == "*" && request.query.is_none() {
        return Ok(Cow::Borrowed(request.path));
    }
    let path = path(request)?;
    match request.query {
        None => Ok(path),
        Some(_) => Ok(Cow::Owned(format!("{path}{}", query_with_mark(request)?))),
    }
}

/// §2.2.6.
fn path<'m>(request: &Request<'m>) -> Value<'m> {
    let path = visible(request.path)?;
    let is_path = path.starts_with('/') && !path.contains(['?', '#']);
    match (path.is_empty(), is_path) {
        (true, _) => Ok(Cow::Borrowed("/")),
        (false, true) => Ok(Cow::Borrowed(path)),
        (false, false) => Err(ComponentFault::Value),
    }
}

/// §2.2.7: with its mark, which also stands where there is no query.
fn query_with_mark(request: &Request<'_>) -> Result<String, ComponentFault> {
    let query = visible(request.query.unwrap_or(""))?;
    if query.contains('#') { Err(ComponentFault::Value) } else { Ok(format!("?{query}")) }
}

/// §2.2: printable, and here without a blank, which no part of a request line has.
fn visible(text: &str) -> Result<&str, ComponentFault> {
    if is_visible(text) { Ok(text) } else { Err(ComponentFault::Value) }
}
