//! What a gateway reports, held against what the bank has: the differences by name. Pure.

use money::{Currency, DifferenceId, StaffId, Timestamp, TransferId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gateways::{Day, Kind, ReportLine};
use crate::merchants::keys::Mode;
use crate::reversals::model::ReversalView;

/// What does not agree, in the order in which it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The gateway moved money for an operation that the bank never asked for.
    UnknownOperation,
    /// The gateway moved money for a step that the bank has as refused or not known.
    NotDoneHere,
    CurrencyDiffers,
    AmountDiffers,
    /// The bank has a step as done, and no report has it.
    NotReported,
}

/// What the bank has of a step that moves money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ours {
    pub is_done: bool,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
}

/// A row of `differences`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferenceRow {
    pub id: DifferenceId,
    pub gateway: String,
    pub mode: Mode,
    pub day: Day,
    pub what: What,
    pub operation: String,
    pub currency: Currency,
    pub ours: i64,
    pub theirs: i64,
    pub transfer: Option<TransferId>,
    pub found_at: Timestamp,
    pub resolved: Option<(Timestamp, Option<StaffId>, String)>,
}

/// A row of `reconciliations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationRow {
    pub gateway: String,
    pub day: Day,
    pub mode: Mode,
    pub lines: i64,
    pub matched: i64,
    pub differences: i64,
    pub done_at: Timestamp,
}

/// A gateway's report that was read to its end.
#[derive(Serialize, ToSchema)]
#[schema(as = Reconciliation)]
pub struct ReconciliationView {
    /// `sandbox` or `stripe`.
    pub gateway: String,
    /// In UTC, as `2026-11-21`.
    pub day: String,
    /// `test` or `live`.
    pub mode: &'static str,
    /// Movements in the report.
    pub lines: i64,
    /// Movements that the bank has just so.
    pub matched: i64,
    /// Differences that were found with it.
    pub differences: i64,
    pub done_at: String,
}

/// Something on which a gateway and the bank do not agree.
#[derive(Serialize, ToSchema)]
#[schema(as = Difference)]
pub struct DifferenceView {
    pub id: String,
    pub gateway: String,
    /// In UTC, as `2026-11-21`.
    pub day: String,
    /// `test` or `live`.
    pub mode: &'static str,
    /// `unknown_operation`, `not_done_here`, `currency_differs`, `amount_differs` or `not_reported`.
    pub what: &'static str,
    /// Our id of the operation, as the gateway has it.
    pub operation: String,
    pub currency: &'static str,
    /// Minor units that the bank has.
    pub ours: i64,
    /// Minor units that the gateway has.
    pub theirs: i64,
    /// Id of the transfer that put the difference into suspense.
    pub transfer: Option<String>,
    /// The charge of a failed payment, which the bank has the gateway give back.
    pub reversal: Option<ReversalView>,
    pub found_at: String,
    pub resolved_at: Option<String>,
    /// Id of the operator who resolved it; null where it resolved itself.
    pub resolved_by: Option<String>,
    /// What it was, in the operator's words or the bank's.
    pub note: Option<String>,
}

impl What {
    pub const ALL: [Self; 5] = [
        Self::UnknownOperation,
        Self::NotDoneHere,
        Self::CurrencyDiffers,
        Self::AmountDiffers,
        Self::NotReported,
    ];

    pub const fn code(self) -> i64 {
        match self {
            Self::UnknownOperation => 0,
            Self::NotDoneHere => 1,
            Self::AmountDiffers => 2,
            Self::CurrencyDiffers => 3,
            Self::NotReported => 4,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.code() == code)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownOperation => "unknown_operation",
            Self::NotDoneHere => "not_done_here",
            Self::CurrencyDiffers => "currency_differs",
            Self::AmountDiffers => "amount_differs",
            Self::NotReported => "not_reported",
        }
    }
}

/// What a line of a report says that the bank does not; `None` where they agree.
pub fn compare(line: &ReportLine, ours: Option<&Ours>) -> Option<What> {
    match ours {
        None => Some(What::UnknownOperation),
        Some(ours) if !ours.is_done => Some(What::NotDoneHere),
        Some(ours) if ours.currency != line.money.currency() => Some(What::CurrencyDiffers),
        Some(ours) if ours.amount != line.money.minor() => Some(What::AmountDiffers),
        Some(_) => None,
    }
}

/// What goes from clearing to suspense, minor units; below zero it goes the other way.
///
/// Clearing mirrors the gateway: it fell by what the bank has as captured and rose by what it has as
/// refunded. What the gateway has beyond that is nobody's yet.
pub const fn to_suspense(kind: Kind, ours: i64, theirs: i64) -> i64 {
    match kind {
        Kind::Refund => ours.saturating_sub(theirs),
        Kind::Authorize | Kind::Capture | Kind::Cancel => theirs.saturating_sub(ours),
    }
}

impl From<&ReconciliationRow> for ReconciliationView {
    fn from(row: &ReconciliationRow) -> Self {
        Self {
            gateway: row.gateway.clone(),
            day: row.day.to_string(),
            mode: row.mode.as_str(),
            lines: row.lines,
            matched: row.matched,
            differences: row.differences,
            done_at: row.done_at.to_string(),
        }
    }
}

impl DifferenceView {
    #[must_use]
    pub fn with(self, reversal: Option<ReversalView>) -> Self {
        Self { reversal, ..self }
    }
}

impl From<&DifferenceRow> for DifferenceView {
    fn from(row: &DifferenceRow) -> Self {
        let resolved = row.resolved.as_ref();
        Self {
            id: row.id.to_string(),
            gateway: row.gateway.clone(),
            day: row.day.to_string(),
            mode: row.mode.as_str(),
            what: row.what.as_str(),
            operation: row.operation.clone(),
            currency: row.currency.code(),
            ours: row.ours,
            theirs: row.theirs,
            transfer: row.transfer.map(|id| id.to_string()),
            reversal: None,
            found_at: row.found_at.to_string(),
            resolved_at: resolved.map(|(at, ..)| at.to_string()),
            resolved_by: resolved.and_then(|(_, by, _)| by.map(|by| by.to_string())),
            note: resolved.map(|(.., note)| note.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use money::Money;

    use super::*;

    fn line(amount: i64) -> ReportLine {
        ReportLine {
            operation: "pay_1".to_owned(),
            kind: Kind::Capture,
            payment: "pay_1".to_owned(),
            reference: "ch_1".to_owned(),
            money: Money::new(amount, Currency::INR),
            fee: 0,
            at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn differences_are_named_in_order() {
        let ours = |is_done, amount, code: &str| Ours {
            is_done,
            amount,
            currency: Currency::from_code(code).unwrap(),
        };
        for (what, ours) in [
            (Some(What::UnknownOperation), None),
            (Some(What::NotDoneHere), Some(ours(false, 100, "INR"))),
            (Some(What::NotDoneHere), Some(ours(false, 99, "EUR"))),
            (Some(What::CurrencyDiffers), Some(ours(true, 99, "EUR"))),
            (Some(What::AmountDiffers), Some(ours(true, 99, "INR"))),
            (None, Some(ours(true, 100, "INR"))),
        ] {
            assert_eq!(compare(&line(100), ours.as_ref()), what);
        }
    }

    #[test]
    fn suspense_takes_what_clearing_has_too_much() {
        assert_eq!(to_suspense(Kind::Capture, 0, 100), 100);
        assert_eq!(to_suspense(Kind::Authorize, 100, 0), -100);
        assert_eq!(to_suspense(Kind::Refund, 0, 100), -100);
        assert_eq!(to_suspense(Kind::Refund, 100, 40), 60);
    }

    #[test]
    fn codes_go_both_ways() {
        for what in What::ALL {
            assert_eq!(What::from_code(what.code()), Some(what));
        }
    }
}
