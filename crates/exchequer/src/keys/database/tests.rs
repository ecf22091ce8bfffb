//! What becomes of a key file in each state that it can be in.

use super::*;
use std::os::unix::fs::PermissionsExt;
use vault::{KeyError, MasterKey};

const NOW: Timestamp = Timestamp::EPOCH;

fn master(seed: u64) -> Master {
    Master::File(MasterKey::generate(&Rng::seeded(seed)).expect("a key"))
}

#[tokio::test]
async fn a_key_is_made_once_and_opens_under_its_master_key_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("bank.db");
    let (own, other) = (master(1), master(2));
    assert!(matches!(open(&own, &database).await, Err(KeyFileError::Missing { .. })));
    assert!(!is_there(&database));
    assert!(create(&own, &database, (NOW, &Rng::seeded(3))).await.is_ok());
    let path = path_of(&database);
    assert_eq!(path.file_name().and_then(|name| name.to_str()), Some("bank.db.key"));
    assert_eq!(path.metadata().expect("the file").permissions().mode() & 0o777, 0o600);
    let before = fs::read(&path).expect("the file");
    let again = create(&own, &database, (NOW, &Rng::seeded(4))).await;
    assert!(matches!(again, Err(KeyFileError::Exists { .. })));
    assert!(open(&own, &database).await.is_ok());
    let Err(KeyFileError::Master { source: MasterError::Key(error), .. }) =
        open(&other, &database).await
    else {
        panic!("it opened under another master key")
    };
    let (purpose, version) = (Purpose::DatabaseFile, VERSION);
    assert_eq!(error, KeyError::OtherMasterKey { purpose, version });
    assert_eq!(fs::read(&path).expect("the file"), before);
}

#[tokio::test]
async fn a_key_file_that_was_changed_does_not_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("bank.db");
    let own = master(1);
    let _key = create(&own, &database, (NOW, &Rng::seeded(3))).await;
    let path = path_of(&database);
    let text = fs::read_to_string(&path).expect("the file");
    for (spoiled, is_read) in [
        (String::new(), false),
        (text.replace("key-1", "key-2"), false),
        (text.replacen(':', "", 2), false),
        (text[..40].to_owned(), false),
        (format!("{}A\n", &text[..text.len() - 2]), true),
    ] {
        if spoiled == text {
            continue;
        }
        fs::write(&path, &spoiled).expect("written");
        match open(&own, &database).await {
            Err(KeyFileError::Malformed { .. }) => assert!(!is_read, "{spoiled:?}"),
            Err(KeyFileError::Master { .. }) => assert!(is_read, "{spoiled:?}"),
            Err(error) => panic!("{spoiled:?}: {error}"),
            Ok(_) => panic!("it opened: {spoiled:?}"),
        }
    }
}

#[tokio::test]
async fn it_is_wrapped_anew_also_after_an_interruption_and_stays_the_same_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("bank.db");
    let (old, new) = (master(1), master(2));
    let _key = create(&old, &database, (NOW, &Rng::seeded(3))).await;
    let path = path_of(&database);
    let salt = |path: &Path| KeyFile::read(path).expect("a key file").salt;
    let before = salt(&path);
    let raw = |key: DataKey| key.of_database_file().expect("a key of a file");
    let file = KeyFile::read(&path).expect("a key file");
    let first = raw(file.unwrap(&old, &path).await.expect("opens"));
    // What an attempt that was killed has left.
    fs::write(folder.path().join("bank.db.key.new"), "half").expect("written");
    for _ in 0..2 {
        rewrap((&old, &new), &database, &Rng::seeded(5)).await.expect("rewrapped");
        assert_eq!(salt(&path), before);
        assert!(matches!(open(&old, &database).await, Err(KeyFileError::Master { .. })));
        let file = KeyFile::read(&path).expect("a key file");
        assert!(raw(file.unwrap(&new, &path).await.expect("opens")) == first);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
    let third = master(7);
    let wrong = rewrap((&third, &third), &database, &Rng::seeded(6)).await;
    assert!(matches!(wrong, Err(KeyFileError::Master { .. })));
    assert!(open(&new, &database).await.is_ok());
}
