//! `/v1/web/session`: the sign-in of a browser, with a cookie in place of tokens.
//!
//! The same two steps as with tokens, judged by the same code. A request that sets the cookie must come
//! from a page of the bank: else somebody else's page could sign a customer in as another.

use money::ChallengeId;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::sign_in::{Entrance, SignedIn};
use super::super::web;
use super::challenges::{AnswerChallenge, Done, Verified, judge};
use super::sign_in::{Admitted, LogIn, MfaRequired, admit};
use crate::attempts::Realm;
use crate::http::{
    Answer, Code, Customer, Empty, Json, Nothing, Path, Problem, Public, Reply, Route, Routes,
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
            Route::get("/v1/web/session", "getWebSession", "This browser's session and its token"),
            show,
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
    /// From a new device only: what it keeps and sends with its next sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
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
            let (session, cookie) = told(&caller, *signed_in).await;
            Ok(Reply::ok(&WebSignInAnswer::Complete(session)).with_cookie(cookie))
        }
        Admitted::Challenge(challenge) => {
            let required = MfaRequired { status: "mfa_required", challenge };
            Ok(Reply::ok(&WebSignInAnswer::SecondFactor(required)))
        }
    }
}

async fn answer_challenge(
    caller: Public,
    (Path(id), Json(body)): (Path<ChallengeId>, Json<AnswerChallenge>),
) -> Answer<WebChallengeAnswer> {
    caller.require_own_page()?;
    match judge(&caller, id, body, web::opening(&caller)).await? {
        Done::SignIn(signed_in) => {
            let (session, cookie) = told(&caller, signed_in).await;
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
        device_token: None,
    }))
}

async fn close(caller: Customer, _: Nothing) -> Answer<Empty> {
    let reply = super::sign_out(&caller, caller.session()).await?;
    Ok(reply.with_cookie(web::clear_cookie(caller.bank().config())))
}

async fn told(caller: &Public, signed_in: SignedIn) -> (WebSession, http::HeaderValue) {
    let SignedIn { principal, opened, device_token } = signed_in;
    let web = web::signed_in(caller.bank(), principal, &opened).await;
    let session = WebSession {
        status: "authenticated",
        session_id: web.session.to_string(),
        csrf_token: web.csrf_token,
        device_token: device_token.map(|token| token.expose().to_owned()),
    };
    (session, web.cookie)
}
