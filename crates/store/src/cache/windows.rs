//! The limiter in memory: the rule of [`super::limiter`], for one process.
//!
//! Each key has the times of its acceptances, oldest first, in one of many locked shards. Locks are
//! taken in the order of the shards, so decisions about several keys never wait in a circle. Cost: some
//! hundred nanoseconds. Bound: keys of each space ([`capacity`]); 8 bytes for each acceptance within
//! its window. A space without room refuses keys that it does not know until others expire: it
//! forgets no one, since that would be a way round the limit. Keys that have expired are swept once a
//! minute, and at most once a second where room is short.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap, RandomState};
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::limiter::{Ask, Decision, Limit, MAX_ASKS, PRUNED_AT_ONCE, Refused, Space, Subject};

/// Of each space.
const SHARDS: usize = 64;
const SPACES: usize = 3;
const SWEEP_MICROS: i64 = 60 * 1_000_000;
const SHORT_SWEEP_MICROS: i64 = 1_000_000;

pub(super) struct Windows {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    windows: HashMap<Subject, Window>,
    swept_at: i64,
}

struct Window {
    /// Of acceptances, in the order in which they came.
    times: VecDeque<i64>,
    window_micros: i64,
}

/// What one limit says of one key.
struct Look {
    count: u32,
    oldest: Option<i64>,
    wait: Option<i64>,
}

/// Keys that a space holds at most.
pub(super) const fn capacity(space: Space) -> usize {
    match space {
        Space::Visitors => 131_072,
        Space::Guarded => 65_536,
        Space::Callers => 262_144,
    }
}

impl Default for Windows {
    fn default() -> Self {
        let shards = (0..SHARDS * SPACES).map(|_| Mutex::default()).collect();
        Self { shards, hasher: RandomState::new() }
    }
}

impl Windows {
    /// `now` in microseconds of any clock; best one that does not go back.
    pub(super) fn decide(&self, asks: &[Ask], now: i64) -> Decision {
        debug_assert!((1..=MAX_ASKS).contains(&asks.len()), "{} limits at once", asks.len());
        if let [ask] = asks {
            let mut shard = self.lock(self.place(&ask.subject));
            let look = shard.look(ask, now);
            if look.wait.is_none() {
                shard.accept(ask, now);
            }
            return decision(asks, &[look], now);
        }
        let places: Vec<usize> = asks.iter().map(|ask| self.place(&ask.subject)).collect();
        let mut order = places.clone();
        order.sort_unstable();
        order.dedup();
        let mut shards: Vec<MutexGuard<'_, Shard>> =
            order.iter().map(|place| self.lock(*place)).collect();
        let at = |place: &usize| order.binary_search(place).unwrap_or_default();
        let looks: Vec<Look> =
            asks.iter().zip(&places).map(|(ask, place)| shards[at(place)].look(ask, now)).collect();
        if looks.iter().all(|look| look.wait.is_none()) {
            for (ask, place) in asks.iter().zip(&places) {
                shards[at(place)].accept(ask, now);
            }
        }
        decision(asks, &looks, now)
    }

    fn place(&self, subject: &Subject) -> usize {
        let space = match subject.space {
            Space::Visitors => 0,
            Space::Guarded => 1,
            Space::Callers => 2,
        };
        let hash = self.hasher.hash_one(subject);
        // The remainder of a division by 64 fits anything.
        space * SHARDS + usize::try_from(hash % SHARDS as u64).unwrap_or_default()
    }

    fn lock(&self, place: usize) -> MutexGuard<'_, Shard> {
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn count(&self, space: Space) -> usize {
        let first = space as usize * SHARDS;
        (first..first + SHARDS).map(|place| self.lock(place).windows.len()).sum()
    }
}

fn decision(asks: &[Ask], looks: &[Look], now: i64) -> Decision {
    let waits = looks.iter().filter_map(|look| look.wait);
    let refused = looks
        .iter()
        .position(|look| look.wait.is_some())
        .map(|which| Refused { which, wait_micros: waits.max().unwrap_or_default() });
    let (Some(first), Some(look)) = (asks.first(), looks.first()) else {
        return Decision { refused, remaining: 0, reset_micros: 0 };
    };
    let accepted = refused.is_none();
    let oldest = look.oldest.or(accepted.then_some(now));
    let reset_micros =
        oldest.map_or(0, |oldest| (oldest - now).min(0) + first.limit.window_micros());
    let remaining = first.limit.most - look.count.min(first.limit.most) - u32::from(accepted);
    Decision { refused, remaining, reset_micros }
}

impl Shard {
    fn look(&mut self, ask: &Ask, now: i64) -> Look {
        if now.saturating_sub(self.swept_at) >= SWEEP_MICROS || now < self.swept_at {
            self.sweep(now);
        }
        if let Some(window) = self.windows.get_mut(&ask.subject) {
            return window.look(ask.limit, now);
        }
        let room = capacity(ask.subject.space) / SHARDS;
        if self.windows.len() >= room && now - self.swept_at >= SHORT_SWEEP_MICROS {
            self.sweep(now);
        }
        let wait = (self.windows.len() >= room).then_some(SHORT_SWEEP_MICROS);
        Look { count: if wait.is_some() { ask.limit.most } else { 0 }, oldest: None, wait }
    }

    fn accept(&mut self, ask: &Ask, now: i64) {
        match self.windows.entry(ask.subject) {
            Entry::Occupied(known) => known.into_mut().times.push_back(now),
            Entry::Vacant(place) => {
                let times = VecDeque::from([now]);
                place.insert(Window { times, window_micros: ask.limit.window_micros() });
            }
        }
    }

    fn sweep(&mut self, now: i64) {
        self.swept_at = now;
        self.windows.retain(|_, window| {
            window.bring_back(now);
            window.times.back().is_some_and(|newest| now - newest < window.window_micros)
        });
    }
}

impl Window {
    fn look(&mut self, limit: Limit, now: i64) -> Look {
        let most = usize::try_from(limit.most).unwrap_or(usize::MAX);
        self.window_micros = limit.window_micros();
        while self.times.len() > most {
            self.times.pop_front();
        }
        for _ in 0..PRUNED_AT_ONCE {
            match self.times.front() {
                Some(oldest) if *oldest <= now.saturating_sub(self.window_micros) => {
                    self.times.pop_front();
                }
                Some(_) | None => break,
            }
        }
        let full = self.times.len() >= most;
        if full && self.times.front().is_some_and(|oldest| *oldest > now) {
            self.bring_back(now);
        }
        let oldest = self.times.front().copied();
        let wait = oldest.filter(|_| full).map(|oldest| oldest + self.window_micros - now);
        // At most `most`, which is a u32.
        Look { count: u32::try_from(self.times.len()).unwrap_or(u32::MAX), oldest, wait }
    }

    /// After the clock was set back: what was accepted cannot lie in the future.
    fn bring_back(&mut self, now: i64) {
        for time in &mut self.times {
            *time = now.min(*time);
        }
    }
}
