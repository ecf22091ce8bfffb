//! `/v1/auth/login`, `/v1/auth/challenges`: the two steps of a sign-in, and the answers of step-ups.

use money::ChallengeId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::model::Tokens;
use super::super::sign_in::{self, Complete, Entrance, Passed, SignedIn};
use super::super::{Opening, tokens};
use crate::attempts::{Locked, Realm};
use crate::bank::Bank;
use crate::challenges::{
    self, Answer as CodeAnswer, AnswerRefusal, Answered, Asked, Method, PROOF_SECONDS, SendRefusal,
    code,
};
use crate::customers::hashing::Checked;
use crate::factors::recovery;
use crate::http::fields::Fields;
use crate::http::{Answer, Code, Json, Path, Problem, Public, Reply, Route, Routes};

pub fn routes(routes: Routes) -> Routes {
    routes
        .public(
            "signing in is how a caller becomes known",
            Route::post("/v1/auth/login", "logIn", "Sign in with e-mail and password")
                .without_key()
                .answers(200)
                .refuses(&[Code::InvalidCredentials, Code::LockedOut, Code::TooManySessions]),
            log_in,
        )
        .public(
            "the challenge's id is the proof, and the code goes to its holder alone",
            Route::post(
                "/v1/auth/challenges/{id}/send",
                "sendCode",
                "Have a code sent for a challenge",
            )
            .without_key()
            .answers(202)
            .refuses(&[
                Code::InvalidCode,
                Code::LockedOut,
                Code::TooManyMessages,
                Code::SmsNotOffered,
            ]),
            send,
        )
        .public(
            "the challenge's id and a code are the proof",
            Route::post(
                "/v1/auth/challenges/{id}/verify",
                "answerChallenge",
                "Answer a challenge with a second factor",
            )
            .without_key()
            .answers(200)
            .refuses(&[
                Code::InvalidCode,
                Code::LockedOut,
                Code::InvalidCredentials,
                Code::TooManySessions,
            ]),
            answer_challenge,
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

/// Which way a code goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendCode {
    /// One of the challenge's `methods` that codes are sent by: `sms` or `email`.
    #[schema(example = "sms")]
    method: String,
}

#[derive(Serialize, ToSchema)]
pub struct CodeSent {
    /// `sent`
    status: &'static str,
    method: &'static str,
    /// Seconds that the code serves, at most. It replaces the one before.
    expires_in: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerChallenge {
    /// One of the challenge's `methods`.
    #[schema(example = "totp")]
    method: String,
    /// Six digits, or a recovery code; not with `webauthn`.
    code: Option<String>,
    /// What the browser gave; with `webauthn` only.
    #[schema(value_type = Option<Object>)]
    credential: Option<serde_json::Value>,
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

/// A proof that a second factor was shown for one act.
#[derive(Serialize, ToSchema)]
pub struct Verified {
    /// `verified`
    status: &'static str,
    /// For the header `Step-Up` of the act's request, sent again. It serves once.
    proof: String,
    /// Seconds that it serves.
    expires_in: i64,
}

/// By what the challenge was for: a sign-in's tokens, or a proof.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ChallengeAnswer {
    SignIn(Tokens),
    Proof(Verified),
}

/// What a password led to.
pub enum Entered {
    Challenge(Asked),
    Open(Tokens),
}

/// The same before it is told: a cookie or tokens.
pub enum Admitted {
    Challenge(Asked),
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
    }
}

/// The password's half of a sign-in, whatever the session's form. The work is the same whether the e-mail is known
/// or not.
///
/// Errors, in order: `locked_out`, `invalid_credentials`, `too_many_sessions`.
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
        Checked::Right { upgraded } if looked.is_active() => {
            caller
                .write("sessions.open", move |tx, act| {
                    let brought = (&*typed, upgraded.as_deref());
                    sign_in::pass_in(tx, act, &passing, brought, &opening)
                })
                .await?
        }
        Checked::Right { .. } | Checked::Wrong => Passed::Changed,
    };
    match passed {
        Passed::Open(signed_in) => Ok(Admitted::Open(signed_in)),
        Passed::Challenge(asked) => Ok(Admitted::Challenge(asked)),
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

async fn send(
    caller: Public,
    (Path(id), Json(body)): (Path<ChallengeId>, Json<SendCode>),
) -> Answer<CodeSent> {
    let method: Method = body.method.parse().map_err(|_| not_offered())?;
    let sent = caller
        .write("challenges.send", move |tx, act| challenges::send_in(tx, act, &id, method))
        .await?;
    match sent {
        Ok(()) => Ok(Reply::accepted(&CodeSent {
            status: "sent",
            method: method.as_str(),
            expires_in: challenges::CHALLENGE_SECONDS,
        })),
        Err(refusal) => Err(send_refused(refusal)),
    }
}

/// A refused message as its asker reads it.
pub fn send_refused(refusal: SendRefusal) -> Problem {
    match refusal {
        SendRefusal::Unknown => Problem::new(Code::NotFound),
        SendRefusal::Locked { retry_after_seconds } => locked_out(Locked { retry_after_seconds }),
        SendRefusal::Dead => {
            Problem::new(Code::InvalidCode).detail("the challenge is over; begin again")
        }
        SendRefusal::NotOffered => not_offered(),
        SendRefusal::TooManyForChallenge { retry_after_seconds } => Problem {
            retry_after_seconds: Some(retry_after_seconds),
            ..Problem::new(Code::TooManyMessages).detail("for this challenge; begin again")
        },
        SendRefusal::Outbox(refusal) => refusal.into(),
    }
}

async fn answer_challenge(
    caller: Public,
    (Path(id), Json(body)): (Path<ChallengeId>, Json<AnswerChallenge>),
) -> Answer<ChallengeAnswer> {
    let opening = opening(&caller);
    Ok(Reply::ok(&match judge(&caller, id, body, opening).await? {
        Done::SignIn(signed_in) => ChallengeAnswer::SignIn(answer(caller.bank(), signed_in).await?),
        Done::Proof(proof) => ChallengeAnswer::Proof(proof.into()),
    }))
}

/// Answers a challenge; a sign-in that this completes opens a session.
///
/// Errors, in order: those of [`AnswerRefusal`], `invalid_credentials`, `too_many_sessions`.
pub(super) async fn judge(
    caller: &Public,
    id: ChallengeId,
    body: AnswerChallenge,
    opening: Opening,
) -> Result<Done, Problem> {
    let given = body.check()?;
    caller
        .write("challenges.answer", move |tx, act| {
            // A refusal is no error: the wrong code stays counted.
            let answered = match challenges::answer_in(tx, act, &id, &given)? {
                Ok(answered) => answered,
                Err(refusal) => return Ok(Err(answer_refused(refusal))),
            };
            match answered {
                Answered::SignIn { principal, device, .. } => {
                    let complete = Complete { principal, device };
                    let opening = Opening { proved_at: Some(act.now), ..opening };
                    let opened = sign_in::open_in(tx, act, &complete, &opening)?;
                    Ok(opened.map(Done::SignIn).map_err(Problem::from))
                }
                Answered::Proof(proof) => Ok(Ok(Done::Proof(proof))),
            }
        })
        .await?
}

pub(super) enum Done {
    SignIn(SignedIn),
    Proof(vault::SecretString),
}

impl From<vault::SecretString> for Verified {
    fn from(proof: vault::SecretString) -> Self {
        Self { status: "verified", proof: proof.expose().to_owned(), expires_in: PROOF_SECONDS }
    }
}

impl AnswerChallenge {
    /// The answer, its form checked: what cannot be a code is told so and not counted.
    fn check(self) -> Result<CodeAnswer, Problem> {
        let mut fields = Fields::default();
        let method: Option<Method> =
            fields.parse("method", &self.method, "one of the challenge's methods");
        let is_code = self.code.is_some();
        let code = self.code.unwrap_or_default();
        match method {
            Some(Method::Totp | Method::Sms | Method::Email) if !code::is_six_digits(&code) => {
                fields.refuse("code", "invalid", "six digits");
            }
            Some(Method::RecoveryCode) if !recovery::has_form(&code) => {
                fields.refuse("code", "invalid", "a recovery code: xxxx-xxxx-xxxx-xxxx");
            }
            Some(Method::Webauthn) if is_code => {
                fields.refuse("code", "not_wanted", "not with webauthn");
            }
            Some(Method::Webauthn) if self.credential.is_none() => {
                fields.refuse("credential", "required", "what the browser gave");
            }
            Some(method) if method != Method::Webauthn && self.credential.is_some() => {
                fields.refuse("credential", "not_wanted", "with webauthn only");
            }
            Some(_) | None => {}
        }
        let answer = method.map(|method| match method {
            Method::Totp => CodeAnswer::Totp(code),
            Method::Sms => CodeAnswer::Sms(code),
            Method::Email => CodeAnswer::Email(code),
            Method::RecoveryCode => CodeAnswer::RecoveryCode(code),
            Method::Webauthn => CodeAnswer::Webauthn(self.credential.unwrap_or_default()),
        });
        fields.finish(answer)
    }
}

/// After the commit: the tokens, and what a new device keeps.
pub async fn answer(bank: &Bank, signed_in: SignedIn) -> Result<Tokens, Problem> {
    let mut answer = tokens(bank, signed_in.principal, &signed_in.opened).await?;
    answer.device_token = signed_in.device_token.map(|token| token.expose().to_owned());
    Ok(answer)
}

fn opening(caller: &Public) -> Opening {
    Opening { device_key: caller.device_key(), ..Opening::new(&caller.bank().config().sessions) }
}

fn answer_refused(refusal: AnswerRefusal) -> Problem {
    match refusal {
        AnswerRefusal::Unknown => Problem::new(Code::NotFound),
        AnswerRefusal::Locked { retry_after_seconds } => locked_out(Locked { retry_after_seconds }),
        // One answer for all: it tells a guesser nothing about the code.
        AnswerRefusal::Dead | AnswerRefusal::WrongCode => Problem::new(Code::InvalidCode),
        AnswerRefusal::NotOffered => not_offered(),
    }
}

fn locked_out(locked: Locked) -> Problem {
    let retry_after_seconds = Some(locked.retry_after_seconds);
    Problem { retry_after_seconds, ..Problem::new(Code::LockedOut) }
}

fn not_offered() -> Problem {
    Problem::field("method", "not_offered", "one of the challenge's methods")
}
