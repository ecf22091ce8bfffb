//! Every SQL text of the workspace is prepared on both databases, and its plan on SQLite walks no table
//! that grows.
//!
//! The texts of `backup/tables.rs`, which are made in its macro, are left to the tests of backup: they
//! run each of them on both.

mod texts;

use std::path::Path;

use rusqlite::Connection;
use testkit::TestDatabase;
use testkit::database::postgres_address;
use tokio_postgres::types::Type;

/// Tables with a row for each customer, or for something that customers do.
const GROWING: [&str; 22] = [
    "account_days",
    "accounts",
    "alerts_gathered",
    "alerts_told",
    "balances",
    "cards",
    "challenges",
    "customer_words",
    "customers",
    "email_confirmations",
    "events",
    "holds",
    "idempotency",
    "origins",
    "outflows",
    "payment_alerts",
    "payment_steps",
    "payments",
    "refresh_tokens",
    "reversals",
    "sessions",
    "transfers",
];

/// Texts that do walk one, by how they begin, and why they may.
const WALKS: &[(&str, &str)] = &[
    ("UPDATE sessions SET ended_at = $1, end_reason = 'restored'", "a restore ends all of them"),
    ("SELECT run, scope FROM idempotency ORDER BY", "verify reads every row of every table"),
    ("SELECT key_version, CAST(COUNT(*)", "an operator asks what an old key still serves"),
    ("SELECT index_version, CAST(COUNT(*)", "an operator asks what an old key still serves"),
];

/// Words that only one of the two has.
const POSTGRES_ONLY: [&str; 6] =
    ["unnest(", "::", "pg_", "FOR NO KEY", "to_regclass", "information_schema"];
const SQLITE_ONLY: [&str; 2] = ["sqlite_master", "rowid"];

fn texts() -> Vec<(String, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let found = texts::all(&crates);
    assert!(found.len() > 100, "the reader of sources sees {} texts", found.len());
    found
}

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// `$1` is a name to SQLite, and `?1` a number.
fn plan(connection: &Connection, text: &str) -> rusqlite::Result<Vec<String>> {
    let explain = format!("EXPLAIN QUERY PLAN {}", text.replace('$', "?"));
    let mut statement = connection.prepare(&explain)?;
    let rows = statement.raw_query().mapped(|row| row.get::<_, String>(3));
    rows.collect()
}

/// The table of a name in a plan, which is an alias where the text gives one.
fn table<'t>(text: &'t str, name: &'t str) -> &'t str {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    words.windows(3).find(|w| w[1] == "AS" && w[2] == name).map_or(name, |w| w[0])
}

#[test]
fn no_text_walks_a_table_that_grows() {
    let database = TestDatabase::sqlite();
    let path = database.folder().expect("a folder").join("bank.db");
    let connection = Connection::open(path).expect("opens");
    let mut walks = Vec::new();
    for (file, text) in texts().into_iter().filter(|(_, text)| !has(text, &POSTGRES_ONLY)) {
        let plan = plan(&connection, &text).unwrap_or_else(|e| panic!("{file}: {text}: {e}"));
        for line in plan {
            let Some(name) = line.strip_prefix("SCAN ").and_then(|l| l.split(' ').next()) else {
                continue;
            };
            if GROWING.contains(&table(&text, name)) {
                walks.push((file.clone(), text.clone(), line));
            }
        }
    }
    let allowed = |text: &str| WALKS.iter().position(|(begin, _)| text.starts_with(begin));
    let forbidden: Vec<_> = walks.iter().filter(|(_, text, _)| allowed(text).is_none()).collect();
    assert!(forbidden.is_empty(), "{forbidden:#?}");
    for (place, (begin, _)) in WALKS.iter().enumerate() {
        let is_used = walks.iter().any(|(_, text, _)| allowed(text) == Some(place));
        assert!(is_used, "nothing begins with `{begin}` and walks a table any more");
    }
}

/// Also what goes in and comes out is of the four types that a `Tx` knows, or a set of them.
#[tokio::test]
async fn every_text_is_one_of_postgres() {
    if postgres_address().is_none() {
        return;
    }
    let database = TestDatabase::new();
    let store::Location::Postgres { url } = &database.options().location else {
        panic!("a server")
    };
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("connects");
    let driver = tokio::spawn(connection);
    for (file, text) in texts().into_iter().filter(|(_, text)| !has(text, &SQLITE_ONLY)) {
        let statement = client.prepare(&text).await;
        let statement = statement.unwrap_or_else(|e| panic!("{file}: {text}: {e:?}"));
        for wanted in statement.params() {
            let sets = [Type::INT8_ARRAY, Type::TEXT_ARRAY, Type::BYTEA_ARRAY];
            let known = [Type::INT8, Type::TEXT, Type::VARCHAR, Type::BYTEA].contains(wanted);
            assert!(known || sets.contains(wanted), "{file}: {text}: binds {wanted}");
        }
        for column in statement.columns() {
            let known = [
                Type::INT8,
                Type::INT4,
                Type::BOOL,
                Type::TEXT,
                Type::VARCHAR,
                Type::NAME,
                Type::BYTEA,
            ];
            assert!(known.contains(column.type_()), "{file}: {text}: gives {}", column.type_());
        }
    }
    drop(client);
    driver.await.expect("a task").expect("the connection closes");
}
