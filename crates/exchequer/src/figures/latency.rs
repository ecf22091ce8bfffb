//! How long requests of this node take: a histogram of the last [`WINDOW_MINUTES`] minutes.
//!
//! Cost for each request: two relaxed atomics. A bucket is a quarter of a power of two, so a percentile is at most a
//! quarter too high. The first request of a minute takes over the oldest slot and empties it; counts that fall into
//! that moment may be lost, which no percentile notices. Probes are not counted.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use money::Timestamp;

/// Minutes that are looked at.
pub const WINDOW_MINUTES: usize = 15;
/// Four for each power of two up to 2^26 microseconds, which is more than a minute.
const BUCKETS: usize = 104;
const HIGHEST_POWER: u32 = 26;

/// Requests by how long they took.
pub struct Latency([Slot; WINDOW_MINUTES]);

struct Slot {
    minute: AtomicI64,
    buckets: [AtomicU64; BUCKETS],
}

/// What was counted, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    pub requests: u64,
    /// None without a request.
    pub p50: Option<u64>,
    pub p95: Option<u64>,
    pub p99: Option<u64>,
}

impl Default for Latency {
    fn default() -> Self {
        let slot = |_| Slot {
            minute: AtomicI64::new(i64::MIN),
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
        };
        Self(std::array::from_fn(slot))
    }
}

impl Latency {
    /// Counts a request that ended at `now` after so many microseconds.
    pub fn record(&self, now: Timestamp, elapsed_us: i64) {
        let minute = minute_of(now);
        let slot = &self.0[place(minute)];
        let seen = slot.minute.load(Relaxed);
        // Of all that see an old minute one takes it over.
        if seen != minute && slot.minute.compare_exchange(seen, minute, Relaxed, Relaxed).is_ok() {
            slot.buckets.iter().for_each(|bucket| bucket.store(0, Relaxed));
        }
        slot.buckets[bucket_of(u64::try_from(elapsed_us).unwrap_or(0))].fetch_add(1, Relaxed);
    }

    /// Of the last minutes, the one that runs included.
    pub fn percentiles(&self, now: Timestamp) -> Percentiles {
        let minute = minute_of(now);
        let first = minute.saturating_sub(i64::try_from(WINDOW_MINUTES).unwrap_or(i64::MAX) - 1);
        let mut counts = [0_u64; BUCKETS];
        for slot in &self.0 {
            if (first..=minute).contains(&slot.minute.load(Relaxed)) {
                for (count, bucket) in counts.iter_mut().zip(&slot.buckets) {
                    *count = count.saturating_add(bucket.load(Relaxed));
                }
            }
        }
        let requests: u64 = counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let of = |percent: u64| percentile(&counts, requests, percent);
        Percentiles { requests, p50: of(50), p95: of(95), p99: of(99) }
    }
}

fn minute_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(60)
}

fn place(minute: i64) -> usize {
    let minutes = i64::try_from(WINDOW_MINUTES).unwrap_or(i64::MAX);
    usize::try_from(minute.rem_euclid(minutes)).unwrap_or(0)
}

/// Values below four have a bucket each.
fn bucket_of(us: u64) -> usize {
    let power = us.max(1).ilog2().min(HIGHEST_POWER);
    if power < 2 {
        return usize::try_from(us).unwrap_or(0);
    }
    let us = us.min((1 << (HIGHEST_POWER + 1)) - 1);
    let quarter = (us >> (power - 2)) & 3;
    let bucket = u64::from(power - 1) * 4 + quarter;
    usize::try_from(bucket).unwrap_or(0).min(BUCKETS - 1)
}

/// The highest value of a bucket.
fn end_of(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(0);
    if bucket < 4 {
        return bucket;
    }
    let (power, quarter) = (bucket / 4 + 1, bucket % 4);
    ((5 + quarter) << (power - 2)) - 1
}

/// The end of the bucket in which so many per cent of the requests are reached.
fn percentile(counts: &[u64; BUCKETS], requests: u64, percent: u64) -> Option<u64> {
    let rank = requests.checked_mul(percent)?.div_ceil(100);
    let mut reached = 0_u64;
    for (bucket, count) in counts.iter().enumerate() {
        reached = reached.saturating_add(*count);
        if rank > 0 && reached >= rank {
            return Some(end_of(bucket));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_in_its_bucket_and_the_end_is_at_most_a_quarter_higher() {
        let mut last = 0;
        for us in (0..2_000).chain([5_000, 70_000, 1_000_000, 60_000_000, (1 << 27) - 1]) {
            let bucket = bucket_of(us);
            assert!(bucket >= last, "{us}");
            last = bucket;
            let end = end_of(bucket);
            assert!(end >= us && end - us <= us / 4, "{us} ends at {end}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_of_the_last_minutes() {
        let latency = Latency::default();
        let now = Timestamp::EPOCH.plus_seconds(1_000_000);
        let none = Percentiles { requests: 0, p50: None, p95: None, p99: None };
        assert_eq!(latency.percentiles(now), none);
        for us in 1..=100 {
            latency.record(now, us * 1_000);
        }
        let seen = latency.percentiles(now);
        assert_eq!(seen.requests, 100);
        for (seen, exact) in [(seen.p50, 50_000), (seen.p95, 95_000), (seen.p99, 99_000)] {
            let seen = seen.expect("there were requests");
            assert!(seen >= exact && seen <= exact + exact / 4, "{seen} for {exact}");
        }
        let later = now.plus_seconds(14 * 60);
        latency.record(later, 1);
        assert_eq!(latency.percentiles(later).requests, 101);
        // The slot of the first minute is taken over.
        let last = now.plus_seconds(15 * 60);
        latency.record(last, 1);
        assert_eq!(latency.percentiles(last).requests, 2);
        assert_eq!(latency.percentiles(last.plus_seconds(3_600)), none);
    }
}
