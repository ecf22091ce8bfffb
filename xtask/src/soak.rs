//! `cargo xtask soak`: what the tests of `ci` do for minutes, for as long as one likes.
//!
//! Order: seeds of the simulation that no run before had (they follow the time), half of the minutes; then the kills of
//! the shipped binary and of its payments, and the gateway that does everything wrong, with counts that fill the
//! rest. Each prints what it did; docs/reliability.md keeps the last results. Bound: [`MAX_MINUTES`], and twice the
//! minutes for each part. A failure of one part does not keep the others from being run.

use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Result;
use crate::guard::Guard;
use crate::process::run_logged;
use crate::workspace::Workspace;

pub const DEFAULT_MINUTES: u64 = 60;
/// A day.
const MAX_MINUTES: u64 = 1_440;
/// Of two quiet cores and a debug build, measured.
const SEEDS_A_MINUTE: u64 = 600;
const KILLS_A_MINUTE: u64 = 40;
const PAYMENTS_A_MINUTE: u64 = 300;
/// Rounds of one kill at each point.
const ROUND_MINUTES: u64 = 3;
/// Fewer seconds than this cannot be compiled in.
const LEAST: Duration = Duration::from_mins(40);

/// A test, and the variable that says how much of it.
struct Part {
    name: &'static str,
    arguments: &'static [&'static str],
    settings: Vec<(&'static str, u64)>,
}

/// `--minutes N`.
pub fn named(minutes: &str) -> Result<ExitCode> {
    let number = minutes.parse().ok().filter(|number| (1..=MAX_MINUTES).contains(number));
    run(number.ok_or_else(|| format!("--minutes: 1 to {MAX_MINUTES}"))?)
}

pub fn run(minutes: u64) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let guard = Guard::new("soak")?;
    let mut failed = Vec::new();
    for part in parts(minutes)? {
        let log = workspace.target.join(format!("soak-{}.log", part.name));
        std::fs::write(&log, "").map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command: Command = workspace.cargo();
        command.args(["test", "--locked", "--workspace"]).args(part.arguments);
        command.args(["--", "--nocapture"]);
        for (name, value) in &part.settings {
            command.env(name, value.to_string());
        }
        let limit = LEAST + Duration::from_mins(minutes * 2);
        let ended = run_logged(&mut command, &log, limit, &guard);
        let is_right = matches!(&ended, Ok(status) if status.success());
        let said = if is_right { "passed" } else { "FAILED" };
        println!("{}: {said}, {:?}, {}", part.name, part.settings, log.display());
        if !is_right {
            failed.push(part.name);
        }
    }
    if failed.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(failed.join(", ")) }
}

#[expect(clippy::disallowed_methods, reason = "seeds that no run before had, not bank time")]
fn parts(minutes: u64) -> Result<Vec<Part>> {
    // Seconds, so that no two runs have a seed in common.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    let sixth = minutes.div_ceil(6);
    Ok(vec![
        Part {
            name: "simulation",
            arguments: &["--test", "sim"],
            settings: vec![
                ("EXCHEQUER_SIM_FIRST", now.as_secs()),
                ("EXCHEQUER_SIM_SEEDS", minutes.div_ceil(2) * SEEDS_A_MINUTE),
            ],
        },
        Part {
            name: "kills",
            arguments: &["--test", "blackbox"],
            settings: vec![("EXCHEQUER_TEST_KILLS", sixth * KILLS_A_MINUTE)],
        },
        Part {
            name: "payment-kills",
            arguments: &["--test", "payments_killed"],
            settings: vec![("EXCHEQUER_TEST_PAYMENT_KILLS", sixth.div_ceil(ROUND_MINUTES))],
        },
        Part {
            name: "gateway",
            arguments: &["--test", "attacks", "gateway_chaos"],
            settings: vec![("EXCHEQUER_TEST_CHAOS_PAYMENTS", sixth * PAYMENTS_A_MINUTE)],
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_a_number_within_a_day() {
        for wrong in ["", "0", "1441", "x"] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_simulation_gets_half_of_the_time() {
        let parts = parts(60).unwrap();
        assert_eq!(parts[0].settings[1], ("EXCHEQUER_SIM_SEEDS", 18_000));
        assert_eq!(parts[1].settings[0].1, 400);
    }
}
