//! SQL of the trail: events and posted transfers (each its own event), newest first, by primary key.
//!
//! Cost: a page of each table. A filter has no index, since every index costs every write: at most
//! [`MAX_SCANNED`] events are looked at for one answer, and the cursor goes on from there.

use money::{CustomerId, EventId, Id, MerchantId, TransferId};
use serde_json::json;
use serde_json::value::RawValue;
use store::rows::TransferKind;
use store::{DbError, Row, Tx, params};

use super::activity::{ActivityView, Found as FoundActivity};
use super::model::{ActorView, EventFilter, EventSlice, EventView, TRANSFER_POSTED, merge};

/// Events looked at for one filtered answer: some ten milliseconds.
const MAX_SCANNED: i64 = 10_000;

macro_rules! origin {
    () => {
        "o.actor_kind, o.actor, o.session, o.address, o.agent "
    };
}
macro_rules! event {
    () => {
        concat!(
            "SELECT e.id, e.at, e.request, e.action, e.resource, e.outcome, e.before, e.after, ",
            origin!()
        )
    };
}
macro_rules! transfer {
    () => {
        concat!(
            "SELECT t.id, t.posted_at, t.request, t.debit_account, t.credit_account, t.amount, \
             t.currency, t.kind, ",
            origin!(),
            "FROM transfers AS t JOIN origins AS o ON o.id = t.origin "
        )
    };
}
const EVENTS: &str = concat!(
    event!(),
    "FROM events AS e JOIN origins AS o ON o.id = e.origin WHERE e.id < $1 \
     ORDER BY e.id DESC LIMIT $2"
);
const FILTERED: &str = concat!(
    event!(),
    "FROM (SELECT * FROM events WHERE id < $1 ORDER BY id DESC LIMIT $2) AS e \
     JOIN origins AS o ON o.id = e.origin \
     WHERE (CAST($3 AS TEXT) IS NULL OR e.action = CAST($3 AS TEXT)) \
     AND (CAST($4 AS TEXT) IS NULL OR e.resource = CAST($4 AS TEXT)) \
     ORDER BY e.id DESC LIMIT $5"
);
const LAST_SCANNED: &str = "SELECT id FROM events WHERE id < $1 ORDER BY id DESC LIMIT 1 OFFSET $2";
const TRANSFERS: &str = concat!(transfer!(), "WHERE t.id < $1 ORDER BY t.id DESC LIMIT $2");
const TRANSFER: &str = concat!(transfer!(), "WHERE t.id = $1 AND t.id < $2");

const ACTIVITY: &str = "SELECT e.id, e.at, e.action, e.resource, e.outcome, e.after, \
     o.actor_kind, o.address, o.agent FROM events AS e JOIN origins AS o ON o.id = e.origin \
     WHERE e.subject = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3";

/// Above every id: the variant bits of an id are 10.
const NEWEST: EventId = EventId::from_bytes([0xff; 16]);

type Found = Vec<(EventId, EventView)>;

/// Up to `most` events that a customer is told of, older than `before`, newest first.
pub fn activity_of(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    before: Option<&EventId>,
    most: i64,
) -> Result<Vec<ActivityView>, DbError> {
    let before = before.unwrap_or(&NEWEST);
    let rows = tx.query(ACTIVITY, params![customer, before, most])?;
    rows.iter()
        .map(|row| {
            let found = FoundActivity {
                id: row.id(0)?,
                at: row.time(1)?.to_string(),
                action: row.text(2)?.to_owned(),
                resource: row.text(3)?.to_owned(),
                outcome: row.text(4)?.to_owned(),
                after: row.text_opt(5)?.map(str::to_owned),
                actor_kind: row.text(6)?.to_owned(),
                address: row.text(7)?.to_owned(),
                agent: row.text(8)?.to_owned(),
            };
            Ok(found.into())
        })
        .collect()
}

/// Up to `most` events older than `before`, newest first.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &EventFilter,
    before: Option<&EventId>,
    most: i64,
) -> Result<EventSlice, DbError> {
    let before = before.copied().unwrap_or(NEWEST);
    // One more than is wanted tells whether there is a next part.
    let read = most.saturating_add(1);
    let transfers = transfers(tx, filter, &before, read)?;
    let only_transfers = filter.action.as_deref() == Some(TRANSFER_POSTED);
    let (events, floor) = if only_transfers {
        (Vec::new(), None)
    } else if filter.action.is_none() && filter.resource.is_none() {
        (found(&tx.query(EVENTS, params![&before, read])?, event)?, None)
    } else {
        filtered(tx, filter, &before, read)?
    };
    let mut merged = merge(events, transfers);
    // What is older than the last event looked at belongs to the next part.
    merged.retain(|(id, _)| floor.is_none_or(|floor| *id >= floor));
    let wanted = usize::try_from(most).unwrap_or(usize::MAX);
    let more = merged.len() > wanted;
    merged.truncate(wanted);
    let next = if more { merged.last().map(|(id, _)| *id) } else { floor };
    Ok(EventSlice { events: merged, next })
}

fn filtered(
    tx: &mut Tx<'_>,
    filter: &EventFilter,
    before: &EventId,
    read: i64,
) -> Result<(Found, Option<EventId>), DbError> {
    let (action, resource) = (filter.action.as_deref(), filter.resource.as_deref());
    let rows = tx.query(FILTERED, params![before, MAX_SCANNED, action, resource, read])?;
    let last = tx.query_opt(LAST_SCANNED, params![before, MAX_SCANNED.saturating_sub(1)])?;
    Ok((found(&rows, event)?, last.map(|row| row.id(0)).transpose()?))
}

fn transfers(
    tx: &mut Tx<'_>,
    filter: &EventFilter,
    before: &EventId,
    read: i64,
) -> Result<Found, DbError> {
    if filter.action.as_deref().is_some_and(|action| action != TRANSFER_POSTED) {
        return Ok(Vec::new());
    }
    let rows = match &filter.resource {
        None => tx.query(TRANSFERS, params![before, read])?,
        Some(resource) => match resource.parse::<TransferId>() {
            Ok(id) => tx.query(TRANSFER, params![&id, before])?,
            Err(_) => Vec::new(),
        },
    };
    found(&rows, transfer)
}

fn found(rows: &[Row], read: fn(&Row) -> Result<EventView, DbError>) -> Result<Found, DbError> {
    rows.iter().map(|row| Ok((row.id(0)?, read(row)?))).collect()
}

fn event(row: &Row) -> Result<EventView, DbError> {
    Ok(EventView {
        id: row.id::<money::kind::Event>(0)?.to_string(),
        at: row.time(1)?.to_string(),
        action: row.text(3)?.to_owned(),
        resource: row.text(4)?.to_owned(),
        outcome: row.text(5)?.to_owned(),
        before: row.text_opt(6)?.map(raw).transpose()?,
        after: row.text_opt(7)?.map(raw).transpose()?,
        actor: actor(row)?,
        request_id: row.id::<money::kind::Request>(2)?.to_string(),
    })
}

/// The words of a memo are its parties' own and are not repeated here.
fn transfer(row: &Row) -> Result<EventView, DbError> {
    let id: TransferId = row.id(0)?;
    let after = json!({
        "kind": TransferKind::from_code(row.int(7)?)?.as_str(),
        "from": row.id::<money::kind::Account>(3)?.to_string(),
        "to": row.id::<money::kind::Account>(4)?.to_string(),
        "amount": row.int(5)?,
        "currency": row.text(6)?,
    });
    Ok(EventView {
        id: EventId::from_bytes(*id.bytes()).to_string(),
        at: row.time(1)?.to_string(),
        action: TRANSFER_POSTED.to_owned(),
        resource: id.to_string(),
        outcome: "done".to_owned(),
        before: None,
        after: Some(raw(&after.to_string())?),
        actor: actor(row)?,
        request_id: row.id::<money::kind::Request>(2)?.to_string(),
    })
}

fn actor(row: &Row) -> Result<ActorView, DbError> {
    let kind = row.text(8)?.to_owned();
    let actor = row.blob_opt(9)?.map(|_| row.bytes::<16>(9)).transpose()?;
    let id = match (kind.as_str(), actor) {
        (_, None) => None,
        ("customer", Some(id)) => Some(Id::<money::kind::Customer>::from_bytes(id).to_string()),
        ("staff", Some(id)) => Some(Id::<money::kind::Staff>::from_bytes(id).to_string()),
        ("merchant", Some(id)) => Some(MerchantId::from_bytes(id).to_string()),
        (other, Some(_)) => {
            return Err(DbError::Corrupt(format!("actor kind {other:?} with an id")));
        }
    };
    Ok(ActorView {
        kind,
        id,
        session_id: row.id_opt::<money::kind::Session>(10)?.map(|session| session.to_string()),
        address: row.text(11)?.to_owned(),
        agent: row.text(12)?.to_owned(),
    })
}

fn raw(json: &str) -> Result<Box<RawValue>, DbError> {
    RawValue::from_string(json.to_owned())
        .map_err(|_| DbError::Corrupt("an event holds what is not JSON".to_owned()))
}
