//! What is sealed is in no file of a plain bank, on either database. What is not sealed is found, which also shows that
//! the search finds things.

use std::path::{Path, PathBuf};

use money::Timestamp;
use store::DbError;
use testkit::{TestBank, TestDatabase};

use crate::markers::{OPEN, SEALED, write};
use crate::search::Needles;

// PCI DSS 3.5.1, 3.5.1.2: a card's number is in no table, log or copy of the database, so it is kept by more than the encryption
// of a disk. ASVS 14.2.4: no field that is to be sealed is in any of them.
#[tokio::test]
async fn what_is_sealed_is_in_no_file_of_a_plain_bank_and_the_rest_is_found() {
    let mut bank = TestBank::on(TestDatabase::sqlite(), |_| {}).await;
    write(&bank).await;
    let folder = bank.database().folder().expect("a folder").to_owned();
    assert!(folder.join("bank.db-wal").metadata().expect("a log").len() > 0, "the log is there");
    let _counts =
        store::backup::backup(bank.database().options(), &folder.join("backup"), Timestamp::EPOCH)
            .expect("a backup");
    assert_sealed_and_open(&folder);
    bank.skip_verify(); // it is closed
    bank.bank().db().close();
    assert_sealed_and_open(&folder);
}

// PCI DSS 3.5.1, 3.5.1.2: the same on a server, in its tables and its write-ahead log. ASVS 14.2.4: no sealed field is in
// either.
#[tokio::test]
async fn what_is_sealed_is_in_no_file_of_postgresql_and_the_rest_is_found() {
    if testkit::database::postgres_address().is_none() {
        return;
    }
    let bank = TestBank::on(TestDatabase::new(), |_| {}).await;
    write(&bank).await;
    // From the server's memory into its files.
    let flushed = bank.bank().db().write("rest.checkpoint", |tx| {
        tx.execute("CHECKPOINT", &[])?;
        let row = tx.query_one(
            "SELECT current_setting('data_directory'), CAST(oid AS TEXT) FROM pg_database \
             WHERE datname = current_database()",
            &[],
        )?;
        Ok::<_, DbError>((PathBuf::from(row.text(0)?), row.text(1)?.to_owned()))
    });
    let (data, database) = flushed.await.expect("flushed");
    // Tables of other tests have markers of their own; the write-ahead log is everybody's.
    let (table, log) = (data.join("base").join(database), data.join("pg_wal"));
    assert_sealed_and_open(&table);
    let sealed = Needles::of(&SEALED.map(str::as_bytes));
    assert_none(&sealed, &log);
    for folder in ["global", "pg_xact"] {
        assert_none(&sealed, &data.join(folder));
    }
}

/// Over one folder, which has both kinds of columns in it.
fn assert_sealed_and_open(folder: &Path) {
    assert_none(&Needles::of(&SEALED.map(str::as_bytes)), folder);
    let (found, _) = Needles::of(&OPEN.map(str::as_bytes)).found_below(folder);
    for text in OPEN {
        let ending = format!("{text:?}, plain");
        assert!(found.iter().any(|line| line.ends_with(&ending)), "{text} is not found: {found:?}");
    }
}

pub fn assert_none(needles: &Needles, folder: &Path) {
    let (found, looked_at) = needles.found_below(folder);
    assert!(found.is_empty(), "{found:#?}");
    assert!(looked_at > 4_096, "{} bytes in {}", looked_at, folder.display());
}
