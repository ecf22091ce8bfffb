//! `/console/reconciliation`: gateways' reports held against the bank's books, and the differences.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::desk::Done;
use super::parts::{Cell, Input, Part, Section, Table};
use super::said;
use crate::answer::Outcome;
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::segment;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages.operator(Method::GET, PATH, "read_merchants", show).operator(
        Method::POST,
        "/console/reconciliation/{id}/resolve",
        "settle_merchants",
        resolve,
    )
}

const PATH: &str = "/console/reconciliation";
const WHICH: [(&str, &str); 2] = [("", "Open"), ("false", "All")];

#[derive(Deserialize)]
struct Run {
    gateway: String,
    day: String,
    mode: String,
    lines: i64,
    matched: i64,
    differences: i64,
    done_at: String,
}

#[derive(Deserialize)]
struct Difference {
    id: String,
    gateway: String,
    day: String,
    mode: String,
    what: String,
    operation: String,
    currency: String,
    ours: i64,
    theirs: i64,
    transfer: Option<String>,
    found_at: String,
    resolved_at: Option<String>,
    resolved_by: Option<String>,
    note: Option<String>,
}

async fn show(operator: Operator) -> Outcome {
    page(&operator, None).await
}

async fn resolve(operator: Operator) -> Outcome {
    let body = json!({ "note": operator.form().text("note") });
    let path = operator.path_of("/v1/staff/differences/", "/resolve");
    match operator.change(path).json(&body).receive::<Done>().await {
        Ok(done) => done.leads_to(PATH, "resolved"),
        Err(refused) => page(&operator, Some(&refused)).await,
    }
}

async fn page(operator: &Operator, refused: Option<&Refused>) -> Outcome {
    let filter = operator.filter(PATH, "Show", vec![Input::choice("open", "Differences", &WHICH)]);
    let path = operator.list_path("/v1/staff/differences", &["open", "cursor"]);
    let differences = operator.get(path).receive::<List<Difference>>();
    let runs = operator.get("/v1/staff/reconciliations").receive::<List<Run>>();
    let (differences, runs) = tokio::try_join!(differences, runs)?;
    let rows = differences.data.iter().map(|difference| row(operator, difference)).collect();
    let heads = &[
        "What",
        "Standing",
        "#Ours",
        "#Theirs",
        "Report",
        "Operation, in suspense by",
        "Found",
        "Note",
    ];
    let table = Table::whole("Differences, newest first", heads, rows, "Nothing differs.")
        .next(operator.more(differences.next_cursor.as_deref()));
    let run = |run: Run| {
        vec![
            Cell::text(run.day),
            Cell::text(run.gateway),
            Cell::text(run.mode),
            Cell::Amount(said::grouped(run.lines)),
            Cell::Amount(said::grouped(run.matched)),
            Cell::Amount(said::grouped(run.differences)),
            Cell::Time(run.done_at),
        ]
    };
    let rows = runs.data.into_iter().map(run).collect();
    let heads = &["Day", "Gateway", "Mode", "#Lines", "#Agree", "#Differ", "Done"];
    let runs = Table::whole("Reports that were read", heads, rows, "No report was read yet.");
    operator
        .page("Reconciliation", &[])
        .section(
            Section::new("Differences", vec![Part::Filter(filter), Part::Table(table)])
                .text("What differs stands in suspense until somebody has found out why."),
        )
        .section(Section::new("Reports", vec![Part::Table(runs)]))
        .answer(operator, refused)
}

fn row(operator: &Operator, difference: &Difference) -> Vec<Cell> {
    let money = |minor| Cell::money(minor, &difference.currency);
    let is_open = difference.resolved_at.is_none();
    vec![
        Cell::text(what(&difference.what)),
        Cell::standing(if is_open { "waiting" } else { "resolved" }),
        money(difference.ours),
        money(difference.theirs),
        Cell::Stack(vec![
            Cell::text(&difference.day),
            Cell::Text(format!("{}, {}", difference.gateway, difference.mode)),
        ]),
        Cell::Stack(vec![
            Cell::code(&difference.operation),
            operator.about_some(difference.transfer.as_deref()),
        ]),
        Cell::Time(difference.found_at.clone()),
        note(operator, difference),
    ]
}

fn note(operator: &Operator, difference: &Difference) -> Cell {
    if let Some(at) = &difference.resolved_at {
        let by = difference.resolved_by.as_deref().unwrap_or("the bank itself");
        let note = difference.note.as_deref().unwrap_or_default();
        return Cell::Text(format!("{note} ({by}, {})", said::time(at)));
    }
    if !operator.may("settle_merchants") {
        return Cell::Nothing;
    }
    let note = Input::text("note", "Note").hint("What it was, and what was done about it.");
    let act = operator.act("Resolve", format!("{PATH}/{}/resolve", segment(&difference.id)));
    Cell::Act(Box::new(act.input(note)))
}

fn what(what: &str) -> String {
    match what {
        "unknown_operation" => "The gateway moved money that the bank never asked for".to_owned(),
        "not_done_here" => "The gateway did what the bank has as not done".to_owned(),
        "currency_differs" => "Another currency".to_owned(),
        "amount_differs" => "Another amount".to_owned(),
        "not_reported" => "Done here, and in no report".to_owned(),
        other => said::words(other),
    }
}
