//! From a file to another: plain, encrypted, and back, in one go and interrupted.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[cfg(feature = "sqlcipher")]
use crate::FileKey;

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        let first = files.at("bank.db");
        migrate::migrate(&first, NOW).unwrap();
        let path = files.folder.path().join("bank.db");
        SqliteSession::open(&path, 1, Access::ReadWrite).unwrap().batch(FILL).unwrap();
        files
    }

    fn at(&self, name: &str) -> Options {
        let location = Location::Sqlite { path: self.folder.path().join(name) };
        // So few that keys go over more than one run.
        Options { run_rows: 50, ..Options::new(location) }
    }
}

/// Moves until so many pages are copied.
fn go(from: &Options, to: &Options, after: usize) -> Result<Moved, MoveError> {
    let watcher = Stops { after, pages: Arc::default(), says: same, asked: 0, can_note: true };
    run((from, to), (NOW, &Rng::System), Box::new(watcher))
}

fn rows_of(options: &Options) -> Vec<Vec<Row>> {
    let Location::Sqlite { path } = &options.location else { panic!("a file") };
    let mut tables = rows_in(options.file(path));
    // The run of a key is each file's own.
    for (table, rows) in
        TABLES.iter().filter(|t| ![HISTORY, RUNS].contains(&t.name)).zip(&mut tables)
    {
        if table.name == KEYS {
            for Row(values) in &mut *rows {
                values.remove(0);
            }
            rows.sort_by_key(|Row(values)| format!("{values:?}"));
        }
    }
    tables
}

fn moves_whole(from: &Options, to: &Options) {
    let before = rows_of(from);
    for after in [1, 1, 2] {
        assert!(matches!(go(from, to, after), Err(MoveError::Wrong(_))));
        refused(from, "being moved");
        refused(to, "being moved");
    }
    let moved = go(from, to, usize::MAX).unwrap();
    assert!(moved.contains(&("origins", 4_500)) && moved.contains(&("idempotency", 200)));
    refused(from, "was moved");
    assert!(matches!(go(from, to, usize::MAX), Err(MoveError::MovedAlready)));
    Db::open(to).unwrap().close();
    assert_eq!(rows_of(to), before);
}

#[test]
fn a_bank_moves_into_another_file_and_is_served_there_alone() {
    let files = Files::new();
    moves_whole(&files.at("bank.db"), &files.at("new.db"));
    let made = files.folder.path().join("new.db").metadata().unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_is_open_or_its_own_target_or_somebody_elses_is_refused() {
    let files = Files::new();
    let (from, to) = (files.at("bank.db"), files.at("new.db"));
    assert!(matches!(go(&from, &from, usize::MAX), Err(MoveError::Direction)));
    let serving = Db::open(&from).unwrap();
    assert!(matches!(go(&from, &to, usize::MAX), Err(MoveError::Open)));
    serving.close();
    drop(serving);
    migrate::migrate(&to, NOW).unwrap();
    let session = |name: &str| {
        SqliteSession::open(&files.folder.path().join(name), 1, Access::ReadWrite).unwrap()
    };
    session("new.db").batch("INSERT INTO job_places VALUES ('a', zeroblob(16), 0)").unwrap();
    let moved = go(&from, &to, usize::MAX);
    assert!(matches!(moved, Err(MoveError::NotEmpty { table: "job_places" })), "{moved:?}");
    Db::open(&from).unwrap().close();
    // Into a file that another bank is on its way to.
    let (other, third) = (files.at("other.db"), files.at("third.db"));
    migrate::migrate(&other, NOW).unwrap();
    session("other.db").batch(FILL).unwrap();
    assert!(go(&other, &third, 1).is_err());
    assert!(matches!(go(&from, &third, usize::MAX), Err(MoveError::OtherMove)));
    give_up(&other).unwrap();
    Db::open(&other).unwrap().close();
}

#[cfg(feature = "sqlcipher")]
#[test]
fn a_bank_moves_into_an_encrypted_file_into_one_with_another_key_and_back() {
    let files = Files::new();
    let key = |salt: u8| {
        let bytes = (0..32).map(|n| n ^ salt).collect();
        FileKey::new(vault::SecretBytes::new(bytes), [salt; FileKey::SALT_BYTES])
    };
    let plain = files.at("bank.db");
    let sealed = Options { file_key: key(1), ..files.at("sealed.db") };
    let again = Options { file_key: key(2), ..files.at("again.db") };
    let back = files.at("back.db");
    let marked = |name: &str| {
        let bytes = std::fs::read(files.folder.path().join(name)).unwrap();
        bytes.windows(16).any(|window| window == b"0000000000004321")
    };
    assert!(marked("bank.db"), "the search can find something");
    moves_whole(&plain, &sealed);
    assert!(!marked("sealed.db"));
    refused(&Options { file_key: None, ..sealed.clone() }, "database_encrypted");
    // An encrypted source that somebody has open.
    let serving = Db::open(&sealed).unwrap();
    assert!(matches!(go(&sealed, &again, usize::MAX), Err(MoveError::Open)));
    serving.close();
    drop(serving);
    moves_whole(&sealed, &again);
    moves_whole(&again, &back);
    assert!(marked("back.db"));
}
