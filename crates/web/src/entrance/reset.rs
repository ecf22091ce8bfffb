//! `/reset`: the link of a mail that sets a new password, with the second factor where there is one.
//!
//! The API says that a factor is missing only after it has judged token and password; the page that asks for the
//! factor carries both on, hidden, as every such page does, the password sealed.

use askama::Template;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::new_password;
use super::second::SecondPage;
use crate::answer::{Answer, Outcome};
use crate::api::{Challenge, Refused};
use crate::callers::Visitor;
use crate::carried;
use crate::frame::{Field, Frame, Who};
use crate::question::{Judged, Question, Remark};

#[derive(Template)]
#[template(path = "entrance/reset.html")]
struct ResetPage<'a> {
    frame: Frame<'a>,
    token: &'a str,
    password: Field<'a>,
    refusal: Option<String>,
    /// The link is no good: another one is what helps.
    is_dead: bool,
}

/// The API's answer to a new password.
#[derive(Deserialize)]
struct Reset {
    challenge: Option<Challenge>,
}

#[derive(Deserialize)]
struct Proved {
    proof: String,
}

const CARRIED: [&str; 2] = ["token", "sealed_new_password"];

pub async fn show(visitor: Visitor) -> Outcome {
    page(&visitor, visitor.query().raw("token"), None)
}

pub async fn submit(visitor: Visitor) -> Outcome {
    let form = visitor.form();
    let token = form.raw("token");
    let mut body =
        json!({ "token": token, "new_password": carried::password(&visitor, "new_password") });
    if let Some(question) = Question::read(form) {
        match question.judge::<Proved>(&visitor, None).await {
            Judged::Right(proved) => body["proof"] = json!(proved.proof),
            Judged::Open(remark) => return ask(&visitor, &question, &remark),
            Judged::Again => {}
        }
    }
    let reset = visitor.post("/v1/auth/password/reset").json(&body);
    match reset.receive::<Reset>().await {
        Ok(Reset { challenge: Some(challenge) }) => {
            ask(&visitor, &Question::of(&challenge), &Remark::default())
        }
        Ok(Reset { challenge: None }) => Answer::to("/sign-in?done=password_set"),
        Err(refused) => page(&visitor, token, Some(&refused)),
    }
}

fn ask(visitor: &Visitor, question: &Question, remark: &Remark) -> Outcome {
    let w = &visitor.words().entrance;
    let frame = visitor.frame(w.second);
    let asking = question.asking(visitor, &frame, "/reset", remark).only(&CARRIED);
    let (title, lead, sign_in) = (w.second, w.second_lead, "/sign-in".to_owned());
    let status = remark.refused.as_ref().map_or(200, |refused| refused.status);
    let page = SecondPage { frame: &frame, title, lead, asking, sign_in };
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}

fn page(visitor: &Visitor, token: &str, refused: Option<&Refused>) -> Outcome {
    let words = visitor.words();
    let w = &words.entrance;
    let (password, hint) = new_password(visitor, "new_password", w.new_password);
    let page = ResetPage {
        frame: visitor.frame(w.reset_title),
        token,
        password: password.hint(&hint).fault(words.fault_of(refused, "new_password")),
        refusal: refused.map(|refused| words.refusal(refused)),
        is_dead: refused.is_some_and(|refused| refused.code == "invalid_reset_token"),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
