//! `cargo xtask drills`: what the runbook says is tried for real, each on a bank of its own, and written down.
//!
//! Order: [`ORDER`]. Each drill makes a demo's people and money, serves them as a configured bank on loopback, breaks one
//! thing, looks at what health and metrics say and who is still served, does what docs/operating.md advises, and counts:
//! what was acknowledged must be there afterwards. At the end one Markdown table for that page. Cost: five minutes
//! with a release build. Bound: a limit for each wait. It touches no server, folder or mount that it did not make; the disk
//! that it fills is a small one in memory, seen by that bank alone, and those that it encrypts are files of its own.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::workspace::Workspace;

mod backup;
mod bank;
mod certificate;
mod disk;
mod gateway;
mod key;
mod redis;
mod volume;
mod watch;

/// What a drill stands on.
pub struct Scene<'guard> {
    pub guard: &'guard Guard,
    pub binary: PathBuf,
    /// That a bank has before its backup.
    pub transfers: u64,
}

/// What a drill found, as a line of the table.
#[derive(Default)]
pub struct Found {
    /// What was done to it.
    pub broken: &'static str,
    /// What was seen, and after how long.
    pub seen: Vec<String>,
    /// What was done about it.
    pub done: &'static str,
    /// From there to service.
    pub back: Duration,
    pub before: u64,
    /// Acknowledged between the two counts.
    pub acknowledged: u64,
    pub after: u64,
    /// Of what was acknowledged and is to be there, what is not.
    pub lost: u64,
}

type Drill = (&'static str, fn(&Scene<'_>) -> Result<Found>);

const ORDER: [Drill; 9] = [
    ("disk", disk::run),
    ("redis", redis::run),
    ("gateway", gateway::run),
    ("certificate", certificate::run),
    ("key", key::run),
    ("backup", backup::in_a_file),
    ("backup-postgres", backup::on_postgres),
    ("volume", volume::of_postgres),
    ("volume-file", volume::of_a_file),
];

const TRANSFERS: u64 = 100_000;
const MOST_TRANSFERS: u64 = 1_000_000;

struct Wish {
    only: Option<String>,
    binary: Option<PathBuf>,
    transfers: u64,
}

/// `--binary PATH` is the bank to try (default: the release binary of this checkout), `--only NAME` one drill,
/// `--transfers N` what is in the bank that is restored.
pub fn run(words: &[&str]) -> Result<ExitCode> {
    let wish = Wish::parse(words)?;
    let binary = match wish.binary {
        Some(given) => given,
        None => Workspace::load()?.target.join("release").join("exchequer"),
    };
    let binary = binary.canonicalize().map_err(|error| {
        format!("{}: {error}; cargo build --release -p exchequer makes it", binary.display())
    })?;
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    for (name, drill) in ORDER {
        if wish.only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        // A guard each, so that a drill's servers are gone before the next begins.
        let guard = Guard::new("drill")?;
        let scene = Scene { guard: &guard, binary: binary.clone(), transfers: wish.transfers };
        match drill(&scene) {
            Ok(found) => {
                if found.lost > 0 {
                    faults.push(format!("{name}: {} acknowledged rows are lost", found.lost));
                }
                lines.push(line(name, &found));
                println!("{name}: done");
            }
            Err(error) => {
                println!("{name}: {error}");
                faults.push(format!("{name}: {error}"));
            }
        }
    }
    println!("\n{HEAD}\n{}", lines.join("\n"));
    if faults.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(faults.join("\n")) }
}

const HEAD: &str = "\
| drill | broken | seen | done | service after | transfers | lost |
|--|--|--|--|--|--|--|";

fn line(name: &str, found: &Found) -> String {
    let Found { broken, seen, done, back, before, acknowledged, after, lost } = found;
    let seen = seen.join("; ");
    let back = seconds(*back);
    format!(
        "| {name} | {broken} | {seen} | {done} | {back} | {before} + {acknowledged} → {after} | {lost} |"
    )
}

/// Tenths are what a wait of half a second can tell.
pub fn seconds(time: Duration) -> String {
    let tenths = time.as_millis().div_ceil(100);
    format!("{}.{} s", tenths / 10, tenths % 10)
}

impl Wish {
    fn parse(mut words: &[&str]) -> Result<Self> {
        let mut wish = Self { only: None, binary: None, transfers: TRANSFERS };
        while let [name, value, rest @ ..] = words {
            match (*name, value.parse()) {
                ("--binary", _) => wish.binary = Some(PathBuf::from(value)),
                ("--only", _) if ORDER.iter().any(|(known, _)| known == value) => {
                    wish.only = Some((*value).to_owned());
                }
                ("--transfers", Ok(number)) if (1..=MOST_TRANSFERS).contains(&number) => {
                    wish.transfers = number;
                }
                _ => return Err(format!("`{name} {value}` is not understood; {}", names())),
            }
            words = rest;
        }
        match words {
            [word] => Err(format!("`{word}` is not understood; {}", names())),
            _ => Ok(wish),
        }
    }
}

fn names() -> String {
    let names: Vec<&str> = ORDER.iter().map(|(name, _)| *name).collect();
    format!("drills: {}; --transfers 1 to {MOST_TRANSFERS}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_strictly() {
        let wish = Wish::parse(&["--only", "redis", "--transfers", "7"]).unwrap();
        assert_eq!((wish.only.as_deref(), wish.transfers), (Some("redis"), 7));
        assert_eq!(Wish::parse(&[]).unwrap().transfers, TRANSFERS);
        for wrong in
            [&["--only", "fire"][..], &["--only"], &["--transfers", "0"], &["--transfers", "x"]]
        {
            assert!(Wish::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_page_has_a_line_for_each_drill_and_no_other() {
        let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operating.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, part) = page.split_once("\n## Drills\n").unwrap();
        let part = part.split("\n## ").next().unwrap();
        let lines = part.lines().filter(|line| line.starts_with("| ")).skip(1);
        let told: Vec<&str> = lines.filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(told, ORDER.map(|(name, _)| name));
    }

    #[test]
    fn a_line_says_what_was_counted() {
        let found = Found { before: 9, acknowledged: 2, after: 11, ..Found::default() };
        assert!(line("disk", &found).ends_with("| 0.0 s | 9 + 2 → 11 | 0 |"));
        assert_eq!(seconds(Duration::from_millis(12_301)), "12.4 s");
    }
}
