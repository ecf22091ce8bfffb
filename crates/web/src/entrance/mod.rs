//! Signing in and out, signing up, passwords forgotten.
//!
//! A sign-in leads back to the page that asked for it, if that is a page of this bank. Links of mails lead to a page
//! with a button, because programs that look for bad mails follow links.

mod confirm;
mod forgot;
mod passkey;
mod reset;
mod second;
mod sign_in;
mod sign_out;
mod sign_up;
mod welcome;

pub use self::sign_up::phone_number;
pub use self::welcome::Me;

use http::Method;
use serde::Deserialize;

use crate::answer::{Answer, Outcome};
use crate::api::Challenge;
use crate::callers::Visitor;
use crate::frame::Field;
use crate::question::Question;
use crate::table::Pages;
use crate::visit::Visit;
use crate::words::put;

/// The token by which the API knows this device again: a cookie of the pages.
const DEVICE_COOKIE: &str = "exchequer-device";
pub const YEAR_SECONDS: u32 = 365 * 24 * 3600;

pub fn pages(pages: Pages) -> Pages {
    pages
        .anybody(Method::GET, "/sign-in", sign_in::show)
        .anybody(Method::POST, "/sign-in", sign_in::submit)
        .anybody(Method::GET, "/sign-in/passkey", second::begin)
        .anybody(Method::POST, "/sign-in/passkey", passkey::submit)
        .anybody(Method::GET, "/sign-in/second", second::begin)
        .anybody(Method::POST, "/sign-in/second", second::submit)
        .anybody(Method::GET, "/sign-up", sign_up::show)
        .anybody(Method::POST, "/sign-up", sign_up::submit)
        .customer(Method::GET, "/welcome", welcome::show)
        .customer(Method::POST, "/welcome", welcome::submit)
        .anybody(Method::GET, "/confirm", confirm::show)
        .anybody(Method::POST, "/confirm", confirm::submit)
        .anybody(Method::GET, "/forgot", forgot::show)
        .anybody(Method::POST, "/forgot", forgot::submit)
        .anybody(Method::GET, "/reset", reset::show)
        .anybody(Method::POST, "/reset", reset::submit)
        .customer(Method::POST, "/sign-out", sign_out::submit)
}

/// Where to go on: `wanted`, if it is the path of a page of ours that is read; else the overview. Never another
/// host (CWE-601), whatever a browser may take `//`, `\` or a control character for.
pub fn next(visit: &Visit, wanted: &str) -> String {
    own_path(visit, wanted).unwrap_or_else(|| "/".to_owned())
}

/// The same, or nothing.
pub fn own_path(visit: &Visit, wanted: &str) -> Option<String> {
    let (path, query) = wanted.split_once('?').map_or((wanted, None), |(p, q)| (p, Some(q)));
    let is_plain = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~%=&+,:".contains(&byte))
    };
    let is_ours = visit.site().readable.iter().any(|pattern| fits(pattern, path));
    let is_safe = is_plain(path) && query.is_none_or(is_plain) && !path.starts_with("//");
    (is_ours && is_safe).then(|| wanted.to_owned())
}

/// A new password's field, with what the bank wants of it.
pub fn new_password<'a>(visit: &Visit, name: &'a str, label: &'a str) -> (Field<'a>, String) {
    let (rules, w) = (visit.site().settings.password, &visit.words().entrance);
    let text = if rules.needs_letters_and_digits { w.password_hint_mixed } else { w.password_hint };
    let hint = put(text, &rules.min_characters.to_string());
    (Field::password(name, label, "new-password"), hint)
}

/// The API's answer to a sign-in, or to its first half.
#[derive(Deserialize)]
struct Entered {
    device_token: Option<String>,
    challenge: Option<Challenge>,
}

/// A sign-in goes on: to where it was to lead, or to the second factor.
fn go_on(visitor: &Visitor, entered: Entered, wanted: &str) -> Outcome {
    if let Some(challenge) = entered.challenge {
        return second::page(visitor, &Question::of(&challenge), wanted);
    }
    if let Some(token) = entered.device_token {
        visitor.give_cookie(DEVICE_COOKIE, &token, YEAR_SECONDS);
    }
    Answer::to(next(visitor, wanted))
}

/// Whether the visitor's cookie still opens something. Asking is no use of the session.
async fn is_signed_in(visitor: &Visitor) -> bool {
    visitor.session_cookie().is_some() && visitor.get("/v1/web/session/limits").done().await.is_ok()
}

fn device_token(visitor: &Visitor) -> Option<&str> {
    visitor.cookie(DEVICE_COOKIE)
}

/// Whether a path is one of a pattern with `{…}` segments.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut a, mut b) = (pattern.split('/'), path.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(p), Some(s)) if p == s || p.starts_with('{') && !s.is_empty() => {}
            _ => return false,
        }
    }
}
