//! Money, time, chance and names of things, for every other crate of the bank.
//!
//! * [`Currency`], [`Amount`], [`Money`], [`Factor`], [`Rounding`]: exact arithmetic in minor
//!   units. There is no floating point, and a conversion fails rather than rounds; only
//!   [`Money::multiply`] rounds, in the way its caller names.
//! * [`Timestamp`], [`Clock`], [`Rng`]: time and randomness as arguments, so that a test can hold
//!   both still.
//! * [`Id`], [`IdMint`]: identifiers that carry their kind and sort by time.
//!
//! Everything here is a plain function of its arguments, except [`Clock::System`] and
//! [`Rng::System`], the only two places of the bank that ask the operating system.
//!
//! What it never does: read a file, open a socket, wait, log, guess the digits of an unknown
//! currency.

#![deny(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod allocation;
mod amount;
mod currency;
mod decimal;
mod factor;
mod id;
mod iso4217;
pub mod kind;
mod mint;
mod money;
mod rfc3339;
mod rng;
mod rounding;
mod time;

pub use amount::{Amount, AmountError};
pub use currency::{Currency, CurrencyError};
pub use factor::Factor;
pub use id::{Id, IdError};
pub use kind::{
    AccountId, ApprovalId, BeneficiaryId, CardId, ChallengeId, CustomerId, DifferenceId, EventId,
    FactorId, HoldId, IdKind, KeyId, MerchantId, MessageId, PaymentId, RefundId, RequestId,
    SessionId, StaffId, TransferId, WebhookId,
};
pub use mint::IdMint;
pub use money::{Money, MoneyError};
pub use rng::{Rng, SeededState};
pub use rounding::Rounding;
pub use time::{Clock, ClockError, Timestamp, TimestampError};
