//! Reconciliation: what a card gateway reports of a day, held against our payments, line by line.
//!
//! Order for one day of one gateway: its report, over the network and outside any transaction; its lines in
//! slices, each kept once; then our own steps of the day before that no report had; then the row that says
//! that the day is done. Each difference has a name, is put into suspense in the same transaction, is an event,
//! and stays listed until an operator has said what it was. A day that is done again changes nothing.
//!
//! A step may be done here later than there (its answer was lost), so a line is looked for by its operation and
//! not by its day, and a step has a day's grace before it counts as not reported. What the gateway keeps of a
//! line is booked with the line, once, from the bank's expense to clearing. Bound: the report's own, and
//! [`SLICE`] lines a transaction. Never: a payment changed; a gateway asked to move money, which `reversals` does.

pub mod api;
pub mod job;
pub mod model;
mod store;

use ::store::posting::{Party, PostOrder};
use ::store::rows::TransferKind;
use ::store::{DbError, Tx};
use money::{Amount, Currency, DifferenceId, Id, StaffId, TransferId};
use serde_json::json;

use self::model::{DifferenceRow, Ours, ReconciliationRow, What, compare, to_suspense};
use crate::accounts;
use crate::bank::{Act, Own};
use crate::events;
use crate::gateways::{Day, Kind, ReportLine};
use crate::http::{Code, Problem};
use crate::merchants::keys::Mode;
use crate::merchants::{order, post_all, post_one};
use crate::payments::model::step_of;
use crate::{payments, reversals};

/// Lines of one transaction.
pub const SLICE: usize = 500;

/// Whose report it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub gateway: String,
    pub mode: Mode,
}

/// What came of a part of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub matched: i64,
    pub differences: i64,
}

/// Holds a slice of a report against our payments.
pub fn lines_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (source, day): (&Source, Day),
    lines: &[ReportLine],
) -> Result<Tally, DbError> {
    let mut tally = Tally::default();
    let mut fees = Vec::new();
    for line in lines {
        let ours = ours(tx, &source.gateway, line)?;
        let fee = fee_of(tx, act, source.mode, line)?;
        let is_new = store::insert_line(tx, (&source.gateway, day), line, fee.as_ref())?;
        fees.extend(fee.filter(|_| is_new));
        match compare(line, ours.as_ref()) {
            None => tally.matched += 1,
            // A line that was there before was judged before; what it said is named once.
            Some(_) if !is_new => tally.differences += 1,
            Some(what) => {
                tally.differences += 1;
                let in_currency = ours.filter(|o| o.is_done && o.currency == line.money.currency());
                let sums = (in_currency.map_or(0, |ours| ours.amount), line.money.minor());
                let about = (line.operation.as_str(), line.kind, line.money.currency());
                differ_in(tx, act, (source, day, what), about, sums)?;
            }
        }
    }
    post_all(tx, act, &fees)?;
    Ok(tally)
}

/// Names our own steps of a day that no report has.
pub fn missing_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (source, day): (&Source, Day),
) -> Result<Tally, DbError> {
    let mut tally = Tally::default();
    let mut done = payments::steps_done_on(tx, &source.gateway, day)?;
    done.extend(reversals::done_on(tx, &source.gateway, day)?);
    for (operation, kind, ours) in done {
        if !store::is_reported(tx, &source.gateway, &operation)? {
            tally.differences += 1;
            let about = (operation.as_str(), kind, ours.currency);
            differ_in(tx, act, (source, day, What::NotReported), about, (ours.amount, 0))?;
        }
    }
    Ok(tally)
}

/// Says that a day is done; false where another node was faster.
pub fn done_in(tx: &mut Tx<'_>, act: &Act, row: &ReconciliationRow) -> Result<bool, DbError> {
    if !store::insert_done(tx, row)? {
        return Ok(false);
    }
    let after = json!({
        "day": row.day.to_string(),
        "lines": row.lines,
        "matched": row.matched,
        "differences": row.differences,
    });
    events::record(tx, act, "reconciliation.done", &row.gateway, "done", Some(&after))?;
    Ok(true)
}

/// Whether a day of a gateway was read to its end.
pub fn is_done(tx: &mut Tx<'_>, source: &Source, day: Day) -> Result<bool, DbError> {
    store::is_done(tx, &source.gateway, day)
}

/// An operator has found out what it was. Money in suspense goes where they post it, with an act of its own.
///
/// Refuses, in order: `not_found`, `already_resolved`, `reversal_under_way`.
pub fn resolve_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (id, by): (&DifferenceId, &StaffId),
    note: &str,
) -> Result<Result<DifferenceRow, Problem>, DbError> {
    let Some(mut row) = store::lock(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if row.resolved.is_some() {
        return Ok(Err(Problem::new(Code::AlreadyResolved)));
    }
    if reversals::is_under_way(tx, id)? {
        return Ok(Err(Problem::new(Code::ReversalUnderWay)));
    }
    store::resolve(tx, id, (act.now, Some(by), note))?;
    row.resolved = Some((act.now, Some(*by), note.to_owned()));
    let after = json!({ "note": note });
    events::record(tx, act, "difference.resolved", &id.to_string(), "done", Some(&after))?;
    Ok(Ok(row))
}

pub fn find(tx: &mut Tx<'_>, id: &DifferenceId) -> Result<Option<DifferenceRow>, DbError> {
    store::find(tx, id)
}

/// Nobody else changes it until this transaction ends.
pub fn find_locked(tx: &mut Tx<'_>, id: &DifferenceId) -> Result<Option<DifferenceRow>, DbError> {
    store::lock(tx, id)
}

/// How the money of a difference leaves suspense again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// There was none: the books have it now.
    AsItCame,
    /// By an act that has a kind and a row of its own.
    About(TransferKind, [u8; 16]),
}

/// Takes the money of a difference out of suspense, back to where it came from, and resolves the difference where
/// no operator has. The caller has it locked, and does this once.
pub fn return_in(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &DifferenceRow,
    (how, note): (Returned, &str),
) -> Result<TransferId, DbError> {
    let (kind, _) = step_of(&row.operation)
        .ok_or_else(|| DbError::Corrupt(format!("{}: no operation of ours", row.id)))?;
    let about = match how {
        Returned::AsItCame => (TransferKind::Difference, *row.id.bytes()),
        Returned::About(kind, reference) => (kind, reference),
    };
    let (transfer, surplus) = (act.id(), to_suspense(kind, row.ours, row.theirs));
    suspend_in(tx, act, (row.mode, row.currency), (about, transfer, -surplus))?;
    if row.resolved.is_none() {
        store::resolve(tx, &row.id, (act.now, None, note))?;
        let after = json!({ "note": note, "transfer": transfer.to_string() });
        let id = row.id.to_string();
        events::record(tx, act, "difference.resolved", &id, "done", Some(&after))?;
    }
    Ok(transfer)
}

/// What the bank has of the operation of a line.
fn ours(tx: &mut Tx<'_>, gateway: &str, line: &ReportLine) -> Result<Option<Ours>, DbError> {
    match payments::step_for_report(tx, gateway, &line.operation, line.kind)? {
        Some(ours) => Ok(Some(ours)),
        None => reversals::for_report(tx, gateway, &line.operation, line.kind),
    }
}

/// What books the fee of a line: the gateway owes so much less, or more where it gives a fee back.
fn fee_of(
    tx: &mut Tx<'_>,
    act: &Act,
    mode: Mode,
    line: &ReportLine,
) -> Result<Option<PostOrder>, DbError> {
    let Ok(amount) = Amount::new(line.fee.saturating_abs()) else {
        // No fee; the bounds of an amount are wider than those of a report's line.
        return Ok(None);
    };
    let currency = line.money.currency();
    let clearing = Party::Bank(accounts::ensure_role(tx, act, Own::Clearing(mode), currency)?);
    let fees = Party::Bank(accounts::ensure_role(tx, act, Own::GatewayFees(mode), currency)?);
    let parties = if line.fee > 0 { (fees, clearing) } else { (clearing, fees) };
    let order = order(act, (TransferKind::GatewayFee, [0; 16]), parties, (amount, currency));
    Ok(Some(PostOrder { reference: None, ..order }))
}

/// Names a difference, puts it into suspense and records it, once.
fn differ_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (source, day, what): (&Source, Day, What),
    (operation, kind, currency): (&str, Kind, Currency),
    (ours, theirs): (i64, i64),
) -> Result<(), DbError> {
    let id: DifferenceId = act.id();
    let mut row = DifferenceRow {
        id,
        gateway: source.gateway.clone(),
        mode: source.mode,
        day,
        what,
        operation: operation.to_owned(),
        currency,
        ours,
        theirs,
        transfer: None,
        found_at: act.now,
        resolved: None,
    };
    let surplus = to_suspense(kind, ours, theirs);
    let transfer: Option<TransferId> = (surplus != 0).then(|| act.id());
    row.transfer = transfer;
    if !store::insert_difference(tx, &row)? {
        return Ok(());
    }
    if let Some(transfer) = transfer {
        let about = (TransferKind::Difference, *id.bytes());
        suspend_in(tx, act, (source.mode, currency), (about, transfer, surplus))?;
    }
    let after = json!({
        "what": what.as_str(),
        "operation": operation,
        "currency": currency.code(),
        "ours": ours,
        "theirs": theirs,
        "transfer": transfer.map(|id| id.to_string()),
    });
    events::record(tx, act, "difference.found", &id.to_string(), what.as_str(), Some(&after))
}

/// From clearing to suspense, or back where `surplus` is below zero.
fn suspend_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (mode, currency): (Mode, Currency),
    (about, transfer, surplus): ((TransferKind, [u8; 16]), TransferId, i64),
) -> Result<(), DbError> {
    let clearing = Party::Bank(accounts::ensure_role(tx, act, Own::Clearing(mode), currency)?);
    let suspense = Party::Bank(accounts::ensure_role(tx, act, Own::Suspense(mode), currency)?);
    let parties = if surplus > 0 { (clearing, suspense) } else { (suspense, clearing) };
    let amount = Amount::new(surplus.saturating_abs())
        .map_err(|error| DbError::Corrupt(format!("a difference of {surplus}: {error}")))?;
    let order = PostOrder {
        id: Id::from_bytes(*transfer.bytes()),
        ..order(act, about, parties, (amount, currency))
    };
    post_one(tx, act, &order)?.map(|_| ()).map_err(|problem| {
        DbError::Corrupt(format!("a difference was not booked: {}", problem.code.as_str()))
    })
}
