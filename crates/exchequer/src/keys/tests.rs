//! Keys of a bank on SQLite: made once, rotated one purpose at a time, destroyed when nothing needs them.

use std::collections::BTreeSet;
use std::path::Path;

use ::store::{Location, Options};
use vault::{KeyState, Keyring, MasterKey, Place};

use super::*;

struct Keys {
    db: Db,
    act: KeyAct,
    _folder: tempfile::TempDir,
}

const ACCESS_SECONDS: u64 = 300;

impl Keys {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite { path: folder.path().join("bank.db") };
        let options = Options { require_durable: false, ..Options::new(location) };
        ::store::migrate(&options, Timestamp::EPOCH).unwrap();
        let rng = Rng::seeded(5);
        let act = KeyAct {
            master: master(&rng),
            rng,
            now: Timestamp::from_seconds(1_790_000_000),
            origin: Origin::system("test"),
        };
        Self { db: Db::open(&options).unwrap(), act, _folder: folder }
    }

    async fn create(&self) -> bool {
        create_first(&self.db, &self.act).await.unwrap()
    }

    async fn rotate(&self, purpose: Purpose) -> Result<u32, RotationRefusal> {
        rotate(&self.db, &self.act, purpose).await.unwrap()
    }

    async fn destroy(&self, purpose: Purpose, version: u32) -> Result<(), DestroyRefusal> {
        let terms = DestroyTerms { access_seconds: ACCESS_SECONDS, needs_approval: false };
        destroy(&self.db, &self.act, (purpose, version), terms).await.unwrap()
    }

    async fn rows(&self) -> Vec<WrappedKey> {
        self.db.read("test", list).await.unwrap()
    }

    async fn ring(&self) -> Keyring {
        self.act.master.keyring(&self.rows().await, self.act.now).await.unwrap()
    }

    async fn verify(&self) {
        let report = crate::verify::run(&self.db).await.unwrap();
        assert!(report.finding().is_none(), "{report}");
    }
}

fn master(rng: &Rng) -> Arc<Master> {
    Arc::new(Master::File(MasterKey::generate(rng).unwrap()))
}

fn versions(rows: &[WrappedKey], purpose: Purpose) -> Vec<(u32, KeyState)> {
    let of_purpose = rows.iter().filter(|row| row.purpose == purpose);
    of_purpose.map(|row| (row.version, row.state)).collect()
}

#[tokio::test]
async fn the_first_keys_are_made_once() {
    let keys = Keys::new();
    assert!(keys.create().await);
    let rows = keys.rows().await;
    assert!(!keys.create().await);
    assert_eq!(keys.rows().await, rows);
    for purpose in Purpose::ALL {
        assert_eq!(versions(&rows, purpose), [(1, KeyState::Active)]);
    }
    keys.verify().await;
}

// PCI DSS 3.7.4: a key at the end of its time is replaced while the bank serves.
#[tokio::test]
async fn a_rotated_key_takes_over_and_the_old_one_still_opens() {
    let mut keys = Keys::new();
    keys.create().await;
    let before = keys.ring().await;
    let place = Place { table: "customers", column: "email_sealed", row: &[1; 16] };
    let sealed = before.seal(&keys.act.rng, &place, b"a@example.test").unwrap();
    let kid = before.signing_keys().current().kid().to_owned();

    assert_eq!(keys.rotate(Purpose::PersonalData).await, Ok(2));
    assert_eq!(keys.rotate(Purpose::TokenSigning).await, Ok(2));
    assert_eq!(keys.rotate(Purpose::TokenSigning).await, Ok(3));
    assert_eq!(keys.rotate(Purpose::EventFields).await, Ok(2));
    let (retired, active) = (KeyState::Retired, KeyState::Active);
    let rows = keys.rows().await;
    assert_eq!(versions(&rows, Purpose::PersonalData), [(1, retired), (2, active)]);
    assert_eq!(versions(&rows, Purpose::TokenSigning), [(1, retired), (2, retired), (3, active)]);

    // Until every node knows it, the one before goes on.
    assert_eq!(keys.ring().await.signing_keys().current().kid(), kid);
    keys.act.now = keys.act.now.plus_seconds(USED_AFTER_SECONDS);
    let after = keys.ring().await;
    assert_eq!(after.open_sealed(&place, &sealed).unwrap().expose(), b"a@example.test");
    assert_ne!(after.signing_keys().current().kid(), kid);
    assert!(after.signing_keys().by_kid(&kid).is_some());
    assert_eq!(
        after.blind_index("customers.email", b"a"),
        before.blind_index("customers.email", b"a")
    );
    keys.verify().await;
}

#[tokio::test]
async fn a_purpose_without_a_key_is_not_rotated() {
    let keys = Keys::new();
    let refused = keys.rotate(Purpose::TokenSigning).await;
    assert_eq!(refused, Err(RotationRefusal::NoKey(Purpose::TokenSigning)));
}

// What was hashed with it is compared for as long as answers are kept, and lookups try each version.
#[tokio::test]
async fn versions_of_the_index_key_are_few_and_outlive_answers() {
    let mut keys = Keys::new();
    keys.create().await;
    let purpose = Purpose::BlindIndex;
    for version in 2..=4 {
        assert_eq!(keys.rotate(purpose).await, Ok(version));
    }
    assert_eq!(keys.rotate(purpose).await, Err(RotationRefusal::TooManyVersions));
    let until = keys.act.now.plus_seconds(SETTLED_SECONDS + ANSWERS_KEPT);
    assert_eq!(keys.destroy(purpose, 1).await, Err(DestroyRefusal::TooEarly { until }));
    keys.act.now = until;
    assert_eq!(keys.destroy(purpose, 1).await, Ok(()));
    assert_eq!(keys.rotate(purpose).await, Ok(5));
    keys.verify().await;
}

#[tokio::test]
async fn of_two_who_rotate_at_once_each_makes_a_version_of_its_own_or_none() {
    let keys = Keys::new();
    keys.create().await;
    let both = tokio::join!(keys.rotate(Purpose::CardData), keys.rotate(Purpose::CardData));
    let made: BTreeSet<u32> = [both.0, both.1].into_iter().filter_map(Result::ok).collect();
    let refused = [both.0, both.1].into_iter().filter(Result::is_err).count();
    assert_eq!(made.len() + refused, 2, "{both:?}");
    let rows = keys.rows().await;
    let active = versions(&rows, Purpose::CardData).into_iter().filter(|v| v.1 == KeyState::Active);
    assert_eq!(active.map(|v| v.0).collect::<Vec<_>>(), made.into_iter().max().as_slice());
}

// PCI DSS 3.7.5: a key is retired, then destroyed, in that order and never while it is needed.
#[tokio::test]
async fn a_key_is_destroyed_only_when_nobody_needs_it() {
    let mut keys = Keys::new();
    keys.create().await;
    let purpose = Purpose::TokenSigning;
    assert_eq!(keys.destroy(purpose, 2).await, Err(DestroyRefusal::NoSuchVersion));
    assert_eq!(keys.destroy(purpose, 1).await, Err(DestroyRefusal::Active));
    assert_eq!(keys.rotate(purpose).await, Ok(2));
    assert_eq!(keys.rotate(Purpose::CardData).await, Ok(2));
    let settled = keys.act.now.plus_seconds(SETTLED_SECONDS);
    let until = settled.plus_seconds(300);
    assert_eq!(keys.destroy(purpose, 1).await, Err(DestroyRefusal::TooEarly { until }));
    keys.act.now = settled;
    assert_eq!(keys.destroy(Purpose::CardData, 1).await, Ok(()));
    assert_eq!(keys.destroy(purpose, 1).await, Err(DestroyRefusal::TooEarly { until }));
    keys.act.now = until;
    assert_eq!(keys.destroy(purpose, 1).await, Ok(()));
    assert_eq!(keys.destroy(purpose, 1).await, Err(DestroyRefusal::Destroyed));
    assert_eq!(keys.destroy(purpose, 2).await, Err(DestroyRefusal::Active));
    let rows = keys.rows().await;
    assert_eq!(versions(&rows, purpose), [(1, KeyState::Destroyed), (2, KeyState::Active)]);
    assert!(rows.iter().all(|row| row.wrapped.is_empty() == (row.state == KeyState::Destroyed)));
    assert_eq!(keys.ring().await.signing_keys().iter().count(), 1);
    // Its number is not given again.
    assert_eq!(keys.rotate(purpose).await, Ok(3));
    keys.verify().await;
}

#[tokio::test]
async fn all_keys_move_to_another_master_key_or_none_does() {
    let mut keys = Keys::new();
    keys.create().await;
    assert_eq!(keys.rotate(Purpose::CardData).await, Ok(2));
    let before = keys.ring().await;
    let place = Place { table: "customers", column: "email_sealed", row: &[1; 16] };
    let sealed = before.seal(&keys.act.rng, &place, b"a@example.test").unwrap();
    let rows = keys.rows().await;

    let old = Arc::clone(&keys.act.master);
    let stranger = master(&Rng::seeded(9));
    let to = KeyAct { master: master(&Rng::seeded(8)), ..keys.act.clone() };
    let refused = rewrap(&keys.db, &stranger, &to).await;
    assert!(matches!(refused, Err(KeysError::Master(MasterError::Key(_)))), "{refused:?}");
    assert_eq!(keys.rows().await, rows);

    assert_eq!(rewrap(&keys.db, &old, &to).await.unwrap(), rows.len());
    assert!(old.keyring(&keys.rows().await, keys.act.now).await.is_err());
    keys.act = to;
    let after = keys.ring().await;
    assert_eq!(after.open_sealed(&place, &sealed).unwrap().expose(), b"a@example.test");
    keys.verify().await;
}

/// What seals is in the list that a rotation goes through, and what is in the list is in the schema.
// PCI DSS 3.7.4: a rotation reaches every column that is sealed.
#[test]
fn the_list_of_sealed_columns_is_that_of_the_schema_and_of_the_code() {
    let listed: BTreeSet<(String, String)> = store::COLUMNS
        .iter()
        .map(|column| (column.table.to_owned(), column.column.to_owned()))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named_sealed = BTreeSet::new();
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(root.join("../../migrations/sqlite")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut table = String::new();
        for line in text.lines() {
            let words: Vec<&str> =
                line.split([' ', '(', ',', ';']).filter(|w| !w.is_empty()).collect();
            match words.as_slice() {
                ["CREATE", "TABLE", name, ..] => table = (*name).to_owned(),
                ["ALTER", "TABLE", name, "ADD", "COLUMN", column, "BLOB", ..] => {
                    all.insert(((*name).to_owned(), (*column).to_owned()));
                }
                [column, "BLOB", ..] => {
                    all.insert((table.clone(), (*column).to_owned()));
                }
                _ => {}
            }
        }
    }
    named_sealed.extend(all.iter().filter(|(_, column)| column.ends_with("_sealed")).cloned());
    assert!(named_sealed.len() >= 10, "{named_sealed:?}");
    assert_eq!(
        named_sealed.difference(&listed).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new()
    );
    assert_eq!(listed.difference(&all).collect::<Vec<_>>(), Vec::<&(String, String)>::new());

    let tables: BTreeSet<&str> = listed.iter().map(|(table, _)| table.as_str()).collect();
    let mut folders = vec![root.join("src")];
    let mut places = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let mut parts = text.split("Place { table: \"");
                let _before = parts.next();
                places.extend(parts.filter_map(|part| part.split('"').next()).map(str::to_owned));
            }
        }
    }
    // One is never stored, the other ages out.
    let elsewhere = ["readiness", "idempotency"];
    assert!(places.len() > 5, "{places:?}");
    for place in places {
        assert!(tables.contains(&*place) || elsewhere.contains(&&*place), "{place} is not listed");
    }
}
