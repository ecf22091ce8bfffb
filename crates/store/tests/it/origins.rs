//! Origins are written once, asked for together, and remembered no sooner than they are committed.

use std::sync::Arc;

use money::Timestamp;
use store::rows::Origin;
use store::{Db, DbError, Kind};
use testkit::TestDatabase;

const CALLERS: u8 = 64;

fn origins() -> Vec<Arc<Origin>> {
    let of = |n: u8| {
        Origin::new("customer", Some([n; 16]), None, "192.0.2.1".to_owned(), format!("agent {n}"))
    };
    (0..CALLERS).map(of).collect()
}

/// Statements that it took to have all of them there.
async fn ensure(db: &Db, then: Option<DbError>) -> Result<u64, DbError> {
    db.write("test", move |tx| {
        tx.ensure_origins(&origins(), Timestamp::EPOCH)?;
        then.clone().map_or_else(|| Ok(tx.statements()), Err)
    })
    .await
}

async fn count(db: &Db) -> i64 {
    let count = db.read("test", |tx| tx.query_one("SELECT COUNT(*) FROM origins", &[])?.int(0));
    count.await.expect("a count")
}

#[tokio::test]
async fn callers_of_one_batch_are_asked_for_together() {
    let database = TestDatabase::new();
    let db = Db::open(database.options()).expect("opens");
    let before = count(&db).await;
    let all = u64::from(CALLERS);
    let gave_up = DbError::Refused("given up".to_owned());
    assert!(ensure(&db, Some(gave_up)).await.is_err());
    assert_eq!(count(&db).await, before, "what was rolled back is not there");
    // Nobody remembers what was rolled back: all are written now.
    assert!(ensure(&db, None).await.expect("origins") >= all);
    assert_eq!(count(&db).await, before + i64::from(CALLERS));
    // Whichever connection it is: one question for all of them, or none; SQLite has one connection that writes.
    let most = u64::from(db.kind() == Kind::Postgres);
    for _ in 0..8 {
        assert!(ensure(&db, None).await.expect("origins") <= most);
    }
    assert_eq!(count(&db).await, before + i64::from(CALLERS));
}

/// On SQLite transactions share a commit, each with a savepoint: what one rolled back the others may not take for written.
#[tokio::test]
async fn what_a_neighbour_rolled_back_is_written_by_whoever_needs_it() {
    let database = TestDatabase::new();
    let db = Db::open(database.options()).expect("opens");
    let before = count(&db).await;
    let gave_up = || Some(DbError::Refused("given up".to_owned()));
    for _ in 0..20 {
        let two = tokio::join!(ensure(&db, gave_up()), ensure(&db, gave_up()));
        assert!(two.0.is_err() && two.1.is_err());
    }
    let (refused, written) = tokio::join!(ensure(&db, gave_up()), ensure(&db, None));
    assert!(refused.is_err() && written.is_ok());
    assert_eq!(count(&db).await, before + i64::from(CALLERS));
}
