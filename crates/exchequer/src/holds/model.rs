//! A hold as its two parties see it.

use ledger::HoldStatus;
use money::TransferId;
use serde::Serialize;
use store::posting::holds::HoldRow;
use utoipa::ToSchema;

/// Seconds a hold lasts when the request does not say: a week, as card schemes keep an authorisation.
pub const DEFAULT_SECONDS: i64 = 7 * 86_400;

/// Thirty days. Money is not to be bound for longer by one request.
pub const MAX_SECONDS: i64 = 30 * 86_400;

/// Money reserved on one account for another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Hold)]
pub struct HoldView {
    pub id: String,
    pub from: String,
    pub to: String,
    /// Minor units reserved at first.
    pub amount: i64,
    /// Minor units captured so far.
    pub captured: i64,
    /// Minor units that are still reserved; zero once the hold is no longer active.
    pub remaining: i64,
    pub currency: &'static str,
    /// `active`, `captured`, `voided` or `expired`.
    pub status: &'static str,
    pub memo: Option<String>,
    pub created_at: String,
    /// From this moment on it can no longer be captured.
    pub expires_at: String,
}

/// The hold after a capture, and the transfer that the capture made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CapturedHold)]
pub struct CaptureView {
    #[serde(flatten)]
    pub hold: HoldView,
    pub transfer_id: String,
}

/// The word for a status, in the API and in events.
pub const fn status_name(status: HoldStatus) -> &'static str {
    match status {
        HoldStatus::Active => "active",
        HoldStatus::Captured => "captured",
        HoldStatus::Voided => "voided",
        HoldStatus::Expired => "expired",
    }
}

/// What a hold still reserves, minor units.
pub const fn remaining(row: &HoldRow) -> i64 {
    match row.status {
        HoldStatus::Active => row.amount.saturating_sub(row.captured),
        HoldStatus::Captured | HoldStatus::Voided | HoldStatus::Expired => 0,
    }
}

impl From<&HoldRow> for HoldView {
    fn from(row: &HoldRow) -> Self {
        Self {
            id: row.id.to_string(),
            from: row.debit_account.to_string(),
            to: row.credit_account.to_string(),
            amount: row.amount,
            captured: row.captured,
            remaining: remaining(row),
            currency: row.currency.code(),
            status: status_name(row.status),
            memo: row.memo.clone(),
            created_at: row.created_at.to_string(),
            expires_at: row.expires_at.to_string(),
        }
    }
}

impl CaptureView {
    pub fn new(row: &HoldRow, transfer: &TransferId) -> Self {
        Self { hold: row.into(), transfer_id: transfer.to_string() }
    }
}

#[cfg(test)]
mod tests;
