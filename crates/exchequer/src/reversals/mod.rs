//! Charges of failed payments, given back by themselves: a step that is refused here and that a gateway's report
//! has as money taken (RBI, turn-around time of failed transactions, 2019-09-20; PSD2 Art 73(1)).
//!
//! Order: reconciliation has named the difference and put the money into suspense; the reversal is written
//! ([`begin_in`]); only then is the gateway asked to refund, under a name that follows from the step, so that it
//! is the same from any node and at any try ([`job`]); then the answer is committed with its posting, from
//! suspense to clearing, and the difference is resolved ([`conclude_in`]). Silence is unknown and is asked about
//! until it is known. Locks: the payment, the difference, the reversal, then accounts. Bound: one reversal for
//! each step. Never: a refund that a gateway made and the bank has as failed, which nobody can take back; an
//! operation that is no step of ours; another currency than the payment's. Those wait for an operator.

pub mod job;
pub mod model;
mod store;

use ::store::rows::TransferKind;
use ::store::{DbError, Tx};
use money::{DifferenceId, TransferId};
use serde_json::json;

use self::model::{ReversalRow, ReversalView, due_at, name_of, step_behind};
use crate::bank::Act;
use crate::events;
use crate::gateways::{Day, Kind, Outcome};
use crate::payments;
use crate::payments::model::{
    FIRST_ASK_SECONDS, PaymentRow, StepRow, StepState, pause_seconds, step_of,
};
use crate::reconciliation::model::{DifferenceRow, Ours};
use crate::reconciliation::{self, Returned};

/// What became of a difference that was looked at.
pub enum Begun {
    /// The gateway is to be asked now.
    Reversal(Box<(PaymentRow, ReversalRow)>),
    /// The step has become what the gateway says: nothing is left of the difference.
    Resolved,
    /// For later, or for an operator.
    Nothing,
}

/// Whether a look at a difference may do something. Reads alone: what is nobody's step, of another currency or sum, or a
/// refund that nobody can take back waits for an operator, at every run.
pub fn is_open_to(tx: &mut Tx<'_>, id: &DifferenceId) -> Result<bool, DbError> {
    let Some(found) = reconciliation::find(tx, id)? else { return Ok(false) };
    let Some((_, step)) = step_of(&found.operation) else { return Ok(false) };
    let Some((payment, step)) = payments::find_step(tx, &step)? else { return Ok(false) };
    Ok(found.resolved.is_none() && fate(&payment, &step, &found) != Fate::Left)
}

/// What is to be done about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Return,
    Reverse,
    /// For later, or for an operator.
    Left,
}

fn fate(payment: &PaymentRow, step: &StepRow, difference: &DifferenceRow) -> Fate {
    if difference.currency != payment.currency {
        return Fate::Left;
    }
    match step.state {
        // Of a manual payment the first step reserves and takes nothing: what was taken is nobody's step.
        StepState::Done
            if step.amount == difference.theirs
                && (step.kind != Kind::Authorize || payment.is_automatic) =>
        {
            Fate::Return
        }
        StepState::Refused if step.kind != Kind::Refund => Fate::Reverse,
        // Not known yet, of another sum, or a refund that nobody can take back.
        StepState::Submitting | StepState::Unknown | StepState::Done | StepState::Refused => {
            Fate::Left
        }
    }
}

/// Looks at a difference, and writes what the gateway will be asked for. Whoever comes second finds it written.
pub fn begin_in(tx: &mut Tx<'_>, act: &Act, id: &DifferenceId) -> Result<Begun, DbError> {
    let Some(found) = reconciliation::find(tx, id)? else { return Ok(Begun::Nothing) };
    let Some((_, step)) = step_of(&found.operation) else { return Ok(Begun::Nothing) };
    let Some((payment, step)) = payments::lock_step(tx, &step)? else { return Ok(Begun::Nothing) };
    let Some(difference) = reconciliation::find_locked(tx, id)? else { return Ok(Begun::Nothing) };
    if difference.resolved.is_some() {
        return Ok(Begun::Nothing);
    }
    match fate(&payment, &step, &difference) {
        Fate::Left => Ok(Begun::Nothing),
        Fate::Return => {
            let note = "the bank learned of it later";
            reconciliation::return_in(tx, act, &difference, (Returned::AsItCame, note))?;
            Ok(Begun::Resolved)
        }
        Fate::Reverse => {
            let days = act.tools.config().cards.reversal_days;
            let row = ReversalRow {
                step: step.id,
                payment: payment.id,
                difference: difference.id,
                amount: difference.theirs,
                state: StepState::Submitting,
                reference: None,
                refusal: None,
                transfer: None,
                created_at: act.now,
                due_at: due_at(difference.day, days),
                overdue_at: None,
                ended_at: None,
                asked: 0,
                ask_at: Some(act.now.plus_seconds(FIRST_ASK_SECONDS)),
            };
            if !store::insert(tx, &row)? {
                return Ok(Begun::Nothing);
            }
            record(tx, act, "reversal.created", "done", (&payment, &row))?;
            Ok(Begun::Reversal(Box::new((payment, row))))
        }
    }
}

/// Writes what the gateway said. A reversal is concluded once; an outcome that is not known, or of another sum,
/// leaves it open, to be asked about.
pub fn conclude_in(
    tx: &mut Tx<'_>,
    act: &Act,
    step: &[u8; 16],
    outcome: &Outcome,
) -> Result<ReversalRow, DbError> {
    let gone = || DbError::Corrupt(format!("{}: the reversal is gone", name_of(step)));
    let (payment, _) = payments::lock_step(tx, step)?.ok_or_else(gone)?;
    let row = store::find(tx, step)?.ok_or_else(gone)?;
    let difference = reconciliation::find_locked(tx, &row.difference)?.ok_or_else(gone)?;
    let mut row = store::lock(tx, step)?.ok_or_else(gone)?;
    if !row.state.is_open() {
        return Ok(row);
    }
    match outcome {
        Outcome::Done(done) if done.amount == row.amount => {
            row.transfer = Some(take_out_of_suspense(tx, act, &difference, step)?);
            row.reference = Some(payments::cut(&done.reference));
            end(act, &mut row, StepState::Done);
            record(tx, act, "reversal.done", "done", (&payment, &row))?;
        }
        Outcome::Refused { code, .. } => {
            row.refusal = Some(payments::cut(code));
            end(act, &mut row, StepState::Refused);
            record(tx, act, "reversal.failed", "refused", (&payment, &row))?;
        }
        Outcome::Done(_) | Outcome::Unknown { .. } => {
            if row.state == StepState::Submitting {
                record(tx, act, "reversal.unknown", "unknown", (&payment, &row))?;
            }
            row.state = StepState::Unknown;
            row.ask_at = Some(act.now.plus_seconds(pause_seconds(row.asked)));
        }
    }
    store::update(tx, &row)?;
    Ok(row)
}

/// Says, once for each, which reversals are not done in the profile's time; gives how many those are.
pub fn overdue_in(tx: &mut Tx<'_>, act: &Act, most: i64) -> Result<u64, DbError> {
    let mut count = 0_u64;
    for row in store::overdue(tx, act.now, most)? {
        if store::mark_overdue(tx, &row.step, act.now)? {
            let gone = || DbError::Corrupt(format!("{}: its step is gone", name_of(&row.step)));
            let (payment, _) = payments::find_step(tx, &row.step)?.ok_or_else(gone)?;
            record(tx, act, "reversal.overdue", "unknown", (&payment, &row))?;
            tracing::warn!(resource_id = %row.difference, "a charge is not given back in time");
            count = count.saturating_add(1);
        }
    }
    Ok(count)
}

/// Whether a gateway is being asked to give back what a difference is about.
pub fn is_under_way(tx: &mut Tx<'_>, difference: &DifferenceId) -> Result<bool, DbError> {
    Ok(store::of_difference(tx, difference)?.is_some_and(|row| row.state.is_open()))
}

/// The reversal of a difference, as it is shown.
pub fn view(tx: &mut Tx<'_>, difference: &DifferenceId) -> Result<Option<ReversalView>, DbError> {
    Ok(store::of_difference(tx, difference)?.as_ref().map(ReversalView::from))
}

/// What the bank has of an operation that a gateway reports, where it is a reversal.
pub fn for_report(
    tx: &mut Tx<'_>,
    gateway: &str,
    operation: &str,
    kind: Kind,
) -> Result<Option<Ours>, DbError> {
    let Some(step) = step_behind(operation).filter(|_| kind == Kind::Refund) else {
        return Ok(None);
    };
    store::reported(tx, gateway, &step)
}

/// Reversals that are done and were begun on a day.
pub fn done_on(
    tx: &mut Tx<'_>,
    gateway: &str,
    day: Day,
) -> Result<Vec<(String, Kind, Ours)>, DbError> {
    store::done_between(tx, gateway, (day.start(), day.next().start()))
}

/// Back to clearing, since the gateway gave it back. An operator may have resolved the difference meanwhile.
fn take_out_of_suspense(
    tx: &mut Tx<'_>,
    act: &Act,
    difference: &DifferenceRow,
    step: &[u8; 16],
) -> Result<TransferId, DbError> {
    let name = name_of(step);
    let about = Returned::About(TransferKind::ChargeReversed, *step);
    let note = format!("given back by {name}");
    reconciliation::return_in(tx, act, difference, (about, &note))
}

fn end(act: &Act, row: &mut ReversalRow, state: StepState) {
    row.state = state;
    row.ended_at = Some(act.now);
    row.ask_at = None;
}

fn record(
    tx: &mut Tx<'_>,
    act: &Act,
    action: &'static str,
    outcome: &'static str,
    (payment, row): (&PaymentRow, &ReversalRow),
) -> Result<(), DbError> {
    let after = json!({
        "payment": payment.id.to_string(),
        "merchant": payment.merchant.to_string(),
        "mode": payment.mode.as_str(),
        "difference": row.difference.to_string(),
        "amount": row.amount,
        "currency": payment.currency.code(),
        "due_at": row.due_at.to_string(),
        "refusal": row.refusal,
        "transfer": row.transfer.map(|id| id.to_string()),
    });
    events::record(tx, act, action, &name_of(&row.step), outcome, Some(&after))
}
