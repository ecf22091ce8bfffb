//! `/console/system`: how each part does and what to do about it, and what the bank does by itself.

use http::Method;
use serde::Deserialize;

use super::parts::{Cell, Part, Section, Table};
use super::said;
use crate::answer::Outcome;
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages.operator(Method::GET, "/console/system", "read_system", show)
}

#[derive(Deserialize)]
struct Health {
    state: String,
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    state: String,
    advice: String,
    facts: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Job {
    name: String,
    every_seconds: i64,
    runs: i64,
    failures: i64,
    last_started_at: Option<String>,
    last_duration_ms: Option<i64>,
    last_outcome: Option<String>,
    last_rows: Option<i64>,
    last_error: Option<String>,
    next_at: Option<String>,
}

/// How many parts are not well.
pub async fn unwell(operator: &Operator) -> Result<(usize, bool), Refused> {
    let health = health(operator).await?;
    Ok((health.checks.iter().filter(|check| check.state != "ok").count(), false))
}

async fn health(operator: &Operator) -> Result<Health, Refused> {
    operator.get("/v1/staff/health").receive().await
}

async fn show(operator: Operator) -> Outcome {
    let jobs = operator.get("/v1/staff/jobs").receive::<List<Job>>();
    let (health, jobs) = tokio::try_join!(health(&operator), jobs)?;
    let mut page = operator.page("System", &[]).standing(&health.state);
    let mut checks = health.checks;
    // What is not well comes first.
    checks.sort_by_key(|check| match check.state.as_str() {
        "down" => 0,
        "ok" => 2,
        _ => 1,
    });
    let row = |check: &Check| {
        vec![
            Cell::text(said::words(&check.name.replace('.', " "))),
            Cell::standing(&check.state),
            Cell::text(&check.advice),
        ]
    };
    let rows = checks.iter().map(row).collect();
    let table =
        Table::whole("Health", &["Part", "State", "What to do"], rows, "Nothing was looked at.");
    page = page.section(Section::new("Health", vec![Part::Table(table)]));
    let rows = jobs.data.into_iter().map(job).collect();
    let heads = &[
        "Job",
        "Last",
        "#Every",
        "#Runs",
        "#Failures",
        "Began",
        "#Took",
        "#Rows",
        "Next",
        "Error",
    ];
    let table = Table::whole("Jobs", heads, rows, "No job has been started.");
    page = page.section(
        Section::new("Jobs", vec![Part::Table(table)])
            .text("Of the node that answered this page, since it began."),
    );
    let facts = checks.into_iter().filter(|check| !check.facts.is_empty()).flat_map(|check| {
        let part = said::words(&check.name.replace('.', " "));
        check.facts.into_iter().map(move |fact| {
            vec![Cell::text(&part), Cell::text(said::words(&fact.name)), value(fact.value)]
        })
    });
    let table =
        Table::whole("What was found", &["Part", "What", "Value"], facts.collect(), "Nothing.");
    page.section(Section::new("What was found", vec![Part::Table(table)])).show()
}

/// A time is read as one.
fn value(text: String) -> Cell {
    if text.len() >= 20 && said::time(&text) != text { Cell::Time(text) } else { Cell::Text(text) }
}

fn job(job: Job) -> Vec<Cell> {
    let count = |count: Option<i64>| {
        count.map_or(Cell::Nothing, |count| Cell::Amount(said::grouped(count)))
    };
    let outcome = job.last_outcome.map_or(Cell::Nothing, |outcome| Cell::standing(&outcome));
    let last = std::iter::once(outcome).chain(job.last_error.map(Cell::Text)).collect();
    vec![
        Cell::code(job.name),
        Cell::Stack(last),
        Cell::Amount(format!("{} s", job.every_seconds)),
        Cell::Amount(said::grouped(job.runs)),
        Cell::Amount(said::grouped(job.failures)),
        Cell::time(job.last_started_at.as_deref()),
        job.last_duration_ms.map_or(Cell::Nothing, |ms| Cell::Amount(format!("{ms} ms"))),
        count(job.last_rows),
        Cell::time(job.next_at.as_deref()),
    ]
}
