//! SQL of challenges.

use money::{ChallengeId, CustomerId, FactorId, Id, SessionId, Timestamp};
use store::{DbError, Row, Tx, params};
use vault::{Place, SecretString};

use super::model::{ChallengeRow, Method, Purpose, Question, SentCode};
use crate::bank::{Act, Tools};
use crate::sessions::model::PrincipalRef;

macro_rules! select {
    () => {
        "SELECT id, principal_kind, principal, purpose, session, device, factor, binding, \
         text_sealed, attempts, sends, code_method, code_hash, code_expires_at, proof_hash, \
         proof_factor, created_at, expires_at, answered_at, used_at FROM challenges "
    };
}

pub(super) fn insert(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &ChallengeId,
    (who, device): (&PrincipalRef, Option<[u8; 32]>),
    question: &Question,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let text = question.text.as_deref();
    let text_sealed = text.map(|text| act.tools.seal(&text_place(id), text)).transpose()?;
    tx.execute(
        "INSERT INTO challenges (id, principal_kind, principal, purpose, session, device, factor, \
         binding, text_sealed, attempts, sends, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $10, $11)",
        params![
            id,
            who.kind(),
            who.bytes(),
            question.purpose.as_str(),
            question.session.as_ref(),
            device.as_ref(),
            question.factor.as_ref(),
            question.binding.as_ref(),
            text_sealed.as_ref(),
            act.now,
            expires_at
        ],
    )?;
    Ok(())
}

pub(super) fn lock(tx: &mut Tx<'_>, id: &ChallengeId) -> Result<Option<ChallengeRow>, DbError> {
    let rows = tx.query_locked(concat!(select!(), "WHERE id = $1 ORDER BY id"), params![id])?;
    rows.first().map(read).transpose()
}

/// As a snapshot has it: whoever decides by it locks it.
pub(super) fn get(tx: &mut Tx<'_>, id: &ChallengeId) -> Result<Option<ChallengeRow>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE id = $1"), params![id])?;
    row.as_ref().map(read).transpose()
}

/// Whom a challenge asks; that never changes.
pub(super) fn principal_of(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
) -> Result<Option<PrincipalRef>, DbError> {
    let row = tx
        .query_opt("SELECT principal_kind, principal FROM challenges WHERE id = $1", params![id])?;
    row.map(|row| principal(&row, 0)).transpose()
}

/// The device that a session was opened on.
pub(super) fn device_of(tx: &mut Tx<'_>, session: &SessionId) -> Result<Option<[u8; 32]>, DbError> {
    let row = tx.query_opt("SELECT device FROM sessions WHERE id = $1", params![session])?;
    row.map_or(Ok(None), |row| bytes_opt(&row, 0))
}

/// The newest question about a factor that is not confirmed.
pub(super) fn newest_enrolment(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    factor: &FactorId,
) -> Result<Option<ChallengeId>, DbError> {
    let row = tx.query_opt(
        "SELECT id FROM challenges WHERE principal = $1 AND principal_kind = 'customer' \
         AND purpose = 'enrol' AND factor = $2 ORDER BY id DESC LIMIT 1",
        params![customer, factor],
    )?;
    row.map(|row| row.id(0)).transpose()
}

pub(super) fn close_registrations(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE challenges SET answered_at = $2, used_at = $2 WHERE principal = $1 \
         AND principal_kind = 'customer' AND purpose = 'enrol' AND factor IS NULL \
         AND used_at IS NULL",
        params![customer, now],
    )?;
    Ok(())
}

/// The newest question for a new credential in this session.
pub(super) fn newest_registration(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    session: &SessionId,
) -> Result<Option<ChallengeId>, DbError> {
    let row = tx.query_opt(
        "SELECT id FROM challenges WHERE principal = $1 AND principal_kind = 'customer' \
         AND purpose = 'enrol' AND factor IS NULL AND session = $2 ORDER BY id DESC LIMIT 1",
        params![customer, session],
    )?;
    row.map(|row| row.id(0)).transpose()
}

/// Whether the principal is active; nobody else changes them or their factors until the end of the
/// transaction.
pub(super) fn lock_principal(tx: &mut Tx<'_>, who: &PrincipalRef) -> Result<bool, DbError> {
    let rows = match who {
        PrincipalRef::Customer(id) => {
            tx.query_locked("SELECT status FROM customers WHERE id = $1 ORDER BY id", params![id])?
        }
        PrincipalRef::Staff(id) => {
            tx.query_locked("SELECT status FROM staff WHERE id = $1 ORDER BY id", params![id])?
        }
    };
    rows.first().map_or(Ok(false), |row| Ok(row.int(0)? == 0))
}

pub(super) fn count_attempt(tx: &mut Tx<'_>, id: &ChallengeId) -> Result<(), DbError> {
    tx.execute("UPDATE challenges SET attempts = attempts + 1 WHERE id = $1", params![id])?;
    Ok(())
}

/// A new code replaces the one before.
pub(super) fn set_code(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    sent: &SentCode,
    factor: &FactorId,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE challenges SET code_method = $2, code_hash = $3, code_expires_at = $4, \
         proof_factor = $5, sends = sends + 1 WHERE id = $1",
        params![id, sent.method.as_str(), &sent.hash, sent.expires_at, factor],
    )?;
    Ok(())
}

/// Answered, and good for nothing more.
pub(super) fn close(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    factor: Option<&FactorId>,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE challenges SET answered_at = $2, used_at = $2, proof_factor = $3, \
         code_hash = NULL WHERE id = $1",
        params![id, now, factor],
    )?;
    Ok(())
}

/// Answered; whoever brings what the hash is of may use it once.
pub(super) fn prove(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    (proof_hash, factor): (&[u8; 32], Option<&FactorId>),
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE challenges SET answered_at = $2, proof_hash = $3, proof_factor = $4, \
         code_hash = NULL WHERE id = $1",
        params![id, now, proof_hash, factor],
    )?;
    Ok(())
}

pub(super) fn use_up(tx: &mut Tx<'_>, id: &ChallengeId, now: Timestamp) -> Result<(), DbError> {
    tx.execute("UPDATE challenges SET used_at = $2 WHERE id = $1", params![id, now])?;
    Ok(())
}

/// Ends the sign-ins of a principal that are not complete; gives how many that were.
pub(super) fn close_sign_ins(
    tx: &mut Tx<'_>,
    who: &PrincipalRef,
    now: Timestamp,
) -> Result<u64, DbError> {
    tx.execute(
        "UPDATE challenges SET used_at = $3, code_hash = NULL WHERE principal = $1 \
         AND principal_kind = $2 AND purpose IN ($4, $5) AND used_at IS NULL",
        params![who.bytes(), who.kind(), now, Purpose::SignIn.as_str(), Purpose::Renewal.as_str()],
    )
}

/// Removes all questions to a principal.
pub fn erase_in(tx: &mut Tx<'_>, who: &PrincipalRef) -> Result<(), DbError> {
    let sql = "DELETE FROM challenges WHERE principal = $1 AND principal_kind = $2";
    tx.execute(sql, params![who.bytes(), who.kind()])?;
    Ok(())
}

/// What a message about the challenge names.
pub(super) fn text(tools: &Tools, row: &ChallengeRow) -> Result<Option<SecretString>, DbError> {
    let sealed = row.text_sealed.as_deref();
    sealed.map(|sealed| tools.unseal(&text_place(&row.id), sealed)).transpose()
}

fn read(row: &Row) -> Result<ChallengeRow, DbError> {
    let purpose = row.text(3)?;
    let purpose = Purpose::parse(purpose)
        .ok_or_else(|| DbError::Corrupt(format!("a challenge's purpose {purpose:?}")))?;
    Ok(ChallengeRow {
        id: row.id(0)?,
        who: principal(row, 1)?,
        purpose,
        session: row.id_opt(4)?,
        device: bytes_opt(row, 5)?,
        factor: row.id_opt(6)?,
        binding: bytes_opt(row, 7)?,
        text_sealed: row.blob_opt(8)?.map(<[u8]>::to_vec),
        attempts: row.int(9)?,
        sends: row.int(10)?,
        sent: sent(row)?,
        proof_hash: bytes_opt(row, 14)?,
        proof_factor: row.id_opt(15)?,
        created_at: row.time(16)?,
        expires_at: row.time(17)?,
        answered_at: row.time_opt(18)?,
        used_at: row.time_opt(19)?,
    })
}

/// From its kind and, in the next column, its id.
fn principal(row: &Row, kind: usize) -> Result<PrincipalRef, DbError> {
    let id = row.bytes(kind.saturating_add(1))?;
    match row.text(kind)? {
        "customer" => Ok(PrincipalRef::Customer(Id::from_bytes(id))),
        "staff" => Ok(PrincipalRef::Staff(Id::from_bytes(id))),
        other => Err(DbError::Corrupt(format!("principal kind {other:?}"))),
    }
}

fn sent(row: &Row) -> Result<Option<SentCode>, DbError> {
    let (Some(method), Some(hash), Some(expires_at)) =
        (row.text_opt(11)?, bytes_opt(row, 12)?, row.time_opt(13)?)
    else {
        return Ok(None);
    };
    let method: Method =
        method.parse().map_err(|_| DbError::Corrupt(format!("a code's method {method:?}")))?;
    Ok(Some(SentCode { method, hash, expires_at }))
}

fn bytes_opt(row: &Row, column: usize) -> Result<Option<[u8; 32]>, DbError> {
    row.blob_opt(column)?.map(|_| row.bytes(column)).transpose()
}

fn text_place(id: &ChallengeId) -> Place<'_> {
    Place { table: "challenges", column: "text_sealed", row: id.bytes() }
}
