//! `cargo xtask reproduce`: one commit, built twice in two folders, gives the same bytes.
//!
//! Order: the commit's files into two folders whose names have nothing in common; `deploy/build.sh` in each, the second
//! in another time zone and language; then the programs are compared byte by byte. Cost: two builds from nothing.
//! Bound: [`BUILD_LIMIT`] for each. It never builds what is not committed, and says so where something is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::process::run_logged;
use crate::smoke::succeed;
use crate::workspace::{Workspace, clean_environment};

/// A release build from nothing takes some ten minutes of two cores.
const BUILD_LIMIT: Duration = Duration::from_hours(1);
const SHORT_LIMIT: Duration = Duration::from_mins(2);

/// Folders, and what else differs between the builds and must not matter.
const BUILDS: [(&str, &str, &str); 2] =
    [("first", "UTC", "C"), ("a-second-and-longer-name", "Asia/Kolkata", "C.UTF-8")];

/// What is built.
#[derive(Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    package: &'a str,
    is_debug: bool,
}

impl<'a> Wish<'a> {
    /// `None`: these words are no wish.
    pub fn parse(words: &[&'a str]) -> Option<Self> {
        match words {
            [] => Some(Self { package: "exchequer", is_debug: false }),
            ["--package", package, rest @ ..] => {
                Some(Self { package: *package, ..Self::parse(rest)? })
            }
            ["--debug", rest @ ..] => Some(Self { is_debug: true, ..Self::parse(rest)? }),
            _ => None,
        }
    }
}

/// Says the digest, or where the programs begin to differ.
pub fn run(wish: &Wish<'_>) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let guard = Guard::new("reproduce")?;
    let log = workspace.target.join("xtask-reproduce.log");
    fs::write(&log, "").map_err(|error| format!("{}: {error}", log.display()))?;
    let commit = git(&workspace, &["rev-parse", "--short", "HEAD"])?;
    let time = git(&workspace, &["show", "-s", "--format=%ct", "HEAD"])?;
    if !git(&workspace, &["status", "--porcelain"])?.is_empty() {
        println!("what is not committed is not built: this is {commit}");
    }
    let mut programs = Vec::new();
    for build in BUILDS {
        let folder = export(&workspace, &guard, &log, build.0)?;
        println!("building {} of {commit} in {}", wish.package, folder.display());
        programs.push(built(wish, &folder, (build, &time), (&guard, &log))?);
    }
    let [first, second] = programs.as_slice() else { return Err("two builds".to_owned()) };
    let (one, two) = (read(first)?, read(second)?);
    if let Some(at) = first_difference(&one, &two) {
        let sizes = format!("{} and {} bytes", one.len(), two.len());
        return Err(format!("{commit}: the builds differ from byte {at} on ({sizes})"));
    }
    let mut hash = Command::new("sha256sum");
    let digest = said(hash.arg(first))?;
    let digest = digest.split_whitespace().next().ok_or("sha256sum says nothing")?;
    println!("{} of {commit}, twice the same {} bytes: sha256 {digest}", wish.package, one.len());
    Ok(ExitCode::SUCCESS)
}

/// The commit's files in a folder of their own.
fn export(workspace: &Workspace, guard: &Guard, log: &Path, name: &str) -> Result<PathBuf> {
    let folder = guard.folder().join(name);
    fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let archive = guard.folder().join("commit.tar");
    let mut pack = Command::new("git");
    pack.current_dir(&workspace.root).args(["archive", "--format=tar", "HEAD", "--output"]);
    succeed("git archive", run_logged(pack.arg(&archive), log, SHORT_LIMIT, guard)?)?;
    let mut unpack = Command::new("tar");
    unpack.arg("-xf").arg(&archive).arg("-C").arg(&folder);
    succeed("tar", run_logged(&mut unpack, log, SHORT_LIMIT, guard)?)?;
    Ok(folder)
}

/// The program's path. The second folder's target folder is given away when both were compared, with the guard.
fn built(
    wish: &Wish<'_>,
    folder: &Path,
    ((_, zone, language), time): ((&str, &str, &str), &str),
    (guard, log): (&Guard, &Path),
) -> Result<PathBuf> {
    let mut command = Command::new("sh");
    clean_environment(&mut command);
    command.arg("deploy/build.sh").args(["-p", wish.package]).current_dir(folder);
    command.env_remove("CARGO_TARGET_DIR").env("SOURCE_DATE_EPOCH", time);
    command.env("TZ", zone).env("LC_ALL", language);
    if !wish.is_debug {
        command.arg("--release");
    }
    succeed("deploy/build.sh", run_logged(&mut command, log, BUILD_LIMIT, guard)?)
        .map_err(|error| format!("{error}; see {}", log.display()))?;
    let profile = if wish.is_debug { "debug" } else { "release" };
    Ok(folder.join("target").join(profile).join(wish.package))
}

fn first_difference(one: &[u8], two: &[u8]) -> Option<usize> {
    if one == two {
        return None;
    }
    let shorter = one.len().min(two.len());
    Some(one.iter().zip(two).position(|(a, b)| a != b).unwrap_or(shorter))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn git(workspace: &Workspace, arguments: &[&str]) -> Result<String> {
    said(Command::new("git").args(arguments).current_dir(&workspace.root))
}

fn said(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} does not start: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("{program}: {complaint}"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_where_the_bytes_part() {
        assert_eq!(first_difference(b"same", b"same"), None);
        assert_eq!(first_difference(b"same", b"sane"), Some(2));
        assert_eq!(first_difference(b"same", b"same and more"), Some(4));
    }

    #[test]
    fn the_shipped_program_is_meant_unless_told_otherwise() {
        let whole = Wish { package: "exchequer", is_debug: false };
        assert_eq!(Wish::parse(&[]), Some(whole));
        let small = Wish { package: "xtask", is_debug: true };
        assert_eq!(Wish::parse(&["--package", "xtask", "--debug"]), Some(small));
        assert_eq!(Wish::parse(&["--package"]), None);
        assert_eq!(Wish::parse(&["--release"]), None);
    }
}
