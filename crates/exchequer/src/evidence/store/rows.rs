//! SQL of the rows that the log covers, by ranges of their ids.

use store::{DbError, Row, Tx, params};

use crate::evidence::model::{
    CoveredRow, EventFacts, Facts, OriginRow, RowId, SideFacts, Table, TransferFacts,
};

macro_rules! origin {
    () => {
        "o.id, o.actor_kind, o.actor, o.session, o.address, o.agent, o.first_seen_at "
    };
}

const EVENTS: &str = concat!(
    "SELECT ",
    origin!(),
    ", e.id, e.request, e.at, e.action, e.resource, e.outcome, e.before, e.after, e.subject, \
     e.origin FROM events AS e LEFT JOIN origins AS o ON o.id = e.origin \
     WHERE e.id >= $1 AND e.id <= $2 ORDER BY e.id LIMIT $3"
);
const TRANSFERS: &str = concat!(
    "SELECT ",
    origin!(),
    ", t.id, t.request, t.debit_account, t.debit_number, t.debit_previous, t.debit_balance, \
     t.credit_account, t.credit_number, t.credit_previous, t.credit_balance, t.amount, t.currency, \
     t.kind, t.posted_at, t.memo, t.reference, t.origin FROM transfers AS t \
     LEFT JOIN origins AS o ON o.id = t.origin \
     WHERE t.id >= $1 AND t.id <= $2 ORDER BY t.id LIMIT $3"
);

type Reader = fn(&Row) -> Result<CoveredRow, DbError>;

/// A row, or what is wrong with it.
pub enum Read {
    Whole(Box<CoveredRow>),
    Damaged { table: Table, id: RowId, why: String },
}

/// Up to `most` rows of a table with ids from the one to the other, both included, ascending.
pub fn rows(
    tx: &mut Tx<'_>,
    table: Table,
    (from, to): (&RowId, &RowId),
    most: i64,
) -> Result<Vec<Read>, DbError> {
    let (sql, read): (_, Reader) = match table {
        Table::Events => (EVENTS, event),
        Table::Transfers => (TRANSFERS, transfer),
    };
    let found = tx.query(sql, params![from, to, most])?;
    found
        .iter()
        .map(|row| match read(row) {
            Ok(row) => Ok(Read::Whole(Box::new(row))),
            Err(DbError::Corrupt(why)) => Ok(Read::Damaged { table, id: row.bytes(ID)?, why }),
            Err(error) => Err(error),
        })
        .collect()
}

/// How many there are, both ends included.
pub fn count(tx: &mut Tx<'_>, table: Table, (from, to): (&RowId, &RowId)) -> Result<i64, DbError> {
    let sql = match table {
        Table::Events => "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE id >= $1 AND id <= $2",
        Table::Transfers => {
            "SELECT CAST(COUNT(*) AS BIGINT) FROM transfers WHERE id >= $1 AND id <= $2"
        }
    };
    tx.query_one(sql, params![from, to])?.int(0)
}

/// Up to `most` ids from the one on and below the other, ascending.
pub fn ids(
    tx: &mut Tx<'_>,
    table: Table,
    (from, below): (&RowId, &RowId),
    most: i64,
) -> Result<Vec<RowId>, DbError> {
    let sql = match table {
        Table::Events => "SELECT id FROM events WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3",
        Table::Transfers => {
            "SELECT id FROM transfers WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3"
        }
    };
    tx.query(sql, params![from, below, most])?.iter().map(|row| row.bytes(0)).collect()
}

/// Where a row's own id stands, behind its origin.
const ID: usize = 7;

fn origin(row: &Row, named: usize) -> Result<OriginRow, DbError> {
    if row.blob_opt(0)?.is_none() {
        let id = data_encoding::HEXLOWER.encode(row.blob(named)?);
        return Err(DbError::Corrupt(format!("its origin {id} is not there")));
    }
    Ok(OriginRow {
        id: row.bytes(0)?,
        actor_kind: row.text(1)?.to_owned(),
        actor: optional(row, 2)?,
        session: optional(row, 3)?,
        address: row.text(4)?.to_owned(),
        agent: row.text(5)?.to_owned(),
        first_seen_at: row.int(6)?,
    })
}

fn event(row: &Row) -> Result<CoveredRow, DbError> {
    let facts = EventFacts {
        at: row.int(ID + 2)?,
        action: row.text(ID + 3)?.to_owned(),
        resource: row.text(ID + 4)?.to_owned(),
        outcome: row.text(ID + 5)?.to_owned(),
        before: row.text_opt(ID + 6)?.map(str::to_owned),
        after: row.text_opt(ID + 7)?.map(str::to_owned),
        subject: optional(row, ID + 8)?,
    };
    Ok(CoveredRow {
        id: row.bytes(ID)?,
        request: row.bytes(ID + 1)?,
        facts: Facts::Event(facts),
        origin: origin(row, ID + 9)?,
    })
}

fn transfer(row: &Row) -> Result<CoveredRow, DbError> {
    let side = |at: usize| -> Result<SideFacts, DbError> {
        Ok(SideFacts {
            account: row.bytes(at)?,
            number: row.int(at + 1)?,
            previous: optional(row, at + 2)?,
            balance: row.int(at + 3)?,
        })
    };
    let facts = TransferFacts {
        debit: side(ID + 2)?,
        credit: side(ID + 6)?,
        amount: row.int(ID + 10)?,
        currency: row.text(ID + 11)?.to_owned(),
        kind: row.int(ID + 12)?,
        posted_at: row.int(ID + 13)?,
        memo: row.text_opt(ID + 14)?.map(str::to_owned),
        reference: optional(row, ID + 15)?,
    };
    Ok(CoveredRow {
        id: row.bytes(ID)?,
        request: row.bytes(ID + 1)?,
        facts: Facts::Transfer(facts),
        origin: origin(row, ID + 16)?,
    })
}

fn optional(row: &Row, column: usize) -> Result<Option<RowId>, DbError> {
    row.blob_opt(column)?.map(|_| row.bytes(column)).transpose()
}
