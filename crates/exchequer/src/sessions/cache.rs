//! The look-aside of verified tokens and cookies.
//!
//! Checking an Ed25519 signature costs more than a transfer, so a token that was verified is remembered under its
//! SHA-256 until it expires (at most 5 minutes; a cookie, until its session does). Its session is asked for in the
//! database again when the last answer is older than a second, and at once when this node ended it: revocation is felt
//! by the next request here and within a second elsewhere. A cookie that was replaced is dead here at once, too. Losing
//! the cache costs one signature check and one read a session. Bound: [`MAX_TOKENS`] entries, under 600 bytes each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ::store::cache::{Cache, Gone, Key};
use ::store::rows::Origin;
use ::store::{DbError, Tx};
use money::{SessionId, Timestamp};
use vault::token_hash;

use super::jwt::{self, Token};
use super::model::{Form, PrincipalRef};
pub use super::model::{Principal, Visit};
use super::places::{self, Arriving, Place, Welcome};
use super::store::{self, Life, SessionRow};
use crate::bank::Bank;
use crate::http::{Code, Problem};

/// How long the database's word about a session is taken for granted.
const RECHECK_MICROS: i64 = 1_000_000;
/// How often a session's last use is written down, at most; a short idle limit (demo banks have
/// seconds) is divided by four, or a session in use would end.
const TOUCH_MICROS: i64 = 30 * 1_000_000;
/// Longer ago than any answer is taken for granted.
const NEVER: Timestamp = Timestamp::from_micros(0);
/// Tokens remembered. Past it, the expired and then all are forgotten.
const MAX_TOKENS: usize = 100_000;
/// An ended session is remembered for longer than any access token of it lives.
pub(super) const ENDED_SECONDS: i64 = 600;
/// A replaced cookie is remembered for longer than an answer about it can be under way.
const RETIRED_SECONDS: i64 = 60;
/// Places per session that are remembered as its own, so that going to and fro is noted once.
const MAX_PLACES: usize = 4;

pub struct SessionCache {
    tokens: RwLock<HashMap<[u8; 32], Arc<Verified>>>,
    /// Hashes of cookies that were replaced, and when.
    retired: RwLock<HashMap<[u8; 32], Timestamp>>,
    /// Where sessions that have ended are made known, and proofs that were shown.
    cache: Cache,
}

/// How a request carries its session.
#[derive(Clone, Copy)]
pub enum Carried<'r> {
    Token(&'r str),
    Cookie(&'r str),
}

/// A token whose signature was checked, or a cookie that was found.
pub struct Verified {
    token: Token,
    form: Form,
    principal: Principal,
    checked_at: AtomicI64,
    /// The place of the last request first; never empty.
    places: RwLock<Vec<Arc<Origin>>>,
}

/// A live session and its holder, as the database has them.
struct Found {
    row: SessionRow,
    principal: Principal,
}

/// What is looked for.
#[derive(Clone, Copy)]
enum Sought {
    Session(Token),
    Cookie([u8; 32]),
}

impl Verified {
    pub fn principal(&self) -> Principal {
        self.principal
    }

    pub fn session(&self) -> SessionId {
        self.token.session
    }

    /// The key that every request has to prove.
    pub fn device_key(&self) -> Option<[u8; 32]> {
        self.token.device_key
    }

    /// The origin of a request of this session. From the place of the last one it costs two
    /// comparisons; from another network or agent, what the policy says.
    ///
    /// Errors: `unauthenticated` where the session ends for it; `step_up_required`; `unavailable`.
    pub async fn arrive<A: FnOnce() -> String>(
        &self,
        bank: &Bank,
        arriving: Arriving<'_, A>,
    ) -> Result<Arc<Origin>, Problem> {
        let last = self.last_place();
        if last.address() == arriving.address && last.agent().as_bytes() == arriving.raw_agent {
            return Ok(last);
        }
        let place = Place { address: arriving.address.to_owned(), agent: (arriving.agent)() };
        let principal = self.token.principal;
        let (kind, actor) = (principal.kind(), Some(*principal.bytes()));
        let (address, agent) = (place.address.clone(), place.agent.clone());
        let origin = Origin::new(kind, actor, Some(self.token.session), address, agent);
        if self.device_key().is_none() && !self.is_known(&place) {
            let session = self.token.session;
            let by = (Arc::clone(&origin), arriving.request);
            match places::welcome(bank, session, place, by, arriving.step_up).await? {
                Welcome::Stays => {}
                Welcome::Refused(problem) => return Err(*problem),
                Welcome::Ended => {
                    bank.sessions().end(session, bank.tools().now()).await;
                    return Err(Problem::new(Code::Unauthenticated).cause("the session moved"));
                }
            }
        }
        self.remember_place(&origin);
        Ok(origin)
    }

    fn last_place(&self) -> Arc<Origin> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        // Never empty; an origin of nobody would only cost another look.
        places.first().map_or_else(|| Origin::system("sessions"), Arc::clone)
    }

    fn is_known(&self, place: &Place) -> bool {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        places.iter().any(|origin| place.is_near(origin.address(), origin.agent()))
    }

    fn remember_place(&self, origin: &Arc<Origin>) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let near = Place::of(origin);
        places.retain(|known| !near.is_near(known.address(), known.agent()));
        places.insert(0, Arc::clone(origin));
        places.truncate(MAX_PLACES);
    }
}

impl SessionCache {
    pub fn new(cache: Cache) -> Self {
        Self { tokens: RwLock::default(), retired: RwLock::default(), cache }
    }

    /// The backend's name.
    pub fn backend(&self) -> &'static str {
        self.cache.name()
    }

    /// The caller behind an access token or a cookie, the session alive at most a second ago.
    ///
    /// Errors: `unauthenticated`, and `unavailable` where the database cannot be asked: who cannot be
    /// authorised is not served.
    pub async fn verify(
        &self,
        bank: &Bank,
        carried: Carried<'_>,
        visit: Visit,
    ) -> Result<Arc<Verified>, Problem> {
        let refused = || Problem::new(Code::Unauthenticated);
        let now = bank.tools().now();
        let hash = token_hash(carried.text());
        if carried.form() == Form::Cookie && self.is_retired(&hash) {
            return Err(refused());
        }
        if let Some(verified) = self.get(&hash).filter(|known| known.form == carried.form()) {
            if now >= verified.token.expires_at {
                return Err(refused());
            }
            let age = now.micros().saturating_sub(verified.checked_at.load(Ordering::Relaxed));
            if (0..recheck_micros(bank)).contains(&age) {
                let ended = self.has_ended(verified.token.session, now).await;
                return if ended { Err(refused()) } else { Ok(verified) };
            }
        }
        let sought = match carried {
            Carried::Token(token) => {
                let read = jwt::verify(bank.tools(), &bank.config().tokens, token, now);
                Sought::Session(read.ok_or_else(refused)?)
            }
            Carried::Cookie(_) => Sought::Cookie(hash),
        };
        let found = check(bank, sought, (visit, now)).await?.ok_or_else(refused)?;
        if self.has_ended(found.row.id, now).await {
            return Err(refused());
        }
        // What only asked is no reason for the next request not to look, and to be noted.
        let checked_at = if visit == Visit::Use { now } else { NEVER };
        let verified = self.remember(hash, sought, found, (now, checked_at));
        // A rotation that came between the answer and its being remembered.
        if verified.form == Form::Cookie && self.is_retired(&hash) {
            self.forget(&hash);
            return Err(refused());
        }
        Ok(verified)
    }

    /// The session has ended: its tokens are worth nothing from now on.
    pub async fn end(&self, session: SessionId, now: Timestamp) {
        self.cache.put(Key::EndedSession(session), now.seconds(), ENDED_SECONDS, now).await;
    }

    /// Nothing is remembered: each session is asked for in the database with its next request.
    pub fn forget_all(&self) {
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A cookie was replaced, by its hash: it is worth nothing from now on.
    pub fn retire(&self, cookie_hash: [u8; 32], now: Timestamp) {
        let mut retired = self.retired.write().unwrap_or_else(PoisonError::into_inner);
        retired.retain(|_, at| now.micros_since(*at) < RETIRED_SECONDS * 1_000_000);
        retired.insert(cookie_hash, now);
        drop(retired);
        self.forget(&cookie_hash);
    }

    /// Whether this proof is shown for the first time, on any node. [`Gone`]: nobody knows.
    pub async fn first_use(
        &self,
        proof: [u8; 16],
        seconds: i64,
        now: Timestamp,
    ) -> Result<bool, Gone> {
        self.cache.put_new(Key::ShownOnce(proof), now.seconds(), seconds, now).await
    }

    fn get(&self, hash: &[u8; 32]) -> Option<Arc<Verified>> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    fn forget(&self, hash: &[u8; 32]) {
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }

    fn is_retired(&self, hash: &[u8; 32]) -> bool {
        self.retired.read().unwrap_or_else(PoisonError::into_inner).contains_key(hash)
    }

    async fn has_ended(&self, session: SessionId, now: Timestamp) -> bool {
        self.cache.get(Key::EndedSession(session), now).await.is_some()
    }

    fn remember(
        &self,
        hash: [u8; 32],
        sought: Sought,
        found: Found,
        (now, checked_at): (Timestamp, Timestamp),
    ) -> Arc<Verified> {
        let Found { row, principal } = found;
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tokens.get(&hash).filter(|v| v.principal == principal) {
            if checked_at != NEVER {
                known.checked_at.store(checked_at.micros(), Ordering::Relaxed);
            }
            return Arc::clone(known);
        }
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, v| now < v.token.expires_at);
            if tokens.len() >= MAX_TOKENS {
                tokens.clear();
            }
        }
        let token = match sought {
            Sought::Session(token) => token,
            Sought::Cookie(_) => Token {
                principal: row.principal,
                session: row.id,
                expires_at: row.expires_at,
                device_key: None,
            },
        };
        let (kind, actor) = (row.principal.kind(), Some(*row.principal.bytes()));
        let home = Origin::new(kind, actor, Some(row.id), row.address, row.agent);
        let verified = Arc::new(Verified {
            token,
            form: row.form,
            principal,
            checked_at: AtomicI64::new(checked_at.micros()),
            places: RwLock::new(vec![home]),
        });
        tokens.insert(hash, Arc::clone(&verified));
        verified
    }
}

impl Carried<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Token(text) | Self::Cookie(text) => text,
        }
    }

    fn form(&self) -> Form {
        match self {
            Self::Token(_) => Form::Bearer,
            Self::Cookie(_) => Form::Cookie,
        }
    }
}

/// A second, and less where the idle limit itself is a second or two.
fn recheck_micros(bank: &Bank) -> i64 {
    let idle_seconds = bank.config().sessions.idle_limit_seconds();
    RECHECK_MICROS.min(idle_seconds.saturating_mul(1_000_000) / 4)
}

/// Asks the database whether the session lives and its holder is active; notes its use. One that is past
/// a limit is ended in its row.
async fn check(
    bank: &Bank,
    sought: Sought,
    (visit, now): (Visit, Timestamp),
) -> Result<Option<Found>, Problem> {
    let idle_seconds = bank.config().sessions.idle_limit_seconds();
    let read = move |tx: &mut Tx<'_>| -> Result<Option<(SessionRow, Option<Principal>)>, Problem> {
        let Some(row) = find(tx, sought)? else { return Ok(None) };
        let principal = holder(tx, &row)?;
        Ok(Some((row, principal)))
    };
    let Some((row, principal)) = bank.db().read("sessions.check", read).await? else {
        return Ok(None);
    };
    match row.life(now, idle_seconds) {
        Life::Live => {}
        Life::Ended | Life::Unclear => return Ok(None),
        Life::Over(reason) => {
            end_over(bank, row.id, reason).await;
            return Ok(None);
        }
    }
    let Some(principal) = principal else { return Ok(None) };
    let touch_micros = TOUCH_MICROS.min(idle_seconds.saturating_mul(1_000_000) / 4);
    if visit == Visit::Use && now.micros_since(row.last_used_at) > touch_micros {
        let session = row.id;
        let noted =
            bank.db().write("sessions.touch", move |tx| store::touch(tx, &session, now)).await;
        if let Err(error) = noted {
            // A session whose use is not noted ends earlier, which is the safe side; on a full disk
            // people can still read.
            let error: DbError = error;
            tracing::warn!(%error, "the use of a session was not noted");
        }
    }
    Ok(Some(Found { row, principal }))
}

/// The session that a token or cookie names, if it is of that form and bound to that key.
fn find(tx: &mut Tx<'_>, sought: Sought) -> Result<Option<SessionRow>, DbError> {
    match sought {
        Sought::Session(token) => {
            let found = store::get(tx, &token.session)?;
            Ok(found.filter(|row| {
                row.principal == token.principal
                    && row.device_key == token.device_key
                    && row.form == Form::Bearer
            }))
        }
        Sought::Cookie(hash) => {
            let found = store::by_cookie(tx, &hash)?;
            Ok(found.filter(|row| row.form == Form::Cookie))
        }
    }
}

fn holder(tx: &mut Tx<'_>, row: &SessionRow) -> Result<Option<Principal>, DbError> {
    match row.principal {
        PrincipalRef::Customer(id) => {
            let is_active = store::principal_active(tx, &row.principal)?;
            Ok(is_active.then_some(Principal::Customer(id)))
        }
        PrincipalRef::Staff(id) => {
            let role = store::staff_role(tx, &row.principal)?.and_then(|role| role.parse().ok());
            Ok(role.map(|role| Principal::Staff(id, role)))
        }
    }
}

/// So that it does not come back to life with a clock that is set back. Where it cannot be written it is
/// refused all the same, and the job ends it later.
async fn end_over(bank: &Bank, session: SessionId, reason: &'static str) {
    let act = bank.system_act("sessions.limits");
    let end = move |tx: &mut Tx<'_>| super::end_in(tx, &act, &session, reason);
    let ended: Result<bool, DbError> = bank.db().write("sessions.end_over", end).await;
    if let Err(error) = ended {
        tracing::warn!(session_id = %session, %error, "a session past its limit was not ended");
    }
}

#[cfg(test)]
mod tests;
