//! What opens an encrypted file, and what does not. Most of it in a build with the feature `sqlcipher`.

#[cfg(feature = "sqlcipher")]
use money::Timestamp;

use super::*;
#[cfg(feature = "sqlcipher")]
use crate::migrate;
use crate::sqlite::{Access, SqliteSession};
#[cfg(feature = "sqlcipher")]
use crate::{Location, Options};

fn key(first: u8, salt: u8) -> FileKey {
    let bytes: Vec<u8> = (0..32).map(|n| n ^ first).collect();
    FileKey::new(SecretBytes::new(bytes), [salt; FileKey::SALT_BYTES]).unwrap()
}

#[cfg(feature = "sqlcipher")]
fn options(path: &Path, key: Option<FileKey>) -> Options {
    Options { file_key: key, ..Options::new(Location::Sqlite { path: path.to_owned() }) }
}

fn refusal(path: &Path, key: Option<&FileKey>) -> String {
    match SqliteSession::open((path, key), 1, Access::ReadWrite) {
        Err(DbError::Refused(text)) => text,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[test]
fn a_key_has_one_length() {
    assert!(FileKey::new(SecretBytes::new(vec![1; 31]), [0; 16]).is_none());
    assert!(FileKey::new(SecretBytes::new(vec![1; 33]), [0; 16]).is_none());
}

#[test]
fn the_statement_is_never_longer_than_was_reserved() {
    let statement = key(0, 0xab).statement();
    assert_eq!(statement.expose().len(), 16 + 96 + 2);
    assert!(statement.expose().starts_with("PRAGMA key = \"x'000102"), "raw, not a passphrase");
    assert!(statement.expose().ends_with("abab'\""));
}

#[cfg(not(feature = "sqlcipher"))]
#[test]
fn a_build_without_the_feature_opens_nothing_with_a_key_and_says_so_of_an_encrypted_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    let said = refusal(&path, Some(&key(1, 1)));
    assert!(said.contains("feature `sqlcipher`"), "{said}");
    assert!(!path.exists(), "nothing was written");
    // What an encrypted file looks like from outside.
    std::fs::write(&path, [0x5a; 8_192]).unwrap();
    let said = refusal(&path, None);
    assert!(said.contains("this build cannot open"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), [0x5a; 8_192]);
}

#[cfg(feature = "sqlcipher")]
#[test]
fn a_file_opens_with_its_own_key_alone_and_nothing_is_written_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    let own = key(1, 7);
    migrate(&options(&path, Some(own.clone())), Timestamp::EPOCH).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_eq!(before[..16], [7; 16], "it begins with its salt");
    let said = refusal(&path, Some(&key(2, 7)));
    assert!(said.contains("does not open it"), "{said}");
    let said = refusal(&path, Some(&key(1, 8)));
    assert!(said.contains("another database"), "{said}");
    let said = refusal(&path, None);
    assert!(said.contains("database_encrypted"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(migrate(&options(&path, Some(own)), Timestamp::EPOCH).unwrap().len(), 0);
    // A plain one, with a key.
    let plain = folder.path().join("plain.db");
    migrate(&options(&plain, None), Timestamp::EPOCH).unwrap();
    let said = refusal(&plain, Some(&key(1, 7)));
    assert!(said.contains("plain database"), "{said}");
}

#[cfg(feature = "sqlcipher")]
#[test]
fn the_format_is_the_one_that_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    migrate(&options(&path, Some(key(1, 7))), Timestamp::EPOCH).unwrap();
    let session = SqliteSession::open((&*path, Some(&key(1, 7))), 1, Access::ReadWrite).unwrap();
    session.check_durable().unwrap();
    for (pragma, wanted) in [
        ("cipher_page_size", "4096"),
        ("cipher_use_hmac", "1"),
        ("cipher_hmac_algorithm", "HMAC_SHA512"),
        ("cipher_plaintext_header_size", "0"),
        ("cipher_provider", "openssl"),
        ("cipher_log_level", "NONE"),
        ("temp_store", "2"),
    ] {
        let found: String = session
            .connection
            .pragma_query_value(None, pragma, |row| {
                Ok(match row.get_ref(0)? {
                    rusqlite::types::ValueRef::Integer(n) => n.to_string(),
                    other => other.as_str().unwrap_or_default().to_owned(),
                })
            })
            .unwrap();
        assert_eq!(found, wanted, "{pragma}");
    }
}

#[cfg(feature = "sqlcipher")]
#[test]
fn a_page_that_was_changed_is_found() {
    use crate::backup::read_file;
    const PAGE: usize = 4_096;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    migrate(&options(&path, Some(key(1, 7))), Timestamp::EPOCH).unwrap();
    let look = || {
        let own = key(1, 7);
        read_file((&*path, Some(&own)), "test", |tx| tx.structure_fault())
    };
    assert_eq!(look(), Ok(None));
    let (mut when_opened, mut when_checked) = (0, 0);
    let whole = std::fs::read(&path).unwrap();
    for page in 0..whole.len() / PAGE {
        let mut bytes = whole.clone();
        bytes[page * PAGE + PAGE / 2] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        // A page that the opening needs is refused by it; any other one by the check of all of them.
        match look() {
            Err(DbError::Refused(why)) if why.contains("damaged") => when_opened += 1,
            Ok(Some(fault)) if fault.contains("HMAC") => when_checked += 1,
            other => panic!("page {page}: {other:?}"),
        }
    }
    assert!(when_opened > 0 && when_checked > when_opened, "{when_opened}, {when_checked}");
}
