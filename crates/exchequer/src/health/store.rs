//! SQL of the health: bounded looks at what waits.

use store::{DbError, Tx, params};

use super::model::{GatewayFacts, MOST, OutboxFacts, WebhookFacts};
use crate::merchants::keys::Mode;

/// Steps that are looked at for a gateway's last answer: the newest of all gateways.
const NEWEST_STEPS: i64 = 500;
/// No id is all ones.
const LAST_ID: [u8; 16] = [0xff; 16];

pub(super) fn gateway(tx: &mut Tx<'_>, mode: Mode, name: &str) -> Result<GatewayFacts, DbError> {
    let answered = tx.query_one(
        "SELECT MAX(s.ended_at) FROM (SELECT payment, ended_at FROM payment_steps WHERE id < $4 ORDER BY id DESC \
         LIMIT $3) AS s JOIN payments AS p ON p.id = s.payment WHERE p.mode = $1 AND p.gateway = $2",
        params![mode.code(), name, NEWEST_STEPS, &LAST_ID],
    )?;
    let unknown = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT), MIN(w.created_at) FROM (SELECT s.created_at \
         FROM payment_steps AS s JOIN payments AS p ON p.id = s.payment WHERE s.ask_at IS NOT NULL \
         AND s.state = 1 AND p.mode = $1 AND p.gateway = $2 LIMIT $3) AS w",
        params![mode.code(), name, MOST],
    )?;
    Ok(GatewayFacts {
        last_answer_at: answered.time_opt(0)?,
        unknown: unknown.int(0)?,
        oldest_unknown_at: unknown.time_opt(1)?,
    })
}

/// Those of no channel are written for nobody and never leave.
pub(super) fn outbox(tx: &mut Tx<'_>) -> Result<OutboxFacts, DbError> {
    let row = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT), \
         CAST(COALESCE(SUM(CASE WHEN w.attempts > 0 THEN 1 ELSE 0 END), 0) AS BIGINT), \
         MIN(w.created_at) FROM (SELECT attempts, created_at FROM outbox WHERE status = 0 \
         AND channel IN ('email', 'sms') ORDER BY channel, next_at LIMIT $1) AS w",
        params![MOST],
    )?;
    Ok(OutboxFacts { waiting: row.int(0)?, failing: row.int(1)?, oldest_at: row.time_opt(2)? })
}

pub(super) fn webhooks(tx: &mut Tx<'_>) -> Result<WebhookFacts, DbError> {
    let waiting = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT), MIN(w.created_at) FROM (SELECT created_at FROM webhook_deliveries \
         WHERE next_at IS NOT NULL LIMIT $1) AS w",
        params![MOST],
    )?;
    let dead = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT status FROM webhook_deliveries \
         WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT $1) AS e WHERE e.status = 2",
        params![MOST],
    )?;
    Ok(WebhookFacts {
        waiting: waiting.int(0)?,
        oldest_at: waiting.time_opt(1)?,
        dead: dead.int(0)?,
    })
}
