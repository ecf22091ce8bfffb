//! Sessions: signing in, access tokens that name a session, refresh tokens that rotate, a browser's
//! cookie.
//!
//! The truth is in the database; `cache` remembers a checked token for as long as nothing can have
//! ended its session unseen (one second). Every way to a token ends in [`open_in`] or [`refresh_in`],
//! and both pass `gate`: a disabled or locked holder gets nothing, whatever they bring.
//!
//! Order of locks: the refresh token, the holder, their sessions. So the cap holds under any race, and
//! a password change that ends all sessions leaves none that was opened beside it.
//!
//! What it never does: keep a token itself (only hashes are stored), or bring a session back. One that
//! was found past a limit is ended in its row, so that a clock set back does not wake it.

pub mod api;
pub mod cache;
pub mod dpop;
mod everybody;
mod gate;
pub mod job;
pub mod jws;
pub mod jwt;
pub mod model;
pub mod places;
pub mod sign_in;
mod store;
pub mod web;

use ::store::{DbError, Tx};
use money::{SessionId, Timestamp};
use serde_json::json;
use vault::{SecretString, random_token, token_hash};

use crate::bank::{Act, Bank};
use crate::config;
use crate::events;
use crate::http::{Code, Problem};

pub use self::everybody::end_everybodys_in;
pub use self::gate::GateRefusal;
pub use self::model::{Form, PrincipalRef, Tokens};
use self::places::Place;
pub use self::store::{Life, SessionRow, erase_in};

/// What a session is opened with. [`Opening::new`] is an ordinary one; the fields are to be set.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    pub rules: config::Sessions,
    /// The device that was known before: its locks are asked for, else those of all unknown devices.
    pub known_device: Option<[u8; 32]>,
    /// Hash of the token by which the device is known again.
    pub device: Option<[u8; 32]>,
    /// Thumbprint of the key that the client has shown with its sign-in: `caller.device_key()`. The
    /// session is then worth nothing without that key (RFC 9449).
    pub device_key: Option<[u8; 32]>,
    pub form: Form,
    /// When a second factor was shown, where this sign-in had one.
    pub proved_at: Option<Timestamp>,
    /// Hash of the cookie that the browser had: that session ends with this one's beginning.
    pub replaces: Option<[u8; 32]>,
}

/// A session just opened or refreshed: what its holder is told, once.
pub struct Opened {
    pub session: SessionId,
    /// A refresh token, or the cookie's value, by the form.
    pub credential: SecretString,
    pub device_key: Option<[u8; 32]>,
    /// Sessions that ended to make room: [`tokens`] and [`web::signed_in`] tell the cache.
    pub ended: Vec<SessionId>,
}

/// Why no session is opened, in the order in which it is decided. None of them is a failed sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenRefusal {
    Gate(GateRefusal),
    /// As many as are allowed, where `session_at_cap` is `refuse`.
    TooMany,
}

/// A refresh token as it was brought.
#[derive(Clone, Copy)]
pub struct Refreshing<'r> {
    pub token: &'r str,
    /// The key that the request has shown.
    pub device_key: Option<[u8; 32]>,
    pub rules: config::Sessions,
    /// The token's own life.
    pub refresh_seconds: i64,
}

/// Why a refresh token is not taken, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshRefusal {
    Unknown,
    /// The session is bound to a key that this request has not shown. Nothing ends: who has the token
    /// alone can do nothing with it, and shall not be able to end the session either.
    NoProof,
    /// It was used before: somebody else may hold a copy, so the session has ended.
    Used(SessionId),
    /// It began or was used in the future: a clock was set back, and nothing is known until it is right.
    Unclear,
    /// Past a limit, or ended before.
    Ended(SessionId),
    Gate(GateRefusal),
    /// It came from elsewhere, and the policy ends such a session.
    Moved(SessionId),
}

impl OpenRefusal {
    pub fn code(self) -> Code {
        match self {
            Self::Gate(refusal) => refusal.code(),
            Self::TooMany => Code::TooManySessions,
        }
    }
}

impl From<OpenRefusal> for Problem {
    fn from(refusal: OpenRefusal) -> Self {
        match refusal {
            OpenRefusal::Gate(refusal) => refusal.into(),
            OpenRefusal::TooMany => Self::new(Code::TooManySessions),
        }
    }
}

impl Opening {
    /// Bearer tokens, on no known device, with no second factor.
    pub fn new(rules: &config::Sessions) -> Self {
        Self {
            rules: *rules,
            known_device: None,
            device: None,
            device_key: None,
            form: Form::Bearer,
            proved_at: None,
            replaces: None,
        }
    }
}

/// Opens a session for a principal whose sign-in is complete. At the cap the oldest ends, or this one is
/// refused, by the rules. A refusal is recorded: the transaction is to be committed in any case.
pub fn open_in(
    tx: &mut Tx<'_>,
    act: &Act,
    principal: PrincipalRef,
    opening: &Opening,
) -> Result<Result<Opened, OpenRefusal>, DbError> {
    let refused = |tx: &mut Tx<'_>, refusal: OpenRefusal| {
        let (action, resource) = ("session.open_refused", principal.to_string());
        events::record(tx, act, action, &resource, refusal.code().as_str(), None)?;
        Ok(Err(refusal))
    };
    if let Err(refusal) = gate::pass(tx, act, &principal, opening.known_device.as_ref())? {
        return refused(tx, OpenRefusal::Gate(refusal));
    }
    let replaced = replace(tx, act, opening.replaces.as_ref())?;
    let Some(mut ended) = make_room(tx, act, &principal, &opening.rules)? else {
        return refused(tx, OpenRefusal::TooMany);
    };
    ended.extend(replaced);
    let session: SessionId = act.id();
    let credential = random_token(act.tools.rng());
    let hash = token_hash(credential.expose());
    let row = SessionRow {
        id: session,
        principal,
        created_at: act.now,
        last_used_at: act.now,
        expires_at: act.now.plus_seconds(opening.rules.absolute_limit_seconds()),
        ended_at: None,
        address: act.origin.address().to_owned(),
        agent: act.origin.agent().to_owned(),
        form: opening.form,
        device: opening.device,
        device_key: opening.device_key,
        proved_at: opening.proved_at,
    };
    match opening.form {
        Form::Bearer => {
            store::insert(tx, &row, None)?;
            store::insert_refresh(tx, &hash, &session, act.now)?;
        }
        Form::Cookie => store::insert(tx, &row, Some(&hash))?,
    }
    let after = json!({
        "form": opening.form.as_str(),
        "bound": opening.device_key.is_some(),
        "proved": opening.proved_at.is_some(),
    });
    let what = ("session.opened", &*session.to_string(), "done");
    events::record_of(tx, act, what, principal.customer(), Some(&after))?;
    Ok(Ok(Opened { session, credential, device_key: opening.device_key, ended }))
}

/// Takes a refresh token and gives the next one. What a refusal ended stays ended: the transaction is to
/// be committed in any case.
pub fn refresh_in(
    tx: &mut Tx<'_>,
    act: &Act,
    refreshing: &Refreshing<'_>,
) -> Result<Result<(PrincipalRef, Opened), RefreshRefusal>, DbError> {
    let hash = token_hash(refreshing.token);
    let Some(found) = store::lock_refresh(tx, &hash)? else {
        return Ok(Err(RefreshRefusal::Unknown));
    };
    let Some(row) = store::get(tx, &found.session)? else {
        return Ok(Err(RefreshRefusal::Unknown));
    };
    if row.device_key.is_some() && row.device_key != refreshing.device_key {
        return Ok(Err(RefreshRefusal::NoProof));
    }
    if found.used {
        end_in(tx, act, &row.id, "refresh_token_reused")?;
        return Ok(Err(RefreshRefusal::Used(row.id)));
    }
    if row.life(act.now, refreshing.rules.idle_limit_seconds()) == Life::Unclear {
        return Ok(Err(RefreshRefusal::Unclear));
    }
    let is_fresh = act.now < found.issued_at.plus_seconds(refreshing.refresh_seconds);
    if !is_fresh || !is_live_in(tx, act, &row, &refreshing.rules)? {
        return Ok(Err(RefreshRefusal::Ended(row.id)));
    }
    if let Err(refusal) = gate::pass(tx, act, &row.principal, row.device.as_ref())? {
        return Ok(Err(RefreshRefusal::Gate(refusal)));
    }
    // The gate may have waited for whoever ends all sessions.
    if store::get(tx, &row.id)?.is_none_or(|row| row.ended_at.is_some()) {
        return Ok(Err(RefreshRefusal::Ended(row.id)));
    }
    if !places::arrive_in(tx, act, &row, &Place::of(&act.origin), &refreshing.rules)?.stays() {
        return Ok(Err(RefreshRefusal::Moved(row.id)));
    }
    store::mark_used(tx, &hash, act.now)?;
    store::touch(tx, &row.id, act.now)?;
    let credential = random_token(act.tools.rng());
    store::insert_refresh(tx, &token_hash(credential.expose()), &row.id, act.now)?;
    let (session, device_key) = (row.id, row.device_key);
    Ok(Ok((row.principal, Opened { session, credential, device_key, ended: Vec::new() })))
}

/// Ends a session; false when it had ended before. After the commit: [`api::forget`].
pub fn end_in(
    tx: &mut Tx<'_>,
    act: &Act,
    session: &SessionId,
    reason: &'static str,
) -> Result<bool, DbError> {
    let Some(holder) = store::end(tx, session, act.now, reason)? else { return Ok(false) };
    record_ended(tx, act, (session, holder), reason)?;
    Ok(true)
}

/// Ends all sessions of a principal, in one statement: at a change of password, when an operator locks the
/// holder, or when they are disabled. Gives those that ended; after the commit: [`api::forget`].
pub fn end_all_in(
    tx: &mut Tx<'_>,
    act: &Act,
    principal: PrincipalRef,
    reason: &'static str,
) -> Result<Vec<SessionId>, DbError> {
    // So that a sign-in under way either comes before, and ends, or finds what was changed.
    gate::lock(tx, &principal)?;
    let ended = store::end_all(tx, &principal, (act.now, reason))?;
    for session in &ended {
        record_ended(tx, act, (session, principal), reason)?;
    }
    Ok(ended)
}

fn record_ended(
    tx: &mut Tx<'_>,
    act: &Act,
    (session, holder): (&SessionId, PrincipalRef),
    reason: &'static str,
) -> Result<(), DbError> {
    let after = json!({ "reason": reason });
    let what = ("session.ended", &*session.to_string(), "done");
    events::record_of(tx, act, what, holder.customer(), Some(&after))
}

/// A second factor was shown in this session.
pub fn mark_proved_in(tx: &mut Tx<'_>, session: &SessionId, now: Timestamp) -> Result<(), DbError> {
    store::mark_proved(tx, session, now)
}

/// When a second factor was last shown in this session; none for an unknown session.
pub fn proved_at(tx: &mut Tx<'_>, session: &SessionId) -> Result<Option<Timestamp>, DbError> {
    Ok(store::get(tx, session)?.and_then(|row| row.proved_at))
}

/// A session's row; none for an unknown one.
pub fn find(tx: &mut Tx<'_>, session: &SessionId) -> Result<Option<SessionRow>, DbError> {
    store::get(tx, session)
}

/// When a session was signed in to, which no refresh changes; none for an unknown session.
pub fn opened_at(tx: &mut Tx<'_>, session: &SessionId) -> Result<Option<Timestamp>, DbError> {
    Ok(store::get(tx, session)?.map(|row| row.created_at))
}

/// The known device that a session was opened on.
pub fn device_of(tx: &mut Tx<'_>, session: &SessionId) -> Result<Option<[u8; 32]>, DbError> {
    Ok(store::get(tx, session)?.and_then(|row| row.device))
}

/// The live sessions of a principal, newest first; at most as many as were ever allowed at once.
pub fn list(
    tx: &mut Tx<'_>,
    principal: &PrincipalRef,
    now: Timestamp,
    rules: &config::Sessions,
) -> Result<Vec<SessionRow>, DbError> {
    let mut rows = store::of_principal(tx, principal)?;
    rows.retain(|row| row.life(now, rules.idle_limit_seconds()) == Life::Live);
    Ok(rows)
}

/// The answer to a completed sign-in or refresh, after its commit: also tells the cache which sessions
/// ended to make room.
pub async fn tokens(
    bank: &Bank,
    principal: PrincipalRef,
    opened: &Opened,
) -> Result<Tokens, DbError> {
    api::forget(bank, &opened.ended).await;
    let config = &bank.config().tokens;
    let now = bank.tools().now();
    let bound = (opened.session, opened.device_key);
    let access_token = jwt::issue(bank.tools(), config, principal, bound, now)?;
    Ok(Tokens {
        status: "authenticated",
        access_token,
        token_type: if opened.device_key.is_some() { "DPoP" } else { "Bearer" },
        expires_in: config.access_seconds,
        refresh_token: opened.credential.expose().to_owned(),
        session_id: opened.session.to_string(),
        device_token: None,
    })
}

/// Whether a session lives. One that is past a limit is ended here, for good.
fn is_live_in(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &SessionRow,
    rules: &config::Sessions,
) -> Result<bool, DbError> {
    match row.life(act.now, rules.idle_limit_seconds()) {
        Life::Live => Ok(true),
        Life::Over(reason) => {
            end_in(tx, act, &row.id, reason)?;
            Ok(false)
        }
        Life::Ended | Life::Unclear => Ok(false),
    }
}

/// So that one browser takes one place, and a cookie that somebody planted leads nowhere.
fn replace(
    tx: &mut Tx<'_>,
    act: &Act,
    cookie_hash: Option<&[u8; 32]>,
) -> Result<Option<SessionId>, DbError> {
    let Some(hash) = cookie_hash else { return Ok(None) };
    let Some(row) = store::by_cookie(tx, hash)? else { return Ok(None) };
    Ok(end_in(tx, act, &row.id, "signed_in_anew")?.then_some(row.id))
}

/// Ends the oldest live sessions until one more fits; none where the rules refuse the new one instead.
/// The holder is locked.
fn make_room(
    tx: &mut Tx<'_>,
    act: &Act,
    principal: &PrincipalRef,
    rules: &config::Sessions,
) -> Result<Option<Vec<SessionId>>, DbError> {
    let mut rows = store::of_principal(tx, principal)?;
    // Those past a limit take no place; whoever brings them, or the job, ends them.
    rows.retain(|row| !matches!(row.life(act.now, rules.idle_limit_seconds()), Life::Over(_)));
    rows.sort_by_key(|row| (row.created_at, row.id));
    let most = usize::try_from(rules.max).unwrap_or(usize::MAX);
    let surplus = rows.len().saturating_add(1).saturating_sub(most);
    if surplus > 0 && rules.at_cap == config::AtCap::Refuse {
        return Ok(None);
    }
    let mut ended = Vec::with_capacity(surplus);
    for row in rows.iter().take(surplus) {
        end_in(tx, act, &row.id, "session_cap")?;
        ended.push(row.id);
    }
    Ok(Some(ended))
}
