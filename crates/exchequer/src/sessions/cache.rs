//! The look-aside of verified tokens.
//!
//! Checking an Ed25519 signature costs more than a transfer, so a token that was verified is
//! remembered under its SHA-256 until it expires (at most 5 minutes). Its session is asked for in the
//! database again when the last answer is older than a second, and at once when this node ended it:
//! revocation is felt by the next request here and within a second elsewhere. Losing the cache costs
//! one signature check and one read a session.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ::store::cache::{Cache, Key};
use ::store::rows::Origin;
use money::{CustomerId, SessionId, StaffId, Timestamp};
use vault::token_hash;

use super::jwt::{self, Token};
use super::model::PrincipalRef;
use super::store;
use crate::bank::Bank;
use crate::http::{Code, Problem};
use crate::staff::model::Role;

/// How long the database's word about a session is taken for granted.
const RECHECK_MICROS: i64 = 1_000_000;
/// How often a session's last use is written down, at most; a short idle limit (demo banks have
/// seconds) is divided by four, or a session in use would end.
const TOUCH_MICROS: i64 = 30 * 1_000_000;
/// Tokens remembered; about 500 bytes each. Past it, the expired and then all are forgotten.
const MAX_TOKENS: usize = 100_000;
/// An ended session is remembered for longer than any access token of it lives.
const ENDED_SECONDS: i64 = 600;

pub struct SessionCache {
    tokens: RwLock<HashMap<[u8; 32], Arc<Verified>>>,
    /// Where sessions that have ended are made known.
    cache: Cache,
}

/// A caller with what a handler needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    Customer(CustomerId),
    Staff(StaffId, Role),
}

/// A token whose signature was checked.
pub struct Verified {
    token: Token,
    principal: Principal,
    checked_at: AtomicI64,
    origin: RwLock<Option<Arc<Origin>>>,
}

impl Verified {
    pub fn principal(&self) -> Principal {
        self.principal
    }

    pub fn session(&self) -> SessionId {
        self.token.session
    }

    /// The origin of this session from this address and agent; made anew only when one of them changed.
    pub fn origin(
        &self,
        address: &str,
        raw_agent: &[u8],
        agent: impl FnOnce() -> String,
    ) -> Arc<Origin> {
        let known = self.origin.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(origin) = &*known
            && origin.address() == address
            && origin.agent().as_bytes() == raw_agent
        {
            return Arc::clone(origin);
        }
        drop(known);
        let principal = self.token.principal;
        let made = Origin::new(
            principal.kind(),
            Some(*principal.bytes()),
            Some(self.token.session),
            address.to_owned(),
            agent(),
        );
        *self.origin.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&made));
        made
    }
}

impl SessionCache {
    pub fn new(cache: Cache) -> Self {
        Self { tokens: RwLock::default(), cache }
    }

    /// The backend's name.
    pub fn backend(&self) -> &'static str {
        self.cache.name()
    }

    /// The caller behind an access token, its session alive at most a second ago.
    ///
    /// Errors: `unauthenticated`, and `unavailable` where the database cannot be asked: who cannot be
    /// authorised is not served.
    pub async fn verify(&self, bank: &Bank, token: &str) -> Result<Arc<Verified>, Problem> {
        let refused = || Problem::new(Code::Unauthenticated);
        let now = bank.tools().now();
        let hash = token_hash(token);
        if let Some(verified) = self.get(&hash) {
            if now >= verified.token.expires_at || self.has_ended(verified.token.session, now).await
            {
                return Err(refused());
            }
            let age = now.micros().saturating_sub(verified.checked_at.load(Ordering::Relaxed));
            if (0..RECHECK_MICROS).contains(&age) {
                return Ok(verified);
            }
        }
        let token =
            jwt::verify(bank.tools(), &bank.config().tokens, token, now).ok_or_else(refused)?;
        let principal = check(bank, token, now).await?.ok_or_else(refused)?;
        if self.has_ended(token.session, now).await {
            return Err(refused());
        }
        Ok(self.remember(hash, token, principal, now))
    }

    /// The session has ended: its tokens are worth nothing from now on.
    pub async fn end(&self, session: SessionId, now: Timestamp) {
        self.cache.put(Key::EndedSession(session), now.seconds(), ENDED_SECONDS, now).await;
    }

    fn get(&self, hash: &[u8; 32]) -> Option<Arc<Verified>> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    async fn has_ended(&self, session: SessionId, now: Timestamp) -> bool {
        self.cache.get(Key::EndedSession(session), now).await.is_some()
    }

    fn remember(
        &self,
        hash: [u8; 32],
        token: Token,
        principal: Principal,
        now: Timestamp,
    ) -> Arc<Verified> {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tokens.get(&hash).filter(|v| v.principal == principal) {
            known.checked_at.store(now.micros(), Ordering::Relaxed);
            return Arc::clone(known);
        }
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, v| now < v.token.expires_at);
            if tokens.len() >= MAX_TOKENS {
                tokens.clear();
            }
        }
        let checked_at = AtomicI64::new(now.micros());
        let verified =
            Arc::new(Verified { token, principal, checked_at, origin: RwLock::new(None) });
        tokens.insert(hash, Arc::clone(&verified));
        verified
    }
}

/// Asks the database whether the session lives and its holder is active; notes its use.
async fn check(bank: &Bank, token: Token, now: Timestamp) -> Result<Option<Principal>, Problem> {
    let idle_seconds = i64::try_from(bank.config().sessions.idle_seconds).unwrap_or(0);
    let found = bank
        .db()
        .read("sessions.check", move |tx| {
            let row = store::get(tx, &token.session)?
                .filter(|row| row.principal == token.principal && row.is_live(now, idle_seconds));
            let Some(row) = row else { return Ok(None) };
            let principal = match token.principal {
                PrincipalRef::Customer(id) => {
                    store::principal_active(tx, &row.principal)?.then_some(Principal::Customer(id))
                }
                PrincipalRef::Staff(id) => store::staff_role(tx, &row.principal)?
                    .and_then(|role| role.parse().ok())
                    .map(|role| Principal::Staff(id, role)),
            };
            Ok::<_, Problem>(principal.map(|p| (p, row.last_used_at)))
        })
        .await?;
    let Some((principal, last_used_at)) = found else { return Ok(None) };
    let touch_micros = TOUCH_MICROS.min(idle_seconds.saturating_mul(1_000_000) / 4);
    if now.micros_since(last_used_at) > touch_micros {
        let noted = bank
            .db()
            .write("sessions.touch", move |tx| store::touch(tx, &token.session, now))
            .await;
        if let Err(error) = noted {
            // A session whose use is not noted ends earlier, which is the safe side; on a full disk
            // people can still read.
            tracing::warn!(%error, "the use of a session was not noted");
        }
    }
    Ok(Some(principal))
}
