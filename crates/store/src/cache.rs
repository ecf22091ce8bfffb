//! State that is fast and may be lost (design §11): two raw operations per backend, typed keys on top.
//!
//! Memory now; Redis is the next variant, which is why the operations are async. Nothing about money or
//! idempotency ever lives here. Each key says what happens when it is gone.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use money::{SessionId, Timestamp};

/// Entries of the memory variant; past it the expired and then all are forgotten, which every key must
/// survive anyway.
const MAX_ENTRIES: usize = 200_000;

pub enum Cache {
    Memory(Memory),
}

/// What may be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A session that has ended. When it is gone, the session's row says the same within a second.
    EndedSession(SessionId),
}

/// Entries of this process.
#[derive(Default)]
pub struct Memory(RwLock<HashMap<[u8; 17], Entry>>);

struct Entry {
    value: i64,
    expires_at: Timestamp,
}

impl Cache {
    pub fn memory() -> Self {
        Self::Memory(Memory::default())
    }

    /// The value of a key that has not expired.
    #[expect(clippy::unused_async, reason = "a backend over the network waits here")]
    pub async fn get(&self, key: Key, now: Timestamp) -> Option<i64> {
        match self {
            Self::Memory(memory) => memory.get(&key.bytes(), now),
        }
    }

    /// Keeps a value for a time.
    #[expect(clippy::unused_async, reason = "a backend over the network waits here")]
    pub async fn put(&self, key: Key, value: i64, seconds: i64, now: Timestamp) {
        match self {
            Self::Memory(memory) => memory.put(key.bytes(), value, seconds, now),
        }
    }

    /// For `/readyz`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
        }
    }
}

impl Key {
    /// One byte for the kind, so that no kind can be read as another.
    fn bytes(self) -> [u8; 17] {
        let (kind, id) = match self {
            Self::EndedSession(session) => (1, *session.bytes()),
        };
        let mut bytes = [kind; 17];
        bytes[1..].copy_from_slice(&id);
        bytes
    }
}

impl Memory {
    fn get(&self, key: &[u8; 17], now: Timestamp) -> Option<i64> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|entry| now < entry.expires_at).map(|entry| entry.value)
    }

    fn put(&self, key: [u8; 17], value: i64, seconds: i64, now: Timestamp) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, entry| now < entry.expires_at);
            if entries.len() >= MAX_ENTRIES {
                entries.clear();
            }
        }
        entries.insert(key, Entry { value, expires_at: now.plus_seconds(seconds) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_value_is_there_until_its_time_is_over() {
        let cache = Cache::memory();
        let key = Key::EndedSession(SessionId::from_bytes([7; 16]));
        let now = Timestamp::from_seconds(1_000);
        assert_eq!(cache.get(key, now).await, None);
        cache.put(key, 5, 60, now).await;
        assert_eq!(cache.get(key, now.plus_seconds(59)).await, Some(5));
        assert_eq!(cache.get(key, now.plus_seconds(60)).await, None);
        let other = Key::EndedSession(SessionId::from_bytes([8; 16]));
        assert_eq!(cache.get(other, now).await, None);
    }

    #[test]
    fn it_is_bounded() {
        let memory = Memory::default();
        let now = Timestamp::from_seconds(1);
        for n in 0..=MAX_ENTRIES {
            let mut key = [0; 17];
            key[..8].copy_from_slice(&u64::try_from(n).unwrap().to_be_bytes());
            memory.put(key, 0, 60, now);
        }
        assert!(memory.0.read().unwrap().len() <= MAX_ENTRIES);
    }
}
