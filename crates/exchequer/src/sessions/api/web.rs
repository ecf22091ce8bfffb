//! `/v1/web/session`: the sign-in of a browser, with a cookie in place of tokens.
//!
//! The same two steps as with tokens, judged by the same code. A request that sets the cookie must come
//! from a page of the bank: else somebody else's page could sign a customer in as another.

use money::{ChallengeId, SessionId};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::sign_in::{Entrance, SignedIn};
use super::super::web;
use super::challenges::{AnswerChallenge, Done, Verified, judge};
use super::sign_in::{Admitted, LogIn, MfaRequired, admit, no_operator};
use crate::attempts::Realm;
use crate::http::{
    Answer, Code, Context, Customer, Empty, Json, Nothing, Path, Problem, Public, Reply, Route,
    Routes,
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .public(
            "signing in is how a caller becomes known",
            Route::post("/v1/web/session", "openWebSession", "Sign a browser in")
                .without_key()
                .answers(200)
                .refuses(&[
                    Code::CrossSiteRefused,
                    Code::LockedOut,
                    Code::InvalidCredentials,
                    Code::AccountDisabled,
                    Code::TooManySessions,
                ]),
            open,
        )
        .public(
            "the challenge's id and a code are the proof",
            Route::post(
                "/v1/web/session/challenges/{id}/verify",
                "answerWebChallenge",
                "Complete a browser's sign-in with a second factor",
            )
            .without_key()
            .answers(200)
            .refuses(&[
                Code::CrossSiteRefused,
                Code::LockedOut,
                Code::InvalidCode,
                Code::AccountDisabled,
                Code::TooManySessions,
            ]),
            answer_challenge,
        )
        .customer(
            // Who came with a token has no browser's session.
            Route::get("/v1/web/session", "getWebSession", "This browser's session and its token")
                .refuses(&[Code::NotFound]),
            show,
        )
        .customer(
            Route::get("/v1/web/session/limits", "getWebSessionLimits", "When this session ends")
                .refuses(&[Code::NotFound])
                .peeks(),
            limits,
        )
        .customer(Route::delete("/v1/web/session", "endWebSession", "Sign this browser out"), close)
}

/// A browser's session. Its cookie is in `Set-Cookie` and nowhere else.
#[derive(Serialize, ToSchema)]
pub struct WebSession {
    /// `authenticated`
    status: &'static str,
    session_id: String,
    /// For `X-CSRF-Token`, or the form field `csrf_token`, of every request that changes something.
    csrf_token: String,
    #[serde(flatten)]
    limits: WebSessionLimits,
    /// From a new device only: what it keeps and sends with its next sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
}

/// When a browser's session ends.
#[derive(Serialize, ToSchema)]
pub struct WebSessionLimits {
    /// When it ends without being used; use moves it.
    idle_expires_at: String,
    /// When it ends however much it is used.
    expires_at: String,
}

/// A sign-in that is complete, or its first half.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum WebSignInAnswer {
    Complete(WebSession),
    SecondFactor(MfaRequired),
}

/// By what the challenge was for: a session, or a proof.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum WebChallengeAnswer {
    SignIn(WebSession),
    Proof(Verified),
}

async fn open(caller: Public, Json(body): Json<LogIn>) -> Answer<WebSignInAnswer> {
    caller.require_own_page()?;
    let LogIn { email, password, device_token } = body;
    let entrance = Entrance { realm: Realm::Customer, email, device_token };
    match admit(&caller, entrance, password, web::opening(&caller)).await? {
        Admitted::Open(signed_in) => {
            let (session, cookie) = told(&caller, *signed_in).await?;
            Ok(Reply::ok(&WebSignInAnswer::Complete(session)).with_cookie(cookie))
        }
        Admitted::Challenge(challenge) => {
            let required = MfaRequired { status: "mfa_required", challenge };
            Ok(Reply::ok(&WebSignInAnswer::SecondFactor(required)))
        }
        Admitted::Renewal(_) => Err(no_operator()),
    }
}

async fn answer_challenge(
    caller: Public,
    (Path(id), Json(body)): (Path<ChallengeId>, Json<AnswerChallenge>),
) -> Answer<WebChallengeAnswer> {
    caller.require_own_page()?;
    match judge(&caller, id, body, web::opening(&caller)).await? {
        Done::SignIn(signed_in) => {
            let (session, cookie) = told(&caller, signed_in).await?;
            Ok(Reply::ok(&WebChallengeAnswer::SignIn(session)).with_cookie(cookie))
        }
        Done::Proof(proof) => Ok(Reply::ok(&WebChallengeAnswer::Proof(proof.into()))),
    }
}

/// Not there for a session of tokens, which has no need of it.
async fn show(caller: Customer, _: Nothing) -> Answer<WebSession> {
    if caller.cookie().is_none() {
        return Err(Problem::new(Code::NotFound));
    }
    let session = caller.session();
    Ok(Reply::ok(&WebSession {
        status: "authenticated",
        session_id: session.to_string(),
        csrf_token: web::csrf_token(caller.bank().tools(), &session),
        limits: limits_of(&caller, session).await?,
        device_token: None,
    }))
}

/// For the timer of a page: asking is no use of the session. Not there for a session of tokens.
async fn limits(caller: Customer, _: Nothing) -> Answer<WebSessionLimits> {
    if caller.cookie().is_none() {
        return Err(Problem::new(Code::NotFound));
    }
    Ok(Reply::ok(&limits_of(&caller, caller.session()).await?))
}

/// As its row says: what the next request is judged by. The row is behind the last use by half a minute at most.
pub async fn limits_of(caller: &Context, session: SessionId) -> Result<WebSessionLimits, Problem> {
    let idle_seconds = caller.bank().config().sessions.idle_limit_seconds();
    let found =
        caller.read("sessions.limits_of", move |tx| Ok(super::super::find(tx, &session)?)).await?;
    let row = found.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    Ok(WebSessionLimits {
        idle_expires_at: row
            .last_used_at
            .plus_seconds(idle_seconds)
            .min(row.expires_at)
            .to_string(),
        expires_at: row.expires_at.to_string(),
    })
}

async fn close(caller: Customer, _: Nothing) -> Answer<Empty> {
    let reply = super::sign_out(&caller, caller.session()).await?;
    Ok(reply.with_cookie(web::clear_cookie(caller.bank().config())))
}

async fn told(
    caller: &Public,
    signed_in: SignedIn,
) -> Result<(WebSession, http::HeaderValue), Problem> {
    let SignedIn { principal, opened, device_token } = signed_in;
    let web = web::signed_in(caller.bank(), principal, &opened).await;
    let session = WebSession {
        status: "authenticated",
        session_id: web.session.to_string(),
        csrf_token: web.csrf_token,
        limits: limits_of(caller, web.session).await?,
        device_token: device_token.map(|token| token.expose().to_owned()),
    };
    Ok((session, web.cookie))
}
