//! `/sign-in`: the first half of a sign-in, or all of it.

use askama::Template;
use http::StatusCode;
use serde_json::json;

use super::{Entered, device_token, go_on, is_signed_in, next};
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Visitor;
use crate::frame::{Field, Frame, Who};

#[derive(Template)]
#[template(path = "entrance/sign_in.html")]
struct SignInPage<'a> {
    frame: Frame<'a>,
    email: Field<'a>,
    password: Field<'a>,
    next: &'a str,
    refusal: Option<String>,
}

/// Who is signed in has no business here.
pub async fn show(visitor: Visitor) -> Outcome {
    let wanted = visitor.query().raw("next");
    if is_signed_in(&visitor).await {
        return Answer::to(next(&visitor, wanted));
    }
    page(&visitor, wanted, None)
}

pub async fn submit(visitor: Visitor) -> Outcome {
    let (form, wanted) = (visitor.form(), visitor.form().raw("next"));
    match open(&visitor, &form.text("email"), form.raw("password")).await {
        Ok(entered) => go_on(&visitor, entered, wanted),
        Err(refused) => page(&visitor, wanted, Some(&refused)),
    }
}

/// Asks the API for a session.
pub async fn open(visitor: &Visitor, email: &str, password: &str) -> Result<Entered, Refused> {
    let mut body = json!({ "email": email, "password": password });
    if let Some(token) = device_token(visitor) {
        body["device_token"] = json!(token);
    }
    visitor.post("/v1/web/session").json(&body).receive().await
}

fn page(visitor: &Visitor, next: &str, refused: Option<&Refused>) -> Outcome {
    let words = visitor.words();
    let w = &words.entrance;
    let status = refused.map_or(200, |refused| refused.status);
    let page = SignInPage {
        frame: visitor.frame(w.sign_in),
        email: Field {
            kind: "email",
            ..Field::text("email", w.email, &visitor.form().text("email"))
        }
        .autocomplete("username")
        .fault(words.fault_of(refused, "email")),
        password: Field::password("password", w.password, "current-password")
            .fault(words.fault_of(refused, "password")),
        next,
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
