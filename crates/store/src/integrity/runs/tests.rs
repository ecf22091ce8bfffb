//! A key that is there twice is found, whatever is stored about its run.

use money::Timestamp;

use super::*;
use crate::db::{Location, Options};
use crate::fault::Faults;
use crate::migrate;
use crate::sqlite::Access;

/// A bank with three keys in run 0, which is closed, and two in run 1, after `spoil`.
fn fault_after(spoil: &str) -> Option<BrokenRun> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    migrate(&Options::new(Location::Sqlite { path: path.clone() }), Timestamp::EPOCH).unwrap();
    let session = SqliteSession::open(&path, 1, Access::ReadWrite).unwrap();
    put(&session, "(0, 'aaaaaaaaaaaaaaaa'), (0, 'bbbbbbbbbbbbbbbb'), (0, 'cccccccccccccccc')");
    session.runs.borrow_mut().close(&session).unwrap();
    put(&session, "(1, 'dddddddddddddddd'), (1, 'eeeeeeeeeeeeeeee')");
    session.batch("DROP TRIGGER idempotency_open_run").unwrap();
    session.batch(spoil).unwrap();
    Tx::new(Backend::Sqlite(&session), "test", &Faults::default()).run_fault().unwrap()
}

fn put(session: &SqliteSession, keys: &str) {
    let sql = format!(
        "INSERT INTO idempotency SELECT column1, CAST(column2 AS BLOB), zeroblob(16), NULL, 200, \
         0, NULL FROM (VALUES {keys})"
    );
    session.batch(&sql).unwrap();
}

#[test]
fn each_fault_of_a_run_is_named() {
    assert_eq!(fault_after(""), None);
    for (spoil, run, expected) in [
        (
            "INSERT INTO idempotency SELECT 1, scope, request_hash, resource, status, created_at, \
             answer FROM idempotency WHERE scope = CAST('bbbbbbbbbbbbbbbb' AS BLOB)",
            1,
            "keys of its own",
        ),
        ("UPDATE idempotency SET run = 1 WHERE run = 0", 0, "the fingerprints of its keys"),
        ("UPDATE idempotency SET run = 0 WHERE run = 1", 0, "the fingerprints of its keys"),
        ("UPDATE idempotency SET run = 2 WHERE run = 1", 1, "closed before"),
        ("UPDATE idempotency SET run = 0", 0, "the fingerprints of its keys"),
        ("DELETE FROM idempotency WHERE scope < x'62'", 0, "the fingerprints of its keys"),
        ("DELETE FROM idempotency", 0, "the fingerprints of its keys"),
        ("UPDATE idempotency_runs SET mark = zeroblob(16)", 0, "the mark"),
        ("UPDATE idempotency_runs SET fingerprints = x''", 0, "the fingerprints of its keys"),
        ("UPDATE idempotency_runs SET run = 1", 0, "closed before"),
        ("DELETE FROM idempotency_runs", 0, "closed before"),
    ] {
        let broken = fault_after(spoil).unwrap_or_else(|| panic!("{spoil}: nothing was found"));
        assert_eq!(broken.run, run, "{spoil}: {broken:?}");
        assert!(broken.expected.contains(expected), "{spoil}: {broken:?}");
    }
}
