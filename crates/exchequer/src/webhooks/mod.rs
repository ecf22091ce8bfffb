//! What merchants are told: a gapless sequence of events for each merchant and mode, and webhooks that carry them
//! (Standard Webhooks 1.0).
//!
//! [`publish_in`] writes an event in the transaction of what it tells, so it is there if and only if that is; a
//! crash loses none. Cost: the merchant's counter and one row, and nothing for each endpoint. An endpoint has a
//! position in the sequence, and a row only for what it did not take at the first try; [`job`] moves it on. An
//! event arrives **at least once**, under the same id, and not always in order: `sequence` has the order, and
//! `GET /v1/events` everything. Locks: the counter comes last in its transaction, since it is held until the
//! commit. What a merchant does not see: another's events or endpoints, and those of its own other mode.

pub mod api;
pub(crate) mod job;
pub mod model;
pub(crate) mod retention;
pub mod sender;
mod store;
pub mod target;

use ::store::{DbError, Tx};
use money::{EventId, MerchantId, Timestamp, WebhookId};
use serde::Serialize;
use serde_json::{Value, json};
use vault::{SecretString, WebhookAlgorithm, WebhookKey};

use self::model::{
    DeliveryRow, DeliveryStatus, EndpointRow, EndpointStatus, MerchantEvent, MerchantEventView,
    Topic, WatchedEndpoint,
};
use crate::bank::{Act, Bank};
use crate::events;
use crate::http::{Code, Problem};
use crate::merchants;
use crate::merchants::keys::Mode;

/// What a merchant asks of an endpoint.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub url: String,
    pub events: Vec<String>,
    pub description: Option<String>,
    /// The number behind which it begins; where it is when absent, of a new one the last.
    pub after: Option<i64>,
}

/// An endpoint that was made or given another key, and its secret, which is shown now and never again.
pub struct MadeEndpoint {
    pub row: EndpointRow,
    pub secret: Option<SecretString>,
}

/// Of one merchant in one mode: each costs a connection for every event.
pub const MAX_ENDPOINTS: i64 = 20;
/// Seconds that a delivery's row is kept once it has ended.
pub const DELIVERIES_KEPT: i64 = 30 * 86_400;

/// Tells a merchant of something, in the transaction that does it and after everything else in it.
pub fn publish_in<T: Serialize>(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    (topic, data): (Topic, &T),
) -> Result<(), DbError> {
    let data = serde_json::to_string(data)
        .map_err(|error| DbError::Corrupt(format!("a merchant's event: {error}")))?;
    let event = MerchantEvent {
        sequence: store::next_sequence(tx, of)?,
        id: act.id(),
        topic: topic.as_str().to_owned(),
        data,
        created_at: act.now,
    };
    store::insert_event(tx, of, &event)
}

/// Up to `most` events behind a number, or from the oldest that is kept, ascending and without a gap. Refuses
/// `events_expired` where some of them are not kept any more.
pub fn events_after(
    tx: &mut Tx<'_>,
    of: (&MerchantId, Mode),
    (after, most): (Option<i64>, i64),
) -> Result<Result<(i64, Vec<MerchantEventView>), Problem>, DbError> {
    let kept = retention::kept(tx, of)?;
    let after = match kept.read_from(after.unwrap_or(kept.behind)) {
        Ok(after) => after,
        Err(problem) => return Ok(Err(problem)),
    };
    let found = store::events_after(tx, of, (after, most))?;
    let found: Result<Vec<_>, DbError> = found.into_iter().map(view).collect();
    Ok(Ok((after, found?)))
}

/// Makes an endpoint. Refuses, in order: `too_many_endpoints`, `invalid_fields` for a position that is not
/// reached yet, `events_expired` for one behind which events are missing.
pub fn create_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    (wanted, algorithm): (&Wanted, WebhookAlgorithm),
) -> Result<Result<MadeEndpoint, Problem>, DbError> {
    // So that two do not both see the last free place.
    if merchants::lock(tx, of.0)?.is_none() {
        return Ok(Err(Problem::new(Code::NotFound)));
    }
    let there = store::list(tx, of, MAX_ENDPOINTS)?;
    if i64::try_from(there.len()).unwrap_or(i64::MAX) >= MAX_ENDPOINTS {
        return Ok(Err(Problem::new(Code::TooManyEndpoints)));
    }
    let kept = retention::kept(tx, of)?;
    let position = match kept.position(wanted.after.unwrap_or(kept.last)) {
        Ok(position) => position,
        Err(problem) => return Ok(Err(problem)),
    };
    let key = WebhookKey::generate(act.tools.rng(), algorithm);
    let row = EndpointRow {
        id: act.id(),
        merchant: *of.0,
        mode: of.1,
        url: wanted.url.clone(),
        events: wanted.events.clone(),
        description: wanted.description.clone(),
        algorithm,
        public_key: public(&key)?,
        previous_until: None,
        status: EndpointStatus::Enabled,
        position,
        next_at: act.now,
        leased_until: store::turns::FREE,
        streak: 0,
        failing_since: None,
        last_error: None,
        last_delivered_at: None,
        created_at: act.now,
    };
    store::insert(tx, act, &row, &key)?;
    let (resource, after) = (row.id.to_string(), described(&row));
    events::record(tx, act, "webhook_endpoint.created", &resource, "done", Some(&after))?;
    Ok(Ok(MadeEndpoint { row, secret: key.secret() }))
}

/// Changes an endpoint. One that is enabled again goes on where it stopped. Refuses, in order: `not_found`,
/// `invalid_fields` for a position that is not reached yet, `events_expired` for one behind which events are missing.
pub fn change_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (of, id): ((&MerchantId, Mode), &WebhookId),
    (wanted, is_enabled): (&Wanted, bool),
) -> Result<Result<EndpointRow, Problem>, DbError> {
    let Some(before) = store::find_locked(tx, of, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let mut row = EndpointRow {
        url: wanted.url.clone(),
        events: wanted.events.clone(),
        description: wanted.description.clone(),
        ..before.clone()
    };
    if let Some(after) = wanted.after {
        match retention::kept(tx, of)?.position(after) {
            Ok(position) => row.position = position,
            Err(problem) => return Ok(Err(problem)),
        }
        // What a node has in its hands was taken from another position.
        row.leased_until = store::turns::FREE;
    }
    if is_enabled && let Err(problem) = retention::kept(tx, of)?.read_from(row.position) {
        return Ok(Err(problem));
    }
    match (before.status, is_enabled) {
        (EndpointStatus::Enabled, true) => {}
        (EndpointStatus::Disabled | EndpointStatus::Gone | EndpointStatus::Failing, true) => {
            row.status = EndpointStatus::Enabled;
            (row.streak, row.failing_since, row.next_at) = (0, None, act.now);
        }
        (_, false) => row.status = EndpointStatus::Disabled,
    }
    store::update(tx, &row)?;
    let both = (Some(&described(&before)), Some(&described(&row)));
    events::record_change(tx, act, ("webhook_endpoint.changed", &id.to_string(), "done"), both)?;
    Ok(Ok(row))
}

/// Gives an endpoint a new key; the one before signs beside it for a while. Refuses `not_found`.
pub fn rotate_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (of, id): ((&MerchantId, Mode), &WebhookId),
    overlap_seconds: i64,
) -> Result<Result<MadeEndpoint, Problem>, DbError> {
    let Some(before) = store::find_locked(tx, of, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let old = store::keys(tx, &act.tools, &before, act.now)?;
    let old = old.first().ok_or_else(|| DbError::Corrupt(format!("{id} has no key")))?;
    let key = WebhookKey::generate(act.tools.rng(), before.algorithm);
    let until = Some(act.now.plus_seconds(overlap_seconds)).filter(|_| overlap_seconds > 0);
    let row = EndpointRow { public_key: public(&key)?, previous_until: until, ..before };
    store::rotate(tx, act, &row, (&key, old))?;
    let after = json!({ "previous_key_until": until.map(|at| at.to_string()) });
    events::record(tx, act, "webhook_endpoint.rotated", &id.to_string(), "done", Some(&after))?;
    Ok(Ok(MadeEndpoint { row, secret: key.secret() }))
}

/// Removes an endpoint with all that waits for it. Refuses `not_found`.
pub fn delete_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    id: &WebhookId,
) -> Result<Result<(), Problem>, DbError> {
    if store::find_locked(tx, of, id)?.is_none() {
        return Ok(Err(Problem::new(Code::NotFound)));
    }
    store::delete(tx, id)?;
    events::record(tx, act, "webhook_endpoint.deleted", &id.to_string(), "done", None)?;
    Ok(Ok(()))
}

/// Has an event sent to an endpoint again, whether it was taken, given up or never its. Refuses, in order:
/// `not_found`, `endpoint_disabled`.
pub fn redeliver_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (of, id): ((&MerchantId, Mode), &WebhookId),
    event: &EventId,
) -> Result<Result<DeliveryRow, Problem>, DbError> {
    let Some(endpoint) = store::find_locked(tx, of, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let Some(event) = store::event(tx, of, event)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if endpoint.status != EndpointStatus::Enabled {
        return Ok(Err(Problem::new(Code::EndpointDisabled)));
    }
    let row = DeliveryRow {
        sequence: event.sequence,
        event: event.id,
        status: DeliveryStatus::Waiting,
        attempts: 0,
        last_error: None,
        next_at: Some(act.now),
        created_at: act.now,
        ended_at: None,
    };
    store::redeliver(tx, id, &row)?;
    let after = json!({ "event": event.id.to_string() });
    events::record(tx, act, "webhook.redelivered", &id.to_string(), "done", Some(&after))?;
    Ok(Ok(row))
}

/// An endpoint of a merchant; `None` is another's or nobody's.
pub fn find(
    tx: &mut Tx<'_>,
    of: (&MerchantId, Mode),
    id: &WebhookId,
) -> Result<Option<EndpointRow>, DbError> {
    store::find(tx, of, id)
}

/// Endpoints of a merchant, oldest first.
pub fn list(tx: &mut Tx<'_>, of: (&MerchantId, Mode)) -> Result<Vec<EndpointRow>, DbError> {
    store::list(tx, of, MAX_ENDPOINTS)
}

/// Anybody's endpoint: for operators.
pub fn find_any(tx: &mut Tx<'_>, id: &WebhookId) -> Result<Option<EndpointRow>, DbError> {
    store::any(tx, id)
}

/// Endpoints of a merchant in both modes, oldest first of each: for operators.
pub fn list_any(tx: &mut Tx<'_>, merchant: &MerchantId) -> Result<Vec<WatchedEndpoint>, DbError> {
    store::desk::of_merchant(tx, merchant, 2 * MAX_ENDPOINTS)
}

/// Everybody's endpoints, or those in trouble; oldest first, after the one named: for operators.
pub fn list_all(
    tx: &mut Tx<'_>,
    in_trouble: bool,
    after: Option<&WebhookId>,
    most: i64,
) -> Result<Vec<WatchedEndpoint>, DbError> {
    store::desk::everybodys(tx, in_trouble, after, most)
}

/// Deliveries of an endpoint, newest event first: what was not taken at the first try, or is sent again.
pub fn deliveries(
    tx: &mut Tx<'_>,
    endpoint: &WebhookId,
    status: Option<DeliveryStatus>,
    page: (i64, i64),
) -> Result<Vec<DeliveryRow>, DbError> {
    store::deliveries(tx, endpoint, status, page)
}

/// Rows removed by one write.
const FORGET_SLICE: i64 = 1_000;

/// Forgets deliveries that ended before a time; gives how many.
pub(crate) async fn forget_deliveries(bank: &Bank, before: Timestamp) -> Result<u64, DbError> {
    let mut forgotten = 0_u64;
    loop {
        let rows = bank
            .db()
            .write("webhook_deliveries.delete", move |tx| store::forget(tx, before, FORGET_SLICE))
            .await?;
        forgotten = forgotten.saturating_add(rows);
        if rows < FORGET_SLICE.unsigned_abs() {
            return Ok(forgotten);
        }
    }
}

fn view(event: MerchantEvent) -> Result<MerchantEventView, DbError> {
    let id = event.id;
    event.view().ok_or_else(|| DbError::Corrupt(format!("{id} holds what is no JSON")))
}

fn public(key: &WebhookKey) -> Result<Option<String>, DbError> {
    key.public().map_err(|error| DbError::Corrupt(format!("a webhook's key: {error}")))
}

fn described(row: &EndpointRow) -> Value {
    json!({
        "merchant": row.merchant.to_string(),
        "mode": row.mode.as_str(),
        "url": row.url,
        "events": row.events,
        "status": row.status.as_str(),
        "position": row.position,
    })
}
