//! `/v1/auth/login`: the first step of a sign-in, and what a complete one is answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::model::Tokens;
use super::super::sign_in::{self, Entrance, Passed, SignedIn};
use super::super::{Opening, tokens};
use crate::attempts::{Locked, Realm};
use crate::bank::Bank;
use crate::challenges::Asked;
use crate::customers::hashing::Checked;
use crate::http::{Answer, Code, Json, Problem, Public, Reply, Route, Routes};
use crate::staff::renewal::Renewing;

pub fn routes(routes: Routes) -> Routes {
    routes.public(
        "signing in is how a caller becomes known",
        Route::post("/v1/auth/login", "logIn", "Sign in with e-mail and password")
            .without_key()
            .answers(200)
            .refuses(&[
                Code::LockedOut,
                Code::InvalidCredentials,
                Code::AccountDisabled,
                Code::TooManySessions,
            ]),
        log_in,
    )
}

/// E-mail and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    pub(super) email: String,
    #[schema(format = Password)]
    pub(super) password: String,
    /// What an earlier sign-in from this device answered: strangers' wrong tries do not lock it.
    pub(super) device_token: Option<String>,
}

/// The first half of a sign-in.
#[derive(Serialize, ToSchema)]
pub struct MfaRequired {
    /// `mfa_required`
    pub status: &'static str,
    pub challenge: Asked,
}

/// A sign-in that is complete, or its first half.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SignInAnswer {
    Complete(Tokens),
    SecondFactor(MfaRequired),
}

/// What a password led to.
pub enum Entered {
    Challenge(Asked),
    Renewal(Box<Renewing>),
    Open(Tokens),
}

/// The same before it is told: a cookie or tokens.
pub enum Admitted {
    Challenge(Asked),
    Renewal(Box<Renewing>),
    Open(Box<SignedIn>),
}

async fn log_in(caller: Public, Json(body): Json<LogIn>) -> Answer<SignInAnswer> {
    let LogIn { email, password, device_token } = body;
    let entrance = Entrance { realm: Realm::Customer, email, device_token };
    Ok(Reply::ok(&match enter(&caller, entrance, password).await? {
        Entered::Open(tokens) => SignInAnswer::Complete(tokens),
        Entered::Challenge(challenge) => {
            SignInAnswer::SecondFactor(MfaRequired { status: "mfa_required", challenge })
        }
        Entered::Renewal(_) => return Err(no_operator()),
    }))
}

/// The password's half of a sign-in, for tokens.
///
/// Errors: as [`admit`].
pub async fn enter(
    caller: &Public,
    entrance: Entrance,
    password: String,
) -> Result<Entered, Problem> {
    match admit(caller, entrance, password, opening(caller)).await? {
        Admitted::Open(signed_in) => Ok(Entered::Open(answer(caller.bank(), *signed_in).await?)),
        Admitted::Challenge(asked) => Ok(Entered::Challenge(asked)),
        Admitted::Renewal(renewing) => Ok(Entered::Renewal(renewing)),
    }
}

/// Customers' sign-ins look for customers alone.
pub(super) fn no_operator() -> Problem {
    Problem::new(Code::Internal).cause("an operator signed in as a customer")
}

/// The password's half of a sign-in, whatever the session's form. The work is the same whether the e-mail is known
/// or not.
///
/// Errors, in order: `locked_out`, `invalid_credentials`, `account_disabled`, `too_many_sessions`.
pub async fn admit(
    caller: &Public,
    entrance: Entrance,
    password: String,
    opening: Opening,
) -> Result<Admitted, Problem> {
    let tools = caller.bank().tools().clone();
    let asked = entrance.clone();
    let looked =
        caller.read("sessions.look", move |tx| Ok(sign_in::look(tx, &tools, &asked)?)).await?;
    let email = entrance.email;
    if looked.is_locked() {
        let (looked, email) = (looked.clone(), email.clone());
        let locked = caller
            .write("sessions.refuse_locked", move |tx, act| {
                sign_in::refuse_locked_in(tx, act, &looked, &email)
            })
            .await?;
        if let Some(locked) = locked {
            return Err(locked_out(locked));
        }
    }
    let checked = caller.bank().hashing().check(password, looked.password_hash()).await?;
    let (passing, typed) = (looked.clone(), email.clone());
    let passed = match checked {
        Checked::Right { upgraded } => {
            caller
                .write("sessions.open", move |tx, act| {
                    let brought = (&*typed, upgraded.as_deref());
                    sign_in::pass_in(tx, act, &passing, brought, &opening)
                })
                .await?
        }
        Checked::Wrong => Passed::Changed,
    };
    match passed {
        Passed::Open(signed_in) => Ok(Admitted::Open(signed_in)),
        Passed::Challenge(asked) => Ok(Admitted::Challenge(asked)),
        Passed::Renewal(renewing) => Ok(Admitted::Renewal(renewing)),
        Passed::Locked(locked) => Err(locked_out(locked)),
        Passed::Refused(refusal) => Err(refusal.into()),
        Passed::Changed => {
            let locked = caller
                .write("sessions.refuse_sign_in", move |tx, act| {
                    sign_in::fail_in(tx, act, &looked, &email)
                })
                .await?;
            Err(locked.map_or_else(|| Problem::new(Code::InvalidCredentials), locked_out))
        }
    }
}

/// After the commit: the tokens, and what a new device keeps.
pub async fn answer(bank: &Bank, signed_in: SignedIn) -> Result<Tokens, Problem> {
    let mut answer = tokens(bank, signed_in.principal, &signed_in.opened).await?;
    answer.device_token = signed_in.device_token.map(|token| token.expose().to_owned());
    Ok(answer)
}

pub(super) fn opening(caller: &Public) -> Opening {
    Opening { device_key: caller.device_key(), ..Opening::new(&caller.bank().config().sessions) }
}

pub(super) fn locked_out(locked: Locked) -> Problem {
    let retry_after_seconds = Some(locked.retry_after_seconds);
    Problem { retry_after_seconds, ..Problem::new(Code::LockedOut) }
}
