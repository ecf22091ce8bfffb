//! An entry of a customer's list of payees, as the customer sees it.

use money::{AccountId, BeneficiaryId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Entries of one list. A business pays more people than a household; a list without an end is a place
/// to hide in.
pub const MAX_BENEFICIARIES: i64 = 2_000;

/// An account as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    Id(AccountId),
    Number(String),
}

/// A row of `beneficiaries`, its name opened, with the account's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beneficiary {
    pub id: BeneficiaryId,
    pub account: AccountId,
    pub number: String,
    pub name: String,
    pub created_at: Timestamp,
    pub trusted_at: Timestamp,
}

/// A payee on one's list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Beneficiary)]
pub struct BeneficiaryView {
    pub id: String,
    /// The payee's account.
    pub account: String,
    /// Its number.
    pub number: String,
    /// One's own name for the payee.
    pub name: String,
    pub created_at: String,
    /// From when large sums may go there.
    pub trusted_at: String,
}

impl From<&Beneficiary> for BeneficiaryView {
    fn from(row: &Beneficiary) -> Self {
        Self {
            id: row.id.to_string(),
            account: row.account.to_string(),
            number: row.number.clone(),
            name: row.name.clone(),
            created_at: row.created_at.to_string(),
            trusted_at: row.trusted_at.to_string(),
        }
    }
}
