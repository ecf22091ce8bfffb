//! Randomness: the operating system's, or a seeded sequence for tests.
//!
//! Purpose: randomness is an argument. An [`Rng`] is made once, at start-up or in a test, and
//! handed down. Cost: [`Rng::System`] is one system call per call, whatever the length. It keeps
//! no state of its own that could be read, forked or used twice, and never falls back to
//! anything weaker.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Where random bytes come from. Cloning shares the source.
#[derive(Clone)]
pub enum Rng {
    /// The operating system (`getrandom`): good for keys, tokens and codes.
    System,
    /// **Tests and simulations only**: SplitMix64, whose every value follows from the seed.
    /// Anyone who sees one value knows all the others.
    Seeded(Arc<Mutex<SeededState>>),
}

/// The state of [`Rng::Seeded`]; made by [`Rng::seeded`].
pub struct SeededState(u64);

impl Rng {
    /// A sequence that is the same for the same seed. **Tests and simulations only.**
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(SeededState(seed))))
    }

    /// Fills all of `bytes`.
    ///
    /// # Panics
    ///
    /// When the operating system gives no randomness. There is no answer to that which a caller
    /// could be trusted with: a key or code made without it would be worse than none. The panic
    /// unwinds, so the request at hand ends with an error and nothing of it happens; on Linux it
    /// can occur only where `getrandom` is forbidden to the process.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Self::System => fill_from_system(bytes),
            Self::Seeded(state) => {
                // The state is one number: a thread that panicked cannot have left half of it.
                state.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
            }
        }
    }

    /// `N` random bytes. Panics as [`Rng::fill`].
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A number from 0 to `n − 1`, each as likely as the other; 0 where `n` is 0 or 1. Panics as
    /// [`Rng::fill`].
    ///
    /// Draws that would favour small numbers are thrown away: fewer than one in two.
    pub fn below(&self, n: u32) -> u32 {
        // 2^32 mod n, from numbers that fit 32 bits; `None` is n = 0.
        let Some(excess) = n.wrapping_neg().checked_rem(n) else { return 0 };
        loop {
            let draw = u32::from_le_bytes(self.bytes());
            // The draws from `excess` upwards are a multiple of n in number.
            if let (true, Some(number)) = (draw >= excess, draw.checked_rem(n)) {
                return number;
            }
        }
    }
}

impl fmt::Debug for Rng {
    /// The kind of source alone, never its state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "Rng::System",
            Self::Seeded(_) => "Rng::Seeded",
        })
    }
}

impl SeededState {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (place, byte) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *place = byte;
            }
        }
    }

    /// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[expect(clippy::panic, reason = "without randomness nothing may be issued; see Rng::fill")]
fn fill_from_system(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        panic!("the operating system gives no randomness: {error}");
    }
}
