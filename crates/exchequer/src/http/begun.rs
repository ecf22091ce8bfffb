//! Once, for an act that waits for the network: two transactions under one key, and an answer that is stored
//! with the second.
//!
//! The first claims the key, writes what is to be asked and keeps its id under the key, without an answer. The
//! second, when the network has answered, makes the answer and stores it: the first answer that anybody is
//! given is the one that all are given. Whoever repeats the request in between, or after a crash there, gets
//! the id and looks for themselves. What it never does: wait for the network in a transaction.

use store::rows::OnceKey;
use store::{DbError, Tx};

use super::callers::Context;
use super::codes::Code;
use super::once::{answered, replayed, seal};
use super::problem::Problem;
use super::reply::{Answer, RawReply, Reply};
use crate::bank::Act;
use crate::traces;

/// How an act under a key stands.
pub(crate) enum Begun<T> {
    /// It was begun now.
    Fresh(T),
    /// The same request began it before, and nobody was answered yet: the id of what it made.
    Before([u8; 16]),
    /// The same request was answered before.
    Answered(RawReply),
}

/// What the first transaction found.
enum First<T> {
    Begun(Begun<T>),
    Refused(Problem),
    InFlight(String),
}

/// HTTP has no such status: the key's answer is still to come.
const NO_ANSWER_YET: i64 = 0;

impl Context {
    /// The first transaction. `call` gives what it began and the id of it, or a refusal, which is stored and
    /// kept like any other.
    ///
    /// Errors: the refusal; `idempotency_key_reused`, `idempotency_key_in_flight`,
    /// `idempotency_key_expired`.
    pub(crate) async fn begin<T, F>(
        &self,
        verb: &'static str,
        mut call: F,
    ) -> Result<Begun<T>, Problem>
    where
        F: FnMut(&mut Tx<'_>, &Act) -> Result<Result<(T, [u8; 16]), Problem>, DbError>
            + Send
            + 'static,
        T: Send + 'static,
    {
        let (key, act) = (self.key()?, self.act());
        let first = self.bank().db().write(verb, move |tx| begin_in(tx, &key, &act, &mut call));
        match traces::transaction(verb, first, |_: &DbError| Some("database")).await {
            Ok(First::Begun(begun)) => Ok(begun),
            Ok(First::Refused(problem)) => Err(problem),
            Ok(First::InFlight(cause)) => {
                Err(Problem::new(Code::IdempotencyKeyInFlight).cause(cause))
            }
            Err(error) => Err(DbError::into(error)),
        }
    }

    /// Whether a request with this key was begun before: then nobody outside is asked for it again.
    pub(crate) async fn was_begun(&self) -> Result<bool, Problem> {
        let key = self.key()?;
        let look = move |tx: &mut Tx<'_>| Ok::<_, DbError>(tx.key_answer(&key.scope)?.is_some());
        Ok(self.bank().db().write("keys.look", look).await?)
    }

    /// The second transaction: `call` makes the answer from what is known by now. Where somebody was answered
    /// before, theirs is the answer. `idempotency_key_in_flight` is no answer and is not kept.
    pub(crate) async fn finish<T, F>(&self, verb: &'static str, mut call: F) -> Answer<T>
    where
        F: FnMut(&mut Tx<'_>, &Act) -> Result<Answer<T>, DbError> + Send + 'static,
        T: Send + 'static,
    {
        let (key, act) = (self.key()?, self.act());
        let finish = self.bank().db().write(verb, move |tx| finish_in(tx, &key, &act, &mut call));
        let finished: Result<Result<RawReply, Problem>, DbError> =
            traces::transaction(verb, finish, |_| Some("database")).await;
        finished.map_err(Problem::from)?.map(Reply::raw)
    }
}

/// The closure of the first transaction.
type Begin<'c, T> =
    dyn FnMut(&mut Tx<'_>, &Act) -> Result<Result<(T, [u8; 16]), Problem>, DbError> + 'c;

/// The closure of the second.
type Finish<'c, T> = dyn FnMut(&mut Tx<'_>, &Act) -> Result<Answer<T>, DbError> + 'c;

fn begin_in<T>(
    tx: &mut Tx<'_>,
    key: &OnceKey,
    act: &Act,
    call: &mut Begin<'_, T>,
) -> Result<First<T>, DbError> {
    let claimed = match tx.claim_key(key, act.now) {
        // Nothing was written, so there is nothing that a commit could keep.
        Err(DbError::Busy(cause)) => return Ok(First::InFlight(cause)),
        other => other?,
    };
    if let Some(stored) = claimed {
        if !key.is_request(&stored.request_hash) {
            return Ok(First::Refused(Problem::new(Code::IdempotencyKeyReused)));
        }
        return Ok(match (stored.status, stored.resource) {
            (NO_ANSWER_YET, Some(resource)) => First::Begun(Begun::Before(resource)),
            _ => match answered(&act.tools, &key.scope, &stored)? {
                Some(answer) => First::Begun(Begun::Answered(replayed(answer))),
                None => First::Refused(Problem::new(Code::IdempotencyKeyExpired)),
            },
        });
    }
    match call(tx, act)? {
        Ok((begun, resource)) => {
            tx.settle_key(&key.scope, NO_ANSWER_YET, Some(&resource), None)?;
            Ok(First::Begun(Begun::Fresh(begun)))
        }
        Err(problem) => {
            let sealed = seal(&act.tools, &key.scope, &problem.body(&act.request))?;
            tx.settle_key(&key.scope, problem.code.status().into(), None, Some(&sealed))?;
            Ok(First::Refused(problem))
        }
    }
}

fn finish_in<T>(
    tx: &mut Tx<'_>,
    key: &OnceKey,
    act: &Act,
    call: &mut Finish<'_, T>,
) -> Result<Result<RawReply, Problem>, DbError> {
    let stored = tx
        .key_answer(&key.scope)?
        .ok_or_else(|| DbError::Corrupt("a key that was begun is gone".to_owned()))?;
    if stored.status != NO_ANSWER_YET {
        let answer = answered(&act.tools, &key.scope, &stored)?;
        return Ok(answer.map(replayed).ok_or_else(|| Problem::new(Code::IdempotencyKeyExpired)));
    }
    let (status, body, reply) = match call(tx, act)? {
        Ok(Reply { raw, .. }) => (raw.status, raw.body.to_vec(), Ok(raw)),
        Err(problem) if problem.code == Code::IdempotencyKeyInFlight => return Ok(Err(problem)),
        Err(problem) => (problem.code.status(), problem.body(&act.request), Err(problem)),
    };
    let sealed = seal(&act.tools, &key.scope, &body)?;
    tx.settle_key(&key.scope, status.into(), stored.resource.as_ref(), Some(&sealed))?;
    Ok(reply)
}
