//! `/security/activity`: what happened around the customer's sign-in, newest first.

use askama::Template;
use serde::Deserialize;

use super::agent::device;
use crate::answer::{Answer, Outcome};
use crate::api::List;
use crate::callers::Customer;
use crate::form;
use crate::frame::{Frame, Who};
use crate::show::dates::Moment;
use crate::words::{reason, what};

/// Of one page.
const SHOWN: &str = "20";

#[derive(Deserialize)]
struct Act {
    at: String,
    what: String,
    outcome: String,
    reason: Option<String>,
    by: String,
    address: Option<String>,
    agent: Option<String>,
}

struct Row {
    /// A sentence; of an act that these pages do not know, its name in the API.
    text: String,
    more: Option<&'static str>,
    is_refused: bool,
    at: Moment,
    /// None: the bank did it.
    from: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "security/activity.html")]
struct ActivityPage<'a> {
    frame: Frame<'a>,
    rows: Vec<Row>,
    /// Path and query of the next part.
    next: Option<String>,
}

pub async fn show(customer: Customer) -> Outcome {
    let cursor = customer.query().raw("cursor");
    let path = format!("/v1/me/activity?{}", form::query(&[("limit", SHOWN), ("cursor", cursor)]));
    let list: List<Act> = customer.get(path).receive().await?;
    let w = &customer.words().security;
    let next = list
        .next_cursor
        .map(|cursor| format!("/security/activity?{}", form::query(&[("cursor", &cursor)])));
    let rows = list.data.into_iter().map(|act| row(&customer, act)).collect();
    Answer::page(&ActivityPage { frame: customer.frame(w.tab_activity), rows, next })
}

fn row(customer: &Customer, act: Act) -> Row {
    let (w, language) = (&customer.words().security, customer.language());
    let known = what(&act.what, language);
    let from = (act.by != "bank").then(|| {
        let agent = act.agent.unwrap_or_default();
        (device(&agent, w), act.address.unwrap_or_default())
    });
    Row {
        text: known.map_or_else(|| act.what.clone(), str::to_owned),
        more: act.reason.as_deref().and_then(|name| reason(name, language)),
        is_refused: act.outcome != "done",
        at: Moment::new(&act.at, language),
        from,
    }
}
