//! A dry run of a batch: what [`super::post`] would do, without writing anything.
//!
//! For whoever has to decide more than the planner knows (a payer's own limits, a second factor) before
//! money moves. The accounts stay locked, so what would be posted here is posted there, in the same
//! transaction. Cost: the accounts are loaded twice.

use ledger::{Account, Outcome, Refusal};
use money::{AccountId, CustomerId, Timestamp};

use super::book::Loaded;
use super::{Answer, PostOrder, Posted, impossible, parties, plan_order, refusal_event, replay};
use crate::sets::KeyClaim;
use crate::{DbError, Tx};

/// A transfer between accounts that are there, as far as the planner let it come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Would {
    pub debit: AccountId,
    pub credit: AccountId,
    /// Who is paid; `None` is the bank.
    pub credit_owner: Option<CustomerId>,
    /// Minor units.
    pub amount: i64,
    /// False: the planner refuses `InsufficientFunds`, the last refusal of its list.
    pub funded: bool,
}

/// Asked of each order at the place of `LimitExceeded` in the list of refusals: false refuses it. Counts
/// the order where [`Would::funded`] says that it goes on. Of linked orders it is asked up to the first
/// that is refused.
pub type Meter<'m> = dyn FnMut(&PostOrder, &Would) -> bool + 'm;

/// Plans orders one after the other, each as if those before it had been posted. Linked orders are all
/// posted or none; `meter` must not count on after a chain was refused, so a chain is the last of a list.
pub fn check(
    tx: &mut Tx<'_>,
    orders: &[PostOrder],
    now: Timestamp,
    meter: &mut Meter<'_>,
) -> Result<Vec<Result<Would, Refusal>>, DbError> {
    let resolved = parties::resolve(tx, orders.iter())?;
    let mut loaded = Loaded::load(tx, &resolved.ids(), now)?;
    let slots = resolved.slots(&loaded);
    let mut results = Vec::with_capacity(orders.len());
    let mut start = 0;
    while start < orders.len() {
        let linked = orders[start..].iter().take_while(|order| order.linked_with_next).count();
        let end = start.saturating_add(linked).saturating_add(1).min(orders.len());
        let chain = &orders[start..end];
        results.extend(check_chain(&mut loaded, chain, &slots[start..end], now, meter)?);
        start = end;
    }
    Ok(results)
}

/// Claims the key of one order, which is decided afterwards without its key: gives the first answer
/// where the key was used before.
pub fn claim_one(
    tx: &mut Tx<'_>,
    order: &PostOrder,
    now: Timestamp,
) -> Result<Option<Posted>, DbError> {
    let key = order.key.ok_or_else(impossible)?;
    let resource = *order.id.bytes();
    let mut claims = [KeyClaim { key, status: super::CREATED, resource }];
    match tx.claim_keys(&mut claims, now)?.remove(&key.scope) {
        None => Ok(None),
        Some(stored) if !key.is_request(&stored.request_hash) => Ok(Some(Posted::KeyReused)),
        Some(stored) => Ok(Some(Posted::Replayed(replay(tx, stored)?))),
    }
}

/// Refuses an order that the planner would let pass, or did not see: its event, as of any refusal.
pub fn record_refusals(
    tx: &mut Tx<'_>,
    refused: &[(&PostOrder, &'static str)],
    now: Timestamp,
) -> Result<(), DbError> {
    let Some((first, _)) = refused.first() else { return Ok(()) };
    tx.ensure_origins(std::slice::from_ref(&first.origin), now)?;
    let events: Vec<_> =
        refused.iter().map(|(order, code)| refusal_event(order, code, now)).collect();
    tx.insert_events(&events)
}

/// Stores the answer to a refusal under a key that [`claim_one`] claimed.
pub fn settle_refused(tx: &mut Tx<'_>, scope: &[u8; 16], answer: &Answer) -> Result<(), DbError> {
    tx.settle_key(scope, answer.status.into(), None, Some(&answer.body))
}

fn check_chain(
    loaded: &mut Loaded,
    chain: &[PostOrder],
    slots: &[[Option<usize>; 2]],
    now: Timestamp,
    meter: &mut Meter<'_>,
) -> Result<Vec<Result<Would, Refusal>>, DbError> {
    let before: Vec<(usize, Account)> =
        slots.iter().flatten().flatten().map(|slot| (*slot, loaded.book.accounts[*slot])).collect();
    let planned: Vec<_> = chain.iter().zip(slots).map(|(o, s)| plan_order(o, *s)).collect();
    let outcomes = loaded.plan(&planned, now);
    let (mut results, mut limited) = (Vec::with_capacity(chain.len()), None);
    let mut stopped = false;
    for (i, ((order, slots), outcome)) in chain.iter().zip(slots).zip(outcomes).enumerate() {
        let refusal = match outcome {
            Outcome::Posted(_) => None,
            Outcome::Refused(refusal) => Some(refusal),
            Outcome::Held { .. } | Outcome::Voided | Outcome::Expired => return Err(impossible()),
        };
        let metered =
            matches!(refusal, None | Some(Refusal::InsufficientFunds | Refusal::LinkedRefused));
        let would = would(loaded, order, *slots, refusal);
        if let Some(would) = would
            && metered
            && !stopped
            && !meter(order, &would)
        {
            limited = Some(i);
        }
        stopped |= limited.is_some() || refusal.is_some_and(|r| r != Refusal::LinkedRefused);
        results.push(match (refusal, would) {
            (Some(refusal), _) => Err(refusal),
            (None, Some(would)) => Ok(would),
            (None, None) => return Err(impossible()),
        });
    }
    if let Some(limited) = limited {
        for (slot, account) in before {
            loaded.book.accounts[slot] = account;
        }
        results = (0..chain.len())
            .map(|i| if i == limited { Refusal::LimitExceeded } else { Refusal::LinkedRefused })
            .map(Err)
            .collect();
    }
    Ok(results)
}

fn would(
    loaded: &Loaded,
    order: &PostOrder,
    [debit, credit]: [Option<usize>; 2],
    refusal: Option<Refusal>,
) -> Option<Would> {
    let (debit, credit) = (loaded.before.get(debit?)?, loaded.before.get(credit?)?);
    Some(Would {
        debit: debit.account.id,
        credit: credit.account.id,
        credit_owner: credit.owner,
        amount: order.amount.get(),
        funded: refusal != Some(Refusal::InsufficientFunds),
    })
}
