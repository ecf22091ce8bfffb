//! An event as an auditor sees it.

use money::{CustomerId, EventId, MerchantId, StaffId, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// What the events table does not say itself: a posted transfer is its own event, under this action.
pub const TRANSFER_POSTED: &str = "transfer.posted";

/// Which events; all must fit that are given.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// `noun.verb`, or the beginning of one with its dot.
    pub action: Option<String>,
    /// The id that the event is about.
    pub resource: Option<String>,
    pub actor: Option<ActorFilter>,
    pub outcome: Option<OutcomeFilter>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
}

/// Whose acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorFilter {
    /// All of a kind: `customer`, `staff`, `merchant`, `public` or `system`.
    Kind(&'static str),
    /// One customer, operator or merchant, with the kind.
    One(&'static str, [u8; 16]),
}

/// What became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutcomeFilter {
    Exactly(String),
    /// Everything but `done`.
    Refused,
}

/// A word that selects all refusals; no code is called so.
pub const REFUSED: &str = "refused";
/// The outcome of what was done.
pub const DONE: &str = "done";

impl EventFilter {
    pub fn is_empty(&self) -> bool {
        let Self { action, resource, actor, outcome, from, to } = self;
        let texts = action.is_none() && resource.is_none() && outcome.is_none();
        texts && actor.is_none() && from.is_none() && to.is_none()
    }

    /// Whether an action of this name fits.
    pub fn takes_action(&self, name: &str) -> bool {
        self.action.as_deref().is_none_or(|action| {
            action == name || (action.ends_with('.') && name.starts_with(action))
        })
    }

    /// Whether what was done fits.
    pub fn takes_done(&self) -> bool {
        match &self.outcome {
            None => true,
            Some(OutcomeFilter::Exactly(outcome)) => outcome == DONE,
            Some(OutcomeFilter::Refused) => false,
        }
    }
}

impl ActorFilter {
    pub(crate) const KINDS: [&'static str; 5] =
        ["customer", "staff", "merchant", "public", "system"];

    /// The id of a customer, an operator or a merchant, or the name of a kind.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(kind) = Self::KINDS.into_iter().find(|kind| *kind == text) {
            return Some(Self::Kind(kind));
        }
        let customer = text.parse::<CustomerId>().map(|id| Self::One("customer", *id.bytes()));
        let staff = || text.parse::<StaffId>().map(|id| Self::One("staff", *id.bytes()));
        let merchant = || text.parse::<MerchantId>().map(|id| Self::One("merchant", *id.bytes()));
        customer.ok().or_else(|| staff().ok()).or_else(|| merchant().ok())
    }
}

impl OutcomeFilter {
    pub fn parse(text: &str) -> Self {
        if text == REFUSED { Self::Refused } else { Self::Exactly(text.to_owned()) }
    }
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
