//! Acts that wait for a second operator, as data: what they take, who may decide them, what is looser than before.
//!
//! Pure. A [`Deed`] is the whole act, so that what is done after an approval is what was asked for and
//! shown, to the last field, and nothing that a later request said.

use ledger::Limits;
use money::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::merchants::Terms;
use crate::merchants::model::{Fees, MerchantRow};
use crate::staff::model::Permission;

/// An act that waits, with everything that it takes. Ids are in their textual form; amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "request", rename_all = "snake_case")]
pub enum Deed {
    Deposit(Cash),
    Withdraw(Cash),
    ReverseTransfer(Reversal),
    SetLimits(NewLimits),
    UnlockCustomer(Whom),
    EnableCustomer(Whom),
    EnableMember(Whom),
    ResetMember(Whom),
    ChangeMerchant(NewTerms),
    MakeMerchantKey(NewKey),
    RotateMerchantKey(Rotation),
    SettleMerchant(Payout),
    RefundPayment(Refund),
    DestroyKey(KeyVersion),
}

/// Money over the counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cash {
    /// Id or number.
    pub account: String,
    pub amount: i64,
    pub currency: String,
    pub reference: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    pub transfer: String,
    /// None: all that is left.
    pub amount: Option<i64>,
    pub reason: String,
}

/// Both limits as they shall be, and as they were when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLimits {
    pub account: String,
    pub limits: LimitPair,
    pub before: LimitPair,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitPair {
    pub per_transfer: Option<i64>,
    pub per_day: Option<i64>,
}

/// Somebody who is let in again, or gets a first password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    pub id: String,
}

/// All terms as they shall be, and as they were when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTerms {
    pub merchant: String,
    pub terms: MerchantTerms,
    pub before: MerchantTerms,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MerchantTerms {
    pub name: String,
    pub settlement_account: Option<String>,
    pub fee_basis_points: i64,
    pub fee_fixed: i64,
    pub refund_limit: Option<i64>,
    pub is_active: bool,
}

/// A key of a merchant's live mode, without what it signs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    pub key: String,
    pub merchant: String,
    pub name: String,
    /// In hex, where the private half is the merchant's; else the bank has drawn a secret.
    pub public_key: Option<String>,
    pub routes: Vec<String>,
    pub addresses: Vec<String>,
    /// Microseconds since 1970.
    pub expires_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The key that ends.
    pub old: String,
    pub overlap_seconds: i64,
    pub new: NewKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payout {
    pub merchant: String,
    pub to: String,
    pub amount: i64,
    pub currency: String,
}

/// Money of a merchant's payment, back to whoever has the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    pub payment: String,
    pub amount: i64,
    pub currency: String,
    pub reason: String,
}

/// A data key of the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyVersion {
    pub purpose: String,
    pub version: u32,
}

impl Deed {
    /// What its maker needed, and its approver needs besides `decide_approvals`. Tellers decide nothing: what
    /// they ask for is decided by whoever could send the posting back.
    pub const fn decided_with(&self) -> Permission {
        match self {
            Self::Deposit(_) | Self::Withdraw(_) | Self::ReverseTransfer(_) => {
                Permission::ReverseTransfer
            }
            Self::SetLimits(_) => Permission::SetLimits,
            Self::UnlockCustomer(_) => Permission::UnlockCustomer,
            Self::EnableCustomer(_) => Permission::EnableCustomer,
            Self::EnableMember(_) => Permission::EnableMember,
            Self::ResetMember(_) => Permission::ResetMember,
            Self::ChangeMerchant(_) | Self::MakeMerchantKey(_) | Self::RotateMerchantKey(_) => {
                Permission::ManageMerchants
            }
            Self::SettleMerchant(_) => Permission::SettleMerchants,
            Self::RefundPayment(_) => Permission::RefundPayments,
            Self::DestroyKey(_) => Permission::ManageKeys,
        }
    }

    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Deposit(_) => "deposit",
            Self::Withdraw(_) => "withdraw",
            Self::ReverseTransfer(_) => "reverse_transfer",
            Self::SetLimits(_) => "set_limits",
            Self::UnlockCustomer(_) => "unlock_customer",
            Self::EnableCustomer(_) => "enable_customer",
            Self::EnableMember(_) => "enable_member",
            Self::ResetMember(_) => "reset_member",
            Self::ChangeMerchant(_) => "change_merchant",
            Self::MakeMerchantKey(_) => "make_merchant_key",
            Self::RotateMerchantKey(_) => "rotate_merchant_key",
            Self::SettleMerchant(_) => "settle_merchant",
            Self::RefundPayment(_) => "refund_payment",
            Self::DestroyKey(_) => "destroy_key",
        }
    }

    /// Of what sets something to a new state, one waits at a time: two would overwrite each other, and the
    /// second would outlive what it was asked for.
    pub fn slot(&self) -> Option<String> {
        let of = |id: &str| Some(format!("{} {id}", self.kind()));
        match self {
            Self::SetLimits(limits) => of(&limits.account),
            Self::UnlockCustomer(whom)
            | Self::EnableCustomer(whom)
            | Self::EnableMember(whom)
            | Self::ResetMember(whom) => of(&whom.id),
            Self::ChangeMerchant(terms) => of(&terms.merchant),
            Self::RotateMerchantKey(rotation) => of(&rotation.old),
            Self::SettleMerchant(payout) => of(&payout.merchant),
            Self::RefundPayment(refund) => of(&refund.payment),
            Self::DestroyKey(key) => of(&format!("{} {}", key.purpose, key.version)),
            Self::Deposit(_)
            | Self::Withdraw(_)
            | Self::ReverseTransfer(_)
            | Self::MakeMerchantKey(_) => None,
        }
    }

    /// Whether the bank drew something for it, which waits beside the act: what a key signs with, or a first password.
    pub const fn draws_a_secret(&self) -> bool {
        match self {
            Self::MakeMerchantKey(key) => key.public_key.is_none(),
            Self::RotateMerchantKey(rotation) => rotation.new.public_key.is_none(),
            Self::ResetMember(_) => true,
            Self::Deposit(_)
            | Self::Withdraw(_)
            | Self::ReverseTransfer(_)
            | Self::SetLimits(_)
            | Self::UnlockCustomer(_)
            | Self::EnableCustomer(_)
            | Self::EnableMember(_)
            | Self::ChangeMerchant(_)
            | Self::SettleMerchant(_)
            | Self::RefundPayment(_)
            | Self::DestroyKey(_) => false,
        }
    }

    /// The operator whose own access it is about, who does not approve it.
    pub fn operator(&self) -> Option<&str> {
        match self {
            Self::EnableMember(whom) | Self::ResetMember(whom) => Some(&whom.id),
            Self::Deposit(_)
            | Self::Withdraw(_)
            | Self::ReverseTransfer(_)
            | Self::SetLimits(_)
            | Self::UnlockCustomer(_)
            | Self::EnableCustomer(_)
            | Self::ChangeMerchant(_)
            | Self::MakeMerchantKey(_)
            | Self::RotateMerchantKey(_)
            | Self::SettleMerchant(_)
            | Self::RefundPayment(_)
            | Self::DestroyKey(_) => None,
        }
    }

    /// All that it takes.
    pub fn request(&self) -> Value {
        // Structs of texts and integers: serialising them cannot fail.
        let mut whole = serde_json::to_value(self).unwrap_or_default();
        whole.get_mut("request").map(Value::take).unwrap_or_default()
    }

    /// The same for an event: without the words of a slip, which are the customer's.
    pub fn trace(&self) -> Value {
        let mut request = self.request();
        if let Some(fields) = request.as_object_mut() {
            fields.remove("reference");
        }
        request
    }
}

impl From<Limits> for LimitPair {
    fn from(limits: Limits) -> Self {
        Self { per_transfer: limits.per_transfer, per_day: limits.per_day }
    }
}

impl LimitPair {
    pub const fn limits(self) -> Limits {
        Limits { per_transfer: self.per_transfer, per_day: self.per_day }
    }

    /// Whether one of the two lets more out than before: a larger limit, or none in place of one.
    pub fn is_looser_than(self, before: Self) -> bool {
        let looser = |new: Option<i64>, old: Option<i64>| match (new, old) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(new), Some(old)) => new > old,
        };
        looser(self.per_transfer, before.per_transfer) || looser(self.per_day, before.per_day)
    }
}

impl MerchantTerms {
    pub fn new(terms: &Terms, is_active: bool) -> Self {
        Self {
            name: terms.name.clone(),
            settlement_account: terms.settlement.map(|account| account.to_string()),
            fee_basis_points: terms.fees.basis_points,
            fee_fixed: terms.fees.fixed,
            refund_limit: terms.refund_limit,
            is_active,
        }
    }

    pub fn terms(&self, settlement: Option<AccountId>) -> Terms {
        let fees = Fees { basis_points: self.fee_basis_points, fixed: self.fee_fixed };
        let refund_limit = self.refund_limit;
        Terms { name: self.name.clone(), settlement, fees, refund_limit }
    }

    /// Whether they give the merchant something: another place to pay out to, lower fees, more to give back by
    /// itself, or its keys back.
    pub fn favour_more_than(&self, before: &Self) -> bool {
        let moves = self.settlement_account.is_some()
            && self.settlement_account != before.settlement_account;
        let refunds_more = match (self.refund_limit, before.refund_limit) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(new), Some(old)) => new > old,
        };
        moves
            || refunds_more
            || self.fee_basis_points < before.fee_basis_points
            || self.fee_fixed < before.fee_fixed
            || (self.is_active && !before.is_active)
    }
}

impl From<&MerchantRow> for MerchantTerms {
    fn from(row: &MerchantRow) -> Self {
        let terms = Terms {
            name: row.name.clone(),
            settlement: row.settlement,
            fees: row.fees,
            refund_limit: row.refund_limit,
        };
        Self::new(&terms, row.is_active)
    }
}

#[cfg(test)]
mod tests;
