//! SQL of what operators come in with, as it changes, and of their absence.

use money::{StaffId, Timestamp};
use store::{DbError, Row, Tx, params};
use vault::{Place, SecretString};

use super::{read_renewal, totp_place};
use crate::bank::{Act, Tools};
use crate::staff::model::Renewal;

/// What an operator comes in with.
#[derive(Clone)]
pub(in crate::staff) struct Access {
    pub email: String,
    pub password_hash: String,
    pub renewal: Renewal,
    pub first_password_until: Option<Timestamp>,
}

/// Since when an operator is away.
#[derive(Debug, Clone, Copy)]
pub(in crate::staff) struct Absence {
    pub id: StaffId,
    pub is_enabled: bool,
    /// None: nobody has begun to count.
    pub since: Option<Timestamp>,
}

/// As a snapshot has it: whoever decides by it has the row locked.
pub(in crate::staff) fn access(tx: &mut Tx<'_>, id: &StaffId) -> Result<Option<Access>, DbError> {
    let row = tx.query_opt(
        "SELECT email, password_hash, renewal, first_password_until FROM staff WHERE id = $1",
        params![id],
    )?;
    row.map(|row| {
        Ok(Access {
            email: row.text(0)?.to_owned(),
            password_hash: row.text(1)?.to_owned(),
            renewal: read_renewal(&row, 2)?,
            first_password_until: row.time_opt(3)?,
        })
    })
    .transpose()
}

/// A password of the operator's own: nothing is to be renewed any more. False where the old one is not theirs by now.
pub(in crate::staff) fn set_password(
    tx: &mut Tx<'_>,
    id: &StaffId,
    (old, new): (&str, &str),
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE staff SET password_hash = $3, renewal = 0, first_password_until = NULL \
         WHERE id = $1 AND password_hash = $2",
        params![id, old, new],
    )?;
    Ok(changed == 1)
}

/// A password that begins a renewal of everything; an authenticator that waits is forgotten. The row is locked by the
/// caller.
pub(in crate::staff) fn set_first_password(
    tx: &mut Tx<'_>,
    id: &StaffId,
    (password_hash, until): (&str, Timestamp),
) -> Result<(), DbError> {
    tx.execute("UPDATE staff SET password_hash = $2 WHERE id = $1", params![id, password_hash])?;
    set_renewal(tx, id, (Renewal::PasswordAndFactor, until))?;
    clear_new_totp(tx, id)
}

/// The password, as it is, begins a renewal and serves until then.
pub(in crate::staff) fn set_renewal(
    tx: &mut Tx<'_>,
    id: &StaffId,
    (renewal, until): (Renewal, Timestamp),
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE staff SET renewal = $2, first_password_until = $3 WHERE id = $1",
        params![id, renewal.code(), until],
    )?;
    Ok(())
}

/// The secret of an authenticator that waits for its first code; the newest replaces the one before.
pub(in crate::staff) fn set_new_totp(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &StaffId,
    secret: &SecretString,
) -> Result<(), DbError> {
    let sealed = act.tools.seal(&new_totp_place(id), secret.expose())?;
    tx.execute("UPDATE staff SET totp_new_sealed = $2 WHERE id = $1", params![id, &sealed])?;
    Ok(())
}

pub(in crate::staff) fn new_totp(
    tx: &mut Tx<'_>,
    tools: &Tools,
    id: &StaffId,
) -> Result<Option<SecretString>, DbError> {
    let row = tx
        .query_opt("SELECT totp_new_sealed FROM staff WHERE id = $1 AND status = 0", params![id])?;
    let Some(row) = row else { return Ok(None) };
    row.blob_opt(0)?.map(|sealed| tools.unseal(&new_totp_place(id), sealed)).transpose()
}

pub(in crate::staff) fn clear_new_totp(tx: &mut Tx<'_>, id: &StaffId) -> Result<(), DbError> {
    tx.execute("UPDATE staff SET totp_new_sealed = NULL WHERE id = $1", params![id])?;
    Ok(())
}

/// The authenticator that codes are checked with from now on, those up to this step aside. The row is locked by the
/// caller.
pub(in crate::staff) fn place_totp(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &StaffId,
    (secret, step): (&SecretString, i64),
) -> Result<(), DbError> {
    let sealed = act.tools.seal(&totp_place(id), secret.expose())?;
    tx.execute(
        "UPDATE staff SET totp_sealed = $2, totp_last_step = $3, totp_new_sealed = NULL WHERE id = $1",
        params![id, &sealed, step],
    )?;
    Ok(())
}

/// A complete sign-in.
pub(in crate::staff) fn note_sign_in(
    tx: &mut Tx<'_>,
    id: &StaffId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE staff SET last_signed_in_at = $2, absent_since = $2 WHERE id = $1",
        params![id, now],
    )?;
    Ok(())
}

/// Absence is counted from now on.
pub(in crate::staff) fn begin_absence(
    tx: &mut Tx<'_>,
    id: &StaffId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute("UPDATE staff SET absent_since = $2 WHERE id = $1", params![id, now])?;
    Ok(())
}

pub(in crate::staff) fn absence(tx: &mut Tx<'_>, id: &StaffId) -> Result<Option<Absence>, DbError> {
    let row =
        tx.query_opt("SELECT id, status, absent_since FROM staff WHERE id = $1", params![id])?;
    row.as_ref().map(read_absence).transpose()
}

pub(in crate::staff) fn lock_absence(
    tx: &mut Tx<'_>,
    id: &StaffId,
) -> Result<Option<Absence>, DbError> {
    let rows = tx.query_locked(
        "SELECT id, status, absent_since FROM staff WHERE id = $1 ORDER BY id",
        params![id],
    )?;
    rows.first().map(read_absence).transpose()
}

/// Operators by id, after the one named.
pub(in crate::staff) fn absences(
    tx: &mut Tx<'_>,
    (after, most): (&StaffId, i64),
) -> Result<Vec<Absence>, DbError> {
    let rows = tx.query(
        "SELECT id, status, absent_since FROM staff WHERE id > $1 ORDER BY id LIMIT $2",
        params![after, most],
    )?;
    rows.iter().map(read_absence).collect()
}

fn read_absence(row: &Row) -> Result<Absence, DbError> {
    Ok(Absence { id: row.id(0)?, is_enabled: row.int(1)? == 0, since: row.time_opt(2)? })
}

fn new_totp_place(id: &StaffId) -> Place<'_> {
    Place { table: "staff", column: "totp_new_sealed", row: id.bytes() }
}

/// The hash of an active operator's password; the row is locked.
pub(in crate::staff) fn lock_hash(
    tx: &mut Tx<'_>,
    id: &StaffId,
) -> Result<Option<String>, DbError> {
    let rows = tx.query_locked(
        "SELECT password_hash FROM staff WHERE id = $1 AND status = 0 ORDER BY id",
        params![id],
    )?;
    rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}
