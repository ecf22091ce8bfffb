//! Accounts, as the API tells them.

use serde::Deserialize;

use crate::api::{List, Refused};
use crate::callers::Customer;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
}

#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    pub id: String,
    pub number: String,
    pub name: String,
    pub currency: String,
    pub status: String,
    pub balance: Balance,
    pub opened_at: String,
}

/// Minor units.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Balance {
    pub posted: i64,
    pub held: i64,
    pub available: i64,
}

/// A customer's accounts: one page of the API's list holds as many as anybody has.
pub async fn all(customer: &Customer) -> Result<Vec<Account>, Refused> {
    let list: List<Account> = customer.get("/v1/accounts?limit=100").receive().await?;
    Ok(list.data)
}
