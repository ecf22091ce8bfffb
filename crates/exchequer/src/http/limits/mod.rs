//! Rate limits at the edge: who is counted, when, and what the answer says of it.
//!
//! Order: as soon as it is known who calls, before anything is written for them and before the body is read;
//! where the e-mail of the body is counted too (signing in), after it and before the handler, all of the
//! route's limits in one decision. Who is refused counts against their address, whatever for. Callers are
//! counted for each route by itself, strangers for each class of routes. Cost: a microsecond in memory, one round trip on Redis. While Redis
//! is gone [`rules::WhenGone`] decides: what signs in or moves money is refused, the rest is limited by
//! each node alone. What it never does: read anything of the body but the e-mail, or keep one.

mod address;
pub mod rules;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::{LazyLock, Mutex, PoisonError};

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use money::Clock;
use serde::Deserialize;
use store::cache::{Ask, Decision, Gone, Subject};

pub(super) use self::address::{client, is_https};
use self::rules::{Class, Per, Rule, WhenGone};
use super::Peer;
use super::codes::Code;
use super::problem::Problem;
use super::routes::{Access, Route};
use crate::bank::Bank;
use crate::customers::model::Email;
use crate::traces;

/// Counts one request, and knows what its answer says of it.
pub(super) struct Gate<'r> {
    bank: &'r Bank,
    class: Class,
    /// Of the route.
    number: u8,
    address: Cow<'r, str>,
    is_public: bool,
    /// What was counted last.
    told: Mutex<Option<Told>>,
}

#[derive(Clone, Copy)]
struct Told {
    class: Class,
    rule: Rule,
    decision: Decision,
}

/// Who is counted, besides the address.
#[derive(Clone, Copy, Default)]
struct Known<'k> {
    caller: Option<[u8; 16]>,
    email: Option<&'k Email>,
    device_token: Option<&'k str>,
}

/// All that is looked at of a sign-in's body here. What is no JSON, or has no e-mail, the handler refuses.
#[derive(Deserialize)]
struct WithEmail {
    email: String,
    device_token: Option<String>,
}

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const MICROS_PER_SECOND: i64 = 1_000_000;

impl<'r> Gate<'r> {
    pub fn new(
        bank: &'r Bank,
        route: &Route,
        (peer, parts): (Option<&'r Peer>, &'r Parts),
    ) -> Self {
        let peer = peer.map_or("", |peer| &*peer.0);
        let proxies = bank.config().http.trusted_proxies;
        let address = address::client(peer, &parts.headers, proxies);
        let is_public = matches!(route.access, Access::Public(_));
        let told = Mutex::default();
        Self { bank, class: route.class, number: route.number, address, is_public, told }
    }

    pub fn bank(&self) -> &'r Bank {
        self.bank
    }

    /// The client's, through the proxies that are trusted.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A caller who is known, before anything else is done for them.
    ///
    /// Errors: `rate_limited`, `unavailable`.
    pub async fn caller(&self, id: [u8; 16]) -> Result<(), Problem> {
        if self.is_public {
            return Ok(());
        }
        self.count(self.class, Known { caller: Some(id), ..Known::default() }).await
    }

    /// Anybody, before the body; who shows a key with it, before that is looked at and remembered.
    ///
    /// Errors: `rate_limited`, `unavailable`.
    pub async fn anybody(&self, shows_key: bool) -> Result<(), Problem> {
        match (self.class.wants_body(), shows_key) {
            (false, _) => self.count(self.class, Known::default()).await,
            (true, true) => self.count(Class::Stranger, Known::default()).await,
            (true, false) => Ok(()),
        }
    }

    /// A sign-in is counted for its e-mail and the device that it says to come from: whoever has not its token
    /// uses up the tries of unknown devices only. A token that was made up gains a try at the limit and none
    /// at the lock, which knows the right ones.
    ///
    /// Errors: `rate_limited`, `unavailable`.
    pub async fn after_body(&self, body: &[u8]) -> Result<(), Problem> {
        if !self.class.wants_body() || !self.bank.config().rate_limits_on {
            return Ok(());
        }
        let body = serde_json::from_slice::<WithEmail>(body).ok();
        let email: Option<Email> = body.as_ref().and_then(|body| body.email.parse().ok());
        let device_token = body.as_ref().and_then(|body| body.device_token.as_deref());
        let known = Known { caller: None, email: email.as_ref(), device_token };
        self.count(self.class, known).await
    }

    /// Who was refused before they were counted counts against the address that they came from.
    pub async fn refused(&self, problem: Problem) -> Problem {
        if problem.code == Code::RateLimited || self.told().is_some() {
            return problem;
        }
        match self.count(Class::Stranger, Known::default()).await {
            Ok(()) => problem,
            Err(refusal) => refusal,
        }
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10 §3, §4) where
    /// something was counted: the policies of the route, and the state of the first.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let Some(Told { class, rule, decision }) = self.told() else { return };
        let reset = seconds(decision.reset_micros);
        let state = format!("\"{}\";r={};t={reset}", rule.per.name(), decision.remaining);
        if let (Some(policy), Ok(state)) = (class.policy(), HeaderValue::try_from(state)) {
            headers.insert(RATE_LIMIT_POLICY, policy.clone());
            headers.insert(RATE_LIMIT, state);
        }
    }

    fn told(&self) -> Option<Told> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn count(&self, class: Class, known: Known<'_>) -> Result<(), Problem> {
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
        let decided = self.bank.cache().decide(&asks, now);
        let decided = if self.bank.cache().is_own() {
            decided.await
        } else {
            let failed = |decided: &Result<_, Gone>| decided.is_err().then_some("redis_gone");
            traces::call(("limits.decide", "redis"), decided, failed).await
        };
        let decision = match decided {
            Ok(decision) => decision,
            Err(Gone) if class.when_gone() == WhenGone::Here => {
                self.bank.cache().decide_here(&asks, now)
            }
            Err(Gone) => return Err(Problem::new(Code::Unavailable).cause(Gone)),
        };
        let told = Told { class, rule: *first, decision };
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
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
                let device = known.device_token.unwrap_or_default();
                // An address has no zero byte.
                let account = [known.email?.as_str().as_bytes(), &[0], device.as_bytes()].concat();
                let hash = self.bank.tools().keyring().blind_index("limits.account", &account);
                let mut id = [0; 16];
                id.copy_from_slice(&hash[..16]);
                id
            }
            Per::Caller | Per::CallerLong => known.caller?,
        };
        let rule = match per {
            Per::Caller | Per::CallerLong => self.number,
            Per::Address | Per::Account | Per::All => class as u8,
        };
        Some(Subject { space: class.space(), rule, kind: per.number(), id })
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
