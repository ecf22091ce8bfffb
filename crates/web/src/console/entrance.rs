//! `/console/sign-in`: a password, and always a second factor.
//!
//! The password's answer is a question, which the second form carries; nothing is kept between the two.

use askama::Template;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::said;
use crate::answer::{Answer, Outcome};
use crate::api::{Challenge, Refused};
use crate::callers::{Operator, Visitor};
use crate::entrance::{YEAR_SECONDS, next};
use crate::form::segment;
use crate::frame::{Field, Frame, Who};
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .anybody(Method::GET, "/console/sign-in", show)
        .anybody(Method::POST, "/console/sign-in", submit)
        .anybody(Method::POST, "/console/sign-in/code", answer)
        .operator(Method::POST, "/console/sign-out", "sign_out", sign_out)
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage<'a> {
    frame: Frame<'a>,
    next: &'a str,
    refusal: Option<String>,
    step: Step<'a>,
}

/// The two halves of a sign-in.
enum Step<'a> {
    Password { email: Field<'a>, password: Field<'a> },
    Code { challenge: &'a str, code: Field<'a> },
}

#[derive(Deserialize)]
struct Asked {
    challenge: Challenge,
}

/// The API's answer to a whole sign-in.
#[derive(Deserialize)]
struct Opened {
    device_token: Option<String>,
}

/// By which the API knows an operator's device again; a customer's on the same host has a name of its own.
const DESK_COOKIE: &str = "exchequer-desk";

/// The operators' factor; others are asked for by nothing here.
const METHOD: &str = "totp";

async fn show(visitor: Visitor) -> Outcome {
    first(&visitor, visitor.query().raw("next"), None)
}

async fn submit(visitor: Visitor) -> Outcome {
    let form = visitor.form();
    let mut body = json!({ "email": form.text("email"), "password": form.raw("password") });
    if let Some(token) = visitor.cookie(DESK_COOKIE) {
        body["device_token"] = json!(token);
    }
    match visitor.post("/v1/staff/login").json(&body).receive::<Asked>().await {
        Ok(asked) => second(&visitor, &asked.challenge.id, None),
        Err(refused) => first(&visitor, form.raw("next"), Some(&refused)),
    }
}

async fn answer(visitor: Visitor) -> Outcome {
    let form = visitor.form();
    let id = form.text("challenge");
    let path = format!("/v1/web/session/challenges/{}/verify", segment(&id));
    let body = json!({ "method": METHOD, "code": form.text("code") });
    match visitor.post(path).json(&body).receive::<Opened>().await {
        Ok(Opened { device_token }) => {
            if let Some(token) = device_token {
                visitor.give_cookie(DESK_COOKIE, &token, YEAR_SECONDS);
            }
            let wanted = next(&visitor, form.raw("next"));
            let is_console = wanted.starts_with("/console");
            Answer::to(if is_console { wanted } else { "/console".to_owned() })
        }
        // The question is no more: it begins anew.
        Err(refused) if refused.is_not_found() => first(&visitor, form.raw("next"), Some(&refused)),
        Err(refused) => second(&visitor, &id, Some(&refused)),
    }
}

async fn sign_out(operator: Operator) -> Outcome {
    operator.post("/v1/staff/logout").done().await?;
    Answer::to("/console/sign-in?done=signed_out")
}

fn first(visitor: &Visitor, next: &str, refused: Option<&Refused>) -> Outcome {
    let words = visitor.words();
    let email =
        Field { kind: "email", ..Field::text("email", "E-mail", &visitor.form().text("email")) };
    let step = Step::Password {
        email: email.autocomplete("username").fault(words.fault_of(refused, "email")),
        password: Field::password("password", "Password", "current-password")
            .fault(words.fault_of(refused, "password")),
    };
    page(visitor, (next, step), refused)
}

fn second(visitor: &Visitor, challenge: &str, refused: Option<&Refused>) -> Outcome {
    let fault = refused.map(|refused| visitor.words().refusal(refused));
    let code = Field::code("code", "Code from your authenticator app").fault(fault);
    page(visitor, (visitor.form().raw("next"), Step::Code { challenge, code }), refused)
}

fn page(visitor: &Visitor, (next, step): (&str, Step<'_>), refused: Option<&Refused>) -> Outcome {
    let refusal = refused.map(|refused| {
        if refused.is_not_found() {
            "That took too long. Please sign in again.".to_owned()
        } else {
            visitor.words().refusal(refused)
        }
    });
    let notice = said::notice(visitor.query().raw("done"));
    let frame = Frame { notice, ..visitor.frame("Operators' sign-in") };
    let status = refused.map_or(200, |refused| refused.status);
    let page = SignInPage { frame, next, refusal, step };
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
