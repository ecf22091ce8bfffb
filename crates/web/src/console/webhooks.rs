//! `/console/webhooks`: whether merchants hear of their events, and sending one again.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::desk::{Done, Page, not_there};
use super::merchants;
use super::parts::{Act, Cell, Facts, Input, Part, Section, Table};
use super::said;
use crate::answer::Outcome;
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::segment;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    const ONE: &str = "/console/merchants/{id}/webhooks/{endpoint}";
    const REDELIVER: &str = "/console/merchants/{id}/webhooks/{endpoint}/redeliver";
    pages
        .operator(Method::GET, PATH, "read_merchants", list)
        .operator(Method::GET, ONE, "read_merchants", show)
        .operator(Method::POST, REDELIVER, "redeliver_webhook", redeliver)
}

const PATH: &str = "/console/webhooks";
const STATUSES: [(&str, &str); 4] =
    [("", "All"), ("waiting", "Waiting"), ("delivered", "Delivered"), ("dead", "Dead")];

/// Which endpoints are listed.
const WHICH: [(&str, &str); 2] = [("", "All"), ("true", "In trouble")];

#[derive(Deserialize)]
pub struct Endpoint {
    id: String,
    merchant: String,
    merchant_name: String,
    url: String,
    events: Vec<String>,
    description: Option<String>,
    algorithm: String,
    status: String,
    position: i64,
    failing_since: Option<String>,
    last_error: Option<String>,
    last_delivered_at: Option<String>,
    mode: String,
    created_at: String,
    /// Of its newest deliveries: those that are tried again, and those that were given up.
    waiting: i64,
    dead: i64,
}

#[derive(Deserialize)]
struct Delivery {
    event: String,
    sequence: i64,
    status: String,
    attempts: i64,
    last_error: Option<String>,
    next_attempt_at: Option<String>,
    created_at: String,
    ended_at: Option<String>,
}

/// What of merchants' endpoints somebody has to look at.
pub struct Trouble {
    /// Endpoints that take nothing now.
    pub failing: usize,
    /// Events that were given up.
    pub dead: usize,
    /// Whether there are more endpoints than were counted.
    pub has_more: bool,
}

/// Counted over the first hundred endpoints in trouble.
pub async fn trouble(operator: &Operator) -> Result<Trouble, Refused> {
    let path = "/v1/staff/webhook_endpoints?trouble=true&limit=100";
    let list: List<Endpoint> = operator.get(path).receive().await?;
    let dead = list.data.iter().map(|endpoint| endpoint.dead).sum::<i64>();
    Ok(Trouble {
        failing: list.data.iter().filter(|endpoint| endpoint.failing_since.is_some()).count(),
        dead: usize::try_from(dead).unwrap_or_default(),
        has_more: list.next_cursor.is_some(),
    })
}

pub async fn of_merchant(operator: &Operator, merchant: &str) -> Result<Vec<Endpoint>, Refused> {
    let path = format!("/v1/staff/merchants/{}/webhook_endpoints", segment(merchant));
    let list: List<Endpoint> = operator.get(path).receive().await?;
    Ok(list.data)
}

async fn list(operator: Operator) -> Outcome {
    let filter = operator.filter(PATH, "Show", vec![Input::choice("trouble", "Which", &WHICH)]);
    let path = operator.list_path("/v1/staff/webhook_endpoints", &["trouble", "cursor"]);
    let list: List<Endpoint> = operator.get(path).receive().await?;
    let table = table(list.data).next(operator.more(list.next_cursor.as_deref()));
    operator
        .page("Webhooks", &[])
        .lead("Where merchants are told of their events. An endpoint that fails is tried again, further and further apart.")
        .section(Section::new("", vec![Part::Filter(filter), Part::Table(table)]))
        .show()
}

/// Those that fail first, then those that have given events up.
pub fn table(mut endpoints: Vec<Endpoint>) -> Table {
    endpoints.sort_by_key(|endpoint| (endpoint.failing_since.is_none(), endpoint.dead == 0));
    let rows = endpoints.iter().map(endpoint_row).collect();
    let heads = &[
        "Address",
        "Merchant",
        "Standing, since",
        "Last error",
        "#Waiting",
        "#Given up",
        "Last taken",
    ];
    Table::whole("Webhook endpoints", heads, rows, "There is no such endpoint.")
}

fn endpoint_row(endpoint: &Endpoint) -> Vec<Cell> {
    let (merchant, id) = (segment(&endpoint.merchant), segment(&endpoint.id));
    let to = format!("/console/merchants/{merchant}/webhooks/{id}");
    let since = endpoint.failing_since.clone().map(Cell::Time);
    let standing = std::iter::once(Cell::standing(standing(endpoint))).chain(since).collect();
    vec![
        Cell::link(to, &endpoint.url),
        Cell::Stack(vec![Cell::text(&endpoint.merchant_name), Cell::text(&endpoint.mode)]),
        Cell::Stack(standing),
        Cell::maybe(endpoint.last_error.as_deref().map(said::words)),
        Cell::count(endpoint.waiting),
        Cell::count(endpoint.dead),
        Cell::time(endpoint.last_delivered_at.as_deref()),
    ]
}

fn standing(endpoint: &Endpoint) -> &str {
    if endpoint.failing_since.is_some() { "failed" } else { &endpoint.status }
}

async fn show(operator: Operator) -> Outcome {
    page(&operator).await?.show()
}

async fn redeliver(operator: Operator) -> Outcome {
    let body = json!({ "event": operator.form().text("event") });
    let path = format!("/v1/staff/webhook_endpoints/{}/redeliver", segment(operator.segment(1)));
    match operator.change(path).json(&body).receive::<Done>().await {
        Ok(done) => done.leads_to(&here(&operator), "redelivered"),
        Err(refused) => page(&operator).await?.answer(&operator, Some(&refused)),
    }
}

fn here(operator: &Operator) -> String {
    format!("{}/webhooks/{}", merchants::here(operator), segment(operator.segment(1)))
}

async fn page(operator: &Operator) -> Result<Page<'_>, Refused> {
    let id = operator.segment(1);
    let path = format!("/v1/staff/webhook_endpoints/{}/deliveries", segment(id));
    let path = operator.list_path(&path, &["status", "cursor"]);
    let deliveries = operator.get(path).receive::<List<Delivery>>();
    let endpoints = of_merchant(operator, operator.segment(0));
    let (deliveries, endpoints) = tokio::try_join!(deliveries, endpoints)?;
    // An endpoint under another merchant's path is not there.
    let endpoint =
        endpoints.into_iter().find(|endpoint| endpoint.id == id).ok_or_else(not_there)?;
    let filter =
        operator.filter("", "Show", vec![Input::choice("status", "Deliveries", &STATUSES)]);
    let filter = super::parts::Filter { action: here(operator), ..filter };
    let rows = deliveries.data.into_iter().map(|delivery| row(operator, delivery)).collect();
    let heads = &["Event", "Status", "#Number", "#Tries", "Last error", "Next or last", "Again"];
    let table = Table::whole("Deliveries", heads, rows, "Everything was taken at the first try.")
        .next(operator.more(deliveries.next_cursor.as_deref()));
    let merchant = merchants::here(operator);
    Ok(operator
        .page("Webhook endpoint", &[(PATH, "Webhooks"), (&merchant, "Merchant")])
        .standing(standing(&endpoint))
        .section(Section::new("", vec![Part::Facts(facts(&endpoint))]))
        .section(
            Section::new("Deliveries", vec![Part::Filter(filter), Part::Table(table)])
                .text("Events that were not taken at the first try."),
        ))
}

fn facts(endpoint: &Endpoint) -> Facts {
    let fact = |label: &str, value: Cell| (label.to_owned(), value);
    let events =
        if endpoint.events.is_empty() { "All".to_owned() } else { endpoint.events.join(", ") };
    Facts(vec![
        fact("Address", Cell::text(&endpoint.url)),
        fact("Description", Cell::maybe(endpoint.description.as_deref())),
        fact("Events", Cell::Text(events)),
        fact("Mode", Cell::text(&endpoint.mode)),
        fact("Signed by", Cell::text(&endpoint.algorithm)),
        fact("Told up to event", Cell::Amount(said::grouped(endpoint.position))),
        fact("Failing since", Cell::time(endpoint.failing_since.as_deref())),
        fact("Last error", Cell::maybe(endpoint.last_error.as_deref().map(said::words))),
        fact("Last taken", Cell::time(endpoint.last_delivered_at.as_deref())),
        fact("Events that wait", Cell::count(endpoint.waiting)),
        fact("Events given up", Cell::count(endpoint.dead)),
        fact("Since", Cell::Time(endpoint.created_at.clone())),
        fact("Id", Cell::code(&endpoint.id)),
    ])
}

fn row(operator: &Operator, delivery: Delivery) -> Vec<Cell> {
    let again = if operator.may("redeliver_webhook") && delivery.status != "waiting" {
        let event = Input::text("event", "Event").value(&delivery.event);
        let act = operator.act("Send again", format!("{}/redeliver", here(operator)));
        // Many forms with one target: their ids are told apart by the event.
        let act = Act { id: format!("again-{}", delivery.event), ..act };
        Cell::Act(Box::new(act.input(Input { kind: "hidden", ..event })))
    } else {
        Cell::Nothing
    };
    vec![
        Cell::Stack(vec![Cell::code(delivery.event), Cell::Time(delivery.created_at)]),
        Cell::standing(&delivery.status),
        Cell::count(delivery.sequence),
        Cell::count(delivery.attempts),
        Cell::maybe(delivery.last_error.as_deref().map(said::words)),
        // What waits has a next try, what does not has ended.
        Cell::time(delivery.next_attempt_at.or(delivery.ended_at).as_deref()),
        again,
    ]
}
