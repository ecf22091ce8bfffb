//! Card gateways: one small trait, and one file for each gateway behind it.
//!
//! Order of a payment's life: [`Gateway::prepare`], whose reference is stored; then [`Gateway::submit`], for
//! each act under an id of ours by which the gateway knows a repetition; where no answer came, or none that
//! can be believed, [`Gateway::ask`] until it is known. Silence is [`Outcome::Unknown`] and never a refusal:
//! only an answer that is whole, well formed and about this operation, its currency and its amount is
//! [`Outcome::Done`] or [`Outcome::Refused`].
//!
//! Cost: one request over a kept connection. Bound: every call ends within the [`Limits`] that its gateway
//! was made with. Never here: the database, a retry of an act, a card number or secret in an error, a log
//! line or `Debug`; trust in an amount that a notice names.

pub(crate) mod client;
mod day;
pub mod sandbox;
pub mod signature;
pub mod stripe;

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use http::HeaderMap;
use money::{Currency, Money, PaymentId, Timestamp};
use vault::SecretString;
use vault::card::{Expiry, Number};

pub use self::client::SettingsError;
pub use self::day::{Day, DayError};

/// The answer to a call that may wait for the network.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What takes card payments for the bank.
pub trait Gateway: Send + Sync {
    /// Stored with each payment, so it never changes: `sandbox`, `stripe`.
    fn name(&self) -> &'static str;

    /// A reference to be stored before an authorisation is submitted; moves no money. Under the same id it
    /// gives the same reference, so it may be called again after [`Prepared::Unknown`].
    fn prepare<'a>(&'a self, operation: &'a Operation<'a>) -> Pending<'a, Prepared>;

    /// Does it, once for each id.
    fn submit<'a>(&'a self, operation: &'a Operation<'a>) -> Pending<'a, Outcome>;

    /// What became of an operation whose answer was lost. With `give_up`, an operation that never arrived is
    /// first closed at the gateway, so that it cannot happen any more, and answers [`Asked::Closed`].
    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pending<'a, Asked>;

    /// What the gateway moved on a day in UTC, in its order.
    fn report(&self, day: Day) -> Pending<'_, Result<Vec<ReportLine>, GatewayFault>>;

    /// Verifies a notice that somebody posted, over the raw bytes of its body.
    fn read_notice(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, NoticeRefusal>;
}

/// Something that a gateway is to do.
#[derive(Clone, Copy)]
pub struct Operation<'a> {
    /// Ours, and the gateway's idempotency key: `pay_…` of an authorisation, `rfd_…`, the id of a capture
    /// or of a cancellation. 1 to [`MAX_ID_BYTES`] of `a-z 0-9 _ -`.
    pub id: &'a str,
    pub payment: PaymentId,
    /// The gateway's own reference of the payment.
    pub reference: Option<&'a str>,
    pub act: Act<'a>,
}

#[derive(Clone, Copy)]
pub enum Act<'a> {
    /// Reserves the money on the card; with `capture` it is also taken at once.
    Authorize { money: Money, card: &'a Card, capture: bool },
    /// Takes reserved money, in part or in whole; `is_final` releases what is left.
    Capture { money: Money, is_final: bool },
    /// Releases all that is reserved and not taken.
    Cancel,
    /// Gives back money that was taken.
    Refund { money: Money },
}

/// A card in the clear, for as long as one request takes.
pub struct Card {
    pub number: Number,
    pub expiry: Expiry,
    pub cvv: Option<SecretString>,
}

/// The four acts without what they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Authorize,
    Capture,
    Cancel,
    Refund,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// To be stored with the payment before it is submitted.
    Reference(String),
    /// This gateway needs no preparation.
    Nothing,
    /// The gateway takes no such card or currency. There is nothing to submit; `code` is its word.
    Refused(String),
    /// No answer to be believed; no money has moved.
    Unknown(String),
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done(Done),
    /// It did not happen and will not under this id. `code` is the gateway's word.
    Refused {
        code: String,
        reference: Option<String>,
    },
    /// It may have happened. `why` is for the log.
    Unknown {
        why: String,
    },
}

/// What the gateway says it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Of the payment; of the refund where it was one.
    pub reference: String,
    /// Minor units; for a cancellation, what was released.
    pub amount: i64,
    /// An authorisation whose money was taken at once; always so for a capture.
    pub is_captured: bool,
}

/// A question about an operation whose answer is not known.
pub struct Question<'a> {
    pub id: &'a str,
    pub payment: PaymentId,
    /// As in [`Operation`].
    pub reference: Option<&'a str>,
    /// Of the payment; an answer in another is none.
    pub currency: Currency,
    pub kind: Kind,
    pub give_up: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// `Done` or `Refused`, never `Unknown`. The amount is what the gateway says; compare it.
    Known(Outcome),
    /// The gateway has it and has not decided.
    StillRunning,
    /// The gateway does not have it; it may still arrive.
    NeverSeen,
    /// It did not happen and cannot any more.
    Closed,
    /// No answer to be believed. The text is for the log.
    Unreachable(String),
}

/// A hint that an operation has news: ask. What else the notice says is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub operation: String,
}

/// One movement of money in a gateway's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine {
    /// Our id of the operation. An authorisation that captured at once is the operation of its capture.
    pub operation: String,
    /// `Capture` or `Refund`: nothing else moves money.
    pub kind: Kind,
    /// Our id, as the gateway has it.
    pub payment: String,
    pub reference: String,
    /// Positive, also for a refund.
    pub money: Money,
    /// Minor units of the same currency that the gateway keeps; negative where it gives one back.
    pub fee: i64,
    pub at: Timestamp,
}

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayFault {
    /// No connection, no answer in time, or one that broke off.
    #[error("the gateway gave no whole answer: {0}")]
    Silent(String),
    #[error("the gateway answered HTTP {0}")]
    Status(u16),
    /// More than [`MAX_REPORT_BYTES`].
    #[error("the gateway's report is too long")]
    TooLong,
    #[error("the gateway's report is malformed: {0}")]
    Malformed(String),
}

/// Why a notice is not believed, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefusal {
    #[error("the notice is too long")]
    TooLong,
    /// No signature header, or one that is not a time and a signature.
    #[error("the notice is not signed")]
    Unsigned,
    #[error("the notice's signature is wrong")]
    WrongSignature,
    /// Signed more than [`NOTICE_WINDOW_SECONDS`] ago or ahead.
    #[error("the notice is too old or from the future")]
    Stale,
    /// Signed, and not about an operation of ours.
    #[error("the notice names no operation")]
    Malformed,
}

/// How long a gateway is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For a whole request, from the connection to the answer's last byte.
    pub whole: Duration,
}

/// Bytes of an answer to anything but a report.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Bytes of a report: some 400,000 lines.
pub const MAX_REPORT_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of a notice.
pub const MAX_NOTICE_BYTES: usize = 64 * 1024;
/// A notice serves this long before and after the moment in its signature.
pub const NOTICE_WINDOW_SECONDS: i64 = 300;
/// Bytes of an operation's id.
pub const MAX_ID_BYTES: usize = 64;

impl Act<'_> {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Authorize { .. } => Kind::Authorize,
            Self::Capture { .. } => Kind::Capture,
            Self::Cancel => Kind::Cancel,
            Self::Refund { .. } => Kind::Refund,
        }
    }

    /// None for a cancellation, which is of whatever is left.
    pub const fn money(&self) -> Option<Money> {
        match self {
            Self::Authorize { money, .. }
            | Self::Capture { money, .. }
            | Self::Refund { money } => Some(*money),
            Self::Cancel => None,
        }
    }
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Authorize, Self::Capture, Self::Cancel, Self::Refund];

    /// The word in columns, in reports and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Default for Limits {
    /// A gateway asks the card's issuer, which takes seconds on a bad day.
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), whole: Duration::from_secs(10) }
    }
}

/// What any gateway can be asked to carry as an id: it stands in paths and in CSV without quoting.
pub fn is_operation_id(text: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

#[cfg(test)]
mod tests;
