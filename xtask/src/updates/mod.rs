//! `cargo xtask updates`: whether what the program is made of is as new as docs/components.md promises.
//!
//! Order: Cargo.lock; the index of crates.io, asked for each crate of it; the judgement. Cost: some 380 small requests,
//! half a minute. Bound: three minutes. By itself it judges today; as a step of `ci` the day of the commit, so that no
//! commit fails for its age alone; one fails when what it uses is withdrawn. It changes nothing, and knows of no weakness that is not mended yet: that is
//! `cargo deny check advisories`.

use std::fs;
use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::lock::{self, Locked};
use crate::workspace::Workspace;
use crate::{Result, python};

mod early;
mod judge;
mod version;

pub use judge::Judgement;

const SCRIPT: &str = include_str!("index.py");
/// Mends that are taken before they are a week old.
const EARLY: &str = "xtask/updates-early.txt";
/// What the script ends with where nothing answers.
const AWAY: i32 = 3;

/// `Err` in the inner place: why the index cannot be asked.
pub type Asked = std::result::Result<Judgement, String>;

pub fn run() -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let judgement = asked(&workspace, today()?)??;
    print!("{}", judgement.text());
    Ok(if judgement.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// As on the day of the commit that is checked out.
pub fn of_the_commit(workspace: &Workspace) -> Result<Asked> {
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"]).current_dir(&workspace.root);
    let output = git.output().map_err(|error| format!("git does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let at = text.trim().parse().map_err(|_| "git has no commit here".to_owned())?;
    asked(workspace, at)
}

fn asked(workspace: &Workspace, now: i64) -> Result<Asked> {
    let locked = lock::read(workspace)?;
    match index(&locked)? {
        Ok(index) => {
            let path = workspace.root.join(EARLY);
            let text = fs::read_to_string(&path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            judge::judge(&locked, &index, (&early::parse(&text)?, now)).map(Ok)
        }
        Err(reason) => Ok(Err(reason)),
    }
}

fn index(locked: &[Locked]) -> Result<std::result::Result<Value, String>> {
    python::find_or_install()?;
    let crates: Vec<_> = locked.iter().map(|one| json!([one.name, one.version])).collect();
    let question = json!({ "crates": crates }).to_string();
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("python3 does not start: {error}"))?;
    let mut input = child.stdin.take().ok_or("python3 has no input")?;
    input.write_all(question.as_bytes()).map_err(|error| format!("python3: {error}"))?;
    drop(input);
    let output = child.wait_with_output().map_err(|error| format!("python3: {error}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.trim().lines().last().unwrap_or("no reason given");
    match output.status.code() {
        Some(0) => serde_json::from_slice(&output.stdout)
            .map(Ok)
            .map_err(|error| format!("the index is not JSON: {error}")),
        Some(AWAY) => Ok(Err(format!("the index of crates.io cannot be reached: {last}"))),
        None => Ok(Err("the index of crates.io took longer than three minutes".to_owned())),
        Some(_) => Err(format!("the index of crates.io: {} ({last})", output.status)),
    }
}

impl Judgement {
    /// A line for each thing that is to be known.
    pub fn text(&self) -> String {
        let held = self.held.iter().map(|held| format!("held: {held}"));
        let mut lines: Vec<String> = self.findings.iter().cloned().chain(held).collect();
        let (count, waiting) = (self.findings.len(), self.waiting);
        lines.push(format!("{count} findings; {waiting} newer versions have time"));
        lines.join("\n") + "\n"
    }
}

#[expect(clippy::disallowed_methods, reason = "the age of releases, not bank time")]
fn today() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    i64::try_from(since.as_secs()).map_err(|error| error.to_string())
}
