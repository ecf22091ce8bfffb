//! SQL of what shows a payment's steps: their events and transfers, by the moment of the step.
//!
//! An id is made when its row is, and the row's time when the act began. So a row is looked for behind its time, page by
//! page, as far as a transaction may have waited. Bound: [`PAGES`]; on a bank that writes more than all of them within that
//! time, what waited longest may not be found, and its receipt is not ready.

use money::{EventId, Timestamp, TransferId};
use store::rows::TransferKind;
use store::{DbError, Tx, params};

use super::first_id_at;

/// Rows of one table that are looked at at once.
const SIGHT: i64 = 20_000;
/// Of a step: a quarter of a million rows.
const PAGES: usize = 12;
/// Events of one payment in one microsecond.
const OF_MOMENT: i64 = 100;
/// As long as the log waits for a row, too (`evidence/window.rs`).
const LATE_SECONDS: i64 = crate::evidence::window::GRACE_SECONDS;

const POSTING: &str = "SELECT w.id FROM (SELECT id, reference, kind FROM transfers \
     WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3) AS w \
     WHERE w.reference = $4 AND w.kind = $5 ORDER BY w.id LIMIT 1";

/// The event of an act at a moment: of those that tell of a step, that of the step named.
pub(in crate::payments) fn event(
    tx: &mut Tx<'_>,
    (action, resource): (&str, &str),
    (step, at): (&str, Timestamp),
) -> Result<Option<EventId>, DbError> {
    let next = "SELECT id FROM events WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 1 OFFSET $3";
    in_pages(tx, (next, at), |tx, (from, to)| {
        let rows = tx.query(
            "SELECT w.id, w.after FROM (SELECT id, at, action, resource, after FROM events \
             WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3) AS w \
             WHERE w.at = $4 AND w.resource = $5 AND w.action = $6 ORDER BY w.id LIMIT $7",
            params![from, to, SIGHT, at, resource, action, OF_MOMENT],
        )?;
        for row in &rows {
            if tells_of(row.text_opt(1)?, step) {
                return row.id(0).map(Some);
            }
        }
        Ok(None)
    })
}

/// The transfer of a kind about a step, posted at a moment.
pub(in crate::payments) fn posting(
    tx: &mut Tx<'_>,
    (step, kind): (&[u8; 16], TransferKind),
    at: Timestamp,
) -> Result<Option<TransferId>, DbError> {
    let next = "SELECT id FROM transfers WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 1 OFFSET $3";
    in_pages(tx, (next, at), |tx, (from, to)| {
        let found = tx.query_opt(POSTING, params![from, to, SIGHT, step, kind.code()])?;
        found.map(|row| row.id(0)).transpose()
    })
}

/// The same for one that was ordered together with another, behind it.
pub(in crate::payments) fn posting_behind(
    tx: &mut Tx<'_>,
    (step, kind): (&[u8; 16], TransferKind),
    other: &[u8; 16],
) -> Result<Option<TransferId>, DbError> {
    const HIGHEST: [u8; 16] = [0xff; 16];
    let found = tx.query_opt(POSTING, params![other, &HIGHEST, SIGHT, step, kind.code()])?;
    found.map(|row| row.id(0)).transpose()
}

/// Looks at the ids behind a moment; `next` finds where the page after one begins.
fn in_pages<T>(
    tx: &mut Tx<'_>,
    (next, at): (&'static str, Timestamp),
    mut look: impl FnMut(&mut Tx<'_>, (&[u8; 16], &[u8; 16])) -> Result<Option<T>, DbError>,
) -> Result<Option<T>, DbError> {
    let (mut from, end) = (first_id_at(at), first_id_at(at.plus_seconds(LATE_SECONDS)));
    for _ in 0..PAGES {
        let row = tx.query_opt(next, params![&from, &end, SIGHT])?;
        let behind: Option<[u8; 16]> = row.map(|row| row.bytes(0)).transpose()?;
        let found = look(tx, (&from, &behind.unwrap_or(end)))?;
        match behind {
            Some(behind) if found.is_none() => from = behind,
            _ => return Ok(found),
        }
    }
    Ok(None)
}

/// An event that names no step is of the payment or refund as a whole.
fn tells_of(after: Option<&str>, step: &str) -> bool {
    let after: Option<serde_json::Value> = after.and_then(|text| serde_json::from_str(text).ok());
    let named = after.as_ref().and_then(|after| after.get("step")?.as_str());
    named.is_none_or(|named| named == step)
}
