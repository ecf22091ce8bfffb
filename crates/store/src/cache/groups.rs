//! The limiter on Redis: decisions that wait at the same moment go there as one call.
//!
//! Order: who asks waits in a queue; at most [`CALLS`] tasks take what is there, run the script of
//! [`super::limiter`] once for all of it, and hand out its answers. While calls are under way the next
//! gather, so that who comes alone goes at once and a crowd shares what a call costs. Each decision is
//! judged in turn, as if it came by itself. Cost: one round trip, and at most the rest of another. Bound:
//! [`MOST`] decisions a call, so that Redis is held for some hundred microseconds; as many that wait as
//! there are callers. On a cluster each decision is a call of its own, since keys of one call must lie in
//! one slot. It never repeats a call that may have had an effect.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{Cmd, Script, cmd};
use tokio::sync::oneshot;

use super::Gone;
use super::limiter::{Ask, Decision, RULE, Refused};
use super::link::{Answered, Link};
use super::redis::read;

/// Decisions of one call, at most.
pub(super) const MOST: usize = 64;
/// Calls under way at once: one that Redis works on, one on its way there, one on its way back.
const CALLS: usize = 3;
/// Numbers that the script says of a decision.
const NUMBERS: usize = 4;

pub(super) struct Groups {
    link: Arc<Link>,
    text: String,
    /// Redis knows the text by it.
    hash: String,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Tasks that take from it.
    calls: usize,
}

struct Waiting {
    asks: Vec<Ask>,
    answer: oneshot::Sender<Decision>,
}

/// One of the tasks that take from the queue.
struct Call {
    groups: Arc<Groups>,
    is_over: bool,
}

impl Groups {
    /// `time`: how the script learns what time it is.
    pub fn new(link: Arc<Link>, time: &str) -> Arc<Self> {
        let text = [time, RULE].concat();
        let hash = Script::new(&text).get_hash().to_owned();
        Arc::new(Self { link, text, hash, queue: Mutex::default() })
    }

    /// Inside a tokio runtime. Who is dropped while waiting is not asked for; who is dropped later was
    /// counted.
    pub async fn decide(self: &Arc<Self>, asks: &[Ask]) -> Result<Decision, Gone> {
        if self.link.is_cluster() {
            return self.run(&[asks], None).await?.pop().ok_or(Gone);
        }
        if !self.link.is_there() {
            return Err(Gone);
        }
        let (answer, answered) = oneshot::channel();
        if let Some(call) = self.wait(Waiting { asks: asks.to_vec(), answer }) {
            tokio::spawn(call.serve());
        }
        answered.await.map_err(|_dropped| Gone)
    }

    /// Decides for each of a group, in its order.
    pub async fn run(&self, group: &[&[Ask]], now: Option<i64>) -> Result<Vec<Decision>, Gone> {
        let by_hash = self.command(("EVALSHA", &self.hash), group, now);
        let value = match self.link.ask(&by_hash).await? {
            Answered::Value(value) => value,
            Answered::NoScript => {
                let whole = self.command(("EVAL", &self.text), group, now);
                match self.link.ask(&whole).await? {
                    Answered::Value(value) => value,
                    Answered::NoScript => return Err(Gone),
                }
            }
        };
        let numbers: Vec<i64> = read(value)?;
        let (decisions, rest) = numbers.as_chunks::<NUMBERS>();
        if decisions.len() != group.len() || !rest.is_empty() {
            tracing::warn!("Redis gave another number of decisions than it was asked for");
            return Err(Gone);
        }
        Ok(decisions.iter().map(decision).collect())
    }

    fn command(&self, (verb, script): (&str, &str), group: &[&[Ask]], now: Option<i64>) -> Cmd {
        let mut command = cmd(verb);
        command.arg(script).arg(group.iter().map(|asks| asks.len()).sum::<usize>());
        let mut key = String::with_capacity(80);
        for ask in group.iter().copied().flatten() {
            key.clear();
            key.push_str(self.link.prefix());
            ask.subject.write_redis_key(&mut key);
            command.arg(&key);
        }
        let alike = |a: &&[Ask], b: &&[Ask]| {
            a.len() == b.len() && a.iter().zip(*b).all(|(a, b)| a.limit == b.limit)
        };
        for run in group.chunk_by(alike) {
            let limits = run.first().copied().unwrap_or_default();
            command.arg(run.len()).arg(limits.len());
            for ask in limits {
                command.arg(ask.limit.most).arg(ask.limit.window_micros());
            }
        }
        command.arg(now);
        command
    }

    /// A call, where one more may be under way.
    fn wait(self: &Arc<Self>, waiting: Waiting) -> Option<Call> {
        let mut queue = self.queue();
        queue.waiting.push_back(waiting);
        if queue.calls == CALLS {
            return None;
        }
        queue.calls += 1;
        Some(Call { groups: Arc::clone(self), is_over: false })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Until nobody waits.
    async fn serve(mut self) {
        while let Some(group) = self.next() {
            let asks: Vec<&[Ask]> = group.iter().map(|waiting| &*waiting.asks).collect();
            // Where Redis is gone, who waits is told so by the end of their channel.
            let Ok(decisions) = self.groups.run(&asks, None).await else { continue };
            for (waiting, decision) in group.into_iter().zip(decisions) {
                if waiting.answer.send(decision).is_err() {
                    tracing::trace!("who asked for a decision hung up, and was counted");
                }
            }
            // Those who were just answered may ask again: before they had their turn, the next call would find
            // nobody, and the first of them would begin one alone.
            tokio::task::yield_now().await;
        }
    }

    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.groups.queue();
        let mut group = Vec::with_capacity(queue.waiting.len().min(MOST));
        while group.len() < MOST
            && let Some(waiting) = queue.waiting.pop_front()
        {
            if !waiting.answer.is_closed() {
                group.push(waiting);
            }
        }
        if group.is_empty() {
            queue.calls -= 1;
            self.is_over = true;
            return None;
        }
        Some(group)
    }
}

/// A runtime that stops drops its tasks: whoever still waits is told that Redis is gone.
impl Drop for Call {
    fn drop(&mut self) {
        if !self.is_over {
            let mut queue = self.groups.queue();
            queue.calls -= 1;
            queue.waiting.clear();
        }
    }
}

fn decision(numbers: &[i64; NUMBERS]) -> Decision {
    let [which, wait_micros, remaining, reset_micros] = *numbers;
    let refused = usize::try_from(which).ok().map(|which| Refused { which, wait_micros });
    // `most` is a u32 and nothing exceeds it.
    Decision { refused, remaining: u32::try_from(remaining).unwrap_or_default(), reset_micros }
}

#[cfg(test)]
mod tests;
