//! A bank that moves is whole at one place, however often it is interrupted; who else has it open is told so.
//!
//! To a server tried where `EXCHEQUER_TEST_POSTGRES` names one that may create databases.

mod files;

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::*;
use crate::backup;
use crate::scratch::ScratchDatabase;
use crate::sqlite::Access;
use crate::{Db, migrate};

const NOW: Timestamp = Timestamp::EPOCH;

/// More rows than a page, keys of one and of two columns, keys that are text, and keys of runs.
const FILL: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
    INSERT INTO origins SELECT CAST(printf('%016d', i) AS BLOB), 'system', NULL, NULL, '', 'é', i
    FROM n;
    INSERT INTO outflows SELECT CAST(printf('%016d', first_seen_at / 1000) AS BLOB),
        first_seen_at / 10, id, first_seen_at FROM origins;
    INSERT INTO idempotency SELECT 0, id, id, NULL, 201, -5, zeroblob(300) FROM origins LIMIT 200;
    INSERT INTO data_keys (purpose, version, state, created_at, wrapped)
        VALUES ('a', 1, 'active', 0, x'00ff'), ('B', 2, 'active', 0, x''),
        ('b', 1, 'retired', 0, x'01'), ('_', 1, 'retired', 0, x'01');
    INSERT INTO accounts VALUES (7, zeroblob(16), NULL, '1', '', 'INR', 0, 9223372036854775807);
    INSERT INTO balances VALUES (7, 3, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, 0, NULL, 0);";

struct Scene {
    folder: tempfile::TempDir,
    server: ScratchDatabase,
}

/// Ends the move when it has copied so many pages; says of both sides what `says` says.
struct Stops {
    after: usize,
    pages: Arc<Mutex<usize>>,
    says: fn(usize) -> &'static str,
    asked: usize,
    /// Whether what arrived can be noted.
    can_note: bool,
}

impl Watcher for Stops {
    fn copied(&mut self, _: &'static str, _: (i64, i64)) -> Result<(), MoveError> {
        let mut pages = self.pages.lock().unwrap();
        *pages += 1;
        if *pages >= self.after {
            return Err(MoveError::Wrong("pulled the plug".to_owned()));
        }
        Ok(())
    }

    fn verify(&mut self, tx: &mut Tx<'_>) -> Result<String, MoveError> {
        assert_eq!(tx.query_one("SELECT COUNT(*) FROM origins", &[])?.int(0)?, 4_500);
        self.asked += 1;
        Ok((self.says)(self.asked).to_owned())
    }

    fn arrived(&mut self, tx: &mut Tx<'_>, moved: &Moved) -> Result<(), MoveError> {
        assert!(moved.contains(&("origins", 4_500)), "{moved:?}");
        let mark = "SELECT COUNT(*) FROM schema_migrations WHERE name = 'moving'";
        assert_eq!(tx.query_one(mark, &[])?.int(0)?, 1, "it is still closed");
        if self.can_note { Ok(()) } else { Err(MoveError::Wrong("no ink".to_owned())) }
    }
}

impl Scene {
    fn new() -> Option<Self> {
        let scene =
            Self { folder: tempfile::tempdir().unwrap(), server: ScratchDatabase::create()? };
        migrate::migrate(&scene.from(), NOW).unwrap();
        SqliteSession::open(&scene.path(), 1, Access::ReadWrite).unwrap().batch(FILL).unwrap();
        Some(scene)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("bank.db")
    }

    fn from(&self) -> Options {
        Options::new(Location::Sqlite { path: self.path() })
    }

    fn to(&self) -> Options {
        let mut options = Options::new(Location::Postgres { url: self.server.url().to_owned() });
        options.require_durable = false;
        options
    }

    /// Moves until so many pages are copied; gives how many were.
    fn go(
        &self,
        after: usize,
        says: fn(usize) -> &'static str,
    ) -> (Result<Moved, MoveError>, usize) {
        let pages = Arc::new(Mutex::new(0));
        let watcher = Stops { after, pages: Arc::clone(&pages), says, asked: 0, can_note: true };
        let chance = (NOW, &Rng::System);
        let moved = run((&self.from(), &self.to()), chance, Box::new(watcher));
        let pages = *pages.lock().unwrap();
        (moved, pages)
    }
}

fn refused(options: &Options, word: &str) {
    match Db::open(options) {
        Err(DbError::Refused(text)) if text.contains(word) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a bank that is not whole was opened"),
    }
}

fn same(_: usize) -> &'static str {
    "right"
}

fn rows(path: &Path) -> Vec<Vec<Row>> {
    rows_in(path)
}

fn rows_in<'a>(file: impl Into<DatabaseFile<'a>>) -> Vec<Vec<Row>> {
    backup::read_file(file, "test", |tx| {
        let tables = TABLES.iter().filter(|table| ![HISTORY, RUNS].contains(&table.name));
        tables.map(|table| tx.query(table.first, params![100_000])).collect()
    })
    .unwrap_or_else(|error: DbError| panic!("{error}"))
}

#[test]
fn a_bank_moves_in_one_go_and_is_served_there_alone() {
    let Some(scene) = Scene::new() else { return };
    let before = rows(&scene.path());
    let (moved, pages) = scene.go(usize::MAX, same);
    let moved = moved.unwrap();
    assert!(pages > 6, "{pages}");
    assert!(moved.contains(&("origins", 4_500)) && moved.contains(&("data_keys", 4)), "{moved:?}");
    refused(&scene.from(), "was moved");
    Db::open(&scene.to()).unwrap().close();
    assert!(matches!(scene.go(usize::MAX, same).0, Err(MoveError::MovedAlready)));
    assert!(matches!(give_up(&scene.from()), Err(MoveError::MovedAlready)));
    // And the way back.
    let back = scene.folder.path().join("back");
    backup::backup(&scene.to(), &back, NOW).unwrap();
    assert_eq!(rows(&back), before);
}

#[test]
fn an_interrupted_move_goes_on_where_it_was() {
    let Some(scene) = Scene::new() else { return };
    let mut whole = 0;
    for after in [1, 1, 2, 3] {
        let (stopped, pages) = scene.go(after, same);
        assert!(matches!(stopped, Err(MoveError::Wrong(_))), "{stopped:?}");
        refused(&scene.from(), "being moved");
        refused(&scene.to(), "being moved");
        whole += pages;
    }
    let (moved, pages) = scene.go(usize::MAX, same);
    moved.unwrap();
    // Nothing was copied twice: together as many pages as in one go.
    let Some(other) = Scene::new() else { return };
    let (once, in_one_go) = other.go(usize::MAX, same);
    once.unwrap();
    assert_eq!(whole + pages, in_one_go);
    Db::open(&scene.to()).unwrap().close();
}

#[test]
fn what_differs_is_not_switched_to() {
    let Some(scene) = Scene::new() else { return };
    let says = |asked| if asked == 1 { "right" } else { "wrong" };
    let (moved, _) = scene.go(usize::MAX, says);
    assert!(matches!(moved, Err(MoveError::Wrong(_))), "{moved:?}");
    scene.server.session().batch("UPDATE balances SET version = 4").unwrap();
    let (moved, _) = scene.go(usize::MAX, same);
    assert!(matches!(moved, Err(MoveError::Differs { table: "balances" })), "{moved:?}");
    refused(&scene.from(), "being moved");
    refused(&scene.to(), "being moved");
    // Given up, the file is served as before; the server never is.
    give_up(&scene.from()).unwrap();
    Db::open(&scene.from()).unwrap().close();
    refused(&scene.to(), "being moved");
    let (moved, _) = scene.go(usize::MAX, same);
    assert!(matches!(moved, Err(MoveError::OtherMove)), "{moved:?}");
}

#[test]
fn what_cannot_be_noted_is_not_switched_to_and_can_be_given_up() {
    let Some(scene) = Scene::new() else { return };
    let watcher =
        Stops { after: usize::MAX, pages: Arc::default(), says: same, asked: 0, can_note: false };
    let moved = run((&scene.from(), &scene.to()), (NOW, &Rng::System), Box::new(watcher));
    assert!(matches!(moved, Err(MoveError::Wrong(_))), "{moved:?}");
    refused(&scene.from(), "being moved");
    refused(&scene.to(), "being moved");
    give_up(&scene.from()).unwrap();
    Db::open(&scene.from()).unwrap().close();
}

#[test]
fn a_move_that_ended_between_the_two_marks_is_finished() {
    let Some(scene) = Scene::new() else { return };
    let (stopped, _) = scene.go(2, same);
    assert!(stopped.is_err());
    let (moved, _) = scene.go(usize::MAX, same);
    moved.unwrap();
    let token = backup::read_file(&scene.path(), "test", |tx| {
        Ok::<_, DbError>(tx.query_one(READ_MARK, params![MARK])?.text(1)?.to_owned())
    })
    .unwrap();
    let undone = format!("INSERT INTO schema_migrations VALUES ({MARK}, 'moving', '{token}', 0)");
    scene.server.session().batch(&undone).unwrap();
    refused(&scene.to(), "being moved");
    scene.go(usize::MAX, same).0.unwrap();
    Db::open(&scene.to()).unwrap().close();
}

#[test]
fn a_bank_that_is_open_or_not_there_or_a_server_in_use_are_refused() {
    let Some(scene) = Scene::new() else { return };
    let serving = Db::open(&scene.from()).unwrap();
    assert!(matches!(scene.go(usize::MAX, same).0, Err(MoveError::Open)));
    serving.close();
    drop(serving);
    migrate::migrate(&scene.to(), NOW).unwrap();
    scene
        .server
        .session()
        .batch("INSERT INTO job_places VALUES ('a', '0123456789abcdef', 0)")
        .unwrap();
    let (moved, _) = scene.go(usize::MAX, same);
    assert!(matches!(moved, Err(MoveError::NotEmpty { table: "job_places" })), "{moved:?}");
    let absent = Options::new(Location::Sqlite { path: scene.folder.path().join("absent") });
    assert!(matches!(give_up(&absent), Err(MoveError::NoBank { .. })));
    let watcher = Stops { after: 1, pages: Arc::default(), says: same, asked: 0, can_note: true };
    let wrong = run((&scene.to(), &scene.from()), (NOW, &Rng::seeded(1)), Box::new(watcher));
    assert!(matches!(wrong, Err(MoveError::Direction)));
}
