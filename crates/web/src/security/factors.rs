//! Factors, as the API tells them; and `/security/factors/add`, the choice of a new one.

use askama::Template;
use serde::Deserialize;

use crate::answer::{Answer, Outcome};
use crate::api::{List, Refused};
use crate::callers::Customer;
use crate::frame::{Frame, Who};
use crate::show::dates::Moment;
use crate::words::{Words, put};

#[derive(Debug, Clone, Deserialize)]
pub struct Factor {
    pub id: String,
    pub kind: String,
    pub name: String,
    /// `unconfirmed` or `active`.
    pub status: String,
    #[serde(rename = "second_factor")]
    pub is_second: bool,
    /// Where codes go, masked.
    pub destination: Option<String>,
    pub created_at: String,
    pub last_used_at: Option<String>,
}

/// A factor on a page.
pub struct Row {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub icon: &'static str,
    pub destination: Option<String>,
    pub is_active: bool,
    pub is_second: bool,
    pub added: Moment,
    pub used: Option<Moment>,
}

#[derive(Template)]
#[template(path = "security/add.html")]
struct AddPage<'a> {
    frame: Frame<'a>,
}

/// A customer's factors: one page of the API's list holds as many as anybody has.
pub async fn all(customer: &Customer) -> Result<Vec<Factor>, Refused> {
    let list: List<Factor> = customer.get("/v1/factors?limit=100").receive().await?;
    Ok(list.data)
}

pub async fn choose(customer: Customer) -> Outcome {
    Answer::page(&AddPage { frame: customer.frame(customer.words().security.add_title) })
}

impl Factor {
    /// Whether it stands between a stolen password and the account.
    pub fn protects(&self) -> bool {
        self.is_second && self.is_active()
    }

    fn is_active(&self) -> bool {
        self.status == "active"
    }

    pub fn row(self, customer: &Customer) -> Row {
        let (language, is_active) = (customer.language(), self.is_active());
        let (kind, icon) = kind_of(customer.words(), &self.kind);
        Row {
            is_active,
            is_second: self.is_second,
            added: Moment::day(&self.created_at, language),
            used: self.last_used_at.map(|at| Moment::new(&at, language)),
            id: self.id,
            name: self.name,
            kind,
            icon,
            destination: self.destination,
        }
    }
}

impl Row {
    /// What stands before and behind the time of a sentence with `{}`.
    pub fn around(text: &'static str) -> (&'static str, &'static str) {
        text.split_once("{}").unwrap_or((text, ""))
    }

    /// What a link or button about this one is called.
    pub fn named(&self, text: &str) -> String {
        put(text, &self.name)
    }
}

/// A kind's name and drawing.
fn kind_of(words: &Words, kind: &str) -> (&'static str, &'static str) {
    let w = &words.security;
    match kind {
        "webauthn" => (w.kind_webauthn, "key"),
        "totp" => (w.kind_totp, "phone"),
        "sms" => (w.kind_sms, "phone"),
        "email" => (w.kind_email, "mail"),
        _ => (words.step_up.other, "shield"),
    }
}
