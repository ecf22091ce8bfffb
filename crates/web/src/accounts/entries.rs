//! Entries as people read them: who, what for, when, how much, and what was left.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Account;
use crate::callers::Customer;
use crate::language::Language;
use crate::payees::Payee;
use crate::show::dates::{self, Moment};
use crate::show::money;

/// One line of an account, as the API tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    pub transfer_id: String,
    /// Minor units; below zero where money went out.
    pub amount: i64,
    pub balance_after: i64,
    pub counterparty: String,
    pub memo: Option<String>,
    pub posted_at: String,
}

/// What this customer calls the accounts that have a number.
pub struct Names(BTreeMap<String, String>);

/// One line, as it is shown.
pub struct Shown {
    pub transfer_id: String,
    pub who: String,
    pub memo: Option<String>,
    pub time: Moment,
    pub amount: String,
    pub is_in: bool,
    pub balance: String,
}

/// The entries of one day in India.
pub struct Day {
    /// As `2026-11-21`.
    pub date: String,
    pub label: String,
    pub entries: Vec<Shown>,
}

impl Names {
    /// A payee's own name for an account goes before the account's.
    pub fn new(accounts: &[Account], payees: &[Payee]) -> Self {
        let own = accounts.iter().map(|account| (account.number.clone(), account.name.clone()));
        let others = payees.iter().map(|payee| (payee.number.clone(), payee.name.clone()));
        Self(own.chain(others).collect())
    }

    /// The name, else the number; the bank by its own name.
    pub fn of(&self, customer: &Customer, counterparty: &str) -> String {
        if counterparty == "bank" {
            return customer.words().accounts.bank.to_owned();
        }
        self.0.get(counterparty).map_or(counterparty, String::as_str).to_owned()
    }
}

impl Shown {
    pub fn new(customer: &Customer, names: &Names, currency: &str, entry: &Entry) -> Self {
        Self::at(customer, names, (currency, entry), Moment::in_day)
    }

    /// With its day, where no heading tells it.
    pub fn with_day(customer: &Customer, names: &Names, currency: &str, entry: &Entry) -> Self {
        Self::at(customer, names, (currency, entry), Moment::new)
    }

    fn at(
        customer: &Customer,
        names: &Names,
        (currency, entry): (&str, &Entry),
        time: fn(&str, Language) -> Moment,
    ) -> Self {
        let language = customer.language();
        Self {
            transfer_id: entry.transfer_id.clone(),
            who: names.of(customer, &entry.counterparty),
            memo: entry.memo.clone().filter(|memo| !memo.is_empty()),
            time: time(&entry.posted_at, language),
            amount: signed(entry.amount, currency, language),
            is_in: entry.amount > 0,
            balance: money(entry.balance_after, currency, language),
        }
    }
}

/// With its sign, so that no colour is needed to tell in from out.
pub fn signed(minor: i64, currency: &str, language: Language) -> String {
    let plus = if minor > 0 { "+" } else { "" };
    format!("{plus}{}", money(minor, currency, language))
}

/// Under the days on which they were posted, in their order.
pub fn by_day(customer: &Customer, names: &Names, currency: &str, entries: &[Entry]) -> Vec<Day> {
    let day = |entry: &Entry| dates::local_day(&entry.posted_at).unwrap_or_default();
    let days = entries.chunk_by(|a, b| day(a) == day(b));
    days.map(|entries| {
        let date = entries.first().map(day).unwrap_or_default();
        Day {
            label: dates::date(&date, customer.language()),
            date,
            entries: entries
                .iter()
                .map(|entry| Shown::new(customer, names, currency, entry))
                .collect(),
        }
    })
    .collect()
}
