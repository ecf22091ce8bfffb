//! The guard: what a protected or large payment is asked before it is posted, in its own transaction.
//!
//! Order: the customer's row is locked; the planner's refusals as of any payment, with the customer's own
//! limits at the place of `limit_exceeded`; then `payee_cooling`, `recent_password_change`; then, once for
//! the whole request, `step_up_required`. After a judgement without problem the caller posts what was let
//! through (the accounts are still locked, so the planner lets it through again) and calls [`paid_in`].
//!
//! Cost: the accounts loaded twice, one read for each currency and, where payees count, for each payee.
//! What it never does: move money, or settle a key.

use std::collections::{HashMap, HashSet};

use ::store::posting::PostOrder;
use ::store::posting::check::{self, Would};
use ::store::rows::EventRow;
use ::store::{DbError, Tx};
use ledger::Refusal;
use money::{AccountId, Currency, CustomerId};
use serde_json::json;

use super::model::{Limits, Spent, Standing, is_recent};
use super::{binding, stopped_problem, store};
use crate::bank::Act;
use crate::beneficiaries;
use crate::config::StepUp as Rules;
use crate::factors;
use crate::http::{Code, Problem};
use crate::stepup::policy::{self, Before, Payment, Reason};
use crate::stepup::{self, Asker, Proved};

/// Who pays, by which rules, with which proof.
pub struct Guard<'g> {
    pub asker: &'g Asker,
    pub rules: &'g Rules,
    pub proof: Option<&'g str>,
}

/// Why a payment is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Planner(Refusal),
    /// The planner's limit, because its owner has stopped outgoing money.
    Stopped,
    /// Seconds until the payee gets large sums; `None` where it is not on the list.
    Cooling(Option<u32>),
    RecentPasswordChange,
}

/// What becomes of one order.
pub type Verdict = Result<Would, Refused>;

/// What became of a request's orders.
pub struct Judged {
    /// In the order of the request.
    pub verdicts: Vec<Verdict>,
    proved: Option<(Proved, Reason)>,
    new_payees: Vec<AccountId>,
}

/// What the customer may spend in one currency.
struct Room {
    limits: Limits,
    spent: Spent,
    together: i64,
}

impl Refused {
    pub fn code(self) -> Code {
        self.problem().code
    }

    pub fn problem(self) -> Problem {
        match self {
            Self::Planner(refusal) => refusal.into(),
            Self::Stopped => stopped_problem(),
            Self::Cooling(seconds) => {
                let problem = Problem::new(Code::PayeeCooling);
                Problem { retry_after_seconds: seconds, ..problem }
            }
            Self::RecentPasswordChange => Problem::new(Code::RecentPasswordChange),
        }
    }
}

/// Judges orders of one customer that are posted together: those of one request. `name` is the act that a
/// proof is bound to.
///
/// The outer refusal is `step_up_required`: nothing is to be posted, no key to be settled, and the
/// transaction to be committed.
pub fn judge_in(
    tx: &mut Tx<'_>,
    act: &Act,
    guard: &Guard<'_>,
    name: &'static str,
    orders: &[PostOrder],
) -> Result<Result<Judged, Problem>, DbError> {
    let standing = store::lock(tx, &guard.asker.customer)?;
    let mut rooms = rooms(tx, act, guard, &standing, orders)?;
    let customer = guard.asker.customer;
    let checked = check::check(tx, orders, act.now, &mut |order, would| {
        would.credit_owner == Some(customer)
            || rooms.get_mut(&order.currency).is_some_and(|room| room.take(would))
    })?;
    let mut verdicts: Vec<Verdict> = checked
        .into_iter()
        .map(|result| {
            result.map_err(|refusal| match refusal {
                Refusal::LimitExceeded if standing.stopped_at.is_some() => Refused::Stopped,
                refusal => Refused::Planner(refusal),
            })
        })
        .collect();
    let weighed = weigh(tx, act, guard, &standing, (orders, &rooms, &mut verdicts))?;
    refuse_linked(orders, &mut verdicts);
    let mut judged = Judged { verdicts, proved: None, new_payees: Vec::new() };
    let Some(reason) = weighed.reason.filter(|_| judged.verdicts.iter().any(Result::is_ok)) else {
        return Ok(Ok(judged));
    };
    let bound = binding::bound(tx, act, (&customer, name), (orders, &judged.verdicts))?;
    match stepup::prove_in(tx, act, guard.asker, &bound, guard.proof)? {
        Ok(proved) => {
            judged.proved = Some((proved, reason));
            judged.new_payees = weighed.new_payees;
            Ok(Ok(judged))
        }
        Err(problem) => Ok(Err(problem)),
    }
}

/// Writes down what follows from payments that were posted or held: what counts against limits, whom the
/// customer has now paid with a proof, and what was proved. `ids` are of the transfers or the hold, one
/// for each order that was let through.
pub fn paid_in(
    tx: &mut Tx<'_>,
    act: &Act,
    guard: &Guard<'_>,
    (orders, judged): (&[PostOrder], &Judged),
    ids: &[String],
) -> Result<(), DbError> {
    let customer = &guard.asker.customer;
    let mut sums: HashMap<Currency, (i64, i64)> = HashMap::new();
    for (order, would) in orders.iter().zip(&judged.verdicts) {
        let Ok(would) = would else { continue };
        if would.credit_owner != Some(*customer) {
            let (amount, payments) = sums.entry(order.currency).or_default();
            *amount = amount.saturating_add(would.amount);
            *payments = payments.saturating_add(1);
        }
    }
    for (currency, (amount, payments)) in sums {
        store::spend(tx, customer, (currency, amount, payments), act.now)?;
    }
    let Some((proved, reason)) = &judged.proved else { return Ok(()) };
    if !judged.new_payees.is_empty() {
        let cooling = cooling_seconds(guard.rules);
        beneficiaries::learn_in(tx, act, customer, &judged.new_payees, cooling)?;
    }
    record_proof(tx, act, proved, *reason, ids)
}

impl Room {
    /// Whether the order fits; counts it where it goes on.
    fn take(&mut self, would: &Would) -> bool {
        let fits = self.limits.allow(would.amount, &self.spent, self.together);
        if fits && would.funded {
            self.together = self.together.saturating_add(would.amount);
        }
        fits
    }
}

fn rooms(
    tx: &mut Tx<'_>,
    act: &Act,
    guard: &Guard<'_>,
    standing: &Standing,
    orders: &[PostOrder],
) -> Result<HashMap<Currency, Room>, DbError> {
    let customer = &guard.asker.customer;
    let since = standing.password_changed_at;
    let mut rooms = HashMap::new();
    for currency in orders.iter().map(|order| order.currency).collect::<HashSet<_>>() {
        let limits = store::limits(tx, customer, currency)?.unwrap_or_default();
        let spent = store::spent(tx, customer, currency, (act.now, since))?;
        rooms.insert(currency, Room { limits, spent, together: 0 });
    }
    Ok(rooms)
}

/// What the rules say of all orders together.
#[derive(Default)]
struct Weighed {
    reason: Option<Reason>,
    new_payees: Vec<AccountId>,
}

/// Refuses what the payee or a fresh password holds back, and finds out whether the rest needs a factor.
fn weigh(
    tx: &mut Tx<'_>,
    act: &Act,
    guard: &Guard<'_>,
    standing: &Standing,
    (orders, rooms, verdicts): (&[PostOrder], &HashMap<Currency, Room>, &mut [Verdict]),
) -> Result<Weighed, DbError> {
    let (customer, rules) = (&guard.asker.customer, guard.rules);
    let has_factor = factors::has_active(tx, customer)?;
    let hourly = if rules.hourly_payments > 0 { store::pace(tx, customer, act.now)? } else { 0 };
    let changed_at = standing.password_changed_at;
    let fresh_password =
        changed_at.is_some_and(|at| is_recent(at, act.now, rules.password_change_seconds));
    let mut payees: HashMap<AccountId, Option<beneficiaries::Standing>> = HashMap::new();
    let mut before: HashMap<Currency, Before> = HashMap::new();
    let mut to_others: HashMap<Currency, i64> = HashMap::new();
    let mut to_payees: HashMap<(AccountId, Currency), i64> = HashMap::new();
    let (mut weighed, mut payments) = (Weighed::default(), hourly);
    for (order, verdict) in orders.iter().zip(verdicts.iter_mut()) {
        let Ok(would) = verdict else { continue };
        let own = would.credit_owner == Some(*customer);
        let payee = if own || !(has_factor || rules.cooling_seconds > 0) {
            None
        } else {
            payee(tx, customer, would.credit, &mut payees)?
        };
        let spent = rooms.get(&order.currency).map(|room| room.spent).unwrap_or_default();
        let sent = to_others.entry(order.currency).or_default();
        let large = policy::minor(rules.amount, order.currency);
        // What a request sends to one payee counts together.
        let to_payee = to_payees.entry((would.credit, order.currency)).or_default();
        let together = to_payee.saturating_add(would.amount);
        if !own && let Some(refused) = cooling(rules, together, order.currency, payee, act) {
            *verdict = Err(refused);
            continue;
        }
        let since_change = spent.since.saturating_add(*sent).saturating_add(would.amount);
        if !own && fresh_password && since_change >= large {
            *verdict = Err(Refused::RecentPasswordChange);
            continue;
        }
        let so_far = before.entry(order.currency).or_default();
        so_far.in_day = spent.day.saturating_add(*sent);
        so_far.in_hour = payments;
        let known = payee.is_some();
        let payment = Payment { amount: would.amount, currency: order.currency, own, known };
        let reason = policy::reason(rules, &payment, so_far, has_factor);
        weighed.reason = weighed.reason.or(reason);
        so_far.in_request = so_far.in_request.saturating_add(would.amount);
        if !own {
            *to_payee = together;
            *sent = sent.saturating_add(would.amount);
            payments = payments.saturating_add(1);
            if has_factor && !known {
                // The second payment of the request finds the payee on the list.
                let trusted_at = act.now.plus_seconds(cooling_seconds(rules));
                payees.insert(would.credit, Some(beneficiaries::Standing { trusted_at }));
                weighed.new_payees.push(would.credit);
            }
        }
    }
    Ok(weighed)
}

fn payee(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    account: AccountId,
    known: &mut HashMap<AccountId, Option<beneficiaries::Standing>>,
) -> Result<Option<beneficiaries::Standing>, DbError> {
    if let Some(found) = known.get(&account) {
        return Ok(*found);
    }
    let found = beneficiaries::standing(tx, customer, &account)?;
    known.insert(account, found);
    Ok(found)
}

fn cooling_seconds(rules: &Rules) -> i64 {
    i64::try_from(rules.cooling_seconds).unwrap_or(i64::MAX)
}

/// A large sum waits until its payee's cooling time is over.
fn cooling(
    rules: &Rules,
    amount: i64,
    currency: Currency,
    payee: Option<beneficiaries::Standing>,
    act: &Act,
) -> Option<Refused> {
    let is_large =
        rules.cooling_seconds > 0 && amount >= policy::minor(rules.cooling_amount, currency);
    if !is_large || payee.is_some_and(|payee| beneficiaries::is_trusted(&payee, act.now)) {
        return None;
    }
    let left = payee.map(|payee| payee.trusted_at.micros_since(act.now));
    let seconds = |micros: i64| micros.div_euclid(1_000_000).saturating_add(1);
    Some(Refused::Cooling(left.map(|left| u32::try_from(seconds(left)).unwrap_or(u32::MAX))))
}

/// Of linked orders none is posted where one is refused.
fn refuse_linked(orders: &[PostOrder], verdicts: &mut [Verdict]) {
    let is_linked = orders.iter().any(|order| order.linked_with_next);
    if is_linked && verdicts.iter().any(Result::is_err) {
        for verdict in verdicts.iter_mut().filter(|verdict| verdict.is_ok()) {
            *verdict = Err(Refused::Planner(Refusal::LinkedRefused));
        }
    }
}

/// What was proved, stored with each transfer that it let through.
fn record_proof(
    tx: &mut Tx<'_>,
    act: &Act,
    proved: &Proved,
    reason: Reason,
    ids: &[String],
) -> Result<(), DbError> {
    let after = json!({
        "challenge": proved.challenge.to_string(),
        "factor": proved.factor.map(|factor| factor.to_string()),
        "binding": data_encoding::HEXLOWER.encode(&proved.binding),
        "because": reason.as_str(),
    })
    .to_string();
    let events: Vec<EventRow> = ids
        .iter()
        .map(|id| EventRow {
            id: act.id(),
            at: act.now,
            origin: act.origin.clone(),
            request: act.request,
            action: "transfer.stepped_up",
            resource: id.clone(),
            outcome: "done",
            subject: None,
            before: None,
            after: Some(after.clone()),
        })
        .collect();
    tx.ensure_origins(std::slice::from_ref(&act.origin), act.now)?;
    tx.insert_events(&events)
}
