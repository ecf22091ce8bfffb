//! What a node tells Prometheus: counts of what it did, and a look at how its parts do.
//!
//! Counting costs a request three relaxed atomics. The look is that of `/v1/staff/health`, bounded and kept for
//! [`scrape::KEPT`], so that whoever may reach the listener cannot make the bank work. What it never shows: an id,
//! an address, an amount or anything else of a person; labels are words of the program, so their number is bounded.
//!
//! Counts begin anew with the process, as Prometheus expects of counters.

mod process;
pub mod scrape;
pub mod server;
mod text;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::http::Code;

/// Upper bounds of the buckets of a request's duration, in microseconds. 15 ms is what a transfer is to take at most
/// at the 99th percentile, 30 s what any request may.
const BOUNDS_US: [u64; 13] = [
    500, 1_000, 2_500, 5_000, 10_000, 15_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    5_000_000, 30_000_000,
];
/// A route's number is one byte; the last is for requests that no route takes.
const ROUTES: usize = 256;
/// Statuses by their first digit: 2 to 5.
const STATUSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The counts of one node.
pub struct Metrics {
    routes: Box<[RouteCounts]>,
    /// By the place in [`Code::ALL`].
    refusals: Box<[AtomicU64]>,
    connections: AtomicI64,
    accepted: AtomicU64,
    kept: scrape::Kept,
}

#[derive(Default)]
struct RouteCounts {
    statuses: [AtomicU64; STATUSES.len()],
    /// The last is for what took longer than every bound.
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// A connection that is open; closes when dropped.
pub struct OpenConnection<'a>(&'a Metrics);

impl Default for Metrics {
    fn default() -> Self {
        Self {
            routes: (0..ROUTES).map(|_| RouteCounts::default()).collect(),
            refusals: Code::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            connections: AtomicI64::new(0),
            accepted: AtomicU64::new(0),
            kept: scrape::Kept::default(),
        }
    }
}

impl Metrics {
    /// Counts an answered request of the route with this number.
    pub fn answered(&self, route: u8, status: u16, elapsed_us: i64) {
        let counts = &self.routes[usize::from(route)];
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        counts.statuses[class].fetch_add(1, Relaxed);
        let elapsed_us = u64::try_from(elapsed_us).unwrap_or(0);
        counts.buckets[BOUNDS_US.partition_point(|bound| *bound < elapsed_us)]
            .fetch_add(1, Relaxed);
        counts.sum_us.fetch_add(elapsed_us, Relaxed);
    }

    /// Counts a request that no route takes.
    pub fn unrouted(&self, status: u16) {
        self.answered(u8::MAX, status, 0);
    }

    /// Counts a refusal.
    pub fn refused(&self, code: Code) {
        self.refusals[code as usize].fetch_add(1, Relaxed);
    }

    /// Counts a connection until what is given is dropped.
    pub fn connected(&self) -> OpenConnection<'_> {
        self.accepted.fetch_add(1, Relaxed);
        self.connections.fetch_add(1, Relaxed);
        OpenConnection(self)
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_code_is_its_number() {
        for (place, code) in Code::ALL.iter().enumerate() {
            assert_eq!(*code as usize, place, "{}", code.as_str());
        }
    }

    #[test]
    fn a_request_is_in_the_first_bucket_that_holds_it() {
        let metrics = Metrics::default();
        for (elapsed, bucket) in
            [(0, 0), (500, 0), (501, 1), (30_000_000, 12), (30_000_001, 13), (-5, 0)]
        {
            let before = metrics.routes[7].buckets[bucket].load(Relaxed);
            metrics.answered(7, 200, elapsed);
            assert_eq!(metrics.routes[7].buckets[bucket].load(Relaxed), before + 1, "{elapsed}");
        }
        for (status, class) in [(200, 0), (303, 1), (404, 2), (503, 3), (101, 0), (700, 3)] {
            let before = metrics.routes[7].statuses[class].load(Relaxed);
            metrics.answered(7, status, 0);
            assert_eq!(metrics.routes[7].statuses[class].load(Relaxed), before + 1, "{status}");
        }
    }

    #[test]
    fn a_connection_is_counted_while_it_is_open() {
        let metrics = Metrics::default();
        let (a, b) = (metrics.connected(), metrics.connected());
        drop(a);
        assert_eq!((metrics.connections.load(Relaxed), metrics.accepted.load(Relaxed)), (1, 2));
        drop(b);
        assert_eq!(metrics.connections.load(Relaxed), 0);
    }
}
