//! SQL of verify: every table in pages by its key, in one snapshot.
//!
//! A row that the schema rules out is a finding about that row, not a failure of the database.

pub(super) mod days;
pub(super) mod payments;

use ledger::{Account, BalancePolicy, Hold, HoldStatus, Limits};
use money::kind::{Account as AccountKind, Event, Hold as HoldKind, Transfer};
use money::{Id, IdKind};
use store::rows::{Side, account_status};
use store::{DbError, Row, Tx, params};

use super::log::{LoggedEvent, LoggedOrigin, hexadecimal};
use super::model::{Finding, Posted, Step, Stop, StoredAccount, StoredHold};
use super::parts::{Moves, Part, Relation, Whole, Window};

/// Rows of a page: a few MiB.
const PAGE: i64 = 5_000;

const ACCOUNTS: &str = "SELECT a.id, a.currency, b.status, b.bounded, b.overdraft_limit, \
     b.limit_transfer, b.limit_day, b.debits_posted, b.credits_posted, b.debits_held, \
     b.credits_held, b.last_entry, b.entry_count, a.owner FROM accounts AS a \
     LEFT JOIN balances AS b ON b.place = a.place WHERE a.id > $1 ORDER BY a.id LIMIT $2";
const TRANSFERS: &str = "SELECT t.id, t.debit_account, t.debit_number, t.debit_previous, \
     t.debit_balance, t.credit_account, t.credit_number, t.credit_previous, t.credit_balance, \
     t.amount, t.currency, t.kind, t.reference IS NOT NULL, o.id IS NOT NULL \
     FROM transfers AS t LEFT JOIN origins AS o ON o.id = t.origin \
     WHERE t.id > $1 ORDER BY t.id LIMIT $2";
const HOLDS: &str = "SELECT id, debit_account, credit_account, amount, captured, currency, status, \
     created_at, expires_at FROM holds WHERE id > $1 ORDER BY id LIMIT $2";
const CAPTURED: &str = "SELECT id, captured, amount FROM holds \
     WHERE id > $1 AND captured > 0 ORDER BY id LIMIT $2";
const CAPTURES: &str = "SELECT t.id, t.reference, t.amount, t.currency, t.debit_account, \
     t.credit_account, h.currency, h.debit_account, h.credit_account, h.captured \
     FROM transfers AS t LEFT JOIN holds AS h ON h.id = t.reference \
     WHERE t.id > $1 AND t.kind = 4 ORDER BY t.id LIMIT $2";
const REVERSED: &str = "SELECT r.transfer, r.reversed, t.amount FROM reversals AS r \
     LEFT JOIN transfers AS t ON t.id = r.transfer \
     WHERE r.transfer > $1 AND r.reversed > 0 ORDER BY r.transfer LIMIT $2";
const REVERSALS: &str = "SELECT t.id, t.reference, t.amount, t.currency, t.debit_account, \
     t.credit_account, o.currency, o.credit_account, o.debit_account, r.reversed \
     FROM transfers AS t LEFT JOIN transfers AS o ON o.id = t.reference \
     LEFT JOIN reversals AS r ON r.transfer = t.reference \
     WHERE t.id > $1 AND t.kind = 5 ORDER BY t.id LIMIT $2";
const KEYS: &str = "SELECT i.scope, i.status, i.answer IS NOT NULL, i.resource IS NOT NULL, \
     t.id IS NOT NULL, i.run, s.id IS NOT NULL FROM idempotency AS i \
     LEFT JOIN transfers AS t ON t.id = i.resource \
     LEFT JOIN payment_steps AS s ON s.id = i.resource \
     WHERE (i.run, i.scope) > ($3, $1) ORDER BY i.run, i.scope LIMIT $2";
const ORIGINS: &str = "SELECT id, actor_kind, actor, session, address, agent FROM origins \
     WHERE id > $1 ORDER BY id LIMIT $2";
const EVENTS: &str = "SELECT e.id, e.at, e.action, e.resource, e.outcome, e.before, e.after, \
     o.id IS NOT NULL, o.actor_kind, o.actor, e.subject FROM events AS e LEFT JOIN origins AS o ON o.id = e.origin \
     WHERE e.id > $1 ORDER BY e.id LIMIT $2";

const HOLD_PARTS: Relation =
    Relation { table: "holds", whole_id: written::<HoldKind>, part_id: written::<Transfer> };
const TRANSFER_PARTS: Relation =
    Relation { table: "reversals", whole_id: written::<Transfer>, part_id: written::<Transfer> };

type Feed<'f, T> = &'f mut dyn FnMut(T) -> Step;

/// All accounts; gives their number, as all of these do.
pub(super) fn accounts(tx: &mut Tx<'_>, feed: Feed<'_, StoredAccount>) -> Step<u64> {
    each(tx, ACCOUNTS, |row| feed(named::<AccountKind, _>("accounts", row, account)?))
}

pub(super) fn transfers(tx: &mut Tx<'_>, feed: Feed<'_, Posted>) -> Step<u64> {
    each(tx, TRANSFERS, |row| feed(named::<Transfer, _>("transfers", row, posted)?))
}

pub(super) fn holds(tx: &mut Tx<'_>, feed: Feed<'_, StoredHold>) -> Step<u64> {
    each(tx, HOLDS, |row| feed(named::<HoldKind, _>("holds", row, hold)?))
}

pub(super) fn events(tx: &mut Tx<'_>, feed: Feed<'_, LoggedEvent>) -> Step<u64> {
    each(tx, EVENTS, |row| feed(named::<Event, _>("events", row, event)?))
}

pub(super) fn origins(tx: &mut Tx<'_>) -> Step<u64> {
    each(tx, ORIGINS, |row| {
        let decoded = origin(row).map_err(|error| damaged("origins", key(row), error))?;
        decoded.check()
    })
}

/// Idempotency keys: each is there once, and an answer that is not stored is made from the transfer that
/// it names, or still to come for the step of a payment.
pub(super) fn keys(tx: &mut Tx<'_>) -> Step<u64> {
    if let Some(broken) = tx.run_fault()? {
        let run = format!("run {}", broken.run);
        return Err(Finding::new("idempotency", run, broken.expected, broken.found).into());
    }
    let mut count: u64 = 0;
    let mut rows = tx.query(KEYS, params![&[][..], PAGE, 0])?;
    while let Some(last) = rows.last() {
        for row in &rows {
            answer(row)?;
            count = count.saturating_add(1);
        }
        let (after, run) = (last.blob(0)?.to_vec(), last.int(5)?);
        rows = tx.query(KEYS, params![&after, PAGE, run])?;
    }
    Ok(count)
}

fn answer(row: &Row) -> Step {
    let (status, has_answer, has_resource, has_transfer) =
        (row.int(1)?, row.int(2)? == 1, row.int(3)? == 1, row.int(4)? == 1);
    let wrong = |expected: &str, found: String| {
        Err(Finding::new("idempotency", key(row), expected, found).into())
    };
    // An act that waits for a gateway has no answer yet, and names the step that it began.
    if status == 0 && !has_answer && row.int(6)? == 1 {
        return Ok(());
    }
    if !(100..=599).contains(&status) {
        return wrong("a status of HTTP", status.to_string());
    }
    if !has_answer && !has_resource {
        return wrong("an answer, or a resource that it is made from", "neither".to_owned());
    }
    if !has_answer && !has_transfer {
        return wrong("the transfer that it names", "no such row".to_owned());
    }
    Ok(())
}

/// Captures against what their holds say; `any`: there are some.
pub(super) fn captures(tx: &mut Tx<'_>, any: bool) -> Step {
    compare_parts(tx, HOLD_PARTS, CAPTURED, any.then_some(CAPTURES))
}

/// Reversals against what is remembered of their transfers.
pub(super) fn reversals(tx: &mut Tx<'_>, any: bool) -> Step {
    compare_parts(tx, TRANSFER_PARTS, REVERSED, any.then_some(REVERSALS))
}

fn compare_parts(
    tx: &mut Tx<'_>,
    relation: Relation,
    wholes: &'static str,
    parts: Option<&'static str>,
) -> Step {
    let mut after = Vec::new();
    loop {
        let mut window = Window::new(relation);
        let mut rows = page(tx, wholes, &after)?;
        while let Some(last) = rows.last() {
            after = last.blob(0)?.to_vec();
            for row in &rows {
                window.add_whole(Whole {
                    id: row.bytes(0)?,
                    claimed: row.int(1)?,
                    most: row.int_opt(2)?,
                })?;
            }
            rows = if window.is_full() { Vec::new() } else { page(tx, wholes, &after)? };
        }
        if let Some(parts) = parts {
            each(tx, parts, |row| window.add_part(&named::<Transfer, _>("transfers", row, part)?))?;
        }
        window.finish()?;
        if !window.is_full() {
            return Ok(());
        }
    }
}

/// Feeds every row of a query that pages by its first column; gives their number.
fn each(tx: &mut Tx<'_>, sql: &'static str, mut feed: impl FnMut(&Row) -> Step) -> Step<u64> {
    let mut count: u64 = 0;
    let mut rows = page(tx, sql, &[])?;
    while let Some(last) = rows.last() {
        for row in &rows {
            feed(row)?;
            count = count.saturating_add(1);
        }
        let after = last.blob(0)?.to_vec();
        rows = page(tx, sql, &after)?;
    }
    Ok(count)
}

/// No blob is below the empty one.
fn page(tx: &mut Tx<'_>, sql: &'static str, after: &[u8]) -> Result<Vec<Row>, DbError> {
    tx.query(sql, params![after, PAGE])
}

fn account(row: &Row) -> Result<StoredAccount, DbError> {
    let policy = match row.int(3)? {
        0 => BalancePolicy::Unbounded,
        _ => BalancePolicy::Bounded { overdraft_limit: row.int(4)? },
    };
    let mut account = Account::open(row.id(0)?, row.currency(1)?, policy);
    account.status = account_status(row.int(2)?)?;
    account.limits = Limits { per_transfer: row.int_opt(5)?, per_day: row.int_opt(6)? };
    account.debits_posted = row.int(7)?;
    account.credits_posted = row.int(8)?;
    account.debits_held = row.int(9)?;
    account.credits_held = row.int(10)?;
    account.last_entry = row.id_opt(11)?;
    account.entry_count = row.int(12)?;
    Ok(StoredAccount { account, owner: row.id_opt(13)? })
}

fn posted(row: &Row) -> Result<Posted, DbError> {
    let side = |at: usize| -> Result<Side, DbError> {
        Ok(Side {
            account: row.id(at)?,
            number: row.int(at + 1)?,
            previous: row.id_opt(at + 2)?,
            balance: row.int(at + 3)?,
        })
    };
    Ok(Posted {
        id: row.id(0)?,
        debit: side(1)?,
        credit: side(5)?,
        amount: row.int(9)?,
        currency: row.text(10)?.to_owned(),
        kind: row.int(11)?,
        has_reference: row.int(12)? == 1,
        has_origin: row.int(13)? == 1,
    })
}

fn hold(row: &Row) -> Result<StoredHold, DbError> {
    let status = match row.int(6)? {
        0 => HoldStatus::Active,
        1 => HoldStatus::Captured,
        2 => HoldStatus::Voided,
        3 => HoldStatus::Expired,
        other => return Err(DbError::Corrupt(format!("hold status {other}"))),
    };
    Ok(StoredHold {
        hold: Hold {
            id: row.id(0)?,
            debit: 0,
            credit: 0,
            amount: row.int(3)?,
            captured: row.int(4)?,
            status,
            placed_at: row.time(7)?,
            expires_at: row.time(8)?,
        },
        debit: row.id(1)?,
        credit: row.id(2)?,
        currency: row.text(5)?.to_owned(),
    })
}

fn part(row: &Row) -> Result<Part, DbError> {
    let moves = |at: usize| -> Result<Moves, DbError> {
        Ok((row.text(at)?.to_owned(), row.bytes(at + 1)?, row.bytes(at + 2)?))
    };
    let of_whole = row.text_opt(6)?.map(|_| moves(6)).transpose()?;
    Ok(Part {
        id: row.bytes(0)?,
        whole: row.bytes(1)?,
        amount: row.int(2)?,
        moves: moves(3)?,
        of_whole,
        claimed: row.int_opt(9)?,
    })
}

fn event(row: &Row) -> Result<LoggedEvent, DbError> {
    Ok(LoggedEvent {
        id: row.id(0)?,
        at: row.time(1)?,
        action: row.text(2)?.to_owned(),
        resource: row.text(3)?.to_owned(),
        outcome: row.text(4)?.to_owned(),
        before: row.text_opt(5)?.map(str::to_owned),
        after: row.text_opt(6)?.map(str::to_owned),
        has_origin: row.int(7)? == 1,
        customer: if row.text_opt(8)? == Some("customer") { row.id_opt(9)? } else { None },
        subject: row.id_opt(10)?,
    })
}

fn origin(row: &Row) -> Result<LoggedOrigin, DbError> {
    Ok(LoggedOrigin {
        id: row.bytes(0)?,
        actor_kind: row.text(1)?.to_owned(),
        actor: row.blob_opt(2)?.map(|_| row.bytes(2)).transpose()?,
        session: row.id_opt(3)?,
        address: row.text(4)?.to_owned(),
        agent: row.text(5)?.to_owned(),
    })
}

/// Decodes a row; what cannot be decoded is a finding about it.
fn named<K: IdKind, T>(
    table: &'static str,
    row: &Row,
    decode: impl FnOnce(&Row) -> Result<T, DbError>,
) -> Step<T> {
    decode(row).map_err(|error| {
        let id = row.id::<K>(0).map_or_else(|_| key(row), |id| id.to_string());
        damaged(table, id, error)
    })
}

fn damaged(table: &'static str, id: String, error: DbError) -> Stop {
    match error {
        DbError::Corrupt(found) => Finding::new(table, id, "what the schema allows", found).into(),
        other => other.into(),
    }
}

fn key(row: &Row) -> String {
    row.blob(0).map(hexadecimal).unwrap_or_default()
}

fn written<K: IdKind>(bytes: [u8; 16]) -> String {
    Id::<K>::from_bytes(bytes).to_string()
}

#[cfg(test)]
mod tests;
