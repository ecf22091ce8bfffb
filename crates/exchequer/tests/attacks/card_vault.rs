//! The card vault as a process of its own: killed while payments run, spoilt, and asked for more than it gives.

use std::path::Path;

use futures_util::future::join_all;
use serde_json::json;
use testkit::sandbox::order;
use testkit::{TestVault, Till, VaultProcess};

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
