//! The one error of the edge: what the caller reads (RFC 9457) and what the log keeps.

use ledger::{Refusal, StatusRefusal};
use money::RequestId;
use serde::Serialize;
use store::DbError;
use utoipa::ToSchema;

use super::codes::Code;

/// A refused or failed request. `detail` and `fields` go to the caller, `cause` only to the log.
#[derive(Debug, Clone)]
pub struct Problem {
    pub code: Code,
    pub detail: Option<String>,
    pub fields: Vec<FieldProblem>,
    pub retry_after_seconds: Option<u32>,
    /// The question of `step_up_required`.
    pub challenge: Option<Box<ChallengeBody>>,
    /// For the log.
    pub cause: Option<String>,
}

/// What is wrong with one field of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// A JSON path, as `amount` or `transfers[3].to`.
    pub field: String,
    /// `required`, `too_long`, `too_short`, `invalid`, …
    pub code: &'static str,
    pub detail: String,
}

/// A question to be answered under `/v1/auth/challenges/{id}`; the proof that this gives goes into the
/// header `Step-Up` of the same request, sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProblemChallenge)]
pub struct ChallengeBody {
    pub id: String,
    /// `totp`, `sms`, `email`, `recovery_code`, `webauthn`; none where no factor is enrolled.
    pub methods: Vec<&'static str>,
    pub expires_at: String,
    /// With `webauthn` among the methods: its `publicKey` is for `navigator.credentials.get`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub webauthn: Option<serde_json::Value>,
}

/// RFC 9457 `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// A URI reference that names the code.
    pub r#type: String,
    pub title: &'static str,
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
    /// Stable; programs match on it.
    pub code: &'static str,
    pub request_id: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub fields: &'a [FieldProblem],
    /// With `step_up_required` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<&'a ChallengeBody>,
}

impl Problem {
    pub fn new(code: Code) -> Self {
        let retry_after_seconds = code.retry_after_seconds();
        let (detail, challenge, cause) = (None, None, None);
        Self { code, detail, fields: Vec::new(), retry_after_seconds, challenge, cause }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn challenge(mut self, challenge: ChallengeBody) -> Self {
        self.challenge = Some(Box::new(challenge));
        self
    }

    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "errors are handed over, as to `detail`")]
    pub fn cause(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// 422 for one field.
    pub fn field(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem { field: field.into(), code, detail: detail.into() }])
    }

    pub fn invalid(fields: Vec<FieldProblem>) -> Self {
        Self { fields, ..Self::new(Code::InvalidFields) }
    }

    /// The body. A pure function of the problem and the request's id.
    pub fn body(&self, request: &RequestId) -> Vec<u8> {
        let body = ProblemBody {
            r#type: format!("/docs/errors#{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status(),
            detail: self.detail.as_deref(),
            code: self.code.as_str(),
            request_id: request.to_string(),
            fields: &self.fields,
            challenge: self.challenge.as_deref(),
        };
        // Strings and integers only: serialising them cannot fail.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        let code = match &error {
            DbError::Overloaded => Code::Overloaded,
            DbError::Unavailable(_) | DbError::Busy(_) | DbError::Refused(_) => Code::Unavailable,
            DbError::Constraint(_) | DbError::Corrupt(_) | DbError::Panicked(_) => Code::Internal,
        };
        Self::new(code).cause(error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::AccountNotFound => Code::AccountNotFound,
            Refusal::SameAccount => Code::SameAccount,
            Refusal::CurrencyMismatch => Code::CurrencyMismatch,
            Refusal::AccountFrozen => Code::AccountFrozen,
            Refusal::AccountClosed => Code::AccountClosed,
            Refusal::LimitExceeded => Code::LimitExceeded,
            Refusal::InsufficientFunds => Code::InsufficientFunds,
            Refusal::HoldNotFound | Refusal::TransferNotFound => Code::NotFound,
            Refusal::HoldNotActive => Code::HoldNotActive,
            Refusal::HoldExpired => Code::HoldExpired,
            Refusal::CaptureExceedsHold => Code::CaptureExceedsHold,
            Refusal::ReversalExceedsTransfer => Code::ReversalExceedsTransfer,
            Refusal::LinkedRefused => Code::LinkedRefused,
            // Only our own job expires holds, and only our own code builds chains.
            Refusal::HoldNotExpired | Refusal::LinkedChainOpen => Code::Internal,
        };
        Self::new(code)
    }
}

impl From<StatusRefusal> for Problem {
    fn from(refusal: StatusRefusal) -> Self {
        Self::new(match refusal {
            StatusRefusal::AccountClosed => Code::AccountClosed,
            StatusRefusal::AlreadyFrozen => Code::AlreadyFrozen,
            StatusRefusal::NotFrozen => Code::NotFrozen,
            StatusRefusal::BalanceNotZero => Code::BalanceNotZero,
            StatusRefusal::HoldsActive => Code::HoldsActive,
        })
    }
}
