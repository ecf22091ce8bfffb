//! Copies are whole, refusals change nothing, and the list of tables is the schema.
//!
//! PostgreSQL is tried where `EXCHEQUER_TEST_POSTGRES` names a server that may create databases.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::tables::TABLES;
use super::*;
use crate::Row;
use crate::scratch::ScratchDatabase;

const NOW: Timestamp = Timestamp::EPOCH;

/// More rows than a page in tables with a single key, a composite key and small pages.
const FILL: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
    INSERT INTO origins SELECT CAST(printf('%016d', i) AS BLOB), 'system', NULL, NULL, '', 'é', i
    FROM n;
    INSERT INTO outflows SELECT CAST(printf('%016d', first_seen_at / 1000) AS BLOB),
        first_seen_at / 10, id, first_seen_at FROM origins;
    INSERT INTO idempotency SELECT 0, id, id, NULL, 201, -5, zeroblob(300) FROM origins LIMIT 200;
    INSERT INTO events SELECT id, 1, id, id, 'a.b', '', 'done', NULL, '{}', id
        FROM origins LIMIT 3;
    INSERT INTO account_days VALUES (zeroblob(16), -1, 5, NULL), (zeroblob(16), 2, -5, zeroblob(16));
    INSERT INTO data_keys (purpose, version, state, created_at, wrapped)
        VALUES ('a', 1, 'active', 0, x'00ff'), ('a', 2, 'active', 0, x''),
        ('b', 1, 'retired', 0, x'01');
    INSERT INTO accounts VALUES (7, zeroblob(16), NULL, '1', '', 'INR', 0, 9223372036854775807);
    INSERT INTO balances VALUES (7, 3, 0, 0, 0, NULL, NULL, 0, 0, 0, 0, 0, NULL, 0);";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn options(&self, name: &str) -> Options {
        Options::new(Location::Sqlite { path: self.path(name) })
    }

    fn filled(&self, name: &str) -> Options {
        let options = self.options(name);
        migrate(&options, NOW).unwrap();
        self.session(name).batch(FILL).unwrap();
        options
    }

    fn session(&self, name: &str) -> SqliteSession {
        SqliteSession::open(&self.path(name), 1, Access::ReadWrite).unwrap()
    }

    /// Without the logs of banks: who reads last leaves them.
    fn files(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let wanted = |name: &String| !name.contains(".db-");
        let mut names: Vec<String> =
            fs::read_dir(self.0.path()).unwrap().map(name).filter(wanted).collect();
        names.sort();
        names
    }
}

fn rows(path: &Path) -> Vec<(&'static str, Vec<Row>)> {
    read_file(path, "test", |tx| {
        TABLES
            .iter()
            .map(|table| Ok((table.name, tx.query(table.first, crate::params![100_000])?)))
            .collect::<Result<_, DbError>>()
    })
    .unwrap()
}

#[test]
fn a_backup_is_the_snapshot_and_comes_back_whole() {
    let folder = Folder::new();
    let bank = folder.filled("bank.db");
    let before = rows(&folder.path("bank.db"));
    // Somebody else is in the middle of writing, as a serving bank is.
    let writer = folder.session("bank.db");
    writer.batch("BEGIN IMMEDIATE; DELETE FROM data_keys").unwrap();

    let counts = backup(&bank, &folder.path("copy"), NOW).unwrap();
    let migrations = i64::try_from(crate::migrate::count()).unwrap();
    assert_eq!(counts.total(), migrations + 4500 * 2 + 200 + 3 + 3 + 2 + 2);
    assert_eq!(rows(&folder.path("copy")), before);
    let mode = fs::metadata(folder.path("copy")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    writer.batch("COMMIT").unwrap();
    drop(writer);
    let restored = restore(&folder.options("new.db"), &folder.path("copy"), NOW).unwrap();
    assert_eq!(restored, counts);
    assert_eq!(rows(&folder.path("new.db")), before);
    assert_eq!(folder.files(), ["bank.db", "copy", "new.db"]);
}

#[test]
fn an_existing_file_and_a_missing_bank_are_refused() {
    let folder = Folder::new();
    fs::write(folder.path("copy"), "mine").unwrap();
    let absent = backup(&folder.options("absent.db"), &folder.path("x"), NOW);
    assert!(matches!(absent, Err(BackupError::NoBank { .. })), "{absent:?}");
    let bank = folder.filled("bank.db");
    let exists = backup(&bank, &folder.path("copy"), NOW);
    assert!(matches!(exists, Err(BackupError::Exists { .. })), "{exists:?}");
    fs::write(folder.path("next.partial"), "mine").unwrap();
    let exists = backup(&bank, &folder.path("next"), NOW);
    assert!(matches!(exists, Err(BackupError::Exists { .. })), "{exists:?}");
    assert_eq!(fs::read(folder.path("copy")).unwrap(), b"mine");
    assert_eq!(folder.files(), ["bank.db", "copy", "next.partial"]);
}

#[test]
fn a_backup_that_fails_leaves_no_file() {
    let folder = Folder::new();
    let bank = folder.options("bank.db");
    folder.session("bank.db").batch("CREATE TABLE other (a)").unwrap();
    let refused = backup(&bank, &folder.path("copy"), NOW);
    assert!(matches!(refused, Err(BackupError::Db(DbError::Refused(_)))), "{refused:?}");
    assert_eq!(folder.files(), ["bank.db"]);
}

#[test]
fn a_restore_wants_a_backup_and_a_database_without_rows() {
    let folder = Folder::new();
    let bank = folder.filled("bank.db");
    backup(&bank, &folder.path("copy"), NOW).unwrap();
    fs::write(folder.path("text"), "not a database, but long enough to be taken for one").unwrap();
    for name in ["text", "absent"] {
        let refused = restore(&folder.options("new.db"), &folder.path(name), NOW);
        assert!(matches!(refused, Err(BackupError::NotABackup { .. })), "{refused:?}");
    }
    assert!(!folder.path("new.db").exists());

    let before = rows(&folder.path("bank.db"));
    let used = restore(&bank, &folder.path("copy"), NOW);
    assert!(matches!(used, Err(BackupError::NotEmpty { table: "accounts" })), "{used:?}");
    assert_eq!(rows(&folder.path("bank.db")), before);

    let migrated = folder.options("migrated.db");
    migrate(&migrated, Timestamp::from_seconds(9)).unwrap();
    restore(&migrated, &folder.path("copy"), NOW).unwrap();
    assert_eq!(rows(&folder.path("migrated.db")), before);
}

#[test]
fn a_copy_with_fewer_rows_is_found_out() {
    let folder = Folder::new();
    folder.filled("bank.db");
    let path = folder.path("bank.db");
    let counts = read_file(&path, "test", count_all).unwrap();
    folder.session("bank.db").batch("DELETE FROM data_keys WHERE purpose = 'b'").unwrap();
    let fewer = read_file(&path, "test", count_all).unwrap();
    let differs = compare(&counts, &fewer);
    assert!(
        matches!(differs, Err(BackupError::Differs { table: "data_keys", wanted: 3, found: 2 })),
        "{differs:?}"
    );
}

#[test]
fn a_bank_moves_to_postgres_and_back() {
    let Some(server) = ScratchDatabase::create() else { return };
    let folder = Folder::new();
    let bank = folder.filled("bank.db");
    let mut there = Options::new(Location::Postgres { url: server.url().to_owned() });
    there.require_durable = false;
    backup(&bank, &folder.path("copy"), NOW).unwrap();
    let counts = restore(&there, &folder.path("copy"), NOW).unwrap();
    let used = restore(&there, &folder.path("copy"), NOW);
    assert!(matches!(used, Err(BackupError::NotEmpty { table: "accounts" })), "{used:?}");
    assert_eq!(backup(&there, &folder.path("back"), Timestamp::MAX).unwrap(), counts);
    assert_eq!(rows(&folder.path("back")), rows(&folder.path("bank.db")));
    assert_eq!(folder.files(), ["back", "bank.db", "copy"]);
}

type Columns = Vec<(String, String)>;

fn listed() -> BTreeMap<String, (Columns, Vec<String>)> {
    let line = |table: &super::tables::Table| {
        let columns =
            table.columns.iter().map(|(name, kind)| ((*name).to_owned(), format!("{kind:?}")));
        let key = table.key.iter().map(|name| (*name).to_owned()).collect();
        (table.name.to_owned(), (columns.collect(), key))
    };
    TABLES.iter().map(line).collect()
}

#[test]
fn the_list_of_tables_is_the_schema_of_sqlite() {
    let folder = Folder::new();
    migrate(&folder.options("bank.db"), NOW).unwrap();
    let connection = folder.session("bank.db").connection;
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut found = BTreeMap::new();
    for table in texts("SELECT name FROM sqlite_master WHERE type = 'table'") {
        let names = texts(&format!("SELECT name FROM pragma_table_info('{table}')"));
        let kinds = texts(&format!(
            "SELECT CASE type WHEN 'INTEGER' THEN 'Int' WHEN 'TEXT' THEN 'Text' WHEN 'BLOB' THEN \
             'Blob' ELSE type END FROM pragma_table_info('{table}')"
        ));
        let key = texts(&format!(
            "SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk"
        ));
        found.insert(table, (names.into_iter().zip(kinds).collect(), key));
    }
    assert_eq!(listed(), found);
}

#[test]
fn the_list_of_tables_is_the_schema_of_postgres() {
    let Some(server) = ScratchDatabase::create() else { return };
    let mut options = Options::new(Location::Postgres { url: server.url().to_owned() });
    options.require_durable = false;
    migrate(&options, NOW).unwrap();
    let mut session = server.session();
    let rows = session
        .query(
            "SELECT table_name, column_name, CASE data_type WHEN 'bigint' THEN 'Int' WHEN 'text' \
             THEN 'Text' WHEN 'bytea' THEN 'Blob' ELSE data_type END \
             FROM information_schema.columns WHERE table_schema = 'public' \
             ORDER BY table_name, ordinal_position",
            &[],
        )
        .unwrap();
    let mut found: BTreeMap<String, (Columns, Vec<String>)> = BTreeMap::new();
    for row in rows {
        let text = |place| row.text(place).unwrap().to_owned();
        found.entry(text(0)).or_default().0.push((text(1), text(2)));
    }
    let keys = session
        .query(
            "SELECT k.table_name, k.column_name FROM information_schema.key_column_usage AS k \
             JOIN information_schema.table_constraints AS c \
             ON c.constraint_name = k.constraint_name AND c.constraint_type = 'PRIMARY KEY' \
             WHERE k.table_schema = 'public' ORDER BY k.table_name, k.ordinal_position",
            &[],
        )
        .unwrap();
    for row in keys {
        let table = found.get_mut(row.text(0).unwrap()).unwrap();
        table.1.push(row.text(1).unwrap().to_owned());
    }
    assert_eq!(listed(), found);
}

/// Plain or encrypted, each side by itself.
#[cfg(feature = "sqlcipher")]
#[test]
fn a_backup_of_an_encrypted_bank_is_encrypted_and_restores_into_either_kind() {
    use crate::FileKey;
    let folder = tempfile::tempdir().unwrap();
    let key = |salt: u8| {
        let bytes = (0..32).map(|n| n ^ salt).collect();
        FileKey::new(vault::SecretBytes::new(bytes), [salt; FileKey::SALT_BYTES])
    };
    let options = |name: &str, file_key: Option<FileKey>| {
        let location = Location::Sqlite { path: folder.path().join(name) };
        Options { file_key, ..Options::new(location) }
    };
    let bank = options("bank.db", key(1));
    migrate(&bank, NOW).unwrap();
    let session = |options: &Options| {
        let Location::Sqlite { path } = &options.location else { panic!("a file") };
        SqliteSession::open(options.file(path), 1, Access::ReadWrite).unwrap()
    };
    session(&bank)
        .batch("INSERT INTO job_places VALUES ('unmistakable', zeroblob(16), 0)")
        .unwrap();
    let file = folder.path().join("backup");
    let counts = backup(&bank, &file, NOW).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(12).any(|window| window == b"unmistakable"));
    assert_eq!(bytes[..16], [1; 16]);
    let without = restore(&options("none.db", None), &*file, NOW);
    assert!(matches!(without, Err(BackupError::NotABackup { .. })));
    let own = key(1);
    for target in [options("plain.db", None), options("other.db", key(2))] {
        assert_eq!(restore(&target, (&*file, own.as_ref()), NOW).unwrap(), counts);
        let rows = session(&target).query("SELECT job FROM job_places", &[], 10).unwrap();
        assert_eq!(rows[0].text(0).unwrap(), "unmistakable");
    }
    let plain = folder.path().join("plain");
    backup(&options("plain.db", None), &plain, NOW).unwrap();
    restore(&options("third.db", key(3)), &*plain, NOW).unwrap();
}
