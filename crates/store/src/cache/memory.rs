//! Fast state of this process: entries with an end, and the limiter's windows.
//!
//! Bound: [`MAX_ENTRIES`] entries of about 60 bytes, and [`MAX_SHOWN`] of what was shown once. Past it the expired are
//! forgotten, and then, of entries that every reader must do without anyway, all. What was shown once is
//! never forgotten before its time: nothing new is taken instead.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use money::Timestamp;

use super::Gone;
use super::windows::Windows;

pub(super) const MAX_ENTRIES: usize = 200_000;
/// Nonces of signed requests are remembered for up to ten minutes: 1,600 a second, 60 MB.
pub(super) const MAX_SHOWN: usize = 1_000_000;

#[derive(Default)]
pub struct Memory {
    entries: RwLock<HashMap<[u8; 17], Entry>>,
    shown: RwLock<HashMap<[u8; 17], Entry>>,
    windows: Windows,
}

struct Entry {
    value: i64,
    expires_at: Timestamp,
}

impl Memory {
    pub(super) fn windows(&self) -> &Windows {
        &self.windows
    }

    pub(super) fn get(&self, key: &[u8; 17], now: Timestamp) -> Option<i64> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|entry| now < entry.expires_at).map(|entry| entry.value)
    }

    pub(super) fn put(&self, key: [u8; 17], value: i64, seconds: i64, now: Timestamp) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut entries, now);
        entries.insert(key, Entry { value, expires_at: now.plus_seconds(seconds) });
    }

    /// Whether this is new; [`Gone`] where there is no room to remember it.
    pub(super) fn put_new(
        &self,
        key: [u8; 17],
        value: i64,
        seconds: i64,
        now: Timestamp,
    ) -> Result<bool, Gone> {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        if shown.get(&key).is_some_and(|entry| now < entry.expires_at) {
            return Ok(false);
        }
        if shown.len() >= MAX_SHOWN {
            shown.retain(|_, entry| now < entry.expires_at);
        }
        if shown.len() >= MAX_SHOWN {
            return Err(Gone);
        }
        shown.insert(key, Entry { value, expires_at: now.plus_seconds(seconds) });
        Ok(true)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn make_room(entries: &mut HashMap<[u8; 17], Entry>, now: Timestamp) {
    if entries.len() >= MAX_ENTRIES {
        entries.retain(|_, entry| now < entry.expires_at);
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
    }
}
