//! SQL of statements: an account's chain of entries, walked backwards; and places in it found by time.

use money::{AccountId, Timestamp, TransferId};
use store::rows::TransferKind;
use store::{DbError, Row, Tx, params};

use super::model::Side;

/// A place in an account's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub transfer: TransferId,
    pub posted_at: Timestamp,
    pub previous: Option<TransferId>,
    /// Of the account's entries; falls towards older ones.
    pub number: i64,
}

/// An entry as it stands in its transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub place: Place,
    pub kind: TransferKind,
    pub side: Side,
    pub amount: i64,
    pub balance: i64,
    pub other: AccountId,
    pub memo: Option<String>,
}

/// Goes back over at most `$4` entries, the one named being the first, to the first that is older than a
/// moment; gives where it stopped.
const SKIP: &str = "WITH RECURSIVE chain (id, posted_at, previous, number, depth) AS (\
     SELECT id, posted_at, CASE WHEN debit_account = $1 THEN debit_previous \
     ELSE credit_previous END, CASE WHEN debit_account = $1 THEN debit_number \
     ELSE credit_number END, CAST(1 AS BIGINT) FROM transfers WHERE id = $2 UNION ALL \
     SELECT t.id, t.posted_at, CASE WHEN t.debit_account = $1 THEN t.debit_previous \
     ELSE t.credit_previous END, CASE WHEN t.debit_account = $1 THEN t.debit_number \
     ELSE t.credit_number END, c.depth + 1 FROM chain AS c JOIN transfers AS t \
     ON t.id = c.previous WHERE c.posted_at >= $3 AND c.depth < $4) \
     SELECT id, posted_at, previous, number, depth FROM chain ORDER BY depth DESC LIMIT 1";

/// At most `$4` entries from the one named backwards, and with them the first that is older than a moment.
const LINKS: &str = "WITH RECURSIVE chain (id, posted_at, previous, depth, number, is_debit, kind, \
     amount, balance, other, memo) AS (\
     SELECT id, posted_at, CASE WHEN debit_account = $1 THEN debit_previous \
     ELSE credit_previous END, CAST(1 AS BIGINT), \
     CASE WHEN debit_account = $1 THEN debit_number ELSE credit_number END, \
     CAST(CASE WHEN debit_account = $1 THEN 1 ELSE 0 END AS BIGINT), kind, amount, \
     CASE WHEN debit_account = $1 THEN debit_balance ELSE credit_balance END, \
     CASE WHEN debit_account = $1 THEN credit_account ELSE debit_account END, memo \
     FROM transfers WHERE id = $2 UNION ALL \
     SELECT t.id, t.posted_at, CASE WHEN t.debit_account = $1 THEN t.debit_previous \
     ELSE t.credit_previous END, c.depth + 1, \
     CASE WHEN t.debit_account = $1 THEN t.debit_number ELSE t.credit_number END, \
     CAST(CASE WHEN t.debit_account = $1 THEN 1 ELSE 0 END AS BIGINT), t.kind, t.amount, \
     CASE WHEN t.debit_account = $1 THEN t.debit_balance ELSE t.credit_balance END, \
     CASE WHEN t.debit_account = $1 THEN t.credit_account ELSE t.debit_account END, t.memo \
     FROM chain AS c JOIN transfers AS t ON t.id = c.previous \
     WHERE c.posted_at >= $3 AND c.depth < $4) \
     SELECT id, posted_at, previous, number, is_debit, kind, amount, balance, other, memo \
     FROM chain ORDER BY depth";

/// The first entry of an account among `$3` transfers of the whole bank, from an id on: ids ascend with
/// time, so this finds a place by time without an index.
const SIGHT: &str = "SELECT w.id, w.posted_at, CASE WHEN w.debit_account = $1 THEN w.debit_previous \
     ELSE w.credit_previous END, CASE WHEN w.debit_account = $1 THEN w.debit_number \
     ELSE w.credit_number END FROM (SELECT id, posted_at, debit_account, credit_account, \
     debit_previous, credit_previous, debit_number, credit_number FROM transfers WHERE id >= $2 ORDER BY id LIMIT $3) AS w \
     WHERE w.debit_account = $1 OR w.credit_account = $1 ORDER BY w.id LIMIT 1";

/// Goes back from an entry over at most `most`, itself included, and stops at the first that is older
/// than `until`; gives also how many it looked at.
pub fn skip(
    tx: &mut Tx<'_>,
    account: &AccountId,
    from: &TransferId,
    (until, most): (Timestamp, i64),
) -> Result<(Place, i64), DbError> {
    let row = tx.query_opt(SKIP, params![account, from, until, most])?;
    let row = row.ok_or_else(|| gone(from))?;
    Ok((place(&row)?, row.int(4)?))
}

/// At most `most` entries, newest first, from one on; the last may be older than `until`.
pub fn links(
    tx: &mut Tx<'_>,
    account: &AccountId,
    from: &TransferId,
    (until, most): (Timestamp, i64),
) -> Result<Vec<Link>, DbError> {
    let rows = tx.query(LINKS, params![account, from, until, most])?;
    if rows.is_empty() {
        return Err(gone(from));
    }
    rows.iter().map(link).collect()
}

/// The account's first entry among the `most` transfers that follow a moment.
pub fn sight(
    tx: &mut Tx<'_>,
    account: &AccountId,
    at: Timestamp,
    most: i64,
) -> Result<Option<Place>, DbError> {
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    let mut first = [0; 16];
    first[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    let row = tx.query_opt(SIGHT, params![account, &first, most])?;
    row.as_ref().map(place).transpose()
}

fn place(row: &Row) -> Result<Place, DbError> {
    Ok(Place {
        transfer: row.id(0)?,
        posted_at: row.time(1)?,
        previous: row.id_opt(2)?,
        number: row.int(3)?,
    })
}

fn link(row: &Row) -> Result<Link, DbError> {
    Ok(Link {
        place: place(row)?,
        side: if row.int(4)? == 1 { Side::Debit } else { Side::Credit },
        kind: TransferKind::from_code(row.int(5)?)?,
        amount: row.int(6)?,
        balance: row.int(7)?,
        other: row.id(8)?,
        memo: row.text_opt(9)?.map(str::to_owned),
    })
}

pub(super) fn gone(entry: &TransferId) -> DbError {
    DbError::Corrupt(format!("{entry} is an entry of an account and is not there"))
}

impl Link {
    /// Minor units.
    pub fn balance_before(&self) -> Result<i64, DbError> {
        let before = match self.side {
            Side::Debit => self.balance.checked_add(self.amount),
            Side::Credit => self.balance.checked_sub(self.amount),
        };
        before.ok_or_else(|| DbError::Corrupt(format!("{} overflows", self.place.transfer)))
    }
}
