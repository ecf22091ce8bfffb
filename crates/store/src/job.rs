//! A transaction waiting to be run: a closure with its types erased, and the way back to its caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

use crate::error::panic_text;
use crate::{DbError, Tx};

/// Seconds that a write has from its submission to the end of its closure; then it is rolled back. Whoever looks
/// for rows in the order of their ids knows by it when none can appear below any more.
pub const MAX_TRANSACTION_SECONDS: i64 = 60;
const MAX_TRANSACTION: Duration = Duration::from_mins(1);

/// What the closure asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Commit,
    RollBack,
}

pub(crate) trait Job: Send {
    fn verb(&self) -> &'static str;
    /// Whether it is one that [`crate::Db::write_batch`] was given.
    fn is_batch(&self) -> bool;
    /// Runs the closure once; may be called again after a rollback.
    fn run(&mut self, tx: &mut Tx<'_>) -> Wish;
    /// Sends the answer: the closure's own where the database agreed, else the database's error.
    fn answer(self: Box<Self>, database: Result<(), DbError>);
}

pub(crate) struct Closure<F, T, E> {
    verb: &'static str,
    call: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    /// None for reads.
    until: Option<Instant>,
    is_batch: bool,
}

/// A job, and where its answer comes.
pub(crate) type Waiting<T, E> = (Box<dyn Job>, oneshot::Receiver<Result<T, E>>);

impl<F, T, E> Closure<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    pub fn boxed(verb: &'static str, call: F) -> Waiting<T, E> {
        Self::waiting((verb, call), None, false)
    }

    /// One that commits in time or not at all.
    pub fn bounded(verb: &'static str, call: F) -> Waiting<T, E> {
        Self::waiting((verb, call), Instant::now().checked_add(MAX_TRANSACTION), false)
    }

    /// The same for a batch.
    pub fn batch(verb: &'static str, call: F) -> Waiting<T, E> {
        Self::waiting((verb, call), Instant::now().checked_add(MAX_TRANSACTION), true)
    }

    fn waiting(
        (verb, call): (&'static str, F),
        until: Option<Instant>,
        is_batch: bool,
    ) -> Waiting<T, E> {
        let (reply, receiver) = oneshot::channel();
        (Box::new(Self { verb, call, outcome: None, reply, until, is_batch }), receiver)
    }
}

impl<F, T, E> Job for Closure<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn verb(&self) -> &'static str {
        self.verb
    }

    fn is_batch(&self) -> bool {
        self.is_batch
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Wish {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.call)(tx)))
            .unwrap_or_else(|payload| Err(DbError::Panicked(panic_text(&*payload)).into()));
        let outcome = outcome.and_then(|done| match self.until {
            Some(until) if Instant::now() > until => Err(too_late(self.verb).into()),
            _ => Ok(done),
        });
        let wish = if outcome.is_ok() { Wish::Commit } else { Wish::RollBack };
        self.outcome = Some(outcome);
        wish
    }

    fn answer(self: Box<Self>, database: Result<(), DbError>) {
        let answer = match (self.outcome, database) {
            (Some(outcome), Ok(())) => outcome,
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => {
                Err(DbError::Corrupt("a job was answered before it ran".into()).into())
            }
        };
        if self.reply.send(answer).is_err() {
            // The client hung up. The act stands; a retry with the same key finds its answer.
            tracing::debug!(verb = self.verb, "nobody waits for the answer");
        }
    }
}

fn too_late(verb: &str) -> DbError {
    DbError::Unavailable(format!(
        "{verb} took over {MAX_TRANSACTION_SECONDS} s and was rolled back"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Faults;
    use crate::sqlite::{Access, SqliteSession};
    use crate::tx::Backend;

    #[test]
    fn a_write_that_took_too_long_is_rolled_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bank.db");
        let session = SqliteSession::open(&path, 1, Access::ReadWrite).expect("opens");
        let faults = Faults::default();
        let long_ago = Instant::now().checked_sub(Duration::from_secs(1));
        for (until, expected) in [
            (None, Wish::Commit),
            (Instant::now().checked_add(MAX_TRANSACTION), Wish::Commit),
            (long_ago, Wish::RollBack),
        ] {
            let (reply, mut receiver) = oneshot::channel();
            let call = |_: &mut Tx<'_>| Ok::<_, DbError>(7);
            let mut job =
                Closure { verb: "test", call, outcome: None, reply, until, is_batch: false };
            let wish = job.run(&mut Tx::new(Backend::Sqlite(&session), "test", &faults));
            assert_eq!(wish, expected);
            Box::new(job).answer(Ok(()));
            let answer = receiver.try_recv().expect("an answer");
            assert_eq!(answer.is_ok(), expected == Wish::Commit, "{answer:?}");
        }
    }
}
