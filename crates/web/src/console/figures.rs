//! `/console/figures`: volume, declines and latency, as charts.

use http::Method;
use serde::Deserialize;

use super::chart::{Chart, Series};
use super::parts::{Cell, Facts, Input, Part, Section, Table};
use super::said;
use crate::answer::Outcome;
use crate::api::Refused;
use crate::callers::Operator;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages.operator(Method::GET, "/console/figures", "read_figures", show)
}

/// As the API counts them.
#[derive(Deserialize)]
pub struct Figures {
    pub days: Vec<Day>,
    /// None before the first sum.
    pub counted_until: Option<String>,
    pub latency: Latency,
}

#[derive(Deserialize)]
pub struct Day {
    #[serde(rename = "day")]
    pub date: String,
    pub transfers: Vec<Sum>,
    pub payments: Payments,
    pub declines: Vec<Decline>,
}

#[derive(Deserialize)]
pub struct Sum {
    pub currency: String,
    pub count: i64,
    /// Minor units.
    pub volume: i64,
}

#[derive(Deserialize)]
pub struct Payments {
    pub live: Outcomes,
    pub test: Outcomes,
}

#[derive(Deserialize)]
pub struct Outcomes {
    pub approved: i64,
    pub declined: i64,
    pub open: i64,
}

#[derive(Deserialize)]
pub struct Decline {
    pub mode: String,
    pub code: String,
    pub count: i64,
}

/// Of the node that answered.
#[derive(Deserialize)]
pub struct Latency {
    pub window_seconds: i64,
    pub requests: i64,
    pub p50_us: Option<i64>,
    pub p95_us: Option<i64>,
    pub p99_us: Option<i64>,
}

/// Days to choose from.
const SPANS: [(&str, &str); 3] = [("7", "7 days"), ("30", "30 days"), ("90", "90 days")];
/// Charts of one page; a bank with more currencies has the rest in the API.
const VOLUMES: [&str; 4] = ["volume-a", "volume-b", "volume-c", "volume-d"];

pub async fn of_days(operator: &Operator, days: u32) -> Result<Figures, Refused> {
    operator.get(format!("/v1/staff/figures?days={days}")).receive().await
}

async fn show(operator: Operator) -> Outcome {
    let asked = operator.query().text("days");
    let days = SPANS
        .iter()
        .find(|(days, _)| *days == asked)
        .map_or(30, |(days, _)| days.parse().unwrap_or(30));
    let figures = of_days(&operator, days).await?;
    let mut choice = operator.filter(
        "/console/figures",
        "Show",
        vec![Input::choice("days", "How far back", &SPANS)],
    );
    for input in &mut choice.inputs {
        input.value = days.to_string();
    }
    let labels: Vec<String> = figures.days.iter().map(|day| day.date.clone()).collect();
    let mut charts = volumes(&figures, &labels);
    charts.push(cards(&figures, &labels, ("cards-live", "Card payments, live"), |payments| {
        &payments.live
    }));
    charts.push(cards(&figures, &labels, ("cards-test", "Card payments, test"), |payments| {
        &payments.test
    }));
    let parts = charts.into_iter().map(Part::Chart).collect();
    operator
        .page("Figures", &[])
        .lead(counted(&figures))
        .section(Section::new("", vec![Part::Filter(choice)]))
        .section(Section::new("Volume and card payments", parts))
        .section(Section::new("Declines", vec![Part::Table(declines(&figures))]))
        .section(Section::new("Latency", vec![Part::Facts(latency(&figures.latency))]).text(
            "Of the node that answered this page, from the request's head to its answer, over the last window.",
        ))
        .show()
}

/// Up to when the sums go.
pub fn counted(figures: &Figures) -> String {
    let until = figures.counted_until.as_deref();
    until.map_or_else(
        || "Nothing is counted yet: the first sums come within two minutes.".to_owned(),
        |until| format!("Counted until {}.", said::time(until)),
    )
}

/// What customers moved, a chart for each currency.
fn volumes(figures: &Figures, labels: &[String]) -> Vec<Chart> {
    let mut currencies: Vec<&str> = figures
        .days
        .iter()
        .flat_map(|day| &day.transfers)
        .map(|sum| sum.currency.as_str())
        .collect();
    currencies.sort_unstable();
    currencies.dedup();
    let chart = |(id, currency): (&'static str, &str)| {
        let of = |day: &Day| {
            day.transfers.iter().filter(|sum| sum.currency == currency).map(|sum| sum.volume).sum()
        };
        let values = figures.days.iter().map(of).collect();
        let series = vec![Series { name: currency.to_owned(), class: "one", values }];
        let title = format!("Transfers, {currency}");
        Chart::stacked(id, title, labels, series, |value| said::money(value, currency))
    };
    VOLUMES.into_iter().zip(currencies).map(chart).collect()
}

fn cards(
    figures: &Figures,
    labels: &[String],
    (id, title): (&'static str, &'static str),
    of: impl Fn(&Payments) -> &Outcomes,
) -> Chart {
    let values = |pick: fn(&Outcomes) -> i64| {
        figures.days.iter().map(|day| pick(of(&day.payments))).collect()
    };
    let series = vec![
        Series { name: "Approved".to_owned(), class: "one", values: values(|of| of.approved) },
        Series { name: "Declined".to_owned(), class: "two", values: values(|of| of.declined) },
        Series { name: "Open".to_owned(), class: "three", values: values(|of| of.open) },
    ];
    Chart::stacked(id, title, labels, series, said::grouped)
}

/// Why, over all days, the most frequent first.
fn declines(figures: &Figures) -> Table {
    let mut sums = std::collections::BTreeMap::<(&str, &str), i64>::new();
    for decline in figures.days.iter().flat_map(|day| &day.declines) {
        let sum = sums.entry((&decline.mode, &decline.code)).or_default();
        *sum = sum.saturating_add(decline.count);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let row = |((mode, code), count): ((&str, &str), i64)| {
        vec![Cell::text(said::words(code)), Cell::text(mode), Cell::Amount(said::grouped(count))]
    };
    let rows = sums.into_iter().map(row).collect();
    Table::whole(
        "Declines by reason",
        &["Reason", "Mode", "#Payments"],
        rows,
        "No payment was declined.",
    )
}

fn latency(latency: &Latency) -> Facts {
    let fact = |label: &str, micros: Option<i64>| {
        (
            label.to_owned(),
            micros.map_or(Cell::Nothing, |micros| Cell::Amount(milliseconds(micros))),
        )
    };
    let window = format!("{} s", latency.window_seconds);
    Facts(vec![
        ("Window".to_owned(), Cell::Amount(window)),
        ("Requests".to_owned(), Cell::Amount(said::grouped(latency.requests))),
        fact("Half are faster than", latency.p50_us),
        fact("95 of 100 are faster than", latency.p95_us),
        fact("99 of 100 are faster than", latency.p99_us),
    ])
}

/// `1.234 ms`.
fn milliseconds(micros: i64) -> String {
    format!("{}.{:03}\u{a0}ms", micros / 1_000, micros % 1_000)
}
