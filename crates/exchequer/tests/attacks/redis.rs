//! Several nodes and one Redis: limits that hold exactly, sessions that end everywhere, and a Redis that is
//! killed and started again under load.
//!
//! Where this run has no Redis, the tests say so and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use exchequer::config::{Config, Redis};
use serde_json::json;
use store::cache::State;
use testkit::redis::{PrivateRedis, address, prefix};
use testkit::{Client, Person, Reply, TestBank, TestDatabase};

/// A Redis that was just started is found within a second; a loaded machine gets more.
const BACK_LIMIT: Duration = Duration::from_secs(20);

fn on(url: &str, prefix: &str) -> impl Fn(&mut Config) + use<> {
    let redis = Redis::of_test(url, prefix).expect("a Redis of this test");
    move |config| {
        config.redis = Some(redis.clone());
        config.rate_limits_on = true;
    }
}

/// Two nodes of one bank.
async fn two_nodes(change: impl Fn(&mut Config)) -> (TestBank, TestBank) {
    let first = TestDatabase::new();
    let mut second = TestDatabase::new();
    second.set_options(first.options().clone());
    (TestBank::on(first, &change).await, TestBank::on(second, &change).await)
}

async fn sign_in(client: &Client, email: &str, password: &str) -> Reply {
    let body = json!({ "email": email, "password": password });
    client.post_raw("/v1/auth/login", None, body.to_string().into_bytes()).await
}

async fn pay(person: &Person, from: &str, to: &str) -> Reply {
    let body = json!({ "from": from, "to": to, "amount": 1, "currency": "INR" });
    person.client.post("/v1/transfers", &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_nodes_keep_one_limit_exactly() {
    let Some(url) = address() else {
        println!("no Redis in this run");
        return;
    };
    let change = on(&url, &prefix());
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(TestBank::with(&change).await);
    }
    let accepted = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        for worker in 0..4 {
            // Visits of one address: 600 a minute, whichever node they come to.
            let (client, accepted) = (node.client(), Arc::clone(&accepted));
            tasks.push(tokio::spawn(async move {
                for _ in 0..60 {
                    let reply = client.get("/.well-known/jwks.json").await;
                    match reply.status.as_u16() {
                        200 => accepted.fetch_add(1, Ordering::Relaxed),
                        429 => continue,
                        other => panic!("{other} of node {number}, worker {worker}"),
                    };
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(accepted.load(Ordering::Relaxed), 600);
}

#[tokio::test]
async fn a_session_that_ended_on_one_node_is_over_on_the_other() {
    let Some(url) = address() else {
        println!("no Redis in this run");
        return;
    };
    let (here, there) = two_nodes(on(&url, &prefix())).await;
    let asha = here.customer("Asha").await;
    let token = asha.client.token().unwrap().to_owned();
    let elsewhere = there.client().with_token(&token);
    let _reply = elsewhere.get("/v1/me").await.expect(200);
    let _reply = asha.client.post_raw("/v1/auth/logout", None, Vec::new()).await.expect(204);
    // Neither clock has moved: nothing but Redis can have told it.
    elsewhere.get("/v1/me").await.refused(401, "unauthenticated");
}

// PCI DSS 10.7.2: while limits cannot be counted, nobody signs in and no money moves, and `/readyz` says why.
// ASVS 16.5.2, 16.5.3: without Redis reading goes on, and what cannot be limited does not happen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_dies_under_load_lets_nobody_in_and_nobody_out() {
    let Some(mut redis) = PrivateRedis::start() else {
        println!("no Redis in this run");
        return;
    };
    let (here, there) = two_nodes(on(&redis.url(), &prefix())).await;
    let asha = here.customer("Asha").await;
    let ravi = here.customer("Ravi").await;
    let (from, to) = (here.account(&asha, "INR").await, here.account(&ravi, "INR").await);
    let ravi_there = there.client().with_token(ravi.client.token().unwrap());
    let _reply = ravi_there.get("/v1/me").await.expect(200);
    let _reply = ravi.client.post_raw("/v1/auth/logout", None, Vec::new()).await.expect(204);
    ravi_there.get("/v1/me").await.refused(401, "unauthenticated");
    pay(&asha, &from, &to).await.refused(422, "insufficient_funds");

    // Reads go on through all of it, on both nodes.
    let stop = Arc::new(AtomicBool::new(false));
    let reads: Vec<_> =
        [asha.client.clone(), there.client().with_token(asha.client.token().unwrap())]
            .into_iter()
            .map(|client| tokio::spawn(read_until(client, Arc::clone(&stop))))
            .collect();
    for round in 0..3 {
        redis.kill();
        for node in [&here, &there] {
            assert_eq!(node.bank().cache().state().await, State::RedisGone);
            let reply = node.client().get("/readyz").await.expect(200);
            assert_eq!(reply.text("/checks/cache"), "redis_gone");
        }
        let refused = pay(&asha, &from, &to).await;
        refused.refused(503, "unavailable");
        assert!(refused.header("retry-after").is_some());
        sign_in(&here.client(), &ravi.email, &ravi.password).await.refused(503, "unavailable");
        let _reply = asha.client.get("/v1/me").await.expect(200);
        // Empty memories: what Redis knew is gone, and the row of the session still says it.
        ravi.client.get("/v1/me").await.refused(401, "unauthenticated");
        for node in [&here, &there] {
            node.advance(2);
        }
        ravi_there.get("/v1/me").await.refused(401, "unauthenticated");

        redis.start_again();
        for node in [&here, &there] {
            assert!(node.bank().cache().connected(BACK_LIMIT).await, "round {round}");
            let reply = node.client().get("/readyz").await.expect(200);
            assert_eq!(reply.text("/checks/cache"), "redis");
        }
        pay(&asha, &from, &to).await.refused(422, "insufficient_funds");
        ravi_there.get("/v1/me").await.refused(401, "unauthenticated");
        let _reply = asha.client.get("/v1/me").await.expect(200);
        sign_in(&here.client(), "nobody@example.test", "not this one, surely")
            .await
            .refused(401, "invalid_credentials");
    }
    stop.store(true, Ordering::Relaxed);
    for read in reads {
        assert!(read.await.unwrap() > 0);
    }
}

/// Slower than the limit of a thousand a minute, which every node keeps alone while Redis is gone.
async fn read_until(client: Client, stop: Arc<AtomicBool>) -> usize {
    let mut count = 0;
    let mut beat = tokio::time::interval(Duration::from_millis(150));
    while !stop.load(Ordering::Relaxed) {
        beat.tick().await;
        let _reply = client.get("/v1/me").await.expect(200);
        count += 1;
    }
    count
}
