//! `/v1/accounts/{id}/history`.

use money::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{History, MAX_DAYS};
use crate::http::{Answer, Customer, Path, Problem, Query, Reply, Route, Routes};

pub fn routes(routes: Routes) -> Routes {
    routes.customer(
        Route::get("/v1/accounts/{id}/history", "getHistory", "Closing balances by day"),
        get,
    )
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    /// 1 to 366, today included; 90 when absent.
    days: Option<i64>,
}

/// Closing balances of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = History)]
pub struct HistoryView {
    /// ISO 4217.
    currency: &'static str,
    /// One for each day asked for, oldest first; the last is today.
    days: Vec<DayView>,
}

/// An account at the end of a day; today, now.
#[derive(Serialize, ToSchema)]
#[schema(as = DayBalance)]
pub struct DayView {
    /// UTC.
    #[schema(example = "2026-01-31")]
    date: String,
    /// Posted, minor units. Null: not known yet; the same request later comes further.
    #[schema(example = 375_000)]
    balance: Option<i64>,
}

const DEFAULT_DAYS: i64 = 90;

async fn get(
    caller: Customer,
    (Path(id), Query(query)): (Path<AccountId>, Query<HistoryQuery>),
) -> Answer<HistoryView> {
    let days = query.days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Problem::field("days", "out_of_range", format!("1 to {MAX_DAYS}")));
    }
    let History { currency, days } = super::of(&caller, (caller.id(), id), days).await?;
    let days =
        days.into_iter().map(|(day, balance)| DayView { date: day.to_string(), balance }).collect();
    Ok(Reply::ok(&HistoryView { currency: currency.code(), days }))
}
