//! Card payments: their states, the steps that a gateway is asked for, and how both are shown. Pure.
//!
//! ```text
//! submitting ──▶ authorized ──▶ captured        a step whose answer is lost is `unknown`
//!     │  ▲            │                          until the gateway has told (P7)
//!     ▼  │            ▼
//!  unknown        canceled        declined
//! ```

use money::{CardId, Currency, MerchantId, PaymentId, RefundId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::cards::model::CardRow;
use crate::gateways::Kind;
use crate::merchants::keys::Mode;

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The gateway is being asked for the authorisation.
    Submitting,
    /// It was asked, and its answer is lost.
    Unknown,
    /// The money is reserved on the card, and part of it may be captured.
    Authorized,
    /// All that will be captured is.
    Captured,
    Declined,
    /// Given up before anything was captured.
    Canceled,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    Submitting,
    Unknown,
    Done,
    Refused,
}

/// A row of `payments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRow {
    pub id: PaymentId,
    pub merchant: MerchantId,
    pub mode: Mode,
    pub card: CardId,
    pub amount: i64,
    pub currency: Currency,
    pub is_automatic: bool,
    pub state: State,
    pub captured: i64,
    /// What a capture under way asks for.
    pub capturing: i64,
    pub refunded: i64,
    /// What refunds under way ask for.
    pub refunding: i64,
    pub fee: i64,
    pub gateway: String,
    /// The gateway's own.
    pub reference: Option<String>,
    pub refusal: Option<String>,
    /// A JSON object.
    pub metadata: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A row of `payment_steps`: one thing that a gateway is asked to do, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// Of an authorisation, the payment's.
    pub id: [u8; 16],
    pub payment: PaymentId,
    pub kind: Kind,
    pub amount: i64,
    pub is_final: bool,
    pub state: StepState,
    pub reference: Option<String>,
    pub refusal: Option<String>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// How often the gateway was asked what became of it.
    pub asked: i64,
    pub ask_at: Option<Timestamp>,
}

/// A card payment.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
pub struct PaymentView {
    pub id: String,
    /// `processing` (the outcome is not known yet), `authorized`, `succeeded`, `declined` or `canceled`.
    pub status: &'static str,
    /// Minor units.
    pub amount: i64,
    pub currency: &'static str,
    /// Minor units taken from the card so far.
    pub captured: i64,
    /// Minor units given back so far.
    pub refunded: i64,
    /// Minor units that the bank took of what was captured.
    pub fee: i64,
    /// Id of the card.
    pub card: String,
    pub card_brand: &'static str,
    pub card_last4: String,
    /// `automatic` or `manual`.
    pub capture: &'static str,
    /// Why it was declined, in the gateway's word.
    pub decline_code: Option<String>,
    /// What the merchant gave with it.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
    /// `test` or `live`.
    pub mode: &'static str,
    pub created_at: String,
    pub updated_at: String,
}

/// A refund of a payment.
#[derive(Serialize, ToSchema)]
#[schema(as = Refund)]
pub struct RefundView {
    pub id: String,
    /// Id of the payment.
    pub payment: String,
    /// Minor units.
    pub amount: i64,
    pub currency: &'static str,
    /// `processing` (the outcome is not known yet), `succeeded` or `failed`.
    pub status: &'static str,
    /// Why it failed, in the gateway's word.
    pub failure_code: Option<String>,
    pub created_at: String,
}

impl State {
    pub const ALL: [Self; 6] = [
        Self::Submitting,
        Self::Unknown,
        Self::Authorized,
        Self::Captured,
        Self::Declined,
        Self::Canceled,
    ];

    pub const fn code(self) -> i64 {
        match self {
            Self::Submitting => 0,
            Self::Unknown => 1,
            Self::Authorized => 2,
            Self::Captured => 3,
            Self::Declined => 4,
            Self::Canceled => 5,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// In answers, while no step is under way.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Submitting | Self::Unknown => "processing",
            Self::Authorized => "authorized",
            Self::Captured => "succeeded",
            Self::Declined => "declined",
            Self::Canceled => "canceled",
        }
    }

    /// In events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitting => "submitting",
            Self::Unknown => "unknown",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::Declined => "declined",
            Self::Canceled => "canceled",
        }
    }
}

impl StepState {
    pub const ALL: [Self; 4] = [Self::Submitting, Self::Unknown, Self::Done, Self::Refused];

    pub const fn code(self) -> i64 {
        match self {
            Self::Submitting => 0,
            Self::Unknown => 1,
            Self::Done => 2,
            Self::Refused => 3,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Whether its outcome is still to come.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Submitting | Self::Unknown => true,
            Self::Done | Self::Refused => false,
        }
    }
}

impl StepState {
    /// In answers to operators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitting => "submitting",
            Self::Unknown => "unknown",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

impl Kind {
    pub const fn code(self) -> i64 {
        match self {
            Self::Authorize => 0,
            Self::Capture => 1,
            Self::Cancel => 2,
            Self::Refund => 3,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl PaymentRow {
    /// What can still be captured.
    pub const fn left(&self) -> i64 {
        self.amount - self.captured - self.capturing
    }

    /// What can still be refunded.
    pub const fn refundable(&self) -> i64 {
        self.captured - self.refunded - self.refunding
    }

    /// What the merchant sees; `is_busy` where a capture or a cancellation is under way.
    pub fn status(&self, is_busy: bool) -> &'static str {
        match self.state {
            State::Authorized if is_busy => "processing",
            state => state.status(),
        }
    }

    pub fn view(&self, is_busy: bool, card: &CardRow) -> PaymentView {
        let metadata = self.metadata.as_deref();
        PaymentView {
            id: self.id.to_string(),
            status: self.status(is_busy),
            amount: self.amount,
            currency: self.currency.code(),
            captured: self.captured,
            refunded: self.refunded,
            fee: self.fee,
            card: self.card.to_string(),
            card_brand: card.brand.as_str(),
            card_last4: card.last4.clone(),
            capture: if self.is_automatic { "automatic" } else { "manual" },
            decline_code: self.refusal.clone(),
            // Written by us from an object; what is no JSON any more is not shown.
            metadata: metadata.and_then(|text| serde_json::from_str(text).ok()),
            mode: self.mode.as_str(),
            created_at: self.created_at.to_string(),
            updated_at: self.updated_at.to_string(),
        }
    }
}

impl StepRow {
    /// As the gateway knows it.
    pub fn operation(&self) -> String {
        operation(self.kind, &self.id)
    }

    pub fn refund_view(&self, currency: Currency) -> RefundView {
        RefundView {
            id: RefundId::from_bytes(self.id).to_string(),
            payment: self.payment.to_string(),
            amount: self.amount,
            currency: currency.code(),
            status: match self.state {
                StepState::Submitting | StepState::Unknown => "processing",
                StepState::Done => "succeeded",
                StepState::Refused => "failed",
            },
            failure_code: self.refusal.clone(),
            created_at: self.created_at.to_string(),
        }
    }
}

/// The name of a step at the gateway: `pay_…`, `cap_…`, `can_…`, `rfd_…`.
pub fn operation(kind: Kind, id: &[u8; 16]) -> String {
    let text = PaymentId::from_bytes(*id).to_string();
    let rest = text.get(PREFIX_BYTES..).unwrap_or_default();
    format!("{}{rest}", prefix(kind))
}

/// The step behind a name; `None` for one that is no step's.
pub fn step_of(operation: &str) -> Option<(Kind, [u8; 16])> {
    let kind = Kind::ALL.into_iter().find(|kind| operation.starts_with(prefix(*kind)))?;
    let id: PaymentId = format!("pay_{}", operation.get(PREFIX_BYTES..)?).parse().ok()?;
    Some((kind, *id.bytes()))
}

const PREFIX_BYTES: usize = 4;

const fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Authorize => "pay_",
        Kind::Capture => "cap_",
        Kind::Cancel => "can_",
        Kind::Refund => "rfd_",
    }
}

/// Seconds after which a step that nobody has concluded is asked about: longer than a gateway may take.
pub const FIRST_ASK_SECONDS: i64 = 20;
/// How long a step that never arrived is waited for before it is closed at the gateway.
pub const GIVE_UP_SECONDS: i64 = 45;

/// Seconds between two questions: soon at first, and never long, so that what a gateway knows again is
/// known here within a minute of its return.
pub fn pause_seconds(asked: i64) -> i64 {
    match asked {
        ..=0 => 1,
        1 => 2,
        2 => 4,
        3 => 8,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_both_ways() {
        let id = *PaymentId::from_bytes([7; 16]).bytes();
        for kind in Kind::ALL {
            let name = operation(kind, &id);
            assert!(crate::gateways::is_operation_id(&name), "{name}");
            assert_eq!(step_of(&name), Some((kind, id)));
        }
        for name in
            ["", "pay_", "xyz_01jz7m5v3k8e9q2r4s6t8w0xyz", "pay_01jz7m5v3k8e9q2r4s6t8w0xy", "rf"]
        {
            assert_eq!(step_of(name), None, "{name}");
        }
    }

    #[test]
    fn codes_go_both_ways() {
        for state in State::ALL {
            assert_eq!(State::from_code(state.code()), Some(state));
        }
        for state in StepState::ALL {
            assert_eq!(StepState::from_code(state.code()), Some(state));
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
        }
    }
}
