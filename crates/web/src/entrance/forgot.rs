//! `/forgot`: asks for the link that sets a new password. The answer is the same for every address.

use askama::Template;
use http::StatusCode;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Visitor;
use crate::frame::{Field, Frame, Who};

#[derive(Template)]
#[template(path = "entrance/forgot.html")]
struct ForgotPage<'a> {
    frame: Frame<'a>,
    email: Field<'a>,
    is_asked: bool,
    refusal: Option<String>,
}

pub async fn show(visitor: Visitor) -> Outcome {
    page(&visitor, None)
}

pub async fn submit(visitor: Visitor) -> Outcome {
    let body = json!({ "email": visitor.form().text("email") });
    let asked = visitor.post("/v1/auth/password/forgot").json(&body);
    match asked.receive::<IgnoredAny>().await {
        Ok(_) => Answer::to("/forgot?asked=yes"),
        Err(refused) => page(&visitor, Some(&refused)),
    }
}

fn page(visitor: &Visitor, refused: Option<&Refused>) -> Outcome {
    let words = visitor.words();
    let w = &words.entrance;
    let is_asked = visitor.query().has("asked");
    let email = visitor.form().text("email");
    let page = ForgotPage {
        frame: visitor.frame(if is_asked { w.forgot_done } else { w.forgot_title }),
        email: Field { kind: "email", max_chars: 254, ..Field::text("email", w.email, &email) }
            .autocomplete("username")
            .fault(words.fault_of(refused, "email")),
        is_asked,
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
