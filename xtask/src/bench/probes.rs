//! The probes: one call of `exchequer-bench` each, and what it needs before.
//!
//! Each measurement is a process of its own, so that no run leaves memory or threads to the next. Its
//! output goes to a log under the guard's folder; the last line is the numbers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{Numbers, machine, pgbench};
use crate::Result;
use crate::guard::Guard;
use crate::process::{run_logged, tail};
use crate::workspace::{Workspace, clean_environment};

/// In the order of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    Ordered,
    Random,
    Hundred,
    Door64,
    Door1,
    Hot,
    FullOrdered,
    FullRandom,
    Postgres,
    Http,
    Memory,
    Limits,
    LimitsRedis,
    Session,
    SessionRedis,
    Sessions,
    SignIn,
    Tokenize,
    Signature,
    Redaction,
    Payments,
    Keys,
    Encrypted,
    Start,
}

/// How much is measured.
pub struct Sizes {
    /// Transfers of one run of the engine.
    pub engine: u32,
    pub hundred: u32,
    pub door64: u32,
    pub door1: u32,
    /// Transfers that a full bank holds before its first run.
    pub full: u32,
    /// Transfers of one run on a full bank; each run leaves its own there.
    pub more: u32,
    pub postgres: u32,
    pub memory: u32,
    /// Decisions in memory, and checks of a token.
    pub limits: u32,
    /// Decisions on Redis of one turn, and checks of a token there.
    pub evals: u32,
    /// Sessions that are remembered.
    pub sessions: u32,
    pub sign_ins: u32,
    /// Cards that are kept.
    pub cards: u32,
    /// Signatures that are checked, and log lines that are scanned.
    pub checks: u32,
    pub payments: u32,
    /// Values that a rotation seals anew.
    pub values: u32,
    pub start: u32,
    /// Of each run of pgbench and wrk.
    pub seconds: u32,
}

/// A build on two slow cores; a bank of millions that is filled or verified.
const BUILD_LIMIT: Duration = Duration::from_mins(30);
const PROBE_LIMIT: Duration = Duration::from_mins(15);
const INSTALL_LIMIT: Duration = Duration::from_mins(5);

impl Sizes {
    pub const WHOLE: Self = Self {
        engine: 1_000_000,
        hundred: 300_000,
        door64: 300_000,
        door1: 15_000,
        full: 5_000_000,
        more: 240_000,
        postgres: 200_000,
        memory: 100_000,
        limits: 5_000_000,
        evals: 200_000,
        sessions: 100_000,
        sign_ins: 1_000,
        cards: 200_000,
        checks: 1_000_000,
        payments: 60_000,
        values: 500_000,
        start: 1_000_000,
        seconds: 10,
    };
    /// To try the command: the rows mean little.
    pub const QUICK: Self = Self {
        engine: 160_000,
        hundred: 50_000,
        door64: 50_000,
        door1: 3_000,
        full: 400_000,
        more: 80_000,
        postgres: 50_000,
        memory: 20_000,
        limits: 1_000_000,
        evals: 20_000,
        sessions: 20_000,
        sign_ins: 200,
        cards: 20_000,
        checks: 100_000,
        payments: 6_000,
        values: 50_000,
        start: 100_000,
        seconds: 3,
    };
}

impl Probe {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ordered => "engine-ordered",
            Self::Random => "engine-random",
            Self::Hundred => "engine-100",
            Self::Door64 => "door-64",
            Self::Door1 => "door-1",
            Self::Hot => "engine-hot",
            Self::FullOrdered => "full-ordered",
            Self::FullRandom => "full-random",
            Self::Postgres => "postgres",
            Self::Http => "http",
            Self::Memory => "memory",
            Self::Limits => "limits",
            Self::LimitsRedis => "limits-redis",
            Self::Session => "session",
            Self::SessionRedis => "session-redis",
            Self::Sessions => "sessions",
            Self::SignIn => "sign-in",
            Self::Tokenize => "tokenize",
            Self::Signature => "signature",
            Self::Redaction => "redaction",
            Self::Payments => "payments",
            Self::Keys => "keys",
            Self::Encrypted => "encrypted",
            Self::Start => "start",
        }
    }
}

pub struct Runner<'guard> {
    workspace: &'guard Workspace,
    pub guard: &'guard Guard,
    pub sizes: &'guard Sizes,
    /// Where the banks stand: on the disk of the build, since a temporary folder may be memory.
    folder: PathBuf,
    /// Set once there is a server.
    pub postgres: Option<pgbench::Target>,
}

impl<'guard> Runner<'guard> {
    /// Makes `TARGET/bench` anew.
    pub fn new(
        workspace: &'guard Workspace,
        guard: &'guard Guard,
        sizes: &'guard Sizes,
    ) -> Result<Self> {
        let folder = workspace.target.join("bench");
        let failed = |error| format!("{}: {error}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed)?;
        }
        fs::create_dir_all(&folder).map_err(failed)?;
        Ok(Self { workspace, guard, sizes, folder, postgres: None })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// With the SQLite that encrypts, where that is what is measured.
    pub fn build(&self, encrypts: bool) -> Result<()> {
        eprintln!("building");
        let mut build = self.workspace.cargo();
        build.args([
            "build",
            "--release",
            "--locked",
            "-p",
            "exchequer",
            "-p",
            "testkit",
            "--bins",
        ]);
        if encrypts {
            build.args(["--features", "store/sqlcipher"]);
        }
        self.succeed("build", &mut build, BUILD_LIMIT)
    }

    /// Fills the bank that a probe measures again and again.
    pub fn fill(&self, probe: Probe) -> Result<()> {
        let sizes = self.sizes;
        let (full, start) = (sizes.full.to_string(), sizes.start.to_string());
        let words = match probe {
            Probe::FullOrdered => ["engine", "ordered", "8000", "10000", &full].to_vec(),
            Probe::FullRandom => ["engine", "random", "8000", "10000", &full].to_vec(),
            Probe::Start => ["fill", &start].to_vec(),
            _ => return Ok(()),
        };
        eprintln!("filling a bank for {}", probe.name());
        self.call(probe, &words, true).map(drop)
    }

    pub fn measure(&self, probe: Probe) -> Result<Numbers> {
        let s = self.sizes;
        let [engine, hundred, door64, door1, more, postgres, memory, seconds] =
            [s.engine, s.hundred, s.door64, s.door1, s.more, s.postgres, s.memory, s.seconds]
                .map(|size| size.to_string());
        let [cards, checks, payments] =
            [s.cards, s.checks, s.payments].map(|size| size.to_string());
        let [limits, evals, sessions, sign_ins, values] =
            [s.limits, s.evals, s.sessions, s.sign_ins, s.values].map(|size| size.to_string());
        let (words, folder) = match probe {
            Probe::Ordered => (["engine", "ordered", "8000", "10000", &engine].to_vec(), true),
            Probe::Random => (["engine", "random", "8000", "10000", &engine].to_vec(), true),
            Probe::Hot => (["engine", "ordered", "8000", "2", &engine].to_vec(), true),
            Probe::Hundred => (["engine", "ordered", "100", "10000", &hundred].to_vec(), true),
            Probe::Door64 => (["door", "64", &door64].to_vec(), true),
            Probe::Door1 => (["door", "1", &door1].to_vec(), true),
            Probe::FullOrdered => (["more", "ordered", "8000", &more].to_vec(), true),
            Probe::FullRandom => (["more", "random", "8000", &more].to_vec(), true),
            Probe::Postgres => (["postgres", "1000", &postgres].to_vec(), false),
            Probe::Http => (["http", &seconds].to_vec(), true),
            Probe::Memory => (["memory", &memory].to_vec(), true),
            Probe::Limits => (["limits", &limits].to_vec(), false),
            Probe::LimitsRedis => (["limits-redis", &evals].to_vec(), false),
            Probe::Session => (["session", &limits].to_vec(), true),
            Probe::SessionRedis => (["session-redis", &evals].to_vec(), true),
            Probe::Sessions => (["sessions", &sessions].to_vec(), true),
            Probe::SignIn => (["sign-in", &sign_ins].to_vec(), true),
            Probe::Tokenize => (["tokenize", &cards].to_vec(), true),
            Probe::Signature => (["signature", &checks].to_vec(), false),
            Probe::Redaction => (["redaction", &checks].to_vec(), false),
            Probe::Payments => (["payments", &payments].to_vec(), true),
            Probe::Keys => (["keys", &values].to_vec(), true),
            Probe::Encrypted => (["encrypted", "8000", &engine].to_vec(), true),
            Probe::Start => (["start"].to_vec(), true),
        };
        // pgbench first: what it leaves in the server's memory is its own tables.
        let best = match (probe, &self.postgres) {
            (Probe::Postgres, Some(target)) => Some(target.best_rate(self)?),
            _ => None,
        };
        let mut numbers = self.call(probe, &words, folder)?;
        numbers.extend(best.map(|rate| ("pgbench".to_owned(), rate)));
        Ok(numbers)
    }

    /// `Err` inside: why there is no wrk.
    pub fn find_wrk(&self) -> Result<std::result::Result<(), String>> {
        if machine::has("wrk") {
            return Ok(Ok(()));
        }
        if !machine::may_install()? {
            return Ok(Err("wrk is not installed".to_owned()));
        }
        let mut install = Command::new("apt-get");
        install.args(["-q", "-o", "DPkg::Lock::Timeout=120", "install", "-y"]);
        install.args(["--no-install-recommends", "wrk"]).env("DEBIAN_FRONTEND", "noninteractive");
        let installed = self.succeed("apt-get", &mut install, INSTALL_LIMIT);
        Ok(installed.map_err(|error| format!("wrk could not be installed: {error}")))
    }

    /// Calls `exchequer-bench`, with a folder of the probe's own as the last word where it wants one.
    fn call(&self, probe: Probe, words: &[&str], wants_folder: bool) -> Result<Numbers> {
        let release = self.workspace.target.join("release");
        let mut command = Command::new(release.join("exchequer-bench"));
        // In a folder without `.env` or a configuration file.
        clean_environment(&mut command).args(words).current_dir(&self.folder);
        let folder = self.folder.join(probe.name());
        if wants_folder {
            command.arg(&folder);
        }
        if let Some(target) = &self.postgres {
            command.env("EXCHEQUER_BENCH_POSTGRES", target.url());
        }
        let log = self.succeed_logged(probe.name(), &mut command, PROBE_LIMIT)?;
        let keeps = matches!(probe, Probe::FullOrdered | Probe::FullRandom | Probe::Start);
        if wants_folder && !keeps {
            fs::remove_dir_all(&folder)
                .map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        numbers(&tail(&log, 1))
    }

    pub fn succeed(&self, name: &str, command: &mut Command, limit: Duration) -> Result<()> {
        self.succeed_logged(name, command, limit).map(drop)
    }

    /// Runs a command that must end well; gives its log.
    pub fn succeed_logged(
        &self,
        name: &str,
        command: &mut Command,
        limit: Duration,
    ) -> Result<PathBuf> {
        let log = self.guard.folder().join(format!("{name}.log"));
        let status = run_logged(command, &log, limit, self.guard)?;
        if status.success() { Ok(log) } else { Err(format!("{status}\n{}", tail(&log, 12))) }
    }
}

fn numbers(line: &str) -> Result<Numbers> {
    let value: Value = serde_json::from_str(line)
        .map_err(|error| format!("`{line}` is not what a probe says: {error}"))?;
    let object = value.as_object().ok_or_else(|| format!("`{line}` is no object"))?;
    let read = |(name, value): (&String, &Value)| {
        let number = value.as_f64().ok_or_else(|| format!("{name} is no number"))?;
        Ok((name.clone(), number))
    };
    object.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_says_numbers_and_nothing_else() {
        let read = numbers(r#"{"a":1,"b":2.5}"#).unwrap();
        assert!((read["b"] - 2.5).abs() < 1e-9 && read.len() == 2);
        for line in ["", "[]", r#"{"a":"1"}"#, "{}{}"] {
            assert!(numbers(line).is_err(), "{line}");
        }
    }
}
