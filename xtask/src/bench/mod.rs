//! `cargo xtask bench`: the floors of the speed issue, measured on this machine, as one table.
//!
//! Order: release build, preparations (a PostgreSQL of our own, banks that hold millions), then as many
//! rounds as runs, each round measuring everything once, so that a machine that slows down slows all
//! alike; medians at the end. The books of every bank are verified by `exchequer-bench` after its run,
//! and a bank that is wrong fails the command. A floor that is missed is said, not a failure: rates are
//! the machine's, ratios the program's. Cost: about half an hour with five runs; some 5 GB under
//! `TARGET/bench`, removed at the end. Bound: every process has a time limit. It leaves no process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::ExitCode;

use crate::Result;
use crate::guard::Guard;
use crate::postgres::Server;
use crate::workspace::Workspace;

mod machine;
mod pgbench;
mod probes;
mod rows;
mod table;

use probes::{Probe, Runner, Sizes};
use rows::{ENCRYPTED, ROWS, Row};

/// What one run of a probe gave, by name.
pub type Numbers = BTreeMap<String, f64>;

/// What all runs of the probes gave so far.
#[derive(Default)]
pub struct Samples {
    runs: BTreeMap<Probe, Vec<Numbers>>,
    /// Probes that are not measured, with the reason.
    stopped: BTreeMap<Probe, Stopped>,
}

pub enum Stopped {
    /// Something that it needs is not on this machine.
    Skipped(String),
    Failed(String),
}

/// What the command line asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Wish {
    runs: u32,
    quick: bool,
    /// Groups of rows; empty means all.
    only: Vec<String>,
}

const DEFAULT_RUNS: u32 = 5;
const MAX_RUNS: u32 = 100;

impl Wish {
    /// `[--runs N] [--only GROUP,GROUP…] [--quick]`, in any order.
    pub fn parse(words: &[&str]) -> Result<Self> {
        let mut wish = Self { runs: DEFAULT_RUNS, quick: false, only: Vec::new() };
        let mut runs = None;
        let mut rest = words;
        loop {
            rest = match rest {
                [] => break,
                ["--quick", rest @ ..] => {
                    wish.quick = true;
                    rest
                }
                ["--runs", count, rest @ ..] => {
                    let count = count.parse().ok().filter(|count| (1..=MAX_RUNS).contains(count));
                    runs = Some(count.ok_or(format!("--runs: 1 to {MAX_RUNS}"))?);
                    rest
                }
                ["--only", groups, rest @ ..] => {
                    wish.only.extend(groups.split(',').map(str::to_owned));
                    rest
                }
                [other, ..] => return Err(format!("bench: `{other}` is not understood")),
            };
        }
        wish.runs = runs.unwrap_or(if wish.quick { 1 } else { DEFAULT_RUNS });
        let known: BTreeSet<&str> = ROWS.iter().map(|row| row.group).collect();
        match wish.only.iter().find(|group| !known.contains(group.as_str())) {
            None if wish.encrypts() && wish.only.iter().any(|group| group != ENCRYPTED) => {
                Err(format!("--only: `{ENCRYPTED}` is measured alone, in a build of its own"))
            }
            None => Ok(wish),
            Some(group) => {
                let known: Vec<&str> = known.into_iter().collect();
                Err(format!("--only: `{group}` is none of {}", known.join(", ")))
            }
        }
    }

    fn rows(&self) -> Vec<&'static Row> {
        let wanted = |row: &&Row| match self.only.as_slice() {
            [] => row.group != ENCRYPTED,
            only => only.iter().any(|group| group == row.group),
        };
        ROWS.iter().filter(wanted).collect()
    }

    fn encrypts(&self) -> bool {
        self.only.iter().any(|group| group == ENCRYPTED)
    }
}

impl Samples {
    /// One name's numbers, in the order of the runs.
    fn of(&self, probe: Probe, name: &str) -> Vec<f64> {
        let runs = self.runs.get(&probe).into_iter().flatten();
        runs.filter_map(|numbers| numbers.get(name).copied()).collect()
    }

    fn stop(&mut self, probe: Probe, why: Stopped) {
        eprintln!("{}: {why}", probe.name());
        self.stopped.insert(probe, why);
    }

    fn goes_on(&self, probe: Probe) -> bool {
        !self.stopped.contains_key(&probe)
    }
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Skipped(why) => write!(out, "skipped: {why}"),
            Self::Failed(why) => write!(out, "failed: {why}"),
        }
    }
}

pub fn run(words: &[&str]) -> Result<ExitCode> {
    let wish = Wish::parse(words)?;
    let rows = wish.rows();
    // A row that is compared with another needs the other's probe.
    let probes: BTreeSet<Probe> = rows
        .iter()
        .flat_map(|row| [Some(row.probe), row.base.map(|base| base.0)])
        .flatten()
        .collect();

    let workspace = Workspace::load()?;
    let guard = Guard::new("bench")?;
    let sizes = if wish.quick { &Sizes::QUICK } else { &Sizes::WHOLE };
    let mut runner = Runner::new(&workspace, &guard, sizes)?;
    let head = machine::head(&workspace, &wish)?;
    runner.build(wish.encrypts())?;
    let mut samples = Samples::default();
    let server = prepare(&probes, &mut runner, &mut samples)?;
    let mut syncs = Vec::new();
    for round in 1..=wish.runs {
        syncs.push(machine::sync_ms(runner.folder())?);
        for probe in &probes {
            if samples.goes_on(*probe) {
                measure(*probe, &runner, &mut samples, (round, wish.runs));
            }
        }
    }
    drop(server);
    fs::remove_dir_all(runner.folder())
        .map_err(|error| format!("{}: {error}", runner.folder().display()))?;

    println!("{head}; one fdatasync took {:.2} ms\n", table::median(&syncs));
    println!("{}", table::render(&rows, &samples, sizes));
    let failed = samples.stopped.values().any(|why| matches!(why, Stopped::Failed(_)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Makes what the probes need; one that cannot be had stops its probe and no other.
fn prepare<'guard>(
    probes: &BTreeSet<Probe>,
    runner: &mut Runner<'guard>,
    samples: &mut Samples,
) -> Result<Option<Server<'guard>>> {
    let mut server = None;
    for probe in probes {
        let prepared = match probe {
            Probe::Postgres => match pgbench::prepare(runner) {
                Ok(Ok(started)) => {
                    server = Some(started);
                    Ok(())
                }
                Ok(Err(why)) => {
                    samples.stop(*probe, Stopped::Skipped(why));
                    continue;
                }
                Err(error) => Err(error),
            },
            Probe::Http => match runner.find_wrk()? {
                Ok(()) => Ok(()),
                Err(why) => {
                    samples.stop(*probe, Stopped::Skipped(why));
                    continue;
                }
            },
            Probe::LimitsRedis | Probe::SessionRedis if !machine::has("redis-server") => {
                let why = "redis-server is not installed".to_owned();
                samples.stop(*probe, Stopped::Skipped(why));
                continue;
            }
            _ => runner.fill(*probe),
        };
        if let Err(error) = prepared {
            samples.stop(*probe, Stopped::Failed(error));
        }
    }
    Ok(server)
}

fn measure(probe: Probe, runner: &Runner<'_>, samples: &mut Samples, (round, of): (u32, u32)) {
    match runner.measure(probe) {
        Ok(numbers) => {
            let said: Vec<String> =
                numbers.iter().map(|(name, number)| format!("{name} {number:.2}")).collect();
            eprintln!("run {round} of {of}, {}: {}", probe.name(), said.join(", "));
            samples.runs.entry(probe).or_default().push(numbers);
        }
        Err(error) => samples.stop(probe, Stopped::Failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_in_any_order() {
        let wish = Wish::parse(&["--only", "hot,door", "--runs", "7"]).unwrap();
        assert_eq!((wish.runs, wish.only.len(), wish.quick), (7, 2, false));
        assert_eq!(wish.rows().len(), 3);
        assert_eq!(Wish::parse(&["--quick"]).unwrap().runs, 1);
        assert_eq!(Wish::parse(&[]).unwrap().rows().len(), ROWS.len() - 1);
        assert_eq!(Wish::parse(&["--only", "encrypted"]).unwrap().rows().len(), 1);
        assert!(Wish::parse(&["--only", "encrypted,door"]).is_err());
        assert_eq!(Wish::parse(&[]).unwrap().runs, DEFAULT_RUNS);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for words in [&["--runs", "0"][..], &["--runs"], &["--only", "speed"], &["fast"]] {
            assert!(Wish::parse(words).is_err(), "{words:?}");
        }
    }
}
