//! SQL of the end of keys: which of them two operators have given up.

use std::collections::BTreeMap;

use money::Timestamp;
use store::{DbError, Row, Tx, params};
use vault::{Purpose, WrappedKey};

use super::read;

/// A key's row, and whether two operators have approved its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub key: WrappedKey,
    pub destruction_approved_at: Option<Timestamp>,
}

impl KeyRow {
    pub fn is(&self, (purpose, version): (Purpose, u32)) -> bool {
        (self.key.purpose, self.key.version) == (purpose, version)
    }
}

pub(in crate::keys) fn rows(tx: &mut Tx<'_>) -> Result<Vec<KeyRow>, DbError> {
    let sql = "SELECT purpose, version, state, created_at, wrapped, retired_at, sealings, \
               destruction_approved_at FROM data_keys ORDER BY purpose, version";
    let read =
        |row: &Row| Ok(KeyRow { key: read(row)?, destruction_approved_at: row.time_opt(7)? });
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// For each version that signs checkpoints: how many there are, since which of them it signed is not asked.
pub(in crate::keys) fn count_checkpoints(tx: &mut Tx<'_>) -> Result<BTreeMap<u32, u64>, DbError> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM log_checkpoints";
    let count = tx.query_one(sql, &[])?.int(0)?.unsigned_abs();
    let keys = rows(tx)?.into_iter().map(|row| row.key);
    let of_log = keys.filter(|key| key.purpose == Purpose::LogSigning);
    Ok(of_log.map(|key| (key.version, count)).collect())
}

pub(in crate::keys) fn approve_destruction(
    tx: &mut Tx<'_>,
    (purpose, version): (Purpose, u32),
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE data_keys SET destruction_approved_at = $3 WHERE purpose = $1 AND version = $2 \
         AND state = 'retired'",
        params![purpose.as_str(), i64::from(version), now],
    )?;
    Ok(())
}
