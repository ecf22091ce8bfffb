//! `/accounts/{id}`: an account with its entries, the latest first, by day.

use askama::Template;
use http::StatusCode;

use super::entries::{Day, by_day};
use super::filter::{Fields, Filter};
use super::{Account, Entry, History, named};
use crate::answer::{Answer, Outcome};
use crate::api::{List, Refused};
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Frame, Who};
use crate::show::chart::Chart;
use crate::show::money;
use crate::trouble::Trouble;

/// Entries of one page: well below 50 KB of markup with the longest memos.
const PAGE_ENTRIES: u32 = 40;
/// The API looks at so many entries for an answer and then gives what it found, which may be nothing. So often it is
/// asked again before the reader is.
const MAX_EMPTY_PARTS: u32 = 3;

#[derive(Template)]
#[template(path = "accounts/account.html")]
struct AccountPage<'a> {
    frame: Frame<'a>,
    account: &'a Account,
    posted: String,
    available: String,
    held: Option<String>,
    standing: Option<&'static str>,
    /// Nothing goes in or out, and why.
    stopped: Option<&'static str>,
    chart: Option<Chart>,
    filter: Fields<'a>,
    is_filtered: bool,
    refusal: Option<String>,
    days: Vec<Day>,
    /// Where the list goes on.
    more: Option<String>,
}

pub async fn show(customer: Customer) -> Outcome {
    let account = named(&customer).await?;
    let words = customer.words();
    let mut filter = Filter::read(customer.query(), &account.currency, words);
    let listed =
        async { if filter.is_faulty() { Ok(none()) } else { entries(&customer, &filter).await } };
    let (chart, listed) = tokio::join!(chart(&customer, &account), listed);
    let chart = chart?;
    let (list, refused) = match listed {
        Ok(list) => (list, None),
        Err(refused) if refused.status == 422 => {
            filter.refuse(words, &refused);
            (none(), Some(refused))
        }
        Err(refused) => return Err(Trouble::from(refused)),
    };
    let is_wrong = filter.is_faulty() || refused.is_some();
    let amount = |minor| money(minor, &account.currency, customer.language());
    let more = list.next_cursor.as_deref().map(|cursor| {
        let query = customer.query().query_with(&["cursor", "done"], &[("cursor", cursor)]);
        format!("/accounts/{}?{query}", segment(&account.id))
    });
    let page = AccountPage {
        frame: customer.frame(&account.name),
        posted: amount(account.balance.posted),
        available: amount(account.balance.available),
        held: (account.balance.held != 0).then(|| amount(account.balance.held)),
        standing: account.standing(words),
        stopped: words.stopped(&account.status),
        chart,
        filter: filter.fields(customer.query(), words),
        is_filtered: filter.is_set() || is_wrong,
        refusal: match refused {
            Some(refused) => Some(words.refusal(&refused)),
            None => is_wrong.then(|| words.trouble.summary.to_owned()),
        },
        days: by_day(&customer, &account.currency, &list.data),
        more,
        account: &account,
    };
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Answer::page_with(status, &page)
}

/// On the first part of the list only.
async fn chart(customer: &Customer, account: &Account) -> Result<Option<Chart>, Refused> {
    if customer.query().has("cursor") {
        return Ok(None);
    }
    Ok(History::of(customer, account).await?.chart(customer, account))
}

/// The next part of the list that has anything in it, or where to go on when [`MAX_EMPTY_PARTS`] had nothing.
async fn entries(customer: &Customer, filter: &Filter) -> Result<List<Entry>, Refused> {
    let mut list = part(customer, filter, customer.query().raw("cursor")).await?;
    for _ in 1..MAX_EMPTY_PARTS {
        if !list.data.is_empty() {
            break;
        }
        let Some(next) = list.next_cursor.take() else { break };
        list = part(customer, filter, &next).await?;
    }
    Ok(list)
}

async fn part(customer: &Customer, filter: &Filter, cursor: &str) -> Result<List<Entry>, Refused> {
    let asked = filter.asked(PAGE_ENTRIES, cursor);
    let path = format!("/v1/accounts/{}/entries?{asked}", segment(customer.segment(0)));
    let mut list: List<Entry> = customer.get(path).receive().await?;
    list.data.retain(|entry| filter.takes(entry));
    Ok(list)
}

fn none() -> List<Entry> {
    List { data: Vec::new(), next_cursor: None }
}
