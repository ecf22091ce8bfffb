//! `/console/transfers/{id}`: one posting, and sending it back.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::accounts::typed_amount;
use super::desk::{Done, Page};
use super::parts::{Act, Cell, Facts, Input, Link, Part, Section};
use super::said;
use crate::answer::Outcome;
use crate::api::Refused;
use crate::callers::Operator;
use crate::form::segment;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages.operator(Method::GET, "/console/transfers/{id}", "read_accounts", show).operator(
        Method::POST,
        "/console/transfers/{id}/reverse",
        "reverse_transfer",
        reverse,
    )
}

const API: &str = "/v1/staff/transfers/";

/// As operators see one.
#[derive(Deserialize)]
pub struct Transfer {
    pub id: String,
    pub from: String,
    pub to: String,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub memo: Option<String>,
    pub posted_at: String,
    pub kind: String,
    /// Sent back so far.
    pub reversed: i64,
    /// What this one sends back.
    pub reverses: Option<String>,
}

impl Transfer {
    fn left(&self) -> i64 {
        self.amount.saturating_sub(self.reversed)
    }
}

async fn show(operator: Operator) -> Outcome {
    page(&operator).await?.show()
}

async fn reverse(operator: Operator) -> Outcome {
    let back = operator.path_of("/console/transfers/", "");
    match reversed(&operator).await {
        Ok(done) => done.leads_to(&back, "reversed"),
        Err(refused) => page(&operator).await?.answer(&operator, Some(&refused)),
    }
}

async fn reversed(operator: &Operator) -> Result<Done, Refused> {
    let transfer = one(operator, operator.segment(0)).await?;
    let amount = match operator.form().some("amount") {
        None => Value::Null,
        Some(_) => typed_amount(operator, "amount", &transfer.currency)?.into(),
    };
    let body = json!({ "amount": amount, "reason": operator.form().text("reason") });
    operator.change(operator.path_of(API, "/reverse")).json(&body).receive().await
}

pub async fn one(operator: &Operator, id: &str) -> Result<Transfer, Refused> {
    operator.get(format!("{API}{}", segment(id))).receive().await
}

async fn page(operator: &Operator) -> Result<Page<'_>, Refused> {
    let transfer = one(operator, operator.segment(0)).await?;
    let title = format!(
        "{} {}",
        said::words(&transfer.kind),
        said::money(transfer.amount, &transfer.currency)
    );
    let mut page = operator
        .page(&title, &[("/console/accounts", "Accounts")])
        .standing(&transfer.status)
        .section(Section::new("", vec![Part::Facts(Facts(facts(operator, &transfer)))]));
    // What sends something back, and what is all sent back, is not sent back again.
    if transfer.left() > 0 && transfer.reverses.is_none() && operator.may("reverse_transfer") {
        let amount = Input::text("amount", "Amount").optional().long(40);
        let amount = amount.hint("Empty is all that is left.");
        let reason = Input::text("reason", "Reason").hint("On both statements.");
        let act = Act {
            text: "A new transfer sends the money back, and names this one. A second operator may have to approve.",
            ..operator
                .act("Reverse", format!("{}/reverse", operator.path_of("/console/transfers/", "")))
        };
        page = page.acts("Change", vec![act.danger().input(amount).input(reason)]);
    }
    if operator.may("read_events") {
        let to = format!("/console/events?resource={}", segment(&transfer.id));
        let link = Link { to, text: "What was done about this transfer".to_owned() };
        page = page.section(Section::new("Trail", vec![Part::Links(vec![link])]));
    }
    Ok(page)
}

pub fn facts(operator: &Operator, transfer: &Transfer) -> Vec<(String, Cell)> {
    let money = |minor| Cell::money(minor, &transfer.currency);
    let fact = |label: &str, value: Cell| (label.to_owned(), value);
    vec![
        fact("From", operator.about(&transfer.from)),
        fact("To", operator.about(&transfer.to)),
        fact("Amount", money(transfer.amount)),
        fact("Sent back", money(transfer.reversed)),
        fact("Sends back", operator.about_some(transfer.reverses.as_deref())),
        fact("Memo", Cell::maybe(transfer.memo.as_deref())),
        fact("Posted", Cell::Time(transfer.posted_at.clone())),
        fact("Id", Cell::code(&transfer.id)),
    ]
}
