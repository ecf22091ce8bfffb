//! What the figures were measured on, and what is installed there.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs, thread};

use super::Wish;
use crate::Result;
use crate::workspace::Workspace;

/// The line above the table: processor, cores, date, commit, runs.
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
    Ok(format!("{}, {cores} cores, {date}, {commit}; {runs}{quick}\n", processor()))
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
