//! The project's own commands: `cargo xtask ci`, `tidy`, `browser`, `outside`, `pg`, `redis`, `failover`, `drills`, `soak`,
//! `bench`, `updates`, `sbom`, `image` and `reproduce`.
//!
//! Purpose: one place where every rule that a machine can hold is held. Order: arguments are read here
//! and nothing else; each command has its module. Bound: every process that is started has a time
//! limit or ends with its guard (`guard.rs`). It never touches a database or a folder it did not make.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks here")]

use std::env;
use std::process::{Command, ExitCode};

mod alerts;
mod bench;
mod browser;
mod ci;
mod drills;
mod edge;
mod failover;
mod guard;
mod image;
mod lock;
mod outside;
mod postgres;
mod process;
mod python;
mod redis;
mod reproduce;
mod running;
mod sbom;
mod smoke;
mod soak;
mod tidy;
mod tls;
mod updates;
mod workspace;

use guard::Guard;
use workspace::Workspace;

/// What went wrong, in one sentence for the person at the terminal.
pub type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
cargo xtask ci [--step NAME]       everything that must hold before a change lands
cargo xtask tidy                   the rules of STYLE.md that a program can check
cargo xtask browser [--only NAME] [--release]
                                   the bank's pages in a real browser
cargo xtask outside [--cases N] [--seconds S] [--only NAME] [--seed N] [--scan] [--binary PATH]
                                   the API fuzzed by its own document, used by generated clients, scanned
cargo xtask pg [--fsync] -- CMD…   runs CMD with a private PostgreSQL in EXCHEQUER_TEST_POSTGRES
cargo xtask redis -- CMD…          runs CMD with a private Redis in EXCHEQUER_TEST_REDIS_URL
cargo xtask soak [--minutes N]     the long runs: simulation and kills, other histories each time
cargo xtask failover [--binary PATH] [--seconds N] [--only TEXT] [--rounds N] [--synchronous N]
                                   databases, Redis and nodes of a bank are broken under load
cargo xtask drills [--binary PATH] [--only NAME] [--transfers N]
                                   what the runbook says is tried for real, and timed
cargo xtask bench [--runs N] [--only GROUPS] [--quick]
                                   the speed floors, measured here, as one table
cargo xtask sbom                   what the program is made of, as CycloneDX 1.5
cargo xtask updates                whether each crate in use is as new as docs/components.md promises
cargo xtask tls --binary PATH      a program's TLS, scanned by sslyze and testssl.sh
cargo xtask image --binary PATH    the container of a program, built, run and looked at
cargo xtask reproduce [--package NAME] [--debug]
                                   one commit, built twice in two folders, gives the same bytes";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["ci"] => ci::run(&ci::ORDER),
        ["ci", "--step", name] => ci::step_named(name).and_then(|step| ci::run(&[step])),
        ["tidy"] => tidy(),
        ["sbom"] => {
            Workspace::load().and_then(|workspace| sbom::document(&workspace)).map(|text| {
                print!("{text}");
                ExitCode::SUCCESS
            })
        }
        ["updates"] => updates::run(),
        ["bench", wish @ ..] => bench::run(wish),
        ["soak"] => soak::run(soak::DEFAULT_MINUTES),
        ["soak", "--minutes", minutes] => soak::named(minutes),
        ["failover", wish @ ..] => failover::run(wish),
        ["drills", wish @ ..] => drills::run(wish),
        ["browser", wish @ ..] => in_browser(wish),
        ["outside", wish @ ..] => from_outside(wish),
        ["reproduce", wish @ ..] => reproduced(wish),
        ["image", "--binary", path] => image::with_binary(path),
        ["tls", "--binary", path] => tls::with_binary(path),
        ["pg", "--fsync", "--", command @ ..] => with_postgres(command, true),
        ["pg", "--", command @ ..] => with_postgres(command, false),
        ["redis", "--", command @ ..] => with_redis(command),
        _ => Err(format!("usage:\n{USAGE}\nsteps: {}", ci::step_names())),
    };
    done.unwrap_or_else(|refusal| {
        eprintln!("xtask: {refusal}");
        ExitCode::FAILURE
    })
}

fn tidy() -> Result<ExitCode> {
    let findings = tidy::check(&Workspace::load()?)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("{} findings", findings.len()))
}

fn in_browser(wish: &[&str]) -> Result<ExitCode> {
    let wish = browser::Wish::parse(wish).ok_or_else(|| format!("usage:\n{USAGE}"))?;
    browser::run(&wish)
}

fn from_outside(wish: &[&str]) -> Result<ExitCode> {
    let wish = outside::Wish::parse(wish).ok_or_else(|| format!("usage:\n{USAGE}"))?;
    outside::run(&wish)
}

fn reproduced(wish: &[&str]) -> Result<ExitCode> {
    let wish = reproduce::Wish::parse(wish).ok_or_else(|| format!("usage:\n{USAGE}"))?;
    reproduce::run(&wish)
}

/// Runs `command` in the caller's folder and terminal; `durable` keeps `fsync` on, for measurements.
fn with_postgres(command: &[&str], durable: bool) -> Result<ExitCode> {
    let [program, arguments @ ..] = command else {
        return Err(format!("which command? usage:\n{USAGE}"));
    };
    let guard = Guard::new("pg")?;
    let server = postgres::Server::start(&guard, durable)?;
    let mut command = Command::new(program);
    command.env("EXCHEQUER_TEST_POSTGRES", server.url()).env("PATH", server.search_path());
    finish(command.args(arguments))
}

/// Runs `command` in the caller's folder and terminal.
fn with_redis(command: &[&str]) -> Result<ExitCode> {
    let [program, arguments @ ..] = command else {
        return Err(format!("which command? usage:\n{USAGE}"));
    };
    let guard = Guard::new("redis")?;
    let server = redis::Server::start(&guard)?;
    let mut command = Command::new(program);
    finish(command.args(arguments).env("EXCHEQUER_TEST_REDIS_URL", server.url()))
}

fn finish(command: &mut Command) -> Result<ExitCode> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("{program} does not start: {error}"))?;
    // A command that a signal ended has no code; 1 says that it failed.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, Into::into))
}
