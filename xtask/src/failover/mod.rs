//! `cargo xtask failover`: parts of a running bank of several nodes are broken, and nothing may be lost or doubled.
//!
//! Order: install what is missing; namespaces; three etcd, three PostgreSQL under Patroni, HAProxy, three Redis with
//! three Sentinels, two nodes of the bank; customers with money; load; faults one after another; the books. Cost: about
//! five minutes. Bound: [`LIMIT`] altogether, and a limit for each wait. It touches no server, folder or network that it
//! did not make, and listens on loopback and in its own namespaces only.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::postgres::programs::{self, apt_get, in_path, is_root};
use crate::workspace::Workspace;

mod bank;
mod database;
mod faults;
pub mod http;
mod load;
mod network;
mod redis;
mod report;
mod settings;
mod wait;

use bank::Bank;
use load::Load;

const LIMIT: Duration = Duration::from_mins(20);
const CUSTOMERS: usize = 24;
const SETTLE: Duration = Duration::from_secs(5);
const MOST_SETTLE: u64 = 60;
/// What must be in PATH, and which of Debian's packages has it.
const PROGRAMS: [(&str, &str); 5] = [
    ("etcd", "etcd-server"),
    ("patroni", "patroni"),
    ("haproxy", "haproxy"),
    ("redis-server", "redis-server"),
    ("redis-sentinel", "redis-sentinel"),
];
/// What Patroni needs beside itself, for etcd and for PostgreSQL.
const BESIDE: [&str; 2] = ["python3-etcd", "python3-psycopg2"];

struct Wish {
    binary: PathBuf,
    settle: Duration,
}

/// `--binary PATH` is the bank to break (default: the debug binary of this checkout), `--seconds N` how long the load
/// runs on after each fault.
pub fn run(words: &[&str]) -> Result<ExitCode> {
    let wish = Wish::parse(words)?;
    if network::is_inside() {
        network::make_bridge()?;
        return broken(&wish, true);
    }
    find_or_install()?;
    if is_root()? && network::can_enclose() {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        return network::enclosed(&words, LIMIT);
    }
    broken(&wish, false)
}

impl Wish {
    fn parse(mut words: &[&str]) -> Result<Self> {
        let mut binary = None;
        let mut settle = SETTLE;
        while let [name, value, rest @ ..] = words {
            match (*name, value.parse()) {
                ("--binary", _) => binary = Some(PathBuf::from(value)),
                ("--seconds", Ok(seconds)) if (1..=MOST_SETTLE).contains(&seconds) => {
                    settle = Duration::from_secs(seconds);
                }
                _ => return Err(format!("`{name} {value}` is not understood (1 to 60 seconds)")),
            }
            words = rest;
        }
        if let [word] = words {
            return Err(format!("`{word}` is not understood"));
        }
        let binary = match binary {
            Some(given) => given,
            None => Workspace::load()?.target.join("debug").join("exchequer"),
        };
        let binary = binary.canonicalize().map_err(|error| {
            format!("{}: {error}; cargo build -p exchequer makes it", binary.display())
        })?;
        Ok(Self { binary, settle })
    }
}

fn broken(wish: &Wish, linked: bool) -> Result<ExitCode> {
    let guard = Guard::new("failover")?;
    let database = database::Cluster::start(&guard, linked)?;
    let redis = redis::Replicated::start(&guard)?;
    let bank = Bank::open(&guard, &wish.binary, database.url(), redis.url())?;
    let people = bank.people(CUSTOMERS)?;
    let nodes: Vec<SocketAddr> = bank.nodes.iter().map(|node| node.at).collect();
    println!("{} customers, two nodes of the bank, three of the database", people.len());
    let load = Load::new(&people, nodes.clone());
    let mut scene = faults::Scene {
        database,
        redis,
        bank,
        load: &load,
        settle: wish.settle,
        linked,
        lonely_writes: 0,
    };
    let phases = thread::scope(|scope| {
        for me in 0..people.len() {
            let load = &load;
            scope.spawn(move || load.client(me));
        }
        let phases = scene.run();
        load.stop();
        phases
    })?;
    let record = load.record();
    let found = report::look_up(&people, nodes[0], &record)?;
    let mut report = report::report(&phases, &record, &found);
    let (said, whole) = scene.bank.verify()?;
    println!("\n{}", report.table);
    println!("acknowledged while there was no standby: {}", scene.lonely_writes);
    print!("{}", report::strange_answers(&record));
    for (line, count) in scene.bank.complaints()?.iter().take(20) {
        println!("{count} × log: {line}");
    }
    println!("\nexchequer verify:\n{said}\n");
    if !whole {
        report.faults.push("exchequer verify did not exit with 0".to_owned());
    }
    for fault in &report.faults {
        eprintln!("xtask: {fault}");
    }
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file of mode 0600 with this text; what was there is replaced.
fn write_private(file: &Path, text: &str) -> Result<()> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// Debian's packages would start servers of the whole machine; at runlevel 1 they start none.
fn find_or_install() -> Result<()> {
    programs::find_or_install()?;
    let missing = PROGRAMS.iter().filter(|(program, _)| !in_path(program));
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let advice = format!(
        "not all of the programs are here: install {} {} (Debian: apt-get install)",
        missing.join(" "),
        BESIDE.join(" ")
    );
    if !is_root()? || !in_path("apt-get") {
        return Err(advice);
    }
    apt_get(&["update"], &[])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(missing);
    install.extend(BESIDE);
    apt_get(&install, &[("RUNLEVEL", "1")]).map_err(|error| format!("{error}\n{advice}"))?;
    if PROGRAMS.iter().all(|(program, _)| in_path(program)) { Ok(()) } else { Err(advice) }
}
