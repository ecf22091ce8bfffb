//! Accounts: open one, see one with its entries, its statements, and each transfer's receipt.

mod entries;
mod filter;
mod history;
mod open;
mod page;
mod receipt;
mod statement;

use http::Method;
use serde::Deserialize;

pub use entries::{Entry, Names, Shown};
pub use history::{Glance, History};

use crate::api::{List, Refused};
use crate::callers::Customer;
use crate::form::segment;
use crate::table::Pages;
use crate::words::Words;

pub fn pages(pages: Pages) -> Pages {
    pages
        .customer(Method::GET, "/accounts/new", open::show)
        .customer(Method::POST, "/accounts", open::submit)
        .customer(Method::GET, "/accounts/{id}", page::show)
        .customer(Method::GET, "/accounts/{id}/statement", statement::show)
        .customer(Method::GET, "/transfers/{id}", receipt::show)
}

#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    pub id: String,
    pub number: String,
    pub name: String,
    pub currency: String,
    pub status: String,
    pub balance: Balance,
}

/// Minor units.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Balance {
    pub posted: i64,
    pub held: i64,
    pub available: i64,
}

impl Account {
    pub fn is_open(&self) -> bool {
        self.status == "open"
    }

    /// What keeps money from moving; `None` of an open account.
    pub fn standing(&self, words: &Words) -> Option<&'static str> {
        match self.status.as_str() {
            "open" => None,
            "frozen" => Some(words.accounts.frozen),
            _ => Some(words.accounts.closed),
        }
    }
}

/// A customer's accounts: one page of the API's list holds as many as anybody has.
pub async fn all(customer: &Customer) -> Result<Vec<Account>, Refused> {
    let list: List<Account> = customer.get("/v1/accounts?limit=100").receive().await?;
    Ok(list.data)
}

/// The account that the page's path names.
async fn named(customer: &Customer) -> Result<Account, Refused> {
    customer.get(format!("/v1/accounts/{}", segment(customer.segment(0)))).receive().await
}
