//! Rate limits at the edge: who is counted, when, and what the answer says of it.
//!
//! Order: before the body is read, by address or caller; where the e-mail of the body is counted too
//! (signing in), after it and before the handler, all of the route's limits in one decision. A refused
//! token counts against its address. Cost: a microsecond in memory, one round trip on Redis. While Redis
//! is gone [`rules::WhenGone`] decides: what signs in or moves money is refused, the rest is limited by
//! each node alone. What it never does: read anything of the body but the e-mail, or keep one.

mod address;
pub mod rules;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::LazyLock;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use money::Clock;
use serde::Deserialize;
use store::cache::{Ask, Decision, Gone, Subject};

use self::rules::{Class, Per, Rule, WhenGone};
use super::Peer;
use super::codes::Code;
use super::problem::Problem;
use super::routes::{Access, Route};
use crate::bank::Bank;
use crate::customers::model::Email;

/// Counts one request, and knows what its answer says of it.
pub(super) struct Gate<'r> {
    bank: &'r Bank,
    class: Class,
    address: Cow<'r, str>,
    /// Signs anybody in or asks for a token: only then a refused token is a stranger's.
    is_public: bool,
    told: Option<(Rule, Decision)>,
}

/// Who is counted, besides the address.
#[derive(Clone, Copy, Default)]
struct Known<'k> {
    caller: Option<([u8; 3], [u8; 16])>,
    email: Option<&'k Email>,
}

/// All that is looked at of a sign-in's body here. What is no JSON, or has no e-mail, the handler refuses.
#[derive(Deserialize)]
struct WithEmail {
    email: String,
}

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const MICROS_PER_SECOND: i64 = 1_000_000;

impl<'r> Gate<'r> {
    pub fn new(bank: &'r Bank, route: &Route, parts: &'r Parts) -> Self {
        let peer = parts.extensions.get::<Peer>().map_or("", |peer| &*peer.0);
        let proxies = bank.config().http.trusted_proxies;
        let address = address::client(peer, &parts.headers, proxies);
        let is_public = matches!(route.access, Access::Public(_));
        Self { bank, class: route.class, address, is_public, told: None }
    }

    pub fn bank(&self) -> &'r Bank {
        self.bank
    }

    /// The client's, through the proxies that are trusted.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Errors: `rate_limited`, `unavailable`.
    pub async fn before_body(&mut self, caller: ([u8; 3], [u8; 16])) -> Result<(), Problem> {
        if self.class.wants_body() {
            return Ok(());
        }
        let known = Known { caller: (!self.is_public).then_some(caller), email: None };
        self.count(self.class, known).await
    }

    /// Errors: `rate_limited`, `unavailable`.
    pub async fn after_body(&mut self, body: &[u8]) -> Result<(), Problem> {
        if !self.class.wants_body() || !self.bank.config().rate_limits_on {
            return Ok(());
        }
        let email = serde_json::from_slice::<WithEmail>(body).ok();
        let email: Option<Email> = email.and_then(|body| body.email.parse().ok());
        self.count(self.class, Known { caller: None, email: email.as_ref() }).await
    }

    /// The refusal of a caller: a token that is not taken counts against the address it came from.
    pub async fn refused(&mut self, problem: Problem) -> Problem {
        if problem.code != Code::Unauthenticated {
            return problem;
        }
        match self.count(Class::Stranger, Known::default()).await {
            Ok(()) => {
                // The limit of strangers is not the one that this route is described with.
                self.told = None;
                problem
            }
            Err(refusal) => refusal,
        }
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10 §3, §4) where
    /// something was counted: the policies of the route, and the state of the first.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let Some((rule, decision)) = &self.told else { return };
        let reset = seconds(decision.reset_micros);
        let state = format!("\"{}\";r={};t={reset}", rule.per.name(), decision.remaining);
        if let (Some(policy), Ok(state)) = (self.class.policy(), HeaderValue::try_from(state)) {
            headers.insert(RATE_LIMIT_POLICY, policy.clone());
            headers.insert(RATE_LIMIT, state);
        }
    }

    async fn count(&mut self, class: Class, known: Known<'_>) -> Result<(), Problem> {
        let rules = class.rules();
        if rules.is_empty() || !self.bank.config().rate_limits_on {
            return Ok(());
        }
        let asked = rules.iter().filter_map(|rule| {
            let subject = self.subject(class, rule.per, known)?;
            Some(Ask { subject, limit: rule.limit })
        });
        let asks: Vec<Ask> = asked.collect();
        let (Some(first), false) = (rules.first(), asks.is_empty()) else { return Ok(()) };
        let now = steady_micros(self.bank.tools().clock());
        let decision = match self.bank.cache().decide(&asks, now).await {
            Ok(decision) => decision,
            Err(Gone) if class.when_gone() == WhenGone::Here => {
                self.bank.cache().decide_here(&asks, now)
            }
            Err(Gone) => return Err(Problem::new(Code::Unavailable).cause(Gone)),
        };
        self.told = Some((*first, decision));
        match decision.refused {
            None => Ok(()),
            Some(refused) => {
                let mut problem = Problem::new(Code::RateLimited);
                problem.retry_after_seconds = Some(seconds(refused.wait_micros).max(1));
                Err(problem)
            }
        }
    }

    fn subject(&self, class: Class, per: Per, known: Known<'_>) -> Option<Subject> {
        let id = match per {
            Per::Address => address::subject(&self.address),
            Per::All => [0; 16],
            Per::Account => {
                let email = known.email?.as_str().as_bytes();
                let hash = self.bank.tools().keyring().blind_index("limits.account", email);
                let mut id = [0; 16];
                id.copy_from_slice(&hash[..16]);
                id
            }
            Per::Caller => known.caller?.1,
        };
        Some(Subject { space: class.space(), rule: class as u8, kind: per.number(), id })
    }
}

/// Whole seconds, rounded up, so that who waits for them comes when there is room.
fn seconds(micros: i64) -> u32 {
    let whole = (micros.max(0) + MICROS_PER_SECOND - 1) / MICROS_PER_SECOND;
    u32::try_from(whole).unwrap_or(u32::MAX)
}

/// A time that does not go back when the machine's clock is set: the limits of this process count by it.
fn steady_micros(clock: &Clock) -> i64 {
    static START: LazyLock<tokio::time::Instant> = LazyLock::new(tokio::time::Instant::now);
    match clock {
        Clock::Manual(_) => clock.now().micros(),
        Clock::System => i64::try_from(START.elapsed().as_micros()).unwrap_or(i64::MAX),
    }
}
