//! What protects a customer: factors, sessions, limits, the emergency stop, the password; and what happened.
//!
//! Every act here is one request to the API under the form's key; what the API holds back goes through
//! [`crate::step_up`]. Secrets of the API (an authenticator's key, recovery codes) are shown in the answer to the form
//! that made them and nowhere else.

mod activity;
mod agent;
mod alerts;
mod codes;
mod enrol;
mod factor;
pub mod factors;
mod keys;
pub mod limits;
mod overview;
mod password;
mod phone;
mod protections;
mod sessions;

use http::Method;

use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::frame::Frame;
use crate::step_up::Deed;
use crate::table::Pages;

const OVERVIEW: &str = "/security";

pub fn pages(pages: Pages) -> Pages {
    let pages = pages
        .customer(Method::GET, "/security", overview::show)
        .customer(Method::POST, "/security/stop", protections::stop)
        .customer(Method::POST, "/security/resume", protections::resume)
        .customer(Method::POST, "/security/email/confirmation", protections::send_link)
        .customer(Method::GET, "/security/factors/add", factors::choose)
        .customer(Method::GET, "/security/factors/authenticator", back_to_choice)
        .customer(Method::POST, "/security/factors/authenticator", enrol::authenticator)
        .customer(Method::GET, "/security/factors/phone", phone::show)
        .customer(Method::POST, "/security/factors/phone", phone::submit)
        .customer(Method::GET, "/security/factors/email", back_to_choice)
        .customer(Method::POST, "/security/factors/email", enrol::email)
        .customer(Method::GET, "/security/factors/confirm", back_to_choice)
        .customer(Method::POST, "/security/factors/confirm", enrol::confirm)
        .customer(Method::GET, "/security/factors/key", keys::show)
        .customer(Method::POST, "/security/factors/key", keys::begin)
        .customer(Method::GET, "/security/factors/key/add", back_to_choice)
        .customer(Method::POST, "/security/factors/key/add", keys::add)
        .customer(Method::GET, "/security/factors/{id}", factor::show)
        .customer(Method::POST, "/security/factors/{id}/rename", factor::rename)
        .customer(Method::GET, "/security/factors/{id}/remove", factor::ask)
        .customer(Method::POST, "/security/factors/{id}/remove", factor::remove);
    pages
        .customer(Method::GET, "/security/recovery-codes", codes::ask)
        .customer(Method::POST, "/security/recovery-codes", codes::replace)
        .customer(Method::GET, "/security/sessions", sessions::show)
        .customer(Method::POST, "/security/sessions/end", sessions::end_many)
        .customer(Method::POST, "/security/sessions/{id}/end", sessions::end)
        .customer(Method::GET, "/security/limits", limits::show)
        .customer(Method::GET, "/security/limits/{currency}", limits::edit)
        .customer(Method::POST, "/security/limits/{currency}", limits::set)
        .customer(Method::GET, "/security/alerts", alerts::show)
        .customer(Method::GET, "/security/alerts/{currency}", alerts::edit)
        .customer(Method::POST, "/security/alerts/{currency}", alerts::set)
        .customer(Method::GET, "/security/activity", activity::show)
        .customer(Method::GET, "/security/password", password::show)
        .customer(Method::POST, "/security/password", password::submit)
}

impl Frame<'_> {
    /// The rooms of these pages: path, name, and whether it is this one.
    pub fn security_tabs(&self) -> [(&'static str, &'static str, bool); 6] {
        let w = &self.words.security;
        let here = self.here.split('?').next().unwrap_or_default();
        [
            (OVERVIEW, w.tab_sign_in),
            ("/security/sessions", w.tab_sessions),
            ("/security/limits", w.tab_limits),
            ("/security/alerts", w.tab_alerts),
            ("/security/activity", w.tab_activity),
            ("/security/password", w.tab_password),
        ]
        .map(|(path, name)| (path, name, path == here))
    }
}

/// A page that only a form leads to, found again by its address.
async fn back_to_choice(_: Customer) -> Outcome {
    Answer::to("/security/factors/add")
}

/// An act that is confirmed: what it is, its facts, the page that does it and the one to go back to.
fn deed(title: &str, facts: &[(&str, &str)], action: &str, back: &str) -> Deed {
    let owned = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
    Deed {
        title: title.to_owned(),
        facts: facts.iter().map(owned).collect(),
        action: action.to_owned(),
        back: back.to_owned(),
    }
}
