//! `/v1/staff/jobs`, `/v1/staff/health`, `/v1/staff/figures`: how the bank does.

use exchequer::jobs::Job;
use exchequer::sandbox::Chaos;
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Reply, TestBank, Till};
use tokio::sync::watch;

use crate::payments::ask;
use crate::rows::number;
use crate::transfers::Pair;

async fn sum(bank: &TestBank) -> u64 {
    let (_go, stop) = watch::channel(false);
    Job::SumFigures.run(bank.bank(), &stop).await.expect("the days are summed")
}

/// The element of a list that has this name.
fn named(reply: &Reply, list: &str, name: &str) -> Value {
    let json = reply.json();
    let all = json[list].as_array().expect("a list");
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
}

#[tokio::test]
async fn jobs_say_when_they_ran_and_what_became_of_it() {
    let bank = TestBank::new().await;
    let auditor = bank.operator(Role::Auditor).await;
    let (_go, stop) = watch::channel(false);
    let before = auditor.client.get("/v1/staff/jobs").await.expect(200);
    assert_eq!(before.json()["data"].as_array().map(Vec::len), Some(Job::ALL.len()));
    let names = Job::IndexNames.name();
    assert_eq!(named(&before, "data", names)["runs"], json!(0));
    assert!(named(&before, "data", names)["last_outcome"].is_null());
    let _rows = Job::IndexNames.run_noted(bank.bank(), &stop).await.expect("it ran");
    let summing = Job::SumFigures;
    bank.bank().db().faults().fail_at(summing.name(), 1);
    assert!(summing.run_noted(bank.bank(), &stop).await.is_err());
    let _fired = bank.bank().db().faults().disarm();
    let after = auditor.client.get("/v1/staff/jobs").await.expect(200);
    let ran = named(&after, "data", names);
    assert_eq!((&ran["runs"], &ran["last_outcome"]), (&json!(1), &json!("ok")));
    assert!(ran["last_started_at"].is_string() && ran["last_duration_ms"].is_i64());
    assert_eq!(ran["every_seconds"], json!(60));
    let failed = named(&after, "data", summing.name());
    assert_eq!((&failed["last_outcome"], &failed["failures"]), (&json!("failed"), &json!(1)));
    assert!(failed["last_error"].is_string());
    let health = auditor.client.get("/v1/staff/health").await.expect(200);
    assert_eq!(named(&health, "checks", "jobs")["facts"][0]["value"], summing.name());
    let teller = bank.operator(Role::Teller).await;
    teller.client.get("/v1/staff/jobs").await.refused(403, "forbidden");
}

#[tokio::test]
async fn health_names_what_is_wrong_and_what_to_do() {
    let till = Till::new().await;
    let bank = &till.bank;
    let support = bank.operator(Role::Support).await;
    let health = async || support.client.get("/v1/staff/health").await.expect(200);
    let fact = |check: &Value, name: &str| {
        let facts = check["facts"].as_array().expect("facts").clone();
        facts.iter().find(|f| f["name"] == name).expect(name)["value"].clone()
    };
    let well = health().await;
    for part in ["database", "keys", "gateway.test", "gateway.live", "jobs", "version"] {
        assert_eq!(named(&well, "checks", part)["state"], "ok", "{part}");
    }
    assert_eq!(fact(&named(&well, "checks", "gateway.test"), "gateway"), "sandbox");
    assert_eq!(fact(&named(&well, "checks", "gateway.live"), "gateway"), "none");
    till.chaos(Chaos { lose_answer_per_mille: 1_000, asks_too: true, ..Chaos::default() });
    let _lost = till.pay("4242424242424242", "automatic").await.expect(201);
    let ill = health().await;
    let gateway = named(&ill, "checks", "gateway.test");
    assert_eq!(
        (&gateway["state"], fact(&gateway, "unknown outcomes")),
        (&json!("degraded"), json!("1"))
    );
    bank.advance(300);
    bank.sign_in_operator(&mut bank.operator(Role::Support).await).await;
    let auditor = bank.operator(Role::Auditor).await;
    let down = auditor.client.get("/v1/staff/health").await.expect(200);
    assert_eq!(named(&down, "checks", "gateway.test")["state"], "down");
    assert_eq!(down.text("/state"), "down");
    till.chaos(Chaos::default());
    let _known = ask(&till).await;
    let again = auditor.client.get("/v1/staff/health").await.expect(200);
    assert_eq!(named(&again, "checks", "gateway.test")["state"], "ok");
}

#[tokio::test]
async fn figures_are_sums_of_days_that_are_counted_once() {
    let p = Pair::new().await;
    let _sent = p.asha.client.post("/v1/transfers", &p.order(40)).await.expect(201);
    let _sent = p.asha.client.post("/v1/transfers", &p.order(2)).await.expect(201);
    let moved = number(&p.bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM transfers").await;
    let volume = number(&p.bank, "SELECT CAST(SUM(amount) AS BIGINT) FROM transfers").await;
    // Too young to be counted.
    assert_eq!(sum(&p.bank).await, 0);
    p.bank.advance(121);
    let (one, other) = tokio::join!(sum(&p.bank), sum(&p.bank));
    assert_eq!(i64::try_from(one + other), Ok(moved));
    assert_eq!(sum(&p.bank).await, 0);
    let auditor = p.bank.operator(Role::Auditor).await;
    let path = "/v1/staff/figures?days=2";
    let seen = auditor.client.get(path).await.expect(200);
    let json = seen.json();
    assert_eq!(json["days"].as_array().map(Vec::len), Some(2));
    let all: Vec<&Value> = json["days"].as_array().expect("days").iter().collect();
    let sums: Vec<&Value> =
        all.iter().flat_map(|day| day["transfers"].as_array().expect("a list")).collect();
    let total = |field: &str| sums.iter().filter_map(|sum| sum[field].as_i64()).sum::<i64>();
    assert_eq!((total("count"), total("volume")), (moved, volume));
    assert_eq!(all[1]["complete"], json!(false), "today goes on");
    assert!(json["counted_until"].is_string());
    assert!(json["latency"]["requests"].as_u64() > Some(0));
    assert!(json["latency"]["p99_us"].as_u64() >= json["latency"]["p50_us"].as_u64());
    for bad in ["days=0", "days=91"] {
        let reply = auditor.client.get(&format!("/v1/staff/figures?{bad}")).await;
        reply.refused(422, "invalid_fields");
    }
    let teller = &p.teller.client;
    teller.get("/v1/staff/figures").await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_payment_is_counted_as_what_it_became() {
    let till = Till::new().await;
    let bank = &till.bank;
    let _paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let _declined = till.pay("4000000000000002", "automatic").await.expect(201);
    till.chaos(Chaos { lose_answer_per_mille: 1_000, asks_too: true, ..Chaos::default() });
    let _lost = till.pay("4242424242424242", "automatic").await.expect(201);
    bank.advance(121);
    // With the two postings of the first.
    assert_eq!(sum(bank).await, 5);
    let payments = async || {
        let auditor = bank.operator(Role::Auditor).await;
        let json = auditor.client.get("/v1/staff/figures?days=2").await.expect(200).json();
        let days = json["days"].as_array().expect("days").clone();
        let day = days.iter().find(|day| day["payments"]["test"]["count"] != 0).expect("a day");
        (day["payments"]["test"].clone(), day["declines"].clone())
    };
    let (counted, declines) = payments().await;
    assert_eq!(counted, json!({ "count": 3, "approved": 1, "declined": 1, "open": 1 }));
    assert_eq!(declines, json!([{ "mode": "test", "code": "card_declined", "count": 1 }]));
    till.chaos(Chaos::default());
    let _known = ask(&till).await;
    assert_eq!(sum(bank).await, 1);
    let (counted, _) = payments().await;
    assert_eq!(counted, json!({ "count": 3, "approved": 2, "declined": 1, "open": 0 }));
}
