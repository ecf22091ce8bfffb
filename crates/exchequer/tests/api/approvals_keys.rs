//! The end of a data key: asked for by one operator, approved by another, carried out when nothing needs it.

use std::sync::Arc;

use exchequer::jobs::Job;
use exchequer::keys::master::Master;
use exchequer::keys::{self, DestroyRefusal, DestroyTerms, KeyAct};
use exchequer::staff::model::Role;
use money::Rng;
use serde_json::{Value, json};
use store::rows::Origin;
use testkit::{Person, Reply, TestBank};
use tokio::sync::watch;
use vault::Purpose;

const PURPOSE: Purpose = Purpose::EventFields;

fn act(bank: &TestBank) -> KeyAct {
    KeyAct {
        master: Arc::new(Master::File(testkit::bank::master_key())),
        rng: Rng::seeded(11),
        now: bank.clock().now(),
        origin: Origin::system("test"),
    }
}

/// As the command does it.
async fn command(bank: &TestBank, version: u32) -> Result<(), DestroyRefusal> {
    let terms = DestroyTerms { access_seconds: 300, needs_approval: true };
    let (db, act) = (bank.bank().db(), act(bank));
    keys::destroy(db, &act, (PURPOSE, version), terms).await.expect("an answer")
}

async fn job(bank: &TestBank) -> u64 {
    let (_go, stop) = watch::channel(false);
    Job::DestroyKeys.run(bank.bank(), &stop).await.expect("the job runs")
}

async fn ask(who: &Person, version: u32) -> Reply {
    let body = json!({ "purpose": PURPOSE.as_str(), "version": version });
    who.client.post("/v1/staff/data_keys/destroy", &body).await
}

async fn state(who: &Person, version: u32) -> Value {
    let all = who.client.get("/v1/staff/data_keys").await.expect(200).json();
    let rows = all["data"].as_array().expect("rows").clone();
    let is_it = |row: &Value| row["purpose"] == PURPOSE.as_str() && row["version"] == version;
    rows.into_iter().find(is_it).expect("the version")
}

/// PCI DSS 4.0.1, 3.7.5: a key in use is never destroyed, and a retired one not by one person.
#[tokio::test]
async fn a_key_ends_by_two_operators_and_never_in_use() {
    let bank = TestBank::new().await;
    let (maker, second) = (bank.operator(Role::Admin).await, bank.operator(Role::Admin).await);
    let teller = bank.operator(Role::Teller).await;
    ask(&teller, 1).await.refused(403, "forbidden");
    ask(&maker, 7).await.refused(404, "not_found");
    ask(&maker, 1).await.refused(409, "data_key_in_use");
    assert_eq!(command(&bank, 1).await, Err(DestroyRefusal::Active));
    let rotated = keys::rotate(bank.bank().db(), &act(&bank), PURPOSE).await;
    assert_eq!(rotated.expect("a rotation"), Ok(2));
    bank.advance(keys::SETTLED_SECONDS);
    // Nobody has approved it: neither the command nor the job does it.
    assert_eq!(command(&bank, 1).await, Err(DestroyRefusal::NotApproved));
    let asked = ask(&maker, 1).await.expect(202);
    assert_eq!((command(&bank, 1).await, job(&bank).await), (Err(DestroyRefusal::NotApproved), 0));
    let path = format!("/v1/staff/approvals/{}/approve", asked.text("/approval/id"));
    maker.client.post(&path, &json!({})).await.refused(403, "own_approval");
    let done = second.client.post(&path, &json!({})).await.expect(200);
    assert_eq!(done.text("/outcome/resource"), "event_fields 1");
    assert_eq!(state(&maker, 1).await["state"], json!("retired"));
    assert!(state(&maker, 1).await["destruction_approved_at"].is_string());
    assert_eq!((job(&bank).await, job(&bank).await), (1, 0));
    assert_eq!(state(&maker, 1).await["state"], json!("destroyed"));
    assert_eq!(state(&maker, 2).await["state"], json!("active"));
    ask(&maker, 1).await.refused(409, "data_key_destroyed");
    assert_eq!(command(&bank, 1).await, Err(DestroyRefusal::Destroyed));
}

/// The approval stands, and the key waits until what it sealed is sealed anew.
#[tokio::test]
async fn an_approved_key_with_values_waits_for_them() {
    let bank = TestBank::new().await;
    let customer = bank.customer("Asha").await;
    let (maker, second) = (bank.operator(Role::Admin).await, bank.operator(Role::Admin).await);
    let purpose = Purpose::PersonalData;
    let rotated = keys::rotate(bank.bank().db(), &act(&bank), purpose).await;
    assert_eq!(rotated.expect("a rotation"), Ok(2));
    bank.advance(keys::SETTLED_SECONDS);
    let body = json!({ "purpose": purpose.as_str(), "version": 1 });
    let asked = maker.client.post("/v1/staff/data_keys/destroy", &body).await.expect(202);
    let path = format!("/v1/staff/approvals/{}/approve", asked.text("/approval/id"));
    let _approved = second.client.post(&path, &json!({})).await.expect(200);
    assert_eq!(job(&bank).await, 0);
    assert_eq!(customer.client.get("/v1/me").await.expect(200).text("/id"), customer.id);
}
