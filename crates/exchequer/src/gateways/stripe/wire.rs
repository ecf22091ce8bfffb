//! Stripe's JSON, as far as it is looked at, and its forms. What else stands in an answer is skipped.

use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
pub(super) struct Intent {
    pub id: String,
    pub object: String,
    pub status: IntentStatus,
    pub amount: i64,
    /// Left out by some servers that are compatible with Stripe.
    pub amount_received: Option<i64>,
    pub amount_capturable: Option<i64>,
    pub currency: String,
    pub capture_method: String,
    #[serde(default)]
    pub metadata: Metadata,
    /// There once a confirmation was tried.
    pub latest_charge: Option<IgnoredAny>,
    pub last_payment_error: Option<Fault>,
}

/// "PaymentIntent lifecycle"; a status that is not of this list is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
}

#[derive(Deserialize)]
pub(super) struct Refund {
    pub id: String,
    pub object: String,
    /// `pending`, `requires_action`, `succeeded`, `failed`, `canceled`.
    pub status: String,
    pub amount: i64,
    pub currency: String,
    pub payment_intent: Option<String>,
    pub failure_reason: Option<String>,
    #[serde(default)]
    pub metadata: Metadata,
}

/// A payment method that was made of a card.
#[derive(Deserialize)]
pub(super) struct Method {
    pub id: String,
}

/// What we write on everything that we make.
#[derive(Deserialize, Default)]
pub(super) struct Metadata {
    pub operation: Option<String>,
    pub payment: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Failure {
    pub error: Fault,
}

#[derive(Deserialize)]
pub(super) struct Fault {
    pub r#type: Option<String>,
    pub code: Option<String>,
    /// The issuer's own word, where it gave one.
    pub decline_code: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct List<T> {
    pub data: Vec<T>,
    pub has_more: bool,
}

/// A movement on the account at Stripe.
#[derive(Deserialize)]
pub(super) struct Movement {
    pub id: String,
    /// `charge`, `payment`, `refund`, `payment_refund` and others that are no card payments.
    pub r#type: String,
    pub amount: i64,
    pub fee: i64,
    pub currency: String,
    /// Seconds since 1970.
    pub created: i64,
    pub source: Option<Source>,
}

/// Expanded, or the bare id where the server does not expand.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Source {
    Whole {
        id: String,
        payment_intent: Option<String>,
        #[serde(default)]
        metadata: Metadata,
    },
    Id(String),
}

#[derive(Deserialize)]
pub(super) struct Event {
    pub data: EventData,
}

#[derive(Deserialize)]
pub(super) struct EventData {
    pub object: EventObject,
}

#[derive(Deserialize)]
pub(super) struct EventObject {
    #[serde(default)]
    pub metadata: Metadata,
}

impl Fault {
    /// The issuer's word before Stripe's: `insufficient_funds` says more than `card_declined`.
    pub fn word(&self) -> Option<&str> {
        let word = self.decline_code.as_deref().or(self.code.as_deref())?;
        let is_word = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
        ((1..=64).contains(&word.len()) && word.bytes().all(is_word)).then_some(word)
    }
}

impl Source {
    pub fn id(&self) -> &str {
        match self {
            Self::Whole { id, .. } | Self::Id(id) => id,
        }
    }
}
