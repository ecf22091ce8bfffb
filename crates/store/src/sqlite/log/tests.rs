//! When the log is moved, and by whom.

use std::fs::copy;

use money::Timestamp;

use super::*;
use crate::{Db, Location, Options, migrate};

fn log() -> (Log, Receiver<()>) {
    let (tell, told) = sync_channel(1);
    (Log { tell, moved_at: 0 }, told)
}

#[test]
fn the_mover_is_told_every_so_many_pages() {
    let (mut log, told) = log();
    assert!(!log.is_too_long(STEP_PAGES - 1));
    assert!(told.try_recv().is_err());
    assert!(!log.is_too_long(STEP_PAGES));
    assert!(told.try_recv().is_ok());
    assert!(!log.is_too_long(STEP_PAGES + 1));
    assert!(told.try_recv().is_err());
    // It begins anew, and is counted anew.
    assert!(!log.is_too_long(1));
    assert!(!log.is_too_long(STEP_PAGES));
    assert!(told.try_recv().is_ok());
}

#[test]
fn the_writer_moves_a_log_that_stays_long_or_has_no_mover() {
    let (mut log, told) = log();
    assert!(log.is_too_long(MOST_PAGES));
    assert!(log.is_too_long(MOST_PAGES + 1));
    drop(told);
    let (mut log, told) = self::log();
    drop(told);
    assert!(!log.is_too_long(STEP_PAGES - 1));
    assert!(log.is_too_long(STEP_PAGES));
}

/// More is written than the log may hold, without a pause, and it stays short.
#[test]
fn the_log_stays_bounded_under_commits_without_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    let mut writer = SqliteSession::open(&path, 16, Access::ReadWrite).unwrap();
    let mover = Mover::of(&mut writer, &path).unwrap();
    let thread = std::thread::spawn(move || mover.run());
    writer.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB NOT NULL)").unwrap();
    for n in 0..400_i64 {
        writer.batch("BEGIN IMMEDIATE").unwrap();
        for row in 0..100 {
            let blob = vec![7_u8; 3_900];
            let params = crate::params![n * 100 + row, &blob];
            writer.execute("INSERT INTO t (id, b) VALUES ($1, $2)", params).unwrap();
        }
        writer.batch("COMMIT").unwrap();
    }
    let bytes = std::fs::metadata(folder.path().join("bank.db-wal")).unwrap().len();
    drop(writer);
    thread.join().unwrap();
    // 40,000 pages were written; the log's file is as long as it ever was.
    let most = u64::try_from(MOST_PAGES + STEP_PAGES).unwrap() * 4_120;
    assert!(bytes < most, "{bytes} bytes of log");
    let reader = SqliteSession::open(&path, 16, Access::ReadOnly).unwrap();
    let rows = reader.query("SELECT COUNT(*) FROM t", &[], 1).unwrap();
    assert_eq!(rows[0].int(0).unwrap(), 40_000);
}

/// A process was killed before its last sync: its commits are in the log, and may be nowhere else.
#[test]
fn what_a_killed_process_left_is_moved_before_the_bank_is_open() {
    const LOOK: &str = "SELECT 1 FROM sqlite_schema WHERE name = 'left_behind'";
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [killed, opened, alone] = folders.each_ref().map(|it| it.path().join("bank.db"));
    let options = |path| Options::new(Location::Sqlite { path });
    migrate(&options(killed.clone()), Timestamp::EPOCH).unwrap();
    let session = SqliteSession::open(&killed, 1, Access::ReadWrite).unwrap();
    session.batch("CREATE TABLE left_behind (id INTEGER PRIMARY KEY)").unwrap();
    copy(&killed, &opened).unwrap();
    copy(killed.with_extension("db-wal"), opened.with_extension("db-wal")).unwrap();
    let is_in = |path| {
        let session = SqliteSession::open(path, 1, Access::ReadWrite).unwrap();
        session.query(LOOK, &[], 1).unwrap().len() == 1
    };
    copy(&killed, &alone).unwrap();
    assert!(!is_in(&alone), "it is in the log only");

    let db = Db::open(&options(opened.clone())).unwrap();
    copy(&opened, &alone).unwrap();
    assert!(is_in(&alone));
    db.close();
}
