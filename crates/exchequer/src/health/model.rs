//! What is found of each part, and what follows from it. Pure.

use money::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// How a part does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Ok,
    /// It works, and somebody should look.
    Degraded,
    Down,
}

/// A part, as it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthCheck {
    /// `database`, `cache`, `keys`, `gateway.test`, `gateway.live`, `outbox`, `webhooks`, `log`, `certificate` (where the
    /// bank speaks TLS itself), `client_lists` (where it looks up what was taken back of merchants' certificates),
    /// `vault_certificate` and `vault_lists` (the same for a card vault on another machine), `secrets` (where passwords or
    /// tokens of other services were configured), `jobs` or `version`.
    pub name: &'static str,
    /// `ok`, `degraded` or `down`.
    pub state: &'static str,
    /// What to do.
    #[schema(example = "Nothing to do.")]
    pub advice: String,
    pub facts: Vec<HealthFact>,
}

/// Something that was found, to be shown as it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthFact {
    #[schema(example = "waiting")]
    pub name: String,
    #[schema(example = "0")]
    pub value: String,
}

/// What became of a part's check.
pub struct Check {
    pub name: &'static str,
    pub state: State,
    pub advice: &'static str,
    pub facts: Vec<(String, String)>,
}

/// A card gateway, by its steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GatewayFacts {
    /// When it last said what became of something.
    pub last_answer_at: Option<Timestamp>,
    /// Steps whose outcome is not known; counted up to [`MOST`].
    pub unknown: i64,
    pub oldest_unknown_at: Option<Timestamp>,
}

/// Messages that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxFacts {
    /// Counted up to [`MOST`].
    pub waiting: i64,
    /// Those of them that were tried before.
    pub failing: i64,
    pub oldest_at: Option<Timestamp>,
}

/// Webhooks that wait, and those that were given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookFacts {
    /// Counted up to [`MOST`].
    pub waiting: i64,
    pub oldest_at: Option<Timestamp>,
    /// Of the last [`MOST`] that ended.
    pub dead: i64,
}

/// A data key that seals or signs now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    pub purpose: &'static str,
    pub version: u32,
    pub created_at: Timestamp,
    /// Older versions whose values are still being sealed anew, and since when.
    pub unfinished: Vec<(u32, Timestamp)>,
}

/// How far anything is counted.
pub const MOST: i64 = 1_000;
pub const NOTHING: &str = "Nothing to do.";

/// An answer that is missing for longer was not just slow.
const GATEWAY_SECONDS: i64 = 300;
/// A message that waits longer is late for who waits for its code.
const LATE_SECONDS: i64 = 60;
/// So long nobody has got anything.
const STUCK_SECONDS: i64 = 900;
/// The tries of the first hour did not reach the merchant.
const WEBHOOK_SECONDS: i64 = 3_600;
/// A walk over all values takes hours at most.
const RESEAL_SECONDS: i64 = 86_400;
/// NIST SP 800-57 part 1, 5.3.6: a data key is to be replaced within two years.
const KEY_SECONDS: i64 = 2 * 365 * 86_400;

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

impl Check {
    /// A part of which nothing can be known.
    pub fn unknown(name: &'static str) -> Self {
        let advice = "Not known: the database does not answer. Look there first.";
        Self { name, state: State::Down, advice, facts: Vec::new() }
    }

    pub fn view(self) -> HealthCheck {
        let fact = |(name, value)| HealthFact { name, value };
        HealthCheck {
            name: self.name,
            state: self.state.as_str(),
            advice: self.advice.to_owned(),
            facts: self.facts.into_iter().map(fact).collect(),
        }
    }
}

/// The state of a gateway: steps whose outcome is not known are asked about until it is.
pub fn gateway(name: &'static str, gateway: &str, facts: GatewayFacts, now: Timestamp) -> Check {
    let since = facts.oldest_unknown_at.filter(|_| facts.unknown > 0);
    let is_silent = since.is_some_and(|since| {
        let long = since.plus_seconds(GATEWAY_SECONDS) <= now;
        long && facts.last_answer_at.is_none_or(|at| at < since)
    });
    let (state, advice) = match (since, is_silent) {
        (None, _) => (State::Ok, NOTHING),
        (Some(_), false) => {
            (State::Degraded, "Some outcomes are not known yet. The bank asks until they are.")
        }
        (Some(_), true) => (
            State::Down,
            "It has answered nothing since. Ask its operator; the money stays held meanwhile.",
        ),
    };
    let facts = vec![
        fact("gateway", gateway),
        fact("last answer", time(facts.last_answer_at)),
        fact("unknown outcomes", counted(facts.unknown)),
        fact("oldest unknown", time(since)),
    ];
    Check { name, state, advice, facts }
}

/// The state of the outbox.
pub fn outbox(facts: OutboxFacts, now: Timestamp) -> Check {
    let waits = |seconds| facts.oldest_at.is_some_and(|at| at.plus_seconds(seconds) <= now);
    let (state, advice) = if waits(STUCK_SECONDS) {
        (State::Down, "Messages do not leave. Look at the mail server or the sender of texts.")
    } else if facts.failing > 0 || waits(LATE_SECONDS) {
        (State::Degraded, "Some messages were not taken at the first try. They are tried again.")
    } else {
        (State::Ok, NOTHING)
    };
    let facts = vec![
        fact("waiting", counted(facts.waiting)),
        fact("failing", counted(facts.failing)),
        fact("oldest", time(facts.oldest_at)),
    ];
    Check { name: "outbox", state, advice, facts }
}

/// The state of the webhooks. One that waits is tried again for three days, so that waiting is no fault of the bank.
pub fn webhooks(facts: WebhookFacts, now: Timestamp) -> Check {
    let is_late = facts.oldest_at.is_some_and(|at| at.plus_seconds(WEBHOOK_SECONDS) <= now);
    let (state, advice) = if facts.dead > 0 {
        (State::Degraded, "Some were given up. Ask their merchants, then send them again.")
    } else if is_late {
        (State::Degraded, "Some wait for more than an hour. Their merchants' servers refuse them.")
    } else {
        (State::Ok, NOTHING)
    };
    let facts = vec![
        fact("waiting", counted(facts.waiting)),
        fact("oldest", time(facts.oldest_at)),
        fact("given up of the last thousand", counted(facts.dead)),
    ];
    Check { name: "webhooks", state, advice, facts }
}

/// The state of the data keys; `opens` is whether a sealed value opens again.
pub fn keys(facts: &[KeyFacts], opens: bool, now: Timestamp) -> Check {
    let is_stuck = |(_, since): &(u32, Timestamp)| since.plus_seconds(RESEAL_SECONDS) <= now;
    let (state, advice) = if !opens {
        (State::Down, "A sealed value does not open. Look at the master key and the log.")
    } else if facts.iter().flat_map(|key| &key.unfinished).any(is_stuck) {
        (
            State::Degraded,
            "Values are being sealed anew for more than a day. The log says what does not open.",
        )
    } else if facts.iter().any(|key| key.created_at.plus_seconds(KEY_SECONDS) <= now) {
        (State::Degraded, "A key is older than two years. Rotate it: `exchequer keys rotate`.")
    } else {
        (State::Ok, NOTHING)
    };
    let mut shown = Vec::new();
    for key in facts {
        shown.push(fact(key.purpose, format!("version {}, of {}", key.version, key.created_at)));
        for (version, since) in &key.unfinished {
            let value = format!("version {version} is being sealed anew since {since}");
            shown.push(fact(key.purpose, value));
        }
    }
    Check { name: "keys", state, advice, facts: shown }
}

/// The state of the jobs of this node: those whose last run failed.
pub fn jobs(failing: &[&str]) -> Check {
    let (state, advice) = if failing.is_empty() {
        (State::Ok, NOTHING)
    } else {
        (
            State::Degraded,
            "The last run of some jobs failed. They run again; the list of jobs says why.",
        )
    };
    let facts = failing.iter().map(|name| fact("failed", *name)).collect();
    Check { name: "jobs", state, advice, facts }
}

pub fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// A count that stops at [`MOST`] says so.
fn counted(count: i64) -> String {
    if count >= MOST { format!("{MOST} or more") } else { count.to_string() }
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "none".to_owned(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    #[test]
    fn a_gateway_is_down_when_it_says_nothing_for_long() {
        let state = |unknown, last_answer: Option<i64>, now| {
            let facts = GatewayFacts {
                last_answer_at: last_answer.map(at),
                unknown,
                oldest_unknown_at: Some(at(1_000)),
            };
            gateway("gateway.test", "sandbox", facts, at(now)).state
        };
        assert_eq!(state(0, None, 9_000), State::Ok);
        assert_eq!(state(1, Some(900), 1_299), State::Degraded);
        assert_eq!(state(1, Some(900), 1_300), State::Down);
        assert_eq!(state(1, None, 1_300), State::Down);
        assert_eq!(state(1, Some(1_001), 9_000), State::Degraded);
    }

    #[test]
    fn an_outbox_is_down_when_nothing_leaves() {
        let state = |failing, oldest: Option<i64>| {
            let facts = OutboxFacts { waiting: 1, failing, oldest_at: oldest.map(at) };
            outbox(facts, at(1_000)).state
        };
        assert_eq!(state(0, None), State::Ok);
        assert_eq!(state(0, Some(941)), State::Ok);
        assert_eq!(state(1, Some(941)), State::Degraded);
        assert_eq!(state(0, Some(940)), State::Degraded);
        assert_eq!(state(0, Some(100)), State::Down);
    }

    #[test]
    fn webhooks_ask_for_a_look_when_they_are_late_or_given_up() {
        let state = |oldest: Option<i64>, dead| {
            let facts = WebhookFacts { waiting: 1, oldest_at: oldest.map(at), dead };
            webhooks(facts, at(3_600)).state
        };
        assert_eq!(state(None, 0), State::Ok);
        assert_eq!(state(Some(1), 0), State::Ok);
        assert_eq!(state(Some(0), 0), State::Degraded);
        assert_eq!(state(None, 1), State::Degraded);
    }

    // PCI DSS 3.7.4: a key past its time, or a rotation that does not end, is called a fault.
    #[test]
    fn keys_are_to_open_to_be_finished_and_not_to_be_old() {
        let key = |created, unfinished: &[(u32, Timestamp)]| KeyFacts {
            purpose: "personal_data",
            version: 2,
            created_at: at(created),
            unfinished: unfinished.to_vec(),
        };
        let now = at(KEY_SECONDS);
        assert_eq!(keys(&[key(1, &[])], true, now).state, State::Ok);
        assert_eq!(keys(&[key(1, &[])], false, now).state, State::Down);
        assert_eq!(keys(&[key(0, &[])], true, now).state, State::Degraded);
        let since = |seconds: i64| [(1, now.plus_seconds(-seconds))];
        assert_eq!(keys(&[key(1, &since(86_399))], true, now).state, State::Ok);
        let stuck = keys(&[key(1, &since(86_400))], true, now);
        assert_eq!((stuck.state, stuck.facts.len()), (State::Degraded, 2));
    }

    #[test]
    fn a_count_that_was_cut_says_so() {
        assert_eq!((counted(999), counted(1_000)), ("999".into(), "1000 or more".into()));
        assert_eq!(jobs(&["a"]).state, State::Degraded);
        assert_eq!(jobs(&[]).state, State::Ok);
    }
}
