//! The mint: makes ids that never repeat and always rise.
//!
//! UUIDs of version 7 by RFC 9562 §6.2 method 2 ("monotonic random"): 48 bits of milliseconds and
//! 74 random bits; within one millisecond, and for as long as the clock stands behind an id
//! already made, the random bits grow by a random step instead. So the ids of one mint are
//! strictly increasing over all kinds and threads, whatever the clock does.
//!
//! Why it matters: an index on rising ids is appended to, one on random ids is hit everywhere.
//!
//! Cost: a lock and some integer operations, one system call per 512 ids. Bound: 4 KiB of
//! random bytes waiting. Ids of two processes do not collide (74 random bits per millisecond)
//! but are not ordered between them within a millisecond. It never waits for the clock.

use std::sync::{Mutex, PoisonError};

use crate::id::Id;
use crate::kind::IdKind;
use crate::rng::Rng;
use crate::time::Timestamp;

/// Shared by all threads of a process; one mint per process, since two are not ordered with each
/// other.
pub struct IdMint {
    rng: Rng,
    state: Mutex<State>,
}

struct State {
    /// The last id made; `None` before the first.
    last: Option<Stamp>,
    /// Random words that no id has used yet.
    words: Vec<u64>,
}

/// What distinguishes one id of version 7 from another.
#[derive(Clone, Copy)]
struct Stamp {
    /// Milliseconds since the epoch, below 2^48 until the year 10889.
    millis: u64,
    /// Below 2^74.
    random: u128,
}

/// Bytes asked of the system at once: 512 words, at one or two words an id.
const REFILL_BYTES: usize = 4096;

const RANDOM_BITS: u32 = 74;
const RANDOM_MASK: u128 = (1 << RANDOM_BITS) - 1;

/// The low part of the random bits, behind the variant.
const RANDOM_B_BITS: u32 = 62;
const RANDOM_B_MASK: u128 = (1 << RANDOM_B_BITS) - 1;

const VERSION_7: u128 = 7 << 76;
const VARIANT_RFC: u128 = 0b10 << 62;

impl IdMint {
    pub fn new(rng: Rng) -> Self {
        Self { rng, state: Mutex::new(State { last: None, words: Vec::new() }) }
    }

    /// A new id, greater than every id that this mint made before. A time before 1970 counts as
    /// 1970. Panics as [`Rng::fill`], and then has made nothing.
    pub fn mint<K: IdKind>(&self, now: Timestamp) -> Id<K> {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        // A thread that panicked here was asking for randomness and had not yet changed `last`.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = state.next(millis, &self.rng);
        drop(state);
        Id::from_bytes(stamp.to_uuid().to_be_bytes())
    }
}

impl State {
    fn next(&mut self, millis: u64, rng: &Rng) -> Stamp {
        let stamp = match self.last {
            Some(last) if millis <= last.millis => self.after(last, rng),
            Some(_) | None => self.fresh(millis, rng),
        };
        self.last = Some(stamp);
        stamp
    }

    /// The next stamp when the clock has not moved: a step of 1 to 2^32, which leaves room for
    /// some 10^12 ids in a millisecond and hides how many were made. Where the bits run out all
    /// the same, the next millisecond is borrowed (§6.2, "counter rollover").
    fn after(&mut self, last: Stamp, rng: &Rng) -> Stamp {
        let step = (self.word(rng) >> 32).saturating_add(1);
        let random = last.random.saturating_add(u128::from(step));
        if random > RANDOM_MASK {
            self.fresh(last.millis.saturating_add(1), rng)
        } else {
            Stamp { millis: last.millis, random }
        }
    }

    fn fresh(&mut self, millis: u64, rng: &Rng) -> Stamp {
        let bits = u128::from(self.word(rng)) << 64 | u128::from(self.word(rng));
        Stamp { millis, random: bits & RANDOM_MASK }
    }

    fn word(&mut self, rng: &Rng) -> u64 {
        loop {
            if let Some(word) = self.words.pop() {
                return word;
            }
            let bytes = rng.bytes::<REFILL_BYTES>();
            self.words.extend(bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)));
        }
    }
}

impl Stamp {
    /// RFC 9562 §5.7: milliseconds, version, 12 random bits, variant, 62 random bits.
    fn to_uuid(self) -> u128 {
        let random_a = self.random >> RANDOM_B_BITS;
        let random_b = self.random & RANDOM_B_MASK;
        u128::from(self.millis) << 80 | VERSION_7 | random_a << 64 | VARIANT_RFC | random_b
    }
}
