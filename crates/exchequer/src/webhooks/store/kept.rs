//! SQL of retention: which of a merchant's events are kept, and the removal of the oldest.

use money::{MerchantId, Timestamp};
use store::{DbError, Row, Tx, params};

use crate::merchants::keys::Mode;
use crate::merchants::mode;

/// Merchants that have events, with their modes, behind the one named.
pub(in crate::webhooks) fn sequences(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, i64),
    most: i64,
) -> Result<Vec<(MerchantId, Mode)>, DbError> {
    let rows = tx.query(
        "SELECT merchant, mode FROM merchant_sequences WHERE (merchant, mode) > ($1, $2) \
         ORDER BY merchant, mode LIMIT $3",
        params![merchant, of, most],
    )?;
    rows.iter().map(|row: &Row| Ok((row.id(0)?, mode(row.int(1)?)?))).collect()
}

/// The oldest number that is kept; `None` where none is.
pub(in crate::webhooks) fn oldest(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
) -> Result<Option<i64>, DbError> {
    let row = tx.query_opt(
        "SELECT sequence FROM merchant_events WHERE merchant = $1 AND mode = $2 ORDER BY sequence LIMIT 1",
        params![merchant, of.code()],
    )?;
    row.map(|row| row.int(0)).transpose()
}

/// The first number from `from` on, within so many rows, that is younger than a moment; `None`: none of them is.
pub(in crate::webhooks) fn first_younger(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    (from, rows): (i64, i64),
    cutoff: Timestamp,
) -> Result<Option<i64>, DbError> {
    let row = tx.query_opt(
        "SELECT sequence FROM merchant_events WHERE merchant = $1 AND mode = $2 AND sequence >= $3 \
         AND sequence < $4 AND created_at > $5 ORDER BY sequence LIMIT 1",
        params![merchant, of.code(), from, from.saturating_add(rows), cutoff],
    )?;
    row.map(|row| row.int(0)).transpose()
}

/// The first number that an endpoint still needs: behind the position of one that is sent to, or of a delivery
/// that waits.
pub(in crate::webhooks) fn first_needed(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
) -> Result<Option<i64>, DbError> {
    let ahead = tx.query_one(
        "SELECT MIN(position) FROM webhook_endpoints WHERE merchant = $1 AND mode = $2 AND status = 0",
        params![merchant, of.code()],
    )?;
    let waiting = tx.query_one(
        "SELECT MIN(d.sequence) FROM webhook_endpoints AS w JOIN webhook_deliveries AS d \
         ON d.endpoint = w.id WHERE w.merchant = $1 AND w.mode = $2 AND d.next_at IS NOT NULL",
        params![merchant, of.code()],
    )?;
    let ahead = ahead.int_opt(0)?.map(|position| position.saturating_add(1));
    Ok(ahead.into_iter().chain(waiting.int_opt(0)?).min())
}

/// Removes all below a number; gives how many those were.
pub(in crate::webhooks) fn remove_below(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    number: i64,
) -> Result<u64, DbError> {
    tx.execute(
        "DELETE FROM merchant_events WHERE merchant = $1 AND mode = $2 AND sequence < $3",
        params![merchant, of.code(), number],
    )
}
