//! Patroni: the one in PATH where it is new enough, else one from PyPI in the build folder.
//!
//! Debian 12 has 3.0.2, with which acknowledged writes were lost (docs/reliability.md, "A primary that comes back"). Cost:
//! one `pip install`, kept for later runs. The service account must be able to read the build folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::postgres::programs::install_where_allowed;

/// The first that asks whose the leader's key is before it writes it, of those that were looked at.
const LEAST: u32 = 4;
const RELEASE: &str = "4.1.5";
/// With libpq in it, so that nothing is compiled.
const DRIVER: &str = "psycopg2-binary==2.9.13";

/// Where it is, once [`find_or_install`] was asked.
pub fn find(target: &Path) -> Result<PathBuf> {
    let own = own_folder(target).join("bin").join("patroni");
    let found = [PathBuf::from("patroni"), own].into_iter().find(|program| is_new_enough(program));
    found.ok_or_else(|| {
        format!("no Patroni {LEAST} or later is in PATH, nor {RELEASE} in {}", target.display())
    })
}

pub fn find_or_install(target: &Path) -> Result<()> {
    if find(target).is_ok() {
        return Ok(());
    }
    let folder = own_folder(target);
    println!("Patroni {RELEASE} comes from PyPI into {}", folder.display());
    if make(&folder).is_err() {
        install_where_allowed(&["python3-venv"])?;
        make(&folder)?;
    }
    let what = format!("patroni[etcd3]=={RELEASE}");
    let pip = folder.join("bin").join("pip");
    ran(Command::new(pip).args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        &what,
        DRIVER,
    ]))?;
    find(target).map(|_| ())
}

fn own_folder(target: &Path) -> PathBuf {
    target.join(format!("patroni-{RELEASE}"))
}

/// By the machine's own Python: one in somebody's home cannot be run by the service account.
fn make(folder: &Path) -> Result<()> {
    let own = Path::new("/usr/bin/python3");
    let python = if own.is_file() { own } else { Path::new("python3") };
    ran(Command::new(python).args(["-m", "venv", "--clear"]).arg(folder))
}

fn ran(command: &mut Command) -> Result<()> {
    let what = format!("{command:?}");
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

fn is_new_enough(program: &Path) -> bool {
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    said.is_ok_and(|output| major(&String::from_utf8_lossy(&output.stdout)) >= Some(LEAST))
}

/// Of `patroni 4.1.5`.
fn major(said: &str) -> Option<u32> {
    said.trim().strip_prefix("patroni ")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("patroni 4.1.5\n"), Some(4));
        assert_eq!(major("patroni 3.0.2\n"), Some(3));
        for other in ["", "patroni", "patroni x", "4.1.5"] {
            assert!(major(other) < Some(LEAST), "{other}");
        }
    }
}
