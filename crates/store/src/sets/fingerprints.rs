//! Fingerprints of idempotency keys: "certainly not here" without a look at the table.
//!
//! A fingerprint is 32 bits of a scope, which are bits of a hash even where a client chose the key. A
//! [`Group`] holds those of some neighbouring runs, sorted: the first 16 bits say the place, the last 16
//! are what stands there. What was added is always found; what was not is found by chance once in
//! 2³² ÷ keys questions, 0.1 % among five million. No row is believed to be there by its fingerprint.
//!
//! Cost: a question is one binary search among some sixteen neighbours, that is one or two cache
//! lines; adding a run copies the group, two milliseconds at most. Memory: two bytes a key and half a
//! MiB a group.

use std::ops::Range;

/// 32 bits of a scope.
pub(crate) type Fingerprint = u32;

/// Bits that no client chooses: the first six bytes of a scope may be those of the key itself.
pub(crate) fn fingerprint(scope: &[u8; 16]) -> Fingerprint {
    let [_, _, _, _, _, _, a, b, c, d, ..] = *scope;
    Fingerprint::from_be_bytes([a, b, c, d])
}

/// As they are stored; sorted before.
pub(crate) fn to_bytes(sorted: &[Fingerprint]) -> Vec<u8> {
    sorted.iter().flat_map(|fingerprint| fingerprint.to_be_bytes()).collect()
}

/// `None` where the bytes are not whole fingerprints in ascending order.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Vec<Fingerprint>> {
    let (whole, rest) = bytes.as_chunks::<4>();
    let found: Vec<Fingerprint> =
        whole.iter().map(|bytes| Fingerprint::from_be_bytes(*bytes)).collect();
    (rest.is_empty() && found.is_sorted()).then_some(found)
}

/// The fingerprints of some runs, one behind the other.
pub(crate) struct Group {
    runs: Range<i64>,
    /// Where in `tails` each place begins; one more at the end.
    starts: Vec<usize>,
    tails: Vec<u16>,
}

/// One for each value of a fingerprint's first half.
const PLACES: usize = 1 << 16;

impl Group {
    /// Of no run yet; the first will be `run`.
    pub fn before(run: i64) -> Self {
        Self { runs: run..run, starts: vec![0; PLACES + 1], tails: Vec::new() }
    }

    pub fn runs(&self) -> Range<i64> {
        self.runs.clone()
    }

    /// Adds the next run; `sorted` are its fingerprints in ascending order.
    pub fn add(&mut self, sorted: &[Fingerprint]) {
        let mut tails = Vec::with_capacity(self.tails.len() + sorted.len());
        let mut starts = Vec::with_capacity(PLACES + 1);
        let mut new = sorted.iter().map(|fingerprint| halves(*fingerprint)).peekable();
        for place in 0..PLACES {
            let start = tails.len();
            starts.push(start);
            tails.extend_from_slice(self.tails_at(place));
            let old = tails.len();
            while let Some((_, tail)) = new.next_if(|(of, _)| *of == place) {
                tails.push(tail);
            }
            if tails.len() > old {
                tails[start..].sort_unstable();
            }
        }
        starts.push(tails.len());
        self.tails = tails;
        self.starts = starts;
        self.runs.end = self.runs.end.saturating_add(1);
    }

    /// False: no scope with this fingerprint was added.
    pub fn may_hold(&self, fingerprint: Fingerprint) -> bool {
        let (place, tail) = halves(fingerprint);
        self.tails_at(place).binary_search(&tail).is_ok()
    }

    fn tails_at(&self, place: usize) -> &[u16] {
        &self.tails[self.starts[place]..self.starts[place + 1]]
    }
}

fn halves(fingerprint: Fingerprint) -> (usize, u16) {
    let [a, b, c, d] = fingerprint.to_be_bytes();
    (usize::from(u16::from_be_bytes([a, b])), u16::from_be_bytes([c, d]))
}

#[cfg(test)]
mod tests;
