//! `/sign-in/second`: the second half of a sign-in. Signs nobody in by itself: the API does, or says why not.

use askama::Template;
use http::StatusCode;

use super::{Entered, device_token, go_on};
use crate::answer::{Answer, Outcome};
use crate::callers::Visitor;
use crate::form;
use crate::frame::{Frame, Who};
use crate::question::{Asking, Judged, Question, Remark};

#[derive(Template)]
#[template(path = "entrance/second.html")]
pub struct SecondPage<'a> {
    pub frame: &'a Frame<'a>,
    pub title: &'a str,
    pub lead: &'a str,
    pub asking: Asking<'a>,
    /// Where the way back leads.
    pub sign_in: String,
}

/// What is carried on besides the question.
const CARRIED: [&str; 1] = ["next"];

/// A page that was left and found again, as by a change of language: it begins with the password.
pub async fn begin(_: Visitor) -> Outcome {
    Answer::to("/sign-in")
}

pub async fn submit(visitor: Visitor) -> Outcome {
    let wanted = visitor.form().raw("next");
    let Some(question) = Question::read(visitor.form()) else { return Answer::to("/sign-in") };
    match question.judge::<Entered>(&visitor, device_token(&visitor)).await {
        Judged::Right(entered) => go_on(&visitor, entered, wanted),
        Judged::Again => Answer::to(sign_in(wanted)),
        Judged::Open(remark) => show(&visitor, &question, (wanted, &remark)),
    }
}

/// The page after a right password.
pub fn page(visitor: &Visitor, question: &Question, wanted: &str) -> Outcome {
    show(visitor, question, (wanted, &Remark::default()))
}

/// With a passkey alone the key is asked for at once.
fn show(visitor: &Visitor, question: &Question, (wanted, remark): (&str, &Remark)) -> Outcome {
    let w = &visitor.words().entrance;
    let is_alone = question.is_for_a_key_alone();
    let (title, lead) =
        if is_alone { (w.passkey_title, w.passkey_lead) } else { (w.second, w.second_lead) };
    let frame = visitor.frame(title);
    let sign_in = sign_in(wanted);
    let asking = question.asking(visitor, &frame, "/sign-in/second", remark).only(&CARRIED);
    let asking = asking.anew(sign_in.clone());
    let asking = if is_alone && remark.refused.is_none() { asking.started() } else { asking };
    let status = remark.refused.as_ref().map_or(200, |refused| refused.status);
    let page = SecondPage { frame: &frame, title, lead, asking, sign_in };
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}

fn sign_in(wanted: &str) -> String {
    match form::query(&[("next", wanted)]) {
        query if query.is_empty() => "/sign-in".to_owned(),
        query => format!("/sign-in?{query}"),
    }
}
