//! SQL of the delivery: which endpoints have something to send, leases, what is due, what became of it.

use money::{Timestamp, WebhookId};
use store::{DbError, Tx, params};

use super::read_delivery;
use crate::webhooks::model::{
    DeliveryRow, DeliveryStatus, EndpointRow, EndpointStatus, MAX_ENDPOINT_PAUSE_SECONDS,
    MerchantEvent,
};

/// What a turn changes of an endpoint.
pub(in crate::webhooks) struct Turn {
    pub leased_until: Timestamp,
    pub position: i64,
    pub next_at: Timestamp,
    pub streak: i64,
    pub failing_since: Option<Timestamp>,
    pub last_error: Option<String>,
    pub last_delivered_at: Option<Timestamp>,
}

/// No lease.
pub(in crate::webhooks) const FREE: Timestamp = Timestamp::from_seconds(0);

/// Up to `most` endpoints with something to send that nobody has in hand and that took something within
/// `streak` turns, the longest waiting first; with the lease that was seen. A moment that is further off than
/// any pause was written by a clock that was wrong.
///
/// Cost: a look at each enabled endpoint, its merchant's last number and its first due delivery.
pub(in crate::webhooks) fn due(
    tx: &mut Tx<'_>,
    now: Timestamp,
    (streak, most): (i64, i64),
) -> Result<Vec<(WebhookId, Timestamp)>, DbError> {
    let farthest = now.plus_seconds(2 * MAX_ENDPOINT_PAUSE_SECONDS);
    let rows = tx.query(
        "SELECT w.id, w.leased_until FROM webhook_endpoints AS w WHERE w.status = 0 \
         AND (w.next_at <= $1 OR w.next_at > $2) AND (w.leased_until <= $1 OR w.leased_until > $2) \
         AND w.streak <= $3 \
         AND (w.position < (SELECT s.last FROM merchant_sequences AS s \
         WHERE s.merchant = w.merchant AND s.mode = w.mode) \
         OR EXISTS (SELECT 1 FROM webhook_deliveries AS d WHERE d.endpoint = w.id \
         AND d.next_at <= $1)) ORDER BY w.next_at, w.id LIMIT $4",
        params![now, farthest, streak, most],
    )?;
    rows.iter().map(|row| Ok((row.id(0)?, row.time(1)?))).collect()
}

/// Takes an endpoint into one node's hands: of any number of nodes one gets true.
pub(in crate::webhooks) fn lease(
    tx: &mut Tx<'_>,
    id: &WebhookId,
    (seen, until): (Timestamp, Timestamp),
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE webhook_endpoints SET leased_until = $3 \
         WHERE id = $1 AND leased_until = $2 AND status = 0",
        params![id, seen, until],
    )?;
    Ok(changed == 1)
}

/// Deliveries of an endpoint that are due, the longest waiting first, with their events.
pub(in crate::webhooks) fn retries(
    tx: &mut Tx<'_>,
    endpoint: &EndpointRow,
    now: Timestamp,
    most: i64,
) -> Result<Vec<(DeliveryRow, MerchantEvent)>, DbError> {
    let rows = tx.query(
        "SELECT d.sequence, d.event, d.status, d.attempts, d.last_error, d.next_at, d.created_at, \
         d.ended_at, e.type, e.data, e.created_at FROM webhook_deliveries AS d \
         JOIN merchant_events AS e ON e.merchant = $1 AND e.mode = $2 AND e.sequence = d.sequence \
         WHERE d.endpoint = $3 AND d.next_at <= $4 ORDER BY d.next_at, d.sequence LIMIT $5",
        params![&endpoint.merchant, endpoint.mode.code(), &endpoint.id, now, most],
    )?;
    let read = |row: &store::Row| {
        let delivery = read_delivery(row)?;
        let event = MerchantEvent {
            sequence: delivery.sequence,
            id: delivery.event,
            topic: row.text(8)?.to_owned(),
            data: row.text(9)?.to_owned(),
            created_at: row.time(10)?,
        };
        Ok((delivery, event))
    };
    rows.iter().map(read).collect()
}

/// Ends a turn and its lease; false where the lease is another's, and then nothing of the turn counts.
pub(in crate::webhooks) fn finish(
    tx: &mut Tx<'_>,
    id: &WebhookId,
    turn: &Turn,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE webhook_endpoints SET leased_until = $3, position = $4, next_at = $5, streak = $6, \
         failing_since = $7, last_error = $8, last_delivered_at = $9 \
         WHERE id = $1 AND leased_until = $2",
        params![
            id,
            turn.leased_until,
            FREE,
            turn.position,
            turn.next_at,
            turn.streak,
            turn.failing_since,
            turn.last_error.as_deref(),
            turn.last_delivered_at
        ],
    )?;
    Ok(changed == 1)
}

/// Stops sending to an endpoint; false where it was stopped before.
pub(in crate::webhooks) fn stop(
    tx: &mut Tx<'_>,
    id: &WebhookId,
    status: EndpointStatus,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE webhook_endpoints SET status = $2 WHERE id = $1 AND status = 0",
        params![id, status.code()],
    )?;
    Ok(changed == 1)
}

/// Keeps an event whose first try failed. One that was replayed may have a row already.
pub(in crate::webhooks) fn insert_failed(
    tx: &mut Tx<'_>,
    endpoint: &WebhookId,
    row: &DeliveryRow,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO webhook_deliveries (endpoint, sequence, event, status, attempts, last_error, \
         next_at, created_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (endpoint, sequence) DO UPDATE SET status = EXCLUDED.status, \
         attempts = EXCLUDED.attempts, last_error = EXCLUDED.last_error, \
         next_at = EXCLUDED.next_at, ended_at = EXCLUDED.ended_at",
        params![
            endpoint,
            row.sequence,
            &row.event,
            row.status.code(),
            row.attempts,
            row.last_error.as_deref(),
            row.next_at,
            row.created_at,
            row.ended_at
        ],
    )?;
    Ok(())
}

/// Writes what became of a try, unless its merchant has asked for another since.
pub(in crate::webhooks) fn update(
    tx: &mut Tx<'_>,
    endpoint: &WebhookId,
    seen: Option<Timestamp>,
    row: &DeliveryRow,
) -> Result<bool, DbError> {
    debug_assert_ne!(row.status == DeliveryStatus::Waiting, row.next_at.is_none());
    let changed = tx.execute(
        "UPDATE webhook_deliveries SET status = $4, attempts = $5, last_error = $6, next_at = $7, \
         ended_at = $8 WHERE endpoint = $1 AND sequence = $2 AND next_at = $3",
        params![
            endpoint,
            row.sequence,
            seen,
            row.status.code(),
            row.attempts,
            row.last_error.as_deref(),
            row.next_at,
            row.ended_at
        ],
    )?;
    Ok(changed == 1)
}
