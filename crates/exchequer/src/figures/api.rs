//! `/v1/staff/figures`.

use std::collections::BTreeMap;

use money::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::job::{PAYMENTS, TRANSFERS};
use super::latency::{Percentiles, WINDOW_MINUTES};
use super::model::{Day, day_of, start_of};
use super::store::{self, Figure};
use crate::http::{Answer, Problem, Query, Reply, Route, Routes, Staff};
use crate::jobs;
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes.staff(
        Permission::ReadFigures,
        Route::get("/v1/staff/figures", "getFigures", "Sums by day, and how long requests take"),
        get,
    )
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct FiguresQuery {
    /// 1 to 90, today included; 30 when absent.
    days: Option<i64>,
}

/// Sums by day, and how long requests take.
#[derive(Serialize, ToSchema)]
pub struct Figures {
    /// Every day of the period, oldest first.
    days: Vec<DayFigures>,
    /// What came later is not in the sums yet: some two minutes; null before the first sum.
    #[schema(example = "2026-01-31T09:28:00Z")]
    counted_until: Option<String>,
    latency: LatencyFigures,
}

/// Sums of a day, UTC.
#[derive(Serialize, ToSchema)]
pub struct DayFigures {
    #[schema(example = "2026-01-31")]
    day: String,
    /// Whether all of the day is counted. Payments whose outcome was open may still become approved or declined.
    complete: bool,
    /// Transfers, deposits, withdrawals, captures of holds and reversals, by currency.
    transfers: Vec<TransferFigures>,
    payments: PaymentFigures,
    /// The most frequent twenty of each mode.
    declines: Vec<DeclineFigures>,
}

#[derive(Serialize, ToSchema)]
pub struct TransferFigures {
    currency: String,
    /// Transfers.
    #[schema(example = 42)]
    count: i64,
    /// Minor units.
    #[schema(example = 5_250_000)]
    volume: i64,
}

/// Of both modes.
#[derive(Default, Serialize, ToSchema)]
pub struct PaymentFigures {
    live: ModeFigures,
    test: ModeFigures,
}

/// By the day on which they were begun.
#[derive(Default, Serialize, ToSchema)]
pub struct ModeFigures {
    /// Payments.
    #[schema(example = 10)]
    count: i64,
    /// Those of them whose money was reserved or taken, given up later or not.
    #[schema(example = 8)]
    approved: i64,
    /// Those that the gateway refused.
    #[schema(example = 2)]
    declined: i64,
    /// Those whose outcome is not known.
    #[schema(example = 0)]
    open: i64,
}

#[derive(Serialize, ToSchema)]
pub struct DeclineFigures {
    /// `live` or `test`.
    mode: &'static str,
    /// In the gateway's word.
    #[schema(example = "card_declined")]
    code: String,
    /// Payments.
    #[schema(example = 2)]
    count: i64,
}

/// Requests of the node that answers, probes aside. Percentiles are at most a quarter too high.
#[derive(Serialize, ToSchema)]
pub struct LatencyFigures {
    /// Seconds that are looked at: the last quarter of an hour.
    #[schema(example = 900)]
    window_seconds: usize,
    /// Counted in it.
    #[schema(example = 1_200)]
    requests: u64,
    /// Microseconds; null without requests.
    #[schema(example = 1_279)]
    p50_us: Option<u64>,
    /// Microseconds; null without requests.
    #[schema(example = 5_119)]
    p95_us: Option<u64>,
    /// Microseconds; null without requests.
    #[schema(example = 10_239)]
    p99_us: Option<u64>,
}

const DEFAULT_DAYS: i64 = 30;
pub(crate) const MAX_DAYS: i64 = 90;
/// Rows of one answer: gateways' codes are some dozens a day.
const MAX_FIGURES: i64 = 50_000;
/// Codes of one day and mode.
const MAX_CODES: usize = 20;
/// An id is made before its transaction commits; a day is whole when this long after it is counted, too.
const LATE_SECONDS: i64 = 60;

async fn get(caller: Staff, Query(query): Query<FiguresQuery>) -> Answer<Figures> {
    let days = query.days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Problem::field("days", "out_of_range", format!("1 to {MAX_DAYS}")));
    }
    let now = caller.bank().tools().now();
    let today = day_of(now);
    let first = today - (days - 1);
    let (rows, until) = caller
        .read("figures.get", move |tx| {
            let until = [jobs::reached(tx, TRANSFERS)?, jobs::reached(tx, PAYMENTS)?];
            // Nothing is counted before both were.
            let until = until.into_iter().min().flatten();
            Ok((store::figures(tx, first, MAX_FIGURES)?, until))
        })
        .await?;
    let mut by_day: BTreeMap<Day, Vec<Figure>> = BTreeMap::new();
    for row in rows {
        by_day.entry(row.day).or_default().push(row);
    }
    let days = (first..=today).map(|day| {
        let rows = by_day.remove(&day).unwrap_or_default();
        sums(day, rows, until)
    });
    Ok(Reply::ok(&Figures {
        days: days.collect(),
        counted_until: until.map(|until| until.to_string()),
        latency: shown(caller.bank().latency().percentiles(now)),
    }))
}

fn sums(day: Day, rows: Vec<Figure>, until: Option<Timestamp>) -> DayFigures {
    let end = start_of(day + 1).plus_seconds(LATE_SECONDS);
    let mut sums = DayFigures {
        day: start_of(day).to_string().chars().take(10).collect(),
        complete: until.is_some_and(|until| until >= end),
        transfers: Vec::new(),
        payments: PaymentFigures::default(),
        declines: Vec::new(),
    };
    let mut declines: [Vec<DeclineFigures>; 2] = [Vec::new(), Vec::new()];
    for Figure { what, name, count, volume, .. } in rows {
        match what.as_str() {
            "transfers" => {
                sums.transfers.push(TransferFigures { currency: name, count, volume });
            }
            "payments.live" => sums.payments.live.take(&name, count),
            "payments.test" => sums.payments.test.take(&name, count),
            "declines.live" => declines[0].push(DeclineFigures { mode: "live", code: name, count }),
            "declines.test" => declines[1].push(DeclineFigures { mode: "test", code: name, count }),
            // Of a later version of the bank.
            _ => {}
        }
    }
    for mut of_mode in declines {
        of_mode.sort_by_key(|decline| std::cmp::Reverse(decline.count));
        of_mode.truncate(MAX_CODES);
        sums.declines.extend(of_mode);
    }
    sums
}

impl ModeFigures {
    fn take(&mut self, outcome: &str, count: i64) {
        match outcome {
            "approved" => self.approved = count,
            "declined" => self.declined = count,
            "open" => self.open = count,
            // Of a later version of the bank.
            _ => {}
        }
        self.count = self.approved.saturating_add(self.declined).saturating_add(self.open);
    }
}

fn shown(seen: Percentiles) -> LatencyFigures {
    let Percentiles { requests, p50, p95, p99 } = seen;
    LatencyFigures {
        window_seconds: WINDOW_MINUTES * 60,
        requests,
        p50_us: p50,
        p95_us: p95,
        p99_us: p99,
    }
}
