//! SQL of operators and of the challenges of their sign-in.

use money::{ChallengeId, StaffId, Timestamp};
use store::{DbError, Tx, params};
use vault::{Place, SecretString};

use super::StaffCredentials;
use super::model::Role;
use crate::bank::{Act, Tools};
use crate::customers::model::Email;

/// An open or closed question to an operator.
pub(super) struct ChallengeRow {
    pub staff: StaffId,
    pub attempts: i64,
    pub expires_at: Timestamp,
    pub is_used: bool,
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

pub(super) fn insert_challenge(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    staff: &StaffId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO challenges (id, principal_kind, principal, attempts, created_at, expires_at) \
         VALUES ($1, 'staff', $2, 0, $3, $4)",
        params![id, staff, now, expires_at],
    )?;
    Ok(())
}

pub(super) fn lock_challenge(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
) -> Result<Option<ChallengeRow>, DbError> {
    let rows = tx.query_locked(
        "SELECT principal, attempts, expires_at, used_at FROM challenges \
         WHERE id = $1 AND principal_kind = 'staff' ORDER BY id",
        params![id],
    )?;
    rows.first()
        .map(|row| {
            Ok(ChallengeRow {
                staff: row.id(0)?,
                attempts: row.int(1)?,
                expires_at: row.time(2)?,
                is_used: row.time_opt(3)?.is_some(),
            })
        })
        .transpose()
}

pub(super) fn count_attempt(tx: &mut Tx<'_>, id: &ChallengeId) -> Result<(), DbError> {
    tx.execute("UPDATE challenges SET attempts = attempts + 1 WHERE id = $1", params![id])?;
    Ok(())
}

/// Wrong codes that an operator's challenges opened since then were given. Locks the operator, so that
/// of two answers at once the second counts the first.
pub(super) fn wrong_codes(tx: &mut Tx<'_>, id: &StaffId, since: Timestamp) -> Result<i64, DbError> {
    tx.query_locked("SELECT id FROM staff WHERE id = $1 ORDER BY id", params![id])?;
    // Ids begin with their milliseconds (RFC 9562 §5.7): the primary key bounds the search.
    let millis = u128::try_from(since.millis()).unwrap_or(0);
    let first = ChallengeId::from_bytes((millis << 80).to_be_bytes());
    tx.query_one(
        "SELECT CAST(COALESCE(SUM(attempts), 0) AS BIGINT) FROM challenges WHERE id >= $2 \
         AND principal = $1 AND principal_kind = 'staff' AND created_at > $3",
        params![id, &first, since],
    )?
    .int(0)
}

pub(super) fn use_challenge(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute("UPDATE challenges SET used_at = $2 WHERE id = $1", params![id, now])?;
    Ok(())
}

fn totp_place(id: &StaffId) -> Place<'_> {
    Place { table: "staff", column: "totp_sealed", row: id.bytes() }
}
