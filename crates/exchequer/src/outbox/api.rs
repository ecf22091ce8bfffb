//! `/demo/inbox.json`: what a demo bank would have sent. In a real bank there is no such path.

use serde::Serialize;
use utoipa::ToSchema;

use super::model::Channel;
use super::store;
use super::store::Shown;
use crate::http::{Answer, Code, Nothing, Problem, Public, Reply, Route, Routes};

/// Messages that the inbox shows.
const SHOWN: i64 = 100;

pub fn routes(routes: Routes) -> Routes {
    let why = "a demo bank's mail and text messages are nobody's; a real bank answers 404";
    routes.public(
        why,
        Route::get("/demo/inbox.json", "getInbox", "A demo bank's messages, newest first")
            .refuses(&[Code::NotFound])
            .never_kept(),
        json,
    )
}

/// The newest messages of a demo bank, at most 100.
#[derive(Serialize, ToSchema)]
pub struct Inbox {
    data: Vec<InboxMessage>,
}

/// A message as its receiver would have it.
#[derive(Serialize, ToSchema)]
pub struct InboxMessage {
    pub id: String,
    /// `email` or `sms`.
    pub channel: &'static str,
    /// An e-mail address or a telephone number.
    pub to: String,
    /// What it is about: `sign_in_code`, `password_reset`.
    pub purpose: String,
    /// Of mails.
    pub subject: Option<String>,
    pub text: String,
    pub created_at: String,
}

async fn json(caller: Public, _: Nothing) -> Answer<Inbox> {
    Ok(Reply::ok(&Inbox { data: newest(&caller).await? }))
}

/// Errors: `not_found` in a real bank, before anything is read.
async fn newest(caller: &Public) -> Result<Vec<InboxMessage>, Problem> {
    if !caller.bank().config().demo {
        return Err(Problem::new(Code::NotFound));
    }
    let tools = caller.bank().tools().clone();
    let shown =
        caller.read("outbox.newest", move |tx| Ok(store::newest(tx, &tools, SHOWN)?)).await?;
    Ok(shown.into_iter().map(view).collect())
}

fn view(shown: Shown) -> InboxMessage {
    InboxMessage {
        id: shown.id.to_string(),
        channel: match shown.channel {
            Channel::Email => "email",
            Channel::Sms => "sms",
        },
        to: shown.destination,
        purpose: shown.purpose,
        subject: shown.content.subject,
        text: shown.content.text,
        created_at: shown.created_at.to_string(),
    }
}
