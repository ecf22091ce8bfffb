//! The alert rules, tried by Prometheus itself.
//!
//! Order: find or install Prometheus; `promtool` checks the rules and runs their tests; then a demo bank and a real
//! Prometheus that scrapes it each second: every rule must evaluate, nothing may fire but what a fresh demo is, and when
//! the bank is stopped the alert that says so must come up. Bound: each wait has its limit below. Both listen on
//! 127.0.0.1 only, on free ports, and end with the guard.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::guard::Guard;
use crate::postgres::free_port;
use crate::postgres::programs::{apt_get, in_path, is_root};
use crate::process::{append, now, run_logged};
use crate::running::Running;
use crate::smoke::{self, ask};
use crate::workspace::{Workspace, clean_environment};

const CHECK_LIMIT: Duration = Duration::from_mins(1);
const START_LIMIT: Duration = Duration::from_secs(30);
/// The disk is this machine's, and a bank that was just made has operators and a schema.
const OF_A_FRESH_DEMO: [&str; 3] =
    ["ExchequerDiskFills", "ExchequerDiskFull", "ExchequerTrailToReview"];
const POLL: Duration = Duration::from_millis(100);
const ADVICE: &str =
    "no prometheus and promtool here: install them (Debian: apt-get install prometheus)";

/// `cargo xtask ci --step alerts`.
pub fn run(workspace: &Workspace, guard: &Guard, log: &Path, limit: Duration) -> Result<()> {
    find_or_install()?;
    let rules = workspace.root.join("deploy/monitoring");
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "alerts_test.yml"],
    ] {
        let mut command = Command::new("promtool");
        command.args(arguments).current_dir(&rules);
        let status = run_logged(&mut command, log, CHECK_LIMIT, guard)?;
        smoke::succeed(&format!("promtool {}", arguments.join(" ")), status)?;
    }
    smoke::build(workspace, guard, log, limit)?;
    scraped(workspace, guard, log, &rules.join("alerts.yml"))
}

fn scraped(workspace: &Workspace, guard: &Guard, log: &Path, rules: &Path) -> Result<()> {
    let folder = guard.folder().join("alerts");
    fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let (metrics, console) = (free_port()?, free_port()?);
    let bank = start_bank(workspace, guard, log, &folder, metrics)?;
    let _prometheus = start_prometheus(guard, log, &folder, rules, (metrics, console))?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, console));
    wait("a scrape of the bank", || {
        let found = api(at, "/api/v1/query?query=exchequer_build_info")?;
        Ok(found.pointer("/data/result/0").is_some())
    })?;
    wait("an evaluation of every rule", || {
        let found = api(at, "/api/v1/rules")?;
        let rules = found.pointer("/data/groups/0/rules").and_then(Value::as_array);
        let rules = rules.ok_or("Prometheus has no rules")?;
        if let Some(ill) = rules.iter().find(|rule| rule["health"] == "err") {
            return Err(format!("{}: {}", ill["name"], ill["lastError"]));
        }
        Ok(rules.iter().all(|rule| rule["health"] == "ok"))
    })?;
    let firing = alerts(at)?;
    if firing.iter().any(|name| !OF_A_FRESH_DEMO.contains(&&**name)) {
        return Err(format!("alerts of a demo that has just begun: {firing:?}"));
    }
    drop(bank);
    wait("the alert of a bank that is gone", || {
        Ok(alerts(at)?.iter().any(|name| name == "ExchequerGone"))
    })
}

fn start_bank<'guard>(
    workspace: &Workspace,
    guard: &'guard Guard,
    log: &Path,
    folder: &Path,
    metrics: u16,
) -> Result<Running<'guard>> {
    let binary = workspace.target.join("release").join("exchequer");
    let mut command = Command::new(&binary);
    command.args(["demo", "--listen", "127.0.0.1:0", "--json", "--data"]).arg(folder.join("bank"));
    clean_environment(&mut command);
    command.env("EXCHEQUER_METRICS_LISTEN", format!("127.0.0.1:{metrics}"));
    // The sign-ins of the demo belong into no log.
    Running::start(command.current_dir(folder).stdout(Stdio::null()), "bank", guard, log)
}

fn start_prometheus<'guard>(
    guard: &'guard Guard,
    log: &Path,
    folder: &Path,
    rules: &Path,
    (metrics, console): (u16, u16),
) -> Result<Running<'guard>> {
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n\
         - job_name: exchequer\n  static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]\n",
        rules.display()
    );
    let file = folder.join("prometheus.yml");
    fs::write(&file, config).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{console}"))
        .arg("--log.level=warn")
        .current_dir(folder)
        .stdout(append(log)?);
    Running::start(&mut command, "prometheus", guard, log)
}

/// Names of alerts that are pending or fire.
fn alerts(at: SocketAddr) -> Result<Vec<String>> {
    let found = api(at, "/api/v1/alerts")?;
    let alerts = found.pointer("/data/alerts").and_then(Value::as_array).cloned();
    let alerts = alerts.ok_or("Prometheus lists no alerts")?;
    let name = |alert: &Value| alert.pointer("/labels/alertname")?.as_str().map(str::to_owned);
    Ok(alerts.iter().filter_map(name).collect())
}

fn api(at: SocketAddr, path: &str) -> Result<Value> {
    let answer = ask(at, path)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("Prometheus answers no HTTP")?;
    serde_json::from_str(body).map_err(|error| format!("{path}: {error}"))
}

/// What does not answer yet is asked again; a rule that fails ends the wait.
fn wait(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = now();
    let mut last = String::new();
    while start.elapsed() < START_LIMIT {
        match holds() {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => last = error,
        }
        thread::sleep(POLL);
    }
    Err(format!("no {what} within {} s {last}", START_LIMIT.as_secs()))
}

/// Debian's package would start a server of the whole machine; at runlevel 1 it starts none.
fn find_or_install() -> Result<()> {
    let is_here = || in_path("prometheus") && in_path("promtool");
    if is_here() {
        return Ok(());
    }
    if !is_root()? || !in_path("apt-get") {
        return Err(ADVICE.to_owned());
    }
    apt_get(&["update"], &[])?;
    let install = ["install", "-y", "--no-install-recommends", "prometheus"];
    apt_get(&install, &[("RUNLEVEL", "1")]).map_err(|error| format!("{error}\n{ADVICE}"))?;
    if is_here() { Ok(()) } else { Err(ADVICE.to_owned()) }
}
