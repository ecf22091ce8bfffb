//! Keys of a bank on SQLite: made once, rotated one purpose at a time, never lost.

use ::store::{Db, Location, Options};
use vault::{KeyState, Place};

use super::*;

struct Keys {
    db: Db,
    act: KeyAct,
    _folder: tempfile::TempDir,
}

impl Keys {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite { path: folder.path().join("bank.db") };
        let options = Options { require_durable: false, ..Options::new(location) };
        ::store::migrate(&options, Timestamp::EPOCH).unwrap();
        let rng = Rng::seeded(5);
        let act = KeyAct {
            master: Arc::new(MasterKey::generate(&rng).unwrap()),
            rng,
            now: Timestamp::from_seconds(1_790_000_000),
            origin: Origin::system("test"),
        };
        Self { db: Db::open(&options).unwrap(), act, _folder: folder }
    }

    async fn create(&self) -> bool {
        let act = self.act.clone();
        self.db.write("test", move |tx| create_first_in(tx, &act)).await.unwrap()
    }

    async fn rotate(&self, purpose: Purpose) -> Result<u32, RotationRefusal> {
        let act = self.act.clone();
        self.db.write("test", move |tx| rotate_in(tx, &act, purpose)).await.unwrap()
    }

    async fn rows(&self) -> Vec<WrappedKey> {
        self.db.read("test", list).await.unwrap()
    }

    async fn ring(&self) -> Keyring {
        Keyring::open(&self.act.master, &self.rows().await).unwrap()
    }
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
    let report = crate::verify::run(&keys.db).await.unwrap();
    assert!(report.finding().is_none(), "{report}");
}

#[tokio::test]
async fn a_rotated_key_takes_over_and_the_old_one_still_opens() {
    let keys = Keys::new();
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

    let after = keys.ring().await;
    assert_eq!(after.open_sealed(&place, &sealed).unwrap().expose(), b"a@example.test");
    assert_ne!(after.signing_keys().current().kid(), kid);
    assert!(after.signing_keys().by_kid(&kid).is_some());
    assert_eq!(
        after.blind_index("customers.email", b"a"),
        before.blind_index("customers.email", b"a")
    );
    let report = crate::verify::run(&keys.db).await.unwrap();
    assert!(report.finding().is_none(), "{report}");
}

#[tokio::test]
async fn what_lookups_stand_on_is_not_rotated() {
    let keys = Keys::new();
    assert_eq!(
        keys.rotate(Purpose::TokenSigning).await,
        Err(RotationRefusal::NoKey(Purpose::TokenSigning))
    );
    keys.create().await;
    let rows = keys.rows().await;
    let refused = keys.rotate(Purpose::BlindIndex).await;
    assert_eq!(refused, Err(RotationRefusal::IndexesWouldBeLost));
    assert_eq!(keys.rows().await, rows);
}
