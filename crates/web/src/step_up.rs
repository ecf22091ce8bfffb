//! A second factor for one act, asked for when the API says so.
//!
//! The act's form is sent, the API answers `step_up_required` with a question, and the page that asks it carries the
//! act's form along, hidden, under the same key. The proof that a right answer gives goes with the act at once: it
//! serves once, for exactly that act. What the page shows of the act is made from the same form; what the factor is
//! asked for (a mail's text) is made by the API.

use askama::Template;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Outcome};
use crate::api::{Challenge, Refused};
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Frame, Who};
use crate::words::Words;

/// Fields of the question itself, and `code_…`; all others are the act's.
const OWN_FIELDS: [&str; 6] = [
    "csrf_token",
    "challenge",
    "challenge_methods",
    "challenge_webauthn",
    "answer_with",
    "credential",
];

/// What is being confirmed, as the customer reads it.
pub struct Deed {
    pub title: String,
    /// Label and value: payee, amount, …
    pub facts: Vec<(String, String)>,
    /// Where the form goes: the page that does the act.
    pub action: String,
    /// Where "cancel" leads.
    pub back: String,
}

/// What the customer's answer came to.
pub enum Proof {
    /// The form brought no answer: the act is tried as it is.
    None,
    Given(String),
    /// The page to show instead of the act.
    Ask(Outcome),
}

#[derive(Deserialize)]
struct Proved {
    proof: String,
}

#[derive(Template)]
#[template(path = "step_up.html")]
struct StepUpPage<'a> {
    frame: Frame<'a>,
    deed: &'a Deed,
    /// The act's own fields.
    hidden: Vec<(&'a str, &'a str)>,
    question: &'a Question,
    methods: Vec<Method<'a>>,
    /// With a security key among the methods: what `navigator.credentials.get` takes.
    webauthn: Option<&'a str>,
    refusal: Option<String>,
    sent: Option<String>,
}

/// One way to answer with something typed.
struct Method<'a> {
    /// As the API calls it.
    name: &'a str,
    /// Of the form's field.
    field_name: String,
    label: &'static str,
    /// What to press to have a code sent first.
    send: Option<&'static str>,
    is_password: bool,
}

/// A question, as the page carries it on.
struct Question {
    id: String,
    methods: Vec<String>,
    webauthn: Option<String>,
}

/// Judges what the form brought of an answer, before the act. A form without a question gives [`Proof::None`].
pub async fn answered(customer: &Customer, deed: &Deed) -> Proof {
    let form = customer.form();
    let Some(id) = form.some("challenge") else { return Proof::None };
    let question = Question {
        id,
        methods: form.text("challenge_methods").split(' ').map(str::to_owned).collect(),
        webauthn: form.some("challenge_webauthn"),
    };
    let (verb, method) = form.raw("answer_with").split_once(':').unwrap_or(("", ""));
    let path = format!("/v1/auth/challenges/{}", segment(&question.id));
    if verb == "send" {
        let body = json!({ "method": method });
        let sent = customer.post(format!("{path}/send")).json(&body).done().await;
        let (refused, sent) = match sent {
            Ok(()) => (None, Some(customer.words().step_up.sent.to_owned())),
            Err(refused) => (Some(refused), None),
        };
        return Proof::Ask(page(customer, deed, question, (refused.as_ref(), sent)));
    }
    let body = match serde_json::from_str::<Value>(form.raw("credential")) {
        Ok(credential) => json!({ "method": "webauthn", "credential": credential }),
        Err(_) => json!({ "method": method, "code": form.text(&format!("code_{method}")) }),
    };
    let path = format!("/v1/web/session/challenges/{}/verify", segment(&question.id));
    match customer.post(path).json(&body).receive::<Proved>().await {
        Ok(proved) => Proof::Given(proved.proof),
        Err(refused) => Proof::Ask(page(customer, deed, question, (Some(&refused), None))),
    }
}

/// The page that asks, after the API has held the act back; `None`: it was refused for another reason, or the
/// customer has no factor that could answer.
pub fn asked(customer: &Customer, deed: &Deed, refused: &Refused) -> Option<Outcome> {
    let challenge = refused.challenge.as_ref().filter(|_| refused.code == "step_up_required")?;
    if challenge.methods.is_empty() {
        return None;
    }
    let Challenge { id, methods, webauthn, .. } = challenge.clone();
    let webauthn = webauthn.map(|options| options.get("publicKey").unwrap_or(&options).to_string());
    Some(page(customer, deed, Question { id, methods, webauthn }, (None, None)))
}

fn page(
    customer: &Customer,
    deed: &Deed,
    question: Question,
    (refused, sent): (Option<&Refused>, Option<String>),
) -> Outcome {
    let words = customer.words();
    let form = customer.form();
    let hidden = form
        .fields()
        .filter(|(name, _)| !OWN_FIELDS.contains(name))
        .filter(|(name, _)| !name.starts_with("code_"))
        .collect();
    let typed = question.methods.iter().filter(|method| *method != "webauthn");
    let methods = typed.map(|method| way(words, method)).collect();
    let page = StepUpPage {
        frame: customer.frame(words.step_up.title),
        deed,
        hidden,
        question: &question,
        methods,
        webauthn: question.webauthn.as_deref(),
        refusal: refused.map(|refused| words.refusal(refused)),
        sent,
    };
    Answer::page_with(StatusCode::OK, &page)
}

/// How a method is asked for; one that this page does not know is shown by its name.
fn way<'a>(words: &'static Words, name: &'a str) -> Method<'a> {
    let w = &words.step_up;
    let (label, send) = match name {
        "totp" => (w.totp, None),
        "sms" => (w.sms, Some(w.send_sms)),
        "email" => (w.email, Some(w.send_email)),
        "recovery_code" => (w.recovery_code, None),
        "password" => (w.password, None),
        _ => (w.other, None),
    };
    Method {
        name,
        field_name: format!("code_{name}"),
        label,
        send,
        is_password: name == "password",
    }
}
