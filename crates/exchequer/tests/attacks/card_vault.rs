//! The card vault as a process of its own: killed while payments run, spoilt, and asked for more than it gives.

use std::path::Path;

use exchequer::cards::keeper::frames::{Ask, Mark, Reply, Resealed};
use exchequer::config::{CardVault, VaultPlace};
use futures_util::future::join_all;
use serde_json::json;
use testkit::sandbox::order;
use testkit::{TestVault, Till, VaultProcess};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::scene::number;

const VISA: &str = "4242424242424242";
const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");

/// All of it with the shipped binary: cards are kept, a payment is taken, and the bank has no key for the number.
#[tokio::test]
async fn cards_are_kept_and_paid_with_by_a_vault_that_is_another_process() {
    let vault = VaultProcess::start(Path::new(BINARY));
    let till = Till::with(|config| config.cards.vault = Some(vault.settings())).await;
    till.bank.secret(VISA);
    let card = till.shop.card(VISA).await;
    let again = till.shop.card(VISA).await;
    let shown = till.shop.get(&format!("/v1/cards/{again}")).await.expect(200);
    assert_eq!(shown.text("/duplicate_of"), card);
    let paid = till.shop.post("/v1/payments", &order(&card, 10_000, "automatic")).await;
    assert_eq!(paid.expect(201).text("/status"), "succeeded");
    assert_eq!(till.totals(), (10_000, 0));
    let opened = till
        .bank
        .bank()
        .db()
        .read("test", |tx| {
            let row = tx.query_one("SELECT id, number FROM cards ORDER BY id LIMIT 1", &[])?;
            Ok::<_, store::DbError>((row.bytes::<16>(0)?, row.blob(1)?.to_vec()))
        })
        .await
        .map(|(id, sealed)| {
            let place = vault::Place { table: "cards", column: "number", row: &id };
            let ring = till.bank.bank().tools().keyring();
            ring.open_for(vault::Sealing::CardData, &place, &sealed).is_ok()
        });
    assert_eq!(opened, Ok(false));
    assert!(vault.verifies());
}

/// Whatever was under way when it died is refused with 503 or done once, and the same key does the rest.
#[tokio::test]
async fn a_vault_killed_while_payments_run_costs_none_of_them() {
    let mut vault = VaultProcess::start(Path::new(BINARY));
    let till = Till::with(|config| config.cards.vault = Some(vault.settings())).await;
    let card = till.shop.card(VISA).await;
    let body = order(&card, 10, "automatic");
    let pay = |n: u32| {
        let (till, body) = (&till, &body);
        async move { till.shop.post_with_key("/v1/payments", &format!("killed-{n}"), body).await }
    };
    let mut refused = 0;
    for round in 0..4 {
        let keys = round * 10..round * 10 + 10;
        let kill = async { vault.kill() };
        let (replies, ()) = tokio::join!(join_all(keys.clone().map(pay)), kill);
        for reply in replies {
            if reply.status != 201 {
                reply.refused(503, "unavailable");
                refused += 1;
            }
        }
        pay(1_000 + round).await.refused(503, "unavailable");
        let kept = json!({ "number": VISA, "exp_month": 12, "exp_year": 2030 });
        till.shop.post("/v1/cards", &kept).await.refused(503, "unavailable");
        vault.start_again();
        for reply in join_all(keys.map(pay)).await {
            assert_eq!(reply.expect(201).text("/status"), "succeeded");
        }
    }
    assert!(refused > 0, "no payment was under way when the vault died");
    assert_eq!(till.totals(), (400, 0));
    let rows = number(&till.bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM payments").await;
    assert_eq!(rows, 40);
    // An answer that was given is given again, vault or not.
    vault.kill();
    assert_eq!(pay(0).await.expect(201).text("/status"), "succeeded");
    vault.start_again();
    assert!(vault.verifies());
}

/// What a vault did not seal stays closed, and the answer says nothing of why.
#[tokio::test]
async fn a_number_that_was_moved_to_another_card_pays_nothing() {
    let vault = TestVault::start(testkit::TestBank::clock_in_hand()).await;
    let till = Till::with(|config| config.cards.vault = Some(vault.settings())).await;
    let (first, second) = (till.shop.card(VISA).await, till.shop.card("5555555555554444").await);
    let swap = |tx: &mut store::Tx<'_>| {
        let last = "SELECT number FROM cards ORDER BY id DESC LIMIT 1";
        let stolen = tx.query_one(last, &[])?.blob(0)?.to_vec();
        tx.execute("UPDATE cards SET number = $1", store::params![&stolen])?;
        Ok::<_, store::DbError>(())
    };
    till.bank.bank().db().write("test", swap).await.unwrap();
    let stolen = till.shop.post("/v1/payments", &order(&first, 10, "automatic")).await;
    stolen.refused(500, "internal_error");
    let own = till.shop.post("/v1/payments", &order(&second, 10, "automatic")).await;
    assert_eq!(own.expect(201).text("/status"), "succeeded");
    assert_eq!(till.totals(), (10, 0));
    let refusals = "SELECT CAST(COUNT(*) AS BIGINT) FROM events \
                    WHERE action = 'card.reveal_refused' AND outcome = 'damaged'";
    let count = vault.bank().db().read("test", move |tx| tx.query_one(refusals, &[])?.int(0)).await;
    assert_eq!(count, Ok(1));
}

/// A rotation in the vault reaches the bank's rows, and the card still pays.
#[tokio::test]
async fn the_vaults_keys_are_rotated_and_the_banks_rows_follow() {
    let clock = testkit::TestBank::clock_in_hand();
    let vault = TestVault::start(clock.clone()).await;
    let till = Till::with(|config| config.cards.vault = Some(vault.settings())).await;
    let card = till.shop.card(VISA).await;
    let act = exchequer::keys::KeyAct {
        master: std::sync::Arc::clone(vault.bank().tools().keys().master()),
        rng: money::Rng::seeded(5),
        now: clock.now(),
        origin: store::rows::Origin::system("test"),
    };
    let (_running, stop) = tokio::sync::watch::channel(false);
    let reseal = || exchequer::jobs::Job::ResealValues.run(till.bank.bank(), &stop);
    assert_eq!(reseal().await, Ok(0));
    let purpose = vault::Purpose::CardData;
    let rotated = exchequer::keys::rotate(vault.bank().db(), &act, purpose).await.unwrap();
    assert_eq!(rotated, Ok(2));
    clock.advance_seconds(exchequer::keys::SETTLED_SECONDS).unwrap();
    let refreshed = exchequer::jobs::Job::RefreshKeys.run(vault.bank(), &stop).await;
    refreshed.unwrap();
    assert_eq!(reseal().await, Ok(1));
    assert_eq!(reseal().await, Ok(0));
    let paid = till.shop.post("/v1/payments", &order(&card, 10, "automatic")).await;
    assert_eq!(paid.expect(201).text("/status"), "succeeded");
}

/// As version 1 seals in the eyes of who has no key: a format, a version, and bytes.
fn sealed(version: u8, length: usize) -> Vec<u8> {
    let mut value = vec![0x5a; length];
    value.splice(..5, [1, 0, 0, 0, version]);
    value
}

const LENGTH: usize = 48;

/// Stands where the vault stood: says that version 2 seals, and of each number that it was sealed anew to this.
async fn forge(listener: UnixListener, forged: watch::Receiver<Vec<u8>>) {
    while let Ok((stream, _)) = listener.accept().await {
        drop(tokio::spawn(forge_answers(stream, forged.clone())));
    }
}

async fn forge_answers(mut stream: UnixStream, forged: watch::Receiver<Vec<u8>>) {
    while let Ok(length) = stream.read_u32().await {
        let mut frame = vec![0; usize::try_from(length).expect("a length")];
        stream.read_exact(&mut frame).await.expect("a whole frame");
        let reply = match Ask::read(&frame).expect("a question") {
            Ask::Take { .. } => Reply::Taken {
                sealed: sealed(1, LENGTH),
                marks: vec![Mark { version: 1, fingerprint: [7; 32], token: None }],
            },
            Ask::Status => Reply::Status { version: 2 },
            Ask::Reseal { values } => {
                let new = Resealed::New(forged.borrow().clone());
                Reply::Resealed(vec![new; values.len()])
            }
            Ask::Open { .. } => panic!("nothing is opened for a rotation"),
        };
        stream.write_all(&reply.frame()).await.expect("room for an answer");
    }
}

/// Who is taken for the vault says that there was a rotation: what cannot be a number sealed with the version that it named
/// replaces none. What can be one does: the bank has no key to see that it does not open (docs/vault.md).
#[tokio::test]
async fn a_forged_rotation_replaces_no_number_with_what_cannot_be_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let (say, forged) = watch::channel(Vec::new());
    drop(tokio::spawn(forge(listener, forged)));
    let metadata = std::fs::metadata(&path).expect("the socket");
    let peer_uid = std::os::unix::fs::MetadataExt::uid(&metadata);
    let settings = CardVault { place: VaultPlace::Socket { path, peer_uid }, reveals_per_hour: 1 };
    let till = Till::with(|config| config.cards.vault = Some(settings)).await;
    till.shop.card(VISA).await;
    let number = async || {
        let read = |tx: &mut store::Tx<'_>| {
            let row = tx.query_one("SELECT number FROM cards LIMIT 1", &[])?;
            Ok::<_, store::DbError>(row.blob(0)?.to_vec())
        };
        till.bank.bank().db().read("test", read).await.expect("the number's row")
    };
    let (_running, stop) = watch::channel(false);
    let mut unknown = sealed(2, LENGTH);
    unknown.splice(..1, [99]);
    for forged in [
        Vec::new(),
        vec![0; LENGTH],
        unknown,
        sealed(1, LENGTH),
        sealed(3, LENGTH),
        sealed(2, LENGTH - 1),
        sealed(2, LENGTH + 1),
    ] {
        say.send_replace(forged.clone());
        let replaced = exchequer::jobs::Job::ResealValues.run(till.bank.bank(), &stop).await;
        assert_eq!(replaced, Ok(0), "{forged:?}");
        assert_eq!(number().await, sealed(1, LENGTH));
    }
    say.send_replace(sealed(2, LENGTH));
    let replaced = exchequer::jobs::Job::ResealValues.run(till.bank.bank(), &stop).await;
    assert_eq!(replaced, Ok(1));
    assert_eq!(number().await, sealed(2, LENGTH));
}
