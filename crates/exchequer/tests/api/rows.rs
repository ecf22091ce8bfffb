//! What tests look up, and rarely change, in the database itself.

use store::DbError;
use testkit::TestBank;

/// The only integer of the only row.
pub async fn number(bank: &TestBank, sql: &'static str) -> i64 {
    let run = bank.bank().db().read("test", move |tx| tx.query_one(sql, &[])?.int(0));
    run.await.unwrap_or_else(|error: DbError| panic!("{sql}: {error}"))
}

/// The first column of every row.
pub async fn texts(bank: &TestBank, sql: &'static str) -> Vec<String> {
    let run = bank.bank().db().read("test", move |tx| {
        tx.query(sql, &[])?.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    });
    run.await.unwrap_or_else(|error: DbError| panic!("{sql}: {error}"))
}

/// Runs a statement; gives the rows it changed.
pub async fn execute(bank: &TestBank, sql: &'static str) -> u64 {
    let run = bank.bank().db().write("test", move |tx| tx.execute(sql, &[]));
    run.await.unwrap_or_else(|error: DbError| panic!("{sql}: {error}"))
}
