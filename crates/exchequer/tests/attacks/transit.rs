//! The master key in Transit: gone, sealed, refused or lying, and moved from one place to another.

use std::sync::Arc;

use exchequer::jobs::Job;
use exchequer::keys::master::{Master, MasterError};
use exchequer::keys::transit::{Transit as Client, TransitAddress, TransitError};
use exchequer::keys::{self, KeyAct, KeysError};
use money::Rng;
use store::Db;
use store::rows::Origin;
use testkit::{TestBank, Transit};
use tokio::sync::watch;
use vault::{Place, Purpose, WrappedKey};

use crate::scene::{number, sql};

fn master(address: TransitAddress) -> Arc<Master> {
    Arc::new(Master::Transit(Client::new(address).expect("settings")))
}

fn act(bank: &TestBank, master: &Arc<Master>) -> KeyAct {
    KeyAct {
        master: Arc::clone(master),
        rng: Rng::System,
        now: bank.clock().now(),
        origin: Origin::system("test"),
    }
}

async fn rows(db: &Db) -> Vec<WrappedKey> {
    db.read("test", keys::list).await.unwrap_or_else(|error: store::DbError| panic!("{error}"))
}

/// A bank whose table of keys is empty.
async fn empty() -> TestBank {
    let bank = TestBank::new().await;
    assert!(sql(&bank, "DELETE FROM data_keys").await > 0);
    bank
}

fn reason(error: Option<MasterError>) -> TransitError {
    match error.expect("this opened") {
        MasterError::Transit { reason, at } => {
            assert!(at.starts_with("http://127.0.0.1"), "{at}");
            reason
        }
        error @ (MasterError::Key(_) | MasterError::Kms { .. }) => panic!("{error}"),
    }
}

// ASVS 13.3.1: data keys are wrapped by a secrets manager, and stand wrapped in the table.
/// PCI DSS 4.0.1, 3.6.1.2, 3.7.3: keys are stored wrapped and no other way.
#[tokio::test]
async fn keys_are_made_rotated_and_opened_and_nothing_of_them_is_in_the_table() {
    let (bank, transit) = (empty().await, Transit::start().await);
    let master = master(transit.address(None));
    let (db, act) = (bank.bank().db(), act(&bank, &master));
    assert!(keys::create_first(db, &act).await.expect("keys"));
    assert!(!keys::create_first(db, &act).await.expect("keys"));
    assert_eq!(keys::rotate(db, &act, Purpose::CardData).await.expect("a key"), Ok(2));
    let rows = rows(db).await;
    assert_eq!(transit.requests(), rows.len());
    assert!(rows.iter().all(|row| row.wrapped[9..].starts_with(b"vault:v1:")));
    let ring = master.keyring(&rows, act.now).await.expect("a ring");
    assert_eq!(ring.signing_keys().iter().count(), 1);
}

// PCI DSS 3.7.2: keys come from Transit over TLS, or from this machine, and where it refuses there are none.
#[tokio::test]
async fn without_transit_there_are_no_keys_and_the_reason_is_told() {
    let (bank, transit) = (empty().await, Transit::start().await);
    let good = master(transit.address(None));
    let (db, act) = (bank.bank().db(), act(&bank, &good));
    assert!(keys::create_first(db, &act).await.expect("keys"));
    let (rows, now) = (rows(db).await, act.now);
    let opened = |address| {
        let (master, rows) = (master(address), rows.clone());
        async move { master.keyring(&rows, now).await.err() }
    };
    let token = "hvs.somebody-elses";
    bank.secret(token);
    let stolen = transit.address(Some(token));
    assert_eq!(reason(opened(stolen).await), TransitError::Forbidden);

    transit.seal(true);
    assert_eq!(reason(opened(transit.address(None)).await), TransitError::Sealed);
    let made = keys::rotate(db, &act, Purpose::CardData).await;
    assert!(matches!(made, Err(KeysError::Master(_))), "{made:?}");
    transit.seal(false);

    let nobody = TransitAddress { url: "http://127.0.0.1:1".to_owned(), ..transit.address(None) };
    assert!(matches!(reason(opened(nobody).await), TransitError::Silence(_)));
    // Another key of the same engine is another master key, and is told so before it is asked.
    let other = TransitAddress { key: "other".to_owned(), ..transit.address(None) };
    let before = transit.requests();
    assert!(matches!(opened(other).await, Some(MasterError::Key(_))));
    assert_eq!(transit.requests(), before);
    assert!(opened(transit.address(None)).await.is_none());
    let far = TransitAddress { url: "http://vault.example".to_owned(), ..transit.address(None) };
    assert!(matches!(Client::new(far).err(), Some(TransitError::Settings(_))));
}

/// PCI DSS 4.0.1, 3.7.7.
#[tokio::test]
async fn a_wrapped_key_does_not_pass_for_another() {
    let (bank, transit) = (empty().await, Transit::start().await);
    let master = master(transit.address(None));
    let (db, act) = (bank.bank().db(), act(&bank, &master));
    assert!(keys::create_first(db, &act).await.expect("keys"));
    let rows = rows(db).await;
    for other in 1..rows.len() {
        let mut swapped = rows.clone();
        swapped[0].wrapped.clone_from(&rows[other].wrapped);
        let refused = reason(master.keyring(&swapped, act.now).await.err());
        assert_eq!(refused, TransitError::Status(400), "{other}");
    }
    let mut cut = rows.clone();
    for len in 0..rows[0].wrapped.len() {
        cut[0].wrapped.truncate(rows[0].wrapped.len() - 1 - len);
        assert!(master.keyring(&cut, act.now).await.is_err(), "{len}");
    }
}

#[tokio::test]
async fn keys_move_from_the_file_to_transit_to_its_next_version_and_back() {
    let (bank, transit) = (TestBank::new().await, Transit::start().await);
    let db = bank.bank().db();
    let asha = bank.customer("Asha").await;
    let file = Arc::new(Master::File(testkit::bank::master_key()));
    let there = master(transit.address(None));
    let (to_file, to_transit) = (act(&bank, &file), act(&bank, &there));

    transit.seal(true);
    let before = rows(db).await;
    assert!(keys::rewrap(db, &file, &to_transit).await.is_err());
    assert_eq!(rows(db).await, before, "a move that failed changed something");
    transit.seal(false);

    assert_eq!(keys::rewrap(db, &file, &to_transit).await.expect("a move"), before.len());
    assert!(matches!(
        file.keyring(&rows(db).await, to_file.now).await.err(),
        Some(MasterError::Key(_))
    ));
    transit.upgrade();
    assert_eq!(keys::rewrap(db, &there, &to_transit).await.expect("a move"), before.len());
    assert!(rows(db).await.iter().all(|row| row.wrapped[9..].starts_with(b"vault:v2:")));
    assert_eq!(keys::rewrap(db, &there, &to_file).await.expect("a move"), before.len());

    // Whoever opens the bank now reads what was sealed before the moves.
    let node = bank.other_node().await.with_token(asha.client.token().expect("a token"));
    assert_eq!(node.get("/v1/me").await.expect(200).text("/full_name"), "Asha");
}

#[tokio::test]
async fn a_node_that_cannot_open_new_keys_stops_sealing_before_the_old_ones_end() {
    let (bank, transit) = (TestBank::new().await, Transit::start().await);
    let db = bank.bank().db();
    let file = Arc::new(Master::File(testkit::bank::master_key()));
    let there = master(transit.address(None));
    keys::rewrap(db, &file, &act(&bank, &there)).await.expect("a move");
    // The node was not restarted with the new configuration.
    let made = keys::rotate(db, &act(&bank, &there), Purpose::PersonalData).await;
    assert_eq!(made.expect("a key"), Ok(2));
    let place = Place { table: "customers", column: "email_sealed", row: &[1; 16] };
    let (_running, stop) = watch::channel(false);
    let mut sealed = Vec::new();
    for _ in 0..keys::SETTLED_SECONDS / 2 {
        let _ = Job::RefreshKeys.run(bank.bank(), &stop).await.expect("a look");
        sealed.push(bank.bank().tools().seal(&place, "x").expect("sealed"));
        bank.advance(1);
    }
    let _ = Job::RefreshKeys.run(bank.bank(), &stop).await.expect("a look");
    let refused = bank.bank().tools().seal(&place, "x").expect_err("this was sealed");
    assert!(refused.to_string().contains("seals no more"), "{refused}");
    // It goes on reading, and never takes an old version for one that nothing is left of.
    assert!(sealed.iter().all(|value| bank.bank().tools().unseal(&place, value).is_ok()));
    bank.advance(keys::SETTLED_SECONDS);
    assert_eq!(Job::ResealValues.run(bank.bank(), &stop).await.expect("a walk"), 0);
    let unfinished = "SELECT CAST(COUNT(*) AS BIGINT) FROM data_keys \
                      WHERE state = 'retired' AND resealed_at IS NULL";
    assert_eq!(number(&bank, unfinished).await, 1);
}
