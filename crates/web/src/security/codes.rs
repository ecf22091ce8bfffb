//! Recovery codes: made anew, and shown once.

use askama::Template;
use http::StatusCode;
use serde::Deserialize;

use super::{OVERVIEW, deed};
use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::frame::{Frame, Who};
use crate::step_up;

#[derive(Template)]
#[template(path = "security/codes.html")]
struct CodesPage<'a> {
    frame: Frame<'a>,
    codes: &'a [String],
}

#[derive(Template)]
#[template(path = "security/codes_ask.html")]
struct AskPage<'a> {
    frame: Frame<'a>,
}

/// The API's answer wherever codes are made.
#[derive(Deserialize)]
pub struct Made {
    pub recovery_codes: Vec<String>,
}

pub async fn ask(customer: Customer) -> Outcome {
    Answer::page(&AskPage { frame: customer.frame(customer.words().security.codes_ask) })
}

pub async fn replace(customer: Customer) -> Outcome {
    let title = customer.words().security.codes_deed;
    let deed = deed(title, &[], "/security/recovery-codes", OVERVIEW);
    let act = customer.post("/v1/factors/recovery_codes").once(customer.form().raw("key"));
    match step_up::through::<Made>(&customer, &deed, act).await {
        Ok(made) => page(&customer, &made.recovery_codes),
        Err(stop) => stop.into_outcome(),
    }
}

/// In the answer to the form that made them: they have no address, so that nobody finds them again. The form sent
/// again, under the same key, shows the same.
pub fn page(customer: &Customer, codes: &[String]) -> Outcome {
    let frame = customer.frame(customer.words().security.codes_title);
    Answer::page_with(StatusCode::OK, &CodesPage { frame, codes })
}

impl CodesPage<'_> {
    fn joined(&self) -> String {
        self.codes.join("\n")
    }
}
