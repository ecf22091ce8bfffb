//! Operators: made on the command line, signed in with password and second factor, which they change themselves and an
//! administrator resets, disabled by an administrator or for long absence, and what they do to customers' accounts.
//!
//! What an operator may do is one table ([`model::Role::permits`]); the routes table names the
//! permission. Everything an operator does, and everything they were refused, is an event.

pub mod absence;
pub mod access;
pub mod api;
pub mod members;
pub mod model;
pub mod renewal;
mod sign_in;
mod store;

use ::store::posting::holds::{self, Doer};
use ::store::rows::{TransferKind, TransferRow};
use ::store::{DbError, Tx};
use money::{Amount, StaffId, TransferId};
use serde_json::json;
use vault::SecretString;

use self::model::{Permission, Role};
use crate::bank::Act;
use crate::customers::model::Email;
use crate::events;
use crate::factors::totp;
use crate::http::{Code, Problem, Staff};

pub use self::sign_in::{
    StaffCredentials, confirm_in, credentials, email, note_sign_in, take_new_totp_in,
    take_renewal_totp_in, take_totp_in,
};

/// Records that an operator asked for what their role does not include.
pub async fn refuse_access(caller: &Staff, permission: Permission) -> Result<(), Problem> {
    let (id, role) = (caller.id(), caller.role());
    caller
        .write("staff.refuse_access", move |tx, act| {
            let after = json!({ "role": role.as_str(), "permission": permission.as_str() });
            let outcome = Code::Forbidden.as_str();
            events::record(tx, act, "access.refused", &id.to_string(), outcome, Some(&after))
        })
        .await
}

/// Makes an operator; gives their id and the secret of their second factor, in base 32, which is shown
/// once. `None` where somebody has this e-mail.
pub fn create_in(
    tx: &mut Tx<'_>,
    act: &Act,
    email: &Email,
    role: Role,
    password_hash: &str,
) -> Result<Option<(StaffId, SecretString)>, DbError> {
    let id: StaffId = act.id();
    let totp_secret = totp::new_secret(act.tools.rng());
    if !store::insert(tx, act, &id, (email, role), (password_hash, &totp_secret))? {
        return Ok(None);
    }
    let after = json!({
        "role": role.as_str(),
        "email": events::hashed(&act.tools, "email", email.as_str()),
    });
    events::record(tx, act, "staff.created", &id.to_string(), "done", Some(&after))?;
    Ok(Some((id, totp_secret)))
}

/// Sends a posted transfer back, in part or (`None`) in whole. A reversal itself is not reversed.
///
/// Refuses, in order: `not_found`, then what the ledger refuses.
pub fn reverse_in(
    tx: &mut Tx<'_>,
    act: &Act,
    transfer: &TransferId,
    (amount, reason): (Option<Amount>, &str),
) -> Result<Result<TransferRow, Problem>, DbError> {
    let original = tx.transfer(transfer)?.filter(|row| row.kind != TransferKind::Reversal);
    let Some(original) = original else { return Ok(Err(Problem::new(Code::NotFound))) };
    let doer = Doer { origin: act.origin.clone(), request: act.request };
    let decided = holds::reverse(tx, &original, (act.id(), amount), &doer, act.now)?;
    let resource = original.id.to_string();
    let asked = amount.map(Amount::get);
    match decided {
        Ok(row) => {
            let reversal = row.id.to_string();
            let after = json!({ "reversal": reversal, "amount": row.amount, "reason": reason });
            events::record(tx, act, "transfer.reversed", &resource, "done", Some(&after))?;
            Ok(Ok(row))
        }
        Err(refusal) => {
            let after = json!({ "amount": asked, "reason": reason });
            let (action, outcome) = ("transfer.reversal_refused", refusal.code());
            events::record(tx, act, action, &resource, outcome, Some(&after))?;
            Ok(Err(refusal.into()))
        }
    }
}
