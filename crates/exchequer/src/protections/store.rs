//! SQL of limits, of what was spent, and of the switch.

use money::{AccountId, Currency, CustomerId, Timestamp};
use store::{DbError, Row, Tx, params};

use super::model::{DAY_HOURS, Limits, MONTH_HOURS, Spent, Standing, WEEK_HOURS, first_hour, hour};

const STANDING: &str =
    "SELECT outgoing_stopped_at, password_changed_at FROM customers WHERE id = $1 ORDER BY id";
const LIMITS: &str = "SELECT per_transfer, per_day, per_week, per_month FROM customer_limits \
     WHERE customer = $1 AND currency = $2";
const SAVE_LIMITS: &str = "INSERT INTO customer_limits (customer, currency, per_transfer, per_day, \
     per_week, per_month, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (customer, currency) DO UPDATE SET per_transfer = excluded.per_transfer, \
     per_day = excluded.per_day, per_week = excluded.per_week, per_month = excluded.per_month, \
     changed_at = excluded.changed_at";
const SPENT: &str = "SELECT \
     CAST(COALESCE(SUM(CASE WHEN hour >= $3 THEN amount ELSE 0 END), 0) AS BIGINT), \
     CAST(COALESCE(SUM(CASE WHEN hour >= $4 THEN amount ELSE 0 END), 0) AS BIGINT), \
     CAST(COALESCE(SUM(CASE WHEN hour >= $5 THEN amount ELSE 0 END), 0) AS BIGINT), \
     CAST(COALESCE(SUM(CASE WHEN hour >= $6 THEN amount ELSE 0 END), 0) AS BIGINT) \
     FROM spending WHERE customer = $1 AND currency = $2 AND hour >= $7";
const PACE: &str = "SELECT CAST(COALESCE(SUM(transfers), 0) AS BIGINT) FROM spending \
     WHERE customer = $1 AND hour >= $2";
const SPEND: &str = "INSERT INTO spending (customer, currency, hour, amount, transfers) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (customer, currency, hour) DO UPDATE SET \
     amount = spending.amount + excluded.amount, \
     transfers = spending.transfers + excluded.transfers";
const HAS_LIMITS: &str = "SELECT customer FROM customer_limits WHERE customer = $1 LIMIT 1";
const HAS_SPENT: &str = "SELECT customer FROM spending WHERE customer = $1 AND hour >= $2 LIMIT 1";
const STOP: &str = "UPDATE customers SET outgoing_stopped_at = $2 WHERE id = $1";
const LOCK_OWN: &str = "SELECT b.place FROM accounts AS a JOIN balances AS b ON b.place = a.place \
     WHERE a.owner = $1 ORDER BY a.id";
const MARK: &str = "UPDATE balances SET version = version + 1, outgoing_stopped = $2 \
     WHERE place IN (SELECT place FROM accounts WHERE owner = $1)";
const LOCK_BOTH: &str = "SELECT a.id, b.status, b.outgoing_stopped FROM accounts AS a \
     JOIN balances AS b ON b.place = a.place WHERE a.id = $1 OR a.id = $2 ORDER BY a.id";
const OPEN: i64 = 0;

/// What the customer's row says.
pub fn standing(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Standing, DbError> {
    let row = tx.query_opt(STANDING, params![customer])?;
    read_standing(row.as_ref(), customer)
}

/// The same, locked: whatever else is about this customer's outgoing money waits.
pub(super) fn lock(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Standing, DbError> {
    let rows = tx.query_locked(STANDING, params![customer])?;
    read_standing(rows.first(), customer)
}

/// The customer's own limits of a currency.
pub fn limits(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    currency: Currency,
) -> Result<Option<Limits>, DbError> {
    let row = tx.query_opt(LIMITS, params![customer, currency])?;
    row.map(|row| {
        Ok(Limits {
            per_transfer: row.int_opt(0)?,
            per_day: row.int_opt(1)?,
            per_week: row.int_opt(2)?,
            per_month: row.int_opt(3)?,
        })
    })
    .transpose()
}

/// Whether the customer has limits, in any currency.
pub(super) fn has_limits(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<bool, DbError> {
    Ok(tx.query_opt(HAS_LIMITS, params![customer])?.is_some())
}

/// Whether payments of the last day were counted.
pub(super) fn has_spent(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let since = first_hour(now, DAY_HOURS);
    Ok(tx.query_opt(HAS_SPENT, params![customer, since])?.is_some())
}

pub(super) fn save_limits(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    currency: Currency,
    limits: &Limits,
    now: Timestamp,
) -> Result<(), DbError> {
    let Limits { per_transfer, per_day, per_week, per_month } = *limits;
    tx.execute(
        SAVE_LIMITS,
        params![customer, currency, per_transfer, per_day, per_week, per_month, now],
    )?;
    Ok(())
}

/// What left in the windows that end at `now`, and since another time; by whole hours.
pub(super) fn spent(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    currency: Currency,
    (now, since): (Timestamp, Option<Timestamp>),
) -> Result<Spent, DbError> {
    let [day, week, month] =
        [DAY_HOURS, WEEK_HOURS, MONTH_HOURS].map(|hours| first_hour(now, hours));
    let since = since.map_or(i64::MAX, hour);
    let earliest = month.min(since);
    let row =
        tx.query_one(SPENT, params![customer, currency, day, week, month, since, earliest])?;
    Ok(Spent { day: row.int(0)?, week: row.int(1)?, month: row.int(2)?, since: row.int(3)? })
}

/// Payments in the last hour, in all currencies; a whole hour counts.
pub(super) fn pace(tx: &mut Tx<'_>, customer: &CustomerId, now: Timestamp) -> Result<i64, DbError> {
    tx.query_one(PACE, params![customer, first_hour(now, 1)])?.int(0)
}

/// Counts what left just now.
pub(super) fn spend(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    (currency, amount, payments): (Currency, i64, i64),
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(SPEND, params![customer, currency, hour(now), amount, payments])?;
    Ok(())
}

pub(super) fn stop(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    at: Option<Timestamp>,
) -> Result<(), DbError> {
    tx.execute(STOP, params![customer, at])?;
    Ok(())
}

/// Marks all accounts of a customer whose row is locked; waits for what is under way on them.
pub(super) fn mark_accounts(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    stopped: bool,
) -> Result<(), DbError> {
    tx.query_locked(LOCK_OWN, params![customer])?;
    tx.execute(MARK, params![customer, i64::from(stopped)])?;
    Ok(())
}

/// See [`super::stops_in`].
pub(super) fn lock_accounts(
    tx: &mut Tx<'_>,
    debit: &AccountId,
    credit: &AccountId,
) -> Result<Option<bool>, DbError> {
    let mut stopped = false;
    for row in tx.query_locked(LOCK_BOTH, params![debit, credit])? {
        if row.int(1)? != OPEN {
            return Ok(None);
        }
        stopped |= row.id::<money::kind::Account>(0)? == *debit && row.int(2)? == 1;
    }
    Ok(Some(stopped))
}

/// Whether a customer whose row is locked has stopped outgoing money: what a new account begins with.
pub fn is_outgoing_stopped(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<bool, DbError> {
    Ok(standing(tx, customer)?.stopped_at.is_some())
}

/// Removes a customer's own limits and what was counted for them.
pub fn erase_in(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM customer_limits WHERE customer = $1", params![customer])?;
    tx.execute("DELETE FROM spending WHERE customer = $1", params![customer])?;
    Ok(())
}

fn read_standing(row: Option<&Row>, customer: &CustomerId) -> Result<Standing, DbError> {
    let row = row.ok_or_else(|| DbError::Corrupt(format!("{customer} acts and is not there")))?;
    Ok(Standing { stopped_at: row.time_opt(0)?, password_changed_at: row.time_opt(1)? })
}
