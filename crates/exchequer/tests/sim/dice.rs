//! Draws of one seed. Everything that happens in a run follows from them.

use money::Rng;

/// SplitMix64, and the number of draws is the place in the history.
#[derive(Clone)]
pub struct Dice(Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Rng::seeded(seed))
    }

    /// From 0 to `n - 1`; 0 where `n` is 0.
    pub fn below(&self, n: usize) -> usize {
        self.0.below(u32::try_from(n).expect("a small number")) as usize
    }

    pub fn between(&self, least: i64, most: i64) -> i64 {
        least + i64::from(self.0.below(u32::try_from(most - least + 1).expect("a small range")))
    }

    /// True so many times in a thousand.
    pub fn per_mille(&self, n: usize) -> bool {
        self.below(1_000) < n
    }

    /// An index of `weights`, each as often as its weight.
    pub fn weighted(&self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        0
    }
}
