//! The job that has charges of failed payments given back: begins what reconciliation found, asks about what
//! is not known, and says what is late.
//!
//! A lease is a compare-and-set on `ask_at`, so of several nodes one asks. One that fails keeps none of the
//! others waiting; the last such failure is the error. A reversal that the gateway has never
//! seen is submitted again under the same name, which it does once. Bound: [`BATCH`] at a time.

use money::{DifferenceId, Money};
use store::DbError;
use tokio::sync::watch;

use super::model::{ReversalRow, name_of};
use super::{Begun, begin_in, conclude_in, is_open_to, overdue_in, store as rows};
use crate::bank::Bank;
use crate::gateways::{Act, Asked, Gateway, Kind, Operation, Outcome, Question};
use crate::payments;
use crate::payments::model::PaymentRow;

const BATCH: i64 = 64;
/// How long a reversal is in one node's hands: more than the longest question and a submission.
const LEASE_SECONDS: i64 = 60;

const BEGIN: &str = "reversals.begin";
const LEASE: &str = "reversals.lease";
const CONCLUDE: &str = "reversals.conclude";

/// Runs once; gives how many reversals were begun, known or called late, and differences that ended.
pub(crate) async fn run(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let begun = begin(bank, stop).await?;
    let known = ask(bank, stop).await?;
    let act = bank.system_act(LEASE);
    let now = act.now;
    let is_late = move |tx: &mut ::store::Tx<'_>| Ok(!rows::overdue(tx, now, 1)?.is_empty());
    let is_late: Result<bool, DbError> = bank.db().read(LEASE, is_late).await;
    let late = if is_late? {
        bank.db().write(LEASE, move |tx| overdue_in(tx, &act, BATCH)).await?
    } else {
        0
    };
    Ok(begun.saturating_add(known).saturating_add(late))
}

async fn begin(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let (mut count, mut failed) = (0_u64, None);
    let mut after = DifferenceId::from_bytes([0; 16]);
    while !*stop.borrow() {
        let found: Result<Vec<DifferenceId>, DbError> =
            bank.db().read(BEGIN, move |tx| rows::candidates(tx, &after, BATCH)).await;
        let found = found?;
        let Some(last) = found.last() else { break };
        after = *last;
        for id in found {
            match begin_one(bank, id).await {
                Ok(changed) => count = count.saturating_add(u64::from(changed)),
                Err(error) => failed = Some(error),
            }
        }
    }
    failed.map_or(Ok(count), Err)
}

/// True where it is begun or needs no more.
async fn begin_one(bank: &Bank, id: DifferenceId) -> Result<bool, DbError> {
    // Differences that wait for an operator are looked at each time, and written about never.
    let is_open: Result<bool, DbError> = bank.db().read(BEGIN, move |tx| is_open_to(tx, &id)).await;
    if !is_open? {
        return Ok(false);
    }
    let act = bank.system_act(BEGIN);
    match bank.db().write(BEGIN, move |tx| begin_in(tx, &act, &id)).await? {
        Begun::Nothing => Ok(false),
        Begun::Resolved => Ok(true),
        Begun::Reversal(begun) => {
            let (payment, row) = *begun;
            let outcome = submit(bank, (&payment, &row)).await;
            conclude(bank, &row, outcome).await?;
            Ok(true)
        }
    }
}

/// Asks about whatever is due; gives how many are known now.
async fn ask(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let (mut known, mut failed) = (0_u64, None);
    while !*stop.borrow() {
        let leased = lease(bank).await?;
        if leased.is_empty() {
            break;
        }
        for (payment, row) in leased {
            let outcome = question(bank, (&payment, &row)).await;
            match conclude(bank, &row, outcome).await {
                Ok(row) => known = known.saturating_add(u64::from(!row.state.is_open())),
                Err(error) => failed = Some(error),
            }
        }
    }
    failed.map_or(Ok(known), Err)
}

async fn lease(bank: &Bank) -> Result<Vec<(PaymentRow, ReversalRow)>, DbError> {
    let act = bank.system_act(LEASE);
    let now = act.now;
    // Most of the time nothing is due, and then nothing is written.
    if bank.db().read(LEASE, move |tx| rows::due(tx, now, 1)).await?.is_empty() {
        return Ok(Vec::new());
    }
    bank.db()
        .write(LEASE, move |tx| {
            let mut leased = Vec::new();
            for row in rows::due(tx, act.now, BATCH)? {
                if rows::lease(tx, &row, act.now.plus_seconds(LEASE_SECONDS))? {
                    let found = payments::find_step(tx, &row.step)?;
                    leased.extend(found.map(|(payment, _)| (payment, row)));
                }
            }
            Ok(leased)
        })
        .await
}

async fn question(bank: &Bank, (payment, row): (&PaymentRow, &ReversalRow)) -> Outcome {
    let Some(gateway) = gateway(bank, payment) else { return no_gateway() };
    let id = name_of(&row.step);
    let question = Question {
        id: &id,
        payment: payment.id,
        reference: payment.reference.as_deref(),
        currency: payment.currency,
        kind: Kind::Refund,
        give_up: false,
    };
    match gateway.ask(&question).await {
        Asked::Known(outcome) => outcome,
        Asked::NeverSeen => submit(bank, (payment, row)).await,
        Asked::StillRunning => unknown("the gateway has not decided yet"),
        Asked::Closed => unknown("a reversal that was closed, which nobody asked for"),
        Asked::Unreachable(why) => unknown(&why),
    }
}

async fn submit(bank: &Bank, (payment, row): (&PaymentRow, &ReversalRow)) -> Outcome {
    let Some(gateway) = gateway(bank, payment) else { return no_gateway() };
    let id = name_of(&row.step);
    let operation = Operation {
        id: &id,
        payment: payment.id,
        reference: payment.reference.as_deref(),
        act: Act::Refund { money: Money::new(row.amount, payment.currency) },
    };
    gateway.submit(&operation).await
}

async fn conclude(
    bank: &Bank,
    row: &ReversalRow,
    outcome: Outcome,
) -> Result<ReversalRow, DbError> {
    if let Outcome::Unknown { why } = &outcome {
        tracing::warn!(resource_id = %row.payment, reason = why, "a gateway's answer is not known");
    }
    let (act, step) = (bank.system_act(CONCLUDE), row.step);
    bank.db().write(CONCLUDE, move |tx| conclude_in(tx, &act, &step, &outcome)).await
}

fn gateway<'b>(bank: &'b Bank, payment: &PaymentRow) -> Option<&'b dyn Gateway> {
    bank.card_gateways().named(payment.mode, &payment.gateway).map(|gateway| &**gateway)
}

fn no_gateway() -> Outcome {
    unknown("the gateway is not configured any more")
}

fn unknown(why: &str) -> Outcome {
    Outcome::Unknown { why: why.to_owned() }
}
