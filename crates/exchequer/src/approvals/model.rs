//! Approvals: their state, and how they are shown.
//!
//! Pure.

use money::{ApprovalId, StaffId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::deed::Deed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Pending,
    Approved,
    Rejected,
    Withdrawn,
    Expired,
}

/// What became of an approved act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The id of what it made or changed.
    Done(String),
    /// The code that it was refused with.
    Refused(String),
}

/// A row of `approvals`, opened.
#[derive(Debug, Clone)]
pub struct Approval {
    pub id: ApprovalId,
    pub deed: Deed,
    pub maker: StaffId,
    /// Where the maker asked from.
    pub address: String,
    pub status: Status,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    pub decided_by: Option<StaffId>,
    pub reason: Option<String>,
    pub outcome: Option<Outcome>,
}

/// An act that waits, or waited, for a second operator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Approval)]
pub struct ApprovalView {
    pub id: String,
    /// `deposit`, `withdraw`, `reverse_transfer`, `set_limits`, `unlock_customer`, `enable_customer`,
    /// `enable_member`, `reset_member`, `change_merchant`, `make_merchant_key`, `rotate_merchant_key`, `settle_merchant`,
    /// `refund_payment` or `destroy_key`.
    pub kind: String,
    /// `pending`, `approved`, `rejected`, `withdrawn` or `expired`.
    pub status: &'static str,
    /// Id of the operator who asked.
    pub maker: String,
    /// The act with all that it takes, by its kind: what an approval does, to the last field.
    #[schema(value_type = Object)]
    pub request: Value,
    pub created_at: String,
    /// Nobody can approve it from then on.
    pub expires_at: String,
    pub decided_at: Option<String>,
    /// Id of the operator who decided; null where its time was over.
    pub decided_by: Option<String>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// Of an approved one.
    pub outcome: Option<OutcomeView>,
}

/// What became of an approved act: one of the two.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApprovalOutcome)]
pub struct OutcomeView {
    /// Id of what it made or changed.
    pub resource: Option<String>,
    /// The code that it was refused with: it had become impossible, and nothing was done.
    pub refusal: Option<String>,
}

/// The answer, 202, of an act that waits now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AwaitingApproval)]
pub struct AskedView {
    pub approval: ApprovalView,
    /// Of a merchant's key, or an operator's first password, that the bank drew: shown now and never again. It serves
    /// nothing before the approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl Status {
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Approved, Self::Rejected, Self::Withdrawn, Self::Expired];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    pub const fn code(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::Approved => 1,
            Self::Rejected => 2,
            Self::Withdrawn => 3,
            Self::Expired => 4,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl Approval {
    /// Whether somebody may still decide it.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.status == Status::Pending && now < self.expires_at
    }
}

impl ApprovalView {
    pub fn new(approval: &Approval, now: Timestamp) -> Self {
        let over = approval.status == Status::Pending && !approval.is_open(now);
        let status = if over { Status::Expired } else { approval.status };
        Self {
            id: approval.id.to_string(),
            kind: approval.deed.kind().to_owned(),
            status: status.as_str(),
            maker: approval.maker.to_string(),
            request: approval.deed.request(),
            created_at: approval.created_at.to_string(),
            expires_at: approval.expires_at.to_string(),
            decided_at: approval.decided_at.map(|at| at.to_string()),
            decided_by: approval.decided_by.map(|by| by.to_string()),
            reason: approval.reason.clone(),
            outcome: approval.outcome.as_ref().map(OutcomeView::from),
        }
    }
}

impl From<&Outcome> for OutcomeView {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done(id) => Self { resource: Some(id.clone()), refusal: None },
            Outcome::Refused(code) => Self { resource: None, refusal: Some(code.clone()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_is_written() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert_eq!(Status::from_code(status.code()), Some(status));
        }
        assert_eq!((Status::parse("Pending"), Status::from_code(5)), (None, None));
    }
}
