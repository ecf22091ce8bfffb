//! The demo's inbox as a page: no script, every text escaped.

use std::fmt::{self, Display, Formatter};

use super::api::InboxMessage;
use crate::http::docs::{Frame, escape};

pub(super) fn inbox(messages: &[InboxMessage]) -> String {
    let main = Messages(messages);
    Frame { title: "Inbox of the demo", here: "/demo/inbox", contents: None, main: &main }
        .to_string()
}

struct Messages<'m>(&'m [InboxMessage]);

impl Display for Messages<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<h1>Inbox of the demo</h1>\n<p class=\"lead\">What this bank would have sent by e-mail \
             and text message, newest first. Load the page again for newer ones; programs read \
             <a href=\"/demo/inbox.json\">the same as JSON</a>.</p>\n",
        )?;
        if self.0.is_empty() {
            return f.write_str("<p>Nothing yet.</p>\n");
        }
        self.0.iter().try_for_each(|message| article(f, message))
    }
}

fn article(f: &mut Formatter<'_>, message: &InboxMessage) -> fmt::Result {
    let title = message.subject.as_deref().unwrap_or("Text message");
    write!(
        f,
        "<article id=\"{id}\">\n<h2>{}</h2>\n<p>To <code>{}</code> by {} at \
         <time datetime=\"{at}\">{at}</time></p>\n<pre>{}</pre>\n</article>\n",
        escape(title),
        escape(&message.to),
        escape(message.channel),
        escape(&message.text),
        id = escape(&message.id),
        at = escape(&message.created_at),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> InboxMessage {
        InboxMessage {
            id: "msg_x".to_owned(),
            channel: "email",
            to: "asha@example.test".to_owned(),
            purpose: "sign_in_code".to_owned(),
            subject: Some(text.to_owned()),
            text: text.to_owned(),
            created_at: "2026-01-05T10:00:00Z".to_owned(),
        }
    }

    #[test]
    fn no_text_becomes_markup() {
        let page = inbox(&[message("<script>alert('x')</script>\" onload=\"y")]);
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;"), "{page}");
    }

    #[test]
    fn an_empty_inbox_says_so() {
        assert!(inbox(&[]).contains("Nothing yet"));
    }
}
