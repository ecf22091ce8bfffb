//! Statements keep their plan, and which closures share a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::StatementStatus;

use super::*;
use crate::job::Closure;
use crate::params;

/// A statement on one table alone is planned without a look at what is bound.
const LOOK: &str = "SELECT b.note FROM things AS a JOIN notes AS b ON b.place = a.place \
     WHERE a.id = $1 AND a.place = $2";

fn session(folder: &tempfile::TempDir) -> SqliteSession {
    let path = folder.path().join("bank.db");
    let session = SqliteSession::open(&path, 1, Access::ReadWrite).expect("opens");
    session
        .batch(
            "CREATE TABLE things (place INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE) STRICT; \
             CREATE TABLE notes (place INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT",
        )
        .expect("a table");
    session
}

/// Without one plan for whatever is bound SQLite prepares it anew whenever the place comes to or from 0 or 1.
#[test]
fn no_statement_is_prepared_anew_for_what_is_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let session = session(&folder);
    for place in 0..4_u8 {
        let (at, id) = (i64::from(place), [place]);
        session
            .execute("INSERT INTO things (place, id) VALUES ($1, $2)", params![at, &id[..]])
            .expect("a thing");
        session
            .execute("INSERT INTO notes (place, note) VALUES ($1, 'n')", params![at])
            .expect("a note");
    }
    for place in [1_u8, 2, 0, 3, 1, 0, 2] {
        let found = session.query(LOOK, params![&[place][..], i64::from(place)], 1);
        assert_eq!(found.expect("looks").len(), 1, "{place}");
    }
    let statement = session.prepare(LOOK).expect("is prepared");
    assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    assert_eq!(statement.get_status(StatementStatus::Run), 7);
}

#[test]
fn a_batch_shares_its_commit_with_others_but_not_with_a_batch() {
    static COMMITS: AtomicU32 = AtomicU32::new(0);
    fn counted(session: &SqliteSession) -> Result<(), DbError> {
        COMMITS.fetch_add(1, Ordering::Relaxed);
        commit(session)
    }
    let folder = tempfile::tempdir().expect("a folder");
    let session = session(&folder);
    let (queue, faults) = (Queue::new(), Faults::default());
    let order = Arc::new(AtomicU32::new(0));
    let mut answers = Vec::new();
    for (number, is_batch) in [false, true, false, true, true].into_iter().enumerate() {
        let order = Arc::clone(&order);
        let call = move |_: &mut Tx<'_>| {
            let commits = COMMITS.load(Ordering::Relaxed);
            Ok::<_, DbError>((number, order.fetch_add(1, Ordering::Relaxed), commits))
        };
        let (job, answer) =
            if is_batch { Closure::batch("b", call) } else { Closure::bounded("w", call) };
        assert!(queue.push(job).is_ok(), "there is room");
        answers.push(answer);
    }
    while let Some(first) = queue.try_pop() {
        run_group(&session, &queue, &faults, (first, counted));
    }
    let told: Vec<_> =
        answers.iter_mut().map(|answer| answer.try_recv().expect("one").expect("right")).collect();
    // Number, turn, and how many commits there were before it.
    assert_eq!(told, [(0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 3, 1), (4, 4, 2)]);
    assert_eq!(COMMITS.load(Ordering::Relaxed), 3);
}
