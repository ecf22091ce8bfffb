//! Sessions: signing in, access tokens that name a session, refresh tokens that rotate.
//!
//! The truth is in the database; `cache` remembers a checked token for as long as nothing can have
//! ended its session unseen (one second). Every way to a token ends in [`open_in`].

pub mod api;
pub mod cache;
pub mod jwt;
pub mod model;
mod store;

use ::store::{DbError, Tx};
use money::{SessionId, Timestamp};
use vault::{random_token, token_hash};

use crate::bank::{Act, Bank};
use crate::events;
pub use store::SessionRow;

use self::model::{PrincipalRef, Tokens};

/// A session just opened or refreshed: what its holder is told, once.
pub struct Opened {
    pub session: SessionId,
    pub refresh_token: vault::SecretString,
}

/// Why a refresh token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshRefusal {
    Unknown,
    /// It was used before: somebody else may hold a copy, so the session has ended.
    Used,
    Ended,
}

/// Opens a session for a principal whose sign-in is complete.
pub fn open_in(
    tx: &mut Tx<'_>,
    act: &Act,
    principal: PrincipalRef,
    absolute_seconds: i64,
) -> Result<Opened, DbError> {
    let session: SessionId = act.id();
    let expires_at = act.now.plus_seconds(absolute_seconds);
    let row = SessionRow {
        id: session,
        principal,
        created_at: act.now,
        last_used_at: act.now,
        expires_at,
        ended_at: None,
        address: act.origin.address().to_owned(),
        agent: act.origin.agent().to_owned(),
    };
    store::insert(tx, &row)?;
    let refresh_token = issue_refresh(tx, act, &session)?;
    events::record(tx, act, "session.opened", &session.to_string(), "done", None)?;
    Ok(Opened { session, refresh_token })
}

/// Takes a refresh token and gives the next one. `idle_seconds` is the session's limit,
/// `refresh_seconds` the token's own.
pub fn refresh_in(
    tx: &mut Tx<'_>,
    act: &Act,
    token: &str,
    (idle_seconds, refresh_seconds): (i64, i64),
) -> Result<Result<(PrincipalRef, Opened), RefreshRefusal>, DbError> {
    let Some(found) = store::lock_refresh(tx, &token_hash(token))? else {
        return Ok(Err(RefreshRefusal::Unknown));
    };
    let Some(row) = store::get(tx, &found.session)? else {
        return Ok(Err(RefreshRefusal::Unknown));
    };
    if found.used {
        end_in(tx, act, &row.id, "refresh_token_reused")?;
        return Ok(Err(RefreshRefusal::Used));
    }
    let is_fresh = act.now < found.issued_at.plus_seconds(refresh_seconds);
    if !is_fresh
        || !row.is_live(act.now, idle_seconds)
        || !store::principal_active(tx, &row.principal)?
    {
        return Ok(Err(RefreshRefusal::Ended));
    }
    store::mark_used(tx, &token_hash(token), act.now)?;
    store::touch(tx, &row.id, act.now)?;
    let refresh_token = issue_refresh(tx, act, &row.id)?;
    Ok(Ok((row.principal, Opened { session: row.id, refresh_token })))
}

/// Ends a session; false when it had ended before.
pub fn end_in(
    tx: &mut Tx<'_>,
    act: &Act,
    session: &SessionId,
    reason: &'static str,
) -> Result<bool, DbError> {
    let ended = store::end(tx, session, act.now, reason)?;
    if ended {
        let after = serde_json::json!({ "reason": reason });
        events::record(tx, act, "session.ended", &session.to_string(), "done", Some(&after))?;
    }
    Ok(ended)
}

/// The live sessions of a principal, newest first.
pub fn list(
    tx: &mut Tx<'_>,
    principal: &PrincipalRef,
    now: Timestamp,
    idle_seconds: i64,
) -> Result<Vec<SessionRow>, DbError> {
    let mut rows = store::of_principal(tx, principal)?;
    rows.retain(|row| row.is_live(now, idle_seconds));
    Ok(rows)
}

/// The answer to a completed sign-in or refresh.
pub fn tokens(bank: &Bank, principal: PrincipalRef, opened: &Opened) -> Result<Tokens, DbError> {
    let config = &bank.config().tokens;
    let now = bank.tools().now();
    let access_token = jwt::issue(bank.tools(), config, principal, &opened.session, now)?;
    Ok(Tokens {
        status: "authenticated",
        access_token,
        token_type: "Bearer",
        expires_in: config.access_seconds,
        refresh_token: opened.refresh_token.expose().to_owned(),
        session_id: opened.session.to_string(),
    })
}

fn issue_refresh(
    tx: &mut Tx<'_>,
    act: &Act,
    session: &SessionId,
) -> Result<vault::SecretString, DbError> {
    let token = random_token(act.tools.rng());
    store::insert_refresh(tx, &token_hash(token.expose()), session, act.now)?;
    Ok(token)
}
