//! The last 90 days of an account, as a drawing with its words.

use serde::Deserialize;

use super::{Account, Entry};
use crate::api::{List, Refused};
use crate::callers::Customer;
use crate::form::segment;
use crate::show::chart::{Chart, Label, Series};
use crate::show::dates;
use crate::show::money;
use crate::words::put;

/// Latest entries asked for of each account of the overview.
const GLANCE_ENTRIES: u32 = 6;

/// Closing balances by day.
#[derive(Debug, Deserialize)]
pub struct History {
    days: Vec<Day>,
}

#[derive(Debug, Deserialize)]
struct Day {
    date: String,
    balance: Option<i64>,
}

/// What the overview shows of an account besides its balance.
pub struct Glance {
    pub chart: Option<Chart>,
    pub entries: Vec<Entry>,
}

impl History {
    pub async fn of(customer: &Customer, account: &Account) -> Result<Self, Refused> {
        let id = segment(&account.id);
        customer.get(format!("/v1/accounts/{id}/history?days=90")).receive().await
    }

    /// `None` where nothing is known yet.
    pub fn chart(&self, customer: &Customer, account: &Account) -> Option<Chart> {
        let w = &customer.words().accounts;
        let balances: Vec<Option<i64>> = self.days.iter().map(|day| day.balance).collect();
        let series = Series(&balances);
        let (lowest, highest) = series.bounds()?;
        let amount = |minor| money(minor, &account.currency, customer.language());
        let text = put(&put(w.chart_text, &amount(lowest)), &amount(highest));
        let start = self.days.first();
        let start = start.map(|day| dates::date(&day.date, customer.language()));
        let label = Label {
            id: format!("chart-{}", account.id),
            title: put(w.chart_title, &account.name),
            text,
            start: start.unwrap_or_default(),
            end: w.today.to_owned(),
        };
        series.chart(label)
    }
}

impl Glance {
    pub async fn of(customer: &Customer, account: &Account) -> Result<Self, Refused> {
        let path = format!("/v1/accounts/{}/entries?limit={GLANCE_ENTRIES}", segment(&account.id));
        let entries = customer.get(path).receive::<List<Entry>>();
        let history = History::of(customer, account);
        let (entries, history) = futures_util::future::try_join(entries, history).await?;
        Ok(Self { chart: history.chart(customer, account), entries: entries.data })
    }
}
