//! Sessions of browsers: the same sessions, carried by a cookie that no script can read.
//!
//! The cookie is 256 random bits, of which the row keeps the hash. Where the bank is reached by https it
//! is a `__Host-` cookie: Secure, HttpOnly, SameSite=Strict, for every path of this host and no other
//! (RFC 6265bis §4.1.3.2). On plain http, which the configuration allows on this machine only, browsers
//! differ about such cookies, so there it has a plain name and is not Secure. It is new at every sign-in
//! and after every step-up, and the old one is dead at once.
//!
//! Against requests from elsewhere, two locks: what the browser says of the page (`Sec-Fetch-Site`,
//! `Origin`), and for everything that changes something the session's own token, in `X-CSRF-Token` or
//! in the form field `csrf_token`. The token is a keyed hash of the session, so nothing is stored.
//! Cookies never work for the origins of CORS, and never beside an access token.

use data_encoding::BASE64URL_NOPAD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use money::SessionId;
use vault::{Indexes, SecretString, random_token, token_hash};

use super::model::{Form, PrincipalRef};
use super::{Opened, Opening, api, store};
use crate::bank::{Bank, Tools};
use crate::config::Config;
use crate::events;
use crate::http::{Code, Context, Problem};

/// A browser that was just signed in.
pub struct SignedIn {
    pub session: SessionId,
    pub principal: PrincipalRef,
    /// For `Set-Cookie` of the answer.
    pub cookie: HeaderValue,
    /// For the forms and scripts of the pages.
    pub csrf_token: String,
}

/// The header that carries the session's token.
pub const CSRF_HEADER: &str = "x-csrf-token";
/// The form field that does.
pub const CSRF_FIELD: &str = "csrf_token";

const HOST_NAME: &str = "__Host-exchequer";
const PLAIN_NAME: &str = "exchequer";

/// What a browser's session is opened with: it takes the place of the one that the browser had.
pub fn opening(caller: &Context) -> Opening {
    let rules = &caller.bank().config().sessions;
    let replaces = caller.cookie().map(token_hash);
    Opening { form: Form::Cookie, replaces, ..Opening::new(rules) }
}

/// After the commit that opened a session of this form: the cookie, and the cache is told which sessions
/// have ended.
pub async fn signed_in(bank: &Bank, principal: PrincipalRef, opened: &Opened) -> SignedIn {
    api::forget(bank, &opened.ended).await;
    SignedIn {
        session: opened.session,
        principal,
        cookie: set_cookie(bank.config(), opened.credential.expose()),
        csrf_token: csrf_token(bank.tools(), &opened.session),
    }
}

/// Gives a session another cookie: after a step-up. `None` where it ended or was rotated meanwhile; then
/// the browser keeps what it has.
pub async fn rotate(
    caller: &Context,
    session: SessionId,
    old: &str,
) -> Result<Option<HeaderValue>, Problem> {
    let fresh = random_token(caller.bank().tools().rng());
    let (from, to) = (token_hash(old), token_hash(fresh.expose()));
    let rotated = caller
        .write("sessions.rotate", move |tx, act| {
            let rotated = store::replace_cookie(tx, &session, (&from, &to))?;
            if rotated {
                events::record(tx, act, "session.rotated", &session.to_string(), "done", None)?;
            }
            Ok(rotated)
        })
        .await?;
    if !rotated {
        return Ok(None);
    }
    caller.bank().sessions().retire(from, caller.bank().tools().now());
    Ok(Some(set_cookie(caller.bank().config(), fresh.expose())))
}

/// The session's cookie of a request. Two of one name are nobody's: somebody else may have planted one.
///
/// Errors: `unauthenticated`.
pub fn extract<'h>(config: &Config, headers: &'h HeaderMap) -> Result<Option<&'h str>, Problem> {
    let name = cookie_name(config);
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(key, value)| (key == name).then_some(value));
    match (found.next(), found.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Problem::new(Code::Unauthenticated).cause("two cookies of one name")),
    }
}

/// The token that pages of this session send back.
pub fn csrf_token(tools: &Tools, session: &SessionId) -> String {
    BASE64URL_NOPAD.encode(csrf(tools, session).active())
}

/// Whether `shown` is the session's token, or was until its key was rotated.
pub fn is_csrf_token(tools: &Tools, session: &SessionId, shown: &str) -> bool {
    BASE64URL_NOPAD.decode(shown.as_bytes()).is_ok_and(|shown| csrf(tools, session).has(&shown))
}

fn csrf(tools: &Tools, session: &SessionId) -> Indexes {
    tools.keyring().blind_indexes("sessions.csrf", session.bytes())
}

/// Makes a browser forget its cookie.
pub fn clear_cookie(config: &Config) -> HeaderValue {
    cookie(config, "", "; Max-Age=0")
}

/// Whether a request comes from a page of the bank, as far as the browser says: a request that changes
/// something from nowhere else, a page also by a link from elsewhere. A browser that says nothing is not
/// refused here; the session's token is.
pub fn is_from_own_page(config: &Config, parts: &Parts) -> bool {
    let said = |name: &str| parts.headers.get(name).map(HeaderValue::as_bytes);
    let is_reading = is_safe(&parts.method);
    let is_visit = is_reading && said("sec-fetch-mode") == Some(b"navigate");
    let site_is_right = match said("sec-fetch-site") {
        None | Some(b"same-origin") => true,
        // Typed, or a bookmark: such a request changes nothing.
        Some(b"none") => is_reading,
        Some(_) => is_visit,
    };
    let origin_is_right = said("origin").is_none_or(|o| o == own_origin(config, parts).as_bytes());
    site_is_right && origin_is_right
}

/// Methods that change nothing (RFC 9110 §9.2.1).
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The bank's own origin as this request calls it: the configured one, the operators' where it came to their host, and
/// on this machine any of its names and ports, since a demo may be asked for by either and have been given a free port.
pub fn own_origin(config: &Config, parts: &Parts) -> String {
    let url = &config.http.public_url;
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
    if let (Some(console), Some(url)) = (config.console.authority(), &config.console.public_url)
        && host.is_some_and(|host| host.eq_ignore_ascii_case(console))
    {
        return url.clone();
    }
    match (url.split_once("://"), host) {
        (Some((scheme, ours)), Some(host)) if is_loopback(ours) && is_loopback(host) => {
            format!("{scheme}://{host}")
        }
        _ => url.clone(),
    }
}

/// Of `host` or `host:port`.
fn is_loopback(authority: &str) -> bool {
    let port_at = authority.rfind(':').filter(|at| authority.get(at + 1..).is_some_and(is_port));
    let host = port_at.map_or(authority, |at| &authority[..at]);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn cookie_name(config: &Config) -> &'static str {
    if is_https(config) { HOST_NAME } else { PLAIN_NAME }
}

fn is_https(config: &Config) -> bool {
    config.http.public_url.starts_with("https://")
}

fn set_cookie(config: &Config, value: &str) -> HeaderValue {
    cookie(config, value, "")
}

/// No Max-Age for a live one: it goes with the browser, and its limits are in the database.
fn cookie(config: &Config, value: &str, more: &str) -> HeaderValue {
    let secure = if is_https(config) { "; Secure" } else { "" };
    let name = cookie_name(config);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}");
    let text = SecretString::new(text);
    // Base64url and constants: always a header value.
    let mut header =
        HeaderValue::from_str(text.expose()).unwrap_or(HeaderValue::from_static("exchequer="));
    header.set_sensitive(true);
    header
}

#[cfg(test)]
mod tests;
