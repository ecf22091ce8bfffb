//! SQL of what shows a payment's steps: their events.

use money::{EventId, Timestamp};
use store::{DbError, Tx, params};

use super::first_id_at;
use crate::payments::dossier::MOMENT_SECONDS;

/// Events of one moment that are looked at.
const SIGHT: i64 = 20_000;
/// Events of one payment in one microsecond.
const OF_MOMENT: i64 = 100;

/// The event of an act at a moment: of those that tell of a step, that of the step named.
pub(in crate::payments) fn event(
    tx: &mut Tx<'_>,
    (action, resource): (&str, &str),
    (step, at): (&str, Timestamp),
) -> Result<Option<EventId>, DbError> {
    let (from, to) = (first_id_at(at), first_id_at(at.plus_seconds(MOMENT_SECONDS)));
    let rows = tx.query(
        "SELECT w.id, w.after FROM (SELECT id, at, action, resource, after FROM events \
         WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3) AS w \
         WHERE w.at = $4 AND w.resource = $5 AND w.action = $6 ORDER BY w.id LIMIT $7",
        params![&from, &to, SIGHT, at, resource, action, OF_MOMENT],
    )?;
    for row in rows {
        let after: Option<serde_json::Value> =
            row.text_opt(1)?.and_then(|text| serde_json::from_str(text).ok());
        let told = after.as_ref().and_then(|after| after.get("step")?.as_str());
        if told.is_none_or(|told| told == step) {
            return Ok(Some(row.id(0)?));
        }
    }
    Ok(None)
}
