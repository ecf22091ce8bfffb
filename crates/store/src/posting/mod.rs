//! The exactly-once core: keys, planner and rows in one transaction.
//!
//! Two doors, one rule. [`post`] decides a batch of transfers; the batcher of stand-alone transfers
//! calls it with whatever waits, and anybody's own transaction with its one order. [`holds`] does the
//! same for holds, captures, voids, expiry and reversals. All come through `ledger::plan`.
//!
//! Order of a batch: claim the keys, resolve account numbers, load and lock the accounts, plan, append
//! transfers, origins and refusal events, save the accounts, settle the keys of what was refused.
//!
//! Cost: one key row, one transfer row (it is its two entries and its own event) and at most two
//! account updates per transfer; an account that many transfers of the batch touch is read and written
//! once. Bound: the caller limits the batch ([`MAX_BATCH`]).

mod book;
pub mod check;
pub mod holds;
mod parties;

use std::collections::HashMap;
use std::sync::Arc;

use ledger::{Act, Order, Outcome, Posting, Refusal, TransferOrder};
use money::{Amount, Currency, Id, RequestId, Timestamp, TransferId};

pub use self::parties::Party;
use crate::posting::book::Loaded;
use crate::rows::{EventRow, OnceKey, Origin, Side, StoredAnswer, TransferKind, TransferRow};
use crate::sets::KeyClaim;
use crate::{DbError, Tx};

/// Transfers in one batch: 8,000 take about 50 ms, and no caller of the batch waits longer for the
/// others.
pub const MAX_BATCH: usize = 8_000;

/// HTTP 201: what a posted transfer answers.
const CREATED: i64 = 201;

/// One transfer that somebody asks for.
#[derive(Debug, Clone)]
pub struct PostOrder {
    /// The id it will have; fresh and ascending.
    pub id: TransferId,
    pub kind: TransferKind,
    pub debit: Party,
    pub credit: Party,
    pub amount: Amount,
    pub currency: Currency,
    pub memo: Option<String>,
    /// What it is about, where its kind has that ([`TransferKind::has_reference`]).
    pub reference: Option<[u8; 16]>,
    /// Absent where the surrounding transaction has claimed a key already.
    pub key: Option<OnceKey>,
    /// This order and the next happen together or not at all; never together with `key`.
    pub linked_with_next: bool,
    pub origin: Arc<Origin>,
    pub request: RequestId,
}

/// The stored part of an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    Done(TransferRow),
    Refused(Refusal, Answer),
    /// The key was used before for the same request, and this is what it led to.
    Replayed(Replay),
    /// The key was used before for another request.
    KeyReused,
}

/// The first answer of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// A posted transfer; its answer is a pure function of the row.
    Row(TransferRow),
    Stored(Answer),
}

/// Decides and writes a batch. `refused` renders the answer to a refusal, as it is stored under the key.
///
/// Refusals are results; an error means that nothing of the batch happened.
pub fn post(
    tx: &mut Tx<'_>,
    orders: &[PostOrder],
    now: Timestamp,
    refused: &dyn Fn(&PostOrder, Refusal) -> Result<Answer, DbError>,
) -> Result<Vec<Posted>, DbError> {
    let claimed = claim(tx, orders, now)?;
    let live: Vec<usize> =
        (0..orders.len()).filter(|i| matches!(claimed[*i], Claimed::Mine)).collect();
    let resolved = parties::resolve(tx, live.iter().map(|i| &orders[*i]))?;
    let (loaded, outcomes) = decide(tx, orders, &live, &resolved, now)?;

    let mut results = Vec::with_capacity(orders.len());
    results.resize_with(orders.len(), || None);
    let mut rows = Vec::with_capacity(live.len());
    let mut refusals = Vec::new();
    for (i, outcome) in live.iter().zip(outcomes) {
        results[*i] = Some(match outcome {
            Outcome::Posted(posting) => {
                let row = transfer_row(&orders[*i], &posting, &loaded, now);
                rows.push(row.clone());
                Posted::Done(row)
            }
            Outcome::Refused(refusal) => {
                refusals.push((*i, refusal));
                Posted::Refused(refusal, refused(&orders[*i], refusal)?)
            }
            Outcome::Held { .. } | Outcome::Voided | Outcome::Expired => return Err(impossible()),
        });
    }
    write(tx, orders, &rows, &refusals, now)?;
    for row in rows.iter().filter(|row| loaded.is_limited(&row.debit.account)) {
        tx.insert_outflow(row)?;
    }
    loaded.save(tx)?;
    settle(tx, orders, &results)?;
    finish(tx, claimed, results)
}

/// Loads what the live orders need and plans them; where the plan would rest on something that this node
/// only remembers, again with all of it read.
fn decide(
    tx: &mut Tx<'_>,
    orders: &[PostOrder],
    live: &[usize],
    resolved: &parties::Resolved<'_>,
    now: Timestamp,
) -> Result<(Loaded, Vec<Outcome>), DbError> {
    let ids = resolved.ids();
    let mut by_memory = true;
    loop {
        let mut loaded = Loaded::load_batch(tx, &ids, now, by_memory)?;
        let slots = resolved.slots(&loaded);
        let pairs = live.iter().zip(slots);
        let plan_orders: Vec<Order> =
            pairs.map(|(i, slots)| plan_order(&orders[*i], slots)).collect();
        let outcomes = loaded.plan(&plan_orders, now);
        if !loaded.rests_on_memory() {
            return Ok((loaded, outcomes));
        }
        by_memory = false;
    }
}

/// How an order stands with its key.
enum Claimed {
    /// To be decided now: the key is ours, or there is none.
    Mine,
    /// Same key and request as an earlier order of this batch.
    Follows(usize),
    Reused,
    Stored(StoredAnswer),
}

fn claim(tx: &mut Tx<'_>, orders: &[PostOrder], now: Timestamp) -> Result<Vec<Claimed>, DbError> {
    let mut first: HashMap<[u8; 16], usize> = HashMap::with_capacity(orders.len());
    let mut claims = Vec::with_capacity(orders.len());
    let mut claimed = Vec::with_capacity(orders.len());
    for (i, order) in orders.iter().enumerate() {
        let Some(key) = order.key else {
            claimed.push(Claimed::Mine);
            continue;
        };
        let leader = *first.entry(key.scope).or_insert(i);
        claimed.push(if leader == i {
            claims.push(KeyClaim { key, status: CREATED, resource: *order.id.bytes() });
            Claimed::Mine
        } else if orders[leader].key.is_some_and(|led| is_same(&led, &key)) {
            Claimed::Follows(leader)
        } else {
            Claimed::Reused
        });
    }
    if claims.is_empty() {
        return Ok(claimed);
    }
    let stored = tx.claim_keys(&mut claims, now)?;
    for (order, claim) in orders.iter().zip(&mut claimed) {
        let Some(key) = order.key else { continue };
        let Some(answer) = stored.get(&key.scope) else { continue };
        *claim = if key.is_request(&answer.request_hash) {
            Claimed::Stored(answer.clone())
        } else {
            Claimed::Reused
        };
    }
    Ok(claimed)
}

/// Whether two keys of one scope came with one request, even where a rotation came between them.
fn is_same(a: &OnceKey, b: &OnceKey) -> bool {
    a.is_request(&b.request_hash) || b.is_request(&a.request_hash)
}

fn plan_order(order: &PostOrder, [debit, credit]: [Option<usize>; 2]) -> Order {
    Order {
        linked_with_next: order.linked_with_next,
        act: Act::Transfer(TransferOrder {
            id: order.id,
            debit,
            credit,
            amount: order.amount,
            currency: order.currency,
        }),
    }
}

fn transfer_row(
    order: &PostOrder,
    posting: &Posting,
    loaded: &Loaded,
    now: Timestamp,
) -> TransferRow {
    TransferRow {
        id: order.id,
        debit: side(&posting.debit, loaded),
        credit: side(&posting.credit, loaded),
        amount: posting.amount,
        currency: order.currency,
        kind: order.kind,
        posted_at: now,
        memo: order.memo.clone(),
        reference: order.reference,
        origin: *order.origin.id(),
        request: order.request,
    }
}

pub(crate) fn side(entry: &ledger::Entry, loaded: &Loaded) -> Side {
    Side {
        account: loaded.book.accounts[entry.account].id,
        number: entry.number,
        previous: entry.previous,
        balance: entry.balance_after,
    }
}

fn write(
    tx: &mut Tx<'_>,
    orders: &[PostOrder],
    rows: &[TransferRow],
    refusals: &[(usize, Refusal)],
    now: Timestamp,
) -> Result<(), DbError> {
    let mut origins: Vec<Arc<Origin>> = Vec::new();
    let mut last: Option<&Arc<Origin>> = None;
    for order in orders {
        if last.is_none_or(|l| !Arc::ptr_eq(l, &order.origin)) {
            origins.push(Arc::clone(&order.origin));
            last = Some(&order.origin);
        }
    }
    tx.ensure_origins(&origins, now)?;
    if !rows.is_empty() {
        tx.insert_transfers(rows)?;
    }
    if !refusals.is_empty() {
        let events: Vec<EventRow> =
            refusals.iter().map(|(i, r)| refusal_event(&orders[*i], r.code(), now)).collect();
        tx.insert_events(&events)?;
    }
    Ok(())
}

/// Declined money is an event. The id the transfer would have had serves as the event's.
fn refusal_event(order: &PostOrder, code: &'static str, now: Timestamp) -> EventRow {
    let after = format!(
        r#"{{"kind":"{}","amount":{},"currency":"{}"}}"#,
        order.kind.as_str(),
        order.amount.get(),
        order.currency
    );
    EventRow {
        id: Id::from_bytes(*order.id.bytes()),
        at: now,
        origin: Arc::clone(&order.origin),
        request: order.request,
        action: "transfer.refused",
        resource: order.debit.named(),
        outcome: code,
        subject: None, // money is in the entries
        before: None,
        after: Some(after),
    }
}

fn settle(
    tx: &mut Tx<'_>,
    orders: &[PostOrder],
    results: &[Option<Posted>],
) -> Result<(), DbError> {
    for (order, result) in orders.iter().zip(results) {
        if let (Some(key), Some(Posted::Refused(_, answer))) = (&order.key, result) {
            tx.settle_key(&key.scope, answer.status.into(), None, Some(&answer.body))?;
        }
    }
    Ok(())
}

fn finish(
    tx: &mut Tx<'_>,
    claimed: Vec<Claimed>,
    mut results: Vec<Option<Posted>>,
) -> Result<Vec<Posted>, DbError> {
    for (i, claim) in claimed.into_iter().enumerate() {
        let answer = match claim {
            Claimed::Mine => continue,
            Claimed::Reused => Posted::KeyReused,
            Claimed::Stored(stored) => Posted::Replayed(replay(tx, stored)?),
            Claimed::Follows(leader) => match results.get(leader).and_then(Option::as_ref) {
                Some(Posted::Done(row)) => Posted::Replayed(Replay::Row(row.clone())),
                Some(Posted::Refused(_, answer)) => {
                    Posted::Replayed(Replay::Stored(answer.clone()))
                }
                Some(other) => other.clone(), // the leader itself was a replay
                None => return Err(impossible()),
            },
        };
        results[i] = Some(answer);
    }
    results.into_iter().map(|r| r.ok_or_else(impossible)).collect()
}

fn replay(tx: &mut Tx<'_>, stored: StoredAnswer) -> Result<Replay, DbError> {
    let status = u16::try_from(stored.status)
        .map_err(|_| DbError::Corrupt(format!("stored status {}", stored.status)))?;
    match (stored.answer, stored.resource) {
        (Some(body), _) => Ok(Replay::Stored(Answer { status, body })),
        (None, Some(resource)) => {
            let row = tx.transfer(&Id::from_bytes(resource))?;
            row.map(Replay::Row).ok_or_else(|| DbError::Corrupt("a key names no transfer".into()))
        }
        (None, None) => Err(DbError::Corrupt("a key without answer or resource".to_owned())),
    }
}

pub(crate) fn impossible() -> DbError {
    DbError::Corrupt("the planner answered an act with another's outcome".to_owned())
}
