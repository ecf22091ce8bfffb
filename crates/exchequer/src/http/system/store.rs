//! SQL of the readiness probe.

use store::{DbError, Tx, params};

/// The newest migration that was run.
pub fn schema_version(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    tx.query_one("SELECT MAX(version) FROM schema_migrations", params![])?.int(0)
}
