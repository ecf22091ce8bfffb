//! `/console/system`: how each part does and what to do about it, what the bank does by itself, the end of a data key,
//! and signing everybody out.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::desk::{Done, Page};
use super::parts::{Cell, Part, Section, Table};
use super::said;
use crate::answer::Outcome;
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::segment;
use crate::table::Pages;
use crate::trouble::Trouble;

pub fn pages(pages: Pages) -> Pages {
    pages
        .operator(Method::GET, PATH, "read_system", show)
        .operator(Method::POST, "/console/system/sign-out", "sign_out_everybody", sign_out)
        .operator(Method::POST, "/console/system/keys/{id}/end", "manage_keys", end_key)
}

const PATH: &str = "/console/system";

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

/// A key that the bank seals or signs with, as the API tells of it.
#[derive(Deserialize)]
struct Key {
    purpose: String,
    version: u32,
    state: String,
    created_at: String,
    retired_at: Option<String>,
    destruction_approved_at: Option<String>,
    sealings: i64,
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
    page(&operator).await?.show()
}

async fn sign_out(operator: Operator) -> Outcome {
    let asked = operator.change("/v1/staff/sessions/end");
    after(&operator, asked.receive::<Done>().await, "everybody_signed_out").await
}

/// The key is named by purpose and version, as `personal_data-3`.
async fn end_key(operator: Operator) -> Outcome {
    let (purpose, version) = operator.segment(0).rsplit_once('-').unwrap_or_default();
    let Ok(version) = version.parse::<u32>() else { return Err(Trouble::NotFound) };
    let body = json!({ "purpose": purpose, "version": version });
    let asked = operator.change("/v1/staff/data_keys/destroy").json(&body);
    after(&operator, asked.receive::<Done>().await, "key_ending").await
}

async fn after(operator: &Operator, asked: Result<Done, Refused>, notice: &str) -> Outcome {
    match asked {
        Ok(done) => done.leads_to(PATH, notice),
        Err(refused) => page(operator).await?.answer(operator, Some(&refused)),
    }
}

async fn page(operator: &Operator) -> Result<Page<'_>, Refused> {
    let jobs = operator.get("/v1/staff/jobs").receive::<List<Job>>();
    let (health, jobs, keys) = tokio::try_join!(health(operator), jobs, keys(operator))?;
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
    let heads = &["Job", "Last", "#Every", "#Runs", "#Failures", "Began", "#Took", "#Rows", "Next"];
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
    page = page.section(Section::new("What was found", vec![Part::Table(table)]));
    if let Some(keys) = keys {
        let rows = keys.into_iter().map(|key| key_row(operator, key)).collect();
        let heads = &["Purpose", "#Version", "State", "Made", "Retired", "#Sealed", "End"];
        let table = Table::whole("Data keys", heads, rows, "There are no keys.");
        let text = "Keys are rotated on the bank's own machine, with “exchequer keys rotate”. A retired one can be ended here.";
        page = page.section(Section::new("Data keys", vec![Part::Table(table)]).text(text));
    }
    let mut acts = Vec::new();
    if operator.may("sign_out_everybody") {
        let mut act = operator.act("Sign everybody out", "/console/system/sign-out").danger();
        act.text = "Ends every session but this one, customers' and operators'. All may sign in again at once.";
        acts.push(act);
    }
    Ok(page.acts("In an emergency", acts))
}

/// Nothing for whoever does not manage keys.
async fn keys(operator: &Operator) -> Result<Option<Vec<Key>>, Refused> {
    if !operator.may("manage_keys") {
        return Ok(None);
    }
    let list: List<Key> = operator.get("/v1/staff/data_keys").receive().await?;
    Ok(Some(list.data))
}

fn key_row(operator: &Operator, key: Key) -> Vec<Cell> {
    let end = if key.destruction_approved_at.is_some() {
        Cell::text("Goes as soon as nothing is left under it")
    } else if key.state == "retired" {
        let name = format!("{}-{}", segment(&key.purpose), key.version);
        let mut act = operator.act("End this key", format!("{PATH}/keys/{name}/end")).danger();
        act.text = "A second administrator approves it. It goes as soon as nothing is left under it, and cannot come back.";
        Cell::Act(Box::new(act))
    } else {
        Cell::Nothing
    };
    vec![
        Cell::text(said::words(&key.purpose)),
        Cell::Amount(key.version.to_string()),
        Cell::standing(&key.state),
        Cell::Time(key.created_at),
        Cell::time(key.retired_at.as_deref()),
        Cell::count(key.sealings),
        end,
    ]
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
