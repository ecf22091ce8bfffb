//! SQL of the versions of `blind_index`: which rows are under each, and what is kept of one.

use std::collections::BTreeMap;

use money::Timestamp;
use store::{DbError, Row, Tx, params};

use super::{count, version};

/// A version that is not destroyed.
pub(in crate::keys) struct IndexVersion {
    pub version: u32,
    pub is_retired: bool,
    /// Nothing is left under it that can be computed anew.
    pub is_finished: bool,
    pub created_at: Timestamp,
}

pub(in crate::keys) fn index_versions(tx: &mut Tx<'_>) -> Result<Vec<IndexVersion>, DbError> {
    let sql = "SELECT version, state, resealed_at, created_at FROM data_keys \
               WHERE purpose = 'blind_index' AND state <> 'destroyed' ORDER BY version";
    let read = |row: &Row| {
        Ok(IndexVersion {
            version: version(row, 0)?,
            is_retired: row.text(1)? == "retired",
            is_finished: row.time_opt(2)?.is_some(),
            created_at: row.time(3)?,
        })
    };
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// Whoever else asks for this waits until the end of the transaction.
pub(in crate::keys) fn lock_index_versions(tx: &mut Tx<'_>) -> Result<(), DbError> {
    let sql = "SELECT version FROM data_keys WHERE purpose = 'blind_index' ORDER BY version";
    tx.query_locked(sql, &[])?;
    Ok(())
}

/// How many rows have indexes under each version, and for each retired version of which nothing is kept the
/// recovery codes that may be under it.
pub(in crate::keys) fn count_indexes(tx: &mut Tx<'_>) -> Result<BTreeMap<u32, u64>, DbError> {
    let texts = [
        "SELECT index_version, CAST(COUNT(*) AS BIGINT) FROM customers \
         WHERE erased_at IS NULL GROUP BY index_version",
        "SELECT index_version, CAST(COUNT(*) AS BIGINT) FROM factors \
         WHERE credential_index IS NOT NULL GROUP BY index_version",
        "SELECT d.version, (SELECT CAST(COUNT(*) AS BIGINT) FROM recovery_codes AS r \
         WHERE r.used_at IS NULL) FROM data_keys AS d WHERE d.purpose = 'blind_index' \
         AND d.state = 'retired' \
         AND NOT EXISTS (SELECT 1 FROM kept_indexes AS k WHERE k.version = d.version)",
    ];
    let mut left = BTreeMap::new();
    for sql in texts {
        for row in tx.query(sql, &[])? {
            let values: &mut u64 = left.entry(version(&row, 0)?).or_default();
            *values = values.saturating_add(count(&row, 1)?);
        }
    }
    Ok(left)
}

pub(in crate::keys) fn kept_indexes(tx: &mut Tx<'_>) -> Result<Vec<(u32, Vec<u8>)>, DbError> {
    let rows = tx.query("SELECT version, key_sealed FROM kept_indexes ORDER BY version", &[])?;
    rows.iter().map(|row| Ok((version(row, 0)?, row.blob(1)?.to_vec()))).collect()
}

pub(in crate::keys) fn keep_index(
    tx: &mut Tx<'_>,
    (id, version): (&[u8; 16], u32),
    sealed: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO kept_indexes (id, version, key_sealed, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (id) DO NOTHING",
        params![id, i64::from(version), sealed, now],
    )?;
    Ok(())
}
