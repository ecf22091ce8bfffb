//! SQL of the ages of secrets.

use money::Timestamp;
use store::{DbError, Tx, params};

use super::Seen;

/// Rows of one setting that stay, those that a node started with last. Nodes may have secrets of their own.
pub(super) const KEPT: i64 = 64;

pub(super) fn seen(tx: &mut Tx<'_>, setting: &str) -> Result<Vec<Seen>, DbError> {
    let rows = tx.query(
        "SELECT id, digest_sealed, seen_at FROM service_secrets WHERE setting = $1 ORDER BY seen_at",
        params![setting],
    )?;
    let seen = rows.iter().map(|row| {
        Ok(Seen { id: row.bytes(0)?, digest_sealed: row.blob(1)?.to_vec(), at: row.time(2)? })
    });
    seen.collect()
}

pub(super) fn insert(tx: &mut Tx<'_>, setting: &str, seen: &Seen) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO service_secrets (id, setting, digest_sealed, seen_at, used_at) VALUES ($1, $2, $3, $4, $4)",
        params![&seen.id, setting, &seen.digest_sealed, seen.at],
    )?;
    Ok(())
}

pub(super) fn use_again(tx: &mut Tx<'_>, id: &[u8; 16], now: Timestamp) -> Result<(), DbError> {
    tx.execute("UPDATE service_secrets SET used_at = $2 WHERE id = $1", params![id, now])?;
    Ok(())
}

pub(super) fn forget_oldest(tx: &mut Tx<'_>, setting: &str) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM service_secrets WHERE setting = $1 AND id NOT IN (SELECT id FROM service_secrets \
         WHERE setting = $1 ORDER BY used_at DESC, id DESC LIMIT $2)",
        params![setting, KEPT],
    )?;
    Ok(())
}
