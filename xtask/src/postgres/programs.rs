//! Finds PostgreSQL's server programs, or installs Debian's package, and the account to run them.
//!
//! Order: PATH, Debian's versioned folders (newest first), /usr/local. It installs only as root and
//! only with apt-get, and never lets the package make or start a cluster of its own.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use crate::Result;

/// The numbers of an unprivileged user and its group.
#[derive(Debug, PartialEq, Eq)]
pub struct Account {
    pub user: u32,
    pub group: u32,
}

/// Accounts to run the server as, best first: the package's own, then the one nobody owns files with.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// The package of Debian 12, then the one that other releases have under a stable name.
const PACKAGES: [&str; 2] = ["postgresql-15", "postgresql"];

const ADVICE: &str = "no PostgreSQL server programs here: install them (Debian: apt-get install \
    postgresql-15) or give EXCHEQUER_TEST_POSTGRES=postgres://USER:PASSWORD@HOST:PORT/postgres";

/// The folder that holds `initdb` and `postgres`.
pub fn find_or_install() -> Result<PathBuf> {
    if let Some(folder) = find() {
        return Ok(folder);
    }
    if !is_root()? || !in_path("apt-get") {
        return Err(ADVICE.to_owned());
    }
    install()?;
    find().ok_or_else(|| ADVICE.to_owned())
}

/// `None`: we are not root, so the server runs as ourselves.
pub fn service_account() -> Result<Option<Account>> {
    if !is_root()? {
        return Ok(None);
    }
    let accounts =
        fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    ACCOUNTS
        .iter()
        .find_map(|name| account_named(name, &accounts))
        .map(Some)
        .ok_or_else(|| format!("none of the accounts {ACCOUNTS:?} is there to run PostgreSQL"))
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let given: Vec<PathBuf> = env::split_paths(&path).collect();
    given
        .into_iter()
        .chain(debian_folders(Path::new("/usr/lib/postgresql")))
        .chain([PathBuf::from("/usr/local/bin"), PathBuf::from("/usr/local/pgsql/bin")])
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// `ROOT/VERSION/bin`, highest version first.
fn debian_folders(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let mut versions: Vec<u32> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    versions.sort_by_key(|version| Reverse(*version));
    versions.iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

pub fn in_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

pub fn is_root() -> Result<bool> {
    let output = Command::new("id")
        .arg("-u")
        .output()
        .map_err(|error| format!("id does not start: {error}"))?;
    Ok(output.stdout.trim_ascii() == b"0")
}

fn account_named(name: &str, accounts: &str) -> Option<Account> {
    accounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [found, _, user, group, ..] = fields.as_slice() else { return None };
        if *found != name {
            return None;
        }
        Some(Account { user: user.parse().ok()?, group: group.parse().ok()? })
    })
}

fn install() -> Result<()> {
    refuse_main_cluster()?;
    apt_get(&["update"], &[])?;
    let mut complaint = String::new();
    for package in PACKAGES {
        match apt_get(&["install", "-y", "--no-install-recommends", package], &[]) {
            Ok(()) => return Ok(()),
            Err(error) => complaint = error,
        }
    }
    Err(format!("{complaint}\n{ADVICE}"))
}

/// Debian's package makes and starts a cluster named `main` unless this file, read before it does,
/// says no. A file that is already there is the machine owner's word and stays.
fn refuse_main_cluster() -> Result<()> {
    let path = Path::new("/etc/postgresql-common/createcluster.conf");
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all("/etc/postgresql-common").map_err(failed)?;
    fs::write(path, "create_main_cluster = false\n").map_err(failed)
}

/// Installs packages of Debian's where that may be done; elsewhere it does nothing.
pub fn install_where_allowed(packages: &[&str]) -> Result<()> {
    if !is_root()? || !in_path("apt-get") {
        return Ok(());
    }
    apt_get(&["update"], &[])?;
    apt_get(&[&["install", "-y", "--no-install-recommends"], packages].concat(), &[])
}

/// With further variables in its environment.
pub fn apt_get(arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let output = Command::new("apt-get")
        .args(["-q", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Options::=--force-confold"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .envs(environment.iter().copied())
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("apt-get does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("apt-get {}: {}", arguments.join(" "), complaint.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_by_its_whole_name() {
        let accounts =
            "root:x:0:0::/:/bin/sh\npostgres2:x:7:7::/:\npostgres:x:101:104:,:/:/bin/sh\n";
        assert_eq!(account_named("postgres", accounts), Some(Account { user: 101, group: 104 }));
        assert_eq!(account_named("nobody", accounts), None);
        assert_eq!(account_named("postgres", "postgres:x:many:104:"), None);
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        let guard = crate::guard::Guard::new("programs-test").unwrap();
        for version in ["9", "15", "tools"] {
            fs::create_dir(guard.folder().join(version)).unwrap();
        }
        let folders = debian_folders(guard.folder());
        let expected: Vec<_> =
            ["15/bin", "9/bin"].iter().map(|end| guard.folder().join(end)).collect();
        assert_eq!(folders, expected);
    }
}
