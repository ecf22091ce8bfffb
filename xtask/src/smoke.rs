//! The shipped binary, started as a stranger would: a demo bank that serves, stops and verifies.
//!
//! Order: release build, `demo`, one JSON object and the listening line, `GET /healthz`, SIGTERM,
//! exit 0, `verify` exit 0. Bound: each wait has its limit below. It never writes the demo's sign-ins
//! into the log, and its data lives in the guard's folder.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::guard::Guard;
use crate::process::{append, now, run_logged, stop};
use crate::workspace::{Workspace, clean_environment};

/// From the start of the demo to the open socket.
const LISTEN_LIMIT: Duration = Duration::from_secs(30);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const DRAIN_LIMIT: Duration = Duration::from_secs(20);
const VERIFY_LIMIT: Duration = Duration::from_mins(1);
/// What is asked for is far smaller; more is a fault.
const ANSWER_BYTES: u64 = 1024 * 1024;

pub fn run(workspace: &Workspace, guard: &Guard, log: &Path, limit: Duration) -> Result<()> {
    build(workspace, guard, log, limit)?;
    let binary = workspace.target.join("release").join("exchequer");
    let folder = guard.folder().join("smoke");
    fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let demo = Demo { binary, data: folder.join("bank"), folder };
    demo.serve_once(guard, log)?;

    let mut verify = demo.command("verify");
    succeed("exchequer verify", run_logged(&mut verify, log, VERIFY_LIMIT, guard)?)
}

/// The binary that is shipped.
pub fn build(workspace: &Workspace, guard: &Guard, log: &Path, limit: Duration) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--locked", "-p", "exchequer"]);
    succeed("cargo build --release", run_logged(&mut build, log, limit, guard)?)
}

/// What a server answers to a GET, its head included.
pub fn ask(address: SocketAddr, path: &str) -> Result<String> {
    let failed = |error: std::io::Error| format!("GET http://{address}{path}: {error}");
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_LIMIT).map_err(failed)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT)).map_err(failed)?;
    stream.set_write_timeout(Some(ANSWER_LIMIT)).map_err(failed)?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).map_err(failed)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

pub fn succeed(what: &str, status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { Err(format!("{what}: {status}")) }
}

struct Demo {
    binary: PathBuf,
    data: PathBuf,
    folder: PathBuf,
}

impl Demo {
    /// In a folder of its own, so that no `.env` of the checkout is read.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(name).arg("--data").arg(&self.data).current_dir(&self.folder);
        clean_environment(&mut command);
        command
    }

    fn serve_once(&self, guard: &Guard, log: &Path) -> Result<()> {
        let mut child = self
            .command("demo")
            .args(["--listen", "127.0.0.1:0", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(append(log)?)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.binary.display()))?;
        let process = i64::from(child.id());
        guard.note("demo", "TERM", process)?;
        let served = greet(&mut child);
        // Also after a fault: the demo ends before anything is said about it.
        let ended = stop(&mut child, "TERM", process, DRAIN_LIMIT);
        guard.forget("demo");
        served?;
        succeed("exchequer demo after SIGTERM", ended?)
    }
}

fn greet(child: &mut Child) -> Result<()> {
    let output = child.stdout.take().ok_or("the demo has no standard output")?;
    let lines = read_lines(output);
    let (introduction, address) = wait_for_address(&lines)?;
    check_introduction(&introduction)?;
    check_health(address)
}

/// Goes on reading after the last line that is wanted, so that the demo never meets a full pipe.
fn read_lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut wanted = true;
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { return };
            wanted = wanted && sender.send(line).is_ok();
        }
    });
    receiver
}

/// Everything before the listening line, and the address in it.
fn wait_for_address(lines: &Receiver<String>) -> Result<(String, SocketAddr)> {
    let start = now();
    let mut introduction = String::new();
    loop {
        let left = LISTEN_LIMIT.saturating_sub(start.elapsed());
        let line = lines.recv_timeout(left).map_err(|_| {
            format!(
                "no line `listening on http://ADDRESS:PORT` within {} s",
                LISTEN_LIMIT.as_secs()
            )
        })?;
        if let Some(address) = line.strip_prefix("listening on http://") {
            let address = address.parse().map_err(|error| format!("{line}: {error}"))?;
            return Ok((introduction, address));
        }
        introduction.push_str(&line);
        introduction.push('\n');
    }
}

fn check_introduction(introduction: &str) -> Result<()> {
    let object: Value = serde_json::from_str(introduction)
        .map_err(|error| format!("demo --json prints something else than one object: {error}"))?;
    if object.get("url").and_then(Value::as_str).is_none() {
        return Err("demo --json: `url` is missing".to_owned());
    }
    for key in ["customers", "staff", "merchants"] {
        if object.get(key).and_then(Value::as_array).is_none() {
            return Err(format!("demo --json: the list `{key}` is missing"));
        }
    }
    Ok(())
}

fn check_health(address: SocketAddr) -> Result<()> {
    let answer = ask(address, "/healthz")?;
    if answer.starts_with("HTTP/1.0 200 ") || answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(format!("GET /healthz answers `{}`", answer.lines().next().unwrap_or("nothing")))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn said(lines: &[&str]) -> Receiver<String> {
        let (sender, receiver) = channel();
        for line in lines {
            sender.send((*line).to_owned()).unwrap();
        }
        receiver
    }

    #[test]
    fn the_address_follows_the_introduction() {
        let lines = said(&["{", "}", "listening on http://127.0.0.1:9", "later"]);
        let (introduction, address) = wait_for_address(&lines).unwrap();
        assert_eq!(introduction, "{\n}\n");
        assert_eq!(address.port(), 9);
    }

    #[test]
    fn a_demo_that_ends_early_or_speaks_oddly_is_a_failure() {
        assert!(wait_for_address(&said(&["{}"])).is_err());
        assert!(wait_for_address(&said(&["listening on http://somewhere"])).is_err());
    }

    #[test]
    fn the_introduction_has_its_fixed_members() {
        let whole = r#"{"url":"http://x","customers":[],"staff":[],"merchants":[]}"#;
        assert_eq!(check_introduction(whole), Ok(()));
        for broken in ["", "hello", r#"{"url":"x"}"#, r#"{"customers":[],"staff":[]}"#] {
            assert!(check_introduction(broken).is_err(), "{broken}");
        }
        assert!(check_introduction(&format!("{whole}{whole}")).is_err());
    }

    #[test]
    fn health_is_status_200_and_nothing_else() {
        for (status, healthy) in [("200 OK", true), ("503 Service Unavailable", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let count = stream.read(&mut request).unwrap();
                assert!(request[..count].starts_with(b"GET /healthz HTTP/1.0\r\n"));
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
            });
            assert_eq!(check_health(address).is_ok(), healthy);
            server.join().unwrap();
        }
    }
}
