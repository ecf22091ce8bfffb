//! Where a bank moves to: a server, or another file.
//!
//! What the two have in words of their own. A file gets its schema when it is claimed and is opened beside others: the
//! mark in it keeps everybody out who would serve it.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{MoveError, VERB};
use crate::backup::NEXT_PLACE;
use crate::db::{Location, Options, pg_options};
use crate::fault::Faults;
use crate::postgres::PgSession;
use crate::sets::Runs;
use crate::sqlite::{Access, SqliteSession};
use crate::tx::Backend;
use crate::{DbError, Tx};

pub(super) enum Target {
    Server(PgSession),
    File(SqliteSession),
}

impl Target {
    /// A file is made when it is missing, for its owner only.
    pub fn open(options: &Options) -> Result<Self, MoveError> {
        match &options.location {
            Location::Postgres { url } => {
                Ok(Self::Server(PgSession::connect(&pg_options(options, url)?)?))
            }
            Location::Sqlite { path } => {
                make(path)?;
                let file = options.file(path);
                let session = SqliteSession::open(file, options.cache_mib, Access::ReadWrite)?;
                session.check_durable()?;
                session.runs.replace(Runs::of_rows(options.run_rows));
                Ok(Self::File(session))
            }
        }
    }

    pub fn tx<'c>(&'c mut self, faults: &'c Faults) -> Tx<'c> {
        let backend = match self {
            Self::Server(session) => Backend::Postgres(session),
            Self::File(session) => Backend::Sqlite(session),
        };
        Tx::new(backend, VERB, faults)
    }

    pub fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        match self {
            Self::Server(session) => session.batch(sql),
            Self::File(session) => session.batch(sql),
        }
    }

    /// Begins the transaction that claims it: nobody else does.
    pub const fn begin_claim(&self) -> &'static str {
        match self {
            Self::Server(_) => "BEGIN; LOCK TABLE schema_migrations IN EXCLUSIVE MODE",
            Self::File(_) => "BEGIN IMMEDIATE",
        }
    }

    pub const fn begin_snapshot(&self) -> &'static str {
        match self {
            Self::Server(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::File(_) => "BEGIN DEFERRED",
        }
    }

    /// What is left to do when all rows are there. Without ANALYZE the planner of a server knows nothing of them.
    pub const fn finish(&self) -> &'static [&'static str] {
        match self {
            Self::Server(_) => &[NEXT_PLACE, "ANALYZE"],
            Self::File(_) => &[],
        }
    }
}

fn make(path: &Path) -> Result<(), DbError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(DbError::Unavailable(format!("{}: {error}", path.display()))),
    }
}
