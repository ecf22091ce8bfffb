//! Rate limits of what a merchant signs: how many payments and refunds in a minute, and whom that counts.
//!
//! In memory, or on the Redis of this run.

use serde_json::{Value, json};
use testkit::sandbox::{Till, order};
use testkit::{Reply, Shop, key};

const PAYMENTS: u32 = 100;
const REFUNDS: u32 = 10;
/// A card of the sandbox that is taken.
const GOOD: &str = "4242424242424242";

async fn till() -> Till {
    Till::with(|config| config.rate_limits_on = true).await
}

/// What the answer says of the limit: its policy, how many are left, and in how many seconds.
fn told(reply: &Reply) -> (String, u32, u32) {
    let state = reply.header("ratelimit").unwrap_or_default();
    let part = |name: &str| {
        let part = state.split(';').find_map(|part| part.strip_prefix(name));
        part.and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {state:?}"))
    };
    let policy = reply.header("ratelimit-policy").unwrap_or_default().to_owned();
    (policy, part("r="), part("t="))
}

fn policy(most: u32) -> String {
    format!("\"caller\";q={most};w=60")
}

/// Refused for the limit, with all that a client needs to know when to come again.
fn is_over(reply: &Reply, most: u32) {
    reply.refused(429, "rate_limited");
    let (says, left, _) = told(reply);
    assert_eq!((says, left), (policy(most), 0));
    let wait: u32 = reply.header("retry-after").expect("a wait").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
}

async fn payments(shop: &Shop) -> usize {
    let list = shop.get("/v1/payments?limit=100").await.expect(200).json();
    list["data"].as_array().expect("a list").len()
}

// ASVS 2.4.1: a merchant makes so many payments a minute.
#[tokio::test]
async fn a_merchant_makes_a_hundred_payments_a_minute_and_not_one_more() {
    let till = till().await;
    let card = till.shop.card(GOOD).await;
    let body = order(&card, 100, "manual");
    for left in (0..PAYMENTS).rev() {
        let paid = till.shop.post("/v1/payments", &body).await.expect(201);
        let (says, remaining, _) = told(&paid);
        assert_eq!((says, remaining), (policy(PAYMENTS), left));
    }
    // What is refused does not count, and has not happened: no payment, and its key was not used.
    let key = key();
    for _ in 0..PAYMENTS {
        is_over(&till.shop.post_with_key("/v1/payments", &key, &body).await, PAYMENTS);
    }
    assert_eq!(payments(&till.shop).await, 100);
    // Each route is counted by itself, and another merchant has its own.
    let _read = till.shop.get("/v1/payments?limit=1").await.expect(200);
    let other = Shop::new(&till.bank, &till.admin, "test").await;
    let card = other.card(GOOD).await;
    let paid = other.post("/v1/payments", &order(&card, 100, "manual")).await.expect(201);
    assert_eq!(told(&paid).1, PAYMENTS - 1);
    assert_eq!(payments(&other).await, 1);
}

// ASVS 2.4.1: a merchant gives money back so many times a minute.
#[tokio::test]
async fn a_merchant_refunds_ten_times_a_minute_and_not_once_more() {
    let till = till().await;
    let paid = till.pay(GOOD, "automatic").await.expect(201);
    let path = format!("/v1/payments/{}/refunds", paid.text("/id"));
    let refunded = async || -> Value {
        let now = till.shop.get(&format!("/v1/payments/{}", paid.text("/id"))).await;
        now.expect(200).json()["refunded"].clone()
    };
    for left in (0..REFUNDS).rev() {
        let back = till.shop.post(&path, &json!({ "amount": 1 })).await.expect(201);
        let (says, remaining, _) = told(&back);
        assert_eq!((says, remaining), (policy(REFUNDS), left));
    }
    let key = key();
    for _ in 0..3 * REFUNDS {
        is_over(&till.shop.post_with_key(&path, &key, &json!({ "amount": 1 })).await, REFUNDS);
    }
    // Not of another payment either: the merchant is counted, and not what is refunded.
    let second = till.pay(GOOD, "automatic").await.expect(201);
    let other = format!("/v1/payments/{}/refunds", second.text("/id"));
    is_over(&till.shop.post(&other, &json!({ "amount": 1 })).await, REFUNDS);
    assert_eq!(refunded().await, 10);
}

/// Where the window is the bank's own, it is seen to the second that refusals did not lengthen it.
#[tokio::test]
async fn what_was_refused_keeps_no_merchant_out_longer() {
    let till = Till::with(|config| {
        config.rate_limits_on = true;
        config.redis = None;
    })
    .await;
    let paid = till.pay(GOOD, "automatic").await.expect(201);
    let path = format!("/v1/payments/{}/refunds", paid.text("/id"));
    let refund = async || till.shop.post(&path, &json!({ "amount": 1 })).await;
    for _ in 0..REFUNDS {
        let _back = refund().await.expect(201);
    }
    for waited in 0..60 {
        let over = refund().await;
        is_over(&over, REFUNDS);
        assert_eq!(over.header("retry-after"), Some(&*(60 - waited).to_string()));
        till.bank.advance(1);
    }
    for _ in 0..REFUNDS {
        let _back = refund().await.expect(201);
    }
    is_over(&refund().await, REFUNDS);
}
