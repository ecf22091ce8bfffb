//! Commit, rollback, panics, faults, groups.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use store::{Db, DbError, params};
use testkit::TestDatabase;

const PUT: &str = "INSERT INTO data_keys (purpose, version, state, created_at, wrapped) \
                   VALUES ($1, $2, 'active', 0, $3)";
const COUNT: &str = "SELECT COUNT(*) FROM data_keys";

fn open() -> (TestDatabase, Db) {
    let database = TestDatabase::new();
    let db = Db::open(database.options()).expect("opens");
    (database, db)
}

async fn put(db: &Db, name: &'static str, outcome: Result<(), DbError>) -> Result<(), DbError> {
    db.write("put", move |tx| {
        tx.execute(PUT, params![name, 1, &[0_u8; 4]])?;
        outcome.clone()
    })
    .await
}

async fn count(db: &Db) -> i64 {
    db.read("count", |tx| tx.query_one(COUNT, &[])?.int(0)).await.expect("counts")
}

#[tokio::test]
async fn ok_commits_and_err_rolls_back() {
    let (_database, db) = open();
    put(&db, "a", Ok(())).await.expect("commits");
    let refused = Err(DbError::Corrupt("a refusal".into()));
    assert_eq!(put(&db, "b", refused.clone()).await, refused);
    assert_eq!(count(&db).await, 1);
}

// ASVS 16.5.4: a panic undoes its own transaction and stops nobody else's.
#[tokio::test]
async fn a_panic_rolls_back_its_own_transaction_and_nothing_else() {
    let (_database, db) = open();
    let panicking = db.write("panics", |tx| {
        tx.execute(PUT, params!["a", 1, &[0_u8; 4]])?;
        assert_eq!(tx.statements(), 0, "on purpose");
        Ok::<_, DbError>(())
    });
    let (panicked, fine) = tokio::join!(panicking, put(&db, "b", Ok(())));
    assert!(matches!(panicked, Err(DbError::Panicked(text)) if text.contains("on purpose")));
    fine.expect("a neighbour is not disturbed");
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn many_at_once_all_commit_or_fail_alone() {
    let (_database, db) = open();
    let tasks: Vec<_> = (0..200_i64)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                db.write("put", move |tx| {
                    tx.execute(PUT, params!["many", n, &[0_u8; 4]])?;
                    if n % 10 == 3 { Err(DbError::Corrupt(n.to_string())) } else { Ok(n) }
                })
                .await
            })
        })
        .collect();
    for (n, task) in (0..).zip(tasks) {
        let answer = task.await.expect("a task");
        let wanted = if n % 10 == 3 { Err(DbError::Corrupt(n.to_string())) } else { Ok(n) };
        assert_eq!(answer, wanted);
    }
    assert_eq!(count(&db).await, 180);
}

#[tokio::test]
async fn what_was_acknowledged_is_read_at_once() {
    let (_database, db) = open();
    for n in 0..50 {
        db.write("put", move |tx| tx.execute(PUT, params!["own", n, &[0_u8; 4]]))
            .await
            .expect("commits");
        assert_eq!(count(&db).await, n + 1);
    }
}

#[tokio::test]
async fn an_armed_fault_fires_once_at_its_statement() {
    let (_database, db) = open();
    let verb = || {
        db.write("twice", |tx| {
            tx.execute(PUT, params!["x", 1, &[0_u8; 4]])?;
            tx.execute(PUT, params!["x", 2, &[0_u8; 4]])
        })
    };
    for statement in [1, 2] {
        db.faults().fail_at("twice", statement);
        assert!(matches!(verb().await, Err(DbError::Unavailable(_))));
        assert_eq!(count(&db).await, 0, "half done after statement {statement}");
    }
    verb().await.expect("a retry works");
    assert_eq!(count(&db).await, 2);
    db.faults().fail_at("twice", 3);
    assert!(db.faults().disarm(), "it has no third statement");
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    let (_database, db) = open();
    let text = "₹ — नमस्ते \u{1F3E6} '\"; DROP TABLE accounts; --";
    let blob: Vec<u8> = (0..=255).collect();
    let back = db
        .write("values", move |tx| {
            tx.execute(PUT, params![text, i64::MIN, &blob])?;
            let row = tx.query_one("SELECT purpose, version, wrapped FROM data_keys", &[])?;
            Ok::<_, DbError>((row.text(0)?.to_owned(), row.int(1)?, row.blob(2)?.to_vec()))
        })
        .await
        .expect("values");
    assert_eq!(back, (text.to_owned(), i64::MIN, (0..=255).collect()));
}

#[tokio::test]
async fn a_read_cannot_write() {
    let (_database, db) = open();
    let refused = db.read("put", |tx| tx.execute(PUT, params!["r", 1, &[0_u8; 4]])).await;
    assert!(refused.is_err());
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn a_constraint_is_told_as_one() {
    let (_database, db) = open();
    put(&db, "a", Ok(())).await.expect("commits");
    assert!(matches!(put(&db, "a", Ok(())).await, Err(DbError::Constraint(_))));
}

// ASVS 15.4.2: between a check and the write that it allows nobody else writes.
#[tokio::test]
async fn rows_that_are_locked_serialise_check_and_write() {
    let (_database, db) = open();
    put(&db, "stock", Ok(())).await.expect("commits");
    let wins = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (db, wins) = (db.clone(), Arc::clone(&wins));
            tokio::spawn(async move {
                let won = db
                    .write("take", |tx| {
                        let rows = tx.query_locked(
                            "SELECT state FROM data_keys WHERE purpose = $1 ORDER BY purpose",
                            params!["stock"],
                        )?;
                        if rows[0].text(0)? != "active" {
                            return Ok::<_, DbError>(false);
                        }
                        tx.execute("UPDATE data_keys SET state = 'retired'", &[])?;
                        Ok(true)
                    })
                    .await
                    .expect("takes or not");
                wins.fetch_add(u32::from(won), Ordering::Relaxed);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task");
    }
    assert_eq!(wins.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn after_close_nothing_is_accepted() {
    let (_database, db) = open();
    let closing = db.clone();
    tokio::task::spawn_blocking(move || closing.close()).await.expect("closes");
    assert!(matches!(put(&db, "a", Ok(())).await, Err(DbError::Unavailable(_))));
}
