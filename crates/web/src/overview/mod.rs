//! `/`: a customer's accounts at a glance.
//!
//! A call of the API, then two for each of the first [`MAX_GLANCES`] accounts, all at once. Who has more accounts
//! sees the others' balances, and their entries on their own pages.

use std::collections::BTreeMap;

use askama::Template;
use futures_util::future::try_join_all;
use http::Method;

use crate::accounts::{Account, Entry, Glance, Shown, all};
use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::frame::{Frame, Who};
use crate::show::chart::Chart;
use crate::show::money;
use crate::table::Pages;
use crate::words::put;

/// Accounts that are drawn and whose entries are looked at.
const MAX_GLANCES: usize = 6;
/// Entries in all, of all accounts.
const MAX_LATEST: usize = 6;

pub fn pages(pages: Pages) -> Pages {
    pages.customer(Method::GET, "/", show)
}

#[derive(Template)]
#[template(path = "overview/overview.html")]
struct OverviewPage<'a> {
    frame: Frame<'a>,
    totals: Vec<Total>,
    accounts: Vec<Row>,
    latest: Vec<Latest>,
}

/// Of all accounts in a currency.
struct Total {
    label: String,
    amount: String,
}

/// One account, as it is shown.
struct Row {
    id: String,
    name: String,
    number: String,
    posted: String,
    available: String,
    held: Option<String>,
    standing: Option<&'static str>,
    chart: Option<Chart>,
}

/// An entry, and of which account it is.
struct Latest {
    account: String,
    entry: Shown,
}

async fn show(customer: Customer) -> Outcome {
    let accounts = all(&customer).await?;
    let glances = accounts.iter().take(MAX_GLANCES).map(|account| Glance::of(&customer, account));
    let glances = try_join_all(glances).await?;
    let (charts, entries): (Vec<_>, Vec<_>) =
        glances.into_iter().map(|glance| (glance.chart, glance.entries)).unzip();
    let page = OverviewPage {
        frame: customer.frame(customer.words().overview.title),
        totals: totals(&customer, &accounts),
        latest: latest(&customer, &accounts, &entries),
        accounts: rows(&customer, accounts, charts),
    };
    Answer::page(&page)
}

fn rows(customer: &Customer, accounts: Vec<Account>, charts: Vec<Option<Chart>>) -> Vec<Row> {
    let charts = charts.into_iter().chain(std::iter::repeat_with(|| None));
    let row = |(account, chart): (Account, Option<Chart>)| {
        let amount = |minor| money(minor, &account.currency, customer.language());
        Row {
            posted: amount(account.balance.posted),
            available: amount(account.balance.available),
            held: (account.balance.held != 0).then(|| amount(account.balance.held)),
            standing: account.standing(customer.words()),
            id: account.id,
            name: account.name,
            number: account.number,
            chart,
        }
    };
    accounts.into_iter().zip(charts).map(row).collect()
}

/// What is in a currency's accounts together, where there is more than one account. A sum that is no amount any
/// more is left out.
fn totals(customer: &Customer, accounts: &[Account]) -> Vec<Total> {
    let mut sums: BTreeMap<&str, (usize, Option<i64>)> = BTreeMap::new();
    for account in accounts {
        let (count, sum) = sums.entry(&account.currency).or_insert((0, Some(0)));
        *count += 1;
        *sum = sum.and_then(|sum| sum.checked_add(account.balance.posted));
    }
    let several = sums.into_iter().filter(|(_, (count, _))| *count > 1);
    several
        .filter_map(|(currency, (_, sum))| {
            Some(Total {
                label: put(customer.words().overview.total_of, currency),
                amount: money(sum?, currency, customer.language()),
            })
        })
        .collect()
}

fn latest(customer: &Customer, accounts: &[Account], entries: &[Vec<Entry>]) -> Vec<Latest> {
    let of_each = accounts.iter().zip(entries);
    let mut all: Vec<(&Account, &Entry)> = of_each
        .flat_map(|(account, entries)| entries.iter().map(move |entry| (account, entry)))
        .collect();
    // RFC 3339 in UTC with as many digits each: order of text is order of time.
    all.sort_by(|(_, a), (_, b)| b.posted_at.cmp(&a.posted_at));
    all.truncate(MAX_LATEST);
    all.into_iter()
        .map(|(account, entry)| Latest {
            account: account.name.clone(),
            entry: Shown::with_day(customer, &account.currency, entry),
        })
        .collect()
}
