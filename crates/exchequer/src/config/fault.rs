//! What is wrong with a configuration, as a list a person can work through.
//!
//! Each fault says which setting, where its value came from, what is wrong and what is allowed. The
//! value of a setting that may hold a secret is never part of it, and the rendered list passes the
//! log's scanner besides, for the address with a password that was put into the wrong variable.

use std::fmt;
use std::path::PathBuf;
use vault::redaction::redact;

/// Where a value came from, weakest first: a later one wins over an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody gave a value; the default of the table stands.
    Default,
    /// The configuration file; lines count from 1.
    File { path: PathBuf, line: usize },
    /// The `.env` file.
    Dotenv { path: PathBuf },
    /// The process environment.
    Environment,
    /// The command line, which only a demo bank has.
    Argument,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting as its origin spells it, or what else is at fault (a file that cannot be read).
    pub setting: String,
    pub origin: Origin,
    pub wrong: String,
    /// What would be right; a sentence without its full stop.
    pub allowed: String,
}

/// Everything that is wrong, as it was found: files, names, values, and last what the file
/// system says. Never empty when it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault, once: a setting that two rules look at is read twice.
    pub fn push(
        &mut self,
        setting: impl Into<String>,
        origin: Origin,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        let fault =
            Fault { setting: setting.into(), origin, wrong: wrong.into(), allowed: allowed.into() };
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = if self.len() == 1 { "fault" } else { "faults" };
        write!(out, "{} {faults} in the configuration; nothing was started:", self.len())?;
        for (index, fault) in self.0.iter().enumerate() {
            let text = fault.to_string();
            write!(out, "\n{:>3}. {}", index + 1, redact(&text))?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({}): {}.", self.setting, self.origin, self.wrong)?;
        write!(out, "\n     Allowed: {}.", self.allowed)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(out, "not given"),
            Self::File { path, line } => write!(out, "{}, line {line}", path.display()),
            Self::Dotenv { path } => write!(out, "{}", path.display()),
            Self::Environment => write!(out, "environment"),
            Self::Argument => write!(out, "command line"),
        }
    }
}
