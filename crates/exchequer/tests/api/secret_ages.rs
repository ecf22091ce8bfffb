//! How old the passwords and tokens of other services are, as the health tells it.

use std::sync::Arc;

use exchequer::bank::Bank;
use exchequer::config::ServiceSecret;
use exchequer::secrets::{SecretAge, note};
use exchequer::staff::model::Role;
use money::Timestamp;
use serde_json::json;
use store::{DbError, params};
use testkit::TestBank;
use vault::SecretString;

use crate::rows::number;

const DAYS: u32 = 90;
const DAY: i64 = 86_400;
const FIRST: &str = "the first password of Redis";
const SECOND: &str = "the second password of Redis";
const ROWS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM service_secrets";

fn secret(setting: &'static str, value: &str) -> ServiceSecret {
    ServiceSecret { setting, value: Arc::new(SecretString::new(value.to_owned())), days: DAYS }
}

/// A node of the bank that starts with these.
async fn node(bank: &TestBank, secrets: Vec<ServiceSecret>) -> Bank {
    bank.other_bank_with(|config| config.secrets.given = secrets).await
}

/// The age of the password of Redis on a node that starts with it now.
async fn since(bank: &TestBank, value: &str) -> Timestamp {
    let node = node(bank, vec![secret("redis_url", value)]).await;
    let ages = note(&node).await.expect("the database is there");
    assert_eq!(ages, node.secrets());
    let [SecretAge { setting: "redis_url", since, until }] = ages[..] else { panic!("{ages:?}") };
    assert_eq!(until, since.plus_seconds(i64::from(DAYS) * DAY));
    since
}

// ASVS 5.0, 13.3.4: the age of a secret is known through restarts, and giving an old one again does not make it young.
#[tokio::test]
async fn a_secret_is_as_old_as_its_first_use() {
    let bank = TestBank::new().await;
    bank.secret(FIRST);
    bank.secret(SECOND);
    let begin = bank.clock().now();
    assert_eq!(since(&bank, FIRST).await, begin);
    bank.advance(DAY);
    assert_eq!(since(&bank, FIRST).await, begin);
    let changed = bank.clock().now();
    assert_eq!(since(&bank, SECOND).await, changed);
    bank.advance(DAY);
    assert_eq!(since(&bank, FIRST).await, begin);
    assert_eq!(since(&bank, SECOND).await, changed);
    assert_eq!(number(&bank, ROWS).await, 2);
    // Nodes with secrets of their own do not make those of others young.
    for other in 0..20 {
        let _since = since(&bank, &format!("password of node {other}")).await;
        bank.advance(1);
    }
    assert_eq!(since(&bank, FIRST).await, begin);
    // The same password of another service is a secret of its own.
    let node = node(&bank, vec![secret("database_url", FIRST)]).await;
    let ages = note(&node).await.expect("the database is there");
    assert_eq!(ages[0].since, bank.clock().now());
}

#[tokio::test]
async fn the_health_tells_the_ages_of_what_was_configured() {
    let bank =
        TestBank::with(|config| config.secrets.given = vec![secret("redis_url", FIRST)]).await;
    let _ages = note(bank.bank()).await.expect("the database is there");
    let check = async || {
        let operator = bank.operator(Role::Support).await;
        let health = operator.client.get("/v1/staff/health").await.expect(200).json();
        let checks = health["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|check| check["name"] == "secrets").expect("the check of secrets")
    };
    let young = check().await;
    assert_eq!((&young["state"], &young["facts"][0]["name"]), (&json!("ok"), &json!("redis_url")));
    bank.advance(i64::from(DAYS) * DAY);
    let old = check().await;
    assert_eq!(old["state"], "degraded");
    assert!(!old.to_string().contains(FIRST), "{old}");
    let plain = TestBank::new().await;
    let operator = plain.operator(Role::Support).await;
    let health = operator.client.get("/v1/staff/health").await.expect(200).json();
    let checks = health["checks"].as_array().expect("checks");
    assert!(checks.iter().all(|check| check["name"] != "secrets"));
}

#[tokio::test]
async fn no_more_than_a_few_of_a_setting_are_kept_and_a_changed_row_stops_nobody() {
    let bank = TestBank::new().await;
    for change in 0..70 {
        let _since = since(&bank, &format!("password {change} of Redis")).await;
        bank.advance(1);
    }
    assert_eq!(number(&bank, ROWS).await, 64);
    let spoil = "UPDATE service_secrets SET digest_sealed = $1";
    let other = vec![1_u8; 40];
    let spoilt = bank.bank().db().write("attack", move |tx| tx.execute(spoil, params![&other]));
    let rows: u64 = spoilt.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    assert_eq!(rows, 64);
    assert_eq!(since(&bank, "password 69 of Redis").await, bank.clock().now());
}
