//! A bounded queue between the async edge and the database threads.
//!
//! One implementation for the SQLite writer, its readers and the PostgreSQL workers. A push never
//! waits: a full queue is told to the caller at once, so that overload becomes a clear 503 and not
//! a growing delay.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Jobs that may wait. At 10,000 transactions a second it is under a second of work; more would be
/// answered after its caller has given up.
const CAPACITY: usize = 8_192;

pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

pub(crate) enum Pop<T> {
    Job(T),
    TimedOut,
    Closed,
}

pub(crate) enum PushError {
    Full,
    Closed,
}

impl<T> Queue<T> {
    pub fn new() -> Self {
        let state = State { waiting: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), ready: Condvar::new() }
    }

    pub fn push(&self, job: T) -> Result<(), PushError> {
        let mut state = self.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        if state.waiting.len() >= CAPACITY {
            return Err(PushError::Full);
        }
        state.waiting.push_back(job);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    pub fn try_pop(&self) -> Option<T> {
        self.lock().waiting.pop_front()
    }

    /// What is first, unless it is not wanted; then it stays.
    pub fn try_pop_if(&self, is_wanted: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut state = self.lock();
        if state.waiting.front().is_some_and(is_wanted) { state.waiting.pop_front() } else { None }
    }

    /// Waits up to `limit` for a job. After [`Queue::close`] it still gives what was waiting.
    pub fn pop(&self, limit: Duration) -> Pop<T> {
        let state = self.lock();
        let (mut state, _) = self
            .ready
            .wait_timeout_while(state, limit, |s| s.waiting.is_empty() && !s.closed)
            .unwrap_or_else(PoisonError::into_inner);
        match state.waiting.pop_front() {
            Some(job) => Pop::Job(job),
            None if state.closed => Pop::Closed,
            None => Pop::TimedOut,
        }
    }

    /// Refuses new jobs; what waits is still served.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    // A poisoned lock means that a push or pop panicked between two consistent states of a
    // VecDeque, which cannot leave it torn.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
