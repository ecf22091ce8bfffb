//! State that is fast and may be lost (design §11): two raw operations per backend, the limiter's one,
//! and typed keys on top.
//!
//! [`Cache::Memory`] is this process's own; [`Cache::Redis`] is what several nodes have in common. Cost:
//! on Redis one round trip an operation, none while Redis is gone ([`link`]): then an operation fails
//! at once. Bound: entries, limiter keys, seconds to wait. Nothing about money or idempotency ever lives
//! here, nothing here signs anybody in, and each key says what happens when it is gone.

mod address;
mod groups;
mod limiter;
mod link;
mod memory;
mod redis;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use money::{SessionId, Timestamp};

pub(crate) use self::address::decode;
pub use self::address::{Form, RedisAddress};
pub use self::limiter::{Ask, Decision, Limit, Refused, Space, Subject};
use self::memory::Memory;
use self::redis::Redis;

/// Where fast state lives. Cloning shares it.
#[derive(Clone)]
pub enum Cache {
    Memory(Arc<Memory>),
    Redis(Arc<Redis>),
}

/// How a Redis is reached.
pub struct RedisOptions {
    pub address: RedisAddress,
    /// Certificates of the authorities that may have signed the server's, PEM. Absent: those that
    /// browsers trust.
    pub authorities: Option<Vec<u8>>,
    /// What the bank shows to a server that asks who calls, with TLS.
    pub own: Option<tls::OwnFiles>,
    /// Before every key, so that several banks can share a Redis: at most 32 characters without braces.
    pub prefix: String,
}

/// What may be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A session that has ended. When it is gone, or Redis is, the session's row says the same within a
    /// second; the node that ended it remembers by itself.
    EndedSession(SessionId),
    /// A token that may be shown once, by 16 bytes of its hash. When it is gone within its life, the
    /// same token would pass again; while Redis is gone, [`Cache::put_new`] says so and none passes.
    ShownOnce([u8; 16]),
}

/// Redis does not answer: nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis does not answer")]
pub struct Gone;

/// For `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Fast state is this process's own.
    Memory,
    /// Redis answers and takes writes.
    Redis,
    RedisGone,
}

impl Cache {
    pub fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    /// Begins to connect, and goes on until the last clone is dropped. Must be called inside a tokio
    /// runtime. That Redis is not there is no error: see [`Cache::connected`].
    pub fn redis(options: RedisOptions) -> Self {
        Self::Redis(Arc::new(Redis::open(options)))
    }

    /// The value of a key that has not expired. None, too, where Redis is gone.
    pub async fn get(&self, key: Key, now: Timestamp) -> Option<i64> {
        match self {
            Self::Memory(memory) => memory.get(&key.bytes(), now),
            Self::Redis(redis) => match redis.near().get(&key.bytes(), now) {
                Some(value) => Some(value),
                None => redis.get(&key.bytes()).await.ok().flatten(),
            },
        }
    }

    /// Keeps a value for a time: in this process whatever happens, and on Redis where it answers.
    pub async fn put(&self, key: Key, value: i64, seconds: i64, now: Timestamp) {
        match self {
            Self::Memory(memory) => memory.put(key.bytes(), value, seconds, now),
            Self::Redis(redis) => {
                redis.near().put(key.bytes(), value, seconds, now);
                if redis.put(&key.bytes(), value, seconds, false).await.is_err() {
                    tracing::warn!("an entry of the cache was not told to the other nodes");
                }
            }
        }
    }

    /// Keeps a value where there is none; false where there is one. Of any number at once, on all
    /// nodes, one gets true.
    pub async fn put_new(
        &self,
        key: Key,
        value: i64,
        seconds: i64,
        now: Timestamp,
    ) -> Result<bool, Gone> {
        match self {
            Self::Memory(memory) => memory.put_new(key.bytes(), value, seconds, now),
            Self::Redis(redis) => redis.put(&key.bytes(), value, seconds, true).await,
        }
    }

    /// Decides several limits at once: all are counted, or none. `now` is in microseconds of a clock
    /// that does not go back; Redis takes its own.
    pub async fn decide(&self, asks: &[Ask], now: i64) -> Result<Decision, Gone> {
        match self {
            Self::Memory(memory) => Ok(memory.windows().decide(asks, now)),
            Self::Redis(redis) => redis.decide(asks).await,
        }
    }

    /// As [`Cache::decide`], for this process alone: what is left while Redis is gone.
    pub fn decide_here(&self, asks: &[Ask], now: i64) -> Decision {
        match self {
            Self::Memory(memory) => memory.windows().decide(asks, now),
            Self::Redis(redis) => redis.near().windows().decide(asks, now),
        }
    }

    /// Waits until Redis answers, at most `limit`; true where it does.
    pub async fn connected(&self, limit: Duration) -> bool {
        match self {
            Self::Memory(_) => true,
            Self::Redis(redis) => redis.connected(limit).await,
        }
    }

    /// Asks Redis, one round trip.
    pub async fn state(&self) -> State {
        match self {
            Self::Memory(_) => State::Memory,
            Self::Redis(redis) => match redis.ping().await {
                Ok(()) => State::Redis,
                Err(Gone) => State::RedisGone,
            },
        }
    }

    /// Whether it is this process's own: nobody else writes it, and it starts empty.
    pub fn is_own(&self) -> bool {
        match self {
            Self::Memory(_) => true,
            Self::Redis(_) => false,
        }
    }

    /// The backend's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Redis(_) => "redis",
        }
    }
}

impl Key {
    /// One byte for the kind, so that no kind can be read as another.
    fn bytes(self) -> [u8; 17] {
        let (kind, id) = match self {
            Self::EndedSession(session) => (1, *session.bytes()),
            Self::ShownOnce(hash) => (2, hash),
        };
        let mut bytes = [kind; 17];
        bytes[1..].copy_from_slice(&id);
        bytes
    }
}

#[cfg(test)]
mod tests;
