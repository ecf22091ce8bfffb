//! SQL of sessions and refresh tokens.

use money::{Id, SessionId, Timestamp};
use store::{DbError, Row, Tx, params};

use super::model::PrincipalRef;

macro_rules! select {
    () => {
        "SELECT id, principal_kind, principal, created_at, last_used_at, expires_at, ended_at, \
         address, agent FROM sessions "
    };
}

/// A row of `sessions`.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: SessionId,
    pub principal: PrincipalRef,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    /// The absolute limit.
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub address: String,
    pub agent: String,
}

impl SessionRow {
    /// Not ended, within its absolute limit, and used within the idle limit.
    pub fn is_live(&self, now: Timestamp, idle_seconds: i64) -> bool {
        self.ended_at.is_none()
            && now < self.expires_at
            && now < self.last_used_at.plus_seconds(idle_seconds)
    }
}

pub(super) struct RefreshRow {
    pub session: SessionId,
    pub issued_at: Timestamp,
    pub used: bool,
}

pub(super) fn insert(tx: &mut Tx<'_>, row: &SessionRow) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO sessions (id, principal_kind, principal, created_at, last_used_at, \
         expires_at, address, agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            &row.id,
            row.principal.kind(),
            row.principal.bytes(),
            row.created_at,
            row.last_used_at,
            row.expires_at,
            &row.address,
            &row.agent
        ],
    )?;
    Ok(())
}

pub(super) fn get(tx: &mut Tx<'_>, id: &SessionId) -> Result<Option<SessionRow>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE id = $1"), params![id])?;
    row.as_ref().map(read).transpose()
}

/// At most this many of a principal's newest sessions are looked at.
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

pub(super) fn end(
    tx: &mut Tx<'_>,
    id: &SessionId,
    now: Timestamp,
    reason: &str,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL",
        params![id, now, reason],
    )?;
    Ok(changed == 1)
}

pub(super) fn touch(tx: &mut Tx<'_>, id: &SessionId, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "UPDATE sessions SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2",
        params![id, now],
    )?;
    Ok(())
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

pub(super) fn principal_active(tx: &mut Tx<'_>, principal: &PrincipalRef) -> Result<bool, DbError> {
    let row = match principal {
        PrincipalRef::Customer(id) => {
            tx.query_opt("SELECT status FROM customers WHERE id = $1", params![id])?
        }
        PrincipalRef::Staff(id) => {
            tx.query_opt("SELECT status FROM staff WHERE id = $1", params![id])?
        }
    };
    row.map_or(Ok(false), |row| Ok(row.int(0)? == 0))
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
    let principal = match row.text(1)? {
        "customer" => PrincipalRef::Customer(Id::from_bytes(row.bytes(2)?)),
        "staff" => PrincipalRef::Staff(Id::from_bytes(row.bytes(2)?)),
        other => return Err(DbError::Corrupt(format!("principal kind {other:?}"))),
    };
    Ok(SessionRow {
        id: row.id(0)?,
        principal,
        created_at: row.time(3)?,
        last_used_at: row.time(4)?,
        expires_at: row.time(5)?,
        ended_at: row.time_opt(6)?,
        address: row.text(7)?.to_owned(),
        agent: row.text(8)?.to_owned(),
    })
}
