//! A Redis that is replaced: the master is killed, and the Sentinels make a replica the master. While there is none,
//! money and sign-ins are refused and reads go on; then service is back by itself, nobody who signed out is in again, and
//! limits are at most begun anew. `docs/operating.md` says what can be lost.
//!
//! Where this run has no Redis, the test says so and ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exchequer::config::{Config, Redis};
use serde_json::{Value, json};
use store::cache::State;
use testkit::redis::{Replicated, prefix};
use testkit::{Client, Person, Reply, TestBank, TestDatabase};
use tokio::time::Instant;

use crate::scene::post;

/// Three seconds until the master is taken for dead, an election, a connection; a loaded machine gets more.
pub const BACK_LIMIT: Duration = Duration::from_mins(1);
/// Reads of an address in a minute (`http/limits/rules.rs`, visits).
pub const VISITS: usize = 600;

pub async fn node(database: TestDatabase, url: &str, prefix: &str) -> TestBank {
    let redis = Redis::of_test(url, prefix).expect("Sentinels");
    let change = |config: &mut Config| {
        config.redis = Some(redis);
        config.rate_limits_on = true;
    };
    TestBank::on(database, change).await
}

pub async fn sign_in(bank: &TestBank, person: &Person) -> Reply {
    let body = json!({ "email": person.email, "password": person.password });
    post(bank, "/v1/auth/login", &body).await
}

pub async fn pay(person: &Person, order: &Value) -> Reply {
    person.client.post("/v1/transfers", order).await
}

pub async fn sign_out(person: &Person) {
    let _out = person.client.post_raw("/v1/auth/logout", None, Vec::new()).await.expect(204);
}

/// How many visits of an address are taken before one is refused.
pub async fn visits(client: &Client) -> usize {
    for taken in 0..=VISITS {
        let reply = client.get("/.well-known/jwks.json").await;
        if reply.status != 200 {
            reply.refused(429, "rate_limited");
            return taken;
        }
    }
    panic!("more than {VISITS} in a minute");
}

/// Reads until it is told to stop, slower than any limit of a node; gives how many there were.
pub async fn read_until(client: Client, stop: Arc<AtomicBool>) -> usize {
    let mut count = 0;
    let mut beat = tokio::time::interval(Duration::from_millis(150));
    while !stop.load(Ordering::Relaxed) {
        beat.tick().await;
        let _reply = client.get("/v1/me").await.expect(200);
        count += 1;
    }
    count
}

/// Two nodes on one database and one Redis, and three customers who are known on both.
pub struct Scene {
    pub here: TestBank,
    pub there: TestBank,
    /// She pays, with an order that nobody has the money for.
    pub asha: Person,
    pub order: Value,
    /// One to sign out before, the other while there is no Redis.
    pub leaving: [Person; 2],
    /// Their tokens.
    pub out: [String; 2],
}

impl Scene {
    pub async fn on(url: &str) -> Self {
        let prefix = prefix();
        let first = TestDatabase::new();
        let mut second = TestDatabase::new();
        second.set_options(first.options().clone());
        let (here, there) = (node(first, url, &prefix).await, node(second, url, &prefix).await);
        let asha = here.customer("Asha").await;
        let leaving = [here.customer("Ravi").await, here.customer("Chen").await];
        let (from, to) = (here.account(&asha, "INR").await, here.account(&leaving[0], "INR").await);
        let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR" });
        let out = leaving.each_ref().map(|it| it.client.token().expect("a token").to_owned());
        for token in &out {
            let _me = there.client().with_token(token).get("/v1/me").await.expect(200);
        }
        Self { here, there, asha, order, leaving, out }
    }

    pub fn nodes(&self) -> [&TestBank; 2] {
        [&self.here, &self.there]
    }
}

/// Nobody who signed out is in, on either node, a second after at the latest.
pub async fn are_out(nodes: [&TestBank; 2], tokens: &[String]) {
    for node in nodes {
        node.advance(2);
        for token in tokens {
            let client = node.client().with_token(token);
            client.get("/v1/me").await.refused(401, "unauthenticated");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_killed_is_replaced_and_lets_nobody_in() {
    let Some(mut redis) = Replicated::start() else {
        println!("no Redis in this run");
        return;
    };
    let scene = Scene::on(&redis.url()).await;
    let Scene { here, there, asha, order, leaving: [ravi, chen], out } = &scene;
    let nodes = scene.nodes();
    sign_out(ravi).await;
    there.client().with_token(&out[0]).get("/v1/me").await.refused(401, "unauthenticated");
    let visitor = here.client().at("198.51.100.7");
    assert_eq!(visits(&visitor).await, VISITS);
    pay(asha, order).await.refused(422, "insufficient_funds");

    let stop = Arc::new(AtomicBool::new(false));
    let reading = nodes.map(|node| {
        let client = node.client().with_token(asha.client.token().expect("a token"));
        tokio::spawn(read_until(client, Arc::clone(&stop)))
    });
    let killed = Instant::now();
    redis.kill_master();
    for node in nodes {
        assert_eq!(node.bank().cache().state().await, State::RedisGone);
        let ready = node.client().get("/readyz").await.expect(200);
        assert_eq!(ready.text("/checks/cache"), "redis_gone");
    }
    for refused in [pay(asha, order).await, sign_in(here, asha).await] {
        refused.refused(503, "unavailable");
        assert!(refused.header("retry-after").is_some());
    }
    sign_out(chen).await;
    are_out(nodes, out).await;
    assert!(killed.elapsed() < Replicated::DOWN_AFTER, "all of it while nobody was the master");

    redis.wait_for_another_master();
    for node in nodes {
        assert!(node.bank().cache().connected(BACK_LIMIT).await, "it comes back by itself");
        assert_eq!(node.bank().cache().state().await, State::Redis);
    }
    println!("back after {:?}", killed.elapsed());
    are_out(nodes, out).await;
    pay(asha, order).await.refused(422, "insufficient_funds");
    let _in = sign_in(here, asha).await.expect(200);
    stop.store(true, Ordering::Relaxed);
    for reads in reading {
        assert!(reads.await.expect("every read was answered") > 0);
    }
    // What the replica had of the limit still counts; at the worst it begins anew, and it holds again.
    let more = visits(&visitor).await;
    println!("{more} of {VISITS} visits were taken again");
    assert!(more <= VISITS);
    assert_eq!(visits(&visitor).await, 0, "it holds again");
}
