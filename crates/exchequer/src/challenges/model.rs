//! What a challenge is: its purpose, its methods, and when it is over. Pure.

use std::str::FromStr;

use money::{ChallengeId, FactorId, SessionId, Timestamp};
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use vault::SecretString;

use super::password::Password;
use super::{MAX_ATTEMPTS, PROOF_SECONDS};
use crate::sessions::model::PrincipalRef;

/// What a right answer is good for, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The second half of a sign-in.
    SignIn,
    /// One act of a signed-in customer.
    StepUp,
    /// One change of the factors themselves, which a recovery code may stand in for.
    Factors,
    /// One act of a signed-in customer who has no second factor: their password, shown again.
    Password,
    /// Confirming a factor.
    Enrol,
    /// The second factor of a password reset.
    Reset,
    /// A whole sign-in, of whoever shows a passkey.
    Passkey,
    /// An operator's new password, and authenticator where it is to be a new one, before there is a session.
    Renewal,
}

/// How a challenge is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Webauthn,
    Totp,
    Sms,
    Email,
    RecoveryCode,
    Password,
}

/// The text is no method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a method is webauthn, totp, sms, email, recovery_code or password")]
pub struct UnknownMethod;

/// What somebody is asked for.
#[derive(Debug, Clone)]
pub struct Question {
    pub purpose: Purpose,
    /// The session that asks: a proof serves it alone.
    pub session: Option<SessionId>,
    /// The known device that wrong answers are counted for; none: the session's, or unknown devices together.
    pub device: Option<[u8; 32]>,
    /// A question about one factor only.
    pub factor: Option<FactorId>,
    /// A hash over what a proof is for.
    pub binding: Option<[u8; 32]>,
    /// What a message about it names: `INR 1358.02 to Asha Rao (…1234)`.
    pub text: Option<String>,
}

/// An open challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub id: ChallengeId,
    /// What it may be answered with, strongest first.
    pub methods: Vec<Method>,
    pub expires_at: Timestamp,
    /// With `webauthn` among the methods: what a browser asks the authenticator.
    pub webauthn: Option<serde_json::Value>,
}

/// An answer. The texts are as they were typed; `judge` knows their forms.
pub enum Answer {
    Totp(String),
    Sms(String),
    Email(String),
    RecoveryCode(String),
    /// A credential's assertion, judged by `factors::webauthn`.
    Webauthn(serde_json::Value),
    Password(Password),
}

/// What a right answer gives.
pub enum Answered {
    SignIn {
        principal: PrincipalRef,
        /// The known device that the sign-in began on.
        device: Option<[u8; 32]>,
        method: Method,
        /// None: a recovery code, or an operator's only factor.
        factor: Option<FactorId>,
    },
    /// Given out once; the row keeps its hash.
    Proof(SecretString),
}

/// Why an answer is not taken, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerRefusal {
    Unknown,
    /// Too many wrong answers came lately, through whichever challenges.
    Locked {
        retry_after_seconds: u32,
    },
    /// Answered before, over its time, or guessed at too often.
    Dead,
    /// Not one of the challenge's methods.
    NotOffered,
    WrongCode,
}

/// A proof that was taken: which challenge it came from, and which factor answered that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proved {
    pub challenge: ChallengeId,
    /// None: the factor has no row of its own (an operator's).
    pub factor: Option<FactorId>,
}

/// A row of `challenges`.
#[derive(Debug, Clone)]
pub(super) struct ChallengeRow {
    pub id: ChallengeId,
    pub who: PrincipalRef,
    pub purpose: Purpose,
    pub session: Option<SessionId>,
    pub device: Option<[u8; 32]>,
    pub factor: Option<FactorId>,
    pub binding: Option<[u8; 32]>,
    pub text_sealed: Option<Vec<u8>>,
    pub attempts: i64,
    pub sends: i64,
    pub sent: Option<SentCode>,
    pub proof_hash: Option<[u8; 32]>,
    /// Whom the last code was sent to, and in the end which factor answered.
    pub proof_factor: Option<FactorId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub used_at: Option<Timestamp>,
}

/// The last code that was sent for a challenge.
#[derive(Debug, Clone)]
pub(super) struct SentCode {
    pub method: Method,
    pub hash: [u8; 32],
    pub expires_at: Timestamp,
}

impl ChallengeRow {
    pub fn is_dead(&self, now: Timestamp) -> bool {
        self.answered_at.is_some()
            || self.used_at.is_some()
            || self.attempts >= MAX_ATTEMPTS
            || !is_within(now, self.created_at, self.expires_at)
    }

    /// Whether it was answered lately and its proof not used.
    pub fn proves(&self, now: Timestamp) -> bool {
        self.used_at.is_none()
            && self.answered_at.is_some_and(|answered| {
                is_within(now, answered, answered.plus_seconds(PROOF_SECONDS))
            })
    }
}

/// Clocks of two nodes differ a little; one that was set back by more than this makes nothing live longer.
const SLACK_SECONDS: i64 = 5;

/// From a beginning to just before an end.
pub(super) fn is_within(now: Timestamp, begin: Timestamp, end: Timestamp) -> bool {
    now >= begin.plus_seconds(-SLACK_SECONDS) && now < end
}

impl Purpose {
    pub const ALL: [Self; 8] = [
        Self::SignIn,
        Self::StepUp,
        Self::Factors,
        Self::Password,
        Self::Enrol,
        Self::Reset,
        Self::Passkey,
        Self::Renewal,
    ];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::StepUp => "step_up",
            Self::Factors => "factors",
            Self::Password => "password",
            Self::Enrol => "enrol",
            Self::Reset => "reset",
            Self::Passkey => "passkey",
            Self::Renewal => "renewal",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

impl Method {
    /// Strongest first.
    pub const ALL: [Self; 6] =
        [Self::Webauthn, Self::Totp, Self::Sms, Self::Email, Self::RecoveryCode, Self::Password];

    /// As stored, and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webauthn => "webauthn",
            Self::Totp => "totp",
            Self::Sms => "sms",
            Self::Email => "email",
            Self::RecoveryCode => "recovery_code",
            Self::Password => "password",
        }
    }
}

impl Method {
    /// Whether the session that it opened has shown a factor, so that acts which ask for one lately shown go
    /// on. What stands in for a lost factor, or is none, has shown nothing.
    pub const fn is_second_factor(self) -> bool {
        match self {
            Self::Webauthn | Self::Totp | Self::Sms => true,
            Self::Email | Self::RecoveryCode | Self::Password => false,
        }
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or(UnknownMethod)
    }
}

impl Serialize for Method {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl Answer {
    pub fn method(&self) -> Method {
        match self {
            Self::Totp(_) => Method::Totp,
            Self::Sms(_) => Method::Sms,
            Self::Email(_) => Method::Email,
            Self::RecoveryCode(_) => Method::RecoveryCode,
            Self::Webauthn(_) => Method::Webauthn,
            Self::Password(_) => Method::Password,
        }
    }
}

impl Serialize for Asked {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let fields = if self.webauthn.is_some() { 4 } else { 3 };
        let mut asked = out.serialize_struct("Challenge", fields)?;
        asked.serialize_field("id", &self.id.to_string())?;
        asked.serialize_field("methods", &self.methods)?;
        asked.serialize_field("expires_at", &self.expires_at.to_string())?;
        if let Some(options) = &self.webauthn {
            asked.serialize_field("webauthn", options)?;
        }
        asked.end()
    }
}

impl PartialSchema for Asked {
    fn schema() -> RefOr<Schema> {
        let text = |description: &str| {
            ObjectBuilder::new().schema_type(Type::String).description(Some(description))
        };
        let words = Method::ALL.map(Method::as_str);
        let method = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "A question that is to be answered with a second factor, or with the password.",
            ))
            .property("id", text("For `/v1/auth/challenges/{id}/verify`."))
            .required("id")
            .property(
                "methods",
                ArrayBuilder::new()
                    .items(method)
                    .description(Some("What it may be answered with, strongest first.")),
            )
            .required("methods")
            .property("expires_at", text("To be answered before."))
            .required("expires_at")
            .property(
                "webauthn",
                ObjectBuilder::new().schema_type(Type::Object).description(Some(
                    "With `webauthn` among the methods: its `publicKey` is for \
                     `navigator.credentials.get`, after `parseRequestOptionsFromJSON`.",
                )),
            )
            .into()
    }
}

impl ToSchema for Asked {
    fn name() -> std::borrow::Cow<'static, str> {
        "Challenge".into()
    }
}

#[cfg(test)]
mod tests;
