//! `/console/sign-in`: a password, and always a second factor; after a first password, the choice of another.
//!
//! The password's answer is a question, which the second form carries; nothing is kept between the two. A key that is to be
//! enrolled is carried sealed, so that a refused try can show it again.

use askama::Template;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::said;
use crate::answer::{Answer, Outcome};
use crate::api::{Challenge, Refused};
use crate::authenticator::{Authenticator, Key, grouped};
use crate::callers::{Operator, Visitor};
use crate::carried;
use crate::entrance::{YEAR_SECONDS, new_password, next};
use crate::form::segment;
use crate::frame::{Field, Frame, Who};
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .anybody(Method::GET, "/console/sign-in", show)
        .anybody(Method::POST, "/console/sign-in", submit)
        .anybody(Method::POST, "/console/sign-in/code", answer)
        .anybody(Method::POST, "/console/sign-in/renew", renew)
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
    Renewal(Box<Renewal<'a>>),
}

/// After a first password.
struct Renewal<'a> {
    challenge: &'a str,
    /// Of the authenticator that is to be enrolled, in the first form only.
    key: Option<Key>,
    /// Its secret, to be typed, once more.
    secret: Option<String>,
    sealed: String,
    new: Field<'a>,
    code: Field<'a>,
}

#[derive(Deserialize)]
struct Asked {
    challenge: Challenge,
    authenticator: Option<Authenticator>,
    status: String,
}

/// The API's answer to a whole sign-in.
#[derive(Deserialize)]
struct Opened {
    device_token: Option<String>,
}

/// By which the API knows an operator's device again; a customer's on the same host has a name of its own.
const DESK_COOKIE: &str = "exchequer-desk";

/// The status of an answer that wants another password.
const RENEWAL: &str = "renewal_required";
/// What the sealed field holds, and how long: longer than the question is open.
const SECRET: (&str, i64) = ("authenticator", 20 * 60);

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
        Ok(asked) if asked.status == RENEWAL => {
            let secret = asked.authenticator.as_ref().map(|shown| shown.secret.clone());
            let sealed = secret.map(|secret| sealed(&visitor, &secret)).unwrap_or_default();
            let key = asked.authenticator.map(Key::from);
            renewal(&visitor, (&asked.challenge.id, key, sealed), None)
        }
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

async fn renew(visitor: Visitor) -> Outcome {
    let form = visitor.form();
    let code: String = form.raw("code").split_whitespace().collect();
    let challenge = form.text("challenge");
    let new_password = form.raw("new_password");
    let body = json!({ "challenge": challenge, "code": code, "new_password": new_password });
    match visitor.post("/v1/staff/login/renew").json(&body).done().await {
        Ok(()) => Answer::to("/console/sign-in?done=access_renewed"),
        Err(refused) => {
            let sealed = form.raw("sealed").to_owned();
            renewal(&visitor, (&challenge, None, sealed), Some(&refused))
        }
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

fn renewal(
    visitor: &Visitor,
    (challenge, key, sealed): (&str, Option<Key>, String),
    refused: Option<&Refused>,
) -> Outcome {
    let words = visitor.words();
    let (new, hint) = new_password(visitor, "new_password", "A password of your own");
    let is_wrong = refused.is_some_and(|refused| refused.code == "invalid_code");
    let wrong = refused.filter(|_| is_wrong).map(|refused| words.refusal(refused));
    let label = "Code from your authenticator app";
    let code = Field::code("code", label).fault(wrong.or_else(|| words.fault_of(refused, "code")));
    let shown = if key.is_none() { opened(visitor, &sealed) } else { None };
    let step = Renewal {
        challenge,
        key,
        secret: shown.map(|secret| grouped(&secret)),
        sealed,
        new: new.hint(&hint).fault(words.fault_of(refused, "new_password")),
        code,
    };
    page(visitor, (visitor.form().raw("next"), Step::Renewal(Box::new(step))), refused)
}

fn sealed(visitor: &Visitor, secret: &str) -> String {
    let (what, seconds) = SECRET;
    carried::seal(visitor, (what, visitor.form_token()), (secret, seconds))
}

fn opened(visitor: &Visitor, sealed: &str) -> Option<String> {
    carried::open(visitor, (SECRET.0, visitor.form_token()), sealed)
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
