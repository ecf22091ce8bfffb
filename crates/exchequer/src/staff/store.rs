//! SQL of operators.

use money::StaffId;
use store::{DbError, Tx, params};
use vault::{Place, SecretString};

use super::StaffCredentials;
use super::model::Role;
use crate::bank::{Act, Tools};
use crate::customers::model::Email;

/// What an operator's codes are checked with.
pub(super) struct TotpRow {
    pub secret: SecretString,
    pub last_step: i64,
}

/// False where somebody has this e-mail.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &StaffId,
    (email, role): (&Email, Role),
    (password_hash, totp_secret): (&str, &SecretString),
) -> Result<bool, DbError> {
    let sealed = act.tools.seal(&totp_place(id), totp_secret.expose())?;
    let inserted = tx.execute(
        "INSERT INTO staff (id, email, role, status, password_hash, totp_sealed, totp_last_step, \
         created_at) VALUES ($1, $2, $3, 0, $4, $5, 0, $6) ON CONFLICT (email) DO NOTHING",
        params![id, email.as_str(), role.as_str(), password_hash, &sealed, act.now],
    )?;
    Ok(inserted == 1)
}

pub(super) fn credentials(
    tx: &mut Tx<'_>,
    email: &Email,
) -> Result<Option<StaffCredentials>, DbError> {
    let row = tx.query_opt(
        "SELECT id, status, password_hash FROM staff WHERE email = $1",
        params![email.as_str()],
    )?;
    row.map(|row| {
        Ok(StaffCredentials {
            id: row.id(0)?,
            is_active: row.int(1)? == 0,
            password_hash: row.text(2)?.to_owned(),
        })
    })
    .transpose()
}

/// Whether an active operator still has this hash; locks the row.
pub(super) fn has_hash(
    tx: &mut Tx<'_>,
    id: &StaffId,
    password_hash: &str,
) -> Result<bool, DbError> {
    let rows = tx.query_locked(
        "SELECT status, password_hash FROM staff WHERE id = $1 ORDER BY id",
        params![id],
    )?;
    rows.first().map_or(Ok(false), |row| Ok(row.int(0)? == 0 && row.text(1)? == password_hash))
}

pub(super) fn replace_hash(
    tx: &mut Tx<'_>,
    id: &StaffId,
    old: &str,
    new: &str,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE staff SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        params![id, old, new],
    )?;
    Ok(changed == 1)
}

/// The secret of an active operator, and the last time step that was accepted.
pub(super) fn totp(
    tx: &mut Tx<'_>,
    tools: &Tools,
    id: &StaffId,
) -> Result<Option<TotpRow>, DbError> {
    let row = tx.query_opt(
        "SELECT totp_sealed, totp_last_step FROM staff WHERE id = $1 AND status = 0",
        params![id],
    )?;
    row.map(|row| {
        let secret = tools.unseal(&totp_place(id), row.blob(0)?)?;
        Ok(TotpRow { secret, last_step: row.int(1)? })
    })
    .transpose()
}

/// Compare-and-set: false where another sign-in took this step or a later one.
pub(super) fn accept_step(tx: &mut Tx<'_>, id: &StaffId, step: i64) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE staff SET totp_last_step = $2 WHERE id = $1 AND status = 0 AND totp_last_step < $2",
        params![id, step],
    )?;
    Ok(changed == 1)
}

pub(super) fn email(tx: &mut Tx<'_>, id: &StaffId) -> Result<Option<String>, DbError> {
    let row = tx.query_opt("SELECT email FROM staff WHERE id = $1", params![id])?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

fn totp_place(id: &StaffId) -> Place<'_> {
    Place { table: "staff", column: "totp_sealed", row: id.bytes() }
}
