//! What a request brings to be known by: an access token, a token with a proof of its key, or a cookie;
//! one of them, never two.
//!
//! Order: one credential; for a cookie, that the request comes from the bank's own page; the session,
//! alive; the caller's rate limit; the proof, where the session is bound to a key; for a cookie that changes something, the
//! session's token (in a form's body: once that is read); the place it comes from. So what costs
//! anything comes after what costs nothing, and a stranger learns only that they are one.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, header};
use store::rows::Origin;

use super::callers::{self, Caller, Incoming};
use super::codes::Code;
use super::problem::Problem;
use super::reply::RawReply;
use super::step_up;
use crate::bank::Bank;
use crate::sessions::cache::{Carried, Verified};
use crate::sessions::places::Arriving;
use crate::sessions::{dpop, web};

/// The holder of a session, and the origin of this request.
pub(super) struct Identified {
    pub verified: Arc<Verified>,
    pub origin: Arc<Origin>,
    /// The cookie that carried it.
    pub cookie: Option<String>,
    /// The session's token is still to be shown, in the form.
    pub owes_csrf_token: bool,
}

/// Who calls.
///
/// Errors, in order: `two_credentials`, `unauthenticated`, `cross_site_refused`, `unavailable`,
/// `rate_limited`, `invalid_dpop_proof`, `step_up_required`.
pub(super) async fn identify(incoming: &Incoming<'_>) -> Result<Identified, Problem> {
    let (bank, parts) = (incoming.bank, incoming.parts);
    let refused = || Problem::new(Code::Unauthenticated);
    let cookie = web::extract(bank.config(), &parts.headers)?;
    let mut tokens = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (verified, cookie) = match (tokens.next(), tokens.next(), cookie) {
        (None, _, Some(cookie)) => (by_cookie(incoming, cookie).await?, Some(cookie)),
        (Some(token), None, None) => (by_token(incoming, token).await?, None),
        (Some(_), _, Some(_)) => return Err(Problem::new(Code::TwoCredentials)),
        (None, _, None) | (Some(_), Some(_), None) => return Err(refused()),
    };
    let owes_csrf_token = cookie.is_some() && !has_csrf_token(bank, parts, &verified)?;
    let agent = parts.headers.get(header::USER_AGENT);
    let arriving = Arriving {
        address: incoming.gate.address(),
        raw_agent: agent.map(HeaderValue::as_bytes).unwrap_or_default(),
        agent: || callers::agent(parts),
        request: incoming.request,
        step_up: proof(parts),
    };
    let origin = verified.arrive(bank, arriving).await?;
    Ok(Identified { verified, origin, cookie: cookie.map(str::to_owned), owes_csrf_token })
}

/// The key that a request without a session proves to hold: at sign-in and refresh. A proof that is
/// brought must be right; none is no fault.
///
/// Errors: `invalid_dpop_proof`, `unavailable`.
pub(super) async fn shown_key(incoming: &Incoming<'_>) -> Result<Option<[u8; 32]>, Problem> {
    let (bank, parts) = (incoming.bank, incoming.parts);
    if !shows_key(parts) {
        return Ok(None);
    }
    take_proof(bank, parts, None).await.map(Some)
}

/// Whether a request without a session brings a proof of a key.
pub(super) fn shows_key(parts: &Parts) -> bool {
    !web::is_safe(&parts.method) && parts.headers.contains_key("dpop")
}

/// The single use proof of a step-up.
pub(super) fn proof(parts: &Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(step_up::HEADER).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The session's token in a form, where the request still owes it.
///
/// Errors: `cross_site_refused`.
pub(super) fn check_form<C: Caller>(caller: &C, body: &Bytes) -> Result<(), Problem> {
    let context = caller.context();
    let Some((session, _)) = context.web_session().filter(|_| context.owes_csrf_token()) else {
        return Ok(());
    };
    let mut shown = form_urlencoded::parse(body).filter(|(name, _)| name == web::CSRF_FIELD);
    match (shown.next(), shown.next()) {
        (Some((_, token)), None)
            if web::is_csrf_token(context.bank().tools(), &session, &token) =>
        {
            Ok(())
        }
        _ => Err(Problem::new(Code::CrossSiteRefused)),
    }
}

/// A browser that has shown a second factor for this request gets another cookie, and the old one is
/// dead. Where that fails the act is done all the same: the browser keeps what it has, and the log says
/// so.
pub(super) async fn after_step_up<C: Caller>(caller: &C, parts: &Parts, reply: &mut RawReply) {
    let context = caller.context();
    let Some((session, cookie)) = context.web_session() else { return };
    if proof(parts).is_none() || reply.status >= 300 || reply.cookie.is_some() {
        return;
    }
    match web::rotate(context, session, cookie).await {
        Ok(cookie) => reply.cookie = cookie,
        Err(problem) => {
            let cause = problem.cause.unwrap_or_default();
            tracing::warn!(session_id = %session, cause, "a cookie was not replaced");
        }
    }
}

async fn by_cookie(incoming: &Incoming<'_>, cookie: &str) -> Result<Arc<Verified>, Problem> {
    let (bank, parts) = (incoming.bank, incoming.parts);
    if !web::is_from_own_page(bank.config(), parts) {
        return Err(Problem::new(Code::CrossSiteRefused));
    }
    let verified = bank.sessions().verify(bank, Carried::Cookie(cookie), incoming.visit).await?;
    incoming.gate.caller(verified.principal().bytes()).await?;
    Ok(verified)
}

async fn by_token(incoming: &Incoming<'_>, value: &HeaderValue) -> Result<Arc<Verified>, Problem> {
    let (bank, parts) = (incoming.bank, incoming.parts);
    let refused = || Problem::new(Code::Unauthenticated);
    let (scheme, token) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(refused)?;
    let token = token.trim();
    let shows_key = scheme.eq_ignore_ascii_case("dpop");
    if !shows_key && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    let verified = bank.sessions().verify(bank, Carried::Token(token), incoming.visit).await?;
    // Before a proof is looked at and remembered.
    incoming.gate.caller(verified.principal().bytes()).await?;
    // RFC 9449 §7.2: a bound token is none without its proof, and a plain one has nothing to prove.
    match (verified.device_key(), shows_key) {
        (None, false) => Ok(verified),
        (None, true) => Err(refused()),
        (Some(_), false) => Err(Problem::new(Code::InvalidDpopProof)),
        (Some(key), true) => {
            if take_proof(bank, parts, Some(token)).await? == key {
                Ok(verified)
            } else {
                Err(Problem::new(Code::InvalidDpopProof).cause("the proof is by another key"))
            }
        }
    }
}

async fn take_proof(bank: &Bank, parts: &Parts, token: Option<&str>) -> Result<[u8; 32], Problem> {
    let origin = web::own_origin(bank.config(), parts);
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let target = dpop::Target { method, origin: &origin, path, token };
    dpop::take(bank, &parts.headers, &target).await
}

/// Whether a request with a cookie has shown the session's token, or need not. False: it is a form, and
/// may have it in its body.
fn has_csrf_token(bank: &Bank, parts: &Parts, verified: &Verified) -> Result<bool, Problem> {
    if web::is_safe(&parts.method) {
        return Ok(true);
    }
    let mut values = parts.headers.get_all(web::CSRF_HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) if is_form(parts) => Ok(false),
        (Some(shown), None)
            if shown.to_str().is_ok_and(|shown| {
                web::is_csrf_token(bank.tools(), &verified.session(), shown)
            }) =>
        {
            Ok(true)
        }
        _ => Err(Problem::new(Code::CrossSiteRefused)),
    }
}

fn is_form(parts: &Parts) -> bool {
    let value = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
