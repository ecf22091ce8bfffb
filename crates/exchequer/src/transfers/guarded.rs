//! The other door: a payment that is looked at before it is posted, in a transaction of its own.
//!
//! Order: its key is claimed; the guard judges it; it is posted; what follows is written; all or nothing.
//! `step_up_required` gives the key back and commits, since the challenge must be kept: the same request
//! comes again under the same key, with a proof.

use ::store::posting::{self, Answer, PostOrder, Posted, check};
use ::store::rows::TransferRow;
use ::store::{DbError, Tx};

use super::door::{Wanted, order};
use crate::bank::Act;
use crate::http::{Code, Customer, Problem, StepUp, once};
use crate::protections::guard::{self, Guard};
use crate::stepup::{Asker, policy};

/// What became of a guarded payment.
pub(super) enum Sent {
    Done(TransferRow),
    Refused(Problem),
    /// The key was used before.
    Before(Posted),
    /// Another request holds the key's row.
    InFlight(String),
}

/// Whether payments of this much in all are looked at one by one: the profile, the amount or the customer
/// asks for it.
pub async fn is_guarded(
    caller: &Customer,
    amounts: impl Iterator<Item = (money::Currency, i64)>,
) -> Result<bool, Problem> {
    let rules = &caller.bank().config().step_up;
    // A list: nearly all payments have one currency, and there are 200 at most.
    let mut sums: Vec<(money::Currency, i64)> = Vec::new();
    for (currency, amount) in amounts {
        let sum = if let Some((_, sum)) = sums.iter_mut().find(|(known, _)| *known == currency) {
            *sum = sum.saturating_add(amount);
            *sum
        } else {
            sums.push((currency, amount));
            amount
        };
        if sum >= policy::plain_below(rules, currency) {
            return Ok(true);
        }
    }
    let (bank, customer) = (caller.bank(), caller.id());
    if bank.watch().is_protected(bank, customer).await? {
        return Ok(true);
    }
    Ok(bank.watch().is_too_much(&customer, &sums, (rules, bank.tools().now())))
}

pub(super) async fn send(
    caller: &Customer,
    wanted: Wanted,
    step_up: StepUp,
) -> Result<Sent, Problem> {
    let asker = Asker::from(caller);
    caller
        .write("transfers.guarded", move |tx, act| {
            send_in(tx, act, &asker, (&wanted, step_up.proof()))
        })
        .await
}

fn send_in(
    tx: &mut Tx<'_>,
    act: &Act,
    asker: &Asker,
    (wanted, proof): (&Wanted, Option<&str>),
) -> Result<Sent, DbError> {
    let scope = wanted.key.scope;
    let order = order(act.id(), wanted.clone());
    match check::claim_one(tx, &order, act.now) {
        Ok(None) => {}
        Ok(Some(before)) => return Ok(Sent::Before(before)),
        // Nothing was written, so there is nothing that a commit could keep.
        Err(DbError::Busy(cause)) => return Ok(Sent::InFlight(cause)),
        Err(error) => return Err(error),
    }
    let orders = [PostOrder { key: None, ..order }];
    let guard = Guard { asker, rules: &act.tools.config().step_up, proof };
    let judged = match guard::judge_in(tx, act, &guard, "transfer.send", &orders)? {
        Ok(judged) => judged,
        Err(problem) => {
            tx.release_key(&scope)?;
            return Ok(Sent::Refused(problem));
        }
    };
    if let Some(Err(refused)) = judged.verdicts.first() {
        let problem = refused.problem();
        let body = once::seal(&act.tools, &scope, &problem.body(&act.request))?;
        check::record_refusals(tx, &[(&orders[0], problem.code.as_str())], act.now)?;
        check::settle_refused(tx, &scope, &Answer { status: problem.code.status(), body })?;
        return Ok(Sent::Refused(problem));
    }
    let rows = post_allowed(tx, act, &orders)?;
    let ids: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    guard::paid_in(tx, act, &guard, (&orders, &judged), &ids)?;
    let row = rows.into_iter().next().ok_or_else(changed)?;
    Ok(Sent::Done(row))
}

/// Posts orders that the guard let through in this transaction.
pub(super) fn post_allowed(
    tx: &mut Tx<'_>,
    act: &Act,
    orders: &[PostOrder],
) -> Result<Vec<TransferRow>, DbError> {
    let posted = posting::post(tx, orders, act.now, &|_, _| Err(changed()))?;
    posted
        .into_iter()
        .map(|posted| match posted {
            Posted::Done(row) => Ok(row),
            Posted::Refused(..) | Posted::Replayed(_) | Posted::KeyReused => Err(changed()),
        })
        .collect()
}

impl Sent {
    /// The problem of a key that is in use.
    pub(super) fn in_flight(cause: String) -> Problem {
        Problem::new(Code::IdempotencyKeyInFlight).cause(cause)
    }
}

fn changed() -> DbError {
    DbError::Corrupt("the planner changed its mind about locked accounts".to_owned())
}
