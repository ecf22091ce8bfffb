//! `/security/password`: another password, by whoever knows the current one. Ends every session, this one too.

use askama::Template;
use http::StatusCode;
use serde::de::IgnoredAny;
use serde_json::json;

use super::deed;
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::carried;
use crate::entrance::new_password;
use crate::frame::{Field, Frame, Who};
use crate::step_up::{self, Stop};

const PASSWORD: &str = "/security/password";

#[derive(Template)]
#[template(path = "security/password.html")]
struct PasswordPage<'a> {
    frame: Frame<'a>,
    current: Field<'a>,
    new: Field<'a>,
    refusal: Option<String>,
}

pub async fn show(customer: Customer) -> Outcome {
    page(&customer, None)
}

pub async fn submit(customer: Customer) -> Outcome {
    let deed = deed(customer.words().security.password_deed, &[], PASSWORD, PASSWORD);
    let body = json!({
        "current_password": carried::password(&customer, "current_password"),
        "new_password": carried::password(&customer, "new_password"),
    });
    let act = customer.post("/v1/password").json(&body);
    match step_up::through::<IgnoredAny>(&customer, &deed, act).await {
        Ok(_) => Answer::out("/sign-in?done=password_set"),
        Err(Stop::Page(page)) => page,
        Err(Stop::Refused(refused)) if refused.is_signed_out() => Err((*refused).into()),
        Err(Stop::Refused(refused)) => page(&customer, Some(&refused)),
    }
}

fn page(customer: &Customer, refused: Option<&Refused>) -> Outcome {
    let words = customer.words();
    let w = &words.security;
    let (new, hint) = new_password(customer, "new_password", words.entrance.new_password);
    let is_wrong = refused.is_some_and(|refused| refused.code == "invalid_credentials");
    let wrong = is_wrong.then(|| w.current_wrong.to_owned());
    let summary = |refused: &Refused| match &wrong {
        Some(text) => text.clone(),
        None => words.refusal(refused),
    };
    let current = Field::password("current_password", w.current_password, "current-password");
    let page = PasswordPage {
        frame: customer.frame(w.tab_password),
        refusal: refused.map(summary),
        current: current
            .fault(wrong.clone().or_else(|| words.fault_of(refused, "current_password"))),
        new: new.hint(&hint).fault(words.fault_of(refused, "new_password")),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
