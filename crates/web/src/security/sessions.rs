//! `/security/sessions`: where the customer is signed in, and how to end it.

use askama::Template;
use futures_util::future::try_join_all;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::agent::device;
use super::deed;
use crate::answer::{Answer, Outcome};
use crate::api::{List, Refused};
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Frame, Who};
use crate::show::dates::Moment;
use crate::step_up;
use crate::trouble::Trouble;
use crate::words::put;

const PATH: &str = "/security/sessions";

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
    let w = &customer.words().security;
    let found = all(&customer).await?.into_iter().find(|session| session.id == id);
    let session = found.ok_or(Trouble::NotFound)?;
    let title = put(w.end_of, &device(&session.agent, w));
    let action = format!("{PATH}/{}/end", segment(id));
    let deed = deed(&title, &[(w.from_address, &*session.address)], &action, PATH);
    let act = customer.delete(format!("/v1/sessions/{}", segment(id)));
    match step_up::through::<IgnoredAny>(&customer, &deed, act).await {
        Ok(_) => Answer::to("/security/sessions?done=session_ended"),
        Err(stop) => stop.into_outcome(),
    }
}

/// All the others; or all, which is one act of the API's. A factor that was shown for the first of the others is
/// fresh for the rest.
pub async fn end_many(customer: Customer) -> Outcome {
    let w = &customer.words().security;
    let action = format!("{PATH}/end");
    if customer.form().raw("which") == "all" {
        let deed = deed(w.end_all, &[], &action, PATH);
        let act = customer.delete("/v1/sessions");
        return match step_up::through::<IgnoredAny>(&customer, &deed, act).await {
            Ok(_) => Answer::out("/sign-in?done=signed_out_everywhere"),
            Err(stop) => stop.into_outcome(),
        };
    }
    let deed = deed(w.end_others, &[], &action, PATH);
    let others = all(&customer).await?;
    let mut paths = others
        .iter()
        .filter(|session| !session.current)
        .map(|session| format!("/v1/sessions/{}", segment(&session.id)));
    if let Some(first) = paths.next() {
        let act = customer.delete(first);
        if let Err(stop) = step_up::through::<IgnoredAny>(&customer, &deed, act).await {
            return stop.into_outcome();
        }
    }
    try_join_all(paths.map(|path| customer.delete(path).done())).await?;
    Answer::to("/security/sessions?done=sessions_ended")
}

async fn all(customer: &Customer) -> Result<Vec<Session>, Refused> {
    let list: List<Session> = customer.get("/v1/sessions?limit=100").receive().await?;
    Ok(list.data)
}
