//! The batcher: the door for stand-alone transfers.
//!
//! One lane at a time holds the gate and gathers: the first caller that waits makes it hand a batch to the database, and
//! only when its turn comes there the batch takes whoever else waits by then, and leaves the gate to the next lane. So on
//! SQLite the writer finds the next batch at hand when a commit ends, the batch grows with the load, and a lone caller
//! waits for nobody. Everybody is answered after the commit. Bound: [`MAX_WAITING`] callers, [`MAX_BATCH`] a batch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::Refusal;
use money::{Amount, Currency, RequestId, Timestamp, TransferId};
use store::posting::{self, MAX_BATCH, Party, PostOrder, Posted};
use store::rows::{OnceKey, Origin, TransferKind};
use store::{Db, DbError};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};

use crate::bank::Tools;
use crate::http::{Problem, once};

/// Callers that may wait; more are told `overloaded`.
const MAX_WAITING: usize = 16_384;

/// A transfer as a caller asks for it; the door gives it its id.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub kind: TransferKind,
    pub debit: Party,
    pub credit: Party,
    pub amount: Amount,
    pub currency: Currency,
    pub memo: Option<String>,
    pub key: OnceKey,
    pub origin: Arc<Origin>,
    pub request: RequestId,
}

pub struct Door(mpsc::Sender<Waiting>);

struct Waiting {
    wanted: Wanted,
    reply: Reply,
}

type Reply = oneshot::Sender<Result<Posted, DbError>>;
type Gate = mpsc::Receiver<Waiting>;

impl Door {
    /// Starts the lanes; they end when the door is dropped and nobody waits any more.
    pub fn open(db: &Db, tools: &Tools) -> Self {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let gate = Arc::new(tokio::sync::Mutex::new(receiver));
        for _ in 0..db.batches_ahead() {
            tokio::spawn(lane(db.clone(), tools.clone(), Arc::clone(&gate)));
        }
        Self(sender)
    }

    /// Sends a transfer through; the answer comes after its commit.
    pub async fn send(&self, wanted: Wanted) -> Result<Posted, DbError> {
        let (reply, answer) = oneshot::channel();
        match self.0.try_send(Waiting { wanted, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(DbError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(stopping()),
        }
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }
}

async fn lane(db: Db, tools: Tools, gate: Arc<tokio::sync::Mutex<Gate>>) {
    loop {
        let mut gate = Arc::clone(&gate).lock_owned().await;
        let Some(first) = gate.recv().await else { return };
        let batch = Batch::of(first, gate);
        let result = batch.post(&db, &tools).await;
        let (orders, replies) = batch.close(&tools);
        match result {
            Ok(results) => answer(replies, results.into_iter().map(Ok)),
            // One order that the database cannot take must not fail its neighbours.
            Err(error) if !error.is_transient() && orders.len() > 1 => {
                one_by_one(&db, &tools, &orders, replies).await;
            }
            Err(error) => answer(replies, std::iter::repeat_with(|| Err(error.clone()))),
        }
    }
}

/// What one lane has on its way.
#[derive(Clone)]
struct Batch(Arc<Mutex<Parts>>);

struct Parts {
    /// Until the batch is whole.
    gate: Option<OwnedMutexGuard<Gate>>,
    waiting: Vec<Waiting>,
    orders: Arc<Vec<PostOrder>>,
    replies: Vec<Reply>,
    /// When it was whole: posting time is the batch's.
    at: Timestamp,
}

impl Batch {
    fn of(first: Waiting, gate: OwnedMutexGuard<Gate>) -> Self {
        let (gate, at) = (Some(gate), Timestamp::EPOCH);
        let parts =
            Parts { gate, waiting: vec![first], orders: Arc::default(), replies: Vec::new(), at };
        Self(Arc::new(Mutex::new(parts)))
    }

    async fn post(&self, db: &Db, tools: &Tools) -> Result<Vec<Posted>, DbError> {
        let (batch, tools) = (self.clone(), tools.clone());
        db.write_batch("transfers.post", move |tx| {
            // A closure that runs again posts the same orders at the same time.
            let (orders, now) = batch.whole(&tools);
            posting::post(tx, &orders, now, &|order, refusal| refused(&tools, order, refusal))
        })
        .await
    }

    /// Its orders; the first call takes all that wait, and opens the gate for the next lane.
    fn whole(&self, tools: &Tools) -> (Arc<Vec<PostOrder>>, Timestamp) {
        let parts = &mut *self.parts();
        if let Some(mut gate) = parts.gate.take() {
            while parts.waiting.len() < MAX_BATCH
                && let Ok(next) = gate.try_recv()
            {
                parts.waiting.push(next);
            }
            parts.seal(tools);
        }
        (Arc::clone(&parts.orders), parts.at)
    }

    /// Its orders and who waits for them, whether it ever had its turn or not.
    fn close(self, tools: &Tools) -> (Arc<Vec<PostOrder>>, Vec<Reply>) {
        let parts = &mut *self.parts();
        if parts.gate.take().is_some() {
            parts.seal(tools);
        }
        (Arc::clone(&parts.orders), std::mem::take(&mut parts.replies))
    }

    // Whoever panics here leaves a batch that is answered with an error.
    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parts {
    /// Ids ascend in posting order.
    fn seal(&mut self, tools: &Tools) {
        self.at = tools.now();
        let orders =
            self.waiting.drain(..).map(|w| (order(tools.id_at(self.at), w.wanted), w.reply));
        let (orders, replies): (Vec<_>, Vec<_>) = orders.unzip();
        (self.orders, self.replies) = (Arc::new(orders), replies);
    }
}

async fn one_by_one(db: &Db, tools: &Tools, orders: &[PostOrder], replies: Vec<Reply>) {
    for (order, reply) in orders.iter().zip(replies) {
        let alone = Arc::new(vec![order.clone()]);
        let result =
            post(db, tools, alone).await.and_then(|mut results| results.pop().ok_or_else(stopping));
        answer(vec![reply], std::iter::once(result));
    }
}

async fn post(db: &Db, tools: &Tools, orders: Arc<Vec<PostOrder>>) -> Result<Vec<Posted>, DbError> {
    let tools = tools.clone();
    let now = tools.now();
    db.write("transfers.post", move |tx| {
        posting::post(tx, &orders, now, &|order, refusal| refused(&tools, order, refusal))
    })
    .await
}

/// The answer to a refusal as it is stored under the key: sealed.
fn refused(tools: &Tools, order: &PostOrder, refusal: Refusal) -> Result<posting::Answer, DbError> {
    let problem = Problem::from(refusal);
    let status = problem.code.status();
    let body = problem.body(&order.request);
    let body = match &order.key {
        Some(key) => once::seal(tools, &key.scope, &body)?,
        None => body,
    };
    Ok(posting::Answer { status, body })
}

/// A wanted transfer as an order, with its id.
pub(super) fn order(id: TransferId, wanted: Wanted) -> PostOrder {
    PostOrder {
        id,
        kind: wanted.kind,
        debit: wanted.debit,
        credit: wanted.credit,
        amount: wanted.amount,
        currency: wanted.currency,
        memo: wanted.memo,
        reference: None,
        key: Some(wanted.key),
        linked_with_next: false,
        origin: wanted.origin,
        request: wanted.request,
    }
}

fn answer(replies: Vec<Reply>, results: impl Iterator<Item = Result<Posted, DbError>>) {
    for (reply, result) in replies.into_iter().zip(results) {
        if reply.send(result).is_err() {
            // The client hung up; the transfer stands, and a retry with its key finds the answer.
            tracing::debug!("nobody waits for the answer");
        }
    }
}

fn stopping() -> DbError {
    DbError::Unavailable("the bank is stopping".to_owned())
}
