//! SQL of transfers as their parties see them.

use money::{CustomerId, TransferId};
use store::rows::TransferRow;
use store::{DbError, Tx, params};

/// A transfer that this customer sent or received; nobody else's is there.
pub fn find_visible(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    id: &TransferId,
) -> Result<Option<TransferRow>, DbError> {
    let is_party = tx.query_opt(
        "SELECT 1 FROM transfers AS t WHERE t.id = $1 AND EXISTS (SELECT 1 FROM accounts AS a \
         WHERE a.owner = $2 AND (a.id = t.debit_account OR a.id = t.credit_account))",
        params![id, customer],
    )?;
    if is_party.is_some() { tx.transfer(id) } else { Ok(None) }
}

/// How much of a transfer was sent back so far, minor units.
pub fn reversed(tx: &mut Tx<'_>, id: &TransferId) -> Result<i64, DbError> {
    let sql = "SELECT reversed FROM reversals WHERE transfer = $1";
    tx.query_opt(sql, params![id])?.map_or(Ok(0), |row| row.int(0))
}
