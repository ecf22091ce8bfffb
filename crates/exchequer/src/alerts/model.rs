//! Who is told of what, what waits to be told, and when the next message may go. Pure.

use std::collections::BTreeMap;

use money::{Currency, CustomerId, MessageId, Timestamp, TransferId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Messages about payments to one customer in an hour, each of which tells at once; what comes then is told together when
/// the hour is over. More than a busy day of a person, and few beside what a shop would get. Messages of incoming money alone
/// have as many of their own: anybody can pay somebody ten times, and must not keep what leaves then from being told.
pub const HOURLY: i64 = 10;
pub const HOUR_SECONDS: i64 = 3_600;
/// Payments of one currency and direction that a message names; the others it counts.
pub const LISTED: usize = 5;

/// What a customer is told of, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    pub enabled: bool,
    /// Minor units; none: of every payment.
    pub at_least: Option<i64>,
}

/// Which way money went, as its customer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    In,
    Out,
}

/// Payments that wait to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    pub payments: i64,
    /// Minor units.
    pub amount: i64,
    /// The largest of them, at most [`LISTED`]: many small ones hide none that matters.
    pub listed: Vec<Listed>,
}

/// A payment that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    pub amount: i64,
    pub id: TransferId,
}

/// Of whom, in what, which way.
pub type Key = (CustomerId, Currency, Direction);
pub type Gatherings = BTreeMap<Key, Gathered>;
/// The same of one customer.
pub type Waiting = ((Currency, Direction), Gathered);

/// What was told to a customer lately, and whether something waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// When the hour began that messages are counted in.
    pub hour_at: Timestamp,
    /// Messages of incoming money alone.
    pub incoming: i64,
    /// The others.
    pub outgoing: i64,
    /// The last one.
    pub message: Option<MessageId>,
    /// When what was gathered may be told.
    pub due_at: Option<Timestamp>,
}

/// What one is told of in a currency. Amounts are minor units.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alerts)]
pub struct AlertsView {
    /// ISO 4217.
    pub currency: &'static str,
    /// Whether payments that leave or reach one's accounts are told by e-mail.
    pub enabled: bool,
    /// Of payments of at least this much; null: of all.
    pub at_least: Option<i64>,
}

impl Choice {
    pub fn takes(&self, amount: i64) -> bool {
        self.enabled && self.at_least.is_none_or(|least| amount >= least)
    }

    /// Whether there is a payment that was told of before and is not any more.
    pub fn tells_less_than(&self, before: &Self) -> bool {
        before.enabled
            && (!self.enabled || self.at_least.unwrap_or(1) > before.at_least.unwrap_or(1))
    }

    pub(super) fn described(&self, currency: Currency) -> Value {
        json!({ "currency": currency.code(), "enabled": self.enabled, "at_least": self.at_least })
    }
}

impl AlertsView {
    pub fn new(currency: Currency, choice: &Choice) -> Self {
        let Choice { enabled, at_least } = *choice;
        Self { currency: currency.code(), enabled, at_least }
    }
}

impl Direction {
    pub const ALL: [Self; 2] = [Self::In, Self::Out];

    /// As stored.
    pub const fn code(self) -> i64 {
        match self {
            Self::In => 0,
            Self::Out => 1,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.code() == code)
    }
}

impl Gathered {
    pub fn add(&mut self, more: &Self) {
        self.payments = self.payments.saturating_add(more.payments);
        self.amount = self.amount.saturating_add(more.amount);
        self.listed.extend(&more.listed);
        // Of equal ones the earlier.
        self.listed.sort_by_key(|one| std::cmp::Reverse(one.amount));
        self.listed.truncate(LISTED);
    }
}

impl Told {
    /// Nothing yet.
    pub const NOTHING: Self =
        Self { hour_at: Timestamp::EPOCH, incoming: 0, outgoing: 0, message: None, due_at: None };

    /// When the next message may go, of money that left or of incoming money alone. An hour that begins in the future was made by a clock that was wrong, and is over.
    pub fn next_at(&self, now: Timestamp, of: Direction) -> Timestamp {
        let sent = match of {
            Direction::In => self.incoming,
            Direction::Out => self.outgoing,
        };
        if self.is_hour_over(now) || sent < HOURLY {
            return now;
        }
        self.hour_at.plus_seconds(HOUR_SECONDS)
    }

    /// After a message that tells of all that waited.
    #[must_use]
    pub fn after(&self, message: Option<MessageId>, now: Timestamp, of: Direction) -> Self {
        let mut next = if self.is_hour_over(now) {
            Self { hour_at: now, ..Self::NOTHING }
        } else {
            Self { due_at: None, ..*self }
        };
        next.message = message;
        let sent = match of {
            Direction::In => &mut next.incoming,
            Direction::Out => &mut next.outgoing,
        };
        *sent = sent.saturating_add(1);
        next
    }

    fn is_hour_over(&self, now: Timestamp) -> bool {
        let passed = now.micros_since(self.hour_at);
        passed < 0 || passed >= HOUR_SECONDS.saturating_mul(1_000_000)
    }
}

#[cfg(test)]
mod tests;
