//! A whole bank has no fault; each way to disarm a guard is one.

use money::Timestamp;

use super::*;
use crate::backup::read_file;
use crate::db::{Location, Options};
use crate::migrate;
use crate::scratch::ScratchDatabase;
use crate::sqlite::{Access, SqliteSession};

fn found_after(sql: &str) -> Option<BrokenGuard> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    migrate(&Options::new(Location::Sqlite { path: path.clone() }), Timestamp::EPOCH).unwrap();
    SqliteSession::open(&path, 1, Access::ReadWrite).unwrap().batch(sql).unwrap();
    let structure = read_file(&path, "test", structure_fault).unwrap();
    assert_eq!(structure, None);
    read_file(&path, "test", broken_guard).unwrap()
}

fn structure_fault(tx: &mut Tx<'_>) -> Result<Option<String>, DbError> {
    tx.structure_fault()
}

fn broken_guard(tx: &mut Tx<'_>) -> Result<Option<BrokenGuard>, DbError> {
    tx.broken_guard()
}

fn named(found: Option<BrokenGuard>) -> String {
    found.map_or(String::new(), |broken| broken.trigger)
}

#[test]
fn a_guard_on_sqlite_is_there_as_it_was_written() {
    assert_eq!(found_after(""), None);
    let dropped = "DROP TRIGGER transfers_no_delete";
    assert_eq!(named(found_after(dropped)), "transfers_no_delete");
    let disarmed = "DROP TRIGGER events_no_update; CREATE TRIGGER events_no_update BEFORE UPDATE \
                    ON events WHEN 0 BEGIN SELECT RAISE(ABORT, 'events are immutable'); END";
    assert_eq!(named(found_after(disarmed)), "events_no_update");
    let of_runs = "DROP TRIGGER idempotency_open_run";
    assert_eq!(named(found_after(of_runs)), "idempotency_open_run");
    let disarmed = "DROP TRIGGER idempotency_open_run; CREATE TRIGGER idempotency_open_run BEFORE \
                    INSERT ON idempotency WHEN 0 BEGIN SELECT RAISE(ABORT, 'x'); END";
    assert_eq!(named(found_after(disarmed)), "idempotency_open_run");
    let elsewhere = "DROP TRIGGER origins_no_update; CREATE TRIGGER origins_no_update BEFORE \
                     UPDATE ON holds BEGIN SELECT RAISE(ABORT, 'origins are immutable'); END";
    assert_eq!(named(found_after(elsewhere)), "origins_no_update");
}

#[test]
fn a_damaged_file_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    migrate(&Options::new(Location::Sqlite { path: path.clone() }), Timestamp::EPOCH).unwrap();
    let session = SqliteSession::open(&path, 1, Access::ReadWrite).unwrap();
    // A number that two accounts have, where the schema says that none does.
    session
        .batch(
            "INSERT INTO accounts VALUES (1, zeroblob(16), NULL, '1', '', 'INR', 0, 0);
             PRAGMA writable_schema = 1;
             UPDATE sqlite_master SET sql = replace(sql, 'accounts (number)', 'accounts (name)')
             WHERE name = 'accounts_number';",
        )
        .unwrap();
    drop(session);
    assert!(read_file(&path, "test", structure_fault).unwrap().is_some());
}

#[test]
fn a_guard_on_postgres_is_there_as_it_was_written() {
    let Some(server) = ScratchDatabase::create() else { return };
    let mut options = Options::new(Location::Postgres { url: server.url().to_owned() });
    options.require_durable = false;
    migrate(&options, Timestamp::EPOCH).unwrap();
    let mut session = server.session();
    let faults = crate::Faults::default();
    let mut look = |sql: &str| {
        session.batch("BEGIN").unwrap();
        session.batch(sql).unwrap();
        let tx = &mut Tx::new(Backend::Postgres(&mut session), "test", &faults);
        let found = tx.broken_guard().unwrap();
        assert_eq!(tx.structure_fault().unwrap(), None);
        session.batch("ROLLBACK").unwrap();
        named(found)
    };
    assert_eq!(look(""), "");
    for (sql, trigger) in [
        ("DROP TRIGGER transfers_no_truncate ON transfers", "transfers_no_truncate"),
        ("ALTER TABLE events DISABLE TRIGGER events_no_delete", "events_no_delete"),
        (
            "DROP TRIGGER events_no_update ON events; CREATE TRIGGER events_no_update BEFORE UPDATE \
          ON events FOR EACH ROW WHEN (false) EXECUTE FUNCTION refuse_change()",
            "events_no_update",
        ),
        (
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS \
          $$ BEGIN RETURN NEW; END $$",
            "transfers_no_update",
        ),
    ] {
        assert_eq!(look(sql), trigger, "{sql}");
    }
}
