//! `/demo/inbox`: what the demo would have sent by mail and text message.
//!
//! A message is text. Of its lines only those that are an address of this very bank's pages become links, and
//! they lead to the path alone.

use askama::Template;
use http::Method;
use serde::Deserialize;

use crate::answer::{Answer, Outcome};
use crate::api::List;
use crate::callers::Visitor;
use crate::entrance::own_path;
use crate::frame::{Frame, Who};
use crate::show::dates::Moment;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages.anybody(Method::GET, "/demo/inbox", show)
}

/// Messages on the page: older ones are of no use to who looks for a code.
const SHOWN: usize = 30;

#[derive(Deserialize)]
struct Message {
    channel: String,
    to: String,
    purpose: String,
    subject: Option<String>,
    text: String,
    created_at: String,
}

/// A message on the page.
struct Row {
    is_mail: bool,
    to: String,
    subject: Option<String>,
    at: Moment,
    /// To be copied.
    code: Option<String>,
    lines: Vec<Line>,
}

enum Line {
    Text(String),
    Link { text: String, path: String },
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    frame: Frame<'a>,
    messages: Vec<Row>,
}

/// Not there in a bank that is no demo: the API says so.
async fn show(visitor: Visitor) -> Outcome {
    let inbox: List<Message> = visitor.get("/demo/inbox.json").receive().await?;
    let messages = inbox.data.into_iter().take(SHOWN).map(|message| row(&visitor, message));
    let frame = visitor.frame(visitor.words().inbox.title);
    Answer::page(&InboxPage { frame, messages: messages.collect() })
}

fn row(visitor: &Visitor, message: Message) -> Row {
    let lines = message.text.trim_end().lines().map(|text| line(visitor, text));
    Row {
        is_mail: message.channel == "email",
        at: Moment::new(&message.created_at, visitor.language()),
        code: message.purpose.ends_with("_code").then(|| code_of(&message.text)).flatten(),
        lines: lines.collect(),
        to: message.to,
        subject: message.subject,
    }
}

fn line(visitor: &Visitor, text: &str) -> Line {
    let own = text.strip_prefix(&*visitor.site().settings.public_url);
    match own.and_then(|path| own_path(visitor, path)) {
        Some(path) => Line::Link { text: text.to_owned(), path },
        None => Line::Text(text.to_owned()),
    }
}

/// The first six digits in a row, which are the code.
fn code_of(text: &str) -> Option<String> {
    let mut words = text.split(|c: char| !c.is_ascii_digit());
    words.find(|word| word.len() == 6).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits_in_a_row() {
        assert_eq!(code_of("123456 is your code for INR 1358.02").as_deref(), Some("123456"));
        assert_eq!(code_of("call 1800123456"), None);
    }
}
