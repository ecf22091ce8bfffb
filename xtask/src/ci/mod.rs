//! `cargo xtask ci`: everything that must hold, the cheapest refusal first.
//!
//! Order: [`ORDER`]. A refused format, rule or lint ends the run, since what follows would repeat it;
//! after a failed test step the others still run, so that one run shows every failure. Each step's
//! whole output is in `TARGET/xtask-ci/STEP.log`. The last line on standard output is always
//! `N passed, N failed`. It changes no tracked file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::process::now;
use crate::workspace::Workspace;

mod snapshots;
mod steps;
mod tests_log;

use snapshots::Snapshots;
use tests_log::Tally;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Fmt,
    Tidy,
    Clippy,
    Deny,
    Updates,
    Doc,
    Sqlite,
    Servers,
    Postgres,
    Redis,
    Edge,
    Encrypted,
    Snapshots,
    Smoke,
    Alerts,
    Browser,
    Outside,
    Tls,
    Image,
}

pub const ORDER: [Step; 19] = [
    Step::Fmt,
    Step::Tidy,
    Step::Clippy,
    Step::Deny,
    Step::Updates,
    Step::Doc,
    Step::Sqlite,
    Step::Servers,
    Step::Postgres,
    Step::Redis,
    Step::Edge,
    Step::Encrypted,
    Step::Snapshots,
    Step::Smoke,
    Step::Alerts,
    Step::Browser,
    Step::Outside,
    Step::Tls,
    Step::Image,
];

/// What the steps share.
struct Run {
    workspace: Workspace,
    guard: Guard,
    logs: PathBuf,
    before: Snapshots,
}

enum Verdict {
    Passed(Tally),
    Failed(Tally, String),
    /// Counted neither as passed nor as failed; the reason is shown.
    Skipped(&'static str),
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Tidy => "tidy",
            Self::Clippy => "clippy",
            Self::Deny => "deny",
            Self::Updates => "updates",
            Self::Doc => "doc",
            Self::Sqlite => "sqlite",
            Self::Servers => "servers",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Edge => "edge",
            Self::Encrypted => "encrypted",
            Self::Snapshots => "snapshots",
            Self::Smoke => "smoke",
            Self::Alerts => "alerts",
            Self::Browser => "browser",
            Self::Outside => "outside",
            Self::Tls => "tls",
            Self::Image => "image",
        }
    }

    /// Whether a failure ends the run.
    fn stops(self) -> bool {
        match self {
            Self::Fmt | Self::Tidy | Self::Clippy => true,
            Self::Deny
            | Self::Updates
            | Self::Doc
            | Self::Sqlite
            | Self::Servers
            | Self::Postgres
            | Self::Redis
            | Self::Edge
            | Self::Encrypted
            | Self::Snapshots
            | Self::Smoke
            | Self::Alerts
            | Self::Browser
            | Self::Outside
            | Self::Tls
            | Self::Image => false,
        }
    }
}

pub fn step_named(name: &str) -> Result<Step> {
    let found = ORDER.into_iter().find(|step| step.name() == name);
    found.ok_or_else(|| format!("no step `{name}`; there are {}", step_names()))
}

pub fn step_names() -> String {
    ORDER.map(Step::name).join(", ")
}

pub fn run(steps: &[Step]) -> Result<ExitCode> {
    let start = now();
    let run = Run::prepare()?;
    let mut total = Tally::default();
    for step in steps {
        let verdict = run.timed(*step);
        let refused = matches!(verdict, Verdict::Failed(..));
        total = total.plus(verdict.tally());
        if refused && step.stops() {
            println!("stopped: {} comes before the rest", step.name());
            break;
        }
    }
    drop(run);
    println!("{} in all", seconds(start.elapsed()));
    println!("{total}");
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Run {
    fn prepare() -> Result<Self> {
        let workspace = Workspace::load()?;
        let logs = workspace.target.join("xtask-ci");
        fs::create_dir_all(&logs).map_err(|error| format!("{}: {error}", logs.display()))?;
        let before = Snapshots::of(&workspace.root)?;
        Ok(Self { guard: Guard::new("ci")?, workspace, logs, before })
    }

    /// Runs one step and prints its line, and on failure what to look at.
    fn timed(&self, step: Step) -> Verdict {
        let start = now();
        let log = self.logs.join(step.name()).with_extension("log");
        let verdict = empty(&log)
            .and_then(|()| self.perform(step, &log))
            .unwrap_or_else(|error| Verdict::Failed(Tally::FAILED, error));
        let took = seconds(start.elapsed());
        let name = step.name();
        match &verdict {
            Verdict::Passed(tally) if *tally == Tally::PASSED => {
                println!("{name:<10} ok      {took}");
            }
            Verdict::Passed(tally) => println!("{name:<10} ok      {took}  {tally}"),
            Verdict::Skipped(reason) => println!("{name:<10} skipped {took}  {reason}"),
            Verdict::Failed(tally, reason) => {
                println!("{name:<10} FAILED  {took}  {tally}; log: {}", log.display());
                println!("{}", tests_log::excerpt(&log));
                println!("{name}: {reason}");
            }
        }
        verdict
    }
}

impl Verdict {
    fn tally(&self) -> Tally {
        match self {
            Self::Passed(tally) | Self::Failed(tally, _) => *tally,
            Self::Skipped(_) => Tally::default(),
        }
    }
}

fn empty(log: &Path) -> Result<()> {
    fs::write(log, "").map_err(|error| format!("{}: {error}", log.display()))
}

fn seconds(time: Duration) -> String {
    format!("{:>5}.{} s", time.as_secs(), time.subsec_millis() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_found_by_its_name() {
        for step in ORDER {
            assert_eq!(step_named(step.name()), Ok(step));
        }
        assert!(step_named("everything").is_err());
    }

    #[test]
    fn seconds_have_one_digit_and_no_rounding_up() {
        assert_eq!(seconds(Duration::from_millis(61_990)), "   61.9 s");
    }
}
