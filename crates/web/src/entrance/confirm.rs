//! `/confirm`: the link of a mail that proves an address. Looking at the page does nothing; its button does.

use askama::Template;
use http::StatusCode;
use serde::de::IgnoredAny;
use serde_json::json;

use super::is_signed_in;
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Visitor;
use crate::frame::{Frame, Who};

#[derive(Template)]
#[template(path = "entrance/confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame<'a>,
    token: &'a str,
    refusal: Option<String>,
}

pub async fn show(visitor: Visitor) -> Outcome {
    page(&visitor, visitor.query().raw("token"), None)
}

pub async fn submit(visitor: Visitor) -> Outcome {
    let token = visitor.form().raw("token");
    let body = json!({ "token": token });
    let confirmed = visitor.post("/v1/auth/email/confirm").json(&body);
    match confirmed.receive::<IgnoredAny>().await {
        Ok(_) if is_signed_in(&visitor).await => Answer::to("/security?done=email_confirmed"),
        Ok(_) => Answer::to("/sign-in?done=email_confirmed"),
        Err(refused) => page(&visitor, token, Some(&refused)),
    }
}

fn page(visitor: &Visitor, token: &str, refused: Option<&Refused>) -> Outcome {
    let words = visitor.words();
    let page = ConfirmPage {
        frame: visitor.frame(words.entrance.confirm_title),
        token,
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
