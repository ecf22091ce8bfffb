//! `/console/merchants`: who takes cards through this bank, on which terms, and paying them out.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::{Done, Misread, Page};
use super::parts::{Act, Cell, Facts, Input, Link, Part, Section, Table};
use super::{keys, said, webhooks};
use crate::answer::{Answer, Outcome};
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::segment;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .operator(Method::GET, PATH, "read_merchants", list)
        .operator(Method::POST, PATH, "manage_merchants", create)
        .operator(Method::GET, "/console/merchants/{id}", "read_merchants", show)
        .operator(Method::POST, "/console/merchants/{id}/terms", "manage_merchants", change)
        .operator(Method::POST, "/console/merchants/{id}/settle", "settle_merchants", settle)
}

const PATH: &str = "/console/merchants";
const API: &str = "/v1/staff/merchants/";
const STANDINGS: [(&str, &str); 2] =
    [("active", "Takes payments"), ("suspended", "Suspended: its keys do nothing")];

#[derive(Deserialize)]
pub struct Merchant {
    pub id: String,
    pub name: String,
    pub status: String,
    pub settlement_account: Option<String>,
    pub fee_basis_points: i64,
    pub fee_fixed: i64,
    /// Smallest units of all refunds of one payment; none: no limit.
    pub refund_limit: Option<i64>,
    pub created_at: String,
}

async fn list(operator: Operator) -> Outcome {
    all(&operator).await?.show()
}

async fn create(operator: Operator) -> Outcome {
    match created(&operator).await {
        Ok(merchant) => {
            Answer::to(format!("{PATH}/{}?done=merchant_created", segment(&merchant.id)))
        }
        Err(refused) => all(&operator).await?.answer(&operator, Some(&refused)),
    }
}

async fn created(operator: &Operator) -> Result<Merchant, Refused> {
    let body = terms(operator)?;
    operator.change("/v1/staff/merchants").json(&Value::Object(body)).receive().await
}

async fn show(operator: Operator) -> Outcome {
    page(&operator, Vec::new()).await?.show()
}

/// PUT takes no key: the same terms twice are the same terms.
async fn change(operator: Operator) -> Outcome {
    match changed(&operator).await {
        Ok(done) => done.leads_to(&here(&operator), "merchant_changed"),
        Err(refused) => page(&operator, Vec::new()).await?.answer(&operator, Some(&refused)),
    }
}

async fn changed(operator: &Operator) -> Result<Done, Refused> {
    let mut body = terms(operator)?;
    body.insert("status".to_owned(), operator.form().text("status").into());
    operator.put(operator.path_of(API, "")).json(&Value::Object(body)).receive().await
}

async fn settle(operator: Operator) -> Outcome {
    match operator.change(operator.path_of(API, "/settle")).receive::<Done>().await {
        Ok(done) => done.leads_to(&here(&operator), "settled"),
        Err(refused) => page(&operator, Vec::new()).await?.answer(&operator, Some(&refused)),
    }
}

/// The path of the merchant's page.
pub fn here(operator: &Operator) -> String {
    operator.path_of("/console/merchants/", "")
}

pub async fn one(operator: &Operator, id: &str) -> Result<Merchant, Refused> {
    operator.get(format!("{API}{}", segment(id))).receive().await
}

/// A page of the API's list.
async fn some(operator: &Operator) -> Result<List<Merchant>, Refused> {
    operator.get(operator.list_path("/v1/staff/merchants", &["cursor"])).receive().await
}

/// What a form says of a merchant.
fn terms(operator: &Operator) -> Result<serde_json::Map<String, Value>, Misread> {
    let form = operator.form();
    let whole = |name: &str| {
        let text = form.text(name);
        text.parse::<i64>().map_err(|_| Misread::new(name, "A whole number."))
    };
    let limit = form.some("refund_limit").map(|_| whole("refund_limit")).transpose()?;
    let body = json!({
        "name": form.text("name"),
        "settlement_account": form.some("settlement_account"),
        "fee_basis_points": whole("fee_basis_points")?,
        "fee_fixed": whole("fee_fixed")?,
        "refund_limit": limit,
    });
    match body {
        Value::Object(fields) => Ok(fields),
        _ => Ok(serde_json::Map::new()),
    }
}

async fn all(operator: &Operator) -> Result<Page<'_>, Refused> {
    let list = some(operator).await?;
    let row = |merchant: Merchant| {
        vec![
            Cell::link(format!("{PATH}/{}", segment(&merchant.id)), merchant.name),
            Cell::standing(&merchant.status),
            Cell::Amount(said::percent(merchant.fee_basis_points)),
            Cell::Amount(said::grouped(merchant.fee_fixed)),
            operator.about_some(merchant.settlement_account.as_deref()),
            Cell::Time(merchant.created_at),
        ]
    };
    let rows = list.data.into_iter().map(row).collect();
    let heads = &["Name", "Standing", "#Fee", "#Fixed fee, smallest units", "Paid out to", "Since"];
    let table = Table::whole("Merchants", heads, rows, "There is no merchant yet.")
        .next(operator.more(list.next_cursor.as_deref()));
    let page = operator.page("Merchants", &[]).section(Section::new("", vec![Part::Table(table)]));
    if !operator.may("manage_merchants") {
        return Ok(page);
    }
    let act = Act {
        text: "A new merchant begins in test mode: it takes live payments once it has a live key.",
        id: "new-merchant".to_owned(),
        ..operator.act("Create a merchant", PATH)
    };
    Ok(page.acts("New", vec![inputs(act, None)]))
}

fn inputs(act: Act, merchant: Option<&Merchant>) -> Act {
    let of = |value: fn(&Merchant) -> String| merchant.map(value).unwrap_or_default();
    let number = |value: String| if value.is_empty() { "0".to_owned() } else { value };
    let account = of(|merchant| merchant.settlement_account.clone().unwrap_or_default());
    act.input(Input::text("name", "Name").value(of(|merchant| merchant.name.clone())))
        .input(
            Input::text("settlement_account", "Paid out to")
                .hint("An account's id or number; without one nothing is paid out.")
                .optional()
                .value(account),
        )
        .input(
            Input::text("fee_basis_points", "Fee, in hundredths of a percent")
                .hint("250 is 2.50 %.")
                .value(number(of(|merchant| merchant.fee_basis_points.to_string())))
                .long(10),
        )
        .input(
            Input::text("fee_fixed", "Fixed fee, in the currency's smallest units")
                .hint("300 is ₹3.00 for a payment in rupees.")
                .value(number(of(|merchant| merchant.fee_fixed.to_string())))
                .long(20),
        )
        .input(
            Input::text("refund_limit", "Most that it refunds of one payment by itself")
                .hint(
                    "In the currency's smallest units; empty is no limit. More takes an operator.",
                )
                .optional()
                .value(of(|merchant| {
                    merchant.refund_limit.map(|limit| limit.to_string()).unwrap_or_default()
                }))
                .long(20),
        )
}

/// With what an act has to show first.
pub async fn page(operator: &Operator, first: Vec<Part>) -> Result<Page<'_>, Refused> {
    let merchant = operator.get(operator.path_of(API, "")).receive::<Merchant>();
    let held = operator.get(operator.path_of(API, "/keys")).receive::<List<keys::Key>>();
    let hooks = webhooks::of_merchant(operator, operator.segment(0));
    let (merchant, held, hooks) = tokio::try_join!(merchant, held, hooks)?;
    let mut page = operator.page(&merchant.name, &[(PATH, "Merchants")]).standing(&merchant.status);
    if !first.is_empty() {
        page = page.section(Section::new("", first));
    }
    let links = [
        ("payments?merchant", "Payments", "read_payments"),
        ("events?resource", "Trail", "read_events"),
    ];
    let links = links.into_iter().filter(|(_, _, permission)| operator.may(permission));
    let links = links.map(|(to, text, _)| Link {
        to: format!("/console/{to}={}", segment(&merchant.id)),
        text: text.to_owned(),
    });
    Ok(page
        .section(Section::new(
            "",
            vec![Part::Facts(facts(operator, &merchant)), Part::Links(links.collect())],
        ))
        .acts("Change", acts(operator, &merchant))
        .section(Section::new(
            "Keys",
            vec![Part::Table(keys::table(operator, &merchant.id, held.data))],
        ))
        .section(Section::new("Webhooks", vec![Part::Table(webhooks::table(hooks))])))
}

fn facts(operator: &Operator, merchant: &Merchant) -> Facts {
    let fact = |label: &str, value: Cell| (label.to_owned(), value);
    let account = merchant.settlement_account.as_deref();
    Facts(vec![
        fact("Paid out to", account.map_or(Cell::text("No account yet"), |id| operator.about(id))),
        fact("Fee", Cell::Amount(said::percent(merchant.fee_basis_points))),
        fact("Fixed fee, smallest units", Cell::Amount(said::grouped(merchant.fee_fixed))),
        fact(
            "Refunds by itself up to, smallest units",
            merchant
                .refund_limit
                .map_or(Cell::text("No limit"), |limit| Cell::Amount(said::grouped(limit))),
        ),
        fact("Since", Cell::Time(merchant.created_at.clone())),
        fact("Id", Cell::code(&merchant.id)),
    ])
}

fn acts(operator: &Operator, merchant: &Merchant) -> Vec<Act> {
    let path = |verb: &str| format!("{PATH}/{}/{verb}", segment(&merchant.id));
    let mut acts = Vec::new();
    if operator.may("manage_merchants") {
        let act = Act {
            text: "What favours the merchant waits for a second operator; what does not is changed at once.",
            ..operator.act("Change the terms", path("terms"))
        };
        let standing = Input::choice("status", "Standing", &STANDINGS).value(&merchant.status);
        acts.push(inputs(act, Some(merchant)).input(standing));
        acts.push(keys::make(operator, &merchant.id));
    }
    if operator.may("settle_merchants") && merchant.settlement_account.is_some() {
        let text = "All that is due in live mode goes to the merchant's account. A second operator may have to approve.";
        acts.push(Act { text, ..operator.act("Pay out", path("settle")) });
    }
    acts
}
