//! The event log's rows, one by one: where they come from, when, and whether they can be read.
//!
//! Pure. That rows were not changed is the matter of the guards and of the Merkle log (`evidence/prove.rs`).

use money::{CustomerId, EventId, SessionId, Timestamp};
use serde::de::IgnoredAny;
use store::rows::Origin;

use super::model::{Finding, Step};

/// How far an event's time may lie after the time in its id. Both come from one clock within a
/// transaction. Before it, it may lie as far as it likes: the ids of a node do not go back when a clock
/// that was far ahead is set right, and rows that nobody can change must not be wrong for ever.
pub const TOLERANCE_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// A row of `events`.
#[derive(Debug, Clone)]
pub struct LoggedEvent {
    pub id: EventId,
    pub at: Timestamp,
    pub action: String,
    pub resource: String,
    pub outcome: String,
    pub before: Option<String>,
    pub after: Option<String>,
    /// The row of `origins` that it names is there.
    pub has_origin: bool,
    /// The customer who acted.
    pub customer: Option<CustomerId>,
    /// The customer who is told of it.
    pub subject: Option<CustomerId>,
}

/// A row of `origins`.
#[derive(Debug, Clone)]
pub struct LoggedOrigin {
    pub id: [u8; 16],
    pub actor_kind: String,
    pub actor: Option<[u8; 16]>,
    pub session: Option<SessionId>,
    pub address: String,
    pub agent: String,
}

const ACTOR_KINDS: [&str; 5] = ["customer", "staff", "merchant", "public", "system"];

impl LoggedEvent {
    pub fn check(&self) -> Step {
        let wrong = |expected: &str, found: &str| Finding::new("events", self.id, expected, found);
        if !self.has_origin {
            return Err(wrong("the origin that it names", "no such row").into());
        }
        if !is_action(&self.action) {
            return Err(wrong("an action `noun.verb`", &self.action).into());
        }
        if !is_word(&self.outcome) {
            return Err(wrong("an outcome of one word", &self.outcome).into());
        }
        if self.at.micros_since(minted_at(&self.id)) > TOLERANCE_MICROS {
            let expected = format!("a time near that of its id, {}", minted_at(&self.id));
            return Err(wrong(&expected, &self.at.to_string()).into());
        }
        // Else somebody could be told, or not be told, of what was done to somebody else.
        let about = self.customer.or_else(|| self.resource.parse().ok());
        if let (Some(about), Some(subject)) = (about, self.subject)
            && about != subject
        {
            return Err(wrong(&format!("{about} to be told of it"), &subject.to_string()).into());
        }
        for (name, text) in [("before", &self.before), ("after", &self.after)] {
            if text.as_deref().is_some_and(|text| !is_object(text)) {
                // What it says may be anything, so it is not shown.
                return Err(wrong(&format!("a JSON object in `{name}`"), "something else").into());
            }
        }
        Ok(())
    }

    pub fn opens_account(&self) -> bool {
        self.action == "account.opened" && self.outcome == "done"
    }
}

impl LoggedOrigin {
    /// An origin's id is a hash of the rest of its row.
    pub fn check(&self) -> Step {
        let id = hexadecimal(&self.id);
        let Some(kind) = ACTOR_KINDS.into_iter().find(|kind| *kind == self.actor_kind) else {
            let expected = "a kind of actor that the bank has";
            return Err(Finding::new("origins", id, expected, &self.actor_kind).into());
        };
        let (address, agent) = (self.address.clone(), self.agent.clone());
        let made = Origin::new(kind, self.actor, self.session, address, agent);
        if *made.id() != self.id {
            let expected = format!("the id {}, which follows from the row", hexadecimal(made.id()));
            return Err(Finding::new("origins", id, expected, "this one").into());
        }
        Ok(())
    }
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// RFC 9562 §5.7: the first 48 bits are milliseconds.
fn minted_at(id: &EventId) -> Timestamp {
    let millis = id.bytes()[..6].iter().fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
    Timestamp::from_micros(millis.saturating_mul(1_000))
}

fn is_action(text: &str) -> bool {
    text.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && is_word(verb))
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests;
