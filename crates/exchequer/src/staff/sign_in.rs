//! What an operator signs in with: the password and an authenticator. The two steps are those of everybody
//! (`sessions::sign_in`, `challenges`); there is no way round the second. Who was away for too long is shut out here, too
//! ([`super::absence`]), whether the job has run or not.

use ::store::{DbError, Tx};
use money::StaffId;

use super::model::Renewal;
use super::{absence, store};
use crate::bank::Act;
use crate::customers::Confirmed;
use crate::customers::model::Email;
use crate::events;
use crate::factors::totp;

/// What an operator's password is verified against.
#[derive(Clone)]
pub struct StaffCredentials {
    pub id: StaffId,
    pub password_hash: String,
}

pub fn credentials(tx: &mut Tx<'_>, email: &Email) -> Result<Option<StaffCredentials>, DbError> {
    store::credentials(tx, email)
}

/// The e-mail that an operator signs in with, in its one spelling.
pub fn email(tx: &mut Tx<'_>, id: &StaffId) -> Result<Option<String>, DbError> {
    store::email(tx, id)
}

/// Takes a verified password into the transaction of the sign-in: the operator may have been disabled or the
/// password changed since it was verified. `upgraded` is a new hash of the same password. Locks the operator, and all
/// administrators before where the operator was away for too long.
pub fn confirm_in(
    tx: &mut Tx<'_>,
    act: &Act,
    verified: &StaffCredentials,
    upgraded: Option<&str>,
) -> Result<Confirmed, DbError> {
    absence::shut_out_in(tx, act, &verified.id)?;
    let confirmed = store::confirm_hash(tx, &verified.id, &verified.password_hash)?;
    if confirmed != Confirmed::Yes {
        return Ok(confirmed);
    }
    if let Some(new) = upgraded
        && store::replace_hash(tx, &verified.id, &verified.password_hash, new)?
    {
        let resource = verified.id.to_string();
        events::record(tx, act, "staff.password_hash_upgraded", &resource, "done", None)?;
    }
    Ok(Confirmed::Yes)
}

/// Whether this is a code of the present that nobody used; it is used then.
pub fn take_totp_in(
    tx: &mut Tx<'_>,
    act: &Act,
    staff: &StaffId,
    code: &str,
) -> Result<bool, DbError> {
    let Some(row) = store::totp(tx, &act.tools, staff)? else { return Ok(false) };
    match totp::matching_step(&row.secret, code, act.now, row.last_step) {
        Some(step) => store::accept_step(tx, staff, step),
        None => Ok(false),
    }
}

/// The same of the authenticator that waits for its first code: it takes the place of the one before, and that code
/// signs nobody in.
pub fn take_new_totp_in(
    tx: &mut Tx<'_>,
    act: &Act,
    staff: &StaffId,
    code: &str,
) -> Result<bool, DbError> {
    let Some(secret) = store::new_totp(tx, &act.tools, staff)? else { return Ok(false) };
    let Some(step) = totp::matching_step(&secret, code, act.now, 0) else { return Ok(false) };
    store::place_totp(tx, act, staff, (&secret, step))?;
    Ok(true)
}

/// The same in a renewal: of the authenticator that it asks for.
pub fn take_renewal_totp_in(
    tx: &mut Tx<'_>,
    act: &Act,
    staff: &StaffId,
    code: &str,
) -> Result<bool, DbError> {
    let Some(access) = store::access(tx, staff)? else { return Ok(false) };
    match access.renewal {
        Renewal::Nothing => Ok(false),
        Renewal::Password => take_totp_in(tx, act, staff, code),
        Renewal::PasswordAndFactor => take_new_totp_in(tx, act, staff, code),
    }
}

/// Notes a complete sign-in.
pub fn note_sign_in(tx: &mut Tx<'_>, act: &Act, staff: &StaffId) -> Result<(), DbError> {
    store::note_sign_in(tx, staff, act.now)
}
