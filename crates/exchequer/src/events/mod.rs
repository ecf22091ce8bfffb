//! Events: what was done or refused, by whom, from where; written in the act's own transaction.
//!
//! If the event cannot be written, the act does not happen. Sensitive values appear only as keyed
//! hashes ([`hashed`]). Rows are immutable; the database refuses UPDATE and DELETE.

pub mod activity;
pub mod api;
pub mod commands;
pub mod export;
pub mod model;
pub mod readers;
mod store;

use ::store::rows::EventRow;
use ::store::{DbError, Tx};
use data_encoding::HEXLOWER;
use money::CustomerId;
use serde_json::Value;

use crate::bank::{Act, Tools};

pub use store::{activity_of, list};

/// Records a change or refusal: `action` is `noun.verb`, `resource` an id, `outcome` is `done` or the code
/// of a refusal, `after` what is new.
pub fn record(
    tx: &mut Tx<'_>,
    act: &Act,
    action: &'static str,
    resource: &str,
    outcome: &'static str,
    after: Option<&Value>,
) -> Result<(), DbError> {
    record_change(tx, act, (action, resource, outcome), (None, after))
}

/// The same with what was there before.
pub fn record_change(
    tx: &mut Tx<'_>,
    act: &Act,
    (action, resource, outcome): (&'static str, &str, &'static str),
    both: (Option<&Value>, Option<&Value>),
) -> Result<(), DbError> {
    let subject = activity::subject(&act.origin, action, resource);
    insert(tx, act, (action, resource, outcome), both, subject)
}

/// Records something of which neither who acts nor the resource says whom it is about: a session, or an address that
/// somebody asks for.
pub fn record_of(
    tx: &mut Tx<'_>,
    act: &Act,
    what: (&'static str, &str, &'static str),
    subject: Option<CustomerId>,
    after: Option<&Value>,
) -> Result<(), DbError> {
    insert(tx, act, what, (None, after), subject)
}

fn insert(
    tx: &mut Tx<'_>,
    act: &Act,
    (action, resource, outcome): (&'static str, &str, &'static str),
    (before, after): (Option<&Value>, Option<&Value>),
    subject: Option<CustomerId>,
) -> Result<(), DbError> {
    tx.ensure_origins(std::slice::from_ref(&act.origin), act.now)?;
    tx.insert_events(&[EventRow {
        id: act.id(),
        at: act.now,
        origin: act.origin.clone(),
        request: act.request,
        action,
        resource: resource.to_owned(),
        outcome,
        subject,
        before: before.map(Value::to_string),
        after: after.map(Value::to_string),
    }])
}

/// A sensitive field as an event may hold it.
pub fn hashed(tools: &Tools, field: &str, value: &str) -> Value {
    Value::String(HEXLOWER.encode(&tools.keyring().event_hash(field, value.as_bytes())))
}
