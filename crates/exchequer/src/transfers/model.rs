//! A transfer as its parties see it.

use money::{AccountId, Timestamp, TransferId};
use serde::{Serialize, Serializer};
use store::rows::TransferRow;
use utoipa::ToSchema;

/// A posted transfer. The bytes of this view are the stored answer of `POST /v1/transfers`: they are
/// made from the immutable row again when a key returns, so this type is format 1 of that answer and a
/// snapshot pins it. Whoever changes it must keep format 1 for rows posted before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer, description = "A posted transfer.")]
pub struct TransferView {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    pub id: TransferId,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    pub from: AccountId,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    pub to: AccountId,
    /// Minor units.
    pub amount: i64,
    pub currency: &'static str,
    /// `posted`: a transfer is final.
    pub status: &'static str,
    pub memo: Option<String>,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    pub posted_at: Timestamp,
}

/// Straight into the answer's buffer; this view is made for every transfer.
fn as_text<T: std::fmt::Display, S: Serializer>(value: &T, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(value)
}

impl From<&TransferRow> for TransferView {
    fn from(row: &TransferRow) -> Self {
        Self {
            id: row.id,
            from: row.debit.account,
            to: row.credit.account,
            amount: row.amount,
            currency: row.currency.code(),
            status: "posted",
            memo: row.memo.clone(),
            posted_at: row.posted_at,
        }
    }
}

#[cfg(test)]
mod tests;
