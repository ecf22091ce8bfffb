//! What happened around a customer's own sign-in, for the customer: events with a subject.
//!
//! Which events have one is decided when they are written ([`subject`]), by the list of actions below: they are
//! rare acts, and an index of their own finds them by customer, newest first. Events of before that, and all
//! that are about money, have none. What the bank's people did is told without their address.

use money::{CustomerId, EventId};
use serde::{Deserialize, Serialize};
use store::rows::Origin;
use utoipa::ToSchema;

/// Actions that a customer is told of.
const TOLD: [&str; 35] = [
    "alerts.changed",
    "beneficiary.added",
    "beneficiary.refused",
    "beneficiary.removed",
    "challenge.answer_refused",
    "customer.disabled",
    "customer.email_confirmation_refused",
    "customer.email_confirmed",
    "customer.enabled",
    "customer.locked",
    "customer.registered",
    "customer.unlocked",
    "factor.confirmation_refused",
    "factor.confirmed",
    "factor.copy_seen",
    "factor.enrolled",
    "factor.recovery_codes_replaced",
    "factor.registration_refused",
    "factor.removed",
    "factor.renamed",
    "limits.changed",
    "outgoing.resumed",
    "outgoing.stopped",
    "password.change_refused",
    "password.changed",
    "password.reset",
    "password.reset_asked",
    "password.reset_refused",
    "session.ended",
    "session.locked",
    "session.moved",
    "session.open_refused",
    "session.opened",
    "session.sign_in_failed",
    "step_up.refused",
];

/// The subject of an event about an address that is nobody's: an event without a subject has no entry in the index, and
/// takes less time by that. One for all of them, so that strangers make no person's salt in the log
/// ([`crate::evidence::model::CoveredRow::person`]), and none that is minted.
pub const NOBODY: CustomerId = CustomerId::from_bytes([0; 16]);

/// Something that happened around one's own sign-in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Activity)]
pub struct ActivityView {
    #[schema(example = "evt_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    pub id: String,
    pub at: String,
    /// `noun.verb`, as `session.opened`; the reference has the list.
    #[schema(example = "session.opened")]
    pub what: String,
    /// `done`, or the code of the refusal.
    pub outcome: String,
    /// The id of what it is about: a session, a factor, a payee, oneself.
    #[schema(example = "ses_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    pub resource: String,
    /// Why a session ended.
    #[schema(example = "idle_limit")]
    pub reason: Option<String>,
    /// `customer` (in a session of one's own), `anybody` (who was not signed in yet) or `bank`.
    #[schema(example = "customer")]
    pub by: &'static str,
    /// The network address that it came from; null where the bank did it.
    pub address: Option<String>,
    /// The `User-Agent` of there.
    pub agent: Option<String>,
}

/// A row as it is read.
pub(super) struct Found {
    pub id: EventId,
    pub at: String,
    pub action: String,
    pub resource: String,
    pub outcome: String,
    pub after: Option<String>,
    pub actor_kind: String,
    pub address: String,
    pub agent: String,
}

/// What is read of an event's `after`.
#[derive(Deserialize)]
struct Said {
    reason: Option<String>,
}

/// The customer who is told of an event: the one who acts, else the one that it is about.
pub(super) fn subject(origin: &Origin, action: &str, resource: &str) -> Option<CustomerId> {
    if TOLD.binary_search(&action).is_err() {
        return None;
    }
    match (origin.actor_kind(), origin.actor()) {
        ("customer", Some(actor)) => Some(CustomerId::from_bytes(*actor)),
        _ => resource.parse().ok(),
    }
}

impl From<Found> for ActivityView {
    fn from(row: Found) -> Self {
        let by = match row.actor_kind.as_str() {
            "customer" => "customer",
            "public" => "anybody",
            _ => "bank",
        };
        let said = row.after.and_then(|after| serde_json::from_str::<Said>(&after).ok());
        let seen = |text: String| (by != "bank").then_some(text);
        Self {
            id: row.id.to_string(),
            at: row.at,
            what: row.action,
            outcome: row.outcome,
            resource: row.resource,
            reason: said.and_then(|said| said.reason),
            by,
            address: seen(row.address),
            agent: seen(row.agent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_so_that_it_can_be_searched() {
        assert!(TOLD.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn who_acts_is_told_and_else_whom_it_is_about() {
        let id = CustomerId::from_bytes([7; 16]);
        let other = CustomerId::from_bytes([9; 16]).to_string();
        let by = |kind, actor| Origin::new(kind, actor, None, String::new(), String::new());
        let customer = by("customer", Some([7; 16]));
        assert_eq!(subject(&customer, "session.ended", "ses_x"), Some(id));
        assert_eq!(subject(&customer, "transfer.refused", "acc_x"), None);
        let public = by("public", None);
        assert_eq!(subject(&public, "session.sign_in_failed", &id.to_string()), Some(id));
        assert_eq!(subject(&public, "session.sign_in_failed", "unknown"), None);
        let staff = by("staff", Some([9; 16]));
        assert_eq!(subject(&staff, "customer.locked", &id.to_string()), Some(id));
        assert_ne!(subject(&staff, "customer.locked", &other), Some(id));
    }
}
