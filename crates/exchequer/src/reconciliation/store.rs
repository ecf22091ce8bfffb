//! SQL of reconciliation: reported lines, reports that were read, differences.

use money::{DifferenceId, StaffId, Timestamp};
use store::posting::PostOrder;
use store::{DbError, Row, Tx, params};

use super::model::{DifferenceRow, ReconciliationRow, What};
use crate::gateways::{Day, ReportLine};
use crate::merchants::mode;

macro_rules! select {
    () => {
        "SELECT id, gateway, mode, day, what, operation, currency, ours, theirs, transfer, found_at, \
         resolved_at, resolved_by, note FROM differences "
    };
}

/// Keeps a line; false where it was reported before.
pub(super) fn insert_line(
    tx: &mut Tx<'_>,
    (gateway, day): (&str, Day),
    line: &ReportLine,
    fee: Option<&PostOrder>,
) -> Result<bool, DbError> {
    let rows = tx.execute(
        "INSERT INTO report_lines (gateway, operation, kind, day, payment, reference, amount, currency, \
         fee, reported_at, fee_transfer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (gateway, operation, kind) DO NOTHING",
        params![
            gateway,
            &line.operation,
            line.kind.code(),
            day.number(),
            &line.payment,
            &line.reference,
            line.money.minor(),
            line.money.currency(),
            line.fee,
            line.at,
            fee.map(|order| &order.id)
        ],
    )?;
    Ok(rows == 1)
}

/// Whether any report had an operation.
pub(super) fn is_reported(
    tx: &mut Tx<'_>,
    gateway: &str,
    operation: &str,
) -> Result<bool, DbError> {
    let found = tx.query_opt(
        "SELECT 1 FROM report_lines WHERE gateway = $1 AND operation = $2 LIMIT 1",
        params![gateway, operation],
    )?;
    Ok(found.is_some())
}

pub(super) fn is_done(tx: &mut Tx<'_>, gateway: &str, day: Day) -> Result<bool, DbError> {
    let found = tx.query_opt(
        "SELECT 1 FROM reconciliations WHERE gateway = $1 AND day = $2",
        params![gateway, day.number()],
    )?;
    Ok(found.is_some())
}

/// False where another node was faster.
pub(super) fn insert_done(tx: &mut Tx<'_>, row: &ReconciliationRow) -> Result<bool, DbError> {
    let rows = tx.execute(
        "INSERT INTO reconciliations (gateway, day, mode, lines, matched, differences, done_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (gateway, day) DO NOTHING",
        params![
            &row.gateway,
            row.day.number(),
            row.mode.code(),
            row.lines,
            row.matched,
            row.differences,
            row.done_at
        ],
    )?;
    Ok(rows == 1)
}

/// Reports that were read, newest day first.
pub(super) fn list_done(tx: &mut Tx<'_>, most: i64) -> Result<Vec<ReconciliationRow>, DbError> {
    let rows = tx.query(
        "SELECT gateway, day, mode, lines, matched, differences, done_at FROM reconciliations \
         ORDER BY day DESC, gateway LIMIT $1",
        params![most],
    )?;
    let read = |row: &Row| {
        Ok(ReconciliationRow {
            gateway: row.text(0)?.to_owned(),
            day: Day::from_number(row.int(1)?),
            mode: mode(row.int(2)?)?,
            lines: row.int(3)?,
            matched: row.int(4)?,
            differences: row.int(5)?,
            done_at: row.time(6)?,
        })
    };
    rows.iter().map(read).collect()
}

/// False where it is known already.
pub(super) fn insert_difference(tx: &mut Tx<'_>, row: &DifferenceRow) -> Result<bool, DbError> {
    let rows = tx.execute(
        "INSERT INTO differences (id, gateway, mode, day, what, operation, currency, ours, theirs, \
         transfer, found_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (gateway, operation, what) DO NOTHING",
        params![
            &row.id,
            &row.gateway,
            row.mode.code(),
            row.day.number(),
            row.what.code(),
            &row.operation,
            row.currency,
            row.ours,
            row.theirs,
            row.transfer.as_ref(),
            row.found_at
        ],
    )?;
    Ok(rows == 1)
}

/// Up to `most`, newest first, before the one named; all, or those that nobody has resolved.
pub(super) fn differences(
    tx: &mut Tx<'_>,
    (before, is_open): (Option<&DifferenceId>, bool),
    most: i64,
) -> Result<Vec<DifferenceRow>, DbError> {
    let sql = concat!(
        select!(),
        "WHERE id < $1 AND (CAST($2 AS BIGINT) = 0 OR resolved_at IS NULL) ORDER BY id DESC \
         LIMIT $3"
    );
    let last = DifferenceId::from_bytes([0xff; 16]);
    let rows = tx.query(sql, params![before.unwrap_or(&last), i64::from(is_open), most])?;
    rows.iter().map(read).collect()
}

pub(super) fn find(tx: &mut Tx<'_>, id: &DifferenceId) -> Result<Option<DifferenceRow>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE id = $1"), params![id])?;
    row.map(|row| read(&row)).transpose()
}

pub(super) fn lock(tx: &mut Tx<'_>, id: &DifferenceId) -> Result<Option<DifferenceRow>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1 ORDER BY id");
    tx.query_locked(sql, params![id])?.first().map(read).transpose()
}

pub(super) fn resolve(
    tx: &mut Tx<'_>,
    id: &DifferenceId,
    (at, by, note): (Timestamp, Option<&StaffId>, &str),
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE differences SET resolved_at = $2, resolved_by = $3, note = $4 WHERE id = $1",
        params![id, at, by, note],
    )?;
    Ok(())
}

fn read(row: &Row) -> Result<DifferenceRow, DbError> {
    let what = row.int(4)?;
    let note = row.text_opt(13)?.map(str::to_owned);
    let resolved = match (row.time_opt(11)?, note) {
        (Some(at), Some(note)) => Some((at, row.id_opt(12)?, note)),
        _ => None,
    };
    Ok(DifferenceRow {
        id: row.id(0)?,
        gateway: row.text(1)?.to_owned(),
        mode: mode(row.int(2)?)?,
        day: Day::from_number(row.int(3)?),
        what: What::from_code(what)
            .ok_or_else(|| DbError::Corrupt(format!("a difference of kind {what}")))?,
        operation: row.text(5)?.to_owned(),
        currency: row.currency(6)?,
        ours: row.int(7)?,
        theirs: row.int(8)?,
        transfer: row.id_opt(9)?,
        found_at: row.time(10)?,
        resolved,
    })
}
