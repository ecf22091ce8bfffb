//! `/security/sessions`: where the customer is signed in, and how to end it.

use askama::Template;
use futures_util::future::try_join_all;
use serde::Deserialize;

use super::agent::device;
use crate::answer::{Answer, Outcome};
use crate::api::{List, Refused};
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Frame, Who};
use crate::show::dates::Moment;
use crate::words::put;

#[derive(Deserialize)]
struct Session {
    id: String,
    created_at: String,
    last_used_at: String,
    address: String,
    agent: String,
    current: bool,
}

struct Row {
    id: String,
    device: String,
    /// What its button is called for who hears it alone.
    end: String,
    address: String,
    since: Moment,
    used: Moment,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "security/sessions.html")]
struct SessionsPage<'a> {
    frame: Frame<'a>,
    sessions: Vec<Row>,
}

pub async fn show(customer: Customer) -> Outcome {
    let (w, language) = (&customer.words().security, customer.language());
    let mut sessions = all(&customer).await?;
    sessions.sort_by_key(|session| !session.current);
    let row = |session: Session| {
        let device = device(&session.agent, w);
        Row {
            end: put(w.end_of, &device),
            device,
            address: session.address,
            since: Moment::new(&session.created_at, language),
            used: Moment::new(&session.last_used_at, language),
            is_current: session.current,
            id: session.id,
        }
    };
    let frame = customer.frame(w.tab_sessions);
    Answer::page(&SessionsPage { frame, sessions: sessions.into_iter().map(row).collect() })
}

pub async fn end(customer: Customer) -> Outcome {
    let id = customer.segment(0);
    if id == customer.session().id {
        customer.delete("/v1/web/session").done().await?;
        return Answer::out("/sign-in?done=signed_out");
    }
    customer.delete(format!("/v1/sessions/{}", segment(id))).done().await?;
    Answer::to("/security/sessions?done=session_ended")
}

/// All the others; or all, which is one act of the API's.
pub async fn end_many(customer: Customer) -> Outcome {
    if customer.form().raw("which") == "all" {
        customer.delete("/v1/sessions").done().await?;
        return Answer::out("/sign-in?done=signed_out_everywhere");
    }
    let others = all(&customer).await?;
    let others = others.into_iter().filter(|session| !session.current);
    let ends = others.map(|session| {
        let path = format!("/v1/sessions/{}", segment(&session.id));
        customer.delete(path).done()
    });
    try_join_all(ends).await?;
    Answer::to("/security/sessions?done=sessions_ended")
}

async fn all(customer: &Customer) -> Result<Vec<Session>, Refused> {
    let list: List<Session> = customer.get("/v1/sessions?limit=100").receive().await?;
    Ok(list.data)
}
