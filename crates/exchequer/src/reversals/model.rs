//! Reversals: their row, their name at a gateway, by when they are to be done, and how they are shown. Pure.

use money::{DifferenceId, PaymentId, Timestamp, TransferId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gateways::Day;
use crate::payments::model::StepState;

/// A row of `payment_reversals`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversalRow {
    /// The step that failed here; of an authorisation the payment's own id.
    pub step: [u8; 16],
    pub payment: PaymentId,
    pub difference: DifferenceId,
    /// Minor units of the payment's currency.
    pub amount: i64,
    pub state: StepState,
    /// The gateway's own.
    pub reference: Option<String>,
    pub refusal: Option<String>,
    pub transfer: Option<TransferId>,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub overdue_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// How often the gateway was asked what became of it.
    pub asked: i64,
    pub ask_at: Option<Timestamp>,
}

/// A charge of a failed payment that is given back by itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChargeReversal)]
pub struct ReversalView {
    /// Its name at the gateway.
    pub operation: String,
    /// Id of the payment.
    pub payment: String,
    /// Minor units.
    pub amount: i64,
    /// `processing`, `succeeded` or `failed`; a failed one waits for an operator.
    pub status: &'static str,
    /// Why it failed, in the gateway's word.
    pub failure_code: Option<String>,
    /// By when the profile wants the money to be back.
    pub due_at: String,
    /// Whether that time was over before.
    pub overdue: bool,
    pub ended_at: Option<String>,
}

const PREFIX: &str = "rev_";
const DAY_SECONDS: i64 = 86_400;

/// The end of the day that is so many days behind the charge's: T+n, by the RBI's word.
pub fn due_at(charged: Day, days: u32) -> Timestamp {
    charged.next().start().plus_seconds(i64::from(days).saturating_mul(DAY_SECONDS))
}

/// The name of a step's reversal at a gateway, and so the gateway's idempotency key.
pub fn name_of(step: &[u8; 16]) -> String {
    let text = PaymentId::from_bytes(*step).to_string();
    format!("{PREFIX}{}", text.get(PREFIX.len()..).unwrap_or_default())
}

/// The step behind a name; `None` for one that is no reversal's.
pub fn step_behind(operation: &str) -> Option<[u8; 16]> {
    let rest = operation.strip_prefix(PREFIX)?;
    let id: PaymentId = format!("pay_{rest}").parse().ok()?;
    Some(*id.bytes())
}

impl From<&ReversalRow> for ReversalView {
    fn from(row: &ReversalRow) -> Self {
        Self {
            operation: name_of(&row.step),
            payment: row.payment.to_string(),
            amount: row.amount,
            status: match row.state {
                StepState::Submitting | StepState::Unknown => "processing",
                StepState::Done => "succeeded",
                StepState::Refused => "failed",
            },
            failure_code: row.refusal.clone(),
            due_at: row.due_at.to_string(),
            overdue: row.overdue_at.is_some(),
            ended_at: row.ended_at.map(|at| at.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_step_and_is_no_steps() {
        let step = [7; 16];
        let name = name_of(&step);
        assert!(crate::gateways::is_operation_id(&name), "{name}");
        assert_eq!(step_behind(&name), Some(step));
        assert_eq!(crate::payments::model::step_of(&name), None);
        for other in ["", "rev_", "pay_01jz7m5v3k8e9q2r4s6t8w0xyz", "rev_zz"] {
            assert_eq!(step_behind(other), None, "{other}");
        }
    }

    #[test]
    fn days_are_counted_behind_the_day_of_the_charge() {
        let day: Day = "2026-11-20".parse().unwrap();
        assert_eq!(due_at(day, 1).to_string(), "2026-11-22T00:00:00.000000Z");
        assert_eq!(due_at(day, 5).to_string(), "2026-11-26T00:00:00.000000Z");
    }
}
