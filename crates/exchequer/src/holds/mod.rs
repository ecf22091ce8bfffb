//! Holds: money reserved on one account for another, then captured, voided or expired.
//!
//! Who may: only the owner of the paying account places a hold. Either party captures it (the payee
//! because it is for him, the payer because it is his money going where he said it would) and either
//! voids it. For everybody else it is not there. The bank expires what is over ([`job`]).
//!
//! Locks: the hold's row, then the accounts. Every change and every refusal is an event; a capture's
//! transfer is its own. What it never does: move money by any way but `store::posting::holds`.

pub mod api;
pub mod job;
pub mod model;
mod store;

use ::store::posting::holds::{self, Capture, Doer, HoldRow};
use ::store::posting::{Party, PostOrder};
use ::store::rows::TransferKind;
use ::store::{DbError, Tx};
use ledger::{HoldStatus, Refusal};
use money::{AccountId, Amount, Currency, CustomerId, HoldId, TransferId};
use serde_json::{Value, json};

use self::model::{remaining, status_name};
use crate::bank::Act;
use crate::http::{Code, Problem};
use crate::protections::guard::{self, Guard};
use crate::{events, protections};

pub use self::store::{PartyHold, find};

/// A hold to be placed.
#[derive(Debug, Clone)]
pub struct Reservation {
    pub from: AccountId,
    pub to: Party,
    pub amount: Amount,
    pub currency: Currency,
    pub memo: Option<String>,
    /// 1 to [`model::MAX_SECONDS`].
    pub seconds: i64,
}

/// How much of a hold is captured.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// `None`: all that remains.
    pub amount: Option<Amount>,
    /// Releases what this capture leaves.
    pub is_final: bool,
}

/// Places a hold on an account of `customer`. Refuses as a transfer, in the same order.
pub fn place(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    wanted: &Reservation,
) -> Result<Result<HoldRow, Problem>, DbError> {
    let order = order(act, customer, wanted);
    let expires_at = act.now.plus_seconds(wanted.seconds);
    match holds::place(tx, act.id(), &order, expires_at, act.now)? {
        Ok(row) => {
            let after = json!({
                "from": row.debit_account.to_string(),
                "to": row.credit_account.to_string(),
                "amount": row.amount,
                "currency": row.currency.code(),
                "expires_at": row.expires_at.to_string(),
            });
            events::record(tx, act, "hold.placed", &row.id.to_string(), "done", Some(&after))?;
            Ok(Ok(row))
        }
        Err(refusal) => {
            let asked = asked_to_place(wanted);
            refuse(tx, act, &wanted.from.to_string(), refusal, &asked).map(Err)
        }
    }
}

/// The same for a payer whose payments are looked at: the hold counts against their limits in full, and is
/// asked about like a transfer. Its capture is asked about no more.
///
/// Refuses as a guarded transfer, in the same order.
pub fn place_guarded(
    tx: &mut Tx<'_>,
    act: &Act,
    guard: &Guard<'_>,
    wanted: &Reservation,
) -> Result<Result<HoldRow, Problem>, DbError> {
    let customer = &guard.asker.customer;
    let orders = [order(act, customer, wanted)];
    // How long money is reserved is no part of what is proved: it goes where the proof says, or back.
    let judged = match guard::judge_in(tx, act, guard, "hold.place", &orders)? {
        Ok(judged) => judged,
        Err(problem) => return Ok(Err(problem)),
    };
    if let Some(Err(refused)) = judged.verdicts.first() {
        let asked = asked_to_place(wanted);
        let problem = refused.problem();
        return refuse_with(tx, act, &wanted.from.to_string(), problem, &asked).map(Err);
    }
    let placed = place(tx, act, customer, wanted)?;
    if let Ok(row) = &placed {
        guard::paid_in(tx, act, guard, (&orders, &judged), &[row.id.to_string()])?;
    }
    Ok(placed)
}

fn order(act: &Act, customer: &CustomerId, wanted: &Reservation) -> PostOrder {
    PostOrder {
        id: act.id(),
        kind: TransferKind::Transfer,
        debit: Party::Own { owner: *customer, account: wanted.from },
        credit: wanted.to.clone(),
        amount: wanted.amount,
        currency: wanted.currency,
        memo: wanted.memo.clone(),
        reference: None,
        key: None,
        linked_with_next: false,
        origin: act.origin.clone(),
        request: act.request,
    }
}

fn asked_to_place(wanted: &Reservation) -> Value {
    json!({
        "act": "place",
        "amount": wanted.amount.get(),
        "currency": wanted.currency.code(),
    })
}

/// Captures part or all of a hold to which `customer` is a party; gives the hold and the transfer.
///
/// Refuses, in order: `not_found`, `hold_not_active`, `hold_expired`, `account_frozen`,
/// `account_closed`, `capture_exceeds_hold`, `limit_exceeded` (the payer has stopped outgoing money; or a
/// total would leave 64 bits).
pub fn capture(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, id): (&CustomerId, &HoldId),
    part: Part,
) -> Result<Result<(HoldRow, TransferId), Problem>, DbError> {
    let asked = json!({
        "act": "capture",
        "amount": part.amount.map(Amount::get),
        "final": part.is_final,
    });
    let Some(hold) = store::find_locked(tx, customer, id)? else {
        return refuse(tx, act, &id.to_string(), Refusal::HoldNotFound, &asked).map(Err);
    };
    if is_stopped(tx, act, hold.row(), part)? {
        let problem = protections::stopped_problem();
        return refuse_with(tx, act, &id.to_string(), problem, &asked).map(Err);
    }
    let doer = Doer { origin: act.origin.clone(), request: act.request };
    let wanted = Capture { transfer: act.id(), amount: part.amount, is_final: part.is_final };
    match holds::capture(tx, hold.row(), wanted, &doer, act.now)? {
        Ok((transfer, row)) => {
            let mut after = described(&row);
            after["transfer"] = transfer.id.to_string().into();
            record(tx, act, "hold.captured", hold.row(), &after)?;
            Ok(Ok((row, transfer.id)))
        }
        Err(refusal) => refuse(tx, act, &id.to_string(), refusal, &asked).map(Err),
    }
}

/// Whether the payer has stopped outgoing money, where nothing refuses the capture before that: the switch
/// holds back what was promised too, since whoever holds the money may be the thief.
fn is_stopped(tx: &mut Tx<'_>, act: &Act, row: &HoldRow, part: Part) -> Result<bool, DbError> {
    let left = remaining(row);
    let is_due = row.status == HoldStatus::Active
        && act.now < row.expires_at
        && part.amount.is_none_or(|amount| amount.get() <= left);
    let stops = protections::stops_in(tx, &row.debit_account, &row.credit_account)?;
    Ok(is_due && stops == Some(true))
}

/// Gives up what a hold to which `customer` is a party still reserves; a frozen account is no obstacle.
///
/// Refuses, in order: `not_found`, `hold_not_active`.
pub fn void(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, id): (&CustomerId, &HoldId),
) -> Result<Result<HoldRow, Problem>, DbError> {
    let asked = json!({ "act": "void" });
    let Some(hold) = store::find_locked(tx, customer, id)? else {
        return refuse(tx, act, &id.to_string(), Refusal::HoldNotFound, &asked).map(Err);
    };
    match holds::void(tx, hold.row(), act.now)? {
        Ok(row) => {
            record(tx, act, "hold.voided", hold.row(), &described(&row))?;
            Ok(Ok(row))
        }
        Err(refusal) => refuse(tx, act, &id.to_string(), refusal, &asked).map(Err),
    }
}

/// Gives up what a hold still reserves because its time is over. False, and nothing done, where it is
/// gone, not active any more (somebody was faster) or not over yet.
pub(crate) fn expire(tx: &mut Tx<'_>, act: &Act, id: &HoldId) -> Result<bool, DbError> {
    let due = |row: &HoldRow| row.status == HoldStatus::Active && row.expires_at <= act.now;
    let Some(before) = holds::lock(tx, id)?.filter(due) else {
        return Ok(false);
    };
    let row = holds::expire(tx, &before, act.now)?
        .map_err(|refusal| DbError::Corrupt(format!("{id} is due and cannot expire: {refusal}")))?;
    record(tx, act, "hold.expired", &before, &described(&row))?;
    Ok(true)
}

fn record(
    tx: &mut Tx<'_>,
    act: &Act,
    action: &'static str,
    before: &HoldRow,
    after: &Value,
) -> Result<(), DbError> {
    let (resource, before) = (before.id.to_string(), described(before));
    events::record_change(tx, act, (action, &resource, "done"), (Some(&before), Some(after)))
}

/// The part of a hold that changes.
fn described(row: &HoldRow) -> Value {
    json!({
        "status": status_name(row.status),
        "captured": row.captured,
        "remaining": remaining(row),
    })
}

/// Declined money is an event, and so is a hand on a stranger's hold.
fn refuse(
    tx: &mut Tx<'_>,
    act: &Act,
    resource: &str,
    refusal: Refusal,
    asked: &Value,
) -> Result<Problem, DbError> {
    let problem = Problem::from(refusal);
    debug_assert!(problem.code != Code::Internal, "{refusal} is no refusal of a customer's act");
    refuse_with(tx, act, resource, problem, asked)
}

fn refuse_with(
    tx: &mut Tx<'_>,
    act: &Act,
    resource: &str,
    problem: Problem,
    asked: &Value,
) -> Result<Problem, DbError> {
    events::record(tx, act, "hold.refused", resource, problem.code.as_str(), Some(asked))?;
    Ok(problem)
}
