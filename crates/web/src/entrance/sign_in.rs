//! `/sign-in`: the first half of a sign-in, or all of it.

use askama::Template;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::next;
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

/// The API's answer to a password.
#[derive(Deserialize)]
struct Entered {
    status: String,
    device_token: Option<String>,
}

pub async fn show(visitor: Visitor) -> Outcome {
    page(&visitor, visitor.query().raw("next"), None)
}

pub async fn submit(visitor: Visitor) -> Outcome {
    let form = visitor.form();
    let body = json!({ "email": form.text("email"), "password": form.raw("password") });
    let entered: Result<Entered, Refused> =
        visitor.post("/v1/web/session").json(&body).receive().await;
    match entered {
        Ok(_) => Answer::to(next(&visitor, form.raw("next"))),
        Err(refused) => page(&visitor, form.raw("next"), Some(&refused)),
    }
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
