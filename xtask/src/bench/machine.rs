//! What the figures were measured on, and what is installed there.
#![expect(clippy::float_arithmetic, reason = "a time in milliseconds, no money")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use super::Wish;
use crate::Result;
use crate::process::now;
use crate::workspace::Workspace;

/// Syncs of one look at the disk, some tenths of a second.
const SYNCS: u32 = 100;

/// Milliseconds of one `fdatasync` after 4 KiB were appended: what a lone caller's commit waits for.
pub fn sync_ms(folder: &Path) -> Result<f64> {
    let path = folder.join("sync");
    let failed = |error| format!("{}: {error}", path.display());
    let mut file = File::create(&path).map_err(failed)?;
    let start = now();
    for _ in 0..SYNCS {
        file.write_all(&[1; 4096]).and_then(|()| file.sync_data()).map_err(failed)?;
    }
    let each = start.elapsed().as_secs_f64() * 1e3 / f64::from(SYNCS);
    fs::remove_file(&path).map_err(failed)?;
    Ok(each)
}

/// The line above the table: processor, cores, the load that others make, date, commit, runs. To be
/// asked before the build, since a checkout may move on.
pub fn head(workspace: &Workspace, wish: &Wish) -> Result<String> {
    let cores = thread::available_parallelism().map_err(|error| format!("cores: {error}"))?;
    let date = said_by(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let mut git = Command::new("git");
    let commit =
        said_by(git.current_dir(&workspace.root).args(["describe", "--always", "--dirty"]))
            .unwrap_or_else(|_| "no commit".to_owned());
    let runs = match wish.runs {
        1 => "one run".to_owned(),
        runs => format!("medians of {runs} interleaved runs"),
    };
    let quick = if wish.quick { ", quick: sizes too small to mean much" } else { "" };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let cpu = processor();
    Ok(format!("{cpu}, {cores} cores (load before: {load}), {date}, {commit}; {runs}{quick}"))
}

/// Whether a program is in the search path.
pub fn has(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder: PathBuf| folder.join(program).is_file())
}

/// Whether we are root on a machine with apt-get.
pub fn may_install() -> Result<bool> {
    Ok(has("apt-get") && said_by(Command::new("id").arg("-u"))? == "0")
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| env::consts::ARCH.to_owned(), |(_, model)| model.trim().to_owned())
}

fn said_by(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Guard;

    #[test]
    fn the_machine_is_described() {
        let guard = Guard::new("machine-test").unwrap();
        assert!(sync_ms(guard.folder()).unwrap() > 0.0);
        assert!(!guard.folder().join("sync").exists());
        let wish = Wish::parse(&["--quick", "--runs", "3"]).unwrap();
        let head = head(&Workspace::load().unwrap(), &wish).unwrap();
        assert!(head.contains(" cores (load before: "), "{head}");
        assert!(head.contains("; medians of 3 interleaved runs, quick"), "{head}");
    }
}
