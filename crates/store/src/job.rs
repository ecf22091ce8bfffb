//! A transaction waiting to be run: a closure with its types erased, and the way back to its caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::error::panic_text;
use crate::{DbError, Tx};

/// What the closure asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Commit,
    RollBack,
}

pub(crate) trait Job: Send {
    fn verb(&self) -> &'static str;
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
}

impl<F, T, E> Closure<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    pub fn boxed(verb: &'static str, call: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T, E>>) {
        let (reply, receiver) = oneshot::channel();
        (Box::new(Self { verb, call, outcome: None, reply }), receiver)
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

    fn run(&mut self, tx: &mut Tx<'_>) -> Wish {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.call)(tx)))
            .unwrap_or_else(|payload| Err(DbError::Panicked(panic_text(&*payload)).into()));
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
