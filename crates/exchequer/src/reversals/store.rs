//! SQL of reversals, and of the differences that may need one.

use money::{DifferenceId, Timestamp};
use store::{DbError, Row, Tx, params};

use super::model::{ReversalRow, name_of};
use crate::gateways::Kind;
use crate::payments::model::StepState;
use crate::reconciliation::model::Ours;

macro_rules! select {
    () => {
        "SELECT step, payment, difference, amount, state, reference, refusal, transfer, created_at, due_at, \
         overdue_at, ended_at, asked, ask_at FROM payment_reversals "
    };
}

/// Differences by which money was taken for a step that is not done here, which nobody has resolved and nobody
/// has asked a gateway about; behind the one named.
pub(super) fn candidates(
    tx: &mut Tx<'_>,
    after: &DifferenceId,
    most: i64,
) -> Result<Vec<DifferenceId>, DbError> {
    let rows = tx.query(
        "SELECT id FROM differences WHERE resolved_at IS NULL AND what = 1 AND id > $1 AND NOT EXISTS \
         (SELECT 1 FROM payment_reversals AS r WHERE r.difference = differences.id) \
         ORDER BY id LIMIT $2",
        params![after, most],
    )?;
    rows.iter().map(|row| row.id(0)).collect()
}

/// False where another node was faster.
pub(super) fn insert(tx: &mut Tx<'_>, row: &ReversalRow) -> Result<bool, DbError> {
    let rows = tx.execute(
        "INSERT INTO payment_reversals (step, payment, difference, amount, state, created_at, due_at, asked, \
         ask_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8) ON CONFLICT DO NOTHING",
        params![
            &row.step,
            &row.payment,
            &row.difference,
            row.amount,
            row.state.code(),
            row.created_at,
            row.due_at,
            row.ask_at
        ],
    )?;
    Ok(rows == 1)
}

pub(super) fn find(tx: &mut Tx<'_>, step: &[u8; 16]) -> Result<Option<ReversalRow>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE step = $1"), params![step])?;
    row.map(|row| read(&row)).transpose()
}

pub(super) fn lock(tx: &mut Tx<'_>, step: &[u8; 16]) -> Result<Option<ReversalRow>, DbError> {
    let sql = concat!(select!(), "WHERE step = $1 ORDER BY step");
    tx.query_locked(sql, params![step])?.first().map(read).transpose()
}

pub(super) fn of_difference(
    tx: &mut Tx<'_>,
    difference: &DifferenceId,
) -> Result<Option<ReversalRow>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE difference = $1"), params![difference])?;
    row.map(|row| read(&row)).transpose()
}

/// All that changes of a reversal by an answer.
pub(super) fn update(tx: &mut Tx<'_>, row: &ReversalRow) -> Result<(), DbError> {
    tx.execute(
        "UPDATE payment_reversals SET state = $2, reference = $3, refusal = $4, transfer = $5, \
         ended_at = $6, ask_at = $7 WHERE step = $1",
        params![
            &row.step,
            row.state.code(),
            row.reference.as_deref(),
            row.refusal.as_deref(),
            row.transfer.as_ref(),
            row.ended_at,
            row.ask_at
        ],
    )?;
    Ok(())
}

/// Up to `most` that are to be asked about, the longest due first.
pub(super) fn due(tx: &mut Tx<'_>, now: Timestamp, most: i64) -> Result<Vec<ReversalRow>, DbError> {
    let sql = concat!(select!(), "WHERE ask_at <= $1 ORDER BY ask_at LIMIT $2");
    tx.query(sql, params![now, most])?.iter().map(read).collect()
}

/// Takes one into a node's hands: of any number of nodes one gets true.
pub(super) fn lease(tx: &mut Tx<'_>, row: &ReversalRow, until: Timestamp) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE payment_reversals SET ask_at = $3, asked = asked + 1 WHERE step = $1 AND ask_at = $2",
        params![&row.step, row.ask_at, until],
    )?;
    Ok(rows == 1)
}

/// Those that are not done in their time, and of which nobody has said so.
pub(super) fn overdue(
    tx: &mut Tx<'_>,
    now: Timestamp,
    most: i64,
) -> Result<Vec<ReversalRow>, DbError> {
    let sql = concat!(
        select!(),
        "WHERE overdue_at IS NULL AND due_at <= $1 AND state <> 2 ORDER BY due_at LIMIT $2"
    );
    tx.query(sql, params![now, most])?.iter().map(read).collect()
}

pub(super) fn mark_overdue(
    tx: &mut Tx<'_>,
    step: &[u8; 16],
    now: Timestamp,
) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE payment_reversals SET overdue_at = $2 WHERE step = $1 AND overdue_at IS NULL AND state <> 2",
        params![step, now],
    )?;
    Ok(rows == 1)
}

/// What the bank has of a reversal that a gateway reports.
pub(super) fn reported(
    tx: &mut Tx<'_>,
    gateway: &str,
    step: &[u8; 16],
) -> Result<Option<Ours>, DbError> {
    let row = tx.query_opt(
        "SELECT r.state, r.amount, p.currency FROM payment_reversals AS r \
         JOIN payments AS p ON p.id = r.payment WHERE r.step = $1 AND p.gateway = $2",
        params![step, gateway],
    )?;
    let Some(row) = row else { return Ok(None) };
    let is_done = row.int(0)? == StepState::Done.code();
    Ok(Some(Ours { is_done, amount: row.int(1)?, currency: row.currency(2)? }))
}

/// Reversals that are done, begun in a time.
pub(super) fn done_between(
    tx: &mut Tx<'_>,
    gateway: &str,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<(String, Kind, Ours)>, DbError> {
    let rows = tx.query(
        "SELECT r.step, r.amount, p.currency FROM payment_reversals AS r \
         JOIN payments AS p ON p.id = r.payment WHERE r.created_at >= $1 AND r.created_at < $2 \
         AND r.state = 2 AND p.gateway = $3 ORDER BY r.created_at",
        params![from, to, gateway],
    )?;
    let read = |row: &Row| {
        let ours = Ours { is_done: true, amount: row.int(1)?, currency: row.currency(2)? };
        Ok((name_of(&row.bytes(0)?), Kind::Refund, ours))
    };
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<ReversalRow, DbError> {
    let state = row.int(4)?;
    Ok(ReversalRow {
        step: row.bytes(0)?,
        payment: row.id(1)?,
        difference: row.id(2)?,
        amount: row.int(3)?,
        state: StepState::from_code(state)
            .ok_or_else(|| DbError::Corrupt(format!("a reversal's state {state}")))?,
        reference: row.text_opt(5)?.map(str::to_owned),
        refusal: row.text_opt(6)?.map(str::to_owned),
        transfer: row.id_opt(7)?,
        created_at: row.time(8)?,
        due_at: row.time(9)?,
        overdue_at: row.time_opt(10)?,
        ended_at: row.time_opt(11)?,
        asked: row.int(12)?,
        ask_at: row.time_opt(13)?,
    })
}
