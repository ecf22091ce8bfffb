//! The batcher: the door for stand-alone transfers.
//!
//! One task gathers whatever waits, hands it to the exactly-once core as one batch in one transaction,
//! and answers everybody after the commit. While a batch is written the next one gathers, so the batch
//! grows with the load and a lone caller waits for nobody.

use std::sync::Arc;

use ledger::Refusal;
use money::{Amount, Currency, RequestId, TransferId};
use store::posting::{self, MAX_BATCH, Party, PostOrder, Posted};
use store::rows::{OnceKey, Origin, TransferKind};
use store::{Db, DbError};
use tokio::sync::{mpsc, oneshot};

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
    reply: oneshot::Sender<Result<Posted, DbError>>,
}

impl Door {
    /// Starts the task; it ends when the door is dropped and nobody waits any more.
    pub fn open(db: Db, tools: Tools) -> Self {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        tokio::spawn(run(db, tools, receiver));
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

async fn run(db: Db, tools: Tools, mut receiver: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::new();
    while receiver.recv_many(&mut waiting, MAX_BATCH).await > 0 {
        // Posting time is the batch's; ids ascend in posting order.
        let now = tools.now();
        let (orders, replies): (Vec<_>, Vec<_>) =
            waiting.drain(..).map(|w| (order(tools.id_at(now), w.wanted), w.reply)).unzip();
        let orders = Arc::new(orders);
        match post(&db, &tools, Arc::clone(&orders)).await {
            Ok(results) => answer(replies, results.into_iter().map(Ok)),
            // One order that the database cannot take must not fail its neighbours.
            Err(error) if !error.is_transient() && orders.len() > 1 => {
                one_by_one(&db, &tools, &orders, replies).await;
            }
            Err(error) => answer(replies, std::iter::repeat_with(|| Err(error.clone()))),
        }
    }
}

async fn one_by_one(
    db: &Db,
    tools: &Tools,
    orders: &[PostOrder],
    replies: Vec<oneshot::Sender<Result<Posted, DbError>>>,
) {
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

fn answer(
    replies: Vec<oneshot::Sender<Result<Posted, DbError>>>,
    results: impl Iterator<Item = Result<Posted, DbError>>,
) {
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
