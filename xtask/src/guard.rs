//! A temporary folder and the processes that live in it, both gone when xtask is gone.
//!
//! Purpose: nothing is left behind after success, failure, Ctrl-C, SIGTERM or SIGKILL. A small shell
//! process in a group of its own reads a pipe whose only other end is ours; when that end closes, for
//! whatever reason, it stops every process noted in `pids/`, unmounts what is mounted below the folder and removes it. Bound: it waits
//! 10 seconds for them, then kills what is left. It never signals a process that was not noted here.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio, id};
use std::{env, io};

use crate::Result;

pub struct Guard {
    folder: PathBuf,
    watcher: Child,
    /// Dropping it is the sign to clean up; the system drops it for us when we are killed.
    alive: Option<ChildStdin>,
}

/// `$1` is the folder. Each note is one line, `SIGNAL PID`; a negative id is a whole group. First all
/// are told, then all are waited for, then whatever is left is killed.
const WATCH: &str = r#"
trap '' HUP INT QUIT TERM
while read -r _; do :; done
gone() {
    kill -s 0 -- "$1" || return 0
    # In a container whose first process reaps nobody, the dead stay listed as zombies.
    case $(cat "/proc/${1#-}/stat") in *') Z '*) return 0 ;; esac
    return 1
}
noted=
for note in "$1"/pids/*; do
    [ -f "$note" ] && read -r signal process <"$note" || continue
    kill -s "$signal" -- "$process" && noted="$noted $process"
done
tries=100
for process in $noted; do
    while [ "$tries" -gt 0 ] && ! gone "$process"; do
        tries=$((tries - 1))
        sleep 0.1
    done
    kill -s KILL -- "$process"
done
while read -r _ place _; do
    case $place in "$1"/*)
        fsfreeze -u "$place" # a frozen disk would wait for ever
        umount "$place" || umount -l "$place" ;;
    esac
done </proc/mounts
rm -rf -- "$1"
"#;

/// Names are tried one after another; more than this many left-over folders means another fault.
const FOLDER_TRIES: u32 = 1_000;

impl Guard {
    /// Makes `TMPDIR/exchequer-PURPOSE-PID-N`, readable by all (a service account must pass through
    /// it), writable by us.
    pub fn new(purpose: &str) -> Result<Self> {
        let folder = fresh_folder(purpose)?;
        let pids = folder.join("pids");
        DirBuilder::new()
            .mode(0o700)
            .create(&pids)
            .map_err(|error| format!("{}: {error}", pids.display()))?;
        let mut watcher = Command::new("sh")
            .args(["-c", WATCH, "exchequer-xtask-guard"])
            .arg(&folder)
            .current_dir("/")
            .process_group(0) // so that Ctrl-C at the terminal does not reach it
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("sh does not start: {error}"))?;
        let alive = watcher.stdin.take();
        Ok(Self { folder, watcher, alive })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Notes that `process` (negative: its whole group) is to be stopped with `signal`.
    pub fn note(&self, name: &str, signal: &str, process: i64) -> Result<()> {
        let path = self.note_path(name);
        fs::write(&path, format!("{signal} {process}\n"))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// To be called once the process has been waited for: its id may now be somebody else's.
    pub fn forget(&self, name: &str) {
        match fs::remove_file(self.note_path(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => eprintln!("xtask: cannot forget {name}: {error}"),
        }
    }

    fn note_path(&self, name: &str) -> PathBuf {
        self.folder.join("pids").join(name)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Err(error) = self.watcher.wait() {
            eprintln!("xtask: {} may be left over: {error}", self.folder.display());
        }
    }
}

fn fresh_folder(purpose: &str) -> Result<PathBuf> {
    let parent = env::temp_dir();
    for number in 0..FOLDER_TRIES {
        let folder = parent.join(format!("exchequer-{purpose}-{}-{number}", id()));
        let failed = |error: io::Error| format!("{}: {error}", folder.display());
        match fs::create_dir(&folder) {
            Ok(()) => {
                // The caller's umask may be stricter than the service account can bear.
                let mode = Permissions::from_mode(0o755);
                fs::set_permissions(&folder, mode).map_err(failed)?;
                return Ok(folder);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(format!("{} is full of left-over exchequer-{purpose} folders", parent.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn the_folder_and_the_noted_process_end_with_the_guard() {
        let guard = Guard::new("guard-test").unwrap();
        let folder = guard.folder().to_owned();
        fs::write(folder.join("left-over"), "x").unwrap();
        let mut sleeper = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        guard.note("sleeper", "TERM", -i64::from(sleeper.id())).unwrap();
        // The watcher's wait for the process ends only when somebody reaps it, as init would.
        let reaper = std::thread::spawn(move || sleeper.wait().unwrap());
        drop(guard);
        assert_eq!(reaper.join().unwrap().signal(), Some(15));
        assert!(!folder.exists());
    }

    #[test]
    fn what_is_mounted_below_the_folder_is_unmounted_and_not_emptied() {
        let guard = Guard::new("guard-test").unwrap();
        let (disk, seen) = (guard.folder().join("disk"), guard.folder().join("seen"));
        let elsewhere = Guard::new("guard-test").unwrap();
        let kept = elsewhere.folder().join("kept");
        fs::write(&kept, "x").unwrap();
        fs::create_dir(&disk).unwrap();
        fs::create_dir(&seen).unwrap();
        let mount = |words: &[&str], place: &Path| {
            let mut command = Command::new("mount");
            command.args(words).arg(place).stderr(Stdio::null()).status().unwrap().success()
        };
        if !mount(&["-t", "tmpfs", "tmpfs"], &disk) {
            return; // only root may, and not everywhere
        }
        let folder = guard.folder().to_owned();
        assert!(mount(&["--bind", elsewhere.folder().to_str().unwrap()], &seen));
        drop(guard);
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        assert!(!mounts.contains(folder.to_str().unwrap()), "{mounts}");
        assert!(!folder.exists() && kept.exists());
    }

    #[test]
    fn a_forgotten_process_is_left_alone() {
        let guard = Guard::new("guard-test").unwrap();
        let mut sleeper = Command::new("sleep").arg("60").spawn().unwrap();
        guard.note("sleeper", "TERM", i64::from(sleeper.id())).unwrap();
        guard.forget("sleeper");
        drop(guard);
        assert_eq!(sleeper.try_wait().unwrap(), None);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
    }
}
