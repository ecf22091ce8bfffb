//! SQL of the data keys, and of every column that is sealed with one.

mod columns;
mod destruction;
mod indexes;

use money::Timestamp;
use store::{DbError, Row, Tx, params};
use vault::{KeyState, Purpose, WrappedKey};

pub(super) use self::columns::{COLUMNS, SealedColumn};
pub use self::destruction::KeyRow;
pub(super) use self::destruction::{approve_destruction, count_checkpoints, rows};
pub(super) use self::indexes::{
    IndexVersion, count_indexes, index_versions, keep_index, kept_indexes, lock_index_versions,
};

/// A row's key, and its sealed value where it has one.
pub(super) type KeyedValue = ([u8; 16], Option<Vec<u8>>);

/// Rows behind a key, or from the first on: the bank's own salt stands under the lowest key that there is.
pub(super) fn walk(
    tx: &mut Tx<'_>,
    column: &SealedColumn,
    (after, most): (Option<[u8; 16]>, i64),
) -> Result<Vec<KeyedValue>, DbError> {
    let after = after.as_ref().map_or(&[][..], |key| &key[..]);
    tx.query(column.walk, params![after, most])?.iter().map(keyed).collect()
}

/// The newest run of idempotency keys.
pub(super) fn newest_run(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    tx.query_one("SELECT COALESCE(MAX(run), 0) FROM idempotency", &[])?.int(0)
}

/// Keys of a run, and the beginning of the first sealed part of each answer: format and version, behind
/// the four bytes of its length.
pub(super) fn walk_answers(
    tx: &mut Tx<'_>,
    run: i64,
    (after, most): (&[u8; 16], i64),
) -> Result<Vec<KeyedValue>, DbError> {
    let sql = "SELECT scope, substr(answer, 5, 5) FROM idempotency WHERE run = $3 AND scope > $1 \
               ORDER BY scope LIMIT $2";
    tx.query(sql, params![after, most, run])?.iter().map(keyed).collect()
}

/// How many cards are known by a fingerprint of each version.
pub(super) fn count_fingerprints(tx: &mut Tx<'_>) -> Result<Vec<(u32, u64)>, DbError> {
    let sql = "SELECT key_version, CAST(COUNT(*) AS BIGINT) FROM cards WHERE deleted_at IS NULL \
               GROUP BY key_version";
    let rows = tx.query(sql, &[])?;
    rows.iter().map(|row| Ok((version(row, 0)?, count(row, 1)?))).collect()
}

fn keyed(row: &Row) -> Result<KeyedValue, DbError> {
    Ok((row.bytes(0)?, row.blob_opt(1)?.map(<[u8]>::to_vec)))
}

pub(super) fn list(tx: &mut Tx<'_>) -> Result<Vec<WrappedKey>, DbError> {
    let sql = "SELECT purpose, version, state, created_at, wrapped, retired_at, sealings \
               FROM data_keys ORDER BY purpose, version";
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// All rows, locked.
pub(super) fn lock_all(tx: &mut Tx<'_>) -> Result<Vec<WrappedKey>, DbError> {
    let sql = "SELECT purpose, version, state, created_at, wrapped, retired_at, sealings \
               FROM data_keys ORDER BY purpose, version";
    tx.query_locked(sql, &[])?.iter().map(read).collect()
}

/// The versions of a purpose that are retired and may still have sealed something, with their retirement.
pub(super) fn unfinished(
    tx: &mut Tx<'_>,
    purpose: Purpose,
) -> Result<Vec<(u32, Timestamp)>, DbError> {
    let sql = "SELECT version, COALESCE(retired_at, created_at) FROM data_keys WHERE purpose = $1 \
               AND state = 'retired' AND resealed_at IS NULL ORDER BY version";
    let rows = tx.query(sql, params![purpose.as_str()])?;
    rows.iter().map(|row| Ok((version(row, 0)?, row.time(1)?))).collect()
}

/// Notes that nothing is left under a retired version; false where that was noted.
pub(super) fn finish(
    tx: &mut Tx<'_>,
    (purpose, version): (Purpose, u32),
    now: Timestamp,
) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE data_keys SET resealed_at = $3 WHERE purpose = $1 AND version = $2 \
         AND state = 'retired' AND resealed_at IS NULL",
        params![purpose.as_str(), i64::from(version), now],
    )?;
    Ok(rows == 1)
}

/// Adds to a version's sealings; gives how many there are, none where there is no such version.
pub(super) fn add_uses(
    tx: &mut Tx<'_>,
    (purpose, version): (Purpose, u32),
    uses: u64,
) -> Result<Option<u64>, DbError> {
    let row = tx.query_opt(
        "UPDATE data_keys SET sealings = sealings + $3 WHERE purpose = $1 AND version = $2 \
         RETURNING sealings",
        params![purpose.as_str(), i64::from(version), i64::try_from(uses).unwrap_or(i64::MAX)],
    )?;
    row.map(|row| count(&row, 0)).transpose()
}

pub(super) fn insert(tx: &mut Tx<'_>, key: &WrappedKey) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO data_keys (purpose, version, state, created_at, wrapped) \
         VALUES ($1, $2, $3, $4, $5)",
        params![
            key.purpose.as_str(),
            i64::from(key.version),
            key.state.as_str(),
            key.created_at,
            &key.wrapped
        ],
    )?;
    Ok(())
}

/// Retires the active version of a purpose.
pub(super) fn retire(tx: &mut Tx<'_>, purpose: Purpose, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "UPDATE data_keys SET state = 'retired', retired_at = $2 \
         WHERE purpose = $1 AND state = 'active'",
        params![purpose.as_str(), now],
    )?;
    Ok(())
}

/// Overwrites the key of a retired version.
pub(super) fn destroy(
    tx: &mut Tx<'_>,
    (purpose, version): (Purpose, u32),
) -> Result<bool, DbError> {
    let nothing: &[u8] = &[];
    let rows = tx.execute(
        "UPDATE data_keys SET state = 'destroyed', wrapped = $3 \
         WHERE purpose = $1 AND version = $2 AND state = 'retired'",
        params![purpose.as_str(), i64::from(version), nothing],
    )?;
    Ok(rows == 1)
}

/// The same key under another master key.
pub(super) fn rewrap(tx: &mut Tx<'_>, key: &WrappedKey) -> Result<(), DbError> {
    tx.execute(
        "UPDATE data_keys SET wrapped = $3 WHERE purpose = $1 AND version = $2",
        params![key.purpose.as_str(), i64::from(key.version), &key.wrapped],
    )?;
    Ok(())
}

fn read(row: &Row) -> Result<WrappedKey, DbError> {
    let (purpose, state) = (row.text(0)?, row.text(2)?);
    let unknown = |text: &str| DbError::Corrupt(format!("a data key is {text:?}"));
    Ok(WrappedKey {
        purpose: Purpose::parse(purpose).ok_or_else(|| unknown(purpose))?,
        version: version(row, 1)?,
        state: KeyState::parse(state).ok_or_else(|| unknown(state))?,
        created_at: row.time(3)?,
        retired_at: row.time_opt(5)?,
        sealings: count(row, 6)?,
        wrapped: row.blob(4)?.to_vec(),
    })
}

fn version(row: &Row, column: usize) -> Result<u32, DbError> {
    let number = row.int(column)?;
    u32::try_from(number).map_err(|_| DbError::Corrupt(format!("data key version {number}")))
}

fn count(row: &Row, column: usize) -> Result<u64, DbError> {
    let number = row.int(column)?;
    u64::try_from(number).map_err(|_| DbError::Corrupt(format!("a count of {number}")))
}
