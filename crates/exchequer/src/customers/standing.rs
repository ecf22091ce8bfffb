//! What operators do to a customer's access: lock, for a while; disable, until somebody decides otherwise.
//!
//! Either ends all sessions at once, the sign-ins that wait for their second factor and the reset tokens, and
//! `sessions::gate` lets nothing new through. The money is not touched: payments still come in, holds are
//! still captured; accounts are frozen by themselves. A lock gives way to disabling, never the other way round,
//! so that whoever may only unlock gives nobody back what was decided to end.
//!
//! Order: the customer's row is locked, then their standing decides, then sessions end. The customer is told
//! by e-mail of each change. What it never does: end anything by itself; the lock after wrong tries is
//! another one (`attempts`).

use ::store::{DbError, Tx};
use money::CustomerId;
use serde_json::{Value, json};

use super::model::Customer;
use super::{Known, store};
use crate::bank::Act;
use crate::evidence::shred;
use crate::http::{Code, Problem};
use crate::outbox::{self, Notice};
use crate::sessions::model::PrincipalRef;
use crate::{challenges, events, passwords, sessions};

/// Whether a customer may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Active,
    /// For a while, by whoever heard that something is wrong.
    Locked,
    /// Until it is decided otherwise.
    Disabled,
    /// For good: the person was erased ([`super::erasure`]).
    Erased,
}

/// What is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Lock,
    Unlock,
    Disable,
    Enable,
}

impl Standing {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Disabled => "disabled",
            Self::Erased => "erased",
        }
    }

    /// Where a customer stands after a change; the code of the refusal where it is none.
    pub const fn after(self, change: Change) -> Result<Self, Code> {
        match (change, self) {
            (_, Self::Erased) => Err(Code::CustomerErased),
            (Change::Lock, Self::Active) => Ok(Self::Locked),
            (Change::Lock, Self::Locked) => Err(Code::AlreadyLocked),
            (Change::Lock | Change::Disable, Self::Disabled) => Err(Code::AlreadyDisabled),
            (Change::Unlock, Self::Locked) | (Change::Enable, Self::Disabled) => Ok(Self::Active),
            (Change::Unlock, Self::Active | Self::Disabled) => Err(Code::NotLocked),
            (Change::Disable, Self::Active | Self::Locked) => Ok(Self::Disabled),
            (Change::Enable, Self::Active | Self::Locked) => Err(Code::NotDisabled),
        }
    }
}

/// Where a customer, who is locked, stands and would stand after a change. Refuses as [`change_in`].
pub fn check_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
    change: Change,
) -> Result<Result<(Standing, Standing), Problem>, DbError> {
    let Some(before) = store::lock_standing(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    match before.after(change) {
        Ok(after) => Ok(Ok((before, after))),
        Err(code) => {
            let was = json!({ "status": before.as_str() });
            let what = (change.refused(), &*id.to_string(), code.as_str());
            events::record_change(tx, act, what, (Some(&was), None))?;
            Ok(Err(Problem::new(code)))
        }
    }
}

/// Changes a customer's standing.
///
/// Refuses, in order: `not_found`; `customer_erased`; `already_disabled`, `already_locked`, `not_locked` or
/// `not_disabled`. After the commit: [`sessions::api::forget_ended`].
pub fn change_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
    change: Change,
) -> Result<Result<Customer, Problem>, DbError> {
    let (before, after) = match check_in(tx, act, id, change)? {
        Ok(both) => both,
        Err(problem) => return Ok(Err(problem)),
    };
    let resource = id.to_string();
    let was = json!({ "status": before.as_str() });
    store::set_standing(tx, id, after, act.now)?;
    let mut is = json!({ "status": after.as_str() });
    shred::begin_anew(tx, id)?;
    if after != Standing::Active {
        shut_out(tx, act, (id, after), &mut is)?;
    }
    let customer = store::get(tx, &act.tools, id)?
        .ok_or_else(|| DbError::Corrupt(format!("{id} was locked and is not there")))?;
    outbox::inform_in(tx, act, customer.email.as_str(), &change.notice())?;
    events::record_change(tx, act, (change.done(), &resource, "done"), (Some(&was), Some(&is)))?;
    Ok(Ok(customer))
}

/// Ends all sessions of a customer, who may sign in again; gives how many. They are told where there was one.
///
/// Refuses, in order: `not_found`, `customer_erased`. After the commit: [`sessions::api::forget_ended`].
pub fn sign_out_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
) -> Result<Result<usize, Problem>, DbError> {
    let known = store::known(tx, &act.tools, id)?;
    let customer = match known.ok_or_else(|| Problem::new(Code::NotFound)).and_then(Known::here) {
        Ok(customer) => customer,
        Err(problem) => return Ok(Err(problem)),
    };
    let who = PrincipalRef::Customer(*id);
    let ended = sessions::end_all_in(tx, act, who, "ended_by_operator")?.len();
    if ended > 0 {
        let notice = Notice {
            purpose: "customer_signed_out",
            subject: "You were signed out",
            text: "We have signed you out everywhere. You can sign in again.".to_owned(),
        };
        outbox::inform_in(tx, act, customer.email.as_str(), &notice)?;
    }
    let count = json!({ "sessions_ended": ended });
    events::record(tx, act, "customer.signed_out", &id.to_string(), "done", Some(&count))?;
    Ok(Ok(ended))
}

/// Ends everything by which a customer is in, or about to be.
fn shut_out(
    tx: &mut Tx<'_>,
    act: &Act,
    (id, after): (&CustomerId, Standing),
    event: &mut Value,
) -> Result<(), DbError> {
    let who = PrincipalRef::Customer(*id);
    let ended = sessions::end_all_in(tx, act, who, after.as_str())?;
    let closed = challenges::close_sign_ins_in(tx, act, &who)?;
    passwords::forget_resets_in(tx, id)?;
    event["sessions_ended"] = json!(ended.len());
    event["sign_ins_closed"] = json!(closed);
    Ok(())
}

impl Change {
    const fn done(self) -> &'static str {
        match self {
            Self::Lock => "customer.locked",
            Self::Unlock => "customer.unlocked",
            Self::Disable => "customer.disabled",
            Self::Enable => "customer.enabled",
        }
    }

    const fn refused(self) -> &'static str {
        match self {
            Self::Lock => "customer.lock_refused",
            Self::Unlock => "customer.unlock_refused",
            Self::Disable => "customer.disable_refused",
            Self::Enable => "customer.enable_refused",
        }
    }

    fn notice(self) -> Notice {
        let (purpose, subject, text) = match self {
            Self::Lock => (
                "customer_locked",
                "Your access is locked",
                "We have locked your access and signed you out everywhere. Nobody can sign in, you neither, \
                 until we have spoken with you.",
            ),
            Self::Unlock => (
                "customer_unlocked",
                "Your access is open again",
                "Your access is not locked any more. Sign in as before.",
            ),
            Self::Disable => (
                "customer_disabled",
                "Your access has ended",
                "We have ended your access and signed you out everywhere. Nobody can sign in, you neither.",
            ),
            Self::Enable => (
                "customer_enabled",
                "Your access is open again",
                "We have opened your access again. Sign in as before.",
            ),
        };
        Notice { purpose, subject, text: text.to_owned() }
    }
}

#[cfg(test)]
mod tests;
