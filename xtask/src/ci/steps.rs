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
use crate::guard::Guard;
use crate::postgres;
use crate::postgres::programs::install_where_allowed;
use crate::process::{append, run_logged};
use crate::{alerts, browser, edge, image, outside, python, redis, smoke, tidy, tls, updates};

/// All steps together have 45 minutes; one that takes this long alone hangs.
const STEP_LIMIT: Duration = Duration::from_mins(40);

const TEST: [&str; 3] = ["test", "--locked", "--no-fail-fast"];

/// The crates whose tests reach a database; of the others only the quick ones in the crates run again.
const WITH_DATABASE: [&str; 3] = ["store", "exchequer", "testkit"];

/// Of their tests those to which it is all one which database and cache stand behind the bank.
const WITHOUT_DATABASE: &str = "edge";

/// What runs on PostgreSQL without Redis, and on SQLite with it: the store by itself, and whoever attacks the bank. Everything else
/// has met each of the four in the steps before, where SQLite comes with memory and PostgreSQL with Redis.
const CROSSED: [&str; 5] = ["--workspace", "--test", "it", "--test", "attacks"];

/// With the SQLite that encrypts: the store's own tests of files, and the search for markers. Another build of the
/// library, so these few and not all.
const ENCRYPTED: [&[&str]; 2] = [
    &["-p", "store", "--lib", "--features", "store/sqlcipher", "--", "file", "backup", "integrity"],
    &["-p", "exchequer", "--test", "rest", "--features", "store/sqlcipher"],
];

/// What a run of tests stands on besides SQLite and memory; a test may then not skip it.
#[derive(Default)]
struct Outside<'a> {
    postgres: Option<&'a str>,
    redis: Option<&'a str>,
    has_proxies: bool,
    /// A checkout of the Core Rule Set, in place of Debian's.
    rule_set: Option<&'a str>,
    can_encrypt: bool,
}

impl Outside<'_> {
    /// What a test may not go without, as `EXCHEQUER_TEST_REQUIRE` has it.
    fn required(&self) -> String {
        let all = [
            (true, "python"),
            (self.postgres.is_some(), "postgres"),
            (self.redis.is_some(), "redis"),
            (self.has_proxies, "edge"),
            (self.can_encrypt, "sqlcipher"),
        ];
        all.into_iter()
            .filter(|(is_there, _)| *is_there)
            .map(|(_, name)| name)
            .collect::<Vec<_>>()
            .join(",")
    }
}

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
            Step::Updates => self.updates(log),
            Step::Doc => self.doc(log),
            Step::Sqlite => self.tests(&["--workspace"], &Outside::default(), log),
            Step::Servers => self.tests_on_servers(log),
            Step::Postgres => self.tests_on_postgres(log),
            Step::Redis => self.tests_on_redis(log),
            Step::Edge => self.tests_at_the_edge(log),
            Step::Encrypted => self.tests_of_encryption(log),
            Step::Snapshots => self.snapshots(log),
            Step::Smoke => {
                smoke::run(&self.workspace, &self.guard, log, STEP_LIMIT).map(|()| passed())
            }
            Step::Alerts => {
                alerts::run(&self.workspace, &self.guard, log, STEP_LIMIT).map(|()| passed())
            }
            Step::Browser => self.in_browser(log),
            Step::Outside => self.outside(log),
            Step::Tls => self.scanned(log),
            Step::Image => self.image(log),
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

    fn updates(&self, log: &Path) -> Result<Verdict> {
        match updates::of_the_commit(&self.workspace)? {
            Err(reason) => {
                note(log, &reason)?;
                Ok(Verdict::Skipped("the index of crates.io cannot be reached"))
            }
            Ok(judgement) => {
                note(log, &judgement.text())?;
                let count = judgement.findings.len();
                Ok(if count == 0 { passed() } else { failed(format!("{count} findings")) })
            }
        }
    }

    fn doc(&self, log: &Path) -> Result<Verdict> {
        let mut command = self.workspace.cargo();
        command.args(["doc", "--no-deps", "--workspace", "--locked"]);
        self.one(command.env("RUSTDOCFLAGS", "-D warnings"), log)
    }

    fn tests(&self, what: &[&str], outside: &Outside<'_>, log: &Path) -> Result<Verdict> {
        python::find_or_install()?;
        let mut command = self.workspace.cargo();
        command.args(TEST).args(what).env("CI", "true").env("INSTA_UPDATE", "no");
        if let Some(address) = outside.postgres {
            command.env("EXCHEQUER_TEST_POSTGRES", address);
        }
        if let Some(address) = outside.redis {
            command.env("EXCHEQUER_TEST_REDIS_URL", address);
        }
        if let Some(folder) = outside.rule_set {
            command.env("EXCHEQUER_TEST_CRS", folder);
        }
        command.env("EXCHEQUER_TEST_REQUIRE", outside.required());
        self.counted(&mut command, STEP_LIMIT, log)
    }

    /// The tests of some packages, named one by one: asked for by package, cargo builds nearly everything once more,
    /// since fewer packages ask for fewer features of what they share.
    fn targets_of(&self, packages: &[&str]) -> Result<Vec<&str>> {
        let mut targets = vec!["--workspace", "--lib"];
        for name in packages {
            let found = self.workspace.packages.iter().find(|package| package.name == *name);
            let package = found.ok_or_else(|| format!("there is no package {name}"))?;
            let tests = package.tests.iter().filter(|test| *test != WITHOUT_DATABASE);
            targets.extend(tests.flat_map(|test| ["--test", test]));
        }
        Ok(targets)
    }

    /// With the proxies of `deploy/edge` before a bank; once more with another rule set where one is given.
    fn tests_at_the_edge(&self, log: &Path) -> Result<Verdict> {
        edge::find_or_install()?;
        let what = ["--workspace", "--test", "edge"];
        let outside = Outside { has_proxies: true, ..Outside::default() };
        let first = self.tests(&what, &outside, log)?;
        let folder = given("EXCHEQUER_TEST_CRS")?;
        if folder.is_none() || matches!(first, Verdict::Failed(..)) {
            return Ok(first);
        }
        self.tests(&what, &Outside { rule_set: folder.as_deref(), ..outside }, log)
    }

    /// The log counts the tests of both commands together.
    fn tests_of_encryption(&self, log: &Path) -> Result<Verdict> {
        let has_headers = || Path::new("/usr/include/openssl/evp.h").is_file();
        if !has_headers() && given("OPENSSL_DIR")?.is_none() {
            install_where_allowed(&["libssl-dev"])?;
            if !has_headers() {
                return Ok(Verdict::Skipped("libcrypto's headers (libssl-dev) are not installed"));
            }
        }
        let outside = Outside { can_encrypt: true, ..Outside::default() };
        let first = self.tests(ENCRYPTED[0], &outside, log)?;
        if matches!(first, Verdict::Failed(..)) {
            return Ok(first);
        }
        self.tests(ENCRYPTED[1], &outside, log)
    }

    /// The build is the one that the step before has just looked at.
    fn in_browser(&self, log: &Path) -> Result<Verdict> {
        let wish = browser::Wish::shipped();
        let mut command = browser::prepare(&self.workspace, &self.guard, &wish, log)?;
        self.counted(&mut command, browser::RUN_LIMIT, log)
    }

    /// A short run with the build that is shipped; the long one is a command of its own.
    fn outside(&self, log: &Path) -> Result<Verdict> {
        if let Some(reason) = outside::obstacle(&self.workspace, &self.guard, log) {
            return Ok(Verdict::Skipped(reason));
        }
        smoke::build(&self.workspace, &self.guard, log, STEP_LIMIT)?;
        let binary = self.workspace.target.join("release/exchequer");
        let wish = outside::Wish::short(binary.to_str().ok_or("the target folder is no text")?);
        let mut command = outside::prepare(&self.workspace, &self.guard, &wish, log)?;
        self.counted(&mut command, wish.limit(), log)
    }

    /// The TLS of the build that is shipped.
    fn scanned(&self, log: &Path) -> Result<Verdict> {
        let scanners = tls::Scanners::find(&self.workspace, &self.guard, log)?;
        if let Some(reason) = scanners.obstacle() {
            return Ok(Verdict::Skipped(reason));
        }
        smoke::build(&self.workspace, &self.guard, log, STEP_LIMIT)?;
        let binary = self.workspace.target.join("release/exchequer");
        let passed = tls::run(&self.guard, log, &binary, &scanners)?;
        Ok(Verdict::Passed(Tally { passed, failed: 0 }))
    }

    /// The container, of the build that is shipped.
    fn image(&self, log: &Path) -> Result<Verdict> {
        if let Some(reason) = image::obstacle()? {
            return Ok(Verdict::Skipped(reason));
        }
        smoke::build(&self.workspace, &self.guard, log, STEP_LIMIT)?;
        let binary = self.workspace.target.join("release/exchequer");
        image::run(&self.workspace, &self.guard, log, &binary).map(|()| passed())
    }

    /// A command that counts its tests in the log.
    fn counted(&self, command: &mut Command, limit: Duration, log: &Path) -> Result<Verdict> {
        let status = run_logged(command, log, limit, &self.guard)?;
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

    /// On PostgreSQL and Redis together, as banks of several nodes are; those of nodes run here alone.
    fn tests_on_servers(&self, log: &Path) -> Result<Verdict> {
        on_postgres(|postgres| {
            on_redis(|redis| {
                let outside =
                    Outside { postgres: Some(postgres), redis: Some(redis), ..Outside::default() };
                self.tests(&self.targets_of(&WITH_DATABASE)?, &outside, log)
            })
        })
    }

    fn tests_on_postgres(&self, log: &Path) -> Result<Verdict> {
        on_postgres(|address| {
            let outside = Outside { postgres: Some(address), ..Outside::default() };
            self.tests(&CROSSED, &outside, log)
        })
    }

    fn tests_on_redis(&self, log: &Path) -> Result<Verdict> {
        on_redis(|address| {
            let outside = Outside { redis: Some(address), ..Outside::default() };
            self.tests(&CROSSED, &outside, log)
        })
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

/// With the address that was given, else with a server for this alone, whose folder is no other step's.
fn on_postgres(act: impl FnOnce(&str) -> Result<Verdict>) -> Result<Verdict> {
    match given("EXCHEQUER_TEST_POSTGRES")? {
        Some(address) => act(&address),
        None => act(postgres::Server::start(&Guard::new("postgres")?, false)?.url()),
    }
}

fn on_redis(act: impl FnOnce(&str) -> Result<Verdict>) -> Result<Verdict> {
    match given("EXCHEQUER_TEST_REDIS_URL")? {
        Some(address) => act(&address),
        None => act(redis::Server::start(&Guard::new("redis")?)?.url()),
    }
}

/// A variable that is set and not empty.
fn given(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(given) => Ok(Some(given).filter(|given| !given.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(format!("{name}: {error}")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_demands_python_and_what_it_stands_on() {
        assert_eq!(Outside::default().required(), "python");
        let all = Outside {
            postgres: Some("a"),
            redis: Some("b"),
            has_proxies: true,
            rule_set: Some("c"),
            can_encrypt: true,
        };
        assert_eq!(all.required(), "python,postgres,redis,edge,sqlcipher");
    }
}
