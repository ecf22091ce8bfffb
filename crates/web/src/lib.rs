//! The bank that people see: the customers' web bank and the operators' console, rendered on the server.
//!
//! A page is a client of the bank's own API, in the same process and with the visitor's own cookie
//! ([`api`]). So a page can do nothing that the API does not allow its visitor, each rule is in one place,
//! and whatever a page shows another program could show too. This crate knows no database, no key and no domain
//! type; that the API is enough for a bank is seen by there being one.
//!
//! Order of a request ([`table`]): route; where it comes from; form, bounded; who it is, asked of the API; the form's
//! token; handler; headers. Everything works without script but security keys and the idle timer's countdown.
//!
//! What it never does: keep anything between two requests, write a text of a person other than escaped, send
//! a visitor to another host.

mod accounts;
mod answer;
pub mod api;
mod assets;
mod authenticator;
mod callers;
mod carried;
mod console;
mod entrance;
mod form;
mod frame;
mod inbox;
mod language;
mod overview;
mod payees;
mod policy;
mod question;
mod security;
mod sending;
mod show;
mod step_up;
mod table;
mod trouble;
mod visit;
mod words;

use std::sync::Arc;

use axum::Router;

pub use api::Api;

/// A keyed hash.
pub type Sign = Arc<dyn Fn(&[u8]) -> Vec<[u8; 32]> + Send + Sync>;

/// Seals or opens bytes for a holder, on every node alike; none where that cannot be done.
pub type Seal = Arc<dyn Fn(&[u8], &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// What the pages need to know of the bank.
#[derive(Clone)]
pub struct Settings {
    /// Without a slash at the end; its scheme decides about cookies and transport security.
    pub public_url: String,
    /// The operators' host, where they have one of their own; its scheme is the same.
    pub console_url: Option<String>,
    /// A demo bank: shows the inbox.
    pub is_demo: bool,
    pub body_timeout_seconds: u64,
    /// What a new password must be, to be said before one is typed.
    pub password: PasswordRules,
    pub rng: money::Rng,
    pub clock: money::Clock,
    /// What of a connection goes on to the API: the peer's address. Nothing else may, since the router
    /// keeps the parts of a page's path beside it.
    pub carry: fn(&http::Extensions) -> http::Extensions,
    /// A keyed hash, the same on every node: makes the token of a form from a visitor's cookie. First the one in
    /// use, then those of other versions of its key, which forms from before a rotation have.
    pub sign: Sign,
    /// Seals what a page carries and nobody is to read there; `open` undoes it.
    pub seal: Seal,
    pub open: Seal,
}

/// Of the bank's profile; who judges a password is the API.
#[derive(Debug, Clone, Copy)]
pub struct PasswordRules {
    pub min_characters: usize,
    pub needs_letters_and_digits: bool,
}

/// All pages, before an API. What neither knows is a page that says so.
pub fn router(api: Router, settings: Settings) -> Router {
    table::all().into_router(Api::new(api), settings)
}

/// Every page: method, path, who may see it. For tests that go through all of them.
pub fn pages() -> Vec<(String, &'static str, &'static str)> {
    table::all().list()
}
