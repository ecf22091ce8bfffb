//! SQL of reset tokens. A row holds the hash of a token, never the token.

mod former;

use money::{CustomerId, Timestamp};
use store::{DbError, Tx, params};

pub(super) use self::former::{erase_former, former, keep_former};
use super::RESET_SECONDS;

/// The newest token of a customer replaces all others. The customer's row is locked by the caller.
pub(super) fn replace(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    forget(tx, customer)?;
    tx.execute(
        "INSERT INTO password_resets (token_hash, customer, created_at, expires_at) \
         VALUES ($1, $2, $3, $4)",
        params![token_hash, customer, now, now.plus_seconds(RESET_SECONDS)],
    )?;
    Ok(())
}

pub(super) fn forget(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM password_resets WHERE customer = $1", params![customer])?;
    Ok(())
}

/// Whose token this is while it is in force. A clock that was set back does not lengthen it.
pub(super) fn customer_of(
    tx: &mut Tx<'_>,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<CustomerId>, DbError> {
    let row = tx.query_opt(
        "SELECT customer FROM password_resets WHERE token_hash = $1 AND used_at IS NULL \
         AND created_at <= $2 AND expires_at > $2",
        params![token_hash, now],
    )?;
    row.map(|row| row.id(0)).transpose()
}

/// True once.
pub(super) fn use_up(
    tx: &mut Tx<'_>,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE password_resets SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL \
         AND created_at <= $2 AND expires_at > $2",
        params![token_hash, now],
    )?;
    Ok(changed == 1)
}
