//! The sandbox gateway's refusals: one list, in the order in which they are decided.

use super::cards::CardRefusal;

/// Why something is refused, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// An authorisation of a payment that has one.
    PaymentExists,
    /// The sandbox takes test cards only.
    NoTestCard,
    Card(CardRefusal),
    NoSuchPayment,
    CurrencyMismatch,
    /// Nothing is left to capture or to cancel.
    NotOpen,
    ExceedsAuthorization,
    ExceedsCapture,
}

impl Refusal {
    /// The code in answers and in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentExists => "payment_exists",
            Self::NoTestCard => "test_card_required",
            Self::Card(refusal) => refusal.as_str(),
            Self::NoSuchPayment => "no_such_payment",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::NotOpen => "not_open",
            Self::ExceedsAuthorization => "exceeds_authorization",
            Self::ExceedsCapture => "exceeds_capture",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        let own = [
            Self::PaymentExists,
            Self::NoTestCard,
            Self::NoSuchPayment,
            Self::CurrencyMismatch,
            Self::NotOpen,
            Self::ExceedsAuthorization,
            Self::ExceedsCapture,
        ];
        own.into_iter()
            .chain(CardRefusal::ALL.map(Self::Card))
            .find(|refusal| refusal.as_str() == code)
    }
}
