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

/// A customer who is kept out and not erased yet, and whether they are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    pub id: RowId,
    /// Whether they are disabled, all their accounts are closed, and no merchant is paid out to one.
    pub is_closed: bool,
    /// When that was first seen.
    pub closed_since: Option<Timestamp>,
    /// When it was first seen that their time is over.
    pub due_since: Option<Timestamp>,
}

/// Whether the customer `c` is disabled, all their accounts are closed, and no merchant is paid out to one. A closed
/// account has no hold and is never opened again.
macro_rules! is_closed {
    () => {
        "c.status = 1 AND c.locked_at IS NULL AND c.erased_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM accounts AS a JOIN balances AS b ON b.place = a.place \
         WHERE a.owner = c.id AND b.status <> 2) \
         AND NOT EXISTS (SELECT 1 FROM accounts AS a JOIN merchants AS m ON m.settlement = a.id \
         WHERE a.owner = c.id)"
    };
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

/// Up to `most` customers who are kept out, behind one, ascending.
pub fn leaving(tx: &mut Tx<'_>, after: &RowId, most: i64) -> Result<Vec<Leaving>, DbError> {
    let sql = concat!(
        "SELECT c.id, s.closed_since, s.due_since, CAST(CASE WHEN ",
        is_closed!(),
        " THEN 1 ELSE 0 END AS BIGINT) \
         FROM (SELECT id, status, locked_at, erased_at FROM customers \
         WHERE status = 1 AND erased_at IS NULL AND id > $1 ORDER BY status, id LIMIT $2) AS c \
         LEFT JOIN log_salts AS s ON s.id = c.id ORDER BY c.id"
    );
    let read = |row: &Row| {
        let (closed_since, due_since) = (row.time_opt(1)?, row.time_opt(2)?);
        let is_closed = row.int(3)? == 1;
        Ok(Leaving { id: row.bytes(0)?, is_closed, closed_since, due_since })
    };
    tx.query(sql, params![after, most])?.iter().map(read).collect()
}

/// Locks a customer's row and says whether they are gone. Who enables them meanwhile waits, or is waited for.
pub fn lock_closed(tx: &mut Tx<'_>, id: &RowId) -> Result<bool, DbError> {
    tx.query_locked("SELECT id FROM customers WHERE id = $1 ORDER BY id", params![id])?;
    let sql = concat!("SELECT 1 FROM customers AS c WHERE c.id = $1 AND ", is_closed!());
    Ok(tx.query_opt(sql, params![id])?.is_some())
}

/// Notes since when a customer is gone; makes them the salt `sealed` where they have none. False where they are marked: no
/// mark is moved.
pub fn mark_closed(
    tx: &mut Tx<'_>,
    (id, sealed): (&RowId, &[u8]),
    now: Timestamp,
) -> Result<bool, DbError> {
    let insert = "INSERT INTO log_salts (id, salt, created_at, closed_since) \
                  VALUES ($1, $2, $3, $3) ON CONFLICT DO NOTHING";
    if tx.execute(insert, params![id, sealed, now])? == 1 {
        return Ok(true);
    }
    let sql = "UPDATE log_salts SET closed_since = $2, due_since = NULL \
               WHERE id = $1 AND closed_since IS NULL";
    Ok(tx.execute(sql, params![id, now])? == 1)
}

pub fn unmark_closed(tx: &mut Tx<'_>, id: &RowId) -> Result<bool, DbError> {
    let sql = "UPDATE log_salts SET closed_since = NULL, due_since = NULL \
               WHERE id = $1 AND closed_since IS NOT NULL";
    Ok(tx.execute(sql, params![id])? == 1)
}

/// Notes when it was first seen that a customer's time is over; none: it is not.
pub fn set_due(tx: &mut Tx<'_>, id: &RowId, since: Option<Timestamp>) -> Result<bool, DbError> {
    let sql = "UPDATE log_salts SET due_since = $2 WHERE id = $1 AND closed_since IS NOT NULL";
    Ok(tx.execute(sql, params![id, since])? == 1)
}

/// Whether a customer was marked as gone at a time or before it, and as due at another or before that.
pub fn is_due(
    tx: &mut Tx<'_>,
    id: &RowId,
    (closed, due): (Timestamp, Timestamp),
) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM log_salts WHERE id = $1 AND closed_since <= $2 AND due_since <= $3";
    Ok(tx.query_opt(sql, params![id, closed, due])?.is_some())
}

/// For good; false where that was done before.
pub fn destroy_salt(tx: &mut Tx<'_>, id: &RowId, now: Timestamp) -> Result<bool, DbError> {
    let sql =
        "UPDATE log_salts SET salt = NULL, destroyed_at = $2 WHERE id = $1 AND salt IS NOT NULL";
    Ok(tx.execute(sql, params![id, now])? == 1)
}
