//! SQL of holds as their parties see them. What changes a hold is `store::posting::holds`.

use money::{CustomerId, HoldId};
use store::posting::holds::HoldRow;
use store::{DbError, Tx, params};

/// A hold that was found by the name of one of its parties: only the queries of this file make one.
#[derive(Debug, Clone)]
pub struct PartyHold(HoldRow);

impl PartyHold {
    pub fn row(&self) -> &HoldRow {
        &self.0
    }
}

/// A hold's accounts never change, so neither do its parties.
const OF_PARTY: &str = "SELECT h.id, h.debit_account, h.credit_account, h.amount, h.captured, \
     h.currency, h.status, h.created_at, h.expires_at, h.memo FROM holds AS h WHERE h.id = $1 \
     AND EXISTS (SELECT 1 FROM accounts AS a WHERE a.owner = $2 \
     AND (a.id = h.debit_account OR a.id = h.credit_account)) ORDER BY h.id";

/// A hold that this customer placed or is to be paid from; nobody else's is there.
pub fn find(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    id: &HoldId,
) -> Result<Option<PartyHold>, DbError> {
    let row = tx.query_opt(OF_PARTY, params![id, customer])?;
    row.map(|row| HoldRow::read(&row).map(PartyHold)).transpose()
}

/// The same, and the hold stays locked; a stranger's request locks nothing.
pub(super) fn find_locked(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    id: &HoldId,
) -> Result<Option<PartyHold>, DbError> {
    let rows = tx.query_locked(OF_PARTY, params![id, customer])?;
    rows.first().map(|row| HoldRow::read(row).map(PartyHold)).transpose()
}
