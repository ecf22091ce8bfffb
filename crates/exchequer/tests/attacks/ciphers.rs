//! One cipher takes over from the other while the bank serves, as if the first had been found weak.

use exchequer::jobs::Job;
use exchequer::keys::SETTLED_SECONDS;
use exchequer::keys::reseal::columns;
use testkit::Client;
use vault::{Cipher, Purpose};

use crate::keys::{all_open, rotate, run, scene, values};
use crate::scene::Scene;

const FIRST: u8 = 1;
const SECOND: u8 = 2;

/// The formats of all sealed values.
async fn formats(s: &Scene) -> Vec<u8> {
    let mut formats = Vec::new();
    for (_, table, column) in columns() {
        formats.extend(values(&s.bank, (table, column)).await.iter().map(|(_, value)| value[0]));
    }
    formats
}

// ASVS 5.0, 11.2.2: what lasts is sealed anew with another cipher while the bank serves, and nothing is lost on the way.
#[tokio::test]
async fn another_cipher_takes_over_while_the_bank_serves() {
    let (s, shop) = scene().await;
    let before = formats(&s).await;
    assert!(before.len() > 20 && before.iter().all(|format| *format == FIRST), "{before:?}");
    // A node with the new setting beside one with the old.
    let node = s.bank.other_bank_with(|config| config.cipher = Cipher::ChaCha20Poly1305).await;
    for purpose in [Purpose::PersonalData, Purpose::CardData, Purpose::MerchantSecrets] {
        assert_eq!(rotate(&s.bank, purpose).await, 2);
    }
    s.bank.advance(SETTLED_SECONDS);
    let _ = run(s.bank.bank(), Job::RefreshKeys).await;
    let _ = run(&node, Job::RefreshKeys).await;
    // The old one still writes with the old cipher; the new one seals anew what is there.
    let _card = shop.card("5555555555554444").await;
    let guest = s.bank.customer("Guest").await;
    assert!(run(&node, Job::ResealValues).await > 20);
    let after = formats(&s).await;
    // What the old node sealed under the new version since, which the next rotation takes along.
    let (first, second): (Vec<u8>, Vec<u8>) = after.iter().partition(|format| **format == FIRST);
    assert!(second.len() > 20 && second.iter().all(|format| *format == SECOND), "{after:?}");
    assert!(first.len() <= 8, "{after:?}");
    assert_eq!(all_open(&s.bank, &s.bank.bank().tools().keyring()).await, after.len());
    assert_eq!(all_open(&s.bank, &node.tools().keyring()).await, after.len());
    let elsewhere = Client::new(exchequer::http::service(&node));
    let there = elsewhere.with_token(guest.client.token().expect("a token"));
    assert_eq!(there.get("/v1/me").await.expect(200).text("/full_name"), "Guest");
    assert_eq!(guest.client.get("/v1/me").await.expect(200).text("/full_name"), "Guest");
    // A merchant's secret and a card that were sealed anew, on the node that seals with the old one.
    let _charged = shop.card("4242424242424242").await;
}
