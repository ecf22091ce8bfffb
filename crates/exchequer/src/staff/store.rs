//! SQL of operators.

mod access;

use money::{StaffId, Timestamp};
use store::{DbError, Row, Tx, params};
use vault::{Place, SecretString};

pub(super) use self::access::{
    Absence, absence, absences, access, begin_absence, lock_absence, lock_hash, new_totp,
    note_sign_in, place_totp, set_first_password, set_new_totp, set_password, set_renewal,
};
use super::StaffCredentials;
use super::members::Member;
use super::model::{Renewal, Role};
use crate::bank::{Act, Tools};
use crate::customers::Confirmed;
use crate::customers::model::Email;

macro_rules! select {
    () => {
        "SELECT id, email, role, status, created_at, renewal, last_signed_in_at FROM staff "
    };
}

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
         created_at, renewal, absent_since) VALUES ($1, $2, $3, 0, $4, $5, 0, $6, 0, $6) \
         ON CONFLICT (email) DO NOTHING",
        params![id, email.as_str(), role.as_str(), password_hash, &sealed, act.now],
    )?;
    Ok(inserted == 1)
}

pub(super) fn credentials(
    tx: &mut Tx<'_>,
    email: &Email,
) -> Result<Option<StaffCredentials>, DbError> {
    let row = tx.query_opt(
        "SELECT id, password_hash FROM staff WHERE email = $1",
        params![email.as_str()],
    )?;
    row.map(|row| Ok(StaffCredentials { id: row.id(0)?, password_hash: row.text(1)?.to_owned() }))
        .transpose()
}

/// Whether this operator still has this hash, and may come in with it; locks the row.
pub(super) fn confirm_hash(
    tx: &mut Tx<'_>,
    id: &StaffId,
    password_hash: &str,
) -> Result<Confirmed, DbError> {
    let rows = tx.query_locked(
        "SELECT status, password_hash FROM staff WHERE id = $1 ORDER BY id",
        params![id],
    )?;
    rows.first().map_or(Ok(Confirmed::Changed), |row| {
        Ok(Confirmed::of(row.int(0)? == 0, row.text(1)? == password_hash))
    })
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

/// The secret of an active operator, and the last time step that was accepted. None while a new authenticator is to be
/// enrolled: nothing that was before it opens anything.
pub(super) fn totp(
    tx: &mut Tx<'_>,
    tools: &Tools,
    id: &StaffId,
) -> Result<Option<TotpRow>, DbError> {
    let row = tx.query_opt(
        "SELECT totp_sealed, totp_last_step FROM staff WHERE id = $1 AND status = 0 \
         AND renewal <> $2",
        params![id, Renewal::PasswordAndFactor.code()],
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

pub(super) fn members(
    tx: &mut Tx<'_>,
    after: Option<&StaffId>,
    most: i64,
) -> Result<Vec<Member>, DbError> {
    // No id is all zeros.
    let start = StaffId::from_bytes([0; 16]);
    let rows = tx.query(
        concat!(select!(), "WHERE id > $1 ORDER BY id LIMIT $2"),
        params![after.unwrap_or(&start), most],
    )?;
    rows.iter().map(read_member).collect()
}

/// An operator, whose row is locked.
pub(super) fn lock_member(tx: &mut Tx<'_>, id: &StaffId) -> Result<Option<Member>, DbError> {
    let rows = tx.query_locked(concat!(select!(), "WHERE id = $1 ORDER BY id"), params![id])?;
    rows.first().map(read_member).transpose()
}

/// The enabled administrators; all administrators are locked.
pub(super) fn lock_admins(tx: &mut Tx<'_>) -> Result<Vec<StaffId>, DbError> {
    let rows = tx.query_locked(
        "SELECT id, status FROM staff WHERE role = $1 ORDER BY id",
        params![Role::Admin.as_str()],
    )?;
    let mut enabled = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.int(1)? == 0 {
            enabled.push(row.id(0)?);
        }
    }
    Ok(enabled)
}

/// The row is locked by the caller. Whoever is let in again has not been away yet.
pub(super) fn set_enabled(
    tx: &mut Tx<'_>,
    id: &StaffId,
    is_enabled: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    let status = i64::from(!is_enabled);
    tx.execute("UPDATE staff SET status = $2 WHERE id = $1", params![id, status])?;
    if is_enabled { begin_absence(tx, id, now) } else { Ok(()) }
}

/// Whose e-mail this is.
pub(super) fn by_email(tx: &mut Tx<'_>, email: &Email) -> Result<Option<StaffId>, DbError> {
    let row = tx.query_opt("SELECT id FROM staff WHERE email = $1", params![email.as_str()])?;
    row.map(|row| row.id(0)).transpose()
}

fn read_member(row: &Row) -> Result<Member, DbError> {
    let role = row.text(2)?.parse();
    Ok(Member {
        id: row.id(0)?,
        email: row.text(1)?.to_owned(),
        role: role.map_err(|unknown| DbError::Corrupt(format!("an operator: {unknown}")))?,
        is_enabled: row.int(3)? == 0,
        created_at: row.time(4)?,
        renewal: read_renewal(row, 5)?,
        last_signed_in_at: row.time_opt(6)?,
    })
}

fn read_renewal(row: &Row, column: usize) -> Result<Renewal, DbError> {
    let code = row.int(column)?;
    Renewal::from_code(code)
        .ok_or_else(|| DbError::Corrupt(format!("renewal {code} of an operator")))
}

fn totp_place(id: &StaffId) -> Place<'_> {
    Place { table: "staff", column: "totp_sealed", row: id.bytes() }
}
