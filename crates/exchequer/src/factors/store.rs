//! SQL of factors and recovery codes.

use money::{CustomerId, FactorId, Timestamp};
use store::{DbError, Row, Tx, params};
use vault::{Indexes, Place, SecretString};

use super::model::{FactorRow, Kind, Status};
use super::reindex::Moved;
use crate::bank::{Act, Tools};
use crate::keys::reindex::Behind;

macro_rules! select {
    () => {
        "SELECT id, customer, kind, name, status, secret_sealed, counter, created_at, \
         confirmed_at, last_used_at FROM factors "
    };
}

/// Nobody else changes this customer's factors until the end of the transaction.
pub(super) fn lock_customer(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.query_locked("SELECT id FROM customers WHERE id = $1 ORDER BY id", params![customer])?;
    Ok(())
}

pub(super) fn insert(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &FactorRow,
    secret: &SecretString,
) -> Result<(), DbError> {
    let sealed = act.tools.seal(&place(&row.id), secret.expose())?;
    tx.execute(
        "INSERT INTO factors (id, customer, kind, name, status, secret_sealed, counter, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            &row.id,
            &row.customer,
            row.kind.as_str(),
            &row.name,
            row.status.code(),
            &sealed,
            row.counter,
            row.created_at
        ],
    )?;
    Ok(())
}

/// The same for a WebAuthn credential; false where its id is registered, whoever has it.
pub(super) fn insert_credential(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &FactorRow,
    (kept, (index, version)): (&SecretString, (&[u8; 32], u32)),
) -> Result<bool, DbError> {
    let sealed = act.tools.seal(&place(&row.id), kept.expose())?;
    let inserted = tx.execute(
        "INSERT INTO factors (id, customer, kind, name, status, secret_sealed, counter, created_at, \
         credential_index, index_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (credential_index) DO NOTHING",
        params![
            &row.id,
            &row.customer,
            row.kind.as_str(),
            &row.name,
            row.status.code(),
            &sealed,
            row.counter,
            row.created_at,
            index,
            i64::from(version)
        ],
    )?;
    Ok(inserted == 1)
}

/// Whether the id is registered, whoever has it, under any version of its index.
pub(super) fn has_credential(tx: &mut Tx<'_>, indexes: &Indexes) -> Result<bool, DbError> {
    let [a, b, c, d] = indexes.places();
    let sql = "SELECT id FROM factors WHERE credential_index IN ($1, $2, $3, $4)";
    Ok(tx.query_opt(sql, params![a, b, c, d])?.is_some())
}

/// Factors behind a key, and of credentials the version of their index.
pub(super) fn versions_behind(
    tx: &mut Tx<'_>,
    (after, most): Behind,
) -> Result<Vec<(FactorRow, Option<u32>)>, DbError> {
    let after = after.as_ref().map_or(&[][..], |key| &key[..]);
    let rows = tx.query(
        "SELECT id, customer, kind, name, status, secret_sealed, counter, created_at, \
         confirmed_at, last_used_at, \
         CASE WHEN credential_index IS NULL THEN NULL ELSE index_version END \
         FROM factors WHERE id > $1 ORDER BY id LIMIT $2",
        params![after, most],
    )?;
    let damaged = |_| DbError::Corrupt("the version of an index".to_owned());
    rows.iter()
        .map(|row| {
            let version = row.int_opt(10)?.map(u32::try_from).transpose().map_err(damaged)?;
            Ok((read(row)?, version))
        })
        .collect()
}

/// False where the row is not under that version any more, or the credential is another row's.
pub(super) fn move_index(tx: &mut Tx<'_>, moved: &Moved) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE factors SET credential_index = $2, index_version = $3 \
         WHERE id = $1 AND index_version = $4 \
         AND NOT EXISTS (SELECT 1 FROM factors AS f WHERE f.credential_index = $2 AND f.id <> $1)",
        params![
            &moved.id,
            &moved.index,
            i64::from(moved.to_version),
            i64::from(moved.from_version)
        ],
    )?;
    Ok(rows == 1)
}

/// The active factor with this credential.
pub(super) fn by_credential(
    tx: &mut Tx<'_>,
    indexes: &Indexes,
) -> Result<Option<FactorRow>, DbError> {
    let [a, b, c, d] = indexes.places();
    let sql = concat!(select!(), "WHERE credential_index IN ($1, $2, $3, $4) AND status = 1");
    let row = tx.query_opt(sql, params![a, b, c, d])?;
    row.as_ref().map(read).transpose()
}

/// A credential as it is after it was shown.
pub(super) fn save_credential(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &FactorId,
    (kept, counter): (&SecretString, i64),
) -> Result<(), DbError> {
    let sealed = act.tools.seal(&place(id), kept.expose())?;
    tx.execute(
        "UPDATE factors SET secret_sealed = $2, counter = $3, last_used_at = $4 WHERE id = $1",
        params![id, &sealed, counter, act.now],
    )?;
    Ok(())
}

/// An authenticator's secret, or the address that codes go to.
pub(super) fn secret(tools: &Tools, row: &FactorRow) -> Result<SecretString, DbError> {
    tools.unseal(&place(&row.id), &row.secret_sealed)
}

pub(super) fn get(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    id: &FactorId,
) -> Result<Option<FactorRow>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1 AND customer = $2");
    let row = tx.query_opt(sql, params![id, customer])?;
    row.as_ref().map(read).transpose()
}

/// Oldest first; there are never more than a few.
pub(super) fn of_customer(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
) -> Result<Vec<FactorRow>, DbError> {
    let sql = concat!(select!(), "WHERE customer = $1 ORDER BY id LIMIT 100");
    tx.query(sql, params![customer])?.iter().map(read).collect()
}

/// Each kind once.
pub(super) fn active_kinds(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Vec<Kind>, DbError> {
    let rows = tx.query(
        "SELECT DISTINCT kind FROM factors WHERE customer = $1 AND status = 1",
        params![customer],
    )?;
    rows.iter().map(|row| kind(row.text(0)?)).collect()
}

/// Compare-and-set: false where this step or a later one was taken.
pub(super) fn accept_step(
    tx: &mut Tx<'_>,
    id: &FactorId,
    step: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE factors SET counter = $2, last_used_at = $3 WHERE id = $1 AND counter < $2",
        params![id, step, now],
    )?;
    Ok(changed == 1)
}

pub(super) fn mark_used(tx: &mut Tx<'_>, id: &FactorId, now: Timestamp) -> Result<(), DbError> {
    tx.execute("UPDATE factors SET last_used_at = $2 WHERE id = $1", params![id, now])?;
    Ok(())
}

pub(super) fn activate(tx: &mut Tx<'_>, id: &FactorId, now: Timestamp) -> Result<(), DbError> {
    tx.execute("UPDATE factors SET status = 1, confirmed_at = $2 WHERE id = $1", params![id, now])?;
    Ok(())
}

pub(super) fn rename(tx: &mut Tx<'_>, id: &FactorId, name: &str) -> Result<(), DbError> {
    tx.execute("UPDATE factors SET name = $2 WHERE id = $1", params![id, name])?;
    Ok(())
}

pub(super) fn delete(tx: &mut Tx<'_>, id: &FactorId) -> Result<(), DbError> {
    tx.execute("DELETE FROM factors WHERE id = $1", params![id])?;
    Ok(())
}

/// What was begun at this time or before and not confirmed.
pub(super) fn delete_stale(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    cutoff: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM factors WHERE customer = $1 AND status = 0 AND created_at <= $2",
        params![customer, cutoff],
    )?;
    Ok(())
}

pub(super) fn delete_unconfirmed(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM factors WHERE customer = $1 AND status = 0", params![customer])?;
    Ok(())
}

pub(super) fn insert_recovery_code(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO recovery_codes (customer, code_hash, created_at) VALUES ($1, $2, $3)",
        params![customer, hash, now],
    )?;
    Ok(())
}

/// Compare-and-set: false where the code is none of the set, or used.
pub(super) fn use_recovery_code(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE recovery_codes SET used_at = $3 \
         WHERE customer = $1 AND code_hash = $2 AND used_at IS NULL",
        params![customer, hash, now],
    )?;
    Ok(changed == 1)
}

pub(super) fn recovery_codes_left(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<i64, DbError> {
    tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM recovery_codes \
         WHERE customer = $1 AND used_at IS NULL",
        params![customer],
    )?
    .int(0)
}

pub(super) fn delete_recovery_codes(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM recovery_codes WHERE customer = $1", params![customer])?;
    Ok(())
}

/// Removes all second factors of a customer, and their recovery codes.
pub fn erase_in(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM factors WHERE customer = $1", params![customer])?;
    delete_recovery_codes(tx, customer)
}

fn read(row: &Row) -> Result<FactorRow, DbError> {
    let status = match row.int(4)? {
        0 => Status::Unconfirmed,
        1 => Status::Active,
        other => return Err(DbError::Corrupt(format!("status {other} of a factor"))),
    };
    Ok(FactorRow {
        id: row.id(0)?,
        customer: row.id(1)?,
        kind: kind(row.text(2)?)?,
        name: row.text(3)?.to_owned(),
        status,
        secret_sealed: row.blob(5)?.to_vec(),
        counter: row.int(6)?,
        created_at: row.time(7)?,
        confirmed_at: row.time_opt(8)?,
        last_used_at: row.time_opt(9)?,
    })
}

fn kind(text: &str) -> Result<Kind, DbError> {
    Kind::parse(text).ok_or_else(|| DbError::Corrupt(format!("a factor of kind {text:?}")))
}

fn place(id: &FactorId) -> Place<'_> {
    Place { table: "factors", column: "secret_sealed", row: id.bytes() }
}
