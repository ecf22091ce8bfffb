//! Signing in and out, signing up, passwords forgotten.
//!
//! A sign-in leads back to the page that asked for it, if that is a page of this bank.

mod sign_in;
mod sign_out;

use http::Method;

use crate::table::Pages;
use crate::visit::Visit;

pub fn pages(pages: Pages) -> Pages {
    pages
        .anybody(Method::GET, "/sign-in", sign_in::show)
        .anybody(Method::POST, "/sign-in", sign_in::submit)
        .customer(Method::POST, "/sign-out", sign_out::submit)
}

/// Where to go on: `wanted`, if it is the path of a page of ours that is read; else the overview. Never another
/// host (CWE-601), whatever a browser may take `//`, `\` or a control character for.
pub fn next(visit: &Visit, wanted: &str) -> String {
    let (path, query) = wanted.split_once('?').map_or((wanted, None), |(p, q)| (p, Some(q)));
    let is_plain = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~%=&+,:".contains(&byte))
    };
    let is_ours = visit.site().readable.iter().any(|pattern| fits(pattern, path));
    if is_ours && is_plain(path) && query.is_none_or(is_plain) && !path.starts_with("//") {
        return wanted.to_owned();
    }
    "/".to_owned()
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
