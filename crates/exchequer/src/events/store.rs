//! SQL of the trail: events and posted transfers (each its own event), newest first, by primary key.
//!
//! Cost: a page of each table. A filter has no index, since every index costs every write: at most
//! [`MAX_SCANNED`] events are looked at for one answer, and the cursor goes on from there.

use money::{CustomerId, EventId, Id, MerchantId, Timestamp, TransferId};
use serde_json::json;
use serde_json::value::RawValue;
use store::rows::TransferKind;
use store::{DbError, Row, Tx, params};

use super::activity::{ActivityView, Found as FoundActivity};
use super::model::{
    ActorFilter, ActorView, EventFilter, EventSlice, EventView, OutcomeFilter, REFUSED,
    TRANSFER_POSTED, merge,
};

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
/// What both tables are filtered by; its parameters are `$4` to `$8`.
macro_rules! actor_and_time {
    ($at:literal) => {
        concat!(
            "AND (CAST($4 AS TEXT) IS NULL OR o.actor_kind = CAST($4 AS TEXT)) \
             AND (CAST($5 AS BIGINT) = 1 OR o.actor = $6) AND ",
            $at,
            " >= $7 AND ",
            $at,
            " < $8 "
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
    "FROM (SELECT * FROM events WHERE id < $1 AND id >= $3 ORDER BY id DESC LIMIT $2) AS e \
     JOIN origins AS o ON o.id = e.origin \
     WHERE (CAST($10 AS TEXT) IS NULL OR e.action = CAST($10 AS TEXT) OR (CAST($11 AS BIGINT) = 1 \
     AND substr(e.action, 1, CAST(length(CAST($10 AS TEXT)) AS INTEGER)) = CAST($10 AS TEXT))) \
     AND (CAST($12 AS TEXT) IS NULL OR e.resource = CAST($12 AS TEXT)) \
     AND (CAST($13 AS TEXT) IS NULL OR e.outcome = CAST($13 AS TEXT) \
     OR (CAST($13 AS TEXT) = 'refused' AND e.outcome <> 'done')) ",
    actor_and_time!("e.at"),
    "ORDER BY e.id DESC LIMIT $9"
);
const LAST_SCANNED: &str =
    "SELECT id FROM events WHERE id < $1 AND id >= $3 ORDER BY id DESC LIMIT 1 OFFSET $2";
const TRANSFERS: &str = concat!(transfer!(), "WHERE t.id < $1 ORDER BY t.id DESC LIMIT $2");
const TRANSFER: &str = concat!(transfer!(), "WHERE t.id = $1 AND t.id < $2");
const TRANSFERS_FILTERED: &str = concat!(
    transfer!(),
    "WHERE t.id IN (SELECT w.id FROM (SELECT id FROM transfers WHERE id < $1 AND id >= $3 \
     ORDER BY id DESC LIMIT $2) AS w) ",
    actor_and_time!("t.posted_at"),
    "ORDER BY t.id DESC LIMIT $9"
);
const LAST_TRANSFER: &str =
    "SELECT id FROM transfers WHERE id < $1 AND id >= $3 ORDER BY id DESC LIMIT 1 OFFSET $2";

/// An id is of the moment of its act, or of as much later as its transaction waited.
const LATE_SECONDS: i64 = 60;

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

/// Ids of one answer: what is older than the one, and not older than the other.
#[derive(Clone, Copy)]
struct Range {
    before: EventId,
    least: EventId,
}

/// Up to `most` events older than `before`, newest first.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &EventFilter,
    before: Option<&EventId>,
    most: i64,
) -> Result<EventSlice, DbError> {
    let range = range(filter, before);
    // One more than is wanted tells whether there is a next part.
    let read = most.saturating_add(1);
    let (transfers, transfers_floor) = transfers(tx, filter, (range, read))?;
    let only_transfers = filter.action.as_deref() == Some(TRANSFER_POSTED);
    let (events, events_floor) = if only_transfers {
        (Vec::new(), None)
    } else if filter.is_empty() {
        (found(&tx.query(EVENTS, params![&range.before, read])?, event)?, None)
    } else {
        filtered(tx, filter, (range, read))?
    };
    let floor = events_floor.max(transfers_floor);
    let mut merged = merge(events, transfers);
    // What is older than the last one looked at belongs to the next part.
    merged.retain(|(id, _)| floor.is_none_or(|floor| *id >= floor));
    let wanted = usize::try_from(most).unwrap_or(usize::MAX);
    let more = merged.len() > wanted;
    merged.truncate(wanted);
    let next = if more { merged.last().map(|(id, _)| *id) } else { floor };
    Ok(EventSlice { events: merged, next })
}

/// Ids ascend with time, so a time bounds them; the rows' own times decide.
fn range(filter: &EventFilter, before: Option<&EventId>) -> Range {
    // No id is all ones: its variant bits are 10.
    let before = before.copied().unwrap_or(EventId::from_bytes([0xff; 16]));
    let end = filter.to.map(|to| first_id_at(to.plus_seconds(LATE_SECONDS)));
    let least = filter.from.map_or(EventId::from_bytes([0; 16]), first_id_at);
    Range { before: end.map_or(before, |end| end.min(before)), least }
}

/// The lowest id that a mint can have given at this time or later (RFC 9562 5.7: milliseconds first).
fn first_id_at(time: Timestamp) -> EventId {
    let millis = u64::try_from(time.millis().max(0)).unwrap_or(0);
    let mut id = [0; 16];
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    EventId::from_bytes(id)
}

fn filtered(
    tx: &mut Tx<'_>,
    filter: &EventFilter,
    (range, read): (Range, i64),
) -> Result<(Found, Option<EventId>), DbError> {
    let action = filter.action.as_deref();
    let is_beginning = i64::from(action.is_some_and(|action| action.ends_with('.')));
    let outcome = filter.outcome.as_ref().map(|outcome| match outcome {
        OutcomeFilter::Exactly(outcome) => outcome.as_str(),
        OutcomeFilter::Refused => REFUSED,
    });
    let by = By::of(filter);
    let rows = tx.query(
        FILTERED,
        params![
            &range.before,
            MAX_SCANNED,
            &range.least,
            by.kind,
            by.is_anyone,
            &by.actor,
            by.from,
            by.to,
            read,
            action,
            is_beginning,
            filter.resource.as_deref(),
            outcome
        ],
    )?;
    let last = last_scanned(tx, LAST_SCANNED, range)?;
    Ok((found(&rows, event)?, last))
}

/// What both tables are filtered by, as parameters.
struct By {
    kind: Option<&'static str>,
    is_anyone: i64,
    actor: [u8; 16],
    from: Timestamp,
    to: Timestamp,
}

impl By {
    fn of(filter: &EventFilter) -> Self {
        let (kind, actor) = match filter.actor {
            None => (None, None),
            Some(ActorFilter::Kind(kind)) => (Some(kind), None),
            Some(ActorFilter::One(kind, id)) => (Some(kind), Some(id)),
        };
        Self {
            kind,
            is_anyone: i64::from(actor.is_none()),
            actor: actor.unwrap_or_default(),
            from: filter.from.unwrap_or(Timestamp::MIN),
            to: filter.to.unwrap_or(Timestamp::MAX),
        }
    }
}

fn last_scanned(
    tx: &mut Tx<'_>,
    sql: &'static str,
    range: Range,
) -> Result<Option<EventId>, DbError> {
    let skipped = MAX_SCANNED.saturating_sub(1);
    let row = tx.query_opt(sql, params![&range.before, skipped, &range.least])?;
    row.map(|row| row.id(0)).transpose()
}

fn transfers(
    tx: &mut Tx<'_>,
    filter: &EventFilter,
    (range, read): (Range, i64),
) -> Result<(Found, Option<EventId>), DbError> {
    if !filter.takes_action(TRANSFER_POSTED) || !filter.takes_done() {
        return Ok((Vec::new(), None));
    }
    let is_timed = filter.actor.is_some() || filter.from.is_some() || filter.to.is_some();
    let by = By::of(filter);
    let (rows, floor) = match &filter.resource {
        Some(resource) => match resource.parse::<TransferId>() {
            Ok(id) => (tx.query(TRANSFER, params![&id, &range.before])?, None),
            Err(_) => (Vec::new(), None),
        },
        None if !is_timed => (tx.query(TRANSFERS, params![&range.before, read])?, None),
        None => {
            let params = params![
                &range.before,
                MAX_SCANNED,
                &range.least,
                by.kind,
                by.is_anyone,
                &by.actor,
                by.from,
                by.to,
                read
            ];
            (tx.query(TRANSFERS_FILTERED, params)?, last_scanned(tx, LAST_TRANSFER, range)?)
        }
    };
    let mut rows = found(&rows, transfer)?;
    // One that was asked for by its id has met no other filter yet.
    if let (Some(_), Some((_, event))) = (&filter.resource, rows.first())
        && !fits(filter, event)?
    {
        rows.clear();
    }
    Ok((rows, floor))
}

/// Whether a single transfer fits what else is asked for.
fn fits(filter: &EventFilter, event: &EventView) -> Result<bool, DbError> {
    let is_actor = match filter.actor {
        None => true,
        Some(ActorFilter::Kind(kind)) => event.actor.kind == kind,
        Some(one) => event.actor.id.as_deref().and_then(ActorFilter::parse) == Some(one),
    };
    let at: Timestamp = event
        .at
        .parse()
        .map_err(|error| DbError::Corrupt(format!("the time of {}: {error}", event.id)))?;
    let is_after = filter.from.is_none_or(|from| at >= from);
    Ok(is_actor && is_after && filter.to.is_none_or(|to| at < to))
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
