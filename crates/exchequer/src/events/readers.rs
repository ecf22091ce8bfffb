//! Who reads the trail stands in it: an event for each operator, selection and minute.
//!
//! Order: the selection is read, the event is written, then the reading is answered; where the event cannot be written
//! nobody is answered. Whoever turns a hundred pages of one selection reads one thing, so within a minute of the clock the
//! same selection of the same operator is recorded once by each node: the trail says who looked for what and when, and is not
//! filled by its own readers. What was recorded is remembered in memory: what is forgotten (a restart, too many) is recorded
//! once more, never once less. Bound: [`MOST`].

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use money::Timestamp;
use serde_json::{Value, json};
use vault::sha256;

use crate::http::{Problem, Staff};

/// Selections of one minute that a node remembers.
const MOST: usize = 4_096;
const MINUTE_SECONDS: i64 = 60;

/// What this node has recorded lately: the minute, by operator and selection.
#[derive(Default)]
pub struct Readers(Mutex<HashMap<[u8; 32], i64>>);

/// Records that an operator reads what was asked for, before it is shown.
pub async fn record_reading(caller: &Staff, asked: &Value) -> Result<(), Problem> {
    let minute = minute_of(caller.bank().tools().now());
    let key = sha256(&[&caller.id().bytes()[..], asked.to_string().as_bytes()].concat());
    if caller.bank().readers().knows(&key, minute) {
        return Ok(());
    }
    let after = json!({ "asked": asked });
    caller
        .write("events.read", move |tx, act| {
            super::record(tx, act, "events.read", "events", "done", Some(&after))
        })
        .await?;
    caller.bank().readers().remember(key, minute);
    Ok(())
}

fn minute_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(MINUTE_SECONDS)
}

impl Readers {
    /// Also a minute that lies ahead is another one: a clock may have been wrong.
    fn knows(&self, key: &[u8; 32], minute: i64) -> bool {
        self.known().get(key) == Some(&minute)
    }

    fn remember(&self, key: [u8; 32], minute: i64) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, of| *of == minute);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, minute);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<[u8; 32], i64>> {
        // Each entry is whole whenever the lock is given back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> [u8; 32] {
        sha256(&number.to_be_bytes())
    }

    #[test]
    fn a_minute_is_known_and_no_other_is() {
        let readers = Readers::default();
        readers.remember(key(1), 7);
        assert!(readers.knows(&key(1), 7));
        for minute in [6, 8] {
            assert!(!readers.knows(&key(1), minute), "{minute}");
        }
        assert!(!readers.knows(&key(2), 7));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_newest_is_in_it() {
        let readers = Readers::default();
        for number in 0..3 * MOST {
            readers.remember(key(number), 7);
            assert!(readers.knows(&key(number), 7));
            assert!(readers.known().len() <= MOST);
        }
        let before = readers.known().len();
        for number in 0..MOST {
            readers.remember(key(number), 8);
        }
        assert!(before > 1 && readers.known().values().all(|minute| *minute == 8));
    }
}
