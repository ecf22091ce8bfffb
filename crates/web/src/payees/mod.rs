//! Payees: whom a customer pays, under names of their own.

mod add;
pub mod check;
mod list;
mod remove;

use http::Method;
use serde::Deserialize;

use crate::api::{List, Refused};
use crate::callers::Customer;
use crate::form;
use crate::table::Pages;

/// As many as the API tells at once.
const PART: u32 = 100;
/// The API lets nobody have more than 2,000.
const MAX_PARTS: u32 = 20;

pub fn pages(pages: Pages) -> Pages {
    pages
        .customer(Method::GET, "/payees", list::show)
        .customer(Method::POST, "/payees", add::submit)
        .customer(Method::GET, "/payees/new", add::show)
        .customer(Method::POST, "/payees/review", add::review)
        .customer(Method::POST, "/payees/edit", add::edit)
        .customer(Method::GET, "/payees/{id}/remove", remove::ask)
        .customer(Method::POST, "/payees/{id}/remove", remove::submit)
}

/// Somebody's account on a customer's list.
#[derive(Debug, Clone, Deserialize)]
pub struct Payee {
    pub id: String,
    pub account: String,
    pub number: String,
    pub name: String,
    pub created_at: String,
    /// When large amounts may be sent.
    pub trusted_at: String,
}

/// Enough to choose from, and the one that fits, wherever on the list it is; who has more finds them on the list's own
/// page.
pub async fn known_with(
    customer: &Customer,
    fits: impl Fn(&Payee) -> bool,
) -> Result<Vec<Payee>, Refused> {
    let List { data: mut known, next_cursor: mut next } = part(customer, "").await?;
    if known.iter().any(&fits) {
        return Ok(known);
    }
    for _ in 1..MAX_PARTS {
        let Some(cursor) = next else { break };
        let list = part(customer, &cursor).await?;
        if let Some(payee) = list.data.into_iter().find(&fits) {
            known.push(payee);
            break;
        }
        next = list.next_cursor;
    }
    Ok(known)
}

async fn part(customer: &Customer, cursor: &str) -> Result<List<Payee>, Refused> {
    let query = form::query(&[("limit", &PART.to_string()), ("cursor", cursor)]);
    customer.get(format!("/v1/beneficiaries?{query}")).receive().await
}
