//! Four eyes: an operator's act that moves much money or weakens a protection waits for a second operator.
//!
//! The route that is asked for such an act records it whole ([`Deed`]) and answers 202. Somebody else approves it,
//! and then it is done: in the transaction of the decision, by the same verbs and with the same checks as if it
//! were asked for at that moment, as an act of its maker whose origin names the approver. What it was to change
//! must still be as it was when it was asked (`approval_outdated`).
//!
//! Order of a decision: the approval's row is locked, then both operators in the order of their ids, then what
//! the act itself locks. Cost: one sealed value and a few rows. Bounds: [`MAX_WAITING`] of one maker; a
//! time after which nobody can approve. What it never does: take an act from the request that approves it,
//! let its maker decide (by any session), act twice, forget: rows stay.

pub mod api;
mod carry_out;
pub mod deed;
pub mod job;
pub mod model;
mod store;

use std::sync::Arc;

use ::store::rows::Origin;
use ::store::{DbError, Tx};
use money::{ApprovalId, StaffId};
use serde_json::{Value, json};

use self::deed::Deed;
use self::model::{Approval, Outcome, Status};
use crate::bank::Act;
use crate::events;
use crate::http::{Code, Problem};
use crate::staff::members;
use crate::staff::model::{Permission, Role};

/// Acts of one operator that wait at once: more than one person asks for in earnest.
pub const MAX_WAITING: i64 = 50;

/// Records an act that waits; the maker is the operator of `act`. `material` is what a merchant's key signs with,
/// sealed for its row. The same act, asked again by the same operator while it waits in its slot, is that one.
///
/// Refuses, in order: `approval_pending`, `too_many_approvals`. The caller has locked what the act is about.
pub fn ask_in(
    tx: &mut Tx<'_>,
    act: &Act,
    deed: Deed,
    material: Option<&[u8]>,
) -> Result<Result<Approval, Problem>, DbError> {
    let maker = operator(act)?;
    if let Some(slot) = deed.slot()
        && let Some(waiting) = store::lock_slot(tx, &act.tools, &slot)?
    {
        if waiting.is_open(act.now) {
            let is_same = waiting.maker == maker && waiting.deed == deed && material.is_none();
            let other = || Problem::new(Code::ApprovalPending).detail(waiting.id.to_string());
            return Ok(if is_same { Ok(waiting) } else { Err(other()) });
        }
        expire_in(tx, act, waiting)?;
    }
    if store::count_waiting(tx, &maker, MAX_WAITING)? >= MAX_WAITING {
        return Ok(Err(Problem::new(Code::TooManyApprovals)));
    }
    let hours = act.tools.config().approvals.hours;
    let seconds = i64::try_from(hours.saturating_mul(3_600)).unwrap_or(i64::MAX);
    let approval = Approval {
        id: act.id(),
        deed,
        maker,
        address: act.origin.address().to_owned(),
        status: Status::Pending,
        created_at: act.now,
        expires_at: act.now.plus_seconds(seconds),
        decided_at: None,
        decided_by: None,
        reason: None,
        outcome: None,
    };
    store::insert(tx, act, &approval, material)?;
    record(tx, act, ("approval.asked", "done"), &approval)?;
    Ok(Ok(approval))
}

/// Approves, and does the act. That it is refused then is an outcome of the approval, not a refusal of this.
///
/// Refuses, in order: `not_found`, `own_approval`, `forbidden`, `approval_decided`, `own_access` (it is about the one who
/// decides), `maker_disabled`. After the commit: [`api::forget`].
pub fn approve_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &ApprovalId,
) -> Result<Result<Approval, Problem>, DbError> {
    let (decider, found) = match to_decide_in(tx, act, id, "approval.approve_refused")? {
        Ok(found) => found,
        Err(problem) => return Ok(Err(problem)),
    };
    let (approval, material) = found.row;
    if approval.deed.operator() == Some(&*decider.to_string()) {
        return refuse(tx, act, ("approval.approve_refused", Code::OwnAccess), &approval);
    }
    if !found.is_maker_enabled {
        return refuse(tx, act, ("approval.approve_refused", Code::MakerDisabled), &approval);
    }
    let outcome =
        carry_out::carry_out(tx, &as_maker(act, &approval, &decider), &approval.deed, material)?;
    let outcome = match outcome {
        Ok(resource) => Outcome::Done(resource),
        Err(problem) => Outcome::Refused(problem.code.as_str().to_owned()),
    };
    let decided = Approval { outcome: Some(outcome), ..approval };
    decide_in(tx, act, (decided, Status::Approved), Some(decider)).map(Ok)
}

/// Ends an approval without its act. Refuses as [`approve_in`], but for a disabled maker.
pub fn reject_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &ApprovalId,
    reason: &str,
) -> Result<Result<Approval, Problem>, DbError> {
    let (decider, found) = match to_decide_in(tx, act, id, "approval.reject_refused")? {
        Ok(found) => found,
        Err(problem) => return Ok(Err(problem)),
    };
    let rejected = Approval { reason: Some(reason.to_owned()), ..found.row.0 };
    decide_in(tx, act, (rejected, Status::Rejected), Some(decider)).map(Ok)
}

/// Takes back what one has asked for.
///
/// Refuses, in order: `not_found` (also where the operator may not see it), `forbidden` (somebody else's),
/// `approval_decided`.
pub fn withdraw_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (id, role): (&ApprovalId, Role),
) -> Result<Result<Approval, Problem>, DbError> {
    let who = operator(act)?;
    let found = store::lock(tx, &act.tools, id)?.filter(|(found, _)| may_see(&who, role, found));
    let Some((approval, _)) = found else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let action = "approval.withdraw_refused";
    if approval.maker != who {
        return refuse(tx, act, (action, Code::Forbidden), &approval);
    }
    if !approval.is_open(act.now) {
        return refuse(tx, act, (action, Code::ApprovalDecided), &approval);
    }
    decide_in(tx, act, (approval, Status::Withdrawn), Some(who)).map(Ok)
}

/// Ends what waits in the slot of an act, because what it was asked about is over.
pub fn supersede_in(tx: &mut Tx<'_>, act: &Act, deed: &Deed, reason: &str) -> Result<(), DbError> {
    let Some(slot) = deed.slot() else { return Ok(()) };
    let Some(waiting) = store::lock_slot(tx, &act.tools, &slot)? else { return Ok(()) };
    let by = operator(act)?;
    let ended = Approval { reason: Some(reason.to_owned()), ..waiting };
    decide_in(tx, act, (ended, Status::Rejected), Some(by)).map(|_| ())
}

/// Who decides sees all; anybody else what they asked for.
pub fn may_see(who: &StaffId, role: Role, approval: &Approval) -> bool {
    role.sees_all_approvals() || approval.maker == *who
}

/// An approval that somebody wants to decide.
struct Undecided {
    row: store::Found,
    is_maker_enabled: bool,
}

fn to_decide_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &ApprovalId,
    refused: &'static str,
) -> Result<Result<(StaffId, Undecided), Problem>, DbError> {
    let who = operator(act)?;
    let Some(row) = store::lock(tx, &act.tools, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let approval = &row.0;
    let no = |tx: &mut Tx<'_>, code| refuse(tx, act, (refused, code), approval);
    if approval.maker == who {
        return no(tx, Code::OwnApproval);
    }
    // From their rows, not from a token of a second ago.
    let [maker, decider] = members::pair_in(tx, [&approval.maker, &who])?;
    let wanted = [Permission::DecideApprovals, approval.deed.decided_with()];
    if !decider.is_enabled || !wanted.iter().all(|needed| decider.role.permits(*needed)) {
        return no(tx, Code::Forbidden);
    }
    if !approval.is_open(act.now) {
        return no(tx, Code::ApprovalDecided);
    }
    Ok(Ok((who, Undecided { is_maker_enabled: maker.is_enabled, row })))
}

/// The row is locked and pending; so is what the decision is about.
fn decide_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (approval, status): (Approval, Status),
    by: Option<StaffId>,
) -> Result<Approval, DbError> {
    let decided = Approval { status, decided_at: Some(act.now), decided_by: by, ..approval };
    if !store::decide(tx, &decided)? {
        return Err(DbError::Corrupt(format!("{} was decided while it was locked", decided.id)));
    }
    let action = match status {
        Status::Approved => "approval.approved",
        Status::Rejected => "approval.rejected",
        Status::Withdrawn => "approval.withdrawn",
        Status::Expired => "approval.expired",
        Status::Pending => return Err(DbError::Corrupt("pending is no decision".to_owned())),
    };
    record(tx, act, (action, "done"), &decided)?;
    Ok(decided)
}

/// The row is locked and pending, and its time is over.
fn expire_in(tx: &mut Tx<'_>, act: &Act, approval: Approval) -> Result<Approval, DbError> {
    decide_in(tx, act, (approval, Status::Expired), None)
}

fn refuse<T>(
    tx: &mut Tx<'_>,
    act: &Act,
    (action, code): (&'static str, Code),
    approval: &Approval,
) -> Result<Result<T, Problem>, DbError> {
    record(tx, act, (action, code.as_str()), approval)?;
    Ok(Err(Problem::new(code)))
}

fn record(
    tx: &mut Tx<'_>,
    act: &Act,
    (action, outcome): (&'static str, &'static str),
    approval: &Approval,
) -> Result<(), DbError> {
    events::record(tx, act, action, &approval.id.to_string(), outcome, Some(&described(approval)))
}

fn described(approval: &Approval) -> Value {
    let mut after = json!({
        "kind": approval.deed.kind(),
        "maker": approval.maker.to_string(),
        "request": approval.deed.trace(),
        "status": approval.status.as_str(),
    });
    if let Some(reason) = &approval.reason {
        after["reason"] = json!(reason);
    }
    match &approval.outcome {
        None => {}
        Some(Outcome::Done(id)) => after["resource"] = json!(id),
        Some(Outcome::Refused(code)) => after["refusal"] = json!(code),
    }
    after
}

/// The act in its maker's name. Its origin has no session, since nobody's is used, and names the approver where the
/// program stands that a request comes from: each event and each posting of it then says both.
fn as_maker(act: &Act, approval: &Approval, decider: &StaffId) -> Act {
    let agent = format!("{} approved by {decider}", approval.id);
    let maker = Some(*approval.maker.bytes());
    let origin = Origin::new("staff", maker, None, approval.address.clone(), agent);
    Act { origin, ..act.clone() }
}

fn operator(act: &Act) -> Result<StaffId, DbError> {
    let origin: &Arc<Origin> = &act.origin;
    match origin.actor() {
        Some(id) if origin.actor_kind() == "staff" => Ok(StaffId::from_bytes(*id)),
        _ => Err(DbError::Corrupt("an approval without an operator".to_owned())),
    }
}
