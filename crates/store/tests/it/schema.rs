//! Migrations, the two schemas, durability and immutability.

use std::collections::BTreeSet;

use money::Timestamp;
use store::{Db, DbError, Kind, Location, Options, params};
use testkit::TestDatabase;

use crate::ledger_bank::LedgerBank;

#[test]
fn a_second_migration_has_nothing_to_do() {
    let database = TestDatabase::new();
    let ran = store::migrate(database.options(), Timestamp::from_seconds(1)).expect("migrates");
    assert!(ran.is_empty(), "{ran:?}");
}

#[test]
fn a_bank_without_schema_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options::new(Location::Sqlite { path: folder.path().join("bank.db") });
    let Err(DbError::Refused(text)) = Db::open(&options) else { panic!("opened") };
    assert!(text.contains("exchequer migrate"), "{text}");
}

#[tokio::test]
async fn a_schema_from_the_future_or_with_another_text_is_refused() {
    for change in [
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) \
         VALUES (9999, '9999_future', 'x', 0)",
        "UPDATE schema_migrations SET checksum = 'other' WHERE version = 1",
    ] {
        let database = TestDatabase::new();
        let db = Db::open(database.options()).expect("opens");
        db.write("spoil", move |tx| tx.execute(change, &[])).await.expect("spoils");
        db.close();
        assert!(matches!(Db::open(database.options()), Err(DbError::Refused(_))), "{change}");
        assert!(store::migrate(database.options(), Timestamp::from_seconds(1)).is_err());
    }
}

/// Table, column and constraint names as the SQL texts of both databases declare them.
fn declared(folder: &str) -> BTreeSet<String> {
    let root =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(folder);
    let mut found = BTreeSet::new();
    let mut files: Vec<_> =
        std::fs::read_dir(root).expect("a folder").map(|f| f.expect("a file").path()).collect();
    files.sort();
    for file in files {
        let sql = std::fs::read_to_string(&file).expect("a file");
        let mut table = String::new();
        for line in sql.lines().map(|l| l.split("--").next().unwrap_or_default().trim()) {
            let line = line
                .replace("BYTEA", "BLOB")
                .replace("BIGINT", "INTEGER")
                .replace(" STRICT, WITHOUT ROWID", "")
                .replace(" STRICT", "")
                .replace(" WITH (fillfactor = 50)", "");
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["CREATE", "TABLE", name, ..] => (*name).clone_into(&mut table),
                ["CREATE", "UNIQUE" | "INDEX", ..] => {
                    found.insert(words.join(" "));
                }
                ["CREATE", "TRIGGER", ..] if !line.contains("truncate") => {
                    found.insert(format!("trigger {}", words[2]));
                }
                [_, "BLOB" | "INTEGER" | "TEXT", ..] | ["PRIMARY" | "CONSTRAINT" | "CHECK", ..]
                    if !table.is_empty() =>
                {
                    found.insert(format!("{table}: {}", words.join(" ")));
                }
                [");"] => table.clear(),
                _ => {}
            }
        }
    }
    found
}

#[test]
fn both_schemas_declare_the_same() {
    let (sqlite, postgres) = (declared("sqlite"), declared("postgres"));
    assert!(sqlite.len() > 100, "the reader of the schema sees {} lines", sqlite.len());
    let differ: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

#[tokio::test]
async fn transfers_events_and_origins_cannot_be_changed() {
    let bank = LedgerBank::new(2).await;
    let refused = bank.post(vec![bank.order(0, 1, 999_999, None)]).await.expect("a refusal");
    assert!(matches!(refused[0], store::posting::Posted::Refused(..)));
    for sql in [
        "UPDATE transfers SET amount = amount + 1",
        "DELETE FROM transfers",
        "UPDATE events SET outcome = 'done'",
        "DELETE FROM events",
        "UPDATE origins SET agent = 'other'",
        "DELETE FROM origins",
    ] {
        let result = bank.db.write("tamper", move |tx| tx.execute(sql, &[])).await;
        assert!(result.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn the_schema_itself_refuses_an_overdraft() {
    let bank = LedgerBank::new(1).await;
    let id = bank.accounts[0];
    for sql in [
        "UPDATE accounts SET debits_posted = credits_posted + 1 WHERE id = $1",
        "UPDATE accounts SET debits_held = credits_posted + 1 WHERE id = $1",
        "UPDATE accounts SET bounded = 0 WHERE id = $1",
        "UPDATE accounts SET debits_held = -1 WHERE id = $1",
    ] {
        let result = bank.db.write("overdraw", move |tx| tx.execute(sql, params![&id])).await;
        assert!(matches!(result, Err(DbError::Constraint(_))), "{sql}: {result:?}");
    }
}

#[tokio::test]
async fn an_unsafe_server_is_refused_where_durability_is_required() {
    let database = TestDatabase::new();
    let options = Options { require_durable: true, ..database.options().clone() };
    let db = Db::open(&options);
    match db.as_ref().map(Db::kind) {
        // Our own settings are always the safe ones.
        Ok(kind) => assert_eq!(kind, Kind::Sqlite),
        // The test server runs with fsync off, unless an address was given.
        Err(error) => assert!(matches!(error, DbError::Refused(text) if text.contains("not on"))),
    }
}
