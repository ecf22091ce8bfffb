//! The write-ahead log: how long it gets, and who moves it into the database file.
//!
//! A commit that moves 64 MiB keeps everybody waiting for some 30 ms. So a thread with a connection of its own
//! moves what was committed, every [`STEP_PAGES`], beside the writer: a passive checkpoint waits for nobody and
//! nobody waits for it. The log begins anew when all of it was moved and nobody reads from it; while commits
//! follow one another that does not come about, so at [`MOST_PAGES`] the writer moves the little that is left
//! itself, and again at each commit until it worked. Bound: [`MOST_PAGES`] and what is committed while the thread
//! is at it, as long as no reader keeps a snapshot. A failed move is said in the log and loses nothing.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use rusqlite::ErrorCode;

use super::{Access, DatabaseFile, SqliteSession, from_sqlite};
use crate::DbError;

/// 2,000 pages are 8 MiB, moved in a few milliseconds.
const STEP_PAGES: i32 = 2_000;
/// The length at which the writer moves it without a pause: 64 MiB.
const MOST_PAGES: i32 = 16_000;
/// The mover reads the log, not its cache.
const CACHE_MIB: u32 = 1;

/// Moves the log whenever it is told to, until the writer's connection is closed.
pub(crate) struct Mover {
    session: SqliteSession,
    told: Receiver<()>,
}

impl Mover {
    /// The mover for the log of this writer, which tells it from now on.
    pub fn of<'a>(
        writer: &mut SqliteSession,
        file: impl Into<DatabaseFile<'a>>,
    ) -> Result<Self, DbError> {
        let session = SqliteSession::open(file, CACHE_MIB, Access::ReadWrite)?;
        let (tell, told) = sync_channel(1);
        let mut log = Log { tell, moved_at: 0 };
        let hook = move |wal: &mut rusqlite::hooks::Wal, pages: i32| {
            if log.is_too_long(pages) {
                said(wal.checkpoint());
            }
            Ok(())
        };
        writer.connection.wal_hook(Some(hook)).map_err(from_sqlite)?;
        Ok(Self { session, told })
    }

    pub fn run(self) {
        while self.told.recv().is_ok() {
            checkpoint(&self.session);
        }
    }
}

/// The log as its writer sees it.
struct Log {
    tell: SyncSender<()>,
    /// Its length when the mover was last told.
    moved_at: i32,
}

impl Log {
    /// Tells the mover, where it is time; true where the writer has to move the log itself.
    fn is_too_long(&mut self, pages: i32) -> bool {
        if pages < self.moved_at {
            // It began anew.
            self.moved_at = 0;
        }
        if pages >= MOST_PAGES {
            return true;
        }
        if pages.saturating_sub(self.moved_at) >= STEP_PAGES {
            match self.tell.try_send(()) {
                Ok(()) => self.moved_at = pages,
                // It is at it, and will be told at the next commit.
                Err(TrySendError::Full(())) => {}
                Err(TrySendError::Disconnected(())) => return true,
            }
        }
        false
    }
}

/// Moves what an earlier process left in the log, and syncs it. One that was killed between the last write of a commit
/// and its sync leaves what everybody sees and a power cut can still take, so nobody may be told of it before this.
pub(crate) fn settle(session: &SqliteSession) -> Result<(), DbError> {
    match session.connection.pragma_query(None, "wal_checkpoint", |_| Ok(())) {
        // The log is synced before anything of it is moved (SQLite, `walCheckpoint`), and reads need no room.
        Err(rusqlite::Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::DiskFull => {
            tracing::warn!("the disk is full: the log stays where it is");
            Ok(())
        }
        moved => moved.map_err(from_sqlite),
    }
}

/// Moves the log into the database file. Waits for nobody; a reader's snapshot only makes it partial.
pub(super) fn checkpoint(session: &SqliteSession) {
    said(session.connection.pragma_query(None, "wal_checkpoint", |_| Ok(())));
}

fn said(moved: rusqlite::Result<()>) {
    match moved {
        Ok(()) => {}
        // Somebody else is moving it.
        Err(rusqlite::Error::SqliteFailure(failure, _))
            if failure.code == ErrorCode::DatabaseBusy => {}
        Err(error) => {
            tracing::warn!(%error, "a checkpoint failed; the log keeps growing until one succeeds");
        }
    }
}

#[cfg(test)]
mod tests;
