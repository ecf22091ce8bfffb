//! The workers: each takes closures from the queue and runs them on a connection of its own.
//!
//! BEGIN, closure, COMMIT; a closure that lost a race runs again, at most [`ATTEMPTS`] times.

use std::time::Duration;

use super::{CAUTIOUS, Memory, PgOptions, PgSession};
use crate::fault::Faults;
use crate::job::{Job, Wish};
use crate::queue::{Pop, Queue};
use crate::tx::Backend;
use crate::{DbError, Tx};

/// Attempts at one closure before the caller is told that the row is busy.
const ATTEMPTS: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Read,
}

impl Mode {
    fn begin(self) -> &'static str {
        match self {
            // Every check-then-write names the rows it locks; see `Tx::query_locked`.
            Self::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// Of a writer that was cut off the server takes the transaction back, and what it had locked, after a minute; without this
/// it would wait for as long as it keeps a silent connection.
const LET_GO: &str = "SET idle_in_transaction_session_timeout = 60000";

/// A worker's connection.
pub(crate) fn open(options: &PgOptions, mode: Mode) -> Result<PgSession, DbError> {
    let mut session = PgSession::connect(options)?;
    if mode == Mode::Write {
        session.batch(LET_GO)?;
    }
    Ok(session)
}

/// A worker's loop; ends when the queue is closed and empty.
pub(crate) fn work_loop(
    options: &PgOptions,
    mode: Mode,
    first: PgSession,
    queue: &Queue<Box<dyn Job>>,
    faults: &Faults,
) {
    let mut session = Some(first);
    loop {
        let job = match queue.pop(Duration::from_mins(1)) {
            Pop::Job(job) => job,
            Pop::TimedOut => continue,
            Pop::Closed => return,
        };
        match begin(options, mode, &mut session) {
            Ok(session) => run(session, mode, faults, job),
            Err(error) => {
                tracing::warn!(%error, "no connection to the database");
                job.answer(Err(error));
            }
        }
    }
}

/// Begins a transaction, on a fresh connection where the old one turns out to be dead: nothing was
/// done yet, so nothing is done twice.
fn begin<'s>(
    options: &PgOptions,
    mode: Mode,
    slot: &'s mut Option<PgSession>,
) -> Result<&'s mut PgSession, DbError> {
    if let Some(mut session) = slot.take().filter(|session| !session.is_closed()) {
        match session.batch(mode.begin()) {
            Ok(()) => return Ok(slot.insert(session)),
            Err(error) if session.is_closed() => {
                tracing::debug!(%error, "a database connection was dead");
            }
            Err(error) => {
                *slot = Some(session);
                return Err(error);
            }
        }
    }
    let mut session = open(options, mode)?;
    // The server may be another one, which has lost what was newest.
    options.remembered.forget();
    session.batch(mode.begin())?;
    Ok(slot.insert(session))
}

/// Runs a job in the transaction that has begun, and again in others while the server asks for it.
fn run(session: &mut PgSession, mode: Mode, faults: &Faults, mut job: Box<dyn Job>) {
    for attempt in 1..=ATTEMPTS {
        let begun = if attempt == 1 { Ok(()) } else { session.batch(mode.begin()) };
        let result = begun.and_then(|()| attempt_once(session, faults, &mut *job));
        if !session.again || attempt == ATTEMPTS {
            return job.answer(result);
        }
        if session.doubting == 0 && session.memory != Memory::Wrong {
            session.cautious = CAUTIOUS;
        }
        tracing::debug!(verb = job.verb(), attempt, "a transaction runs again");
        std::thread::sleep(Duration::from_millis(1 << attempt.min(5)));
    }
}

fn attempt_once(
    session: &mut PgSession,
    faults: &Faults,
    job: &mut dyn Job,
) -> Result<(), DbError> {
    session.begun();
    let wish = job.run(&mut Tx::new(Backend::Postgres(session), job.verb(), faults));
    if wish == Wish::Commit {
        return session.commit();
    }
    if let Err(error) = session.end_copy() {
        tracing::debug!(%error, "rows were not taken, after all");
    }
    match session.batch("ROLLBACK") {
        Ok(()) if session.again => {
            Err(DbError::Busy("a serialization failure or deadlock".to_owned()))
        }
        Ok(()) => Ok(()),
        Err(error) if session.again => Err(error),
        Err(error) => {
            // The server drops the transaction with the connection.
            tracing::debug!(%error, "a rollback was not answered");
            Ok(())
        }
    }
}
