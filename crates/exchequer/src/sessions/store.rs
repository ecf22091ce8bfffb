//! SQL of sessions and refresh tokens.

use money::{Id, SessionId, Timestamp};
use store::{DbError, Row, Tx, params};

use super::model::{Form, PrincipalRef};

macro_rules! select {
    () => {
        "SELECT id, principal_kind, principal, created_at, last_used_at, expires_at, ended_at, \
         address, agent, form, device, device_key, proved_at FROM sessions "
    };
}

/// A row of `sessions`.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: SessionId,
    pub principal: PrincipalRef,
    pub created_at: Timestamp,
    /// Never goes back.
    pub last_used_at: Timestamp,
    /// The absolute limit.
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Where it was opened, or where it has since settled.
    pub address: String,
    pub agent: String,
    pub form: Form,
    pub device: Option<[u8; 32]>,
    pub device_key: Option<[u8; 32]>,
    pub proved_at: Option<Timestamp>,
}

/// Whether a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Live,
    /// Past the limit of this name, though nobody has ended it yet.
    Over(&'static str),
    Ended,
    /// Used in the future: this clock or that one is wrong, and until they agree nothing is served.
    Unclear,
}

/// Clocks of two nodes differ by less, and a clock that is set right moves by less.
const CLOCK_TOLERANCE_SECONDS: i64 = 60;

/// The status of somebody who may do things.
pub(super) const ACTIVE: i64 = 0;

impl SessionRow {
    pub fn life(&self, now: Timestamp, idle_seconds: i64) -> Life {
        if self.ended_at.is_some() {
            Life::Ended
        } else if now >= self.expires_at {
            Life::Over("absolute_limit")
        } else if now >= self.last_used_at.plus_seconds(idle_seconds) {
            Life::Over("idle_limit")
        } else if self.last_used_at > now.plus_seconds(CLOCK_TOLERANCE_SECONDS) {
            Life::Unclear
        } else {
            Life::Live
        }
    }
}

pub(super) struct RefreshRow {
    pub session: SessionId,
    pub issued_at: Timestamp,
    pub used: bool,
}

pub(super) fn insert(
    tx: &mut Tx<'_>,
    row: &SessionRow,
    cookie_hash: Option<&[u8; 32]>,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO sessions (id, principal_kind, principal, created_at, last_used_at, \
         expires_at, address, agent, form, cookie_hash, device, device_key, proved_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        params![
            &row.id,
            row.principal.kind(),
            row.principal.bytes(),
            row.created_at,
            row.last_used_at,
            row.expires_at,
            &row.address,
            &row.agent,
            row.form.code(),
            cookie_hash,
            row.device.as_ref(),
            row.device_key.as_ref(),
            row.proved_at
        ],
    )?;
    Ok(())
}

pub(super) fn get(tx: &mut Tx<'_>, id: &SessionId) -> Result<Option<SessionRow>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE id = $1"), params![id])?;
    row.as_ref().map(read).transpose()
}

pub(super) fn by_cookie(
    tx: &mut Tx<'_>,
    cookie_hash: &[u8; 32],
) -> Result<Option<SessionRow>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE cookie_hash = $1"), params![cookie_hash])?;
    row.as_ref().map(read).transpose()
}

/// At most this many of a principal's newest sessions are looked at: far more than `session_max` allows.
const MOST: i64 = 1_000;

pub(super) fn of_principal(
    tx: &mut Tx<'_>,
    principal: &PrincipalRef,
) -> Result<Vec<SessionRow>, DbError> {
    let sql = concat!(
        select!(),
        "WHERE principal = $1 AND principal_kind = $2 AND ended_at IS NULL \
         ORDER BY id DESC LIMIT $3"
    );
    tx.query(sql, params![principal.bytes(), principal.kind(), MOST])?.iter().map(read).collect()
}

/// Whose it was; none where it had ended before.
pub(super) fn end(
    tx: &mut Tx<'_>,
    id: &SessionId,
    now: Timestamp,
    reason: &str,
) -> Result<Option<PrincipalRef>, DbError> {
    let row = tx.query_opt(
        "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL \
         RETURNING principal_kind, principal",
        params![id, now, reason],
    )?;
    row.map(|row| holder(&row, 0)).transpose()
}

pub(super) fn end_all(
    tx: &mut Tx<'_>,
    principal: &PrincipalRef,
    (now, reason): (Timestamp, &str),
) -> Result<Vec<SessionId>, DbError> {
    let rows = tx.query(
        "UPDATE sessions SET ended_at = $3, end_reason = $4 WHERE principal = $1 \
         AND principal_kind = $2 AND ended_at IS NULL RETURNING id",
        params![principal.bytes(), principal.kind(), now, reason],
    )?;
    rows.iter().map(|row| row.id(0)).collect()
}

/// Removes all sessions that a principal ever had, with their refresh tokens. They have ended.
pub fn erase_in(tx: &mut Tx<'_>, principal: &PrincipalRef) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM refresh_tokens WHERE session IN \
         (SELECT id FROM sessions WHERE principal = $1 AND principal_kind = $2)",
        params![principal.bytes(), principal.kind()],
    )?;
    tx.execute(
        "DELETE FROM sessions WHERE principal = $1 AND principal_kind = $2",
        params![principal.bytes(), principal.kind()],
    )?;
    Ok(())
}

/// All above `after` but `own`; gives how many.
pub(super) fn end_everybodys(
    tx: &mut Tx<'_>,
    (after, own): (&SessionId, &SessionId),
    (now, reason): (Timestamp, &str),
) -> Result<u64, DbError> {
    tx.execute(
        "UPDATE sessions SET ended_at = $3, end_reason = $4 WHERE id > $1 AND id <> $2 \
         AND ended_at IS NULL",
        params![after, own, now, reason],
    )
}

/// The newest sessions of a principal that ended at `since` or later.
pub(super) fn ended_since(
    tx: &mut Tx<'_>,
    principal: &PrincipalRef,
    since: Timestamp,
) -> Result<Vec<SessionId>, DbError> {
    let rows = tx.query(
        "SELECT id FROM sessions WHERE principal = $1 AND principal_kind = $2 \
         AND ended_at >= $3 ORDER BY id DESC LIMIT $4",
        params![principal.bytes(), principal.kind(), since, MOST],
    )?;
    rows.iter().map(|row| row.id(0)).collect()
}

/// Sessions above `after` that nobody has ended and that are past a limit: at their absolute one by
/// `now`, or last used at `idle_since` or before.
pub(super) fn over(
    tx: &mut Tx<'_>,
    after: &SessionId,
    (now, idle_since): (Timestamp, Timestamp),
    most: i64,
) -> Result<Vec<SessionId>, DbError> {
    let rows = tx.query(
        "SELECT id FROM sessions WHERE id > $1 AND ended_at IS NULL \
         AND (expires_at <= $2 OR last_used_at <= $3) ORDER BY id LIMIT $4",
        params![after, now, idle_since, most],
    )?;
    rows.iter().map(|row| row.id(0)).collect()
}

pub(super) fn touch(tx: &mut Tx<'_>, id: &SessionId, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "UPDATE sessions SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2",
        params![id, now],
    )?;
    Ok(())
}

pub(super) fn mark_proved(tx: &mut Tx<'_>, id: &SessionId, now: Timestamp) -> Result<(), DbError> {
    tx.execute("UPDATE sessions SET proved_at = $2 WHERE id = $1", params![id, now])?;
    Ok(())
}

pub(super) fn settle(
    tx: &mut Tx<'_>,
    id: &SessionId,
    (address, agent): (&str, &str),
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE sessions SET address = $2, agent = $3 WHERE id = $1",
        params![id, address, agent],
    )?;
    Ok(())
}

/// False where the session has ended or has another cookie by now.
pub(super) fn replace_cookie(
    tx: &mut Tx<'_>,
    id: &SessionId,
    (old, new): (&[u8; 32], &[u8; 32]),
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE sessions SET cookie_hash = $3 WHERE id = $1 AND cookie_hash = $2 \
         AND ended_at IS NULL",
        params![id, old, new],
    )?;
    Ok(changed == 1)
}

pub(super) fn insert_refresh(
    tx: &mut Tx<'_>,
    hash: &[u8; 32],
    session: &SessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO refresh_tokens (token_hash, session, issued_at) VALUES ($1, $2, $3)",
        params![hash, session, now],
    )?;
    Ok(())
}

pub(super) fn lock_refresh(
    tx: &mut Tx<'_>,
    hash: &[u8; 32],
) -> Result<Option<RefreshRow>, DbError> {
    let rows = tx.query_locked(
        "SELECT session, used_at, issued_at FROM refresh_tokens WHERE token_hash = $1",
        params![hash],
    )?;
    rows.first()
        .map(|row| {
            let (session, used) = (row.id(0)?, row.time_opt(1)?.is_some());
            Ok(RefreshRow { session, used, issued_at: row.time(2)? })
        })
        .transpose()
}

pub(super) fn mark_used(tx: &mut Tx<'_>, hash: &[u8; 32], now: Timestamp) -> Result<(), DbError> {
    tx.execute("UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1", params![hash, now])?;
    Ok(())
}

/// The status of a session's holder, none where there is nobody; their row is locked.
pub(super) fn lock_principal(
    tx: &mut Tx<'_>,
    principal: &PrincipalRef,
) -> Result<Option<i64>, DbError> {
    let sql = match principal {
        PrincipalRef::Customer(_) => "SELECT status FROM customers WHERE id = $1 ORDER BY id",
        PrincipalRef::Staff(_) => "SELECT status FROM staff WHERE id = $1 ORDER BY id",
    };
    let rows = tx.query_locked(sql, params![principal.bytes()])?;
    rows.first().map(|row| row.int(0)).transpose()
}

pub(super) fn principal_active(tx: &mut Tx<'_>, principal: &PrincipalRef) -> Result<bool, DbError> {
    let sql = match principal {
        PrincipalRef::Customer(_) => "SELECT status FROM customers WHERE id = $1",
        PrincipalRef::Staff(_) => "SELECT status FROM staff WHERE id = $1",
    };
    let row = tx.query_opt(sql, params![principal.bytes()])?;
    row.map_or(Ok(false), |row| Ok(row.int(0)? == ACTIVE))
}

/// The role of an active operator.
pub(super) fn staff_role(
    tx: &mut Tx<'_>,
    principal: &PrincipalRef,
) -> Result<Option<String>, DbError> {
    let row = tx.query_opt(
        "SELECT role FROM staff WHERE id = $1 AND status = 0",
        params![principal.bytes()],
    )?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

fn read(row: &Row) -> Result<SessionRow, DbError> {
    Ok(SessionRow {
        id: row.id(0)?,
        principal: holder(row, 1)?,
        created_at: row.time(3)?,
        last_used_at: row.time(4)?,
        expires_at: row.time(5)?,
        ended_at: row.time_opt(6)?,
        address: row.text(7)?.to_owned(),
        agent: row.text(8)?.to_owned(),
        form: Form::from_code(row.int(9)?)?,
        device: hash(row, 10)?,
        device_key: hash(row, 11)?,
        proved_at: row.time_opt(12)?,
    })
}

/// The kind and the id beside it.
fn holder(row: &Row, column: usize) -> Result<PrincipalRef, DbError> {
    let id = row.bytes(column.saturating_add(1))?;
    match row.text(column)? {
        "customer" => Ok(PrincipalRef::Customer(Id::from_bytes(id))),
        "staff" => Ok(PrincipalRef::Staff(Id::from_bytes(id))),
        other => Err(DbError::Corrupt(format!("principal kind {other:?}"))),
    }
}

fn hash(row: &Row, column: usize) -> Result<Option<[u8; 32]>, DbError> {
    match row.blob_opt(column)? {
        Some(_) => row.bytes(column).map(Some),
        None => Ok(None),
    }
}
