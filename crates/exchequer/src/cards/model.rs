//! Stored cards: the row, and what of it is shown. Pure. Never here: a number.

use money::{CardId, MerchantId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use vault::card::{Brand, Expiry};

use crate::merchants::keys::Mode;

/// A row of `cards` but for the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardRow {
    pub id: CardId,
    pub merchant: MerchantId,
    pub mode: Mode,
    pub customer: Option<String>,
    pub brand: Brand,
    pub last4: String,
    pub exp_month: u8,
    pub exp_year: u16,
    pub fingerprint: [u8; 32],
    pub token: Option<String>,
    /// Of the key behind fingerprint and token.
    pub key_version: u32,
    pub created_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

/// A card, without its number: nothing shows that.
#[derive(Serialize, ToSchema)]
#[schema(as = Card)]
pub struct CardView {
    pub id: String,
    /// `visa`, `mastercard`, `amex`, `rupay`, `discover`, `diners`, `jcb`, `unionpay` or `maestro`.
    pub brand: &'static str,
    pub last4: String,
    /// 1 to 12.
    pub exp_month: u8,
    /// Four digits.
    pub exp_year: u16,
    /// Equal for equal numbers of one merchant and mode, and for those alone.
    pub fingerprint: String,
    /// Whose it is, in the merchant's own words.
    pub customer: Option<String>,
    /// Digits of the number's length that end like it and are no card's, where they were asked for.
    pub token: Option<String>,
    /// The oldest card of this merchant and mode that has the same number.
    pub duplicate_of: Option<String>,
    /// `test` or `live`.
    pub mode: &'static str,
    pub created_at: String,
}

impl CardRow {
    pub fn view(&self, duplicate_of: Option<CardId>) -> CardView {
        CardView {
            id: self.id.to_string(),
            brand: self.brand.as_str(),
            last4: self.last4.clone(),
            exp_month: self.exp_month,
            exp_year: self.exp_year,
            fingerprint: data_encoding::HEXLOWER.encode(&self.fingerprint),
            customer: self.customer.clone(),
            token: self.token.clone(),
            duplicate_of: duplicate_of.map(|id| id.to_string()),
            mode: self.mode.as_str(),
            created_at: self.created_at.to_string(),
        }
    }

    /// The last month in which it is valid.
    pub fn expiry(&self, now: Timestamp) -> Option<Expiry> {
        Expiry::new(self.exp_month, self.exp_year, now).ok()
    }
}
