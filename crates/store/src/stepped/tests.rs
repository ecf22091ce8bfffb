//! A commit comes to what was said, and a crash loses what waits.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use testkit::TestDatabase;

use super::*;
use crate::params;

const KEEP: &str = "INSERT INTO job_places (job, place, at) VALUES ($1, zeroblob(16), 0)";
const COUNT: &str = "SELECT COUNT(*) FROM job_places";

fn disk() -> Disk {
    let database = TestDatabase::sqlite();
    Disk::of_file(&database.folder().unwrap().join("bank.db")).unwrap()
}

fn kept(node: &Stepper) -> i64 {
    node.look(|tx| tx.query_one(COUNT, &[])?.int(0)).unwrap()
}

/// One write that ends as `fate` says: what its caller is told.
fn write(node: &mut (Db, Stepper), name: &'static str, fate: Fate) -> Result<u64, DbError> {
    let (db, stepper) = node;
    let mut written = pin!(db.write("test", move |tx| tx.execute(KEEP, params![name])));
    let mut context = Context::from_waker(Waker::noop());
    assert!(written.as_mut().poll(&mut context).is_pending());
    assert_eq!(stepper.writes(), 1);
    assert_eq!(stepper.write(1, fate, |_| 0), ["test"]);
    match written.as_mut().poll(&mut context) {
        Poll::Ready(told) => told,
        Poll::Pending => panic!("nobody was told"),
    }
}

#[test]
fn a_commit_comes_to_what_was_said() {
    let disk = disk();
    let mut node = open(&disk, 20).unwrap();
    assert_eq!(write(&mut node, "a", Fate::Commits).unwrap(), 1);
    assert_eq!(kept(&node.1), 1);
    assert!(matches!(write(&mut node, "b", Fate::Fails), Err(DbError::Unavailable(_))));
    assert_eq!(kept(&node.1), 1);
    assert!(matches!(write(&mut node, "c", Fate::CommitsUntold), Err(DbError::Unavailable(_))));
    assert_eq!(kept(&node.1), 2);
}

#[test]
fn a_crash_loses_what_waits_and_nothing_else() {
    let disk = disk();
    let mut node = open(&disk, 20).unwrap();
    assert_eq!(write(&mut node, "a", Fate::Commits).unwrap(), 1);
    let other = disk.copy().unwrap();
    {
        let mut waiting = pin!(node.0.write("test", |tx| tx.execute(KEEP, params!["b"])));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert_eq!(node.1.verb(0), Some("test"));
    }
    drop(node);
    let mut node = open(&disk, 20).unwrap();
    assert_eq!((node.1.writes(), kept(&node.1)), (0, 1));
    assert_eq!(write(&mut node, "c", Fate::Commits).unwrap(), 1);
    // The copy is another disk.
    assert_eq!(kept(&open(&other, 20).unwrap().1), 1);
}
