//! The bank's pages in a real browser: `cargo xtask browser`, and the step `browser` of `ci`.
//!
//! Order: Node, npm and Chromium are found or installed, the two packages of `browser/package-lock.json` come into
//! `TARGET/browser`, the bank is built, and `browser/run.js` starts a demo bank for each scenario. Cost: some three
//! minutes with a release build. Bound: [`RUN_LIMIT`]; banks and browser end with the guard. Screenshots are left in
//! `TARGET/browser`. It runs no package's install script and changes no tracked file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::postgres::programs::{apt_get, in_path, is_root};
use crate::process::{at_terminal, run_logged};
use crate::workspace::{Workspace, clean_environment};

/// Four minutes on two quiet cores; a machine that compiles besides needs more.
pub const RUN_LIMIT: Duration = Duration::from_mins(15);
const INSTALL_LIMIT: Duration = Duration::from_mins(5);
const BUILD_LIMIT: Duration = Duration::from_mins(40);
const GRACE: Duration = Duration::from_secs(10);
/// What `browser/package.json` asks for.
const OLDEST_NODE: u32 = 18;
const CHROMIUMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const ADVICE: &str = "the browser tests need Node 18 or newer, npm and Chromium: install them (Debian: apt-get \
    install nodejs npm chromium)";

/// What of the suite is to run, and with which build.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wish<'a> {
    /// Absent: every scenario.
    only: Option<&'a str>,
    is_release: bool,
}

impl<'a> Wish<'a> {
    /// `[--only NAME] [--release]`; `None`: something else.
    pub fn parse(words: &[&'a str]) -> Option<Self> {
        match words {
            [] => Some(Self::default()),
            ["--only", name, rest @ ..] => Some(Self { only: Some(name), ..Self::parse(rest)? }),
            ["--release", rest @ ..] => Some(Self { is_release: true, ..Self::parse(rest)? }),
            _ => None,
        }
    }

    /// Everything, with the build that is shipped.
    pub const fn shipped() -> Self {
        Self { only: None, is_release: true }
    }
}

/// Runs the suite at the caller's terminal.
pub fn run(wish: &Wish<'_>) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let guard = Guard::new("browser")?;
    let log = workspace.target.join("browser-setup.log");
    fs::write(&log, "").map_err(|error| format!("{}: {error}", log.display()))?;
    let mut command = prepare(&workspace, &guard, wish, &log)?;
    at_terminal(&mut command, &guard, "browser", (RUN_LIMIT, GRACE))
}

/// The command that runs the suite, when everything is there that it needs.
pub fn prepare(
    workspace: &Workspace,
    guard: &Guard,
    wish: &Wish<'_>,
    log: &Path,
) -> Result<Command> {
    let chromium = find_or_install()?;
    let folder = workspace.target.join("browser");
    install_packages(workspace, guard, &folder, log)?;
    let binary = build(workspace, guard, wish.is_release, log)?;
    let mut command = Command::new("node");
    command.arg(workspace.root.join("browser").join("run.js")).current_dir(guard.folder());
    command.arg("--binary").arg(binary).arg("--chromium").arg(chromium);
    command.arg("--banks").arg(guard.folder().join("banks")).arg("--output").arg(&folder);
    if let Some(name) = wish.only {
        command.args(["--only", name]);
    }
    clean_environment(&mut command);
    Ok(command)
}

fn find_or_install() -> Result<PathBuf> {
    let missing = |program: &str| (!in_path(program)).then_some(());
    let mut packages = Vec::new();
    packages.extend(missing("node").map(|()| "nodejs"));
    packages.extend(missing("npm").map(|()| "npm"));
    packages.extend(chromium().is_none().then_some("chromium"));
    if !packages.is_empty() {
        if !is_root()? || !in_path("apt-get") {
            return Err(ADVICE.to_owned());
        }
        apt_get(&["update"], &[])?;
        let install = ["install", "-y", "--no-install-recommends"];
        let arguments: Vec<&str> = install.into_iter().chain(packages).collect();
        apt_get(&arguments, &[])?;
    }
    let output = Command::new("node").arg("--version").output();
    let output = output.map_err(|error| format!("node does not start: {error}\n{ADVICE}"))?;
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    match major(&version) {
        Some(found) if found >= OLDEST_NODE => chromium().ok_or_else(|| ADVICE.to_owned()),
        _ => Err(format!("node says it is `{}`: {ADVICE}", version.trim())),
    }
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = CHROMIUMS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let installed = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
    all.chain([PathBuf::from(installed)]).find(|found| found.is_file())
}

/// `v20.20.2`
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Into the folder for what is built, once for each state of the lock file.
fn install_packages(workspace: &Workspace, guard: &Guard, folder: &Path, log: &Path) -> Result<()> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = fs::read(workspace.root.join("browser/package-lock.json")).map_err(failed)?;
    let stamp = folder.join("installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    for name in ["package.json", "package-lock.json"] {
        fs::copy(workspace.root.join("browser").join(name), folder.join(name)).map_err(failed)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
    let status = run_logged(npm.current_dir(folder), log, INSTALL_LIMIT, guard)?;
    if !status.success() {
        return Err(format!("npm ci in {}: {status}; {}", folder.display(), log.display()));
    }
    fs::write(stamp, lock).map_err(failed)
}

fn build(workspace: &Workspace, guard: &Guard, is_release: bool, log: &Path) -> Result<PathBuf> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "-p", "exchequer"]);
    if is_release {
        cargo.arg("--release");
    }
    let status = run_logged(&mut cargo, log, BUILD_LIMIT, guard)?;
    if !status.success() {
        return Err(format!("cargo build: {status}; {}", log.display()));
    }
    let profile = if is_release { "release" } else { "debug" };
    Ok(workspace.target.join(profile).join("exchequer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_understood_in_any_order() {
        let wish = Wish { only: Some("idle"), is_release: true };
        assert_eq!(Wish::parse(&["--only", "idle", "--release"]), Some(wish));
        assert_eq!(Wish::parse(&[]), Some(Wish::default()));
        assert_eq!(Wish::parse(&["--only"]), None);
        assert_eq!(Wish::parse(&["idle"]), None);
    }

    #[test]
    fn nodes_version_is_its_first_number() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20.20.2"), None);
        assert_eq!(major(""), None);
    }
}
