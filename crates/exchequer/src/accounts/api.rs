//! `/v1/accounts`.

use std::str::FromStr;

use money::{AccountId, TransferId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::model::{AccountView, EntryView};
use super::search::{Direction, Filter};
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::{Answer, Code, Customer, Json, Page, Path, Problem, Query, Reply, Route, Routes};
use crate::statements::period::Day;

pub fn routes(routes: Routes) -> Routes {
    routes
        .customer(
            Route::post("/v1/accounts", "openAccount", "Open an account")
                .refuses(&[Code::TooManyAccounts]),
            open,
        )
        .customer(Route::get("/v1/accounts", "listAccounts", "Own accounts, oldest first"), list)
        .customer(Route::get("/v1/accounts/{id}", "getAccount", "One account"), get)
        .customer(
            Route::get("/v1/accounts/{id}/entries", "listEntries", "Entries, newest first"),
            entries,
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenAccount {
    /// ISO 4217, upper case; for good.
    currency: String,
    /// 1 to 140 characters, for its owner.
    name: String,
}

/// Which part of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    const DEFAULT_LIMIT: i64 = 20;
    /// So that a page is a fraction of a second for both sides.
    pub(crate) const MAX_LIMIT: i64 = 100;

    /// Of a list that can be asked for more than a page of it.
    pub fn of(limit: Option<i64>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// Rows wanted. Refuses `invalid_fields`.
    pub fn limit(&self) -> Result<i64, Problem> {
        let limit = self.limit.unwrap_or(Self::DEFAULT_LIMIT);
        if (1..=Self::MAX_LIMIT).contains(&limit) {
            Ok(limit)
        } else {
            let detail = format!("1 to {}", Self::MAX_LIMIT);
            Err(Problem::field("limit", "out_of_range", detail))
        }
    }

    /// Both. Refuses, in order: `invalid_fields`, `malformed_request`.
    pub fn read<T: FromStr>(&self) -> Result<(i64, Option<T>), Problem> {
        Ok((self.limit()?, self.cursor()?))
    }

    /// Where to go on. Refuses `malformed_request`.
    pub fn cursor<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        self.cursor.as_deref().map(|text| text.parse().map_err(|_| bad_cursor())).transpose()
    }
}

/// Which entries of an account; all that is given must fit.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EntryQuery {
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before. With a filter, a page can be short or empty and still have one:
    /// only so many entries are looked at for one answer.
    cursor: Option<String>,
    /// The first day, UTC, as `2026-01-01`.
    from: Option<String>,
    /// The last day, included.
    to: Option<String>,
    /// Minor units, whichever way the money went; included.
    min_amount: Option<i64>,
    /// Minor units, whichever way the money went; included.
    max_amount: Option<i64>,
    /// `in` or `out`.
    direction: Option<String>,
    /// A part of the memo, of the counterparty or of one's own name for it; 1 to 100 characters, in capitals or not.
    query: Option<String>,
}

impl EntryQuery {
    /// Refuses `invalid_fields`.
    fn filter(&self) -> Result<Filter, Problem> {
        let mut fields = Fields::default();
        let mut day = |name: &str, text: Option<&str>| -> Option<Day> {
            text.and_then(|text| fields.parse(name, text, "a day, as 2026-01-31"))
        };
        let (from, to) = (day("from", self.from.as_deref()), day("to", self.to.as_deref()));
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            fields.refuse("to", "before_from", "`from` or later");
        }
        for (name, amount) in [("min_amount", self.min_amount), ("max_amount", self.max_amount)] {
            if amount.is_some_and(|amount| !(0..=MAX_AMOUNT).contains(&amount)) {
                fields.refuse(name, "out_of_range", format!("0 to {MAX_AMOUNT}"));
            }
        }
        if self.min_amount.zip(self.max_amount).is_some_and(|(least, most)| most < least) {
            fields.refuse("max_amount", "below_min", "`min_amount` or more");
        }
        let direction = match self.direction.as_deref() {
            None => None,
            Some("in") => Some(Direction::In),
            Some("out") => Some(Direction::Out),
            Some(_) => {
                fields.refuse("direction", "invalid", "`in` or `out`");
                None
            }
        };
        let text = self.query.as_deref().and_then(|text| fields.text("query", text, 1, MAX_QUERY));
        fields.finish(Some(Filter {
            since: from.map(Day::start),
            until: to.map(|to| to.plus(1).start()),
            min_amount: self.min_amount,
            max_amount: self.max_amount,
            direction,
            text: text.map(|text| text.to_lowercase()),
        }))
    }
}

/// The most that is an amount.
const MAX_AMOUNT: i64 = 9_007_199_254_740_991;
/// Characters of what is looked for.
pub(crate) const MAX_QUERY: usize = 100;

pub(crate) fn bad_cursor() -> Problem {
    Problem::new(Code::MalformedRequest).detail("`cursor` is not one that this list gave")
}

async fn open(caller: Customer, Json(body): Json<OpenAccount>) -> Answer<AccountView> {
    let mut fields = Fields::default();
    let currency = fields.currency("currency", &body.currency);
    let name = fields.text("name", &body.name, 1, MAX_TEXT_CHARS);
    let (currency, name) = fields.finish(currency.zip(name))?;
    let owner = caller.id();
    caller
        .once("accounts.open", move |tx, act| {
            let opened = super::open(tx, act, &owner, (currency, &name))?;
            Ok(opened.map(|row| Reply::created(&AccountView::from(&row)).about(&row.account.id)))
        })
        .await
}

async fn list(caller: Customer, Query(page): Query<PageQuery>) -> Answer<Page<AccountView>> {
    let (limit, after) = (page.limit()?, page.cursor::<AccountId>()?);
    let owner = caller.id();
    // One more than is shown tells whether there is a next page.
    let found = caller
        .read("accounts.list", move |tx| {
            Ok(super::list(tx, &owner, after.as_ref(), limit.saturating_add(1))?)
        })
        .await?;
    let data: Vec<AccountView> = found.iter().map(|owned| owned.row().into()).collect();
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}

async fn get(caller: Customer, Path(id): Path<AccountId>) -> Answer<AccountView> {
    let owner = caller.id();
    let found = caller.read("accounts.get", move |tx| Ok(super::find(tx, &owner, &id)?)).await?;
    let owned = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::ok(&AccountView::from(owned.row())))
}

async fn entries(
    caller: Customer,
    (Path(id), Query(query)): (Path<AccountId>, Query<EntryQuery>),
) -> Answer<Page<EntryView>> {
    let filter = query.filter()?;
    let (limit, from) = PageQuery::of(query.limit, query.cursor).read::<TransferId>()?;
    let (owner, tools) = (caller.id(), caller.bank().tools().clone());
    let page = caller
        .read("accounts.entries", move |tx| {
            let owned = super::find(tx, &owner, &id)?;
            let owned = owned.ok_or_else(|| Problem::new(Code::NotFound))?;
            super::entries(tx, &tools, &owned, from.as_ref(), (&filter, limit))?
                .ok_or_else(bad_cursor)
        })
        .await?;
    Ok(Reply::ok(&page))
}

#[cfg(test)]
mod tests;
