//! The bank as strangers' programs see it: `cargo xtask outside`, and the step `outside` of `ci`.
//!
//! Order: a Python environment and the packages of the TypeScript client come into `TARGET/outside`, each once for each
//! state of its list of versions and hashes; the bank is built; `outside/run.py` starts demo banks and lets schemathesis,
//! generated clients and, where asked, scanners at them. Cost: half a minute for the clients, a second for some forty
//! cases, forty minutes for the scanners. Bound: the seconds that are asked for, and [`SCAN_LIMIT`]. It changes no tracked
//! file and listens on this machine only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::postgres::programs::{in_path, install_where_allowed};
use crate::process::{at_terminal, run_logged};
use crate::workspace::{Workspace, clean_environment};

const INSTALL_LIMIT: Duration = Duration::from_mins(10);
const BUILD_LIMIT: Duration = Duration::from_mins(40);
/// Clients, and banks that start and stop.
const REST_LIMIT: Duration = Duration::from_mins(10);
const SCAN_LIMIT: Duration = Duration::from_mins(90);
const GRACE: Duration = Duration::from_mins(1);

/// What is to run, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish<'a> {
    /// Of schemathesis, for all callers together.
    cases: u32,
    seconds: u32,
    seed: u32,
    /// Absent: everything but the scanners.
    only: Option<&'a str>,
    is_scan: bool,
    /// Absent: the debug build, made anew.
    binary: Option<&'a str>,
}

impl Default for Wish<'_> {
    fn default() -> Self {
        Self { cases: 20_000, seconds: 3_600, seed: 1, only: None, is_scan: false, binary: None }
    }
}

impl<'a> Wish<'a> {
    /// `None`: something else than the usage says.
    pub fn parse(words: &[&'a str]) -> Option<Self> {
        match words {
            [] => Some(Self::default()),
            ["--cases", number, rest @ ..] => {
                Some(Self { cases: number.parse().ok()?, ..Self::parse(rest)? })
            }
            ["--seconds", number, rest @ ..] => {
                Some(Self { seconds: number.parse().ok()?, ..Self::parse(rest)? })
            }
            ["--seed", number, rest @ ..] => {
                Some(Self { seed: number.parse().ok()?, ..Self::parse(rest)? })
            }
            ["--only", name, rest @ ..] => Some(Self { only: Some(name), ..Self::parse(rest)? }),
            ["--binary", path, rest @ ..] => {
                Some(Self { binary: Some(path), ..Self::parse(rest)? })
            }
            ["--scan", rest @ ..] => Some(Self { is_scan: true, ..Self::parse(rest)? }),
            _ => None,
        }
    }

    /// What fits into `ci`, with the build that is shipped.
    pub fn short(binary: &'a str) -> Self {
        Self { cases: 1_500, seconds: 900, binary: Some(binary), ..Self::default() }
    }

    /// When the suite has hung.
    pub fn limit(&self) -> Duration {
        let scan = if self.is_scan { SCAN_LIMIT } else { Duration::ZERO };
        Duration::from_secs(self.seconds.into()) + REST_LIMIT + scan
    }
}

/// Runs at the caller's terminal.
pub fn run(wish: &Wish<'_>) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let guard = Guard::new("outside")?;
    let log = workspace.target.join("outside-setup.log");
    fs::write(&log, "").map_err(|error| format!("{}: {error}", log.display()))?;
    let mut command = prepare(&workspace, &guard, wish, &log)?;
    at_terminal(&mut command, &guard, "outside", (wish.limit(), GRACE))
}

/// The command that runs it, when everything is there that it needs.
pub fn prepare(
    workspace: &Workspace,
    guard: &Guard,
    wish: &Wish<'_>,
    log: &Path,
) -> Result<Command> {
    let setup = Setup { workspace, guard, log };
    let python = setup.environment("tools")?;
    let packages = setup.node_packages()?;
    let binary = match wish.binary {
        Some(path) => fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?,
        None => setup.build()?,
    };
    let mut command = Command::new(python);
    command.arg("-u").arg(workspace.root.join("outside/run.py")).current_dir(guard.folder());
    command.arg("--binary").arg(binary).arg("--packages").arg(packages);
    command.arg("--banks").arg(guard.folder().join("banks"));
    command.arg("--output").arg(workspace.target.join("outside/output"));
    command.args(["--cases", &wish.cases.to_string(), "--seconds", &wish.seconds.to_string()]);
    command.args(["--seed", &wish.seed.to_string()]);
    command.args(wish.only.iter().flat_map(|name| ["--only", name]));
    if wish.is_scan {
        let scanners = setup.environment("scan")?;
        command.arg("--scanners").args(scanners.parent());
    }
    // Nothing is left in the checkout.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    clean_environment(&mut command);
    Ok(command)
}

/// Why nothing of this can run here; `None`: it can, or what it needs is here already.
pub fn obstacle(workspace: &Workspace, guard: &Guard, log: &Path) -> Option<&'static str> {
    if !["python3", "node", "npm"].into_iter().all(in_path) {
        return Some("python3, node and npm are not installed");
    }
    if !makes_environments() {
        return Some("python3 makes no environments (Debian: apt-get install python3-venv)");
    }
    let setup = Setup { workspace, guard, log };
    let is_ready = setup.environment("tools").and_then(|_| setup.node_packages()).is_ok();
    (!is_ready).then_some("the package indexes cannot be reached")
}

/// Whether python3 makes environments here; what it wants for that is installed where that may be.
pub fn makes_environments() -> bool {
    let can = || {
        let mut asked = Command::new("python3");
        asked.args(["-c", "import ensurepip"]).output().is_ok_and(|found| found.status.success())
    };
    can() || (install_where_allowed(&["python3-venv"]).is_ok() && can())
}

/// An environment with exactly the packages of `outside/requirements/NAME.txt`; its Python.
pub fn environment(
    workspace: &Workspace,
    guard: &Guard,
    log: &Path,
    name: &str,
) -> Result<PathBuf> {
    Setup { workspace, guard, log }.environment(name)
}

struct Setup<'a> {
    workspace: &'a Workspace,
    guard: &'a Guard,
    log: &'a Path,
}

impl Setup<'_> {
    fn folder(&self) -> PathBuf {
        self.workspace.target.join("outside")
    }

    /// An environment with exactly the packages of a list; its Python.
    fn environment(&self, name: &str) -> Result<PathBuf> {
        let list =
            self.workspace.root.join("outside/requirements").join(name).with_extension("txt");
        let folder = self.folder().join(name);
        let program = folder.join("bin/python");
        self.once(&list, &folder, || {
            let mut python = Command::new("python3");
            self.succeed(python.args(["-m", "venv", "--clear"]).arg(&folder))?;
            let mut pip = Command::new(&program);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            self.succeed(pip.args(["--require-hashes", "--requirement"]).arg(&list))
        })?;
        Ok(program)
    }

    /// Where `node_modules` of the TypeScript client stand. No package's install script runs.
    fn node_packages(&self) -> Result<PathBuf> {
        let source = self.workspace.root.join("outside/clients/typescript");
        let folder = self.folder().join("typescript");
        self.once(&source.join("package-lock.json"), &folder, || {
            fs::create_dir_all(&folder).map_err(|error| told(&folder, &error))?;
            for name in ["package.json", "package-lock.json"] {
                let copied = fs::copy(source.join(name), folder.join(name));
                copied.map_err(|error| told(&folder, &error))?;
            }
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
            self.succeed(npm.current_dir(&folder))
        })?;
        Ok(folder)
    }

    /// Does `make` unless `folder` was made from the same list before.
    fn once(&self, list: &Path, folder: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
        let stamp = folder.join("installed");
        let wanted = fs::read(list).map_err(|error| told(list, &error))?;
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        fs::create_dir_all(self.folder()).map_err(|error| told(folder, &error))?;
        make()?;
        fs::write(&stamp, wanted).map_err(|error| told(&stamp, &error))
    }

    fn build(&self) -> Result<PathBuf> {
        let mut cargo = self.workspace.cargo();
        cargo.args(["build", "--locked", "-p", "exchequer", "--bin", "exchequer"]);
        let status = run_logged(&mut cargo, self.log, BUILD_LIMIT, self.guard)?;
        if !status.success() {
            return Err(format!("cargo build: {status}; {}", self.log.display()));
        }
        Ok(self.workspace.target.join("debug/exchequer"))
    }

    fn succeed(&self, command: &mut Command) -> Result<()> {
        let status = run_logged(command, self.log, INSTALL_LIMIT, self.guard)?;
        if status.success() {
            return Ok(());
        }
        let program = command.get_program().to_string_lossy().into_owned();
        Err(format!("{program}: {status}; {}", self.log.display()))
    }
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_understood_in_any_order() {
        let words =
            ["--scan", "--cases", "5", "--only", "merchant", "--seed", "7", "--seconds", "9"];
        let wish = Wish {
            cases: 5,
            seconds: 9,
            seed: 7,
            only: Some("merchant"),
            is_scan: true,
            binary: None,
        };
        assert_eq!(Wish::parse(&words), Some(wish));
        assert_eq!(Wish::parse(&[]), Some(Wish::default()));
        assert_eq!(Wish::parse(&["--cases", "many"]), None);
        assert_eq!(Wish::parse(&["--cases"]), None);
        assert_eq!(Wish::parse(&["merchant"]), None);
    }

    #[test]
    fn scanners_have_time_of_their_own() {
        let wish = Wish::default();
        let scan = Wish { is_scan: true, ..Wish::default() };
        assert_eq!(scan.limit(), wish.limit() + SCAN_LIMIT);
    }
}
