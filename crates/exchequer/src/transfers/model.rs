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

impl TransferView {
    /// The bytes that serialising the view of a row gives (a test compares them), for the one answer that
    /// is made for every transfer: without a view, and without looking for quotes where none can be.
    pub fn json_of(row: &TransferRow) -> Vec<u8> {
        let mut out = Vec::with_capacity(LENGTH + row.memo.as_ref().map_or(0, String::len));
        out.extend_from_slice(br#"{"id":""#);
        out.extend_from_slice(&row.id.text());
        out.extend_from_slice(br#"","from":""#);
        out.extend_from_slice(&row.debit.account.text());
        out.extend_from_slice(br#"","to":""#);
        out.extend_from_slice(&row.credit.account.text());
        out.extend_from_slice(br#"","amount":"#);
        out.extend_from_slice(row.amount.to_string().as_bytes());
        out.extend_from_slice(br#","currency":""#);
        out.extend_from_slice(row.currency.code().as_bytes());
        out.extend_from_slice(br#"","status":"posted","memo":"#);
        match &row.memo {
            // A string always serialises.
            Some(memo) => out.extend_from_slice(&serde_json::to_vec(memo).unwrap_or_default()),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(br#","posted_at":""#);
        out.extend_from_slice(row.posted_at.to_string().as_bytes());
        out.extend_from_slice(br#""}"#);
        out
    }
}

/// Bytes of a view without a memo.
const LENGTH: usize = 256;

/// Straight into the answer's buffer, as a batch has thousands.
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
