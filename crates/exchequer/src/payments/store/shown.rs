//! SQL of what shows a payment's steps: their events and transfers, by the moment of the step.
//!
//! An id is made when its row is, and the row's time when the act began. So a row is looked for behind its time:
//! nearby first, and where it is not there, as far as a transaction may have waited.

use money::{EventId, Timestamp, TransferId};
use store::rows::TransferKind;
use store::{DbError, Tx, params};

use super::first_id_at;
use crate::payments::dossier::MOMENT_SECONDS;

/// Rows of one table behind a moment that are looked at.
const SIGHT: i64 = 20_000;
/// Events of one payment in one microsecond.
const OF_MOMENT: i64 = 100;
/// As long as the log waits for a row, too (`evidence/window.rs`).
const LATE_SECONDS: i64 = crate::evidence::window::GRACE_SECONDS;

/// The event of an act at a moment: of those that tell of a step, that of the step named.
pub(in crate::payments) fn event(
    tx: &mut Tx<'_>,
    (action, resource): (&str, &str),
    (step, at): (&str, Timestamp),
) -> Result<Option<EventId>, DbError> {
    nearby_first(|seconds| {
        let (from, to) = (first_id_at(at), first_id_at(at.plus_seconds(seconds)));
        let rows = tx.query(
            "SELECT w.id, w.after FROM (SELECT id, at, action, resource, after FROM events \
             WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3) AS w \
             WHERE w.at = $4 AND w.resource = $5 AND w.action = $6 ORDER BY w.id LIMIT $7",
            params![&from, &to, SIGHT, at, resource, action, OF_MOMENT],
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
    nearby_first(|seconds| {
        let (from, to) = (first_id_at(at), first_id_at(at.plus_seconds(seconds)));
        let found = tx.query_opt(
            "SELECT w.id FROM (SELECT id, reference, kind FROM transfers \
             WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3) AS w \
             WHERE w.reference = $4 AND w.kind = $5 ORDER BY w.id LIMIT 1",
            params![&from, &to, SIGHT, step, kind.code()],
        )?;
        found.map(|row| row.id(0)).transpose()
    })
}

/// An event that names no step is of the payment or refund as a whole.
fn tells_of(after: Option<&str>, step: &str) -> bool {
    let after: Option<serde_json::Value> = after.and_then(|text| serde_json::from_str(text).ok());
    let named = after.as_ref().and_then(|after| after.get("step")?.as_str());
    named.is_none_or(|named| named == step)
}

fn nearby_first<T>(
    mut look: impl FnMut(i64) -> Result<Option<T>, DbError>,
) -> Result<Option<T>, DbError> {
    let found = look(MOMENT_SECONDS)?;
    if found.is_some() { Ok(found) } else { look(LATE_SECONDS) }
}
