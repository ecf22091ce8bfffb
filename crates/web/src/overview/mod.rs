//! `/`: a customer's accounts at a glance.

use askama::Template;
use http::Method;

use crate::accounts::{Account, all};
use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::frame::{Frame, Who};
use crate::show::money;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages.customer(Method::GET, "/", show)
}

#[derive(Template)]
#[template(path = "overview/overview.html")]
struct OverviewPage<'a> {
    frame: Frame<'a>,
    accounts: Vec<Row>,
}

/// One account, as it is shown.
struct Row {
    id: String,
    name: String,
    number: String,
    posted: String,
    available: String,
}

async fn show(customer: Customer) -> Outcome {
    let accounts = all(&customer).await?;
    let row = |account: Account| {
        let amount = |minor| money(minor, &account.currency, customer.language());
        Row {
            posted: amount(account.balance.posted),
            available: amount(account.balance.available),
            id: account.id,
            name: account.name,
            number: account.number,
        }
    };
    let accounts = accounts.into_iter().map(row).collect();
    let frame = customer.frame(customer.words().overview.title);
    Answer::page(&OverviewPage { frame, accounts })
}
