//! `cargo xtask failover`: parts of a running bank of several nodes are broken, and nothing may be lost or doubled.
//!
//! Order: install what is missing; namespaces; three etcd, three PostgreSQL under Patroni, HAProxy, three Redis with
//! three Sentinels, two nodes of the bank; customers with money; load; faults one after another, the last of them with a
//! Redis Cluster; the books. Cost: about nine minutes. Bound: [`LIMIT`] altogether, and a limit for each wait. It touches no server, folder or network that it
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
pub mod certificates;
mod database;
mod faults;
pub mod http;
mod load;
mod logs;
mod network;
mod patroni;
mod redis;
mod redis_cluster;
mod report;
mod settings;
mod statements;
pub mod wait;

use bank::Bank;
use load::Load;

const LIMIT: Duration = Duration::from_mins(30);
const CUSTOMERS: usize = 24;
const SETTLE: Duration = Duration::from_secs(5);
const MOST_SETTLE: u64 = 60;
/// What must be in PATH, and which of Debian's packages has it.
const PROGRAMS: [(&str, &str); 5] = [
    ("etcd", "etcd-server"),
    ("haproxy", "haproxy"),
    ("redis-server", "redis-server"),
    ("redis-sentinel", "redis-sentinel"),
    ("openssl", "openssl"),
];

const MOST_ROUNDS: u64 = 10;
/// Standbys that have what is acknowledged, as in `deploy/failover`.
const SYNCHRONOUS: usize = 2;

struct Wish {
    binary: PathBuf,
    settle: Duration,
    /// A part of the names of the faults that are wanted.
    only: String,
    rounds: u64,
    synchronous: usize,
    /// The bank knows all database nodes and has no HAProxy.
    direct: bool,
    /// The build folder.
    target: PathBuf,
    /// Where the logs of all parts are afterwards.
    logs: PathBuf,
}

/// `--binary PATH` is the bank to break (default: the debug binary of this checkout), `--seconds N` how long the load
/// runs on after each fault, `--only TEXT` a part of the names of the faults to make, `--rounds N` how often, and
/// `--synchronous N` how many standbys have what is acknowledged. `--direct` leaves HAProxy out.
pub fn run(words: &[&str]) -> Result<ExitCode> {
    let wish = Wish::parse(words)?;
    if network::is_inside() {
        network::make_bridge()?;
        return broken(&wish, true);
    }
    find_or_install()?;
    patroni::find_or_install(&wish.target)?;
    if is_root()? && network::can_enclose() {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        return network::enclosed(&words, LIMIT);
    }
    broken(&wish, false)
}

impl Wish {
    fn parse(mut words: &[&str]) -> Result<Self> {
        let mut binary = None;
        let (mut settle, mut only) = (SETTLE, String::new());
        let (mut rounds, mut synchronous) = (1, SYNCHRONOUS);
        let mut direct = false;
        loop {
            let (name, value, rest) = match words {
                ["--direct", rest @ ..] => {
                    (direct, words) = (true, rest);
                    continue;
                }
                [name, value, rest @ ..] => (name, value, rest),
                [] => break,
                [word] => return Err(format!("`{word}` is not understood")),
            };
            match (*name, value.parse()) {
                ("--binary", _) => binary = Some(PathBuf::from(value)),
                ("--only", _) if faults::NAMES.iter().any(|name| name.contains(value)) => {
                    (*value).clone_into(&mut only);
                }
                ("--seconds", Ok(seconds)) if (1..=MOST_SETTLE).contains(&seconds) => {
                    settle = Duration::from_secs(seconds);
                }
                ("--rounds", Ok(wanted)) if (1..=MOST_ROUNDS).contains(&wanted) => rounds = wanted,
                ("--synchronous", Ok(1)) => synchronous = 1,
                ("--synchronous", Ok(2)) => synchronous = 2,
                _ => {
                    let faults = faults::NAMES.join("\n  ");
                    return Err(format!(
                        "`{name} {value}` is not understood: 1 to 60 seconds, 1 to 10 rounds, 1 or 2 \
                         synchronous, and a part of one of these:\n  {faults}"
                    ));
                }
            }
            words = rest;
        }
        let target = Workspace::load()?.target;
        let binary = binary.unwrap_or_else(|| target.join("debug").join("exchequer"));
        let binary = binary.canonicalize().map_err(|error| {
            format!("{}: {error}; cargo build -p exchequer makes it", binary.display())
        })?;
        let logs = target.join("failover");
        Ok(Self { binary, settle, only, rounds, synchronous, direct, target, logs })
    }
}

fn broken(wish: &Wish, linked: bool) -> Result<ExitCode> {
    let guard = Guard::new("failover")?;
    let done = survived(wish, &guard, linked);
    // A run without its logs is still a run.
    match logs::keep(guard.folder(), &wish.logs) {
        Ok(()) => println!("the logs of all parts are in {}", wish.logs.display()),
        Err(error) => eprintln!("xtask: the logs are not kept: {error}"),
    }
    done
}

fn survived(wish: &Wish, guard: &Guard, linked: bool) -> Result<ExitCode> {
    let database =
        database::Cluster::start(guard, linked, (wish.synchronous, patroni::find(&wish.target)?))?;
    let redis = redis::Replicated::start(guard)?;
    let address = if wish.direct { database.direct_url() } else { database.url() };
    let bank = Bank::open(guard, &wish.binary, address, redis.url())?;
    let people = bank.people(CUSTOMERS)?;
    let nodes: Vec<SocketAddr> = bank.nodes.iter().map(|node| node.at).collect();
    println!("{} customers, two nodes of the bank, three of the database", people.len());
    let load = Load::new(&people, nodes.clone());
    let mut scene = faults::Scene {
        database,
        redis,
        cluster: None,
        guard,
        bank,
        load: &load,
        settle: wish.settle,
        linked,
        lonely_writes: 0,
    };
    let mut phases = Vec::new();
    let broke_off = thread::scope(|scope| {
        for me in 0..people.len() {
            let load = &load;
            scope.spawn(move || load.client(me));
        }
        let done = scene.run(&wish.only, wish.rounds, &mut phases);
        load.stop();
        done.err()
    });
    let record = load.record();
    let found = report::look_up(&people, nodes[0], &record);
    // What was seen until then is told all the same.
    if let (Err(error), Some(earlier)) = (&found, &broke_off) {
        return Err(format!("{earlier}\nand then: {error}"));
    }
    let mut report = report::report(&phases, &record, &found?);
    report.faults.extend(broke_off);
    let (said, whole) = scene.bank.verify()?;
    println!("\n{}", report.table);
    println!("connections to the database: {}", scene.database.encryption()?);
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
        "not all of the programs are here: install {} (Debian: apt-get install)",
        missing.join(" ")
    );
    if !is_root()? || !in_path("apt-get") {
        return Err(advice);
    }
    apt_get(&["update"], &[])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(missing);
    apt_get(&install, &[("RUNLEVEL", "1")]).map_err(|error| format!("{error}\n{advice}"))?;
    if PROGRAMS.iter().all(|(program, _)| in_path(program)) { Ok(()) } else { Err(advice) }
}
