//! Child processes with a time limit and a log file.
//!
//! Bound: every wait here ends; a process that is still there then is asked to stop (SIGTERM), given
//! five seconds, and killed. Output goes straight into a file, so that no pipe can fill up.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::guard::Guard;

const POLL: Duration = Duration::from_millis(20);
const GRACE: Duration = Duration::from_secs(5);

/// Runs `command` to its end in a process group of its own, with both outputs appended to `log`.
pub fn run_logged(
    command: &mut Command,
    log: &Path,
    limit: Duration,
    guard: &Guard,
) -> Result<ExitStatus> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(append(log)?)
        .stderr(append(log)?)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{program} does not start: {error}"))?;
    let group = -i64::from(child.id());
    guard.note("step", "TERM", group)?;
    let ended = wait_at_most(&mut child, limit)?;
    if ended.is_none() {
        stop(&mut child, "TERM", group, GRACE)?;
    }
    guard.forget("step");
    ended.ok_or_else(|| format!("{program} had not ended after {} s", limit.as_secs()))
}

/// Runs `command` with its output where the caller reads; past `limit` it is given `grace` to stop.
pub fn at_terminal(
    command: &mut Command,
    guard: &Guard,
    name: &str,
    (limit, grace): (Duration, Duration),
) -> Result<ExitCode> {
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command.stdin(Stdio::null()).process_group(0).spawn();
    let mut child = child.map_err(|error| format!("{program} does not start: {error}"))?;
    let group = -i64::from(child.id());
    guard.note(name, "TERM", group)?;
    let ended = wait_at_most(&mut child, limit)?;
    if ended.is_none() {
        stop(&mut child, "TERM", group, grace)?;
    }
    guard.forget(name);
    let ended = ended.ok_or_else(|| format!("{name} had not ended after {} s", limit.as_secs()))?;
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `None`: the process still runs after `limit`.
pub fn wait_at_most(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let start = now();
    loop {
        let ended = child.try_wait().map_err(|error| format!("cannot wait: {error}"))?;
        if ended.is_some() || start.elapsed() >= limit {
            return Ok(ended);
        }
        thread::sleep(POLL);
    }
}

/// Sends `signal` to `process` (negative: a group), waits `grace` for `child`, then kills it. Nothing
/// is sent when `child` has ended already: its id may be somebody else's by now.
pub fn stop(child: &mut Child, signal: &str, process: i64, grace: Duration) -> Result<ExitStatus> {
    if let Some(status) = wait_at_most(child, Duration::ZERO)? {
        return Ok(status);
    }
    send(signal, process)?;
    if let Some(status) = wait_at_most(child, grace)? {
        return Ok(status);
    }
    send("KILL", process)?;
    child.wait().map_err(|error| format!("cannot wait: {error}"))
}

/// The shell's own `kill`, since `unsafe` is forbidden and the program `kill` is not everywhere.
pub fn send(signal: &str, process: i64) -> Result<()> {
    let status = Command::new("sh")
        .args(["-c", r#"kill -s "$1" -- "$2""#, "sh", signal, &process.to_string()])
        .status()
        .map_err(|error| format!("sh does not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cannot send {signal} to {process}")) }
}

pub fn append(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(|error| format!("{}: {error}", log.display()))
}

/// The last `count` lines of a file; an unreadable file says so in place of its lines.
pub fn tail(path: &Path, count: usize) -> String {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return format!("{}: {error}", path.display()),
    };
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[expect(clippy::disallowed_methods, reason = "time limits of child processes, not bank time")]
pub fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_reaches_the_log_and_the_status_the_caller() {
        let guard = Guard::new("process-test").unwrap();
        let log = guard.folder().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let status = run_logged(&mut command, &log, GRACE, &guard).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(tail(&log, 1), "err");
        assert_eq!(tail(&log, 9), "out\nerr");
    }

    #[test]
    fn a_process_past_its_limit_is_stopped_with_its_children() {
        let guard = Guard::new("process-test").unwrap();
        let log = guard.folder().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 61 & echo $!; wait"]);
        let ended = run_logged(&mut command, &log, Duration::from_millis(300), &guard);
        assert!(ended.unwrap_err().contains("had not ended"));
        let grandchild: i64 = tail(&log, 1).parse().unwrap();
        let start = now();
        while send("0", grandchild).is_ok() && !is_zombie(grandchild) {
            assert!(start.elapsed() < GRACE, "the grandchild still runs");
            thread::sleep(POLL);
        }
    }

    /// Nobody may reap an orphan in a container whose first process does not.
    fn is_zombie(process: i64) -> bool {
        fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| stat.contains(") Z "))
    }
}
