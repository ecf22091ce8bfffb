//! `/sign-up`: a person becomes a customer, and is signed in where the API lets them.
//!
//! Whether an address is known already the API does not tell a registration; who has registered another's address
//! with another password is simply not signed in, and reads that a mail was sent.

use askama::Template;
use http::StatusCode;
use serde::de::IgnoredAny;
use serde_json::json;

use super::{go_on, is_signed_in, new_password, sign_in};
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Visitor;
use crate::frame::{Field, Frame, Who};

#[derive(Template)]
#[template(path = "entrance/sign_up.html")]
struct SignUpPage<'a> {
    frame: Frame<'a>,
    full_name: Field<'a>,
    email: Field<'a>,
    phone: Field<'a>,
    password: Field<'a>,
    refusal: Option<String>,
}

pub async fn show(visitor: Visitor) -> Outcome {
    if is_signed_in(&visitor).await {
        return Answer::to("/");
    }
    page(&visitor, None)
}

pub async fn submit(visitor: Visitor) -> Outcome {
    let form = visitor.form();
    let (email, password) = (form.text("email"), form.raw("password"));
    let mut body =
        json!({ "email": email, "password": password, "full_name": form.text("full_name") });
    if let Some(phone) = form.some("phone") {
        body["phone"] = json!(phone_number(&phone));
    }
    let registered = visitor.post("/v1/customers").json(&body).once(form.raw("key"));
    if let Err(refused) = registered.receive::<IgnoredAny>().await {
        return page(&visitor, Some(&refused));
    }
    match sign_in::open(&visitor, &email, password).await {
        Ok(entered) => go_on(&visitor, entered, "/welcome"),
        Err(_) => Answer::to("/sign-in?done=registered"),
    }
}

/// As people write it, without what stands between the digits: `00` is `+`.
pub fn phone_number(typed: &str) -> String {
    let bare: String = typed
        .chars()
        .filter(|c| !(c.is_whitespace() || matches!(c, '-' | '(' | ')' | '.' | '/' | '\u{2011}')))
        .collect();
    match bare.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => bare,
    }
}

fn page(visitor: &Visitor, refused: Option<&Refused>) -> Outcome {
    let (words, form) = (visitor.words(), visitor.form());
    let w = &words.entrance;
    let (password, hint) = new_password(visitor, "password", w.password);
    let typed = |name| form.text(name);
    let page = SignUpPage {
        frame: visitor.frame(w.sign_up),
        full_name: Field {
            max_chars: 140,
            ..Field::text("full_name", w.full_name, &typed("full_name"))
        }
        .autocomplete("name")
        .fault(words.fault_of(refused, "full_name")),
        email: Field {
            kind: "email",
            max_chars: 254,
            ..Field::text("email", w.email, &typed("email"))
        }
        .autocomplete("username")
        .fault(words.fault_of(refused, "email")),
        phone: Field { kind: "tel", ..Field::text("phone", w.phone, &typed("phone")) }
            .autocomplete("tel")
            .hint(w.phone_hint)
            .optional()
            .fault(words.fault_of(refused, "phone")),
        password: password.hint(&hint).fault(words.fault_of(refused, "password")),
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telephone_number_is_taken_as_people_write_it() {
        assert_eq!(phone_number("+91 98765-43210"), "+919876543210");
        assert_eq!(phone_number("0091 (98765) 43 210"), "+919876543210");
        assert_eq!(phone_number("98765 x"), "98765x", "the API judges what is left");
    }
}
