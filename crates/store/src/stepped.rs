//! A bank whose transactions run when somebody says so, on a disk that is memory: what a simulation stands on.
//!
//! Order: [`Disk`] outlives the nodes; [`open`] gives a [`Db`] for one life of a node, and the [`Stepper`] that
//! works off its queues in place of threads. Transactions, groups and commits are those of [`crate::sqlite`]; only who
//! calls them, when, and what a commit comes to is another's choice. A crash is to drop both: what was not
//! committed was never on the disk. Cost: no thread and no file. Bound: that of the queues. Never: a bank that anybody
//! keeps money in, since a disk is gone with its process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use crate::db::Jobs;
use crate::fault::Faults;
use crate::job::Job;
use crate::queue::Queue;
use crate::sets::Runs;
use crate::sqlite::{SqliteSession, commit, from_sqlite, read_one, run_group};
use crate::tx::Backend;
use crate::{Db, DbError, Tx};

/// What survives a crash.
pub struct Disk {
    /// A database in memory lives as long as a connection to it.
    held: Connection,
    name: String,
}

/// Works off the transactions of one [`Db`], one call at a time, on the caller's thread.
pub struct Stepper {
    writer: SqliteSession,
    reader: SqliteSession,
    from: Queues,
    writes: Vec<Box<dyn Job>>,
    reads: Vec<Box<dyn Job>>,
}

struct Queues {
    writes: Jobs,
    reads: Jobs,
    faults: Faults,
}

/// What becomes of a group's commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Commits,
    /// As of a full disk: all of the group is rolled back, and told so.
    Fails,
    /// As of a connection that is lost at COMMIT: it is on the disk, and everybody is told of an error.
    CommitsUntold,
}

/// Opens a node's database on a disk.
pub fn open(disk: &Disk, run_rows: u32) -> Result<(Db, Stepper), DbError> {
    let (writer, reader) = (disk.session()?, disk.session()?);
    writer.runs.replace(Runs::of_rows(run_rows));
    let (writes, reads): (Jobs, Jobs) = (Arc::new(Queue::new()), Arc::new(Queue::new()));
    let faults = Faults::of_process();
    let db = Db::over(Arc::clone(&writes), Arc::clone(&reads), faults.clone());
    let from = Queues { writes, reads, faults };
    Ok((db, Stepper { writer, reader, from, writes: Vec::new(), reads: Vec::new() }))
}

impl Disk {
    /// With what a file has.
    pub fn of_file(path: &Path) -> Result<Self, DbError> {
        let disk = Self::empty()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let file = Connection::open_with_flags(path, flags).map_err(from_sqlite)?;
        // A copy page by page would take over the mark of a write-ahead log, which memory has not.
        file.execute("VACUUM INTO ?1", [&disk.name]).map_err(from_sqlite)?;
        Ok(disk)
    }

    /// Another disk with the same content.
    pub fn copy(&self) -> Result<Self, DbError> {
        let mut disk = Self::empty()?;
        let copying = Backup::new(&self.held, &mut disk.held).map_err(from_sqlite)?;
        copying
            .run_to_completion(i32::MAX, std::time::Duration::ZERO, None)
            .map_err(from_sqlite)?;
        drop(copying);
        Ok(disk)
    }

    fn empty() -> Result<Self, DbError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("file:/exchequer-{}?vfs=memdb", MADE.fetch_add(1, Ordering::Relaxed));
        Ok(Self { held: connect(&name)?, name })
    }

    fn session(&self) -> Result<SqliteSession, DbError> {
        SqliteSession::over(connect(&self.name)?)
    }
}

impl Stepper {
    /// Transactions that wait to write.
    pub fn writes(&mut self) -> usize {
        take(&self.from.writes, &mut self.writes);
        self.writes.len()
    }

    /// Transactions that wait to read.
    pub fn reads(&mut self) -> usize {
        take(&self.from.reads, &mut self.reads);
        self.reads.len()
    }

    /// Runs a waiting reader, from 0; false where there is none.
    pub fn read(&mut self, place: usize) -> bool {
        if place >= self.reads() {
            return false;
        }
        let mut job = self.reads.remove(place);
        let result = read_one(&self.reader, &self.from.faults, &mut *job);
        job.answer(result);
        true
    }

    /// Runs a group of waiting writers, each drawn by `draw` from as many as wait, under one commit; gives
    /// their verbs.
    pub fn write(
        &mut self,
        count: usize,
        fate: Fate,
        mut draw: impl FnMut(usize) -> usize,
    ) -> Vec<&'static str> {
        let mut group = Vec::new();
        while group.len() < count && self.writes() > 0 {
            let place = draw(self.writes.len()).min(self.writes.len().saturating_sub(1));
            group.push(self.writes.remove(place));
        }
        let verbs = group.iter().map(|job| job.verb()).collect();
        let end = match fate {
            Fate::Commits => commit,
            Fate::Fails => full,
            Fate::CommitsUntold => untold,
        };
        let queue = Queue::new();
        let mut jobs = group.into_iter();
        let Some(first) = jobs.next() else { return verbs };
        for job in jobs {
            // A group is shorter than a queue.
            if queue.push(job).is_err() {
                tracing::error!("a group of a simulation is too long");
            }
        }
        // The group ends early where its first closure rolls back; what is left is the next group.
        let (session, faults) = (&self.writer, &self.from.faults);
        run_group(session, &queue, faults, (first, end));
        while let Some(next) = queue.try_pop() {
            run_group(session, &queue, faults, (next, end));
        }
        verbs
    }

    /// The verb of a waiting writer, from 0.
    pub fn verb(&mut self, place: usize) -> Option<&'static str> {
        take(&self.from.writes, &mut self.writes);
        self.writes.get(place).map(|job| job.verb())
    }

    /// Looks at what is committed, past all queues.
    pub fn look<T>(
        &self,
        call: impl FnOnce(&mut Tx<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let faults = Faults::default();
        call(&mut Tx::new(Backend::Sqlite(&self.reader), "look", &faults))
    }
}

fn take(from: &Queue<Box<dyn Job>>, into: &mut Vec<Box<dyn Job>>) {
    while let Some(job) = from.try_pop() {
        into.push(job);
    }
}

fn connect(name: &str) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(name, flags).map_err(from_sqlite)
}

fn full(_: &SqliteSession) -> Result<(), DbError> {
    Err(DbError::Unavailable("the disk is full".to_owned()))
}

fn untold(session: &SqliteSession) -> Result<(), DbError> {
    commit(session)?;
    Err(DbError::Unavailable("the connection was lost at the commit".to_owned()))
}

#[cfg(test)]
mod tests;
