//! Entries on both backends, and one table of histories that drives the limiter on both.

use std::collections::HashMap;

use money::Rng;

use super::limiter::MAX_ASKS;
use super::windows::{Windows, capacity};
use super::*;

const SECOND: i64 = 1_000_000;
/// A time as Redis has it, 2026.
pub(super) const START: i64 = 1_767_607_200 * SECOND;

/// The limiter under test, with the time given.
enum Backend {
    Memory(Windows),
    Redis(Box<Redis>),
}

impl Backend {
    async fn decide(&self, asks: &[Ask], now: i64) -> Decision {
        match self {
            Self::Memory(windows) => windows.decide(asks, now),
            Self::Redis(redis) => redis.decide_at(&[asks], now).await.unwrap().remove(0),
        }
    }
}

/// Memory, and Redis where this run has one.
async fn backends() -> Vec<Backend> {
    let mut backends = vec![Backend::Memory(Windows::default())];
    if let Some(options) = options() {
        let redis = Redis::open_with_given_time(options);
        assert!(redis.connected(Duration::from_secs(10)).await);
        backends.push(Backend::Redis(Box::new(redis)));
    }
    backends
}

pub(super) fn options() -> Option<RedisOptions> {
    let address = testkit::redis::address()?;
    let address = RedisAddress::parse(&address).unwrap();
    Some(RedisOptions { address, authorities: None, own: None, prefix: testkit::redis::prefix() })
}

async fn caches() -> Vec<Cache> {
    let mut caches = vec![Cache::memory()];
    if let Some(options) = options() {
        let cache = Cache::redis(options);
        assert!(cache.connected(Duration::from_secs(10)).await);
        caches.push(cache);
    }
    caches
}

fn subject(n: u32) -> Subject {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    Subject { space: Space::Guarded, rule: 1, kind: 0, id }
}

pub(super) fn ask(n: u32, most: u32, window_seconds: u32) -> Ask {
    Ask { subject: subject(n), limit: Limit::new(most, window_seconds) }
}

#[tokio::test]
async fn a_value_is_there_until_its_time_is_over() {
    let now = Timestamp::from_seconds(1_000);
    let key = Key::EndedSession(SessionId::from_bytes([7; 16]));
    let other = Key::EndedSession(SessionId::from_bytes([8; 16]));
    for cache in caches().await {
        assert_eq!(cache.get(key, now).await, None);
        cache.put(key, 5, 60, now).await;
        assert_eq!(cache.get(key, now.plus_seconds(59)).await, Some(5));
        assert_eq!(cache.get(other, now).await, None);
        assert!(cache.put_new(other, 1, 60, now).await.unwrap());
        assert!(!cache.put_new(other, 1, 60, now).await.unwrap());
    }
    let memory = Cache::memory();
    memory.put(key, 5, 60, now).await;
    assert_eq!(memory.get(key, now.plus_seconds(60)).await, None);
    assert!(memory.put_new(key, 6, 60, now.plus_seconds(60)).await.unwrap());
}

#[test]
fn entries_are_bounded() {
    let memory = memory::Memory::default();
    let now = Timestamp::from_seconds(1);
    for n in 0..=memory::MAX_ENTRIES {
        let mut key = [0; 17];
        key[..8].copy_from_slice(&u64::try_from(n).unwrap().to_be_bytes());
        memory.put(key, 0, 60, now);
    }
    assert!(memory.count() <= memory::MAX_ENTRIES);
}

/// What was shown once is not forgotten because others show much: a full table takes nothing new.
#[test]
fn what_was_shown_once_is_never_forgotten_before_its_time() {
    let memory = memory::Memory::default();
    let now = Timestamp::from_seconds(1);
    let key = |n: usize| {
        let mut key = [0; 17];
        key[..8].copy_from_slice(&u64::try_from(n).unwrap().to_be_bytes());
        key
    };
    for n in 0..memory::MAX_SHOWN {
        assert_eq!(memory.put_new(key(n), 1, 60, now), Ok(true));
    }
    assert_eq!(memory.put_new(key(memory::MAX_SHOWN), 1, 60, now), Err(Gone));
    assert_eq!(memory.put_new(key(0), 1, 60, now), Ok(false));
    assert_eq!(memory.put_new(key(memory::MAX_SHOWN), 1, 60, now.plus_seconds(60)), Ok(true));
}

/// The rule in its plainest form: all that was accepted, looked through each time.
#[derive(Default)]
pub(super) struct Oracle(HashMap<Subject, Vec<i64>>);

impl Oracle {
    pub fn decide(&mut self, asks: &[Ask], now: i64) -> Decision {
        let inside = |oracle: &Self, ask: &Ask| {
            let window = i64::from(ask.limit.window_seconds) * SECOND;
            let times = oracle.0.get(&ask.subject).into_iter().flatten().copied();
            times.filter(|time| *time > now - window).collect::<Vec<_>>()
        };
        let mut refused: Option<Refused> = None;
        for (which, ask) in asks.iter().enumerate() {
            let times = inside(self, ask);
            let most = ask.limit.most as usize;
            if times.len() >= most {
                let window = i64::from(ask.limit.window_seconds) * SECOND;
                let wait = times[times.len() - most] + window - now;
                let known = refused.get_or_insert(Refused { which, wait_micros: wait });
                known.wait_micros = known.wait_micros.max(wait);
            }
        }
        if refused.is_none() {
            for ask in asks {
                self.0.entry(ask.subject).or_default().push(now);
            }
        }
        let times = inside(self, &asks[0]);
        let window = i64::from(asks[0].limit.window_seconds) * SECOND;
        let remaining = asks[0].limit.most - u32::try_from(times.len()).unwrap();
        let reset_micros = times.first().map_or(0, |oldest| oldest + window - now);
        Decision { refused, remaining, reset_micros }
    }
}

#[tokio::test]
async fn any_history_is_decided_as_the_plain_rule_decides_it() {
    let limits = [(1, 1), (2, 3), (5, 2), (3, 60), (20, 7)];
    for (number, backend) in backends().await.into_iter().enumerate() {
        let rounds = if number == 0 { 200 } else { 25 };
        for seed in 0..rounds {
            let rng = Rng::seeded(seed);
            let mut oracle = Oracle::default();
            let mut now = START;
            for step in 0..120 {
                // Together, close by, at the window's very edge, and far away.
                now += match rng.below(8) {
                    0 | 1 => 0,
                    2..=4 => i64::from(rng.below(400_000)),
                    5 => SECOND,
                    6 => 2 * SECOND,
                    _ => i64::from(rng.below(9)) * SECOND,
                };
                let count = 1 + rng.below(u32::try_from(MAX_ASKS).unwrap() - 1);
                let from = rng.below(2);
                let asks: Vec<Ask> = (from..from + count)
                    .map(|n| {
                        let (most, window) = limits[n as usize];
                        ask(u32::try_from(seed).unwrap() * 100 + n, most, window)
                    })
                    .collect();
                let (said, right) = (backend.decide(&asks, now).await, oracle.decide(&asks, now));
                assert_eq!(said, right, "backend {number}, seed {seed}, step {step}");
            }
        }
    }
}

#[tokio::test]
async fn a_clock_set_back_frees_nobody_early_and_holds_nobody_longer_than_a_window() {
    const WINDOW: u32 = 10;
    let (most, window) = (4, i64::from(WINDOW) * SECOND);
    for (number, backend) in backends().await.into_iter().enumerate() {
        let rounds = if number == 0 { 300 } else { 25 };
        for seed in 0..rounds {
            let rng = Rng::seeded(seed + 1_000);
            let (mut real, mut skew) = (START, 0_i64);
            let (mut accepted, mut waiting_since) = (Vec::new(), None);
            for _ in 0..150 {
                real += i64::from(rng.below(3_000_000));
                if rng.below(12) == 0 {
                    skew -= i64::from(rng.below(40)) * SECOND / 2;
                    // A set clock begins the wait anew.
                    waiting_since = None;
                }
                let asks = [ask(u32::try_from(seed).unwrap() + 5_000_000, most, WINDOW)];
                let decision = backend.decide(&asks, real + skew).await;
                if let Some(refused) = decision.refused {
                    assert!((1..=window).contains(&refused.wait_micros), "{refused:?}");
                    let since = *waiting_since.get_or_insert(real);
                    assert!(real - since < window, "backend {number}, seed {seed}");
                } else {
                    accepted.push(real);
                    waiting_since = None;
                }
            }
            for times in accepted.windows(most as usize + 1) {
                assert!(times[most as usize] - times[0] >= window, "seed {seed}: {times:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_clock_that_went_far_ahead_and_back_locks_nobody_out() {
    for backend in backends().await {
        let asks = [ask(9_000_000, 3, 60)];
        let year = 365 * 86_400 * SECOND;
        for _ in 0..3 {
            assert_eq!(backend.decide(&asks, START + year).await.refused, None);
        }
        let back = backend.decide(&asks, START).await.refused.unwrap();
        assert_eq!(back.wait_micros, 60 * SECOND);
        assert_eq!(backend.decide(&asks, START + 60 * SECOND).await.refused, None);
    }
}

#[tokio::test]
async fn a_smaller_limit_holds_at_once() {
    for backend in backends().await {
        for n in 0..5 {
            let decision = backend.decide(&[ask(9_100_000, 5, 60)], START + n).await;
            assert_eq!(decision.refused, None);
        }
        let decision = backend.decide(&[ask(9_100_000, 2, 60)], START + 10).await;
        let refused = Refused { which: 0, wait_micros: 60 * SECOND - 7 };
        assert_eq!((decision.refused, decision.remaining), (Some(refused), 0));
    }
}

#[test]
fn many_threads_are_accepted_as_often_as_the_limit_says() {
    let windows = Windows::default();
    let accepted: usize = std::thread::scope(|scope| {
        let count = |seed| {
            let windows = &windows;
            move || {
                // In both orders, which must not wait for each other in a circle.
                let mut asks = [ask(1, 500, 60), ask(2, 600, 60), ask(3, 700, 60)];
                if seed % 2 == 0 {
                    asks.reverse();
                }
                (0..400).filter(|_| windows.decide(&asks, START).refused.is_none()).count()
            }
        };
        let threads: Vec<_> = (0..4).map(|seed| scope.spawn(count(seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(accepted, 500);
}

#[test]
fn a_million_keys_are_bounded_and_forget_nobody() {
    let windows = Windows::default();
    let flood = |n: u32, now| {
        let subject = Subject { space: Space::Visitors, ..subject(n) };
        windows.decide(&[Ask { subject, limit: Limit::new(1, 60) }], now).refused
    };
    assert_eq!(flood(0, START), None);
    for n in 1..1_000_000 {
        flood(n, START + i64::from(n));
    }
    let most = capacity(Space::Visitors);
    assert!(windows.count(Space::Visitors) <= most && windows.count(Space::Visitors) > most / 2);
    assert!(flood(0, START + 2 * SECOND).is_some(), "the first is still known");
    assert!(flood(2_000_000, START + 2 * SECOND).is_some(), "there is no room");
    // Others do not feel it, and the room comes back.
    assert_eq!(windows.decide(&[ask(1, 1, 60)], START + 2 * SECOND).refused, None);
    assert_eq!(flood(2_000_000, START + 62 * SECOND), None);
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_said_at_once() {
    let address = RedisAddress::parse("redis://127.0.0.1:1").unwrap();
    let options =
        RedisOptions { address, authorities: None, own: None, prefix: "none:".to_owned() };
    let cache = Cache::redis(options);
    assert!(!cache.connected(Duration::from_millis(200)).await);
    assert_eq!(cache.decide(&[ask(1, 1, 1)], START).await, Err(Gone));
    assert_eq!(cache.state().await, State::RedisGone);
    let key = Key::EndedSession(SessionId::from_bytes([7; 16]));
    let now = Timestamp::from_seconds(1);
    assert_eq!(cache.put_new(key, 1, 60, now).await, Err(Gone));
    assert_eq!(cache.get(key, now).await, None);
    cache.put(key, 1, 60, now).await;
    assert_eq!(cache.get(key, now).await, Some(1), "this node remembers what it ended");
    assert_eq!(cache.decide_here(&[ask(1, 1, 1)], START).refused, None);
    assert!(cache.decide_here(&[ask(1, 1, 1)], START).refused.is_some());
}

#[test]
fn addresses_have_these_forms() {
    let read = |url: &str| {
        RedisAddress::parse(url).map(|a| {
            let hosts = a.hosts.iter().map(|(host, port)| format!("{host}:{port}"));
            let hosts = hosts.collect::<Vec<_>>().join(",");
            let secret = a.servers.password.expose().to_owned();
            (a.form, a.tls, hosts, a.database, [a.servers.user, secret].join(":"))
        })
    };
    let one = |tls, hosts: &str, database, person: &str| {
        Ok((Form::Single, tls, hosts.to_owned(), database, person.to_owned()))
    };
    assert_eq!(read("redis://localhost"), one(false, "localhost:6379", 0, ":"));
    assert_eq!(read("rediss://a:p%40ss@[::1]:7000/3"), one(true, "::1:7000", 3, "a:p@ss"));
    assert_eq!(read("redis://:secret@10.0.0.1/"), one(false, "10.0.0.1:6379", 0, ":secret"));
    let (form, tls, hosts, database, _) =
        read("rediss+sentinel://:x@a,b:2/main/2?sentinel_password=y").unwrap();
    assert_eq!(form, Form::Sentinel { service: "main".to_owned() });
    assert_eq!((tls, hosts.as_str(), database), (true, "a:26379,b:2", 2));
    assert_eq!(read("redis+cluster://a,b:2").unwrap().0, Form::Cluster);
    for wrong in [
        "redis:",
        "http://localhost",
        "redis+ring://localhost",
        "redis://",
        "redis://a,b",
        "redis://a:0",
        "redis://a:65536",
        "redis://user@a",
        "redis://a/x",
        "redis://a/-1",
        "redis://a#insecure",
        "redis://a?protocol=3",
        "redis://:%zz@a",
        "redis+sentinel://a",
        "redis+cluster://a/1",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
