//! The commands: what a person at a terminal reads, and with which code the process ends.
//!
//! `main.rs` has the arguments; each command is a function here. What a command prints goes to
//! standard output; why it failed, in one or a few lines with the next step in them, to standard error.
//! Exit codes: 0 done; 1 not done, or wrong; 2 arguments that are not understood, or `verify` that
//! could not find out.

mod books;
mod health;
mod keys;
mod moving;
mod setup;
mod shares;
mod staff;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use store::DbError;
use store::backup::BackupError;
use tokio::runtime::Runtime;
use vault::redaction::redact;

use crate::bank::Bank;
use crate::config::{Config, Faults, Sources};
use crate::http::Problem;
use crate::keys::database::KeyFileError;
use crate::serve::{self, StartError};
use money::{Clock, Rng};

pub use self::books::{Witnesses, backup, restore, verifier_key, verify, verify_receipt};
pub use self::health::healthcheck;
pub use self::keys::{destroy_key, list_keys, rewrap_keys, rotate_key};
pub use self::moving::{give_up_move, move_bank, move_file};
pub(crate) use self::setup::bring_up;
pub use self::setup::{check_config, controls, init, migrate, openapi, routes};
pub use self::shares::split_key;
pub use self::staff::{create_staff, enable_staff, reset_staff, totp};

/// Which bank a command is about: the configured one, or the demo bank of a folder.
#[derive(Debug, Clone, Default)]
pub struct Place {
    pub config: Option<PathBuf>,
    pub data: Option<PathBuf>,
}

/// Why a command was not carried out.
#[derive(Debug)]
pub enum Failure {
    /// What the person should read.
    Said(String),
    /// It is wrong, and standard output says how.
    Shown,
    /// It could not be found out whether it is wrong.
    Undecided(String),
    /// Nobody reads standard output any more.
    Output(io::Error),
}

impl Place {
    pub fn load(&self) -> Result<Config, Failure> {
        let sources = Sources::of_process(self.config.clone());
        Ok(match &self.data {
            Some(folder) => Config::load_demo(Some(folder.clone()), None, &sources)?,
            None => Config::load(&sources)?,
        })
    }
}

impl Failure {
    /// Says what there is to say, and gives the process's exit code.
    pub fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Said(text) => (text, ExitCode::FAILURE),
            Self::Undecided(text) => (text, ExitCode::from(2)),
            Self::Shown | Self::Output(_) => return ExitCode::FAILURE,
        };
        let line = format!("exchequer: {}\n", redact(&text));
        match io::stderr().write_all(line.as_bytes()) {
            // With standard error closed the code is all there is to tell.
            Ok(()) | Err(_) => code,
        }
    }
}

/// Writes to standard output, at once and whole.
pub fn say(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Output(error) => Self::Output(error),
            other => Self::Said(other.to_string()),
        }
    }
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        Self::Said(faults.to_string())
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::Said(error.to_string())
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        Self::Said(error.to_string())
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Self::Said(error.to_string())
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let cause = problem.cause.or(problem.detail).unwrap_or_default();
        Self::Said(format!("{}: {cause}", problem.code.title()))
    }
}

/// A runtime for one command.
fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Said(format!("no runtime: {error}")))
}

/// Opens a bank for one act of the command line, and closes it afterwards.
fn with_bank<T>(
    config: Config,
    call: impl AsyncFnOnce(&Bank) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = runtime()?;
    let bank = runtime.block_on(serve::open(config, Clock::System, Rng::System))?;
    let result = runtime.block_on(call(&bank));
    drop(runtime);
    bank.db().close();
    result
}

/// Seconds with three decimals, of microseconds.
fn seconds(micros: i64) -> String {
    let millis = micros.max(0) / 1_000;
    format!("{}.{:03} s", millis / 1_000, millis % 1_000)
}

/// Columns as wide as their widest cell, two blanks between them.
fn columns(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (place, cell) in row.iter().enumerate() {
            match widths.get_mut(place) {
                Some(width) => *width = (*width).max(cell.chars().count()),
                None => widths.push(cell.chars().count()),
            }
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
