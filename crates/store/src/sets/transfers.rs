//! Transfers of a batch, appended; and the outflows of accounts with a daily limit.

use std::sync::LazyLock;

use money::{AccountId, TransferId};
use tokio_postgres::types::Type;

use super::chunk::Insert;
use super::{MANY, column};
use crate::rows::{Side, TransferKind, TransferRow};
use crate::tx::Backend;
use crate::{DbError, Param, Row, Tx, params};

static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "INSERT INTO transfers (id, debit_account, credit_account, amount, currency, kind, \
         posted_at, debit_number, debit_previous, debit_balance, credit_number, credit_previous, \
         credit_balance, memo, reference, origin, request)",
        17,
        "",
    )
});
const INSERT_SET: &str = "INSERT INTO transfers (id, debit_account, credit_account, amount, \
     currency, kind, posted_at, debit_number, debit_previous, debit_balance, credit_number, \
     credit_previous, credit_balance, memo, reference, origin, request) SELECT * FROM \
     unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bigint[], $5::text[], $6::bigint[], \
     $7::bigint[], $8::bigint[], $9::bytea[], $10::bigint[], $11::bigint[], $12::bytea[], \
     $13::bigint[], $14::text[], $15::bytea[], $16::bytea[], $17::bytea[])";

const COPY_SET: &str = "COPY transfers (id, debit_account, credit_account, amount, currency, kind, \
     posted_at, debit_number, debit_previous, debit_balance, credit_number, credit_previous, \
     credit_balance, memo, reference, origin, request) FROM STDIN BINARY";
const COPY_TYPES: [Type; 17] = [
    Type::BYTEA,
    Type::BYTEA,
    Type::BYTEA,
    Type::INT8,
    Type::TEXT,
    Type::INT8,
    Type::INT8,
    Type::INT8,
    Type::BYTEA,
    Type::INT8,
    Type::INT8,
    Type::BYTEA,
    Type::INT8,
    Type::TEXT,
    Type::BYTEA,
    Type::BYTEA,
    Type::BYTEA,
];

macro_rules! columns {
    () => {
        "SELECT t.id, t.debit_account, t.credit_account, t.amount, t.currency, t.kind, \
         t.posted_at, t.debit_number, t.debit_previous, t.debit_balance, t.credit_number, \
         t.credit_previous, t.credit_balance, t.memo, t.reference, t.origin, t.request "
    };
}
const ONE: &str = concat!(columns!(), "FROM transfers AS t WHERE t.id = $1");
/// The entries of an account, newest first, from a given one on: each names the one before it.
const CHAIN: &str = concat!(
    "WITH RECURSIVE chain (id, depth) AS (SELECT id, CAST(1 AS BIGINT) FROM transfers \
     WHERE id = $1 UNION ALL \
     SELECT CASE WHEN t.debit_account = $2 THEN t.debit_previous ELSE t.credit_previous END, \
     c.depth + 1 FROM chain AS c JOIN transfers AS t ON t.id = c.id WHERE c.depth < $3) ",
    columns!(),
    "FROM chain AS c JOIN transfers AS t ON t.id = c.id ORDER BY c.depth"
);
const OUTFLOW: &str =
    "INSERT INTO outflows (account, posted_at, id, amount) VALUES ($1, $2, $3, $4)";

impl Tx<'_> {
    pub fn transfer(&mut self, id: &TransferId) -> Result<Option<TransferRow>, DbError> {
        self.query_opt(ONE, params![id])?.map(|row| read(&row)).transpose()
    }

    /// Up to `most` transfers of an account, newest first, beginning with `from`.
    pub fn entries(
        &mut self,
        account: &AccountId,
        from: &TransferId,
        most: i64,
    ) -> Result<Vec<TransferRow>, DbError> {
        self.query(CHAIN, params![from, account, most])?.iter().map(read).collect()
    }

    /// Remembers what left an account that has a daily limit.
    pub(crate) fn insert_outflow(&mut self, row: &TransferRow) -> Result<(), DbError> {
        let (account, id) = (&row.debit.account, row.id.bytes());
        self.execute(OUTFLOW, params![account, row.posted_at, id, row.amount]).map(|_| ())
    }

    /// Appends transfers; ids ascend, so that the table grows at its end.
    pub fn insert_transfers(&mut self, rows: &[TransferRow]) -> Result<(), DbError> {
        self.count()?;
        match &mut self.backend {
            Backend::Sqlite(session) => INSERT.run(session, rows, values, |_| Ok(()))?,
            Backend::Postgres(session) if rows.len() >= MANY => {
                session.copy_in(COPY_SET, &COPY_TYPES, rows.iter().map(values))?;
            }
            Backend::Postgres(session) => {
                session.execute_typed(
                    INSERT_SET,
                    &[
                        &column(rows, |r| &r.id.bytes()[..]),
                        &column(rows, |r| &r.debit.account.bytes()[..]),
                        &column(rows, |r| &r.credit.account.bytes()[..]),
                        &column(rows, |r| r.amount),
                        &column(rows, |r| r.currency.code()),
                        &column(rows, |r| r.kind.code()),
                        &column(rows, |r| r.posted_at.micros()),
                        &column(rows, |r| r.debit.number),
                        &column(rows, |r| r.debit.previous.as_ref().map(|p| &p.bytes()[..])),
                        &column(rows, |r| r.debit.balance),
                        &column(rows, |r| r.credit.number),
                        &column(rows, |r| r.credit.previous.as_ref().map(|p| &p.bytes()[..])),
                        &column(rows, |r| r.credit.balance),
                        &column(rows, |r| r.memo.as_deref()),
                        &column(rows, |r| r.reference.as_ref().map(|p| &p[..])),
                        &column(rows, |r| &r.origin[..]),
                        &column(rows, |r| &r.request.bytes()[..]),
                    ],
                )?;
            }
        }
        Ok(())
    }
}

fn values(r: &TransferRow) -> [Param<'_>; 17] {
    *params![
        &r.id,
        &r.debit.account,
        &r.credit.account,
        r.amount,
        r.currency,
        r.kind.code(),
        r.posted_at,
        r.debit.number,
        r.debit.previous.as_ref(),
        r.debit.balance,
        r.credit.number,
        r.credit.previous.as_ref(),
        r.credit.balance,
        r.memo.as_deref(),
        r.reference.as_ref(),
        &r.origin,
        &r.request
    ]
}

fn read(row: &Row) -> Result<TransferRow, DbError> {
    Ok(TransferRow {
        id: row.id(0)?,
        debit: Side {
            account: row.id(1)?,
            number: row.int(7)?,
            previous: row.id_opt(8)?,
            balance: row.int(9)?,
        },
        credit: Side {
            account: row.id(2)?,
            number: row.int(10)?,
            previous: row.id_opt(11)?,
            balance: row.int(12)?,
        },
        amount: row.int(3)?,
        currency: row.currency(4)?,
        kind: TransferKind::from_code(row.int(5)?)?,
        posted_at: row.time(6)?,
        memo: row.text_opt(13)?.map(str::to_owned),
        reference: row.blob_opt(14)?.map(|_| row.bytes(14)).transpose()?,
        origin: row.bytes(15)?,
        request: row.id(16)?,
    })
}
