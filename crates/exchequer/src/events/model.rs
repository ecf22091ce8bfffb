//! An event as an auditor sees it.

use money::EventId;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// What the events table does not say itself: a posted transfer is its own event, under this action.
pub const TRANSFER_POSTED: &str = "transfer.posted";

/// Which events; both must fit where both are given.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// `noun.verb`
    pub action: Option<String>,
    /// The id that the event is about.
    pub resource: Option<String>,
}

/// A part of the trail, newest first.
pub struct EventSlice {
    pub events: Vec<(EventId, EventView)>,
    /// Where the next part begins: everything in it is older than this. With a filter there may be a next
    /// part though this one is short or empty, since only so many events are looked at for one answer.
    pub next: Option<EventId>,
}

/// Something that was done, or a refusal that matters.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    pub id: String,
    pub at: String,
    /// `noun.verb`, as `account.opened`.
    pub action: String,
    /// The id of what it is about.
    pub resource: String,
    /// `done`, or the code of the refusal.
    pub outcome: String,
    /// What it was; personal values as keyed hashes.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Box<RawValue>>,
    /// What it is; personal values as keyed hashes.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Box<RawValue>>,
    pub actor: ActorView,
    pub request_id: String,
}

/// Who acted, from where.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Actor)]
pub struct ActorView {
    /// `customer`, `staff`, `merchant`, `public` or `system`.
    pub kind: String,
    pub id: Option<String>,
    pub session_id: Option<String>,
    /// The network address that the request came from.
    pub address: String,
    /// The `User-Agent`; for `system`, the name of the job or command.
    pub agent: String,
}

/// Puts two lists, each newest first, into one.
pub(super) fn merge<T>(a: Vec<(EventId, T)>, b: Vec<(EventId, T)>) -> Vec<(EventId, T)> {
    let mut merged = a;
    merged.extend(b);
    merged.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    merged
}
