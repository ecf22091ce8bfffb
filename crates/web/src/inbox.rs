//! `/demo/inbox`: what the demo would have sent by mail and text message.

use askama::Template;
use http::Method;
use serde::Deserialize;

use crate::answer::{Answer, Outcome};
use crate::api::List;
use crate::callers::Visitor;
use crate::frame::{Frame, Who};
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages.anybody(Method::GET, "/demo/inbox", show)
}

#[derive(Deserialize)]
struct Message {
    channel: String,
    to: String,
    subject: Option<String>,
    text: String,
    created_at: String,
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    frame: Frame<'a>,
    messages: Vec<Message>,
}

/// Not there in a bank that is no demo: the API says so.
async fn show(visitor: Visitor) -> Outcome {
    let inbox: List<Message> = visitor.get("/demo/inbox.json").receive().await?;
    let frame = visitor.frame(visitor.words().layout.inbox);
    Answer::page(&InboxPage { frame, messages: inbox.data })
}
