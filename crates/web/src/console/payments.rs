//! `/console/payments`: card payments and refunds, with what was asked of the gateway and what was posted.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::accounts::typed_amount;
use super::desk::{Done, Page};
use super::names::Merchants;
use super::parts::{Act, Badge, Cell, Facts, Input, Part, Section, Table};
use super::said;
use crate::answer::Outcome;
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::segment;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .operator(Method::GET, PATH, "read_payments", list)
        .operator(Method::GET, "/console/payments/{id}", "read_payments", show)
        .operator(Method::POST, "/console/payments/{id}/refund", "refund_payments", refund)
}

const PATH: &str = "/console/payments";
const API: &str = "/v1/staff/payments/";
const STATUSES: [(&str, &str); 7] = [
    ("", "All"),
    ("processing", "Processing"),
    ("unknown", "Unknown outcome"),
    ("authorized", "Authorized"),
    ("succeeded", "Succeeded"),
    ("declined", "Declined"),
    ("canceled", "Canceled"),
];

#[derive(Deserialize)]
struct Payment {
    id: String,
    status: String,
    amount: i64,
    currency: String,
    captured: i64,
    refunded: i64,
    fee: i64,
    card: String,
    card_brand: String,
    card_last4: String,
    capture: String,
    decline_code: Option<String>,
    metadata: Option<Value>,
    mode: String,
    created_at: String,
    updated_at: String,
    merchant: String,
    state: String,
    gateway: String,
    gateway_reference: Option<String>,
    has_unknown: bool,
}

#[derive(Deserialize)]
struct Dossier {
    #[serde(flatten)]
    payment: Payment,
    refunds: Vec<Refund>,
    history: Vec<Change>,
    steps: Vec<Step>,
    postings: Vec<Posting>,
}

#[derive(Deserialize)]
struct Refund {
    id: String,
    amount: i64,
    status: String,
    failure_code: Option<String>,
    created_at: String,
}

#[derive(Deserialize)]
struct Change {
    at: String,
    state: String,
    operation: Option<String>,
    amount: Option<i64>,
}

/// Something that was asked of the gateway.
#[derive(Deserialize)]
struct Step {
    operation: String,
    kind: String,
    amount: Option<i64>,
    state: String,
    gateway_reference: Option<String>,
    code: Option<String>,
    asked: i64,
    created_at: String,
    ended_at: Option<String>,
    next_ask_at: Option<String>,
}

#[derive(Deserialize)]
struct Posting {
    transfer: String,
    kind: String,
    from: String,
    to: String,
    amount: i64,
    currency: String,
    posted_at: String,
}

async fn list(operator: Operator) -> Outcome {
    let inputs = vec![
        Input::choice("status", "Status", &STATUSES),
        Input::text("merchant", "Merchant's id"),
    ];
    let filter = operator.filter(PATH, "Show", inputs);
    let page = operator.page("Payments", &[]).section(Section::new("", vec![Part::Filter(filter)]));
    let path = operator.list_path("/v1/staff/payments", &["status", "merchant", "cursor"]);
    let list = operator.get(path).receive::<List<Payment>>();
    let (list, merchants) = match tokio::try_join!(list, Merchants::all(&operator)) {
        Ok(found) => found,
        Err(refused) if refused.code == "invalid_fields" => return page.misasked(&refused).show(),
        Err(refused) => return Err(refused.into()),
    };
    let rows = list.data.iter().map(|payment| row(&operator, &merchants, payment)).collect();
    let heads = &["Payment", "Status", "#Amount", "#Captured", "#Refunded", "Card", "Merchant"];
    let table = Table::whole("Payments, newest first", heads, rows, "There are no such payments.")
        .next(operator.more(list.next_cursor.as_deref()));
    page.section(Section::new("", vec![Part::Table(table)])).show()
}

fn row(operator: &Operator, merchants: &Merchants, payment: &Payment) -> Vec<Cell> {
    let money = |minor| Cell::money(minor, &payment.currency);
    let to = format!("{PATH}/{}", segment(&payment.id));
    vec![
        Cell::Stack(vec![Cell::link(to, &payment.id), Cell::Time(payment.created_at.clone())]),
        Cell::Badge(standing(payment)),
        money(payment.amount),
        money(payment.captured),
        money(payment.refunded),
        Cell::text(format!("{} ···· {}", payment.card_brand, payment.card_last4)),
        Cell::Stack(vec![merchants.cell(operator, &payment.merchant), Cell::text(&payment.mode)]),
    ]
}

/// That something of it is not known is more than its status.
fn standing(payment: &Payment) -> Badge {
    if payment.has_unknown {
        Badge { tone: "wait", text: format!("{}, outcome unknown", said::words(&payment.status)) }
    } else {
        said::badge(&payment.status)
    }
}

async fn show(operator: Operator) -> Outcome {
    page(&operator).await?.show()
}

async fn refund(operator: Operator) -> Outcome {
    match refunded(&operator).await {
        Ok(done) => done.leads_to(&operator.path_of("/console/payments/", ""), "refunded"),
        Err(refused) => page(&operator).await?.answer(&operator, Some(&refused)),
    }
}

async fn refunded(operator: &Operator) -> Result<Done, Refused> {
    let dossier = one(operator).await?;
    let body = json!({
        "amount": typed_amount(operator, "amount", &dossier.payment.currency)?,
        "reason": operator.form().text("reason"),
    });
    operator.change(operator.path_of(API, "/refunds")).json(&body).receive().await
}

async fn one(operator: &Operator) -> Result<Dossier, Refused> {
    operator.get(operator.path_of(API, "")).receive().await
}

async fn page(operator: &Operator) -> Result<Page<'_>, Refused> {
    let dossier = one(operator).await?;
    let payment = &dossier.payment;
    let title = format!("Payment of {}", said::money(payment.amount, &payment.currency));
    let mut page = operator.page(&title, &[(PATH, "Payments")]);
    page.badge = Some(standing(payment));
    if payment.has_unknown {
        page = page.lead(
            "The gateway has not said what became of a step. The money stays held, and the gateway is asked again by itself.",
        );
    }
    page = page
        .section(Section::new("", vec![Part::Facts(facts(operator, payment))]))
        .section(Section::new("Refunds", vec![Part::Table(refunds(&dossier))]))
        .section(Section::new("Asked of the gateway", vec![Part::Table(steps(&dossier))]))
        .section(Section::new("History", vec![Part::Table(history(&dossier))]))
        .section(Section::new("Postings", vec![Part::Table(postings(operator, &dossier))]));
    if let Some(metadata) = &payment.metadata {
        let facts = said::flat(metadata).into_iter().map(|(name, value)| (name, Cell::Text(value)));
        let part = Part::Facts(Facts(facts.collect()));
        page = page.section(Section::new("The merchant's own notes", vec![part]));
    }
    if payment.captured > payment.refunded && operator.may("refund_payments") {
        page = page.acts("Change", vec![refund_act(operator, payment)]);
    }
    Ok(page)
}

/// In a merchant's place: it cannot, or may not refund as much.
fn refund_act(operator: &Operator, payment: &Payment) -> Act {
    let left = said::money(payment.captured.saturating_sub(payment.refunded), &payment.currency);
    let amount = Input::text("amount", "Amount").long(40).value(left);
    let reason = Input::text("reason", "Reason").hint("For the trail, and for who approves.");
    let act = Act {
        text: "The merchant's money goes back to the card. A large amount may wait for a second operator.",
        ..operator.act("Refund", operator.path_of("/console/payments/", "/refund"))
    };
    act.danger().input(amount).input(reason)
}

fn facts(operator: &Operator, payment: &Payment) -> Facts {
    let money = |minor| Cell::money(minor, &payment.currency);
    let fact = |label: &str, value: Cell| (label.to_owned(), value);
    Facts(vec![
        fact("Merchant", operator.about(&payment.merchant)),
        fact("Mode", Cell::text(&payment.mode)),
        fact("Card", Cell::text(format!("{} ···· {}", payment.card_brand, payment.card_last4))),
        fact("Card's id", Cell::code(&payment.card)),
        fact("Amount", money(payment.amount)),
        fact("Captured", money(payment.captured)),
        fact("Refunded", money(payment.refunded)),
        fact("Fee", money(payment.fee)),
        fact("Capture", Cell::text(said::words(&payment.capture))),
        fact("State", Cell::standing(&payment.state)),
        fact("Declined for", Cell::maybe(payment.decline_code.as_deref().map(said::words))),
        fact("Gateway", Cell::text(&payment.gateway)),
        fact(
            "Gateway's reference",
            payment.gateway_reference.as_ref().map_or(Cell::Nothing, Cell::code),
        ),
        fact("Begun", Cell::Time(payment.created_at.clone())),
        fact("Last change", Cell::Time(payment.updated_at.clone())),
        fact("Id", Cell::code(&payment.id)),
    ])
}

fn refunds(dossier: &Dossier) -> Table {
    let row = |refund: &Refund| {
        vec![
            Cell::code(&refund.id),
            Cell::standing(&refund.status),
            Cell::money(refund.amount, &dossier.payment.currency),
            Cell::maybe(refund.failure_code.as_deref().map(said::words)),
            Cell::Time(refund.created_at.clone()),
        ]
    };
    let rows = dossier.refunds.iter().map(row).collect();
    Table::whole(
        "Refunds",
        &["Refund", "Status", "#Amount", "Failed for", "Asked"],
        rows,
        "Nothing was refunded.",
    )
}

fn steps(dossier: &Dossier) -> Table {
    let row = |step: &Step| {
        let code = step.code.as_deref().map(Cell::text);
        let state = std::iter::once(Cell::standing(&step.state)).chain(code).collect();
        vec![
            Cell::Stack(vec![Cell::text(said::words(&step.kind)), Cell::code(&step.operation)]),
            Cell::Stack(state),
            amount(step.amount, dossier),
            Cell::count(step.asked),
            Cell::Time(step.created_at.clone()),
            Cell::time(step.ended_at.as_deref()),
            Cell::time(step.next_ask_at.as_deref()),
            step.gateway_reference.as_ref().map_or(Cell::Nothing, Cell::code),
        ]
    };
    let rows = dossier.steps.iter().map(row).collect();
    let heads = &["Step", "State", "#Amount", "#Asked", "Begun", "Ended", "Next ask", "Reference"];
    Table::whole("Steps at the gateway", heads, rows, "The gateway was asked nothing.")
}

fn history(dossier: &Dossier) -> Table {
    let row = |change: &Change| {
        vec![
            Cell::Time(change.at.clone()),
            Cell::text(said::words(&change.state)),
            amount(change.amount, dossier),
            change.operation.as_ref().map_or(Cell::Nothing, Cell::code),
        ]
    };
    let rows = dossier.history.iter().map(row).collect();
    Table::whole("History", &["When", "What", "#Amount", "Operation"], rows, "There is no history.")
}

fn amount(minor: Option<i64>, dossier: &Dossier) -> Cell {
    minor.map_or(Cell::Nothing, |minor| Cell::money(minor, &dossier.payment.currency))
}

fn postings(operator: &Operator, dossier: &Dossier) -> Table {
    let row = |posting: &Posting| {
        vec![
            operator.about(&posting.transfer),
            Cell::text(said::words(&posting.kind)),
            operator.about(&posting.from),
            operator.about(&posting.to),
            Cell::money(posting.amount, &posting.currency),
            Cell::Time(posting.posted_at.clone()),
        ]
    };
    let rows = dossier.postings.iter().map(row).collect();
    let heads = &["Transfer", "Kind", "From", "To", "#Amount", "Posted"];
    Table::whole("Postings", heads, rows, "Nothing was posted.")
}
