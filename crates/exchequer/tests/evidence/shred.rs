//! Crypto-shredding: after the salt is gone everything still verifies, and nobody can test what a memo was.
//! What becomes of the rows is in [`crate::erased`].

use exchequer::evidence::prove::Proven;
use exchequer::evidence::receipt::SignedReceipt;
use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use exchequer::verify::model::Finding;
use merkle::VerifierKey;
use serde_json::{Value, json};
use store::DbError;
use testkit::TestBank;
use tokio::sync::watch;

use crate::Town;

pub(crate) const DAY: i64 = 86_400;

pub(crate) async fn shred(town: &Town) -> u64 {
    let (_go, stop) = watch::channel(false);
    Job::ShredSalts.run(town.bank.bank(), &stop).await.expect("it runs")
}

/// The retention time of the bank, seconds.
pub(crate) fn kept(town: &Town) -> i64 {
    i64::from(town.bank.bank().config().evidence.salt_days) * DAY
}

/// Marked, waited for, noted, waited for a day, done.
pub(crate) async fn forget(town: &Town) {
    assert_eq!(shred(town).await, 1, "it is marked");
    town.bank.advance(kept(town));
    assert_eq!(shred(town).await, 1, "it is noted");
    town.bank.advance(DAY);
    assert_eq!(shred(town).await, 1, "it is done");
}

/// All that the payer has is paid out to them, and their account and access are closed.
pub(crate) async fn close(town: &Town) {
    let has = town.bank.balance(&town.asha, &town.from).await[2];
    let teller = town.bank.operator(Role::Teller).await;
    let all = json!({
        "account": town.from, "amount": has, "currency": "INR", "reference": "farewell"
    });
    let _paid = teller.client.post("/v1/staff/withdrawals", &all).await.expect(201);
    let admin = town.bank.operator(Role::Admin).await;
    let account = format!("/v1/staff/accounts/{}/close", town.from);
    let _done = admin.client.post(&account, &json!({})).await.expect(200);
    standing(town, "disable").await;
}

pub(crate) async fn standing(town: &Town, verb: &str) {
    let officer = town.bank.operator(Role::Compliance).await;
    let path = format!("/v1/staff/customers/{}/{verb}", town.asha.id);
    let asked = officer.client.post(&path, &json!({})).await;
    if asked.status == 202 {
        town.bank.done(asked, Role::Compliance).await;
    } else {
        let _done = asked.expect(200);
    }
}

pub(crate) async fn number(bank: &TestBank, sql: &'static str) -> i64 {
    let read = bank.bank().db().read("number", move |tx| tx.query_one(sql, &[])?.int(0));
    read.await.unwrap_or_else(|error: DbError| panic!("{error}"))
}

pub(crate) const DESTROYED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM log_salts WHERE destroyed_at IS NOT NULL AND salt IS NULL";
pub(crate) const TOLD: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'log.salt_destroyed'";

/// What is found where somebody has changed the memo.
async fn edited(town: &Town) -> Result<Proven, Finding> {
    let sql = "UPDATE transfers SET memo = 'another' WHERE memo LIKE 'rent%'";
    town.found(town.trust(), move |tx| {
        assert_eq!(tx.execute(sql, &[])?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_closed_customers_salt_is_destroyed_after_the_retention_time_and_every_proof_holds() {
    let town = Town::new().await;
    let id = town.pay(12_345, Some("rent \u{20b9} May")).await;
    town.write().await;
    let keys = town.bank.client().get("/v1/log/keys").await.expect(200);
    let key: VerifierKey = keys.text("/keys/0").parse().expect("a key");
    let old: Value =
        town.asha.client.get(&format!("/v1/transfers/{id}/receipt")).await.expect(200).json();
    assert_eq!(shred(&town).await, 0, "nobody is closed");
    assert!(edited(&town).await.is_err(), "the salt tells that the memo is another");
    close(&town).await;
    town.write().await;
    let sealed = town.proven().await.sealed;
    assert_eq!(shred(&town).await, 1, "it is marked");
    assert_eq!(shred(&town).await, 0);
    town.bank.advance(kept(&town) - 1);
    assert_eq!((shred(&town).await, number(&town.bank, DESTROYED).await), (0, 0));
    town.bank.advance(1);
    assert_eq!((shred(&town).await, number(&town.bank, DESTROYED).await), (1, 0), "it is noted");
    town.bank.advance(DAY - 1);
    assert_eq!((shred(&town).await, number(&town.bank, DESTROYED).await), (0, 0));
    town.bank.advance(1);
    assert_eq!((shred(&town).await, number(&town.bank, DESTROYED).await), (1, 1));
    assert_eq!((shred(&town).await, number(&town.bank, TOLD).await), (0, 1));
    // The log still proves all of it; what is personal of theirs is not compared any more.
    town.write().await;
    assert!(town.proven().await.sealed > sealed);
    let said = SignedReceipt::verify(&old.to_string(), &key).expect("the old receipt is right");
    assert_eq!(said.transfer.memo.as_deref(), Some("rent \u{20b9} May"));
    // The auditor's proof is there as before, and names no memo.
    let auditor = town.bank.operator(Role::Auditor).await;
    let event = id.replace("trf_", "evt_");
    let shown = auditor.client.get(&format!("/v1/staff/log/{event}")).await.expect(200);
    assert_eq!(shown.text("/leaf"), old["leaf"].as_str().expect("text"));
    // Nobody can test any more what the memo was: not the bank either.
    assert!(edited(&town).await.is_ok(), "no salt is left to test it with");
}

#[tokio::test]
async fn who_comes_back_before_the_time_keeps_the_salt() {
    let mut town = Town::new().await;
    town.pay(12_345, Some("rent")).await;
    town.write().await;
    // Disabled alone is not closed: there is an account with money.
    standing(&town, "disable").await;
    town.bank.advance(kept(&town));
    assert_eq!(shred(&town).await, 0);
    standing(&town, "enable").await;
    town.bank.sign_in(&mut town.asha).await;
    close(&town).await;
    assert_eq!(shred(&town).await, 1);
    town.bank.advance(kept(&town));
    assert_eq!(shred(&town).await, 1, "it is noted");
    town.bank.advance(DAY);
    // Between two looks of the job, which would see nothing of it.
    standing(&town, "enable").await;
    standing(&town, "disable").await;
    assert_eq!((shred(&town).await, number(&town.bank, DESTROYED).await), (1, 0), "from now on");
    town.bank.advance(kept(&town));
    assert_eq!((shred(&town).await, number(&town.bank, DESTROYED).await), (1, 0));
    town.bank.advance(DAY);
    assert_eq!((shred(&town).await, number(&town.bank, DESTROYED).await), (1, 1));
    assert_eq!(shred(&town).await, 0, "who is erased is looked at no more");
}
