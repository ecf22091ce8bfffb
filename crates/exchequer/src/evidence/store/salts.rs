//! SQL of salts: what persons' values are committed to with, made, marked and destroyed.

use money::Timestamp;
use store::{DbError, Row, Tx, params};

use crate::evidence::model::RowId;

/// What a person's values are committed to with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptSalt {
    /// Nothing of theirs is a leaf yet.
    Unmade,
    Sealed(Vec<u8>),
    Destroyed,
}

/// Somebody who has a salt, and whether they are a closed customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salted {
    pub id: RowId,
    /// Whether they are a customer, disabled, without an account that is not closed.
    pub is_closed: bool,
    pub closed_since: Option<Timestamp>,
}

/// A person's salt, as it is kept.
pub fn salt(tx: &mut Tx<'_>, person: &RowId) -> Result<KeptSalt, DbError> {
    let row = tx.query_opt("SELECT salt FROM log_salts WHERE id = $1", params![person])?;
    let Some(row) = row else { return Ok(KeptSalt::Unmade) };
    Ok(row.blob_opt(0)?.map_or(KeptSalt::Destroyed, |sealed| KeptSalt::Sealed(sealed.to_vec())))
}

/// Keeps a salt unless there is one; whoever lost against another node reads that one.
pub fn insert_salt(
    tx: &mut Tx<'_>,
    (person, sealed): (&RowId, &[u8]),
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = "INSERT INTO log_salts (id, salt, created_at) VALUES ($1, $2, $3) \
               ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, params![person, sealed, now])? == 1)
}

/// Up to `most` persons behind one, ascending.
pub fn salted(tx: &mut Tx<'_>, after: &RowId, most: i64) -> Result<Vec<Salted>, DbError> {
    let sql = "SELECT s.id, s.closed_since, CAST(CASE WHEN c.id IS NULL OR EXISTS \
               (SELECT 1 FROM accounts AS a JOIN balances AS b ON b.place = a.place \
               WHERE a.owner = s.id AND b.status <> 2) THEN 0 ELSE 1 END AS BIGINT) \
               FROM (SELECT id, closed_since FROM log_salts WHERE id > $1 AND salt IS NOT NULL \
               ORDER BY id LIMIT $2) AS s \
               LEFT JOIN customers AS c ON c.id = s.id AND c.status = 1 AND c.locked_at IS NULL \
               ORDER BY s.id";
    let read = |row: &Row| {
        let (closed_since, is_closed) = (row.time_opt(1)?, row.int(2)? == 1);
        Ok(Salted { id: row.bytes(0)?, is_closed, closed_since })
    };
    tx.query(sql, params![after, most])?.iter().map(read).collect()
}

pub fn mark_closed(tx: &mut Tx<'_>, id: &RowId, now: Timestamp) -> Result<bool, DbError> {
    let sql = "UPDATE log_salts SET closed_since = $2 WHERE id = $1 AND closed_since IS NULL";
    Ok(tx.execute(sql, params![id, now])? == 1)
}

pub fn unmark_closed(tx: &mut Tx<'_>, id: &RowId) -> Result<bool, DbError> {
    let sql = "UPDATE log_salts SET closed_since = NULL WHERE id = $1 AND salt IS NOT NULL";
    Ok(tx.execute(sql, params![id])? == 1)
}

/// For good, if the person is closed, and was marked so at a time or before it. Who enables them meanwhile waits, or is
/// waited for.
pub fn destroy_salt(
    tx: &mut Tx<'_>,
    id: &RowId,
    (before, now): (Timestamp, Timestamp),
) -> Result<bool, DbError> {
    let lock =
        "SELECT id FROM customers WHERE id = $1 AND status = 1 AND locked_at IS NULL ORDER BY id";
    if tx.query_locked(lock, params![id])?.is_empty() {
        return Ok(false);
    }
    let sql = "UPDATE log_salts SET salt = NULL, destroyed_at = $3 \
               WHERE id = $1 AND salt IS NOT NULL AND closed_since <= $2 \
               AND EXISTS (SELECT 1 FROM customers AS c WHERE c.id = $1 AND c.status = 1 \
               AND c.locked_at IS NULL) \
               AND NOT EXISTS (SELECT 1 FROM accounts AS a JOIN balances AS b ON b.place = a.place \
               WHERE a.owner = $1 AND b.status <> 2)";
    Ok(tx.execute(sql, params![id, before, now])? == 1)
}
