//! `/console/webhooks`: whether merchants hear of their events, and sending one again.
//!
//! The API has endpoints by merchant, so the overview asks once for each merchant of a page of them, all at once.

use futures_util::future::try_join_all;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::desk::{Done, Page, not_there};
use super::merchants::{self, Merchant};
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

#[derive(Deserialize)]
pub struct Endpoint {
    id: String,
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

/// Id and name of a merchant, and its endpoints.
type OfMerchant = (String, String, Vec<Endpoint>);

/// How many endpoints fail, of the first page of merchants; whether there are more merchants.
pub async fn failing(operator: &Operator) -> Result<(usize, bool), Refused> {
    let (found, next) = all(operator).await?;
    let endpoints = found.iter().flat_map(|(_, _, endpoints)| endpoints);
    let failing = endpoints.filter(|endpoint| endpoint.failing_since.is_some());
    Ok((failing.count(), next.is_some()))
}

pub async fn of_merchant(operator: &Operator, merchant: &str) -> Result<Vec<Endpoint>, Refused> {
    let path = format!("/v1/staff/merchants/{}/webhook_endpoints", segment(merchant));
    let list: List<Endpoint> = operator.get(path).receive().await?;
    Ok(list.data)
}

async fn all(operator: &Operator) -> Result<(Vec<OfMerchant>, Option<String>), Refused> {
    let list = merchants::some(operator).await?;
    let asked = list.data.into_iter().map(|merchant: Merchant| async move {
        let endpoints = of_merchant(operator, &merchant.id).await?;
        Ok::<_, Refused>((merchant.id, merchant.name, endpoints))
    });
    Ok((try_join_all(asked).await?, list.next_cursor))
}

async fn list(operator: Operator) -> Outcome {
    let (found, next) = all(&operator).await?;
    let table = table(&found).next(operator.more(next.as_deref()));
    operator
        .page("Webhooks", &[])
        .lead("Where merchants are told of their events. An endpoint that fails is tried again, further and further apart.")
        .section(Section::new("", vec![Part::Table(table)]))
        .show()
}

/// Endpoints of some merchants, those that fail first.
pub fn table(found: &[OfMerchant]) -> Table {
    let mut endpoints: Vec<_> = found
        .iter()
        .flat_map(|(id, name, endpoints)| {
            endpoints.iter().map(move |endpoint| (id, name, endpoint))
        })
        .collect();
    endpoints.sort_by_key(|(_, _, endpoint)| endpoint.failing_since.is_none());
    let row = |(id, name, endpoint): (&String, &String, &Endpoint)| {
        let to = format!("/console/merchants/{}/webhooks/{}", segment(id), segment(&endpoint.id));
        vec![
            Cell::link(to, &endpoint.url),
            Cell::text(name),
            Cell::text(&endpoint.mode),
            Cell::standing(standing(endpoint)),
            Cell::time(endpoint.failing_since.as_deref()),
            Cell::maybe(endpoint.last_error.as_deref()),
            Cell::time(endpoint.last_delivered_at.as_deref()),
        ]
    };
    let rows = endpoints.into_iter().map(row).collect();
    let heads =
        &["Address", "Merchant", "Mode", "Standing", "Failing since", "Last error", "Last taken"];
    Table::whole("Webhook endpoints", heads, rows, "No merchant here has an endpoint.")
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
    let heads = &[
        "Event",
        "Status",
        "#Number",
        "#Tries",
        "Last error",
        "Next try",
        "Begun",
        "Ended",
        "Again",
    ];
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
        fact("Last error", Cell::maybe(endpoint.last_error.as_deref())),
        fact("Last taken", Cell::time(endpoint.last_delivered_at.as_deref())),
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
        Cell::code(delivery.event),
        Cell::standing(&delivery.status),
        Cell::count(delivery.sequence),
        Cell::count(delivery.attempts),
        Cell::maybe(delivery.last_error),
        Cell::time(delivery.next_attempt_at.as_deref()),
        Cell::Time(delivery.created_at),
        Cell::time(delivery.ended_at.as_deref()),
        again,
    ]
}
