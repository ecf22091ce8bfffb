//! `/security/factors/key`: a passkey or security key. First its name and kind, then the browser makes it.

use askama::Template;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::codes::{self, Made};
use super::deed;
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::frame::{Field, Frame, Who};
use crate::step_up;
use crate::words::put;

const CHOICE: &str = "/security/factors/add";
const PASSKEY: &str = "passkey";
const SECURITY_KEY: &str = "security_key";

#[derive(Template)]
#[template(path = "security/key.html")]
struct KeyPage<'a> {
    frame: Frame<'a>,
    is_passkey: bool,
    name: Field<'a>,
    refusal: Option<String>,
}

#[derive(Template)]
#[template(path = "security/key_make.html")]
struct MakePage<'a> {
    frame: Frame<'a>,
    /// For `navigator.credentials.create`.
    options: String,
    name: &'a str,
    button: String,
}

#[derive(Deserialize)]
struct Begun {
    #[serde(rename = "publicKey")]
    public_key: Value,
}

pub async fn show(customer: Customer) -> Outcome {
    page(&customer, customer.query().raw("kind"), None)
}

/// Asks for the options; the API's question, if it has one, is about the kind alone.
pub async fn begin(customer: Customer) -> Outcome {
    let (w, form) = (&customer.words().security, customer.form());
    let (kind, label) = match form.raw("kind") {
        SECURITY_KEY => (SECURITY_KEY, w.add_key),
        _ => (PASSKEY, w.add_passkey),
    };
    let name = form.some("name").unwrap_or_else(|| label.to_owned());
    let facts = [(w.deed_kind, label), (w.name, &*name)];
    let deed = deed(w.deed_add, &facts, "/security/factors/key", CHOICE);
    let body = json!({ "kind": kind });
    let act = customer.post("/v1/factors/webauthn/options").json(&body).once(form.raw("key"));
    let begun: Begun = match step_up::through(&customer, &deed, act).await {
        Ok(begun) => begun,
        Err(stop) => return stop.into_outcome(),
    };
    let frame = customer.frame(w.key_make_title);
    let (options, button) = (begun.public_key.to_string(), put(w.key_make, &name));
    Answer::page(&MakePage { frame, options, name: &name, button })
}

pub async fn add(customer: Customer) -> Outcome {
    let form = customer.form();
    let Ok(credential) = serde_json::from_str::<Value>(form.raw("credential")) else {
        return Answer::to("/security/factors/key");
    };
    let body = json!({ "credential": credential, "name": form.text("name") });
    let act = customer.post("/v1/factors/webauthn").json(&body).once(form.raw("key"));
    match act.receive::<Made>().await {
        Ok(made) if made.recovery_codes.is_empty() => Answer::to("/security?done=factor_added"),
        Ok(made) => codes::page(&customer, &made.recovery_codes),
        Err(refused) if matches!(refused.status, 409 | 422) => {
            page(&customer, PASSKEY, Some(&refused))
        }
        Err(refused) => Err(refused.into()),
    }
}

fn page(customer: &Customer, kind: &str, refused: Option<&Refused>) -> Outcome {
    let words = customer.words();
    let w = &words.security;
    let name = Field::text("name", w.name, &customer.form().text("name"));
    let page = KeyPage {
        frame: customer.frame(w.key_title),
        is_passkey: kind != SECURITY_KEY,
        name: Field { max_chars: 140, ..name }
            .hint(w.name_hint)
            .optional()
            .fault(words.fault_of(refused, "name")),
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
