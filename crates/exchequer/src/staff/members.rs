//! Operators as the administrators see them: listed, disabled, enabled.
//!
//! Disabling ends all sessions of the operator and the sign-ins that wait for their second factor; the gate of
//! `sessions` lets nothing new through. Nobody disables themselves, and the last enabled administrator stays:
//! else nobody could enable anybody again.
//!
//! Locks: all administrators in the order of their ids, where one is disabled (so that two who disable each other
//! at once do not both succeed), the operator, their sessions. The bank has few operators.

use ::store::{DbError, Tx};
use money::{StaffId, Timestamp};
use serde_json::json;

use super::model::{Renewal, Role};
use super::store;
use crate::bank::Act;
use crate::http::{Code, Problem};
use crate::outbox::{self, Notice};
use crate::sessions::model::PrincipalRef;
use crate::{challenges, events, sessions};

/// An operator.
#[derive(Debug, Clone)]
pub struct Member {
    pub id: StaffId,
    pub email: String,
    pub role: Role,
    pub is_enabled: bool,
    pub created_at: Timestamp,
    /// What they do at the next sign-in before there is a session.
    pub renewal: Renewal,
    pub last_signed_in_at: Option<Timestamp>,
}

/// At most `most` operators, oldest first, after the one named.
pub fn list(tx: &mut Tx<'_>, after: Option<&StaffId>, most: i64) -> Result<Vec<Member>, DbError> {
    store::members(tx, after, most)
}

/// Two operators, locked in the order of their ids; given in the order that was asked for.
pub fn pair_in(tx: &mut Tx<'_>, ids: [&StaffId; 2]) -> Result<[Member; 2], DbError> {
    let mut of = |id: &StaffId| {
        let found = store::lock_member(tx, id)?;
        found.ok_or_else(|| DbError::Corrupt(format!("{id} acts and is not there")))
    };
    let [a, b] = ids;
    if a <= b {
        return Ok([of(a)?, of(b)?]);
    }
    let second = of(b)?;
    Ok([of(a)?, second])
}

/// An operator who is to be let in again, locked. Refuses as [`enable_in`].
pub fn disabled_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &StaffId,
) -> Result<Result<Member, Problem>, DbError> {
    let Some(member) = store::lock_member(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if member.is_enabled {
        return refuse(tx, act, &member, ("staff.enable_refused", Code::NotDisabled));
    }
    Ok(Ok(member))
}

/// Ends an operator's access. `by` is who does it.
///
/// Refuses, in order: `not_found`, `own_access`, `already_disabled`, `last_admin`. After the commit:
/// [`sessions::api::forget_ended`].
pub fn disable_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (by, id): (&StaffId, &StaffId),
) -> Result<Result<Member, Problem>, DbError> {
    let enabled_admins = store::lock_admins(tx)?;
    let Some(member) = store::lock_member(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let refusal = if by == id {
        Some(Code::OwnAccess)
    } else if !member.is_enabled {
        Some(Code::AlreadyDisabled)
    } else if enabled_admins == [*id] {
        Some(Code::LastAdmin)
    } else {
        None
    };
    if let Some(code) = refusal {
        return refuse(tx, act, &member, ("staff.disable_refused", code));
    }
    let text =
        "An administrator has ended your access as an operator. You were signed out everywhere.";
    shut_out_in(tx, act, member, ("ended_by_operator", text)).map(Ok)
}

/// Ends the access of an enabled operator, whose row is locked, and who is not the last administrator.
pub(super) fn shut_out_in(
    tx: &mut Tx<'_>,
    act: &Act,
    member: Member,
    (reason, text): (&'static str, &str),
) -> Result<Member, DbError> {
    store::set_enabled(tx, &member.id, false, act.now)?;
    let member = Member { is_enabled: false, ..member };
    let who = PrincipalRef::Staff(member.id);
    let ended = sessions::end_all_in(tx, act, who, "disabled")?;
    let closed = challenges::close_sign_ins_in(tx, act, &who)?;
    tell(tx, act, &member, ("access_disabled", text))?;
    let before = json!({ "status": status_name(true) });
    let after = json!({
        "status": status_name(false),
        "reason": reason,
        "sessions_ended": ended.len(),
        "sign_ins_closed": closed,
    });
    let what = ("staff.disabled", &*member.id.to_string(), "done");
    events::record_change(tx, act, what, (Some(&before), Some(&after)))?;
    Ok(member)
}

/// Lets an operator in again, with the password and the authenticator that they had.
///
/// Refuses, in order: `not_found`, `not_disabled`.
pub fn enable_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &StaffId,
) -> Result<Result<Member, Problem>, DbError> {
    let member = match disabled_in(tx, act, id)? {
        Ok(member) => member,
        Err(problem) => return Ok(Err(problem)),
    };
    store::set_enabled(tx, id, true, act.now)?;
    let member = Member { is_enabled: true, ..member };
    let text = "The bank has opened your access as an operator again.";
    tell(tx, act, &member, ("access_enabled", text))?;
    let (before, after) =
        (json!({ "status": status_name(false) }), json!({ "status": status_name(true) }));
    let what = ("staff.enabled", &*id.to_string(), "done");
    events::record_change(tx, act, what, (Some(&before), Some(&after)))?;
    Ok(Ok(member))
}

/// Ends all sessions of an operator, who may sign in again; gives how many. They are told where there was one.
///
/// Refuses `not_found`. After the commit: [`sessions::api::forget_ended`].
pub fn sign_out_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &StaffId,
) -> Result<Result<usize, Problem>, DbError> {
    let Some(member) = store::lock_member(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let ended = sessions::end_all_in(tx, act, PrincipalRef::Staff(*id), "ended_by_operator")?.len();
    if ended > 0 {
        let text = "An administrator has signed you out everywhere. You can sign in again.";
        tell(tx, act, &member, ("operator_signed_out", text))?;
    }
    let count = json!({ "sessions_ended": ended });
    events::record(tx, act, "staff.signed_out", &id.to_string(), "done", Some(&count))?;
    Ok(Ok(ended))
}

/// The word in answers and events.
pub const fn status_name(is_enabled: bool) -> &'static str {
    if is_enabled { "active" } else { "disabled" }
}

fn refuse(
    tx: &mut Tx<'_>,
    act: &Act,
    member: &Member,
    (action, code): (&'static str, Code),
) -> Result<Result<Member, Problem>, DbError> {
    let before = json!({ "status": status_name(member.is_enabled) });
    let what = (action, &*member.id.to_string(), code.as_str());
    events::record_change(tx, act, what, (Some(&before), None))?;
    Ok(Err(Problem::new(code)))
}

fn tell(
    tx: &mut Tx<'_>,
    act: &Act,
    member: &Member,
    (purpose, text): (&'static str, &str),
) -> Result<(), DbError> {
    let notice = Notice { purpose, subject: "Your access as an operator", text: text.to_owned() };
    outbox::inform_in(tx, act, &member.email, &notice)
}
