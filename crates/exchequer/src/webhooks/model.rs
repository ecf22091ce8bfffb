//! What merchants are told and where it is sent: kinds of events, endpoints, deliveries, when a try is due. Pure.

use money::{EventId, MerchantId, Timestamp, WebhookId};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use vault::WebhookAlgorithm;

use crate::merchants::keys::Mode;

/// What a merchant is told of. What it did itself and was answered at once (a card kept, a payment taken in)
/// is not among it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The money is reserved on the card.
    PaymentAuthorized,
    /// A part was captured, and more may be.
    PaymentCaptured,
    /// All that will be captured is.
    PaymentSucceeded,
    PaymentDeclined,
    PaymentCanceled,
    /// The gateway's answer is lost; the bank asks until it knows (P7).
    PaymentProcessing,
    /// The gateway refused a capture: the payment is as it was.
    PaymentCaptureFailed,
    /// The gateway refused a cancellation: the payment is as it was.
    PaymentCancelFailed,
    /// The gateway's answer to a refund is lost.
    RefundProcessing,
    RefundSucceeded,
    RefundFailed,
}

/// A row of `merchant_events`.
#[derive(Debug, Clone)]
pub struct MerchantEvent {
    pub sequence: i64,
    pub id: EventId,
    pub topic: String,
    /// JSON.
    pub data: String,
    pub created_at: Timestamp,
}

/// An event, as `GET /v1/events` lists it and as an endpoint gets it.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantEvent)]
pub struct MerchantEventView {
    /// The same at every try: what was seen before is seen again, not new.
    pub id: String,
    /// 1, 2, 3, … for each merchant and mode, without a gap.
    #[schema(example = 41)]
    pub sequence: i64,
    /// As `payment.succeeded`.
    pub r#type: String,
    pub created_at: String,
    /// The payment or the refund, as the API showed it at that moment.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

/// Why nothing is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointStatus {
    Enabled,
    /// By its merchant.
    Disabled,
    /// It answered 410.
    Gone,
    /// It took nothing for [`FAILING_SECONDS`].
    Failing,
}

/// A row of `webhook_endpoints`, without its keys.
#[derive(Debug, Clone)]
pub struct EndpointRow {
    pub id: WebhookId,
    pub merchant: MerchantId,
    pub mode: Mode,
    pub url: String,
    /// Names of topics, or beginnings of them with `*`; never empty.
    pub events: Vec<String>,
    pub description: Option<String>,
    pub algorithm: WebhookAlgorithm,
    pub public_key: Option<String>,
    pub previous_until: Option<Timestamp>,
    pub status: EndpointStatus,
    /// Everything up to this number was tried, or is none of its.
    pub position: i64,
    pub next_at: Timestamp,
    pub leased_until: Timestamp,
    /// Turns without a success.
    pub streak: i64,
    pub failing_since: Option<Timestamp>,
    pub last_error: Option<String>,
    pub last_delivered_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// An endpoint as operators see it, with what its newest deliveries came to.
#[derive(Debug, Clone)]
pub struct WatchedEndpoint {
    pub endpoint: EndpointRow,
    pub merchant_name: String,
    pub waiting: i64,
    /// Given up after [`MAX_ATTEMPTS`].
    pub dead: i64,
}

/// Where an event stands that was not taken at the first try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    Waiting,
    Delivered,
    /// Given up after [`MAX_ATTEMPTS`].
    Dead,
}

/// A row of `webhook_deliveries`.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    pub sequence: i64,
    pub event: EventId,
    pub status: DeliveryStatus,
    pub attempts: i64,
    pub last_error: Option<String>,
    pub next_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// Where a merchant's events are sent.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub struct EndpointView {
    pub id: String,
    pub url: String,
    /// Which events: names, or `*` at the end of a beginning.
    #[schema(example = json!(["payment.*"]))]
    pub events: Vec<String>,
    pub description: Option<String>,
    /// `hmac` or `ed25519`.
    pub algorithm: &'static str,
    /// Of an Ed25519 endpoint: what its signatures are verified with.
    pub public_key: Option<String>,
    /// Until then the signature of the key before stands beside the other.
    pub previous_key_until: Option<String>,
    /// `enabled`, `disabled`, `gone` (it answered 410) or `failing` (it took nothing for five days).
    pub status: &'static str,
    /// Every event up to this number was tried, or is none of this endpoint's.
    #[schema(example = 41)]
    pub position: i64,
    pub failing_since: Option<String>,
    /// Of the last try that failed, while none has succeeded since: `timeout`, `status_500`, …
    pub last_error: Option<String>,
    pub last_delivered_at: Option<String>,
    /// `test` or `live`.
    pub mode: &'static str,
    pub created_at: String,
}

/// An endpoint as operators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffWebhookEndpoint)]
pub struct WatchedEndpointView {
    #[serde(flatten)]
    pub endpoint: EndpointView,
    /// The merchant's id.
    #[schema(example = "mer_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    pub merchant: String,
    pub merchant_name: String,
    /// Events that are tried again, of the endpoint's newest 1,000 deliveries.
    #[schema(example = 2)]
    pub waiting: i64,
    /// Dead letters: events that were given up, of the same.
    #[schema(example = 1)]
    pub dead: i64,
}

/// An event that an endpoint did not take at the first try, or that is sent again on request.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub struct DeliveryView {
    /// Id of the event.
    pub event: String,
    /// The event's number.
    #[schema(example = 41)]
    pub sequence: i64,
    /// `waiting`, `delivered` or `dead`.
    pub status: &'static str,
    /// Tries so far.
    #[schema(example = 3)]
    pub attempts: i64,
    /// `timeout`, `no_connection`, `no_public_address`, `redirect`, `status_500`, …
    pub last_error: Option<String>,
    pub next_attempt_at: Option<String>,
    pub created_at: String,
    pub ended_at: Option<String>,
}

/// Tries of one event. With the pauses between them they take three days.
pub const MAX_ATTEMPTS: i64 = 15;
/// An endpoint that took nothing for so long is left alone until its merchant enables it.
pub const FAILING_SECONDS: i64 = 5 * 86_400;
/// The longest pause of an endpoint that takes nothing.
pub const MAX_ENDPOINT_PAUSE_SECONDS: i64 = 300;

/// Seconds after a try that failed, by how many there were.
const PAUSES: [i64; 9] = [10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800];
const LAST_PAUSE: i64 = 43_200;
/// So that what failed together does not return together.
const JITTER_PERCENT: i64 = 15;

/// Seconds until an event is tried again; `chance` is 0 to 100.
pub fn pause_seconds(attempts: i64, chance: i64) -> i64 {
    let nth = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    let pause = PAUSES.get(nth).copied().unwrap_or(LAST_PAUSE);
    // From 15 % less to 15 % more.
    let percent = 100 - JITTER_PERCENT + 2 * JITTER_PERCENT * chance.clamp(0, 100) / 100;
    (pause * percent / 100).max(1)
}

/// Seconds until an endpoint is looked at again that has taken nothing in so many turns.
pub fn endpoint_pause_seconds(streak: i64) -> i64 {
    match streak {
        ..=0 => 0,
        1..=8 => MAX_ENDPOINT_PAUSE_SECONDS.min(1 << streak),
        _ => MAX_ENDPOINT_PAUSE_SECONDS,
    }
}

impl Topic {
    pub const ALL: [Self; 11] = [
        Self::PaymentAuthorized,
        Self::PaymentCaptured,
        Self::PaymentSucceeded,
        Self::PaymentDeclined,
        Self::PaymentCanceled,
        Self::PaymentProcessing,
        Self::PaymentCaptureFailed,
        Self::PaymentCancelFailed,
        Self::RefundProcessing,
        Self::RefundSucceeded,
        Self::RefundFailed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentAuthorized => "payment.authorized",
            Self::PaymentCaptured => "payment.captured",
            Self::PaymentSucceeded => "payment.succeeded",
            Self::PaymentDeclined => "payment.declined",
            Self::PaymentCanceled => "payment.canceled",
            Self::PaymentProcessing => "payment.processing",
            Self::PaymentCaptureFailed => "payment.capture_failed",
            Self::PaymentCancelFailed => "payment.cancel_failed",
            Self::RefundProcessing => "refund.processing",
            Self::RefundSucceeded => "refund.succeeded",
            Self::RefundFailed => "refund.failed",
        }
    }
}

/// Whether a pattern (`*`, `payment.*`, `refund.failed`) covers a name.
pub fn covers(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// A pattern that covers something: `*`, `payment.*`, or a name of the list.
pub fn is_pattern(text: &str) -> bool {
    let is_whole = text == "*" || text.ends_with(".*") || !text.contains('*');
    is_whole && Topic::ALL.into_iter().any(|topic| covers(text, topic.as_str()))
}

impl MerchantEvent {
    /// `None` where the row's data is no JSON any more.
    pub fn view(self) -> Option<MerchantEventView> {
        Some(MerchantEventView {
            id: self.id.to_string(),
            sequence: self.sequence,
            r#type: self.topic,
            created_at: self.created_at.to_string(),
            data: RawValue::from_string(self.data).ok()?,
        })
    }
}

impl EndpointStatus {
    pub const ALL: [Self; 4] = [Self::Enabled, Self::Disabled, Self::Gone, Self::Failing];

    pub const fn code(self) -> i64 {
        match self {
            Self::Enabled => 0,
            Self::Disabled => 1,
            Self::Gone => 2,
            Self::Failing => 3,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

impl EndpointRow {
    pub fn wants(&self, name: &str) -> bool {
        self.events.iter().any(|pattern| covers(pattern, name))
    }
}

impl From<&WatchedEndpoint> for WatchedEndpointView {
    fn from(row: &WatchedEndpoint) -> Self {
        Self {
            endpoint: EndpointView::from(&row.endpoint),
            merchant: row.endpoint.merchant.to_string(),
            merchant_name: row.merchant_name.clone(),
            waiting: row.waiting,
            dead: row.dead,
        }
    }
}

impl From<&EndpointRow> for EndpointView {
    fn from(row: &EndpointRow) -> Self {
        Self {
            id: row.id.to_string(),
            url: row.url.clone(),
            events: row.events.clone(),
            description: row.description.clone(),
            algorithm: row.algorithm.as_str(),
            public_key: row.public_key.clone(),
            previous_key_until: row.previous_until.map(|at| at.to_string()),
            status: row.status.as_str(),
            position: row.position,
            failing_since: row.failing_since.map(|at| at.to_string()),
            last_error: row.last_error.clone(),
            last_delivered_at: row.last_delivered_at.map(|at| at.to_string()),
            mode: row.mode.as_str(),
            created_at: row.created_at.to_string(),
        }
    }
}

impl DeliveryStatus {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Dead];

    pub const fn code(self) -> i64 {
        match self {
            Self::Waiting => 0,
            Self::Delivered => 1,
            Self::Dead => 2,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl From<&DeliveryRow> for DeliveryView {
    fn from(row: &DeliveryRow) -> Self {
        Self {
            event: row.event.to_string(),
            sequence: row.sequence,
            status: row.status.as_str(),
            attempts: row.attempts,
            last_error: row.last_error.clone(),
            next_attempt_at: row.next_at.map(|at| at.to_string()),
            created_at: row.created_at.to_string(),
            ended_at: row.ended_at.map(|at| at.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
