//! Groups on Redis: each decision of a call as if it came by itself, and nobody hurt by who leaves.

use std::time::Duration;

use money::Rng;

use super::*;
use crate::cache::limiter::{MAX_ASKS, REDIS_TIME};
use crate::cache::redis::Redis;
use crate::cache::tests::{Oracle, START, ask, options};
use crate::cache::{Cache, Limit, RedisAddress, RedisOptions, Space, Subject};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);

async fn cache() -> Option<Cache> {
    let cache = Cache::redis(options()?);
    assert!(cache.connected(CONNECT_LIMIT).await);
    Some(cache)
}

#[tokio::test]
async fn each_of_a_group_is_decided_as_the_plain_rule_decides_it() {
    let Some(options) = options() else { return println!("no Redis in this run") };
    let redis = Redis::open_with_given_time(options);
    assert!(redis.connected(CONNECT_LIMIT).await);
    let limits = [(1, 1), (2, 3), (5, 2), (3, 60), (20, 7)];
    for seed in 0..20 {
        let (rng, mut oracle, mut now) = (Rng::seeded(seed), Oracle::default(), START);
        for step in 0..30 {
            now += i64::from(rng.below(4)) * 700_000;
            let size = 1 + rng.below(u32::try_from(MOST).unwrap());
            let group: Vec<Vec<Ask>> = (0..size)
                .map(|_| {
                    let count = 1 + rng.below(u32::try_from(MAX_ASKS).unwrap() - 1);
                    let from = rng.below(2);
                    let asks = (from..from + count).map(|n| {
                        let (most, window) = limits[n as usize];
                        ask(u32::try_from(seed).unwrap() * 100 + n, most, window)
                    });
                    asks.collect()
                })
                .collect();
            let asks: Vec<&[Ask]> = group.iter().map(Vec::as_slice).collect();
            let said = redis.decide_at(&asks, now).await.unwrap();
            let right: Vec<Decision> = asks.iter().map(|asks| oracle.decide(asks, now)).collect();
            assert_eq!(said, right, "seed {seed}, step {step}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_is_accepted_as_often_as_the_limit_says() {
    // Four nodes of one bank.
    let (mut tasks, prefix) = (Vec::new(), testkit::redis::prefix());
    for _ in 0..4 {
        let Some(options) = options() else { return println!("no Redis in this run") };
        let cache = Cache::redis(RedisOptions { prefix: prefix.clone(), ..options });
        assert!(cache.connected(CONNECT_LIMIT).await);
        for n in 0..250 {
            let cache = cache.clone();
            // Some of one limit, some of two that are decided together.
            let asks = [ask(1, 600, 60), ask(2, 10_000, 60)];
            let count = 1 + n % 2;
            tasks.push(tokio::spawn(async move { cache.decide(&asks[..count], 0).await }));
        }
    }
    let mut accepted = 0;
    for task in tasks {
        accepted += u32::from(task.await.unwrap().unwrap().refused.is_none());
    }
    assert_eq!(accepted, 600);
}

#[tokio::test]
async fn who_leaves_hurts_nobody_and_is_not_asked_for() {
    let Some(cache) = cache().await else { return println!("no Redis in this run") };
    let caller = |n: u32| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.decide(&[ask(n % 3, 300, 60)], 0).await })
    };
    let tasks: Vec<_> = (0..300).map(caller).collect();
    // Everybody waits; nothing was sent yet, since this is the only thread and the calls come last.
    tokio::task::yield_now().await;
    let mut stayed = Vec::new();
    for (n, task) in tasks.into_iter().enumerate() {
        if n % 2 == 0 {
            task.abort();
        } else {
            stayed.push(task);
        }
    }
    for task in stayed {
        assert_eq!(task.await.unwrap().unwrap().refused, None);
    }
    for n in 0..3_u32 {
        // Fifty of each hundred stayed, and this one; of those who left some may have been sent.
        let remaining = cache.decide(&[ask(n, 300, 60)], 0).await.unwrap().remaining;
        assert!((199..=249).contains(&remaining), "{remaining}");
    }
}

#[tokio::test]
async fn a_redis_that_forgot_the_script_is_sent_it_again() {
    let Some(cache) = cache().await else { return println!("no Redis in this run") };
    let url = testkit::redis::address().unwrap();
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for round in 0..3 {
        let _: () = cmd("SCRIPT").arg("FLUSH").query_async(&mut connection).await.unwrap();
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let cache = cache.clone();
                tokio::spawn(async move { cache.decide(&[ask(1, 1_000, 60)], 0).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap().refused, None);
        }
        let remaining = cache.decide(&[ask(1, 1_000, 60)], 0).await.unwrap().remaining;
        assert_eq!(remaining, 1_000 - 101 * (round + 1), "each was counted once");
    }
}

/// Keys of one call must lie in one slot there, so none is shared.
#[tokio::test]
async fn a_cluster_decides_for_a_crowd_too() {
    if testkit::redis::address().is_none() {
        return println!("no Redis in this run");
    }
    let bus = testkit::redis::free_port().to_string();
    let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--save", ""];
    let announced = ["--cluster-announce-ip", "127.0.0.1"];
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&arguments[..], &announced[..]].concat();
    let node = testkit::redis::Program::start(folder, "--port", &arguments);
    assert_eq!(node.say("CLUSTER ADDSLOTSRANGE 0 16383"), "+OK\r\n");
    testkit::redis::wait_until("the cluster is whole", || {
        node.say("CLUSTER INFO").contains("cluster_state:ok")
    });
    let url = format!("redis+cluster://127.0.0.1:{}", node.port());
    let address = RedisAddress::parse(&url).unwrap();
    let prefix = testkit::redis::prefix();
    let cache = Cache::redis(RedisOptions { address, authorities: None, own: None, prefix });
    assert!(cache.connected(CONNECT_LIMIT).await);
    let caller = |n: u32| {
        // A caller's own key lies in a slot of its own.
        let subject = Subject { space: Space::Callers, ..ask(n % 20, 5, 60).subject };
        let (cache, limit) = (cache.clone(), Limit::new(5, 60));
        tokio::spawn(async move { cache.decide(&[Ask { subject, limit }], 0).await })
    };
    let tasks: Vec<_> = (0..200).map(caller).collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += u32::from(task.await.unwrap().unwrap().refused.is_none());
    }
    assert_eq!(accepted, 20 * 5);
}

#[tokio::test]
async fn a_call_that_is_dropped_tells_who_waits_and_leaves_its_place() {
    let address = RedisAddress::parse("redis://127.0.0.1:1").unwrap();
    let options =
        RedisOptions { address, authorities: None, own: None, prefix: "none:".to_owned() };
    let groups = Groups::new(Link::open(options), REDIS_TIME);
    let wait = || {
        let (answer, answered) = oneshot::channel();
        (groups.wait(Waiting { asks: vec![ask(1, 1, 1)], answer }), answered)
    };
    let mut calls = Vec::new();
    let mut waiting = Vec::new();
    for _ in 0..CALLS + 3 {
        let (call, answered) = wait();
        calls.extend(call);
        waiting.push(answered);
    }
    assert_eq!(calls.len(), CALLS, "the others gather");
    drop(calls);
    for answered in waiting {
        assert!(answered.await.is_err());
    }
    let (call, answered) = wait();
    call.unwrap().serve().await;
    assert!(answered.await.is_err(), "Redis is not there");
    assert_eq!(groups.queue().calls, 0);
}
