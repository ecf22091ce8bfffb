//! Machines in one process tree: a network namespace for each database node, joined by a bridge.
//!
//! Purpose: a node that can be unplugged, or cut off from its peers only, without touching this machine's network.
//! Order: the whole run is started again inside namespaces of its own (network, processes, mounts), so that bridges,
//! nodes and every process vanish with it; then each node gets a namespace of its own in there. Where that is not
//! allowed, all nodes are on 127.0.0.1 and nothing can be cut. Bound: no address leaves the namespace.

use std::env;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::postgres::programs::{Account, in_path};
use crate::process::{append, now, stop, wait_at_most};
use crate::running::Running;

/// Says to the inner run that it is in namespaces of its own.
const INSIDE: &str = "EXCHEQUER_FAILOVER_INSIDE";
const ENCLOSE: [&str; 5] = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
/// The first process of a process namespace has to reap orphans, which a shell that waits does.
const FIRST_PROCESS: &str = r#""$@"; exit $?"#;
const BRIDGE: &str = "exchequer0";
const HUB: &str = "10.77.0.254";
const HOLDER_LIMIT: Duration = Duration::from_secs(5);
const STOP_GRACE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// Where a database node runs.
pub struct Place<'guard> {
    pub address: Ipv4Addr,
    /// Keeps the namespace; `None`: this machine's loopback.
    holder: Option<Running<'guard>>,
    link: String,
}

/// Whether this run may make namespaces and links.
pub fn can_enclose() -> bool {
    if !["unshare", "nsenter", "setpriv", "ip", "iptables"].iter().all(|name| in_path(name)) {
        return false;
    }
    let bridge = format!("ip link add {BRIDGE} type bridge && iptables -L -n");
    let mut command = Command::new("unshare");
    command.args(ENCLOSE).args(["--", "sh", "-c", &bridge]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // What does not start is not allowed.
    command.status().is_ok_and(|status| status.success())
}

pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs this very command again in namespaces of its own; its folders are within the guard's.
pub fn enclosed(arguments: &[String], limit: Duration) -> Result<ExitCode> {
    let guard = Guard::new("failover")?;
    let program = env::current_exe().map_err(|error| format!("xtask's own path: {error}"))?;
    let mut command = Command::new("unshare");
    command.args(ENCLOSE).args(["--", "sh", "-c", FIRST_PROCESS, "sh"]).arg(program);
    command.arg("failover").args(arguments).env(INSIDE, "1").env("TMPDIR", guard.folder());
    let mut child = command.spawn().map_err(|error| format!("unshare does not start: {error}"))?;
    let process = i64::from(child.id());
    // All of the namespace ends with `unshare`.
    guard.note("namespaces", "KILL", process)?;
    let ended = wait_at_most(&mut child, limit)?;
    let status = match ended {
        Some(status) => status,
        None => stop(&mut child, "KILL", process, STOP_GRACE)?,
    };
    guard.forget("namespaces");
    if ended.is_none() {
        return Err(format!("not done after {} s", limit.as_secs()));
    }
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The hub's side of all links: to be called once, inside.
pub fn make_bridge() -> Result<()> {
    ip("link set lo up")?;
    ip(&format!("link add {BRIDGE} type bridge"))?;
    ip(&format!("addr add {HUB}/24 dev {BRIDGE}"))?;
    ip(&format!("link set {BRIDGE} up"))
}

impl<'guard> Place<'guard> {
    pub fn on_loopback() -> Self {
        Self { address: Ipv4Addr::LOCALHOST, holder: None, link: String::new() }
    }

    /// A namespace with the address 10.77.0.`number`.
    pub fn linked(number: u8, guard: &'guard Guard, log: &Path) -> Result<Self> {
        let address = Ipv4Addr::new(10, 77, 0, number);
        let mut sleeper = Command::new("unshare");
        sleeper.args(["--net", "--", "sleep", "infinity"]).stdout(append(log)?);
        let holder = Running::start(&mut sleeper, &format!("place{number}"), guard, log)?;
        wait_for_namespace(holder.id())?;
        let link = format!("node{number}");
        ip(&format!("link add {link} type veth peer name eth0 netns {}", holder.id()))?;
        ip(&format!("link set {link} master {BRIDGE}"))?;
        let place = Self { address, holder: Some(holder), link };
        place.inside("ip", "link set lo up")?;
        place.inside("ip", &format!("addr add {address}/24 dev eth0"))?;
        place.inside("ip", "link set eth0 up")?;
        place.plug_in()?;
        Ok(place)
    }

    /// `program` in this place, as the service account where there is one.
    pub fn command(&self, program: &Path, account: Option<&Account>) -> Command {
        let mut words = self.entrance();
        if let Some(account) = account {
            words.extend(["setpriv".to_owned(), format!("--reuid={}", account.user)]);
            words.extend([format!("--regid={}", account.group), "--clear-groups".to_owned()]);
            words.push("--".to_owned());
        }
        let Some((first, rest)) = words.split_first() else { return Command::new(program) };
        let mut command = Command::new(first);
        command.args(rest).arg(program);
        command
    }

    /// Nothing comes or goes any more, without a word to anybody, as when the power is cut.
    pub fn unplug(&self) -> Result<()> {
        if self.holder.is_none() {
            return Ok(());
        }
        ip(&format!("link set {} down", self.link))
    }

    pub fn plug_in(&self) -> Result<()> {
        if self.holder.is_none() {
            return Ok(());
        }
        ip(&format!("link set {} up", self.link))
    }

    /// Drops every packet to and from these, and to and from nobody else: the hub still reaches this place.
    pub fn cut_from(&self, others: &[Ipv4Addr]) -> Result<()> {
        for other in others {
            self.inside("iptables", &format!("-w -I INPUT -s {other} -j DROP"))?;
            self.inside("iptables", &format!("-w -I OUTPUT -d {other} -j DROP"))?;
        }
        Ok(())
    }

    /// Takes back every cut.
    pub fn join(&self) -> Result<()> {
        self.inside("iptables", "-w -F")
    }

    fn entrance(&self) -> Vec<String> {
        let Some(holder) = &self.holder else { return Vec::new() };
        vec!["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", holder.id()), "--".to_owned()]
    }

    fn inside(&self, program: &str, words: &str) -> Result<()> {
        let mut command = self.command(Path::new(program), None);
        done(command.args(words.split(' ')), &format!("{program} {words}"))
    }
}

/// Drops every packet between `address`, one of this run's own loopback, and these others there; with none, everybody.
/// To be called inside only.
pub fn cut_here(address: Ipv4Addr, others: &[Ipv4Addr]) -> Result<()> {
    let rules = if others.is_empty() {
        vec![format!("-s {address}"), format!("-d {address}")]
    } else {
        let both = |other| [format!("-s {address} -d {other}"), format!("-s {other} -d {address}")];
        others.iter().flat_map(both).collect()
    };
    rules.iter().try_for_each(|rule| iptables(&format!("-w -I INPUT {rule} -j DROP")))
}

/// Takes back every cut of this run's loopback.
pub fn join_here() -> Result<()> {
    iptables("-w -F INPUT")
}

fn iptables(words: &str) -> Result<()> {
    done(Command::new("iptables").args(words.split(' ')), &format!("iptables {words}"))
}

/// `unshare` has made its namespace when it is another one than ours.
fn wait_for_namespace(process: u32) -> Result<()> {
    let ours = fs::read_link("/proc/self/ns/net").map_err(|error| format!("/proc: {error}"))?;
    let start = now();
    while start.elapsed() < HOLDER_LIMIT {
        // Not readable yet is the same as not made yet.
        if fs::read_link(format!("/proc/{process}/ns/net")).is_ok_and(|theirs| theirs != ours) {
            return Ok(());
        }
        thread::sleep(POLL);
    }
    Err("unshare makes no network namespace".to_owned())
}

fn ip(words: &str) -> Result<()> {
    done(Command::new("ip").args(words.split(' ')), &format!("ip {words}"))
}

fn done(command: &mut Command, what: &str) -> Result<()> {
    let output = command.output().map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
