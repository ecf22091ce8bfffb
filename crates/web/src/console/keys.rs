//! Merchants' keys: made, rotated, revoked. What a key signs with is shown in the answer to the form, and never again.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::{Misread, Waiting};
use super::merchants::{here, page};
use super::parts::{Act, Cell, Input, Link, Part, Secret, Table};
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Operator;
use crate::form::segment;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    const ROTATE: &str = "/console/merchants/{id}/keys/{key}/rotate";
    const REVOKE: &str = "/console/merchants/{id}/keys/{key}/revoke";
    pages
        .operator(Method::POST, "/console/merchants/{id}/keys", "manage_merchants", submit)
        .operator(Method::POST, ROTATE, "manage_merchants", rotate)
        .operator(Method::POST, REVOKE, "manage_merchants", revoke)
}

#[derive(Deserialize)]
pub struct Key {
    id: String,
    mode: String,
    algorithm: String,
    name: String,
    routes: Vec<String>,
    addresses: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
}

/// A key that was made, or waits.
#[derive(Deserialize)]
struct Made {
    approval: Option<Waiting>,
    secret: Option<String>,
}

const MODES: [(&str, &str); 2] = [("test", "Test"), ("live", "Live")];
const HOURS: [(&str, &str); 4] =
    [("86400", "One day"), ("604800", "Seven days"), ("3600", "One hour"), ("0", "Not at all")];

/// The form for a new key.
pub fn make(operator: &Operator, merchant: &str) -> Act {
    let act = Act {
        text: "The secret is shown once. A live key signs nothing before a second operator has approved it.",
        ..operator.act("Make a key", format!("/console/merchants/{}/keys", segment(merchant)))
    };
    act.input(Input::choice("mode", "Mode", &MODES))
        .input(Input::text("name", "Name").hint("For operators."))
        .input(public_key())
        .input(
            Input::text("routes", "Routes")
                .hint("As POST /v1/payments, GET /v1/*; with commas between them. Empty is every route.")
                .optional()
                .long(1_000),
        )
        .input(
            Input::text("addresses", "Addresses")
                .hint("As 192.0.2.0/24, with commas between them. Empty is from everywhere.")
                .optional()
                .long(1_000),
        )
        .input(Input::text("days", "Ends after days").hint("Empty is not by itself.").optional().long(5))
}

fn public_key() -> Input {
    Input::text("public_key", "Public key")
        .hint("64 hex digits of the merchant's own Ed25519 key. Empty: the bank draws a secret.")
        .optional()
}

async fn submit(operator: Operator) -> Outcome {
    let made = asked(&operator).await;
    answer(&operator, made).await
}

async fn asked(operator: &Operator) -> Result<Made, Refused> {
    let form = operator.form();
    let days = match form.some("days") {
        None => Value::Null,
        Some(days) => {
            let days =
                days.parse::<u16>().map_err(|_| Misread::new("days", "A whole number of days."))?;
            (i64::from(days) * 86_400).into()
        }
    };
    let body = json!({
        "mode": form.text("mode"),
        "name": form.text("name"),
        "public_key": form.some("public_key"),
        "routes": listed(&form.text("routes")),
        "addresses": listed(&form.text("addresses")),
        "expires_in": days,
    });
    let path = operator.path_of("/v1/staff/merchants/", "/keys");
    operator.change(path).json(&body).receive().await
}

async fn rotate(operator: Operator) -> Outcome {
    let made = rotated(&operator).await;
    answer(&operator, made).await
}

async fn rotated(operator: &Operator) -> Result<Made, Refused> {
    let form = operator.form();
    // What was typed and is no number is told, not taken for the API's own overlap.
    let overlap = form.some("overlap").map(|text| text.parse::<i64>()).transpose();
    let overlap = overlap.map_err(|_| Misread::new("overlap", "A whole number of seconds."))?;
    let body = json!({ "overlap": overlap, "public_key": form.some("public_key") });
    operator.change(path(operator, "rotate")).json(&body).receive().await
}

async fn revoke(operator: Operator) -> Outcome {
    match operator.change(path(&operator, "revoke")).done().await {
        Ok(()) => Answer::to(format!("{}?done=key_revoked", here(&operator))),
        Err(refused) => page(&operator, Vec::new()).await?.answer(&operator, Some(&refused)),
    }
}

fn path(operator: &Operator, verb: &str) -> String {
    format!("/v1/staff/merchant_keys/{}/{verb}", segment(operator.segment(1)))
}

/// Not led on: the secret is in no other answer.
async fn answer(operator: &Operator, made: Result<Made, Refused>) -> Outcome {
    let made = match made {
        Ok(made) => made,
        Err(refused) => {
            return page(operator, Vec::new()).await?.answer(operator, Some(&refused));
        }
    };
    let mut first = Vec::new();
    if let Some(waiting) = &made.approval {
        let text = "The key waits for a second operator, and signs nothing before.";
        let to = format!("/console/approvals/{}", segment(&waiting.id));
        first.push(Part::Text(text.to_owned()));
        first.push(Part::Links(vec![Link { to, text: "See what waits".to_owned() }]));
    }
    match made.secret {
        Some(value) => first.push(Part::Secret(Secret {
            label: "The key's secret",
            text: "Hand it to the merchant now: it is shown on this page only and cannot be looked up.",
            value,
        })),
        None => first.push(Part::Text("The merchant signs with its own private key.".to_owned())),
    }
    page(operator, first).await?.show()
}

/// What stands between commas.
fn listed(text: &str) -> Option<Vec<String>> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let items: Vec<_> = items.map(str::to_owned).collect();
    (!items.is_empty()).then_some(items)
}

pub fn table(operator: &Operator, merchant: &str, keys: Vec<Key>) -> Table {
    let rows = keys.into_iter().map(|key| row(operator, merchant, key)).collect();
    let heads = &["Key", "Mode, standing", "For", "Made", "Ends", "Change"];
    Table::whole("Keys", heads, rows, "There is no key yet.")
}

fn row(operator: &Operator, merchant: &str, key: Key) -> Vec<Cell> {
    let all = |items: &[String], none: &str| {
        Cell::Text(if items.is_empty() { none.to_owned() } else { items.join(", ") })
    };
    let is_live = key.revoked_at.is_none();
    let acts = if is_live && operator.may("manage_merchants") {
        let (rotate, revoke) = acts(operator, merchant, &key.id);
        Cell::Stack(vec![Cell::Act(Box::new(rotate)), Cell::Act(Box::new(revoke))])
    } else {
        Cell::Nothing
    };
    let standing = Cell::standing(if is_live { "active" } else { "revoked" });
    let ended = key.revoked_at.or(key.expires_at);
    vec![
        Cell::Stack(vec![Cell::text(key.name), Cell::code(key.id)]),
        Cell::Stack(vec![Cell::text(format!("{}, {}", key.mode, key.algorithm)), standing]),
        Cell::Stack(vec![all(&key.routes, "Every route"), all(&key.addresses, "From everywhere")]),
        Cell::Time(key.created_at),
        Cell::time(ended.as_deref()),
        acts,
    ]
}

fn acts(operator: &Operator, merchant: &str, key: &str) -> (Act, Act) {
    let path = |verb: &str| {
        format!("/console/merchants/{}/keys/{}/{verb}", segment(merchant), segment(key))
    };
    let rotate = Act {
        text: "A new key with the same rules. The old one serves on for a while.",
        ..operator.act("Rotate", path("rotate"))
    };
    let revoke = Act {
        text: "At once and for good: what the merchant signs with it is refused.",
        ..operator.act("Revoke", path("revoke"))
    };
    let overlap = Input::choice("overlap", "The old key serves on", &HOURS);
    (rotate.input(overlap).input(public_key()), revoke.danger())
}
