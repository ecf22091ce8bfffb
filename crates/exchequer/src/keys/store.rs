//! SQL of the data keys.

use store::{DbError, Row, Tx, params};
use vault::{KeyState, Purpose, WrappedKey};

pub(super) fn list(tx: &mut Tx<'_>) -> Result<Vec<WrappedKey>, DbError> {
    let sql = "SELECT purpose, version, state, created_at, wrapped FROM data_keys \
               ORDER BY purpose, version";
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// The versions of a purpose, locked.
pub(super) fn lock_versions(tx: &mut Tx<'_>, purpose: Purpose) -> Result<Vec<u32>, DbError> {
    let sql = "SELECT version FROM data_keys WHERE purpose = $1 ORDER BY version";
    tx.query_locked(sql, params![purpose.as_str()])?.iter().map(|row| version(row, 0)).collect()
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

/// Retires every version of a purpose.
pub(super) fn retire(tx: &mut Tx<'_>, purpose: Purpose) -> Result<(), DbError> {
    let (retired, purpose) = (KeyState::Retired.as_str(), purpose.as_str());
    tx.execute("UPDATE data_keys SET state = $2 WHERE purpose = $1", params![purpose, retired])?;
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
        wrapped: row.blob(4)?.to_vec(),
    })
}

fn version(row: &Row, column: usize) -> Result<u32, DbError> {
    let number = row.int(column)?;
    u32::try_from(number).map_err(|_| DbError::Corrupt(format!("data key version {number}")))
}
