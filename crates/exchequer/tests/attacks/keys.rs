//! Keys rotated while the bank serves, cut off in the middle, by two at once; sealed values spoiled in
//! every way; old keys used for longer than they may be (PCI DSS 4.0.1, 3.7.4, 3.7.5).

use std::sync::Arc;

use exchequer::bank::Bank;
use exchequer::jobs::Job;
use exchequer::keys::holder::KeyHolder;
use exchequer::keys::master::Master;
use exchequer::keys::reseal::{columns, left};
use exchequer::keys::{self, DestroyRefusal, DestroyTerms, KeyAct, SETTLED_SECONDS};
use exchequer::staff::model::Role;
use money::Rng;
use serde_json::json;
use store::rows::Origin;
use store::{DbError, Location, Options, ReplaceSql, Replacement, params};
use testkit::{Client, Shop, TestBank};
use tokio::sync::watch;
use vault::{Keyring, Place, Purpose, SealError, Sealing, USED_AFTER_SECONDS};

use crate::scene::{Scene, post, sql};

const SEALING: [Purpose; 3] = [Purpose::PersonalData, Purpose::CardData, Purpose::MerchantSecrets];

pub async fn run(bank: &Bank, job: Job) -> u64 {
    let (_running, stop) = watch::channel(false);
    job.run(bank, &stop).await.unwrap_or_else(|error| panic!("{}: {error}", job.name()))
}

fn act(bank: &TestBank) -> KeyAct {
    KeyAct {
        master: Arc::new(Master::File(testkit::bank::master_key())),
        rng: Rng::System,
        now: bank.clock().now(),
        origin: Origin::system("test"),
    }
}

pub async fn rotate(bank: &TestBank, purpose: Purpose) -> u32 {
    let made = keys::rotate(bank.bank().db(), &act(bank), purpose).await;
    made.expect("a rotation").unwrap_or_else(|refusal| panic!("{refusal}"))
}

async fn destroy(bank: &TestBank, purpose: Purpose, version: u32) -> Result<(), DestroyRefusal> {
    let life = bank.bank().config().tokens.access_seconds;
    let terms = DestroyTerms { access_seconds: life, needs_approval: false };
    keys::destroy(bank.bank().db(), &act(bank), (purpose, version), terms).await.expect("an answer")
}

async fn left_under(bank: &TestBank, purpose: Purpose, version: u32) -> u64 {
    let left = left(bank.bank().db(), purpose).await.expect("a count");
    left.get(&version).copied().unwrap_or(0)
}

/// A value in every sealed column.
pub async fn scene() -> (Scene, Shop) {
    let mut s = Scene::new().await;
    let body = json!({
        "email": "wilhelmina@example.test", "password": "a long enough passphrase",
        "full_name": "Wilhelmina", "phone": "+919876543210", "government_id": "ABCDE1234F"
    });
    let _made = s.bank.client().post("/v1/customers", &body).await.expect(201);
    let _codes = s.bank.enrol_totp(&mut s.asha).await;
    let _factor = s.bank.enrol_sms(&s.bela, "+919876543211").await;
    let reset = json!({ "email": "wilhelmina@example.test" });
    let _mailed = post(&s.bank, "/v1/auth/password/forgot", &reset).await;
    let payee = json!({ "account": s.to, "name": "Bela" });
    let _payee = s.bank.post_stepped(&s.asha, "/v1/beneficiaries", &payee).await;
    let admin = s.bank.operator(Role::Admin).await;
    let shop = Shop::new(&s.bank, &admin, "test").await;
    let _card = shop.card("4242424242424242").await;
    crate::scene::keep_secrets(&s.bank, &admin, &shop).await;
    let _leaves = run(s.bank.bank(), Job::WriteLog).await; // which makes the salts
    (s, shop)
}

type Value = ([u8; 16], Vec<u8>);

/// All values of a column.
pub async fn values(bank: &TestBank, (table, column): (&'static str, &'static str)) -> Vec<Value> {
    let sealed = if table == "merchant_keys" { "algorithm = 0" } else { "1 = 1" };
    let text: &'static str = Box::leak(
        format!("SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL AND {sealed}")
            .into_boxed_str(),
    );
    let read = bank.bank().db().read("attack", move |tx| {
        let rows = tx.query(text, &[])?;
        rows.iter().map(|row| Ok((row.bytes(0)?, row.blob(1)?.to_vec()))).collect()
    });
    read.await.unwrap_or_else(|error: DbError| panic!("{text}: {error}"))
}

/// Everything opens, in its place.
pub async fn all_open(bank: &TestBank, ring: &Keyring) -> usize {
    let mut opened = 0;
    for (sealing, table, column) in columns() {
        for (id, value) in values(bank, (table, column)).await {
            let place = Place { table, column, row: &id };
            let found = ring.open_for(sealing, &place, &value);
            assert!(found.is_ok(), "{table}.{column}: {:?}", found.err());
            opened += 1;
        }
    }
    opened
}

/// PCI DSS 4.0.1, 3.7.7: no value or key stands in for another.
#[tokio::test]
async fn a_sealed_value_moved_cut_or_relabelled_opens_nowhere() {
    let (s, _shop) = scene().await;
    let second = rotate(&s.bank, Purpose::PersonalData).await;
    s.bank.advance(USED_AFTER_SECONDS);
    let _ = run(s.bank.bank(), Job::RefreshKeys).await;
    let ring = s.bank.bank().tools().keyring();
    for (sealing, table, column) in columns() {
        let values = values(&s.bank, (table, column)).await;
        let (id, value) = values.first().unwrap_or_else(|| panic!("{table}.{column} is empty"));
        let place = Place { table, column, row: id };
        let refused = |place: &Place<'_>, value: &[u8]| {
            ring.open_for(sealing, place, value).err().expect("this opened")
        };
        assert!(ring.open_for(sealing, &place, value).is_ok());
        assert_eq!(refused(&Place { row: &[7; 16], ..place }, value), SealError::NotAuthentic);
        for (other, elsewhere, name) in columns() {
            let there = Place { table: elsewhere, column: name, row: id };
            if (elsewhere, name) != (table, column) {
                assert!(ring.open_for(other, &there, value).is_err(), "{table}.{column} there");
            }
        }
        for len in 0..value.len() {
            let _error = refused(&place, &value[..len]);
        }
        for version in [0, second, 99, u32::MAX] {
            let mut relabelled = value.clone();
            relabelled[1..5].copy_from_slice(&version.to_be_bytes());
            let _error = refused(&place, &relabelled);
        }
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 0x40;
            let _error = refused(&place, &changed);
        }
        let longer = [&value[..], &[0]].concat();
        assert_eq!(refused(&place, &longer), SealError::NotAuthentic);
        // A key of another purpose opens nothing.
        for other in Sealing::ALL.into_iter().filter(|other| *other != sealing) {
            assert!(ring.open_for(other, &place, value).is_err());
        }
    }
}

#[tokio::test]
async fn what_does_not_open_is_left_as_it_is_told_and_keeps_its_key() {
    let (s, _shop) = scene().await;
    let spoil = "UPDATE customers SET phone_sealed = substr(phone_sealed, 1, 40) \
                 WHERE phone_sealed IS NOT NULL";
    assert_eq!(sql(&s.bank, spoil).await, 1);
    let spoiled = values(&s.bank, ("customers", "phone_sealed")).await;
    assert_eq!(rotate(&s.bank, Purpose::PersonalData).await, 2);
    s.bank.advance(SETTLED_SECONDS);
    let _ = run(s.bank.bank(), Job::RefreshKeys).await;
    assert!(run(s.bank.bank(), Job::ResealValues).await > 0);
    assert_eq!(values(&s.bank, ("customers", "phone_sealed")).await, spoiled);
    // A walk in vain is not repeated at once.
    assert_eq!(run(s.bank.bank(), Job::ResealValues).await, 0);
    let refused = destroy(&s.bank, Purpose::PersonalData, 1).await;
    assert!(matches!(refused, Err(DestroyRefusal::ValuesLeft { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_rotation_goes_through_while_the_bank_serves_and_the_old_keys_end() {
    let (s, shop) = scene().await;
    let mut asha = s.asha.clone();
    let node = s.bank.other_bank().await;
    let elsewhere = Client::new(exchequer::http::service(&node));
    for purpose in [Purpose::TokenSigning, Purpose::CardTokens].into_iter().chain(SEALING) {
        assert_eq!(rotate(&s.bank, purpose).await, 2);
    }
    let mut replaced = 0;
    for step in 0..20 {
        s.bank.advance(SETTLED_SECONDS / 10);
        let jobs = async {
            let mut rows = 0;
            for bank in [s.bank.bank(), &node] {
                let _ = run(bank, Job::RefreshKeys).await;
                rows += run(bank, Job::ResealValues).await;
            }
            rows
        };
        let serve = async {
            let body = s.order(1);
            let _sent = s.bank.post_stepped(&asha, "/v1/transfers", &body).await.expect(201);
            let bela = elsewhere.with_token(s.bela.client.token().expect("a token"));
            assert_eq!(bela.get("/v1/me").await.expect(200).text("/full_name"), "Bela");
            let _card = shop.card("5555555555554444").await;
            let _new = s.bank.customer(&format!("Guest {step}")).await;
        };
        replaced += tokio::join!(jobs, serve).0;
        if step % 2 == 1 {
            s.bank.refresh(&mut asha).await;
        }
    }
    assert!(replaced > 10, "{replaced}");
    // The answers of requests age out, and keep their key until then.
    for purpose in [Purpose::CardData, Purpose::MerchantSecrets] {
        assert_eq!(left_under(&s.bank, purpose, 1).await, 0);
        assert_eq!(destroy(&s.bank, purpose, 1).await, Ok(()));
    }
    let refused = destroy(&s.bank, Purpose::PersonalData, 1).await;
    assert!(matches!(refused, Err(DestroyRefusal::ValuesLeft { .. })), "{refused:?}");
    let refused = destroy(&s.bank, Purpose::CardTokens, 1).await;
    // A card that is known keeps the fingerprint that it is known by.
    assert!(matches!(refused, Err(DestroyRefusal::ValuesLeft { .. })), "{refused:?}");
    s.bank.advance(exchequer::jobs::ANSWERS_KEPT);
    let _emptied = run(s.bank.bank(), Job::ForgetAnswers).await;
    assert_eq!(destroy(&s.bank, Purpose::PersonalData, 1).await, Ok(()));
    let _ = run(s.bank.bank(), Job::RefreshKeys).await;
    assert!(all_open(&s.bank, &s.bank.bank().tools().keyring()).await > 20);
}

#[tokio::test]
async fn a_walk_that_was_cut_goes_on_and_two_at_once_replace_each_value_once() {
    let (s, _shop) = scene().await;
    let node = s.bank.other_bank().await;
    let values = all_open(&s.bank, &s.bank.bank().tools().keyring()).await as u64;
    for purpose in SEALING {
        assert_eq!(rotate(&s.bank, purpose).await, 2);
    }
    s.bank.advance(SETTLED_SECONDS);
    for bank in [s.bank.bank(), &node] {
        let _ = run(bank, Job::RefreshKeys).await;
    }
    // Cut at the first write, and stopped before the second.
    s.bank.bank().db().faults().fail_at("keys.reseal", 1);
    let (_running, stop) = watch::channel(false);
    assert!(Job::ResealValues.run(s.bank.bank(), &stop).await.is_err());
    let (running, stop) = watch::channel(false);
    running.send_replace(true);
    assert_eq!(Job::ResealValues.run(s.bank.bank(), &stop).await.expect("a stop"), 0);

    let both = tokio::join!(run(s.bank.bank(), Job::ResealValues), run(&node, Job::ResealValues));
    assert_eq!(both.0 + both.1, values, "{both:?}");
    assert_eq!(run(&node, Job::ResealValues).await, 0);
    assert_eq!(all_open(&s.bank, &s.bank.bank().tools().keyring()).await as u64, values);
    for purpose in [Purpose::CardData, Purpose::MerchantSecrets] {
        assert_eq!(destroy(&s.bank, purpose, 1).await, Ok(()));
    }
}

#[tokio::test]
async fn a_value_that_was_changed_meanwhile_is_not_overwritten() {
    let (s, _shop) = scene().await;
    let before = values(&s.bank, ("customers", "full_name_sealed")).await;
    let rows: Vec<Replacement> = before
        .iter()
        .enumerate()
        .map(|(place, (key, value))| {
            let old = if place == 0 { value.clone() } else { b"older".to_vec() };
            Replacement { key: *key, old, new: b"newer".to_vec() }
        })
        .collect();
    let texts = ReplaceSql {
        one: "UPDATE customers SET full_name_sealed = $3 WHERE id = $1 AND full_name_sealed = $2",
        set: "UPDATE customers AS t SET full_name_sealed = n.new FROM \
              unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
              WHERE t.id = n.id AND t.full_name_sealed = n.old",
    };
    let write = s.bank.bank().db().write("attack", move |tx| tx.replace_unchanged(texts, &rows));
    let replaced: u64 = write.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    assert_eq!(replaced, 1);
    let after = values(&s.bank, ("customers", "full_name_sealed")).await;
    let changed = before.iter().filter(|value| !after.contains(value)).count();
    assert_eq!((changed, after.len()), (1, before.len()));
}

#[tokio::test]
async fn a_retired_signing_key_verifies_what_it_signed_and_then_nothing() {
    let s = Scene::new().await;
    let kids = async || {
        let set = s.bank.client().get("/.well-known/jwks.json").await.expect(200).json();
        set["keys"].as_array().expect("keys").len()
    };
    assert_eq!(kids().await, 1);
    assert_eq!(rotate(&s.bank, Purpose::TokenSigning).await, 2);
    let _ = run(s.bank.bank(), Job::RefreshKeys).await;
    assert_eq!(kids().await, 2);
    s.bank.advance(USED_AFTER_SECONDS);
    let _ = run(s.bank.bank(), Job::RefreshKeys).await;
    // Signed by the first; the second signs now, and both are taken.
    let _old = s.asha.client.get("/v1/me").await.expect(200);
    let mut bela = s.bela.clone();
    s.bank.refresh(&mut bela).await;
    let _new = bela.client.get("/v1/me").await.expect(200);

    // A thief with the first key signs on, with a time of today.
    let stolen = s.bank.other_bank().await; // its keys were chosen at the same moment
    assert_eq!(stolen.tools().keyring().signing_keys().current().version(), 2);
    let life = i64::try_from(s.bank.bank().config().tokens.access_seconds).expect("a life");
    let token = forged(&s, 1, SETTLED_SECONDS + 1);
    s.bank.advance(SETTLED_SECONDS + 1);
    let _ = run(s.bank.bank(), Job::RefreshKeys).await;
    s.bank.client().with_token(&token).get("/v1/me").await.refused(401, "unauthenticated");
    let honest = forged(&s, 2, SETTLED_SECONDS + 1);
    let _taken = s.bank.client().with_token(&honest).get("/v1/me").await.expect(200);
    assert_eq!(kids().await, 2);
    s.bank.advance(life);
    assert_eq!(kids().await, 1);
    assert_eq!(destroy(&s.bank, Purpose::TokenSigning, 1).await, Ok(()));
    let _ = run(s.bank.bank(), Job::RefreshKeys).await;
    assert_eq!(kids().await, 1);
}

/// A token of Asha's session in all but its time, signed by a version of the key.
fn forged(s: &Scene, version: u32, later: i64) -> String {
    use data_encoding::BASE64URL_NOPAD as B64;
    let token = s.asha.client.token().expect("a token");
    let mut parts = token.split('.');
    let (_, claims) = (parts.next().expect("a header"), parts.next().expect("claims"));
    let claims = B64.decode(claims.as_bytes()).expect("base64url");
    let mut claims: serde_json::Value = serde_json::from_slice(&claims).expect("claims");
    for time in ["iat", "exp"] {
        claims[time] = json!(claims[time].as_i64().expect("a time") + later + USED_AFTER_SECONDS);
    }
    let ring = s.bank.bank().tools().keyring();
    let key = ring.signing_keys().iter().find(|key| key.version() == version).expect("the key");
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": key.kid() }).to_string();
    let header = B64.encode(header.as_bytes());
    let message = format!("{header}.{}", B64.encode(claims.to_string().as_bytes()));
    let signature = key.sign(message.as_bytes()).expect("a signature");
    format!("{message}.{}", B64.encode(&signature))
}

#[tokio::test]
async fn a_key_is_rotated_by_itself_before_it_has_sealed_too_often() {
    let s = Scene::new().await;
    let db = s.bank.bank().db().clone();
    let rows = db.read("test", keys::list).await.expect("keys");
    let now = s.bank.clock().now();
    let holder = KeyHolder::open_here(testkit::bank::master_key(), rows, now).expect("keys");
    let config = s.bank.bank().config().clone();
    let clock = s.bank.clock().clone();
    let node = Bank::new(db.clone(), holder.rotating_after(50), config, clock, Rng::seeded(4));
    let place = Place { table: "customers", column: "email_sealed", row: &[1; 16] };
    let seal = || node.tools().seal(&place, "x").expect("sealed");
    let active = async || {
        let rows = db.read("test", keys::list).await.expect("keys");
        let newest = rows.into_iter().rfind(|row| row.purpose == Purpose::PersonalData);
        newest.map(|row| (row.version, row.sealings)).expect("a key")
    };
    for _ in 0..49 {
        let _ = seal();
    }
    assert_eq!(run(&node, Job::RefreshKeys).await, 0);
    let _ = seal();
    assert!(run(&node, Job::RefreshKeys).await > 0);
    assert_eq!(active().await, (2, 0));
    // Nobody makes a third for what the first goes on sealing.
    for _ in 0..60 {
        let _ = seal();
    }
    let _ = run(&node, Job::RefreshKeys).await;
    assert_eq!(active().await, (2, 0));
    s.bank.advance(USED_AFTER_SECONDS);
    let _ = run(&node, Job::RefreshKeys).await;
    assert_eq!(vault::sealed_with(&seal()), Ok(2));
}

#[tokio::test]
async fn a_backup_of_several_versions_comes_back_and_opens() {
    let (s, _shop) = scene().await;
    assert_eq!(rotate(&s.bank, Purpose::PersonalData).await, 2);
    s.bank.advance(USED_AFTER_SECONDS);
    let _ = run(s.bank.bank(), Job::RefreshKeys).await;
    let _second = s.bank.customer("Second Version").await;
    assert_eq!(rotate(&s.bank, Purpose::PersonalData).await, 3);
    let folder = tempfile::tempdir().expect("a folder");
    let (file, now) = (folder.path().join("copy"), s.bank.clock().now());
    let _counts = store::backup::backup(s.bank.database().options(), &file, now).expect("a backup");
    let location = Location::Sqlite { path: folder.path().join("new.db") };
    let options = Options { require_durable: false, ..Options::new(location) };
    let _counts = store::backup::restore(&options, &file, now).expect("a restore");

    let db = store::Db::open(&options).expect("opens");
    let rows = db.read("test", keys::list).await.expect("keys");
    assert_eq!(rows, s.bank.bank().db().read("test", keys::list).await.expect("keys"));
    let ring = Keyring::open(&testkit::bank::master_key(), &rows, now).expect("a ring");
    let text = "SELECT id, full_name_sealed FROM customers ORDER BY id";
    let names = db.read("test", move |tx| tx.query(text, params![]));
    let names: Vec<store::Row> = names.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    let mut versions: Vec<u32> = Vec::new();
    for row in &names {
        let (id, sealed): ([u8; 16], _) =
            (row.bytes(0).expect("an id"), row.blob(1).expect("a name"));
        let place = Place { table: "customers", column: "full_name_sealed", row: &id };
        assert!(ring.open_sealed(&place, sealed).is_ok());
        versions.extend(vault::sealed_with(sealed));
    }
    versions.dedup();
    assert_eq!(versions, [1, 2]);
}
