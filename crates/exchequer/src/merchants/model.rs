//! Merchants: what they are, what the bank takes of their payments, and how both are shown.
//!
//! Pure. Fees are rounded half to even on the minor unit (the ledger's own rule) and never exceed the capture.

use money::{AccountId, KeyId, MerchantId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::keys::Mode;

/// A row of `merchants`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantRow {
    pub id: MerchantId,
    pub name: String,
    pub is_active: bool,
    pub settlement: Option<AccountId>,
    pub fees: Fees,
    /// The most that it gives back of one payment by itself, minor units; `None`: all of it.
    pub refund_limit: Option<i64>,
    pub created_at: Timestamp,
}

/// What the bank takes of each capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fees {
    /// Hundredths of a per cent, 0 to 10,000.
    pub basis_points: i64,
    /// Minor units of the payment's currency.
    pub fixed: i64,
}

/// A key as it is listed: never what it signs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub id: KeyId,
    pub merchant: MerchantId,
    pub mode: Mode,
    pub is_hmac: bool,
    pub name: String,
    pub routes: Vec<String>,
    pub addresses: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A merchant.
#[derive(Serialize, ToSchema)]
#[schema(as = Merchant)]
pub struct MerchantView {
    pub id: String,
    pub name: String,
    /// `active` or `suspended`; a suspended merchant's keys do nothing.
    pub status: &'static str,
    /// Id of the account that live money is paid out to.
    pub settlement_account: Option<String>,
    /// Hundredths of a per cent of each capture.
    pub fee_basis_points: i64,
    /// Minor units, of each capture.
    pub fee_fixed: i64,
    /// Minor units: the most that the merchant gives back of one payment by itself; beyond it the bank does.
    pub refund_limit: Option<i64>,
    pub created_at: String,
}

/// A merchant's key, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantKey)]
pub struct KeyView {
    pub id: String,
    /// Id of the merchant.
    pub merchant: String,
    /// `test` or `live`.
    pub mode: &'static str,
    /// `hmac-sha256` or `ed25519`.
    pub algorithm: &'static str,
    pub name: String,
    /// As `POST /v1/payments` or `GET /v1/*`; empty: every route.
    pub routes: Vec<String>,
    /// Addresses or networks, as `192.0.2.0/24`; empty: from everywhere.
    pub addresses: Vec<String>,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub revoked_at: Option<String>,
}

/// Keys of a merchant that are not revoked: enough to rotate a few systems with overlap.
pub const MAX_KEYS: i64 = 20;
/// Rules of routes or addresses of one key.
pub const MAX_RULES: usize = 20;

impl Fees {
    /// The fee of a capture, minor units: at most all of it.
    pub fn of(self, captured: i64) -> i64 {
        let parts = i128::from(captured) * i128::from(self.basis_points);
        let (whole, rest) = (parts.div_euclid(10_000), parts.rem_euclid(10_000));
        let rounds_up = rest > 5_000 || (rest == 5_000 && whole % 2 != 0);
        let fee = whole + i128::from(rounds_up) + i128::from(self.fixed);
        i64::try_from(fee.clamp(0, i128::from(captured.max(0)))).unwrap_or(captured)
    }
}

impl From<&MerchantRow> for MerchantView {
    fn from(row: &MerchantRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            status: if row.is_active { "active" } else { "suspended" },
            settlement_account: row.settlement.map(|account| account.to_string()),
            fee_basis_points: row.fees.basis_points,
            fee_fixed: row.fees.fixed,
            refund_limit: row.refund_limit,
            created_at: row.created_at.to_string(),
        }
    }
}

impl From<&KeyRow> for KeyView {
    fn from(row: &KeyRow) -> Self {
        Self {
            id: row.id.to_string(),
            merchant: row.merchant.to_string(),
            mode: row.mode.as_str(),
            algorithm: if row.is_hmac { "hmac-sha256" } else { "ed25519" },
            name: row.name.clone(),
            routes: row.routes.clone(),
            addresses: row.addresses.clone(),
            created_at: row.created_at.to_string(),
            expires_at: row.expires_at.map(|at| at.to_string()),
            revoked_at: row.revoked_at.map(|at| at.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_round_half_to_even_and_never_take_more_than_there_is() {
        let fee = |basis_points, fixed, of| Fees { basis_points, fixed }.of(of);
        assert_eq!(fee(0, 0, 1_000), 0);
        assert_eq!(fee(200, 0, 12_500), 250);
        assert_eq!(fee(50, 0, 100), 0); // 0.5 to 0
        assert_eq!(fee(150, 0, 100), 2); // 1.5 to 2
        assert_eq!(fee(250, 0, 100), 2); // 2.5 to 2
        assert_eq!(fee(290, 30, 10_000), 320);
        assert_eq!(fee(0, 30, 10), 10);
        assert_eq!(fee(10_000, 5, 9_007_199_254_740_991), 9_007_199_254_740_991);
    }
}
