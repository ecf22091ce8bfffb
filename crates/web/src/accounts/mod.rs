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

pub use entries::{Entry, Shown};
pub use history::{Glance, History};

use crate::api::{List, Refused};
use crate::callers::Customer;
use crate::form::{self, segment};
use crate::table::Pages;
use crate::words::Words;

/// A thousand accounts, nearly all of them closed, are more than a page can show.
const MAX_PARTS: u32 = 10;

pub fn pages(pages: Pages) -> Pages {
    pages
        .customer(Method::GET, "/accounts/new", open::show)
        .customer(Method::POST, "/accounts", open::submit)
        .customer(Method::GET, "/accounts/{id}", page::show)
        .customer(Method::GET, "/accounts/{id}/statement", statement::show)
        .customer(Method::GET, "/transfers/{id}", receipt::show)
        .customer(Method::GET, "/transfers/{id}/receipt", receipt::signed)
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

/// A customer's accounts, closed ones too: of those that are not closed nobody has more than one part of the API's list.
pub async fn all(customer: &Customer) -> Result<Vec<Account>, Refused> {
    let mut accounts = Vec::new();
    let mut cursor = String::new();
    for _ in 0..MAX_PARTS {
        let query = form::query(&[("limit", "100"), ("cursor", &cursor)]);
        let list: List<Account> = customer.get(format!("/v1/accounts?{query}")).receive().await?;
        accounts.extend(list.data);
        let Some(next) = list.next_cursor else { break };
        cursor = next;
    }
    Ok(accounts)
}

/// The currencies of a customer's accounts, each once, in the order of the accounts.
pub async fn currencies(customer: &Customer) -> Result<Vec<String>, Refused> {
    let mut currencies = Vec::new();
    for account in all(customer).await? {
        if !currencies.contains(&account.currency) {
            currencies.push(account.currency);
        }
    }
    Ok(currencies)
}

/// The account that the page's path names.
async fn named(customer: &Customer) -> Result<Account, Refused> {
    customer.get(format!("/v1/accounts/{}", segment(customer.segment(0)))).receive().await
}
