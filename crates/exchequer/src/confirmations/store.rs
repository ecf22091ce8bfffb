//! SQL of confirmation tokens. A row holds the hash of a token, never the token.

use money::{CustomerId, Timestamp};
use store::{DbError, Tx, params};

use super::LIFE_SECONDS;

/// The newest token of a customer replaces all others. The customer's row is locked by the caller.
pub(super) fn replace(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    forget(tx, customer)?;
    tx.execute(
        "INSERT INTO email_confirmations (token_hash, customer, created_at, expires_at) \
         VALUES ($1, $2, $3, $4)",
        params![token_hash, customer, now, now.plus_seconds(LIFE_SECONDS)],
    )?;
    Ok(())
}

/// No token of a customer is in force any more.
pub fn forget(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM email_confirmations WHERE customer = $1", params![customer])?;
    Ok(())
}

/// Whose token this is while it is in force. A clock that was set back does not lengthen it.
pub(super) fn customer_of(
    tx: &mut Tx<'_>,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<CustomerId>, DbError> {
    let row = tx.query_opt(
        "SELECT customer FROM email_confirmations WHERE token_hash = $1 \
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
    let removed = tx.execute(
        "DELETE FROM email_confirmations WHERE token_hash = $1 \
         AND created_at <= $2 AND expires_at > $2",
        params![token_hash, now],
    )?;
    Ok(removed == 1)
}
