//! An encrypted bank: nothing that anybody wrote is in any of its files, and what does not fit together is refused
//! before a byte is written. In a build with the feature `sqlcipher`; `EXCHEQUER_TEST_REQUIRE=sqlcipher` demands one.

use std::fs;
use std::path::{Path, PathBuf};

use exchequer::cli::{self, Failure, Place, Witnesses};
use money::{Rng, Timestamp};
use store::FileKey;
use testkit::{TestBank, TestDatabase};
use vault::{MasterKey, SecretBytes};

use crate::banks::assert_none;
use crate::markers::{OPEN, SEALED, write};
use crate::search::Needles;

const KEY: [u8; 32] = *b"a raw key of exactly 32 bytes...";

fn is_able() -> bool {
    let demanded = std::env::var("EXCHEQUER_TEST_REQUIRE").unwrap_or_default();
    assert!(store::CAN_ENCRYPT || !demanded.contains("sqlcipher"), "this build cannot encrypt");
    store::CAN_ENCRYPT
}

// ASVS 14.2.4: what no column seals is hidden by an encrypted file: it is not in the database, its log, its index of the log,
// a temporary file or a backup.
#[tokio::test]
async fn nothing_that_was_written_is_in_any_file_of_an_encrypted_bank() {
    if !is_able() {
        return;
    }
    let key = FileKey::new(SecretBytes::new(KEY.to_vec()), [0x5a; 16]).expect("a key");
    let mut bank = TestBank::on(TestDatabase::encrypted(key), |_| {}).await;
    write(&bank).await;
    let folder = bank.database().folder().expect("a folder").to_owned();
    assert!(folder.join("bank.db-wal").metadata().expect("a log").len() > 0, "the log is there");
    let _counts =
        store::backup::backup(bank.database().options(), &folder.join("backup"), Timestamp::EPOCH)
            .expect("a backup");
    let texts = SEALED.iter().chain(&OPEN).map(|text| text.as_bytes());
    // Words of the schema, which every plain file has; and the key itself.
    let texts = texts.chain([&b"CREATE TABLE"[..], b"SQLite format 3", &KEY]);
    let all = Needles::of(&texts.collect::<Vec<_>>());
    assert_none(&all, &folder);
    bank.skip_verify(); // it is closed
    bank.bank().db().close();
    assert_none(&all, &folder);
}

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new(is_encrypted: bool) -> Self {
        let made = Self { folder: tempfile::tempdir().expect("a folder") };
        cli::init(&made.at("bank"), is_encrypted).expect("made");
        cli::migrate(&made.place()).expect("migrated");
        made
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn place(&self) -> Place {
        Place { config: Some(self.at("bank/exchequer.toml")), data: None }
    }

    /// The configuration with another database.
    fn with(&self, name: &str, is_encrypted: bool) -> Place {
        let text = fs::read_to_string(self.at("bank/exchequer.toml")).expect("the configuration");
        let url = format!("database_url = \"sqlite://{}\"\n", self.at(name).display());
        let text = text.replacen("#database_url = \"\"\n", &url, 1);
        let text = text.replacen("#encrypted = false\n", "encrypted = false\n", 1);
        let text = text
            .replacen("encrypted = false\n", &format!("encrypted = {is_encrypted}\n"), 1)
            .replacen("encrypted = true\n", &format!("encrypted = {is_encrypted}\n"), 1);
        let file = self.at("bank/other.toml");
        fs::write(&file, text).expect("written");
        Place { config: Some(file), data: None }
    }

    fn operator(&self, place: &Place) {
        let password = self.at("password");
        fs::write(&password, "eleven calm herons on a jetty\n").expect("written");
        cli::create_staff(place, ("unmistakable@bank.example", "admin"), (Some(&password), false))
            .expect("an operator");
    }

    /// Whether a word of a plain column is in a file.
    fn is_readable(&self, name: &str) -> bool {
        let bytes = fs::read(self.at(name)).expect("the file");
        bytes.windows(12).any(|window| window == b"unmistakable")
    }
}

fn said<T>(result: Result<T, Failure>) -> String {
    match result {
        Err(Failure::Said(text) | Failure::Undecided(text)) => text,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was done"),
    }
}

fn verified(place: &Place) {
    cli::verify(place, &Witnesses::default(), true).expect("the books are right");
}

#[test]
fn a_build_without_the_feature_makes_no_encrypted_bank() {
    if store::CAN_ENCRYPT {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let place = Folder::new(false);
    assert!(said(cli::init(folder.path(), true)).contains("feature `sqlcipher`"));
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
    let moved = cli::move_file(&place.place(), &place.at("new.db"), true);
    assert!(said(moved).contains("feature `sqlcipher`"));
    assert!(!place.at("new.db").exists());
    let opened = cli::verify(&place.with("bank/data/bank.db", true), &Witnesses::default(), true);
    assert!(said(opened).contains("this build cannot open"));
}

#[test]
fn an_encrypted_bank_is_made_used_backed_up_and_restored_by_the_commands() {
    if !is_able() {
        return;
    }
    let bank = Folder::new(true);
    bank.operator(&bank.place());
    verified(&bank.place());
    assert!(bank.at("bank/data/bank.db.key").is_file());
    assert!(!bank.is_readable("bank/data/bank.db"));
    cli::backup(&bank.place(), &bank.at("backup")).expect("a backup");
    assert!(!bank.is_readable("backup"));
    let again = said(cli::backup(&bank.place(), &bank.at("backup")));
    assert!(again.contains("is there already"), "{again}");
    assert!(bank.at("backup.key").is_file(), "the first one's");
    // Into an encrypted bank with a key of its own, and into a plain one.
    cli::restore(&bank.with("restored.db", true), &bank.at("backup")).expect("restored");
    assert!(!bank.is_readable("restored.db"));
    let (first, second) = (bank.at("bank/data/bank.db.key"), bank.at("restored.db.key"));
    assert_ne!(fs::read(first).expect("a key"), fs::read(second).expect("a key"));
    cli::restore(&bank.with("plain.db", false), &bank.at("backup")).expect("restored");
    assert!(bank.is_readable("plain.db"));
}

#[test]
fn what_does_not_fit_together_is_refused_and_changes_nothing() {
    if !is_able() {
        return;
    }
    let (bank, other) = (Folder::new(true), Folder::new(true));
    let database = bank.at("bank/data/bank.db");
    let key = bank.at("bank/data/bank.db.key");
    let own = fs::read(&key).expect("the key file");
    let content = fs::read(&database).expect("the database");
    let look = || said(cli::verify(&bank.place(), &Witnesses::default(), true));
    fs::remove_file(&key).expect("removed");
    let text = look();
    assert!(text.contains("bank.db.key") && text.contains("bring it back"), "{text}");
    let text = said(cli::migrate(&bank.place()));
    assert!(text.contains("bring it back"), "{text}");
    assert!(!key.exists(), "no new key for an old file");
    // The key file of another bank, which has another master key.
    fs::copy(other.at("bank/data/bank.db.key"), &key).expect("copied");
    let text = look();
    assert!(text.contains("another master key"), "{text}");
    fs::write(&key, "exchequer-database-key-1:00\n").expect("written");
    assert!(look().contains("damaged"), "{}", look());
    assert!(fs::read(&database).expect("the database") == content, "nothing was written");
    // Another key of the same master key.
    fs::remove_file(&key).expect("removed");
    cli::restore(&bank.with("second.db", true), &{
        fs::write(&key, &own).expect("written");
        cli::backup(&bank.place(), &bank.at("backup")).expect("a backup");
        bank.at("backup")
    })
    .expect("restored");
    // The backup is an event in the bank.
    let content = fs::read(&database).expect("the database");
    fs::copy(bank.at("second.db.key"), &key).expect("copied");
    let text = look();
    assert!(text.contains("another database"), "{text}");
    fs::write(&key, &own).expect("written");
    // Another master key.
    let master = bank.at("bank/master.key");
    let mine = fs::read(&master).expect("the master key");
    let theirs = MasterKey::generate(&Rng::System).expect("a key");
    fs::write(&master, theirs.to_file().expose()).expect("written");
    let text = look();
    assert!(text.contains("another master key"), "{text}");
    fs::write(&master, mine).expect("written");
    // The configuration does not say that it is encrypted.
    let text =
        said(cli::verify(&bank.with("bank/data/bank.db", false), &Witnesses::default(), true));
    assert!(text.contains("database_encrypted"), "{text}");
    assert!(fs::read(&database).expect("the database") == content, "nothing was written");
    verified(&bank.place());
}

#[test]
fn a_bank_moves_into_an_encrypted_file_gets_another_key_and_comes_back() {
    if !is_able() {
        return;
    }
    let bank = Folder::new(false);
    bank.operator(&bank.place());
    assert!(bank.is_readable("bank/data/bank.db"));
    let go = |place: &Place, name: &str, is_encrypted: bool| {
        cli::move_file(place, &bank.at(name), is_encrypted).expect("moved");
        assert!(said(cli::verify(place, &Witnesses::default(), true)).contains("was moved"));
        let next = bank.with(name, is_encrypted);
        verified(&next);
        assert_eq!(bank.is_readable(name), !is_encrypted, "{name}");
        next
    };
    let first = go(&bank.place(), "first.db", true);
    let second = go(&first, "second.db", true);
    let keys =
        ["first.db.key", "second.db.key"].map(|name| fs::read(bank.at(name)).expect("a key"));
    assert_ne!(keys[0], keys[1]);
    let _plain = go(&second, "plain.db", false);
}

#[test]
fn a_new_master_key_opens_the_file_and_the_old_one_does_not() {
    if !is_able() {
        return;
    }
    let bank = Folder::new(true);
    let new = MasterKey::generate(&Rng::System).expect("a key");
    let file = bank.at("bank/new.key");
    write_private(&file, new.to_file().expose());
    let text = fs::read_to_string(bank.at("bank/exchequer.toml")).expect("the configuration");
    let next = bank.at("bank/next.toml");
    fs::write(&next, text.replace("/master.key\"", "/new.key\"")).expect("written");
    let place = Place { config: Some(next), data: None };
    assert!(said(cli::verify(&place, &Witnesses::default(), true)).contains("another master key"));
    // Twice: the second run is the one of an interrupted command.
    cli::rewrap_keys(&place, bank.place().config).expect("rewrapped");
    verified(&place);
    assert!(said(cli::list_keys(&bank.place())).contains("another master key"));
    cli::rewrap_keys(&place, None).expect("rewrapped again");
    verified(&place);
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}
