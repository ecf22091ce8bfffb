//! Entries as people read them: who, what for, when, how much, and what was left.

use serde::Deserialize;

use crate::callers::Customer;
use crate::language::Language;
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
    /// What the customer calls it.
    pub counterparty_name: Option<String>,
    pub memo: Option<String>,
    pub posted_at: String,
}

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

impl Entry {
    /// The name, else the number; the bank by its own name.
    fn who<'a>(&'a self, customer: &'a Customer) -> &'a str {
        match (&self.counterparty_name, self.counterparty.as_str()) {
            (Some(name), _) => name,
            (None, "bank") => customer.words().accounts.bank,
            (None, number) => number,
        }
    }
}

impl Shown {
    pub fn new(customer: &Customer, currency: &str, entry: &Entry) -> Self {
        Self::at(customer, (currency, entry), Moment::in_day)
    }

    /// With its day, where no heading tells it.
    pub fn with_day(customer: &Customer, currency: &str, entry: &Entry) -> Self {
        Self::at(customer, (currency, entry), Moment::new)
    }

    fn at(
        customer: &Customer,
        (currency, entry): (&str, &Entry),
        time: fn(&str, Language) -> Moment,
    ) -> Self {
        let language = customer.language();
        Self {
            transfer_id: entry.transfer_id.clone(),
            who: entry.who(customer).to_owned(),
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
pub fn by_day(customer: &Customer, currency: &str, entries: &[Entry]) -> Vec<Day> {
    let day = |entry: &Entry| dates::local_day(&entry.posted_at).unwrap_or_default();
    let days = entries.chunk_by(|a, b| day(a) == day(b));
    days.map(|entries| {
        let date = entries.first().map(day).unwrap_or_default();
        Day {
            label: dates::date(&date, customer.language()),
            date,
            entries: entries.iter().map(|entry| Shown::new(customer, currency, entry)).collect(),
        }
    })
    .collect()
}
