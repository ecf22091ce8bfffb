//! A question that a second factor answers, as a page carries it on: at a sign-in, for one act, for a new password.
//!
//! Nothing is kept between two requests, so what was asked goes with the form, hidden, and with it whatever the
//! form was about; passwords go sealed. The API judges the answer; what a right one gives (a session, a proof) is the caller's business.
//! A question that is over looks like a wrong code, as the API wants it: so a page that refuses a code always
//! offers to begin again.

use askama::Template;
use askama::filters::HtmlSafe;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api::{Challenge, Refused};
use crate::carried;
use crate::form::{Form, segment};
use crate::frame::{Frame, Icon};
use crate::visit::Visit;
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

/// What the API asked.
pub struct Question {
    id: String,
    methods: Vec<String>,
    /// With a security key among the methods: what `navigator.credentials.get` takes.
    webauthn: Option<String>,
}

/// What came of a form that answers.
pub enum Judged<T> {
    /// It wants to be asked anew.
    Again,
    /// Nothing was answered yet, or not rightly.
    Open(Remark),
    Right(T),
}

/// What a page says of the last try.
#[derive(Default)]
pub struct Remark {
    pub refused: Option<Box<Refused>>,
    /// Which method that was about.
    method: String,
    is_sent: bool,
}

/// The question on a page: one form for each way to answer it.
#[derive(Template)]
#[template(path = "question.html")]
pub struct Asking<'a> {
    frame: &'a Frame<'a>,
    words: &'static Words,
    /// Where the answer goes.
    action: &'a str,
    /// What the form was about besides.
    hidden: Vec<(String, String)>,
    question: &'a Question,
    ways: Vec<Way<'a>>,
    refusal: Option<String>,
    is_sent: bool,
    /// The key is asked for as soon as the page is there: its button was pressed on the page before.
    is_started: bool,
    /// Where to begin again; none: by the form itself.
    anew: Option<String>,
}

impl HtmlSafe for Asking<'_> {}

/// One way to answer with something typed.
struct Way<'a> {
    /// As the API calls it.
    name: &'a str,
    /// Of the form's field.
    field_name: String,
    label: &'static str,
    /// What to press to have a code sent first.
    send: Option<&'static str>,
    is_password: bool,
    is_wrong: bool,
    is_open: bool,
}

impl Question {
    pub fn of(challenge: &Challenge) -> Self {
        let options = challenge.webauthn.as_ref();
        Self {
            id: challenge.id.clone(),
            methods: challenge.methods.clone(),
            webauthn: options.map(|it| it.get("publicKey").unwrap_or(it).to_string()),
        }
    }

    /// The one that a form brings back.
    pub fn read(form: &Form) -> Option<Self> {
        let methods = form.text("challenge_methods");
        Some(Self {
            id: form.some("challenge")?,
            methods: methods.split_whitespace().map(str::to_owned).collect(),
            webauthn: form.some("challenge_webauthn"),
        })
    }

    /// Whether nothing typed can answer it.
    pub fn is_for_a_key_alone(&self) -> bool {
        self.methods.iter().all(|method| method == "webauthn")
    }

    /// Has a code sent, or the answer judged. `device_token` goes along to what may be a sign-in.
    pub async fn judge<T: DeserializeOwned>(
        &self,
        visit: &Visit,
        device_token: Option<&str>,
    ) -> Judged<T> {
        let form = visit.form();
        let (verb, method) = form.raw("answer_with").split_once(':').unwrap_or(("", ""));
        let id = segment(&self.id);
        let remark = |refused: Option<Refused>| Remark {
            is_sent: refused.is_none(),
            method: method.to_owned(),
            refused: refused.map(Box::new),
        };
        match verb {
            "again" => Judged::Again,
            "send" => {
                let path = format!("/v1/auth/challenges/{id}/send");
                let sent = visit.post(path).json(&json!({ "method": method })).done().await;
                Judged::Open(remark(sent.err()))
            }
            _ => {
                let body = answer(form, method, device_token);
                // By the browser's route: what comes from another site is no answer.
                let path = format!("/v1/web/session/challenges/{id}/verify");
                match visit.post(path).json(&body).receive().await {
                    Ok(right) => Judged::Right(right),
                    Err(refused) => Judged::Open(remark(Some(refused))),
                }
            }
        }
    }

    /// The forms of a page that asks; `action` takes them.
    pub fn asking<'a>(
        &'a self,
        visit: &'a Visit,
        frame: &'a Frame<'a>,
        action: &'a str,
        remark: &Remark,
    ) -> Asking<'a> {
        let words = visit.words();
        let is_own = |name: &str| OWN_FIELDS.contains(&name) || name.starts_with("code_");
        let mut hidden = carried::fields(visit, visit.form());
        hidden.retain(|(name, _)| !is_own(name));
        let typed = self.methods.iter().filter(|method| *method != "webauthn");
        let ways = typed.enumerate().map(|(index, name)| {
            let is_meant = remark.method == *name;
            Way {
                is_open: index == 0 || is_meant,
                is_wrong: is_meant && remark.refused.is_some(),
                ..way(words, name)
            }
        });
        Asking {
            frame,
            words,
            action,
            hidden,
            question: self,
            ways: ways.collect(),
            refusal: remark.refused.as_ref().map(|refused| refusal(words, refused)),
            is_sent: remark.is_sent,
            is_started: false,
            anew: None,
        }
    }
}

impl Asking<'_> {
    /// Other fields than those that came.
    #[must_use]
    pub fn only(mut self, names: &[&str]) -> Self {
        self.hidden.retain(|(name, _)| names.contains(&name.as_str()));
        self
    }

    #[must_use]
    pub fn started(self) -> Self {
        Self { is_started: true, ..self }
    }

    #[must_use]
    pub fn anew(self, path: String) -> Self {
        Self { anew: Some(path), ..self }
    }

    fn icon(name: &'static str) -> Icon {
        Icon(name)
    }
}

/// A code is typed with blanks in it, as it is shown; a password is what it is.
fn answer(form: &Form, method: &str, device_token: Option<&str>) -> Value {
    let field = format!("code_{method}");
    let typed = form.raw(&field);
    let mut body = match serde_json::from_str::<Value>(form.raw("credential")) {
        Ok(credential) => json!({ "method": "webauthn", "credential": credential }),
        Err(_) if method == "password" => json!({ "method": method, "code": typed }),
        Err(_) => json!({ "method": method, "code": typed.split_whitespace().collect::<String>() }),
    };
    if let Some(token) = device_token {
        body["device_token"] = json!(token);
    }
    body
}

/// A fault of the one field that there is, or whatever else it was.
fn refusal(words: &Words, refused: &Refused) -> String {
    match refused.field("code") {
        Some(_) => words.step_up.not_a_code.to_owned(),
        None => words.refusal(refused),
    }
}

/// How a method is asked for; one that this page does not know is shown by its name.
fn way<'a>(words: &'static Words, name: &'a str) -> Way<'a> {
    let w = &words.step_up;
    let (label, send) = match name {
        "totp" => (w.totp, None),
        "sms" => (w.sms, Some(w.send_sms)),
        "email" => (w.email, Some(w.send_email)),
        "recovery_code" => (w.recovery_code, None),
        "password" => (w.password, None),
        _ => (w.other, None),
    };
    Way {
        name,
        field_name: format!("code_{name}"),
        label,
        send,
        is_password: name == "password",
        is_wrong: false,
        is_open: false,
    }
}
