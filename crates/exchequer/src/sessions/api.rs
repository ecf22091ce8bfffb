//! `/v1/auth`, `/v1/sessions` and the published keys.
//!
//! Whether an e-mail is known shows neither in the answer of a sign-in nor in the work behind it: one
//! look-up, one hash, one event. Ending a session is told to this node's cache after the commit, so
//! that the very next request with its token is refused.

pub mod challenges;
pub mod sign_in;
mod web;

use ::store::{DbError, Tx};
use data_encoding::BASE64URL_NOPAD;
use money::{SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::SecretString;

pub use self::web::{WebSessionLimits, limits_of};
use super::cache::ENDED_SECONDS;
use super::model::{PrincipalRef, Tokens};
use super::{GateRefusal, RefreshRefusal, Refreshing, SessionRow, store};
use crate::accounts::api::PageQuery;
use crate::bank::{Act, Bank};
use crate::http::{
    Answer, Code, Context, Customer, Empty, Json, Nothing, Page, Path, Problem, Public, Query,
    Reply, Route, Routes, StepUp,
};
use crate::stepup::{self, Asker, Bound, Freshness};

pub fn routes(routes: Routes) -> Routes {
    let routes = challenges::routes(sign_in::routes(routes)).public(
        "the refresh token is the proof",
        Route::post("/v1/auth/refresh", "refreshTokens", "A new pair of tokens")
            .without_key()
            .answers(200)
            .refuses(&[Code::InvalidDpopProof, Code::LockedOut, Code::InvalidRefreshToken]),
        refresh,
    );
    let routes = routes
        .customer(
            Route::post("/v1/auth/logout", "logOut", "End this session").without_key().answers(204),
            log_out,
        )
        .customer(
            Route::get("/v1/sessions", "listSessions", "Own live sessions, newest first"),
            list,
        )
        .customer(
            Route::delete("/v1/sessions/{id}", "endSession", "End one session")
                .refuses(&[Code::StepUpRequired]),
            end_one,
        )
        .customer(
            Route::delete("/v1/sessions", "endSessions", "End all sessions, this one too")
                .refuses(&[Code::StepUpRequired]),
            end_all,
        )
        .public(
            "whoever verifies our tokens needs the public keys",
            Route::get("/.well-known/jwks.json", "getKeySet", "The keys that sign access tokens"),
            key_set,
        );
    web::routes(routes)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshTokens {
    /// The newest of its session; it serves once.
    refresh_token: String,
}

/// Where and since when somebody is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    id: String,
    created_at: String,
    /// To within a minute.
    last_used_at: String,
    /// It ends at this time at the latest.
    expires_at: String,
    /// The network address that the session was opened from, or has moved to since.
    address: String,
    /// The `User-Agent` of there.
    agent: String,
    /// `bearer` or `cookie`.
    form: &'static str,
    /// Whether it is bound to a key of the device (DPoP).
    bound: bool,
    /// When a second factor was last shown in it.
    proved_at: Option<String>,
    /// The session of this very request.
    current: bool,
}

/// A JSON Web Key Set (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

/// An Ed25519 key (RFC 8037 §2).
#[derive(Serialize, ToSchema)]
pub struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    r#use: &'static str,
    kid: String,
    /// The public key, base64url.
    x: String,
}

async fn refresh(caller: Public, Json(body): Json<RefreshTokens>) -> Answer<Tokens> {
    let config = caller.bank().config();
    let (rules, device_key) = (config.sessions, caller.device_key());
    let refresh_seconds = i64::try_from(config.tokens.refresh_seconds).unwrap_or(i64::MAX);
    let token = SecretString::new(body.refresh_token);
    let refreshed = caller
        .write("sessions.refresh", move |tx, act| {
            let token = token.expose();
            let refreshing = Refreshing { token, device_key, rules, refresh_seconds };
            super::refresh_in(tx, act, &refreshing)
        })
        .await?;
    match refreshed {
        Ok((principal, opened)) => {
            Ok(Reply::ok(&super::tokens(caller.bank(), principal, &opened).await?))
        }
        Err(refusal) => Err(refuse_refresh(caller.bank(), refusal).await),
    }
}

/// Why a refresh token was not taken, as its holder reads it: one answer for all that could help a thief.
async fn refuse_refresh(bank: &Bank, refusal: RefreshRefusal) -> Problem {
    let invalid = Problem::new(Code::InvalidRefreshToken);
    match refusal {
        RefreshRefusal::Unknown | RefreshRefusal::Gate(GateRefusal::Inactive) => invalid,
        RefreshRefusal::Unclear => Problem::new(Code::Unavailable).cause("the clock was set back"),
        RefreshRefusal::NoProof => Problem::new(Code::InvalidDpopProof),
        RefreshRefusal::Used(session)
        | RefreshRefusal::Ended(session)
        | RefreshRefusal::Moved(session) => {
            forget(bank, &[session]).await;
            invalid
        }
        RefreshRefusal::Gate(locked @ GateRefusal::Locked { .. }) => locked.into(),
    }
}

async fn log_out(caller: Customer, _: Nothing) -> Answer<Empty> {
    sign_out(&caller, caller.session()).await
}

/// Ends the caller's own session.
pub async fn sign_out(caller: &Context, session: SessionId) -> Answer<Empty> {
    caller
        .write("sessions.sign_out", move |tx, act| super::end_in(tx, act, &session, "signed_out"))
        .await?;
    forget(caller.bank(), &[session]).await;
    Ok(Reply::no_content())
}

async fn list(caller: Customer, Query(page): Query<PageQuery>) -> Answer<Page<SessionView>> {
    let (limit, before) = (page.limit()?, page.cursor::<SessionId>()?);
    let rules = caller.bank().config().sessions;
    let (now, principal) = (caller.bank().tools().now(), PrincipalRef::Customer(caller.id()));
    let mut rows = caller
        .read("sessions.list", move |tx| Ok(super::list(tx, &principal, now, &rules)?))
        .await?;
    rows.retain(|row| before.is_none_or(|before| row.id < before));
    let data: Vec<SessionView> = rows.iter().map(|row| view(row, caller.session())).collect();
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}

/// Ending one that has ended already is the same as ending it. This very one ends like by signing out; for another
/// the customer shows that it is still them (ASVS 5.0, 7.5.2), or a thief could sign them out.
async fn end_one(
    caller: Customer,
    (Path(id), step_up): (Path<SessionId>, StepUp),
) -> Answer<Empty> {
    let (asker, principal) = (Asker::from(&caller), PrincipalRef::Customer(caller.id()));
    let ended = caller
        .write("sessions.end_one", move |tx, act| {
            if store::get(tx, &id)?.is_none_or(|row| row.principal != principal) {
                return Ok(Err(Problem::new(Code::NotFound)));
            }
            if id != asker.session {
                let what = Bound::new("session.end").part(id.bytes()).text("signing out elsewhere");
                if let Err(problem) = show_again_in(tx, act, &asker, what, step_up.proof())? {
                    return Ok(Err(problem));
                }
            }
            super::end_in(tx, act, &id, "ended_by_customer").map(Ok)
        })
        .await?;
    ended?;
    forget(caller.bank(), &[id]).await;
    Ok(Reply::no_content())
}

/// This one too: whoever fears that somebody else is signed in does not have to trust this device.
async fn end_all(caller: Customer, step_up: StepUp) -> Answer<Empty> {
    let (asker, principal) = (Asker::from(&caller), PrincipalRef::Customer(caller.id()));
    let ended = caller
        .write("sessions.end_all", move |tx, act| {
            let what = Bound::new("sessions.end_all").text("signing out everywhere");
            match show_again_in(tx, act, &asker, what, step_up.proof())? {
                Ok(()) => super::end_all_in(tx, act, principal, "ended_by_customer").map(Ok),
                Err(problem) => Ok(Err(problem)),
            }
        })
        .await?;
    forget(caller.bank(), &ended?).await;
    Ok(Reply::no_content())
}

/// A factor shown in this session lately, or for this act; without one the password, unless the sign-in has just shown
/// it.
fn show_again_in(
    tx: &mut Tx<'_>,
    act: &Act,
    asker: &Asker,
    what: Bound,
    proof: Option<&str>,
) -> Result<Result<(), Problem>, DbError> {
    stepup::require_in(tx, act, asker, &what.or_late_password(), proof, Freshness::Session)
}

async fn key_set(caller: Public, _: Nothing) -> Answer<KeySet> {
    let (tools, config) = (caller.bank().tools(), &caller.bank().config().tokens);
    let (ring, now) = (tools.keyring(), tools.now());
    let keys = ring.signing_keys().iter();
    let keys = keys
        .filter(|key| super::jwt::still_verifies(key, config, now))
        .map(|key| PublicKey {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            r#use: "sig",
            kid: key.kid().to_owned(),
            x: BASE64URL_NOPAD.encode(key.public_key()),
        })
        .collect();
    Ok(Reply::ok(&KeySet { keys }))
}

/// Tells the cache that sessions have ended. Only after the commit: a transaction that was rolled back has
/// ended nothing.
pub async fn forget(bank: &Bank, sessions: &[SessionId]) {
    let now: Timestamp = bank.tools().now();
    for session in sessions {
        bank.sessions().end(*session, now).await;
    }
}

/// The same for those of one principal that ended just now, by an act whose answer is kept with its key: a repeated
/// request, whose first answer was lost before the cache was told, tells it too.
///
/// Errors: `unavailable`; the same request again does what was left.
pub async fn forget_ended(caller: &Context, who: PrincipalRef) -> Result<(), Problem> {
    let since = caller.bank().tools().now().plus_seconds(-ENDED_SECONDS);
    let ended =
        caller.read("sessions.ended", move |tx| Ok(store::ended_since(tx, &who, since)?)).await?;
    forget(caller.bank(), &ended).await;
    Ok(())
}

fn view(row: &SessionRow, current: SessionId) -> SessionView {
    SessionView {
        id: row.id.to_string(),
        created_at: row.created_at.to_string(),
        last_used_at: row.last_used_at.to_string(),
        expires_at: row.expires_at.to_string(),
        address: row.address.clone(),
        agent: row.agent.clone(),
        form: row.form.as_str(),
        bound: row.device_key.is_some(),
        proved_at: row.proved_at.map(|at| at.to_string()),
        current: row.id == current,
    }
}
