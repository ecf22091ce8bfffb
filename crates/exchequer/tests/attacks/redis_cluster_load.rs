//! How exactly limits and proofs hold when a cluster loses a master under load. Redis tells its replicas after it has
//! answered: what was passed on holds to the last one, and what was not is lost, which the tests print.
//!
//! Where this run has no Redis, the tests say so and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use money::Timestamp;
use store::cache::{Ask, Cache, Gone, Key, Limit, RedisAddress, RedisOptions, Space, Subject};
use testkit::redis::{Clustered, prefix};
use tokio::time::{Instant, sleep};

use crate::redis_cluster::{Loss, grown};
use crate::redis_failover::BACK_LIMIT;

/// Acceptances of the limit, within ten minutes.
const MOST: u32 = 2_000;
const WINDOW_SECONDS: u32 = 600;
/// What is passed on for sure before the loss.
const FIRST: u32 = 200;
const BEFORE_THE_LOSS: u32 = 600;
const CALLERS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(2);

/// What all callers came to.
#[derive(Default)]
struct Tally {
    accepted: AtomicU32,
    /// Calls of the limit that were not answered: counted or not, and on a broken connection perhaps twice.
    gone: AtomicU32,
    /// The number of the next proof.
    shown: AtomicU32,
    full: AtomicBool,
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_767_607_200)
}

fn ask() -> [Ask; 1] {
    let subject = Subject { space: Space::Guarded, rule: 3, kind: 1, id: [1; 16] };
    [Ask { subject, limit: Limit::new(MOST, WINDOW_SECONDS) }]
}

fn proof(number: u32) -> Key {
    let mut hash = [7; 16];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    Key::ShownOnce(hash)
}

async fn show(cache: &Cache, number: u32) -> Result<bool, Gone> {
    cache.put_new(proof(number), 1, 600, now()).await
}

/// Asks until the limit is full, and shows a new proof each time. Gives the proofs that passed.
async fn call(cache: Cache, tally: Arc<Tally>) -> Vec<u32> {
    let mut passed = Vec::new();
    while !tally.full.load(Ordering::Relaxed) {
        match cache.decide(&ask(), 0).await {
            Ok(decision) if decision.refused.is_none() => {
                tally.accepted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => tally.full.store(true, Ordering::Relaxed),
            Err(Gone) => {
                tally.gone.fetch_add(1, Ordering::Relaxed);
            }
        }
        let number = tally.shown.fetch_add(1, Ordering::Relaxed);
        if show(&cache, number).await == Ok(true) {
            passed.push(number);
        }
        sleep(PAUSE).await;
    }
    passed
}

/// Those of these proofs that pass once more.
async fn pass_again(cache: &Cache, numbers: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut again = Vec::new();
    for number in numbers {
        let started = Instant::now();
        let passed = loop {
            match show(cache, number).await {
                Ok(passed) => break passed,
                Err(Gone) => assert!(started.elapsed() < BACK_LIMIT, "the cluster is back"),
            }
            sleep(PAUSE).await;
        };
        if passed {
            again.push(number);
        }
    }
    again
}

#[expect(clippy::print_stdout, reason = "what came of it is told")]
async fn holds_under_load(loss: Loss) {
    let Some(mut redis) = Clustered::start() else {
        println!("no Redis in this run");
        return;
    };
    let address = RedisAddress::parse(&redis.url()).expect("an address");
    let cache =
        Cache::redis(RedisOptions { address, authorities: None, own: None, prefix: prefix() });
    assert!(cache.connected(BACK_LIMIT).await, "connected");
    let before = redis.count("*l:*");
    for number in 0..FIRST {
        assert_eq!(cache.decide(&ask(), 0).await.map(|it| it.refused), Ok(None));
        assert_eq!(show(&cache, number).await, Ok(true));
    }
    let victim = grown(before, redis.count("*l:*")).expect("a limit is somewhere");
    redis.wait_until_passed_on(victim);

    let tally = Arc::new(Tally::default());
    tally.shown.store(FIRST, Ordering::Relaxed);
    let callers: Vec<_> =
        (0..CALLERS).map(|_| tokio::spawn(call(cache.clone(), Arc::clone(&tally)))).collect();
    let started = Instant::now();
    while tally.accepted.load(Ordering::Relaxed) < BEFORE_THE_LOSS {
        assert!(started.elapsed() < BACK_LIMIT, "there is load");
        sleep(PAUSE).await;
    }
    loss.happens(&mut redis, victim);
    redis.wait_until_replaced(victim);
    let mut passed = Vec::new();
    for caller in callers {
        let ended = tokio::time::timeout(BACK_LIMIT, caller).await.expect("the limit fills up");
        passed.extend(ended.expect("a caller"));
    }
    let accepted = FIRST + tally.accepted.load(Ordering::Relaxed);
    let gone = tally.gone.load(Ordering::Relaxed);
    println!("{loss:?}: {accepted} of {MOST} accepted, {gone} calls without an answer");
    assert!(accepted + 2 * gone >= MOST, "nothing is refused that had room");
    assert!(accepted <= 2 * MOST - FIRST, "what was passed on counts");
    assert_eq!(pass_again(&cache, 0..FIRST).await, Vec::<u32>::new(), "what was passed on");
    let count = passed.len();
    println!("{loss:?}: {} of {count} proofs pass again", pass_again(&cache, passed).await.len());

    loss.ends(&mut redis, victim);
    redis.wait_until_whole();
    assert_eq!(pass_again(&cache, 0..FIRST).await, Vec::<u32>::new(), "the one that came back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_holds_when_its_master_is_killed_under_load() {
    holds_under_load(Loss::Killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_holds_when_its_master_falls_silent_under_load() {
    holds_under_load(Loss::Silent).await;
}
