//! An authenticator or an address on its way to being a factor: what is to be done with it, and the code that confirms it.
//!
//! A wrong code shows the page again with the same key for the authenticator: the API gives the answer of
//! the first form once more, under that form's key.

use askama::Template;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::codes::{self, Made};
use super::deed;
use crate::answer::{Answer, Outcome};
use crate::api::{Challenge, Refused};
use crate::authenticator::{Authenticator, Key};
use crate::callers::Customer;
use crate::form::{Form, segment};
use crate::frame::{Field, Frame, Who};
use crate::step_up::{self, Stop};
use crate::words::put;

const CHOICE: &str = "/security/factors/add";

/// The API's answer to a beginning.
#[derive(Deserialize)]
struct Begun {
    id: String,
    secret: Option<String>,
    otpauth_uri: Option<String>,
    qr_svg: Option<String>,
    destination: Option<String>,
    challenge: Option<Challenge>,
}

/// What is being confirmed, as the page carries it on.
struct Pending {
    /// `totp`, `sms` or `email`.
    kind: String,
    factor: String,
    /// Of the form that began it.
    enrol_key: String,
    challenge: String,
    destination: String,
}

/// What became of the last try.
enum Tried {
    Nothing,
    Sent,
    Refused(Box<Refused>),
}

#[derive(Template)]
#[template(path = "security/confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame<'a>,
    title: &'a str,
    pending: &'a Pending,
    key: Option<Key>,
    sent: Option<String>,
    code: Field<'a>,
    refusal: Option<String>,
}

pub async fn authenticator(customer: Customer) -> Outcome {
    let w = &customer.words().security;
    let facts = [(w.deed_kind, w.kind_totp)];
    let deed = deed(w.deed_add, &facts, "/security/factors/authenticator", CHOICE);
    let key = customer.form().raw("key");
    let act = customer.post("/v1/factors/totp").once(key);
    match step_up::through::<Begun>(&customer, &deed, act).await {
        Ok(begun) => {
            let pending = Pending::of("totp", &begun, key);
            page(&customer, &pending, (Some(&begun), Tried::Nothing))
        }
        Err(stop) => stop.into_outcome(),
    }
}

pub async fn email(customer: Customer) -> Outcome {
    let w = &customer.words().security;
    let facts = [(w.deed_kind, w.kind_email)];
    let deed = deed(w.deed_add, &facts, "/security/factors/email", CHOICE);
    let key = customer.form().raw("key");
    let act = customer.post("/v1/factors/email").once(key);
    match step_up::through::<Begun>(&customer, &deed, act).await {
        Ok(begun) => sent(&customer, "email", &begun),
        Err(stop) => stop.into_outcome(),
    }
}

/// A telephone: its number was judged by the caller's page, which also shows what is wrong with it.
pub async fn telephone(customer: &Customer, number: &str) -> Result<Outcome, Refused> {
    let w = &customer.words().security;
    let facts = [(w.deed_kind, w.kind_sms), (w.phone, number)];
    let deed = deed(w.deed_add, &facts, "/security/factors/phone", CHOICE);
    let key = customer.form().raw("key");
    let act = customer.post("/v1/factors/sms").json(&json!({ "phone": number })).once(key);
    match step_up::through::<Begun>(customer, &deed, act).await {
        Ok(begun) => Ok(sent(customer, "sms", &begun)),
        Err(Stop::Page(page)) => Ok(page),
        Err(Stop::Refused(refused)) => Err(*refused),
    }
}

/// The code, or the wish for another one.
pub async fn confirm(customer: Customer) -> Outcome {
    let form = customer.form();
    let pending = Pending::read(form);
    if form.raw("answer_with") == "send" {
        let path = format!("/v1/auth/challenges/{}/send", segment(&pending.challenge));
        let asked = customer.post(path).json(&json!({ "method": pending.kind })).done().await;
        let tried =
            asked.map_or_else(|refused| Tried::Refused(Box::new(refused)), |()| Tried::Sent);
        return page(&customer, &pending, (None, tried));
    }
    let code: String = form.raw("code").split_whitespace().collect();
    let path = format!("/v1/factors/{}/confirm", segment(&pending.factor));
    let act = customer.post(path).json(&json!({ "code": code })).once(form.raw("key"));
    match act.receive::<Made>().await {
        Ok(made) if made.recovery_codes.is_empty() => Answer::to("/security?done=factor_added"),
        Ok(made) => codes::page(&customer, &made.recovery_codes),
        Err(refused) if matches!(refused.status, 401 | 422) && !refused.is_signed_out() => {
            let begun = again(&customer, &pending).await?;
            page(&customer, &pending, (begun.as_ref(), Tried::Refused(Box::new(refused))))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// An authenticator's beginning, once more: the same key gives the same answer.
async fn again(customer: &Customer, pending: &Pending) -> Result<Option<Begun>, Refused> {
    if pending.kind != "totp" || pending.enrol_key.is_empty() {
        return Ok(None);
    }
    let asked = customer.post("/v1/factors/totp").once(&pending.enrol_key).receive::<Begun>();
    // A key that began something else than this factor shows nothing.
    Ok(Some(asked.await?).filter(|begun| begun.id == pending.factor))
}

fn sent(customer: &Customer, kind: &str, begun: &Begun) -> Outcome {
    let pending = Pending::of(kind, begun, "");
    page(customer, &pending, (Some(begun), Tried::Sent))
}

fn page(
    customer: &Customer,
    pending: &Pending,
    (begun, tried): (Option<&Begun>, Tried),
) -> Outcome {
    let words = customer.words();
    let w = &words.security;
    let is_totp = pending.kind == "totp";
    let refused = match &tried {
        Tried::Refused(refused) => Some(refused),
        Tried::Nothing | Tried::Sent => None,
    };
    let refusal = refused.map(|refused| match refused.field("code") {
        Some(_) => words.step_up.not_a_code.to_owned(),
        None => words.refusal(refused),
    });
    let title = if is_totp { w.totp_title } else { w.code_title };
    let label = if is_totp { w.totp_code } else { w.code };
    let page = ConfirmPage {
        frame: customer.frame(title),
        title,
        pending,
        key: begun.and_then(Begun::key),
        sent: matches!(tried, Tried::Sent).then(|| put(w.code_sent, &pending.destination)),
        code: Field::code("code", label).fault(refusal.clone()),
        refusal,
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}

impl Begun {
    fn key(&self) -> Option<Key> {
        let (secret, otpauth_uri) = (self.secret.clone()?, self.otpauth_uri.clone()?);
        let qr_svg = self.qr_svg.clone()?;
        Some(Key::from(Authenticator { secret, otpauth_uri, qr_svg }))
    }
}

impl Pending {
    fn of(kind: &str, begun: &Begun, enrol_key: &str) -> Self {
        let challenge = begun.challenge.as_ref();
        Self {
            kind: kind.to_owned(),
            factor: begun.id.clone(),
            enrol_key: enrol_key.to_owned(),
            challenge: challenge.map(|it| it.id.clone()).unwrap_or_default(),
            destination: begun.destination.clone().unwrap_or_default(),
        }
    }

    fn read(form: &Form) -> Self {
        Self {
            kind: form.text("kind"),
            factor: form.text("factor"),
            enrol_key: form.text("enrol_key"),
            challenge: form.text("challenge"),
            destination: form.text("destination"),
        }
    }
}
