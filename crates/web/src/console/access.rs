//! `/console/access`: an operator's own password and authenticator. Each change ends every session, this one too.
//!
//! Passwords and codes are no parts of the typed rooms, whose forms show again what was typed: here nothing is.

use askama::Template;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::api::{Challenge, Refused};
use crate::authenticator::{Authenticator, Key, grouped};
use crate::callers::Operator;
use crate::carried;
use crate::entrance::new_password;
use crate::frame::{Field, Frame, Who};
use crate::table::Pages;
use crate::trouble::Trouble;

pub fn pages(pages: Pages) -> Pages {
    pages
        .operator(Method::GET, PASSWORD, PERMISSION, show)
        .operator(Method::POST, PASSWORD, PERMISSION, change_password)
        .operator(Method::GET, AUTHENTICATOR, PERMISSION, show_authenticator)
        .operator(Method::POST, AUTHENTICATOR, PERMISSION, begin)
        .operator(Method::POST, "/console/access/authenticator/confirm", PERMISSION, confirm)
}

const PERMISSION: &str = "change_own_access";
const PASSWORD: &str = "/console/access";
const AUTHENTICATOR: &str = "/console/access/authenticator";
/// What the sealed field holds, and how long: longer than the question is open.
const SECRET: (&str, i64) = ("authenticator", 20 * 60);

/// One of the two forms: with a new password, or to begin with another app.
#[derive(Template)]
#[template(path = "console/access.html")]
struct AccessPage<'a> {
    frame: Frame<'a>,
    refusal: Option<String>,
    current: Field<'a>,
    new: Option<Field<'a>>,
    code: Field<'a>,
}

#[derive(Template)]
#[template(path = "console/authenticator.html")]
struct AuthenticatorPage<'a> {
    frame: Frame<'a>,
    refusal: Option<String>,
    challenge: &'a str,
    /// In the answer that began it.
    key: Option<Key>,
    /// To be typed, once more.
    secret: Option<String>,
    sealed: String,
    code: Field<'a>,
}

#[derive(Deserialize)]
struct Begun {
    challenge: Challenge,
    authenticator: Authenticator,
}

async fn show(operator: Operator) -> Outcome {
    page(&operator, PASSWORD, None)
}

async fn show_authenticator(operator: Operator) -> Outcome {
    page(&operator, AUTHENTICATOR, None)
}

async fn change_password(operator: Operator) -> Outcome {
    let form = operator.form();
    let body = json!({
        "current_password": form.raw("current_password"),
        "new_password": form.raw("new_password"),
        "code": code_of(&operator),
    });
    match operator.post("/v1/staff/password").json(&body).done().await {
        Ok(()) => Answer::out("/console/sign-in?done=password_changed"),
        Err(refused) => page(&operator, PASSWORD, Some(&refused)),
    }
}

async fn begin(operator: Operator) -> Outcome {
    let body = json!({
        "current_password": operator.form().raw("current_password"),
        "code": code_of(&operator),
    });
    match operator.post("/v1/staff/authenticator").json(&body).receive::<Begun>().await {
        Ok(begun) => {
            let (what, seconds) = SECRET;
            let holder = (what, operator.session().csrf_token.as_str());
            let sealed = carried::seal(&operator, holder, (&begun.authenticator.secret, seconds));
            let key = Some(Key::from(begun.authenticator));
            confirmation(&operator, (&begun.challenge.id, key, sealed), None)
        }
        Err(refused) => page(&operator, AUTHENTICATOR, Some(&refused)),
    }
}

async fn confirm(operator: Operator) -> Outcome {
    let form = operator.form();
    let challenge = form.text("challenge");
    let body = json!({ "challenge": challenge, "code": code_of(&operator) });
    match operator.post("/v1/staff/authenticator/confirm").json(&body).done().await {
        Ok(()) => Answer::out("/console/sign-in?done=authenticator_replaced"),
        Err(refused) => {
            let sealed = form.raw("sealed").to_owned();
            confirmation(&operator, (&challenge, None, sealed), Some(&refused))
        }
    }
}

/// As it is typed from an app that shows it in two halves.
fn code_of(operator: &Operator) -> String {
    operator.form().raw("code").split_whitespace().collect()
}

fn page(operator: &Operator, form: &str, refused: Option<&Refused>) -> Outcome {
    if let Some(refused) = refused.filter(|refused| refused.is_signed_out()) {
        return Err(Trouble::from(refused.clone()));
    }
    let words = operator.words();
    let fault = |field, code| {
        let whole = refused.filter(|refused| refused.code == code);
        whole.map(|refused| words.refusal(refused)).or_else(|| words.fault_of(refused, field))
    };
    let (new, hint) = new_password(operator, "new_password", "New password");
    let new = new.hint(&hint).fault(fault("new_password", ""));
    let current = Field::password("current_password", "Current password", "current-password");
    let page = AccessPage {
        frame: operator.frame("Your access"),
        refusal: refused.map(|refused| words.refusal(refused)),
        current: current.fault(fault("current_password", "invalid_credentials")),
        new: (form == PASSWORD).then_some(new),
        code: Field::code("code", "Code from your authenticator app")
            .fault(fault("code", "invalid_code")),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}

fn confirmation(
    operator: &Operator,
    (challenge, key, sealed): (&str, Option<Key>, String),
    refused: Option<&Refused>,
) -> Outcome {
    if let Some(refused) = refused.filter(|refused| refused.is_signed_out()) {
        return Err(Trouble::from(refused.clone()));
    }
    let words = operator.words();
    let refusal = refused.map(|refused| words.refusal(refused));
    let holder = (SECRET.0, operator.session().csrf_token.as_str());
    let secret = if key.is_none() { carried::open(operator, holder, &sealed) } else { None };
    let page = AuthenticatorPage {
        frame: operator.frame("Your new authenticator app"),
        challenge,
        key,
        secret: secret.map(|secret| grouped(&secret)),
        sealed,
        code: Field::code("code", "Code from the new app")
            .fault(words.fault_of(refused, "code").or_else(|| refusal.clone())),
        refusal,
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
