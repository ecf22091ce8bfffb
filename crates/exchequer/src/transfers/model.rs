//! A transfer as its parties see it.

use serde::Serialize;
use store::rows::TransferRow;
use utoipa::ToSchema;

/// A posted transfer. The bytes of this view are the stored answer of `POST /v1/transfers`: they are
/// made from the immutable row again when a key returns, so this type is format 1 of that answer and a
/// snapshot pins it. Whoever changes it must keep format 1 for rows posted before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer)]
pub struct TransferView {
    pub id: String,
    pub from: String,
    pub to: String,
    /// Minor units.
    pub amount: i64,
    pub currency: &'static str,
    /// `posted`: a transfer is final.
    pub status: &'static str,
    pub memo: Option<String>,
    pub posted_at: String,
}

impl From<&TransferRow> for TransferView {
    fn from(row: &TransferRow) -> Self {
        Self {
            id: row.id.to_string(),
            from: row.debit.account.to_string(),
            to: row.credit.account.to_string(),
            amount: row.amount,
            currency: row.currency.code(),
            status: "posted",
            memo: row.memo.clone(),
            posted_at: row.posted_at.to_string(),
        }
    }
}
