//! `/v1/auth`, `/v1/sessions` and the published keys.
//!
//! Whether an e-mail is known shows neither in the answer of a sign-in nor in the work behind it: one
//! look-up, one hash, one event. Ending a session is told to this node's cache after the commit, so
//! that the very next request with its token is refused.

use data_encoding::BASE64URL_NOPAD;
use money::{ChallengeId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use vault::token_hash;

use super::model::{PrincipalRef, Tokens};
use super::{Opened, RefreshRefusal, SessionRow, store};
use crate::accounts::api::PageQuery;
use crate::customers::hashing::Checked;
use crate::customers::model::Email;
use crate::customers::{self, Credentials};
use crate::http::fields::Fields;
use crate::http::{
    Answer, Code, Context, Customer, Empty, Json, Nothing, Page, Path, Problem, Public, Query,
    Reply, Route, Routes,
};
use crate::staff::{self, ChallengeRefusal};
use crate::{bank::Bank, events};

pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .public(
            "signing in is how a caller becomes known",
            Route::post("/v1/auth/login", "logIn", "Sign in with e-mail and password")
                .without_key()
                .answers(200)
                .refuses(&[Code::InvalidCredentials]),
            log_in,
        )
        .public(
            "the challenge's id and a code are the proof",
            Route::post(
                "/v1/auth/challenges/{id}/verify",
                "answerChallenge",
                "Complete a sign-in with a second factor",
            )
            .without_key()
            .answers(200)
            .refuses(&[Code::InvalidCode]),
            answer_challenge,
        )
        .public(
            "the refresh token is the proof",
            Route::post("/v1/auth/refresh", "refreshTokens", "A new pair of tokens")
                .without_key()
                .answers(200)
                .refuses(&[Code::InvalidRefreshToken]),
            refresh,
        );
    routes
        .customer(
            Route::post("/v1/auth/logout", "logOut", "End this session").without_key().answers(204),
            log_out,
        )
        .customer(
            Route::get("/v1/sessions", "listSessions", "Own live sessions, newest first"),
            list,
        )
        .customer(Route::delete("/v1/sessions/{id}", "endSession", "End one session"), end_one)
        .customer(Route::delete("/v1/sessions", "endSessions", "End all sessions"), end_all)
        .public(
            "whoever verifies our tokens needs the public keys",
            Route::get("/.well-known/jwks.json", "getKeySet", "The keys that sign access tokens"),
            key_set,
        )
}

/// E-mail and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    email: String,
    #[schema(format = Password)]
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerChallenge {
    /// One of the challenge's `methods`: `totp`.
    #[schema(example = "totp")]
    method: String,
    /// Six digits.
    code: String,
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
    /// The network address that the session was opened from.
    address: String,
    /// The `User-Agent` that it was opened with.
    agent: String,
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

async fn log_in(caller: Public, Json(body): Json<LogIn>) -> Answer<Tokens> {
    let bank = caller.bank().clone();
    let email: Option<Email> = body.email.parse().ok();
    let found = match email {
        Some(email) => {
            let tools = bank.tools().clone();
            caller
                .read("customers.credentials", move |tx| {
                    Ok(customers::credentials(tx, &tools, &email)?)
                })
                .await?
        }
        // What is no e-mail address is nobody's.
        None => None,
    };
    let stored = found.as_ref().map(|known| known.password_hash.clone());
    let checked = bank.hashing().check(body.password, stored).await?;
    let id = found.as_ref().map(|known| known.id);
    let opened = match (checked, found) {
        (Checked::Right { upgraded }, Some(known)) if known.is_active => {
            open(&caller, known, upgraded).await?
        }
        (Checked::Right { .. } | Checked::Wrong, _) => None,
    };
    if let Some((principal, opened)) = opened {
        return Ok(Reply::ok(&super::tokens(&bank, principal, &opened)?));
    }
    let resource = id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    refuse_sign_in(&caller, resource, &body.email).await
}

/// Opens the session of a verified password, unless the customer changed meanwhile.
async fn open(
    caller: &Context,
    verified: Credentials,
    upgraded: Option<String>,
) -> Result<Option<(PrincipalRef, Opened)>, Problem> {
    let absolute_seconds = seconds(caller.bank().config().sessions.absolute_seconds);
    caller
        .write("sessions.open", move |tx, act| {
            if !customers::confirm_in(tx, act, &verified, upgraded.as_deref())? {
                return Ok(None);
            }
            let principal = PrincipalRef::Customer(verified.id);
            let opened = super::open_in(tx, act, principal, absolute_seconds)?;
            Ok(Some((principal, opened)))
        })
        .await
}

/// Records a failed sign-in and answers it. `resource` is whom the e-mail belongs to, or `unknown`.
pub async fn refuse_sign_in<T>(caller: &Context, resource: String, email: &str) -> Answer<T> {
    let email = email.trim().to_ascii_lowercase();
    let code = Code::InvalidCredentials;
    caller
        .write("sessions.refuse_sign_in", move |tx, act| {
            let after = json!({ "email": events::hashed(&act.tools, "email", &email) });
            let action = "session.sign_in_failed";
            events::record(tx, act, action, &resource, code.as_str(), Some(&after))
        })
        .await?;
    Err(Problem::new(code))
}

async fn answer_challenge(
    caller: Public,
    (Path(id), Json(body)): (Path<ChallengeId>, Json<AnswerChallenge>),
) -> Answer<Tokens> {
    let mut fields = Fields::default();
    if body.method != "totp" {
        fields.refuse("method", "not_offered", "one of the challenge's methods: totp");
    }
    let six_digits = body.code.len() == 6 && body.code.bytes().all(|b| b.is_ascii_digit());
    if !six_digits {
        fields.refuse("code", "invalid", "six digits");
    }
    let code = fields.finish(Some(body.code))?;
    let config = &caller.bank().config().sessions;
    let (absolute_seconds, lockout) = (seconds(config.absolute_seconds), config.lockout);
    let answered = caller
        .write("sessions.answer_challenge", move |tx, act| {
            match staff::answer_in(tx, act, (&id, &code), lockout)? {
                Ok(staff) => {
                    let principal = PrincipalRef::Staff(staff);
                    let opened = super::open_in(tx, act, principal, absolute_seconds)?;
                    Ok(Ok((principal, opened)))
                }
                // Not an error: the wrong code stays counted.
                Err(refusal) => Ok(Err(refusal)),
            }
        })
        .await?;
    match answered {
        Ok((principal, opened)) => {
            Ok(Reply::ok(&super::tokens(caller.bank(), principal, &opened)?))
        }
        Err(ChallengeRefusal::Unknown) => Err(Problem::new(Code::NotFound)),
        Err(ChallengeRefusal::Dead | ChallengeRefusal::WrongCode) => {
            Err(Problem::new(Code::InvalidCode))
        }
    }
}

async fn refresh(caller: Public, Json(body): Json<RefreshTokens>) -> Answer<Tokens> {
    let config = caller.bank().config();
    let limits = (seconds(config.sessions.idle_seconds), seconds(config.tokens.refresh_seconds));
    let token = vault::SecretString::new(body.refresh_token);
    let (refreshed, ended) = caller
        .write("sessions.refresh", move |tx, act| {
            let refreshed = super::refresh_in(tx, act, token.expose(), limits)?;
            let ended = match &refreshed {
                Err(RefreshRefusal::Used) => store::lock_refresh(tx, &token_hash(token.expose()))?,
                Err(RefreshRefusal::Unknown | RefreshRefusal::Ended) | Ok(_) => None,
            };
            Ok((refreshed, ended.map(|row| row.session)))
        })
        .await?;
    if let Some(session) = ended {
        forget(caller.bank(), &[session]).await;
    }
    match refreshed {
        Ok((principal, opened)) => {
            Ok(Reply::ok(&super::tokens(caller.bank(), principal, &opened)?))
        }
        Err(RefreshRefusal::Unknown | RefreshRefusal::Used | RefreshRefusal::Ended) => {
            Err(Problem::new(Code::InvalidRefreshToken))
        }
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
    let idle_seconds = seconds(caller.bank().config().sessions.idle_seconds);
    let (now, principal) = (caller.bank().tools().now(), PrincipalRef::Customer(caller.id()));
    let mut rows = caller
        .read("sessions.list", move |tx| Ok(super::list(tx, &principal, now, idle_seconds)?))
        .await?;
    rows.retain(|row| before.is_none_or(|before| row.id < before));
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > shown;
    rows.truncate(shown);
    let data: Vec<SessionView> = rows.iter().map(|row| view(row, caller.session())).collect();
    let next_cursor = data.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Reply::ok(&Page { data, next_cursor }))
}

/// Ending one that has ended already is the same as ending it.
async fn end_one(caller: Customer, Path(id): Path<SessionId>) -> Answer<Empty> {
    let principal = PrincipalRef::Customer(caller.id());
    let is_own = caller
        .write("sessions.end_one", move |tx, act| {
            let found = store::get(tx, &id)?.filter(|row| row.principal == principal);
            if found.is_some() {
                super::end_in(tx, act, &id, "ended_by_customer")?;
            }
            Ok(found.is_some())
        })
        .await?;
    if !is_own {
        return Err(Problem::new(Code::NotFound));
    }
    forget(caller.bank(), &[id]).await;
    Ok(Reply::no_content())
}

async fn end_all(caller: Customer, _: Nothing) -> Answer<Empty> {
    let principal = PrincipalRef::Customer(caller.id());
    let ended = caller
        .write("sessions.end_all", move |tx, act| {
            let mut ended = Vec::new();
            // Each round ends all that it found, so there is a last one.
            loop {
                let rows = store::of_principal(tx, &principal)?;
                if rows.is_empty() {
                    return Ok(ended);
                }
                for row in rows {
                    super::end_in(tx, act, &row.id, "ended_by_customer")?;
                    ended.push(row.id);
                }
            }
        })
        .await?;
    forget(caller.bank(), &ended).await;
    Ok(Reply::no_content())
}

async fn key_set(caller: Public, _: Nothing) -> Answer<KeySet> {
    let keys = caller.bank().tools().keyring().signing_keys().iter();
    let keys = keys
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

/// Only after the commit: a transaction that was rolled back has ended nothing.
async fn forget(bank: &Bank, sessions: &[SessionId]) {
    let now: Timestamp = bank.tools().now();
    for session in sessions {
        bank.sessions().end(*session, now).await;
    }
}

fn view(row: &SessionRow, current: SessionId) -> SessionView {
    SessionView {
        id: row.id.to_string(),
        created_at: row.created_at.to_string(),
        last_used_at: row.last_used_at.to_string(),
        expires_at: row.expires_at.to_string(),
        address: row.address.clone(),
        agent: row.agent.clone(),
        current: row.id == current,
    }
}

fn seconds(configured: u64) -> i64 {
    i64::try_from(configured).unwrap_or(i64::MAX)
}
