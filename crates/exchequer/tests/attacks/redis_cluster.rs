//! A cluster of six Redis that loses a master under load: killed, or silent as if it was cut off. Until its replica has
//! its place, what needs it is refused and reads go on; then service is back by itself, while the lost one is still
//! lost and after it is back. Nobody who signed out is in again at any time, and a limit that the replica knew of holds
//! to the last visit.
//!
//! Where this run has no Redis, the tests say so and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use store::cache::State;
use testkit::redis::Clustered;
use testkit::{Client, Person, TestBank};
use tokio::time::{Instant, sleep};

use crate::redis_failover::{
    BACK_LIMIT, Scene, VISITS, are_out, pay, read_until, sign_in, sign_out, visits,
};
use crate::scene::post;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    Killed,
    Silent,
}

/// The limit of visits is one of a minute, by Redis' own clock.
const WINDOW: Duration = Duration::from_secs(55);
const PAUSE: Duration = Duration::from_millis(20);
/// Under the limit of payments of a customer.
const PAYMENT_PAUSE: Duration = Duration::from_millis(700);

impl Loss {
    pub fn happens(self, redis: &mut Clustered, master: usize) {
        match self {
            Self::Killed => redis.kill(master),
            Self::Silent => redis.silence(master),
        }
    }

    pub fn ends(self, redis: &mut Clustered, master: usize) {
        match self {
            Self::Killed => redis.start_again(master),
            Self::Silent => redis.let_go_on(master),
        }
    }
}

/// Where keys came to be.
pub fn grown(before: [usize; 3], after: [usize; 3]) -> Option<usize> {
    (0..3).find(|master| after[*master] > before[*master])
}

/// The master that has the limits of signing in, and a visitor whose limit it has, too.
async fn victim(redis: &Clustered, bank: &TestBank) -> (usize, Client) {
    let before = redis.count("*l:{*");
    let body = json!({ "email": "nobody@example.com", "password": "lanterns and lanterns" });
    post(bank, "/v1/auth/login", &body).await.refused(401, "invalid_credentials");
    let victim = grown(before, redis.count("*l:{*")).expect("signing in is counted");
    for number in 1..=200 {
        let visitor = bank.client().at(&format!("198.51.100.{number}"));
        let before = redis.count("*l:*");
        let _keys = visitor.get("/.well-known/jwks.json").await.expect(200);
        if grown(before, redis.count("*l:*")) == Some(victim) {
            return (victim, visitor);
        }
    }
    panic!("no visitor of 200 is counted by master {victim}");
}

/// Pays until it is told to stop: a refusal says what it is. Gives how often there was no Redis.
async fn pay_until(person: Person, order: Value, stop: Arc<AtomicBool>) -> usize {
    let mut gone = 0;
    let mut beat = tokio::time::interval(PAYMENT_PAUSE);
    while !stop.load(Ordering::Relaxed) {
        beat.tick().await;
        let reply = pay(&person, &order).await;
        if reply.status == 503 {
            reply.refused(503, "unavailable");
            gone += 1;
        } else {
            reply.refused(422, "insufficient_funds");
        }
    }
    gone
}

/// Nobody signs in before another has the lost one's place. Gives how many were refused.
async fn nobody_signs_in(redis: &Clustered, victim: usize, bank: &TestBank, who: &Person) -> usize {
    let (mut refused, started) = (0, Instant::now());
    while !redis.is_replaced(victim) {
        assert!(started.elapsed() < BACK_LIMIT, "another has its place");
        let reply = sign_in(bank, who).await;
        if reply.status == 200 {
            assert!(redis.is_replaced(victim), "signed in while nobody counted it");
            break;
        }
        assert!(reply.header("retry-after").is_some());
        reply.refused(503, "unavailable");
        refused += 1;
        sleep(PAUSE).await;
    }
    refused
}

/// Until both nodes have a whole cluster again.
async fn are_back(nodes: [&TestBank; 2]) {
    for node in nodes {
        let started = Instant::now();
        while node.bank().cache().state().await != State::Redis {
            assert!(started.elapsed() < BACK_LIMIT, "it comes back by itself");
            sleep(PAUSE).await;
        }
    }
}

#[expect(clippy::print_stdout, reason = "what came of it is told")]
async fn survives(loss: Loss) {
    let Some(mut redis) = Clustered::start() else {
        println!("no Redis in this run");
        return;
    };
    let scene = Scene::on(&redis.url()).await;
    let Scene { here, there, asha, order, leaving: [ravi, chen], out } = &scene;
    let nodes = scene.nodes();
    sign_out(ravi).await;
    let (victim, visitor) = victim(&redis, here).await;
    let filled = Instant::now();
    assert_eq!(visits(&visitor).await, VISITS - 1, "all but the first");
    redis.wait_until_passed_on(victim);

    let stop = Arc::new(AtomicBool::new(false));
    let reading = nodes.map(|node| {
        let client = node.client().with_token(asha.client.token().expect("a token"));
        tokio::spawn(read_until(client, Arc::clone(&stop)))
    });
    let paying = tokio::spawn(pay_until(asha.clone(), order.clone(), Arc::clone(&stop)));
    let lost = Instant::now();
    loss.happens(&mut redis, victim);
    let refused = nobody_signs_in(&redis, victim, there, chen).await;
    assert!(refused > 0, "{loss:?}: it was seen that nobody signs in");
    sign_out(chen).await;
    are_out(nodes, out).await;
    redis.wait_until_replaced(victim);
    are_back(nodes).await;
    println!("{loss:?}: back after {:?}, {refused} sign-ins refused", lost.elapsed());
    let _in = sign_in(here, asha).await.expect(200);
    holds(nodes, out, &visitor, filled).await;

    // The lost one comes back: with nothing, or with all it knew and the belief that it is the master.
    loss.ends(&mut redis, victim);
    redis.wait_until_whole();
    are_back(nodes).await;
    holds(nodes, out, &visitor, filled).await;
    let _in = sign_in(there, asha).await.expect(200);
    stop.store(true, Ordering::Relaxed);
    for reads in reading {
        assert!(reads.await.expect("every read was answered") > 0);
    }
    let gone = paying.await.expect("every payment was answered clearly");
    println!("{loss:?}: {gone} payments refused with 503");
}

/// Who is out stays out, and a full limit is full.
#[expect(clippy::print_stdout, reason = "what came of it is told")]
async fn holds(nodes: [&TestBank; 2], out: &[String], visitor: &Client, filled: Instant) {
    are_out(nodes, out).await;
    let more = visits(visitor).await;
    if filled.elapsed() < WINDOW {
        assert_eq!(more, 0, "a limit of which the replica knew holds to the last visit");
    } else {
        println!("the window passed on this slow machine: {more} more visits");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_of_a_cluster_that_is_killed_lets_nobody_in() {
    survives(Loss::Killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_of_a_cluster_that_falls_silent_lets_nobody_in() {
    survives(Loss::Silent).await;
}
