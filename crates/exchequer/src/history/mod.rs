//! An account's closing posted balances by day, newest known first, told oldest first.
//!
//! Order: what is kept of the days (one snapshot, with the account); the days that are not, from yesterday back,
//! each found from the day after it along the chain of entries ([`seek`]); then what was found of days that are
//! over is kept. A day belongs to its entries as in a statement: its closing balance is the opening balance of a
//! statement that begins with the day after.
//!
//! Kept when asked for, not by a job: most accounts are never looked at, and those that are cost a row a day.
//! Bound: [`READS`] transactions of [`READ_ROWS`] rows for one answer. A day that is not found within it is told as
//! unknown; what was found is kept, so that the next answer comes further. `verify` checks every row that is
//! kept. What it never does: keep a day before clocks that differ have passed its end ([`SETTLED_SECONDS`]).

pub mod api;
mod store;

use std::collections::BTreeMap;

use ::store::rows::DayRow;
use ::store::{DbError, Tx};
use money::{AccountId, Currency, CustomerId, Timestamp, TransferId};

use crate::accounts;
use crate::http::{Code, Context, Problem};
use crate::statements;
use crate::statements::period::Day;
use crate::statements::seek::{self, Search, Sought};

/// Days of one answer, today included: a leap year.
pub const MAX_DAYS: i64 = 366;

/// A day is kept when it is over for so long: longer than clocks of nodes are apart and a transaction is under way.
const SETTLED_SECONDS: i64 = 3_600;
/// Rows looked at in one transaction: some 10 ms of a reader.
const READ_ROWS: i64 = 8_000;
/// Transactions for one answer.
const READS: u32 = 4;

/// The balances of some days.
pub struct History {
    pub currency: Currency,
    /// Oldest first; minor units, `None` where it is not known yet.
    pub days: Vec<(Day, Option<i64>)>,
}

/// What an account was at the end of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Closing {
    /// Minor units.
    posted: i64,
    /// `None`: there was none until then.
    last_entry: Option<TransferId>,
}

/// The way back over the days.
#[derive(Clone)]
struct Walk {
    account: AccountId,
    currency: Currency,
    /// Before it there was no account.
    opened: Day,
    first: Day,
    today: Day,
    /// Today's.
    posted: i64,
    known: BTreeMap<Day, Closing>,
    /// What was found and not known before.
    fresh: Vec<(Day, Closing)>,
    /// The day that is next, and the newest entry that may be its last.
    day: Day,
    from: Option<TransferId>,
    search: Option<Search>,
}

/// The last `days` days of a customer's own account, today included.
///
/// Refuses `not_found`.
pub async fn of(
    context: &Context,
    (owner, id): (CustomerId, AccountId),
    days: i64,
) -> Result<History, Problem> {
    let now = context.bank().tools().now();
    let mut walk = context
        .read("history.open", move |tx| {
            let owned = accounts::find(tx, &owner, &id)?;
            let owned = owned.ok_or_else(|| Problem::new(Code::NotFound))?;
            let today = Day::of(now);
            let first = today.plus(days.saturating_neg().saturating_add(1));
            let known = store::known(tx, &id, (first, today))?;
            let row = owned.row();
            Ok(Walk {
                account: id,
                currency: row.account.currency,
                opened: Day::of(row.opened_at),
                first,
                today,
                posted: row.account.posted(),
                known,
                fresh: Vec::new(),
                day: today.plus(-1),
                from: row.account.last_entry,
                search: None,
            })
        })
        .await?;
    for _ in 0..READS {
        if walk.is_done() {
            break;
        }
        walk = context
            .read("history.walk", move |tx| {
                let mut walk = walk.clone();
                walk.go(tx, READ_ROWS)?;
                Ok(walk)
            })
            .await?;
    }
    keep(context, &walk, now).await;
    Ok(walk.told())
}

/// Keeps what was found of days that are over. Where that fails the answer is right all the same, and the next
/// one looks again.
async fn keep(context: &Context, walk: &Walk, now: Timestamp) {
    let settled = Day::of(now.plus_seconds(-SETTLED_SECONDS));
    let account = walk.account;
    let rows: Vec<DayRow> = walk
        .fresh
        .iter()
        .filter(|(day, _)| *day < settled)
        .map(|(day, closing)| DayRow {
            account,
            day: day.number(),
            posted: closing.posted,
            last_entry: closing.last_entry,
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let oldest = walk.today.plus(-MAX_DAYS);
    let kept = context
        .write("history.keep", move |tx, _| {
            tx.insert_days(&rows)?;
            store::forget(tx, &account, oldest)
        })
        .await;
    if let Err(problem) = kept {
        let cause = problem.cause.unwrap_or_default();
        tracing::warn!(account_id = %account, cause, "balances of days were not kept");
    }
}

impl Walk {
    fn is_done(&self) -> bool {
        self.day < self.first || self.day < self.opened
    }

    /// Goes back over as many days as the budget allows.
    fn go(&mut self, tx: &mut Tx<'_>, budget: i64) -> Result<(), DbError> {
        let mut budget = budget;
        while !self.is_done() {
            if let Some(known) = self.known.get(&self.day).copied() {
                self.take(known);
                continue;
            }
            if budget <= 0 {
                return Ok(());
            }
            let Some(closing) = self.find(tx, &mut budget)? else { return Ok(()) };
            self.fresh.push((self.day, closing));
            self.known.insert(self.day, closing);
            self.take(closing);
        }
        Ok(())
    }

    /// The day's closing balance; `None` where the budget was used up before.
    fn find(&mut self, tx: &mut Tx<'_>, budget: &mut i64) -> Result<Option<Closing>, DbError> {
        let Some(from) = self.from else { return Ok(Some(Closing::default())) };
        let end = self.day.plus(1).start();
        let search = self.search.take().unwrap_or_else(|| Search::new(self.account, from, end));
        match seek::go(tx, search, budget)? {
            Sought::Farther(search) => {
                self.search = Some(search);
                Ok(None)
            }
            Sought::Found(None) => Ok(Some(Closing::default())),
            Sought::Found(Some(entry)) => {
                *budget = budget.saturating_sub(1);
                let posted = statements::balance_after(tx, &self.account, &entry)?;
                Ok(Some(Closing { posted, last_entry: Some(entry) }))
            }
        }
    }

    fn take(&mut self, closing: Closing) {
        self.from = closing.last_entry;
        self.search = None;
        self.day = self.day.plus(-1);
    }

    fn told(&self) -> History {
        let mut days = Vec::new();
        let mut day = self.first;
        while day < self.today {
            let known = self.known.get(&day).map(|closing| closing.posted);
            days.push((day, known.or((day < self.opened).then_some(0))));
            day = day.plus(1);
        }
        days.push((self.today, Some(self.posted)));
        History { currency: self.currency, days }
    }
}
