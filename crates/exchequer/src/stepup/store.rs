//! SQL of step-up: when a session last showed a second factor.

use money::{SessionId, Timestamp};
use store::{DbError, Tx, params};

const PROVED_AT: &str = "SELECT proved_at FROM sessions WHERE id = $1";

pub(super) fn proved_at(
    tx: &mut Tx<'_>,
    session: &SessionId,
) -> Result<Option<Timestamp>, DbError> {
    match tx.query_opt(PROVED_AT, params![session])? {
        Some(row) => row.time_opt(0),
        None => Ok(None),
    }
}
