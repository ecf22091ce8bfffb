//! When a payment needs a second factor, and what a new payee or a new password holds back.
//!
//! Amounts are whole major units, one number for all currencies: 10,000 is EUR 10000.00 and JPY 10000.
//! A bank whose currencies differ much in worth takes the number that suits its main one.

use super::Profile;
use super::reading::Reading;

/// The rules of payments. Zero switches a rule off where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepUp {
    pub every_payment: EveryPayment,
    /// A payment of at least this much.
    pub amount: u64,
    /// Payments to others that come to more than this in any 24 hours.
    pub day_total: u64,
    /// More payments to others than this in any hour. Zero: off.
    pub hourly_payments: u64,
    /// A payee is new for so long. Zero: off.
    pub cooling_seconds: u64,
    /// A new payee gets less than this.
    pub cooling_amount: u64,
    /// For so long after a change of password, payments to others stay below `amount` together. Zero:
    /// off.
    pub password_change_seconds: u64,
}

/// Whether a payment needs a factor whatever its amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EveryPayment {
    /// No: amount, payee and totals decide.
    Weighed,
    /// Each to somebody else's account: RTS 2018/389 Art 5, with the exemption of Art 15.
    ToOthers,
    /// Each: RBI, Authentication Directions 2025.
    All,
}

pub(super) fn read(reading: &mut Reading, profile: Profile) -> StepUp {
    let floor = profile.cooling_seconds();
    let cooling_seconds = reading.optional_integer("step_up_cooling_seconds").unwrap_or(floor);
    if cooling_seconds < floor {
        let wrong = format!("{cooling_seconds} is less than profile {} asks for", profile.name());
        reading.fault("step_up_cooling_seconds", wrong, format!("at least {floor}"));
    }
    StepUp {
        every_payment: profile.every_payment(),
        amount: reading.integer("step_up_amount"),
        day_total: reading.integer("step_up_day_total"),
        hourly_payments: reading.integer("step_up_hourly_payments"),
        cooling_seconds,
        cooling_amount: reading.integer("step_up_cooling_amount"),
        password_change_seconds: reading.integer("step_up_password_change_seconds"),
    }
}
