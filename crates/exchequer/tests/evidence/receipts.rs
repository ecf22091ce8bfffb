//! What the log shows: receipts, proofs and growth, checked without the bank.

use data_encoding::BASE64;
use exchequer::evidence::receipt::{ReceiptError, SignedReceipt};
use exchequer::staff::model::Role;
use merkle::{Checkpoint, Hash, VerifierKey, check_consistency, check_inclusion, leaf_hash};
use serde_json::Value;

use crate::Town;
use crate::page::Page;

/// A town whose one transfer with a memo is in the log; the transfer's id.
async fn receipt_ready() -> (Town, String) {
    let town = Town::new().await;
    town.write().await;
    let id = town.pay(12_345, Some("rent \u{20b9} May")).await;
    let early = town.asha.client.get(&format!("/v1/transfers/{id}/receipt")).await;
    early.refused(409, "receipt_not_ready");
    town.write().await;
    (town, id)
}

async fn key(town: &Town) -> VerifierKey {
    let keys = town.bank.client().get("/v1/log/keys").await.expect(200);
    keys.text("/keys/0").parse().expect("a key")
}

async fn receipt(town: &Town, id: &str) -> Value {
    let reply = town.asha.client.get(&format!("/v1/transfers/{id}/receipt")).await.expect(200);
    reply.json()
}

fn hash(text: &str) -> Hash {
    BASE64.decode(text.as_bytes()).expect("base64").try_into().expect("a hash")
}

fn hashes(value: &Value) -> Vec<Hash> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|text| hash(text.as_str().expect("text")))
        .collect()
}

#[tokio::test]
async fn a_receipt_is_checked_with_the_banks_key_alone_and_any_change_is_seen() {
    let (town, id) = receipt_ready().await;
    let (key, receipt) = (key(&town).await, receipt(&town, &id).await);
    let checked = SignedReceipt::verify(&receipt.to_string(), &key).expect("it is right");
    assert_eq!((checked.transfer.id.as_str(), checked.transfer.amount), (id.as_str(), 12_345));
    assert_eq!(checked.transfer.memo.as_deref(), Some("rent \u{20b9} May"));
    let other = VerifierKey::new(key.name(), [3; 32]).expect("a key");
    let found = SignedReceipt::verify(&receipt.to_string(), &other);
    assert!(matches!(found, Err(ReceiptError::Checkpoint(_))));
    for (pointer, value) in [
        ("/transfer/amount", Value::from(12_346)),
        ("/transfer/to", Value::from(town.from.clone())),
        ("/transfer/currency", Value::from("EUR")),
        ("/transfer/posted_at", Value::from("2026-01-05T10:00:00.000000Z")),
        ("/transfer/memo", Value::from("rent")),
        ("/transfer/memo", Value::Null),
        ("/opening", Value::Null),
        ("/index", Value::from(0)),
        ("/size", Value::from(4_096)),
        ("/proof", Value::from(Vec::<String>::new())),
        ("/version", Value::from(2)),
    ] {
        let mut changed = receipt.clone();
        *changed.pointer_mut(pointer).expect("it is there") = value;
        assert!(SignedReceipt::verify(&changed.to_string(), &key).is_err(), "{pointer}");
    }
    // Also for who was paid, and for nobody else.
    let stranger = town.bank.customer("Eve Stranger").await;
    let theirs = stranger.client.get(&format!("/v1/transfers/{id}/receipt")).await;
    theirs.refused(404, "not_found");
}

#[tokio::test]
async fn an_operator_is_shown_an_event_in_the_log() {
    let (town, id) = receipt_ready().await;
    let auditor = town.bank.operator(Role::Auditor).await;
    let events = auditor.client.get("/v1/staff/events?limit=20").await.expect(200);
    town.write().await;
    let key = key(&town).await;
    let mut shown = 0;
    for event in events.json()["data"].as_array().expect("a list") {
        let event = event["id"].as_str().expect("an id");
        let proof = auditor.client.get(&format!("/v1/staff/log/{event}")).await.expect(200);
        let said = Checkpoint::verified(&proof.text("/checkpoint"), std::slice::from_ref(&key));
        let said = said.expect("signed");
        let leaf = BASE64.decode(proof.text("/leaf").as_bytes()).expect("base64");
        let place = (proof.int("/index").unsigned_abs(), proof.int("/size").unsigned_abs());
        let hashes = hashes(&proof.json()["proof"]);
        assert_eq!(check_inclusion(&leaf_hash(&leaf), place, &hashes, &said.root), Ok(()));
        shown += 1;
    }
    assert!(shown > 5, "{shown}");
    assert!(id.starts_with("trf_"));
    let nobody = town.bank.unknown_id::<money::kind::Event>();
    auditor.client.get(&format!("/v1/staff/log/{nobody}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn whoever_keeps_a_checkpoint_is_shown_that_the_log_only_grew() {
    let town = Town::new().await;
    let anybody = town.bank.client();
    anybody.get("/v1/log/checkpoint").await.refused(404, "not_found");
    town.write().await;
    let key = key(&town).await;
    let keys = std::slice::from_ref(&key);
    let read = async || {
        let reply = anybody.get("/v1/log/checkpoint").await.expect(200);
        let note = std::str::from_utf8(&reply.body).expect("text");
        Checkpoint::verified(note, keys).expect("signed")
    };
    let old = read().await;
    for n in 0..7 {
        town.pay(1 + n, None).await;
    }
    town.write().await;
    let new = read().await;
    assert_eq!((old.origin.as_str(), new.size), (key.name(), old.size + 7));
    let path = format!("/v1/log/consistency?from={}&to={}", old.size, new.size);
    let proof = hashes(&anybody.get(&path).await.expect(200).json()["proof"]);
    assert_eq!(check_consistency((old.size, new.size), (&old.root, &new.root), &proof), Ok(()));
    for (query, status, code) in [
        ("from=0&to=1", 422, "invalid_fields"),
        ("from=1&to=-1", 422, "invalid_fields"),
        ("from=2&to=1", 404, "not_found"),
        ("from=1&to=100000", 404, "not_found"),
    ] {
        anybody.get(&format!("/v1/log/consistency?{query}")).await.refused(status, code);
    }
}

/// The page says that its code needs nothing but Python: here it is run.
#[tokio::test]
async fn the_code_of_the_page_checks_a_receipt() {
    let (page, (town, id)) = (Page::new(), receipt_ready().await);
    let (key, receipt) = (key(&town).await, receipt(&town, &id).await);
    let Some(right) = page.run(&receipt, &key) else { return };
    let said = String::from_utf8_lossy(&right.stdout).into_owned();
    assert!(right.status.success(), "{said}{}", String::from_utf8_lossy(&right.stderr));
    assert!(said.contains(&id) && said.contains("12345"), "{said}");
    for (pointer, value) in [
        ("/transfer/amount", Value::from(1)),
        ("/transfer/memo", Value::from("other")),
        ("/index", Value::from(1)),
        (
            "/checkpoint",
            Value::from(receipt["checkpoint"].as_str().expect("text").replacen('A', "B", 1)),
        ),
    ] {
        let mut changed = receipt.clone();
        *changed.pointer_mut(pointer).expect("it is there") = value;
        if changed != receipt {
            let found = page.run(&changed, &key).expect("it ran before");
            assert!(!found.status.success(), "{pointer}");
        }
    }
}
