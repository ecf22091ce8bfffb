//! Payments as operators look at them: any merchant's, with what the gateway was asked and said, and what the books
//! took of it.
//!
//! Order and cost: the list goes by the payments' ids; with a status it looks at so many payments for one answer and
//! no more ([`SCANNED`]), unless what is under way is asked for, which has an index of its own. A payment's postings
//! have no index: they are looked for among the transfers of the moments when its steps began and ended, since ids
//! ascend with time ([`MOMENT_SECONDS`]). Never here: more of a card than its brand and last four digits.

use ::store::rows::TransferRow;
use ::store::{DbError, Tx};
use money::{MerchantId, PaymentId, Timestamp};

use super::model::{PaymentRow, PaymentView, StepRow, StepState};
use super::{store, view};
use crate::gateways::Kind;
use crate::merchants::keys::Mode;

/// Which payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    /// As their merchants see them: `authorized`, `succeeded`, `declined`, `canceled`.
    Status(&'static str),
    /// Shown as `processing`.
    Processing,
    /// The outcome of some step is not known: of a capture, a cancellation or a refund, too.
    Unknown,
}

/// A payment in a list.
pub struct Listed {
    pub row: PaymentRow,
    pub view: PaymentView,
    pub has_unknown: bool,
}

/// A part of a list, newest first.
pub struct Slice {
    pub payments: Vec<Listed>,
    /// Before which one the next part begins; there may be one though this one is short.
    pub next: Option<PaymentId>,
}

/// All of one payment.
pub struct Dossier {
    pub listed: Listed,
    /// The newest [`STEPS`], oldest first.
    pub steps: Vec<StepRow>,
    /// With the name of the step that each belongs to.
    pub postings: Vec<(String, TransferRow)>,
}

/// Payments that are looked at for one answer of one status: some ten milliseconds.
pub(super) const SCANNED: i64 = 10_000;
/// Steps of one payment that are shown.
const STEPS: i64 = 100;
/// Steps of one payment whose postings are looked for.
const BOOKED_STEPS: usize = 20;
/// A posting's id is of the moment of its step, or of as much later as its transaction waited.
pub(super) const MOMENT_SECONDS: i64 = 10;

/// A part of all payments, or of one merchant's.
pub fn list(
    tx: &mut Tx<'_>,
    (which, merchant): (Which, Option<&MerchantId>),
    (before, most): (Option<&PaymentId>, i64),
) -> Result<Slice, DbError> {
    let last = PaymentId::from_bytes([0xff; 16]);
    let before = before.unwrap_or(&last);
    // One more than is wanted tells whether there is a next part.
    let read = most.saturating_add(1);
    let (mut rows, floor) = match which {
        Which::All => (all(tx, merchant, (before, read))?, None),
        Which::Status(status) => in_state(tx, (status, merchant), (before, read))?,
        Which::Processing | Which::Unknown => {
            let rows = store::under_way(tx, which == Which::Unknown, (before, read))?;
            (rows, None)
        }
    };
    let wanted = usize::try_from(most).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let next = if more { rows.last().map(|row| row.id) } else { floor };
    rows.retain(|row| merchant.is_none_or(|merchant| row.merchant == *merchant));
    let mut payments = Vec::with_capacity(rows.len());
    for row in rows {
        payments.push(listed(tx, row)?);
    }
    // An authorised payment that is being captured is under way and not authorised, as its merchant sees it.
    if let Which::Status(status) = which {
        payments.retain(|payment| payment.view.status == status);
    }
    Ok(Slice { payments, next })
}

/// One payment. None where there is none.
pub fn get(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Option<Dossier>, DbError> {
    let Some(row) = store::any(tx, id)? else { return Ok(None) };
    let listed = listed(tx, row)?;
    let mut steps = store::steps(tx, id, STEPS)?;
    steps.reverse();
    let mut postings = Vec::new();
    for step in steps.iter().rev().take(BOOKED_STEPS) {
        let began = Some(step.created_at).filter(|_| step.kind == Kind::Refund);
        let ended = step.ended_at.filter(|ended| Some(*ended) != began);
        for moment in [began, ended].into_iter().flatten() {
            for id in store::postings(tx, (&step.id, moment))? {
                let row = tx.transfer(&id)?;
                let row = row.ok_or_else(|| DbError::Corrupt(format!("{id} is gone")))?;
                postings.push((step.operation(), row));
            }
        }
    }
    // The moments of two steps may overlap.
    postings.sort_by_key(|(_, row)| row.id);
    postings.dedup_by_key(|(_, row)| row.id);
    Ok(Some(Dossier { listed, steps, postings }))
}

fn listed(tx: &mut Tx<'_>, row: PaymentRow) -> Result<Listed, DbError> {
    let (view, has_unknown) = (view(tx, &row)?, store::has_unknown(tx, &row.id)?);
    Ok(Listed { row, view, has_unknown })
}

const MODES: [Mode; 2] = [Mode::Test, Mode::Live];

fn all(
    tx: &mut Tx<'_>,
    merchant: Option<&MerchantId>,
    (before, read): (&PaymentId, i64),
) -> Result<Vec<PaymentRow>, DbError> {
    let Some(merchant) = merchant else { return store::newest(tx, (before, read)) };
    let mut rows = Vec::new();
    for mode in MODES {
        rows.extend(store::list(tx, (merchant, mode), Some(before), read)?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows.truncate(usize::try_from(read).unwrap_or(usize::MAX));
    Ok(rows)
}

/// With it the id down to which payments were looked at, where there are more.
fn in_state(
    tx: &mut Tx<'_>,
    (status, merchant): (&str, Option<&MerchantId>),
    (before, read): (&PaymentId, i64),
) -> Result<(Vec<PaymentRow>, Option<PaymentId>), DbError> {
    let state = super::model::State::ALL.into_iter().find(|state| state.status() == status);
    let Some(state) = state else { return Ok((Vec::new(), None)) };
    let Some(merchant) = merchant else {
        let rows = store::newest_in_state(tx, state, (before, read))?;
        return Ok((rows, store::last_scanned(tx, before)?));
    };
    let (mut rows, mut floor) = (Vec::new(), None);
    for mode in MODES {
        let of = (merchant, mode);
        rows.extend(store::of_merchant_in_state(tx, of, state, (before, read))?);
        floor = floor.max(store::last_scanned_of(tx, of, before)?);
    }
    rows.retain(|row| floor.is_none_or(|floor| row.id >= floor));
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    Ok((rows, floor))
}

/// A change of state, and the step that made it.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    pub at: Timestamp,
    pub state: &'static str,
    pub operation: String,
    pub amount: i64,
}

/// What happened to a payment, as its steps tell it, oldest first. A step that is under way has only begun.
///
/// In the order of time as far as clocks agree; where those of two nodes did not, no step is before the one that it
/// began behind, and no capture before the end of the one that it followed.
pub fn history(steps: &[StepRow]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut began, mut settled) = (Timestamp::MIN, Timestamp::MIN);
    for step in steps {
        let change =
            |at, state| Change { at, state, operation: step.operation(), amount: step.amount };
        began = began.max(step.created_at);
        if step.kind != Kind::Refund {
            began = began.max(settled);
        }
        changes.push((began, change(step.created_at, begun(step.kind))));
        if let Some(at) = step.ended_at {
            let end = began.max(at);
            changes.push((end, change(at, ended(step))));
            if step.kind != Kind::Refund {
                settled = end;
            }
        }
    }
    changes.sort_by_key(|(place, _)| *place);
    changes.into_iter().map(|(_, change)| change).collect()
}

const fn begun(kind: Kind) -> &'static str {
    match kind {
        Kind::Authorize => "submitting",
        Kind::Capture => "capture_submitted",
        Kind::Cancel => "cancel_submitted",
        Kind::Refund => "refund_submitted",
    }
}

fn ended(step: &StepRow) -> &'static str {
    let is_done = step.state == StepState::Done;
    match (step.kind, is_done) {
        (Kind::Authorize, true) => "authorized",
        (Kind::Authorize, false) => "declined",
        (Kind::Capture, true) if step.is_final => "captured",
        (Kind::Capture, true) => "partially_captured",
        (Kind::Capture, false) => "capture_failed",
        (Kind::Cancel, true) => "released",
        (Kind::Cancel, false) => "cancel_failed",
        (Kind::Refund, true) => "refunded",
        (Kind::Refund, false) => "refund_failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: Kind, state: StepState, at: i64) -> StepRow {
        let at = Timestamp::EPOCH.plus_seconds(at);
        StepRow {
            id: [7; 16],
            payment: PaymentId::from_bytes([7; 16]),
            kind,
            amount: 5,
            is_final: false,
            state,
            reference: None,
            refusal: None,
            created_at: at,
            ended_at: Some(at.plus_seconds(1)).filter(|_| !state.is_open()),
            asked: 0,
            ask_at: None,
        }
    }

    #[test]
    fn a_history_is_in_the_order_of_time_and_a_step_under_way_has_only_begun() {
        let steps = [
            step(Kind::Authorize, StepState::Done, 0),
            step(Kind::Capture, StepState::Done, 10),
            step(Kind::Refund, StepState::Unknown, 20),
            step(Kind::Refund, StepState::Refused, 20),
        ];
        let states: Vec<_> = history(&steps).iter().map(|change| change.state).collect();
        let expected = [
            "submitting",
            "authorized",
            "capture_submitted",
            "partially_captured",
            "refund_submitted",
            "refund_submitted",
            "refund_failed",
        ];
        assert_eq!(states, expected);
    }

    #[test]
    fn clocks_that_differ_put_no_step_before_the_one_it_followed() {
        let steps = [
            step(Kind::Authorize, StepState::Done, 50),
            step(Kind::Capture, StepState::Done, 10),
            step(Kind::Refund, StepState::Done, 5),
            step(Kind::Capture, StepState::Unknown, 0),
        ];
        let states: Vec<_> = history(&steps).iter().map(|change| change.state).collect();
        let expected = [
            "submitting",
            "authorized",
            "capture_submitted",
            "partially_captured",
            "refund_submitted",
            "refunded",
            "capture_submitted",
        ];
        assert_eq!(states, expected);
    }
}
