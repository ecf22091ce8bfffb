//! What each step of `cargo xtask ci` does.
//!
//! Bound: a process of a step ends after [`STEP_LIMIT`]. Nothing here decides the order.

use std::env;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::snapshots::Snapshots;
use super::tests_log::{Tally, tally};
use super::{Run, Step, Verdict};
use crate::Result;
use crate::postgres::Server;
use crate::process::{append, run_logged};
use crate::{smoke, tidy};

/// All steps together have 45 minutes; one that takes this long alone hangs.
const STEP_LIMIT: Duration = Duration::from_mins(40);

const TEST: [&str; 3] = ["test", "--locked", "--no-fail-fast"];

/// The crates whose tests reach a database; the others have passed in the step before.
const WITH_DATABASE: [&str; 6] = ["-p", "store", "-p", "exchequer", "-p", "testkit"];

impl Run {
    pub(super) fn perform(&self, step: Step, log: &Path) -> Result<Verdict> {
        match step {
            Step::Fmt => self.cargo(&["fmt", "--all", "--check", "--", "--color", "never"], log),
            Step::Tidy => self.tidy(log),
            Step::Clippy => self.cargo(
                &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
                log,
            ),
            Step::Deny => self.deny(log),
            Step::Doc => self.doc(log),
            Step::Sqlite => self.tests(&["--workspace"], None, log),
            Step::Postgres => self.tests_on_postgres(log),
            Step::Snapshots => self.snapshots(log),
            Step::Smoke => {
                smoke::run(&self.workspace, &self.guard, log, STEP_LIMIT).map(|()| passed())
            }
        }
    }

    fn cargo(&self, arguments: &[&str], log: &Path) -> Result<Verdict> {
        self.one(self.workspace.cargo().args(arguments), log)
    }

    /// A command that passes or fails as a whole.
    fn one(&self, command: &mut Command, log: &Path) -> Result<Verdict> {
        let status = run_logged(command, log, STEP_LIMIT, &self.guard)?;
        Ok(if status.success() { passed() } else { failed(status.to_string()) })
    }

    fn tidy(&self, log: &Path) -> Result<Verdict> {
        let findings = tidy::check(&self.workspace)?;
        let mut text = String::new();
        for finding in &findings {
            writeln!(text, "{finding}").map_err(|error| error.to_string())?;
        }
        note(log, &text)?;
        let count = findings.len();
        Ok(if count == 0 { passed() } else { failed(format!("{count} findings")) })
    }

    /// Bans, licences and sources need nothing from outside; advisories need a database that a build
    /// machine may not reach, so they are asked for by hand (`cargo deny check advisories`).
    fn deny(&self, log: &Path) -> Result<Verdict> {
        let installed = self
            .workspace
            .cargo()
            .args(["deny", "--version"])
            .output()
            .is_ok_and(|output| output.status.success());
        if !installed {
            return Ok(Verdict::Skipped("cargo-deny is not installed"));
        }
        self.cargo(&["deny", "--locked", "check", "bans", "licenses", "sources"], log)
    }

    fn doc(&self, log: &Path) -> Result<Verdict> {
        let mut command = self.workspace.cargo();
        command.args(["doc", "--no-deps", "--workspace", "--locked"]);
        self.one(command.env("RUSTDOCFLAGS", "-D warnings"), log)
    }

    /// On SQLite and in memory unless `postgres` has an address; then a test may not skip it.
    fn tests(&self, what: &[&str], postgres: Option<&str>, log: &Path) -> Result<Verdict> {
        let mut command = self.workspace.cargo();
        command.args(TEST).args(what).env("CI", "true").env("INSTA_UPDATE", "no");
        if let Some(address) = postgres {
            command.env("EXCHEQUER_TEST_POSTGRES", address);
            command.env("EXCHEQUER_TEST_REQUIRE", "postgres");
        }
        let status = run_logged(&mut command, log, STEP_LIMIT, &self.guard)?;
        let counted = tally(log)?;
        if status.success() && counted.failed == 0 {
            return Ok(match counted.passed {
                0 => failed("not one test ran".to_owned()),
                _ => Verdict::Passed(counted),
            });
        }
        // A test that does not compile is in no line of the results.
        let unseen = if counted.failed == 0 { Tally::FAILED } else { Tally::default() };
        Ok(Verdict::Failed(counted.plus(unseen), status.to_string()))
    }

    fn tests_on_postgres(&self, log: &Path) -> Result<Verdict> {
        match env::var("EXCHEQUER_TEST_POSTGRES") {
            Ok(given) if !given.is_empty() => self.tests(&WITH_DATABASE, Some(&given), log),
            Ok(_) | Err(env::VarError::NotPresent) => {
                let server = Server::start(&self.guard, false)?;
                self.tests(&WITH_DATABASE, Some(server.url()), log)
            }
            Err(error) => Err(format!("EXCHEQUER_TEST_POSTGRES: {error}")),
        }
    }

    /// The tests before this step may have written none of the files they compare with.
    fn snapshots(&self, log: &Path) -> Result<Verdict> {
        let after = Snapshots::of(&self.workspace.root)?;
        let complaints = after.complaints(&self.before);
        note(log, &complaints.join("\n"))?;
        let count = complaints.len();
        Ok(if count == 0 { passed() } else { failed(format!("{count} snapshots to look at")) })
    }
}

fn passed() -> Verdict {
    Verdict::Passed(Tally::PASSED)
}

fn failed(reason: String) -> Verdict {
    Verdict::Failed(Tally::FAILED, reason)
}

fn note(log: &Path, text: &str) -> Result<()> {
    append(log)?.write_all(text.as_bytes()).map_err(|error| format!("{}: {error}", log.display()))
}
