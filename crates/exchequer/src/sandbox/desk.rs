//! Where requests become decisions: the book, its journal and the knobs, behind one lock.
//!
//! Order of an operation: chaos on its way; is its id known; decide; journal; enter; tell; chaos on its way
//! back. The middle is one critical section without a wait, so that 64 requests under one id are one charge.
//! A slow operation goes on when its caller has gone away, as at any real gateway. Bound:
//! [`MAX_LATE`] operations under way at once, [`MAX_COUNTED`] ids whose tries are counted.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use money::{Clock, PaymentId};
use tokio::sync::{Notify, Semaphore};

use super::book::{Book, Charge, MAX_OPERATIONS, Order, Record, Total, Verdict};
use super::cards::Fate;
use super::chaos::{Arrival, Chaos, ChaosError, Delivery};
use super::journal::{Journal, JournalError};
use super::notices::Notices;
use super::report;
use super::wire::{Answer, Status};
use crate::gateways::Day;

pub struct Desk {
    state: Mutex<State>,
    decided: Notify,
    late: Arc<Semaphore>,
    fingerprints: hmac::Key,
    clock: Clock,
    notices: Option<Notices>,
}

/// What goes back over the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Answer(Box<Answer>, Delivery),
    /// Nothing: the connection is cut.
    Nothing,
    /// 500, and what was asked did not happen.
    Error,
    /// 503, and what was asked did not happen.
    Busy,
}

struct State {
    book: Book,
    journal: Option<Journal>,
    running: HashMap<Arc<str>, [u8; 32]>,
    chaos: Arc<Chaos>,
    attempts: HashMap<Arc<str>, u32>,
}

/// What the book has under an id.
enum Known {
    Not,
    Running,
    Conflict,
    Record(Record),
}

/// What an order that arrived finds.
enum Begun {
    Known(Record),
    Decided(Record),
    /// Ours to finish.
    Mine,
    Running,
    Conflict,
    Failed(Reply),
}

/// Requests that are on the way or being decided.
const MAX_LATE: usize = 10_000;
/// Ids whose tries are counted, while a knob is turned; then the count begins anew.
const MAX_COUNTED: usize = 1_000_000;
/// So that nothing else that is made with the secret can be a fingerprint.
const FINGERPRINT_LABEL: &[u8] = b"exchequer sandbox fingerprint\n";

impl Desk {
    /// Reads the journal where there is one.
    pub fn open(
        secret: &[u8],
        journal: Option<&Path>,
        clock: Clock,
        notices: Option<Notices>,
    ) -> Result<Self, JournalError> {
        let mut book = Book::default();
        let enter = |record: Record| {
            let day = Day::of(record.at);
            book.make_room(day, MAX_OPERATIONS);
            book.apply(record);
        };
        let journal = journal.map(|path| Journal::open(path, enter)).transpose()?;
        let state = State {
            book,
            journal,
            running: HashMap::new(),
            chaos: Arc::default(),
            attempts: HashMap::new(),
        };
        Ok(Self {
            state: Mutex::new(state),
            decided: Notify::new(),
            late: Arc::new(Semaphore::new(MAX_LATE)),
            fingerprints: hmac::Key::new(hmac::HMAC_SHA256, secret),
            clock,
            notices,
        })
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Tells requests apart without keeping them: a card number cannot be found from it without the secret.
    pub fn fingerprint(&self, body: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.fingerprints);
        context.update(FINGERPRINT_LABEL);
        context.update(body);
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    pub async fn submit(self: &Arc<Self>, order: Order, fate: Fate) -> Reply {
        let (chaos, attempt) = self.arriving(&order.operation);
        if chaos.is_down {
            return Reply::Busy;
        }
        match chaos.arrival(&order.operation, attempt) {
            Arrival::Whole => {}
            Arrival::Dropped => return Reply::Nothing,
            Arrival::Error => return Reply::Error,
        }
        if fate == Fate::ErrorBefore {
            return Reply::Error;
        }
        if chaos.slow_ms == 0 && chaos.decide_ms == 0 {
            return self.arrived(order, (fate, attempt), &chaos).await;
        }
        let Ok(permit) = Arc::clone(&self.late).try_acquire_owned() else { return Reply::Busy };
        let desk = Arc::clone(self);
        let under_way = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(u64::from(chaos.slow_ms))).await;
            let reply = desk.arrived(order, (fate, attempt), &chaos).await;
            drop(permit);
            reply
        });
        // It ends without a reply only where the process does.
        under_way.await.unwrap_or(Reply::Nothing)
    }

    /// Where an operation stands.
    pub fn ask(&self, operation: &Arc<str>) -> Reply {
        let (chaos, delivery) = match self.question(operation) {
            Ok(asked) => asked,
            Err(reply) => return reply,
        };
        let answer = match self.state().known(operation, None) {
            Known::Record(record) => record.answer(),
            Known::Running | Known::Conflict => Answer::bare(operation, Status::Running),
            Known::Not => Answer::bare(operation, Status::NeverSeen),
        };
        Reply::Answer(Box::new(chaos.told(answer)), delivery)
    }

    /// Closes an operation that never arrived; any other stays as it is.
    pub fn close(&self, operation: &Arc<str>) -> Reply {
        let (chaos, delivery) = match self.question(operation) {
            Ok(asked) => asked,
            Err(reply) => return reply,
        };
        let mut state = self.state();
        let answer = match state.known(operation, None) {
            Known::Record(record) => record.answer(),
            Known::Running | Known::Conflict => Answer::bare(operation, Status::Running),
            Known::Not => match self.tombstone(&mut state, operation) {
                Ok(record) => record.answer(),
                Err(reply) => return reply,
            },
        };
        drop(state);
        Reply::Answer(Box::new(chaos.told(answer)), delivery)
    }

    fn tombstone(&self, state: &mut State, operation: &Arc<str>) -> Result<Record, Reply> {
        let at = self.clock.now();
        if !state.book.make_room(Day::of(at), MAX_OPERATIONS) {
            return Err(Reply::Busy);
        }
        let (operation, verdict) = (Arc::clone(operation), Verdict::Closed);
        let record = Record { operation, fingerprint: [0; 32], at, verdict };
        state.enter(record.clone())?;
        Ok(record)
    }

    pub fn chaos(&self) -> Arc<Chaos> {
        Arc::clone(&self.state().chaos)
    }

    /// Turns all knobs at once. The counts of tries begin anew, so that a seed gives its history.
    pub fn set_chaos(&self, chaos: Chaos) -> Result<(), ChaosError> {
        chaos.check()?;
        let mut state = self.state();
        state.chaos = Arc::new(chaos);
        state.attempts.clear();
        Ok(())
    }

    pub fn is_down(&self) -> bool {
        self.state().chaos.is_down
    }

    pub fn charge(&self, payment: PaymentId) -> Option<Charge> {
        self.state().book.charge(payment)
    }

    pub fn charges(&self, after: Option<PaymentId>, limit: usize) -> Vec<(PaymentId, Charge)> {
        let state = self.state();
        state.book.charges(after).take(limit).map(|(id, charge)| (*id, *charge)).collect()
    }

    pub fn totals(&self) -> std::collections::BTreeMap<&'static str, Total> {
        self.state().book.totals()
    }

    /// The day's movements as CSV. Nothing is decided while it is written: a tenth of a second at most.
    pub fn report(&self, day: Day) -> String {
        report::write(&self.state().book, day)
    }

    async fn arrived(&self, order: Order, (fate, attempt): (Fate, u32), chaos: &Chaos) -> Reply {
        let begun = loop {
            let mut waiting = std::pin::pin!(self.decided.notified());
            // Registered before the look, so that a decision in between is not missed.
            waiting.as_mut().enable();
            match self.begin(&order, chaos) {
                Begun::Running => waiting.await,
                begun => break begun,
            }
        };
        let usual = || chaos.delivery(&order.operation, attempt);
        let (record, delivery) = match begun {
            Begun::Known(record) => (record, usual()),
            Begun::Decided(record) => (record, fate_of_answer(fate, chaos).unwrap_or_else(usual)),
            Begun::Mine | Begun::Running => {
                tokio::time::sleep(Duration::from_millis(u64::from(chaos.decide_ms))).await;
                match self.finish(&order) {
                    Ok(record) => (record, fate_of_answer(fate, chaos).unwrap_or_else(usual)),
                    Err(reply) => return reply,
                }
            }
            Begun::Conflict => {
                let answer = Answer::bare(&order.operation, Status::Conflict);
                return Reply::Answer(Box::new(answer), Delivery::Whole);
            }
            Begun::Failed(reply) => return reply,
        };
        Reply::Answer(Box::new(chaos.told(record.answer())), delivery)
    }

    /// Looks, and decides at once where no time is asked for; otherwise the order is running and the
    /// caller's to finish.
    fn begin(&self, order: &Order, chaos: &Chaos) -> Begun {
        let mut state = self.state();
        match state.known(&order.operation, Some(&order.fingerprint)) {
            Known::Record(record) => Begun::Known(record),
            Known::Running => Begun::Running,
            Known::Conflict => Begun::Conflict,
            Known::Not if chaos.decide_ms > 0 => {
                state.running.insert(Arc::clone(&order.operation), order.fingerprint);
                Begun::Mine
            }
            Known::Not => match self.decide(&mut state, order) {
                Ok(record) => Begun::Decided(record),
                Err(reply) => Begun::Failed(reply),
            },
        }
    }

    fn finish(&self, order: &Order) -> Result<Record, Reply> {
        let mut state = self.state();
        state.running.remove(&order.operation);
        let decided = self.decide(&mut state, order);
        drop(state);
        self.decided.notify_waiters();
        decided
    }

    fn decide(&self, state: &mut State, order: &Order) -> Result<Record, Reply> {
        let now = self.clock.now();
        if !state.book.make_room(Day::of(now), MAX_OPERATIONS) {
            return Err(Reply::Busy);
        }
        let record = state.book.decide(order, now);
        state.enter(record.clone())?;
        if let Some(notices) = &self.notices {
            notices.tell(record.answer(), Arc::clone(&state.chaos));
        }
        Ok(record)
    }

    /// The knobs as they stand, and which request under this name it is.
    fn arriving(&self, name: &Arc<str>) -> (Arc<Chaos>, u32) {
        let mut state = self.state();
        let chaos = Arc::clone(&state.chaos);
        if *chaos == Chaos::default() {
            return (chaos, 1);
        }
        if state.attempts.len() >= MAX_COUNTED {
            state.attempts.clear();
        }
        let attempt = state.attempts.entry(Arc::clone(name)).or_default();
        *attempt = attempt.saturating_add(1);
        (chaos, *attempt)
    }

    /// The way of a question here, and what will become of its answer.
    fn question(&self, operation: &str) -> Result<(Arc<Chaos>, Delivery), Reply> {
        let name: Arc<str> = format!("ask {operation}").into();
        let (chaos, attempt) = self.arriving(&name);
        if chaos.is_down {
            return Err(Reply::Busy);
        }
        if !chaos.asks_too {
            return Ok((chaos, Delivery::Whole));
        }
        match chaos.arrival(&name, attempt) {
            Arrival::Whole => {
                let delivery = chaos.delivery(&name, attempt);
                Ok((chaos, delivery))
            }
            Arrival::Dropped => Err(Reply::Nothing),
            Arrival::Error => Err(Reply::Error),
        }
    }

    /// Nothing that is done under the lock leaves half of itself behind when it panics.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// With a fingerprint, also whether it is the same request.
    fn known(&self, operation: &str, fingerprint: Option<&[u8; 32]>) -> Known {
        let is_same = |theirs: &[u8; 32]| fingerprint.is_none_or(|ours| ours == theirs);
        if let Some(record) = self.book.record(operation) {
            let is_closed = matches!(record.verdict, Verdict::Closed);
            return if is_closed || is_same(&record.fingerprint) {
                Known::Record(record.clone())
            } else {
                Known::Conflict
            };
        }
        match self.running.get(operation) {
            Some(theirs) if is_same(theirs) => Known::Running,
            Some(_) => Known::Conflict,
            None => Known::Not,
        }
    }

    /// Journal first: what cannot be remembered does not happen.
    fn enter(&mut self, record: Record) -> Result<(), Reply> {
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.append(&record)
        {
            tracing::error!(%error, "the sandbox's journal cannot be written");
            return Err(Reply::Error);
        }
        self.book.apply(record);
        Ok(())
    }
}

/// What a test card does to the first answer.
fn fate_of_answer(fate: Fate, chaos: &Chaos) -> Option<Delivery> {
    match fate {
        Fate::Approved | Fate::Refused(_) | Fate::ErrorBefore => None,
        Fate::AnswerLost => Some(Delivery::Lost),
        Fate::Hangs => Some(chaos.hung()),
        Fate::ErrorAfter => Some(Delivery::Error),
        Fate::WrongAmount => Some(Delivery::WrongAmount),
    }
}
