//! SQL of merchants' events, endpoints and deliveries. What a merchant asks for names the merchant and the mode;
//! keys are sealed, bound to table, column and row.

pub(super) mod desk;
pub(super) mod kept;
pub(super) mod turns;

use money::{EventId, MerchantId, Timestamp, WebhookId};
use store::{DbError, Row, Tx, params};
use vault::{Place, Sealing, WebhookAlgorithm, WebhookKey};

use super::model::{DeliveryRow, DeliveryStatus, EndpointRow, EndpointStatus, MerchantEvent};
use crate::bank::{Act, Tools};
use crate::merchants::keys::Mode;
use crate::merchants::mode;

macro_rules! select {
    () => {
        "SELECT id, merchant, mode, url, events, description, algorithm, public_key, previous_until, \
         status, position, next_at, leased_until, streak, failing_since, last_error, \
         last_delivered_at, created_at FROM webhook_endpoints "
    };
}

macro_rules! select_event {
    () => {
        "SELECT sequence, id, type, data, created_at FROM merchant_events "
    };
}

macro_rules! select_delivery {
    () => {
        "SELECT sequence, event, status, attempts, last_error, next_at, created_at, ended_at \
         FROM webhook_deliveries "
    };
}

/// The next number. The row stays locked until the end of the transaction, so nobody sees this number before
/// all below it, and one that is rolled back is given out again.
pub(super) fn next_sequence(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
) -> Result<i64, DbError> {
    tx.query_one(
        "INSERT INTO merchant_sequences (merchant, mode, last) VALUES ($1, $2, 1) \
         ON CONFLICT (merchant, mode) DO UPDATE SET last = merchant_sequences.last + 1 \
         RETURNING last",
        params![merchant, of.code()],
    )?
    .int(0)
}

/// The last number that was given out; 0 before the first.
pub(super) fn last_sequence(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
) -> Result<i64, DbError> {
    let row = tx.query_opt(
        "SELECT last FROM merchant_sequences WHERE merchant = $1 AND mode = $2",
        params![merchant, of.code()],
    )?;
    row.map_or(Ok(0), |row| row.int(0))
}

pub(super) fn insert_event(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    event: &MerchantEvent,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO merchant_events (merchant, mode, sequence, id, type, data, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            merchant,
            of.code(),
            event.sequence,
            &event.id,
            &event.topic,
            &event.data,
            event.created_at
        ],
    )?;
    Ok(())
}

/// Up to `most` events behind a number, ascending.
pub(super) fn events_after(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    (after, most): (i64, i64),
) -> Result<Vec<MerchantEvent>, DbError> {
    let sql = concat!(
        select_event!(),
        "WHERE merchant = $1 AND mode = $2 AND sequence > $3 ORDER BY sequence LIMIT $4"
    );
    tx.query(sql, params![merchant, of.code(), after, most])?.iter().map(read_event).collect()
}

pub(super) fn event(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    id: &EventId,
) -> Result<Option<MerchantEvent>, DbError> {
    let sql = concat!(select_event!(), "WHERE id = $1 AND merchant = $2 AND mode = $3");
    tx.query_opt(sql, params![id, merchant, of.code()])?.map(|row| read_event(&row)).transpose()
}

pub(super) fn insert(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &EndpointRow,
    key: &WebhookKey,
) -> Result<(), DbError> {
    let secret = seal(act, &row.id, SECRET, key)?;
    tx.execute(
        "INSERT INTO webhook_endpoints (id, merchant, mode, url, events, description, algorithm, \
         secret, previous_secret, previous_until, public_key, status, position, next_at, \
         leased_until, streak, failing_since, last_error, last_delivered_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL, $9, $10, $11, $12, $13, 0, NULL, NULL, \
         NULL, $14)",
        params![
            &row.id,
            &row.merchant,
            row.mode.code(),
            &row.url,
            &list_text(&row.events),
            row.description.as_deref(),
            algorithm_code(row.algorithm),
            &secret,
            row.public_key.as_deref(),
            row.status.code(),
            row.position,
            row.next_at,
            row.leased_until,
            row.created_at
        ],
    )?;
    Ok(())
}

/// All that a merchant can change of an endpoint, and what follows from it; a node that has it in its hands goes
/// on, but where `leased_until` is another, nothing of what that node found is kept.
pub(super) fn update(tx: &mut Tx<'_>, row: &EndpointRow) -> Result<(), DbError> {
    tx.execute(
        "UPDATE webhook_endpoints SET url = $2, events = $3, description = $4, status = $5, \
         position = $6, next_at = $7, leased_until = $8, streak = $9, failing_since = $10 \
         WHERE id = $1",
        params![
            &row.id,
            &row.url,
            &list_text(&row.events),
            row.description.as_deref(),
            row.status.code(),
            row.position,
            row.next_at,
            row.leased_until,
            row.streak,
            row.failing_since
        ],
    )?;
    Ok(())
}

/// A new key; the one before signs on until a time. It is sealed anew, since it stands in another column.
pub(super) fn rotate(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &EndpointRow,
    (new, old): (&WebhookKey, &WebhookKey),
) -> Result<(), DbError> {
    let secret = seal(act, &row.id, SECRET, new)?;
    let previous = seal(act, &row.id, PREVIOUS, old)?;
    let previous = row.previous_until.map(|_| &previous);
    tx.execute(
        "UPDATE webhook_endpoints SET secret = $2, previous_secret = $3, previous_until = $4, \
         public_key = $5 WHERE id = $1",
        params![&row.id, &secret, previous, row.previous_until, row.public_key.as_deref()],
    )?;
    Ok(())
}

pub(super) fn delete(tx: &mut Tx<'_>, id: &WebhookId) -> Result<(), DbError> {
    tx.execute("DELETE FROM webhook_deliveries WHERE endpoint = $1", params![id])?;
    tx.execute("DELETE FROM webhook_endpoints WHERE id = $1", params![id])?;
    Ok(())
}

pub(super) fn find(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    id: &WebhookId,
) -> Result<Option<EndpointRow>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1 AND merchant = $2 AND mode = $3");
    tx.query_opt(sql, params![id, merchant, of.code()])?.map(|row| read(&row)).transpose()
}

/// The same, and nobody else changes it until this transaction ends.
pub(super) fn find_locked(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    id: &WebhookId,
) -> Result<Option<EndpointRow>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1 AND merchant = $2 AND mode = $3 ORDER BY id");
    tx.query_locked(sql, params![id, merchant, of.code()])?.first().map(read).transpose()
}

/// Whoever's it is: for the delivery.
pub(super) fn any(tx: &mut Tx<'_>, id: &WebhookId) -> Result<Option<EndpointRow>, DbError> {
    tx.query_opt(concat!(select!(), "WHERE id = $1"), params![id])?
        .map(|row| read(&row))
        .transpose()
}

pub(super) fn list(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    most: i64,
) -> Result<Vec<EndpointRow>, DbError> {
    let sql = concat!(select!(), "WHERE merchant = $1 AND mode = $2 ORDER BY id LIMIT $3");
    tx.query(sql, params![merchant, of.code(), most])?.iter().map(read).collect()
}

/// What signs at a time: the key, then the one before it.
pub(super) fn keys(
    tx: &mut Tx<'_>,
    tools: &Tools,
    row: &EndpointRow,
    now: Timestamp,
) -> Result<Vec<WebhookKey>, DbError> {
    let found = tx.query_one(
        "SELECT secret, previous_secret FROM webhook_endpoints WHERE id = $1",
        params![&row.id],
    )?;
    let mut keys = vec![open(tools, row, SECRET, found.blob(0)?)?];
    let is_overlap = row.previous_until.is_some_and(|until| now < until);
    if let Some(previous) = found.blob_opt(1)?.filter(|_| is_overlap) {
        keys.push(open(tools, row, PREVIOUS, previous)?);
    }
    Ok(keys)
}

/// Deliveries of an endpoint below a number, newest event first; of one status where one is given.
pub(super) fn deliveries(
    tx: &mut Tx<'_>,
    endpoint: &WebhookId,
    status: Option<DeliveryStatus>,
    (before, most): (i64, i64),
) -> Result<Vec<DeliveryRow>, DbError> {
    let rows = match status {
        None => {
            let sql = concat!(
                select_delivery!(),
                "WHERE endpoint = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3"
            );
            tx.query(sql, params![endpoint, before, most])?
        }
        Some(status) => {
            let sql = concat!(
                select_delivery!(),
                "WHERE endpoint = $1 AND sequence < $2 AND status = $4 ORDER BY sequence DESC LIMIT $3"
            );
            tx.query(sql, params![endpoint, before, most, status.code()])?
        }
    };
    rows.iter().map(read_delivery).collect()
}

/// Has an event sent again, as if it had never been tried.
pub(super) fn redeliver(
    tx: &mut Tx<'_>,
    endpoint: &WebhookId,
    row: &DeliveryRow,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO webhook_deliveries (endpoint, sequence, event, status, attempts, last_error, \
         next_at, created_at, ended_at) VALUES ($1, $2, $3, 0, 0, NULL, $4, $5, NULL) \
         ON CONFLICT (endpoint, sequence) DO UPDATE SET status = 0, attempts = 0, \
         next_at = EXCLUDED.next_at, ended_at = NULL",
        params![endpoint, row.sequence, &row.event, row.next_at, row.created_at],
    )?;
    tx.execute(
        "UPDATE webhook_endpoints SET next_at = $2 WHERE id = $1 AND next_at > $2",
        params![endpoint, row.next_at],
    )?;
    Ok(())
}

/// Forgets deliveries that ended before a time; gives how many.
pub(super) fn forget(tx: &mut Tx<'_>, before: Timestamp, most: i64) -> Result<u64, DbError> {
    tx.execute(
        "DELETE FROM webhook_deliveries WHERE (endpoint, sequence) IN (SELECT endpoint, sequence \
         FROM webhook_deliveries WHERE ended_at <= $1 ORDER BY ended_at LIMIT $2)",
        params![before, most],
    )
}

pub(super) fn read_delivery(row: &Row) -> Result<DeliveryRow, DbError> {
    let status = row.int(2)?;
    Ok(DeliveryRow {
        sequence: row.int(0)?,
        event: row.id(1)?,
        status: DeliveryStatus::from_code(status)
            .ok_or_else(|| DbError::Corrupt(format!("a delivery's status {status}")))?,
        attempts: row.int(3)?,
        last_error: row.text_opt(4)?.map(str::to_owned),
        next_at: row.time_opt(5)?,
        created_at: row.time(6)?,
        ended_at: row.time_opt(7)?,
    })
}

fn read_event(row: &Row) -> Result<MerchantEvent, DbError> {
    Ok(MerchantEvent {
        sequence: row.int(0)?,
        id: row.id(1)?,
        topic: row.text(2)?.to_owned(),
        data: row.text(3)?.to_owned(),
        created_at: row.time(4)?,
    })
}

fn read(row: &Row) -> Result<EndpointRow, DbError> {
    let damaged = |what: &str| DbError::Corrupt(format!("a webhook endpoint: {what}"));
    Ok(EndpointRow {
        id: row.id(0)?,
        merchant: row.id(1)?,
        mode: mode(row.int(2)?)?,
        url: row.text(3)?.to_owned(),
        events: serde_json::from_str(row.text(4)?).map_err(|_| damaged("events"))?,
        description: row.text_opt(5)?.map(str::to_owned),
        algorithm: algorithm(row.int(6)?).ok_or_else(|| damaged("algorithm"))?,
        public_key: row.text_opt(7)?.map(str::to_owned),
        previous_until: row.time_opt(8)?,
        status: EndpointStatus::from_code(row.int(9)?).ok_or_else(|| damaged("status"))?,
        position: row.int(10)?,
        next_at: row.time(11)?,
        leased_until: row.time(12)?,
        streak: row.int(13)?,
        failing_since: row.time_opt(14)?,
        last_error: row.text_opt(15)?.map(str::to_owned),
        last_delivered_at: row.time_opt(16)?,
        created_at: row.time(17)?,
    })
}

const SECRET: &str = "secret";
const PREVIOUS: &str = "previous_secret";

fn place<'a>(id: &'a WebhookId, column: &'static str) -> Place<'a> {
    Place { table: "webhook_endpoints", column, row: id.bytes() }
}

fn seal(
    act: &Act,
    id: &WebhookId,
    column: &'static str,
    key: &WebhookKey,
) -> Result<Vec<u8>, DbError> {
    let (keyring, rng) = (act.tools.keyring(), act.tools.rng());
    keyring
        .seal_for(Sealing::MerchantSecrets, rng, &place(id, column), key.expose())
        .map_err(|error| DbError::Corrupt(format!("a webhook's key: {error}")))
}

fn open(
    tools: &Tools,
    row: &EndpointRow,
    column: &'static str,
    sealed: &[u8],
) -> Result<WebhookKey, DbError> {
    let damaged = |why: String| DbError::Corrupt(format!("{}: {column}: {why}", row.id));
    let opened = tools
        .keyring()
        .open_for(Sealing::MerchantSecrets, &place(&row.id, column), sealed)
        .map_err(|error| damaged(error.to_string()))?;
    WebhookKey::from_bytes(row.algorithm, opened).ok_or_else(|| damaged("no key".to_owned()))
}

const fn algorithm_code(algorithm: WebhookAlgorithm) -> i64 {
    match algorithm {
        WebhookAlgorithm::Hmac => 0,
        WebhookAlgorithm::Ed25519 => 1,
    }
}

fn algorithm(code: i64) -> Option<WebhookAlgorithm> {
    WebhookAlgorithm::ALL.into_iter().find(|algorithm| algorithm_code(*algorithm) == code)
}

fn list_text(list: &[String]) -> String {
    serde_json::json!(list).to_string()
}
