//! `/v1/auth/challenges`: codes sent, and the answers of sign-ins, step-ups and resets; `/v1/auth/passkey`.

use money::ChallengeId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::{MAX_PASSWORD_BYTES, SecretString};

use super::super::Opening;
use super::super::model::Tokens;
use super::super::sign_in::{self, Complete, SignedIn};
use super::sign_in::{answer, locked_out, opening};
use crate::attempts::Locked;
use crate::challenges::{
    self, Answer as CodeAnswer, AnswerRefusal, Answered, Asked, Method, PROOF_SECONDS, SendRefusal,
    code,
    password::{self, Password},
};
use crate::factors::recovery;
use crate::http::fields::Fields;
use crate::http::{Answer, Code, Json, Nothing, Path, Problem, Public, Reply, Route, Routes};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .public(
            "a passkey's answer says whose it is",
            Route::post(
                "/v1/auth/passkey",
                "askForPasskey",
                "Begin a sign-in with a passkey alone",
            )
            .without_key()
            .answers(200),
            ask_for_passkey,
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
                Code::AccountDisabled,
                Code::TooManySessions,
            ]),
            answer_challenge,
        )
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
    /// Six digits, a recovery code, or with `password` the password; not with `webauthn`.
    code: Option<String>,
    /// What the browser gave; with `webauthn` only.
    #[schema(value_type = Option<Object>)]
    credential: Option<serde_json::Value>,
    /// With a passkey alone: what an earlier sign-in from this device answered.
    device_token: Option<String>,
}

/// A question for anybody's passkey; `/v1/auth/challenges/{id}/verify` takes the answer and signs its holder in.
#[derive(Serialize, ToSchema)]
pub struct PasskeyWanted {
    challenge: Asked,
}

/// A proof that a second factor, or the password, was shown for one act.
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

async fn ask_for_passkey(caller: Public, _: Nothing) -> Answer<PasskeyWanted> {
    let challenge = caller.write("challenges.ask_for_passkey", challenges::ask_passkey_in).await?;
    Ok(Reply::ok(&PasskeyWanted { challenge }))
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
    let device_token = body.device_token.clone();
    let given = password::compare(caller.bank(), &id, body.check()?).await?;
    caller
        .write("challenges.answer", move |tx, act| {
            // A refusal is no error: the wrong code stays counted.
            let answered =
                match challenges::answer_in(tx, act, &id, &given, device_token.as_deref())? {
                    Ok(answered) => answered,
                    Err(refusal) => return Ok(Err(answer_refused(refusal))),
                };
            match answered {
                Answered::SignIn { principal, device, method, .. } => {
                    let complete = Complete { principal, device };
                    let proved_at = method.is_second_factor().then_some(act.now);
                    let opening = Opening { proved_at, ..opening };
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
    Proof(SecretString),
}

impl From<SecretString> for Verified {
    fn from(proof: SecretString) -> Self {
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
                fields.refuse(
                    "code",
                    "invalid",
                    "a recovery code: six groups of four letters and digits",
                );
            }
            Some(Method::Password) if !(1..=MAX_PASSWORD_BYTES).contains(&code.len()) => {
                fields.refuse("code", "invalid", "the password");
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
            Method::Password => CodeAnswer::Password(Password::Typed(SecretString::new(code))),
            Method::Webauthn => CodeAnswer::Webauthn(self.credential.unwrap_or_default()),
        });
        fields.finish(answer)
    }
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

fn not_offered() -> Problem {
    Problem::field("method", "not_offered", "one of the challenge's methods")
}
