//! The simulation: the whole bank under a seeded clock, chance, gateway, disk and order of everything.
//!
//! `EXCHEQUER_SIM_SEEDS` says how many seeds (1,000), `EXCHEQUER_SIM_FIRST` which is the first (1), and
//! `EXCHEQUER_SIM_SEED` runs one alone. What a seed did is the same each time. A seed that fails prints the line that
//! runs it again. Nothing is waited for: a second of the bank costs nothing.

mod dice;
mod gateway;
mod node;
mod rules;
mod run;
mod wishes;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use self::run::{Run, Tally};

const SEEDS: u64 = 1_000;
/// Seeds are run beside each other on so many threads.
const THREADS: usize = 2;

const ELSEWHERE: &str = "the simulation is run where neither PostgreSQL nor Redis is given";

/// It has its database in memory and no cache besides: a run on other ones has nothing to add.
fn is_elsewhere() -> bool {
    let given = |name: &str| std::env::var(name).is_ok_and(|address| !address.is_empty());
    given("EXCHEQUER_TEST_POSTGRES") || given("EXCHEQUER_TEST_REDIS_URL")
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// One seed; a promise that is broken and a panic are both failures.
fn outcome(seed: u64) -> Result<Tally, String> {
    let ran = catch_unwind(AssertUnwindSafe(|| Run::new(seed).play()));
    let ran = ran.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("a panic: {}", text.unwrap_or_default()))
    });
    ran.map_err(|broken| {
        let again = format!("EXCHEQUER_SIM_SEED={seed} cargo test -p exchequer --test sim");
        format!("seed {seed} failed, again with: {again}: {broken}")
    })
}

/// Runs seeds until one fails; gives what all did.
fn run_all(seeds: std::ops::Range<u64>) -> Result<Tally, String> {
    let next = AtomicU64::new(seeds.start);
    let work = || -> Result<Tally, String> {
        let mut sum = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(sum);
            }
            match outcome(seed) {
                Ok(tally) => sum = plus(sum, tally),
                Err(failed) => {
                    next.store(seeds.end, Ordering::Relaxed);
                    return Err(failed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join().expect("no panic gets here"));
        ended.reduce(|a, b| Ok(plus(a?, b?))).expect("a thread")
    })
}

fn plus(a: Tally, b: Tally) -> Tally {
    Tally {
        requests: a.requests + b.requests,
        transactions: a.transactions + b.transactions,
        faults: a.faults + b.faults,
        crashes: a.crashes + b.crashes,
        jumps: a.jumps + b.jumps,
        hang_ups: a.hang_ups + b.hang_ups,
        steps: [0, 1, 2].map(|n| a.steps[n] + b.steps[n]),
        trace: a.trace.wrapping_add(b.trace),
    }
}

#[test]
fn every_promise_holds_in_every_history() {
    if is_elsewhere() {
        println!("{ELSEWHERE}");
        return;
    }
    let one = number("EXCHEQUER_SIM_SEED").map(|seed| seed..seed + 1);
    let first = number("EXCHEQUER_SIM_FIRST").unwrap_or(1);
    let count = number("EXCHEQUER_SIM_SEEDS").unwrap_or(SEEDS);
    let seeds = one.unwrap_or(first..first + count);
    match run_all(seeds.clone()) {
        Ok(tally) => {
            println!("{} seeds: {tally:?}", seeds.end - seeds.start);
            if seeds.end - seeds.start >= 100 {
                seen(&tally);
            }
        }
        Err(failed) => panic!("{failed}"),
    }
}

/// A simulation in which something never happens proves nothing of it.
fn seen(tally: &Tally) {
    let Tally { faults, crashes, jumps, hang_ups, steps, .. } = *tally;
    for (what, count) in [
        ("faults", faults),
        ("crashes", crashes),
        ("jumps of the clock", jumps),
        ("clients that hang up", hang_ups),
        ("steps that were done", steps[0]),
        ("steps that were refused", steps[1]),
        ("steps that were unknown", steps[2]),
    ] {
        assert!(count >= 20, "{count} {what} are too few");
    }
}

#[test]
fn a_seed_is_the_same_history_each_time() {
    if is_elsewhere() {
        println!("{ELSEWHERE}");
        return;
    }
    for seed in [3, 5, 8] {
        let (once, again) = (outcome(seed), outcome(seed));
        assert_eq!(once, again, "seed {seed}");
    }
}
