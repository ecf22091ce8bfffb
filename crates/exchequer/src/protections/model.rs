//! Limits and what counts against them. Pure.

use money::{Currency, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

const HOUR_MICROS: i64 = 3_600_000_000;
/// Whole hours of a day, a week and a month of 30 days.
pub const DAY_HOURS: i64 = 24;
pub const WEEK_HOURS: i64 = 7 * DAY_HOURS;
pub const MONTH_HOURS: i64 = 30 * DAY_HOURS;

/// What may leave at most, minor units of one currency; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    pub per_transfer: Option<i64>,
    pub per_day: Option<i64>,
    pub per_week: Option<i64>,
    pub per_month: Option<i64>,
}

/// What left for others in the windows that end now, minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    pub day: i64,
    pub week: i64,
    pub month: i64,
    /// Since the last change of password, where that was asked for.
    pub since: i64,
}

/// What a customer's row says of outgoing money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub stopped_at: Option<Timestamp>,
    pub password_changed_at: Option<Timestamp>,
}

/// One's own limits for a currency, in minor units, and what counts against them. Null: no limit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerLimits)]
pub struct LimitsView {
    /// ISO 4217.
    pub currency: &'static str,
    pub per_transfer: Option<i64>,
    /// In any 24 hours.
    pub per_day: Option<i64>,
    /// In any 7 days.
    pub per_week: Option<i64>,
    /// In any 30 days.
    pub per_month: Option<i64>,
    /// What counts against `per_day`: transfers and holds to others, by whole hours.
    pub spent_day: i64,
    /// The same for `per_week`.
    pub spent_week: i64,
    /// The same for `per_month`.
    pub spent_month: i64,
}

/// The switch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Protections)]
pub struct ProtectionsView {
    /// Whether all outgoing money is stopped.
    pub outgoing_stopped: bool,
    pub outgoing_stopped_at: Option<String>,
}

impl Limits {
    pub fn all(&self) -> [Option<i64>; 4] {
        [self.per_transfer, self.per_day, self.per_week, self.per_month]
    }

    /// Whether any of them lets more out than before.
    pub fn is_looser_than(&self, before: &Self) -> bool {
        let looser = |(now, before): (Option<i64>, Option<i64>)| match (now, before) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(now), Some(before)) => now > before,
        };
        self.all().into_iter().zip(before.all()).any(looser)
    }

    /// Whether `amount` may leave after what was spent and what leaves together with it.
    pub fn allow(&self, amount: i64, spent: &Spent, together: i64) -> bool {
        let within = |limit: Option<i64>, spent: i64| {
            let sum = spent.saturating_add(together).saturating_add(amount);
            limit.is_none_or(|limit| sum <= limit)
        };
        self.per_transfer.is_none_or(|limit| amount <= limit)
            && within(self.per_day, spent.day)
            && within(self.per_week, spent.week)
            && within(self.per_month, spent.month)
    }

    pub(super) fn described(&self, currency: Currency) -> Value {
        json!({
            "currency": currency.code(),
            "per_transfer": self.per_transfer,
            "per_day": self.per_day,
            "per_week": self.per_week,
            "per_month": self.per_month,
        })
    }
}

impl LimitsView {
    pub fn new(currency: Currency, limits: &Limits, spent: &Spent) -> Self {
        Self {
            currency: currency.code(),
            per_transfer: limits.per_transfer,
            per_day: limits.per_day,
            per_week: limits.per_week,
            per_month: limits.per_month,
            spent_day: spent.day,
            spent_week: spent.week,
            spent_month: spent.month,
        }
    }
}

impl From<&Standing> for ProtectionsView {
    fn from(standing: &Standing) -> Self {
        Self {
            outgoing_stopped: standing.stopped_at.is_some(),
            outgoing_stopped_at: standing.stopped_at.map(|at| at.to_string()),
        }
    }
}

/// The hour of a time, since 1970.
pub fn hour(time: Timestamp) -> i64 {
    time.micros().div_euclid(HOUR_MICROS)
}

/// The first hour of which a part lies in the window of so many hours that ends at `now`. Hours after
/// `now` (a clock was set back) count as well.
pub fn first_hour(now: Timestamp, window_hours: i64) -> i64 {
    hour(now).saturating_sub(window_hours)
}

/// Whether the time after a change of password is not over. A change in the future was made by a clock
/// that has been set back, and counts.
pub fn is_recent(changed_at: Timestamp, now: Timestamp, seconds: u64) -> bool {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    seconds > 0 && now.micros_since(changed_at) < seconds.saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests;
