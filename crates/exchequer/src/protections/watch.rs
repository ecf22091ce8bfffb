//! Who is protected: which customers' payments are looked at one by one.
//!
//! A payment of somebody else goes through the batcher's door, which asks nothing about the customer. So
//! this node remembers for at most a second what the database said; a change made here is felt by the next
//! payment, a change made on another node within that second. What must be exact does not hang on it: the
//! switch stands in the accounts, and limits are read in the payment's transaction.
//!
//! Nobody counts what a customer without a factor or limits sends, since that would be another row for each
//! payment. So this node adds it up in memory, and who has sent a tenth of the day's total goes through
//! the guard from then on, where it is counted exactly and kept: a day's total is passed by a tenth at
//! most, for each node.
//!
//! Cost: one read a second for a customer who pays. Bound: [`MOST`] customers; then all are asked anew, and
//! whoever is not counted yet goes through the guard.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use ::store::{DbError, Tx};
use money::{Currency, CustomerId, Timestamp};

use super::model::is_recent;
use super::store;
use crate::bank::Bank;
use crate::config::StepUp;
use crate::factors;
use crate::stepup::policy;

/// How long the database's word is taken for granted.
const RECHECK_MICROS: i64 = 1_000_000;
/// About 8 MiB.
const MOST: usize = 100_000;

const DAY_MICROS: i64 = 86_400 * 1_000_000;
/// Of a day's total, what may leave before it is counted exactly.
const UNCOUNTED_PART: i64 = 10;

/// What is remembered.
#[derive(Default)]
pub struct Watch {
    seen: RwLock<HashMap<CustomerId, Seen>>,
    passed: Mutex<HashMap<CustomerId, Passed>>,
}

#[derive(Clone, Copy)]
struct Seen {
    protected: bool,
    at: Timestamp,
}

/// What a customer sent without being looked at, in this day of theirs and the one before.
struct Passed {
    since: Timestamp,
    sums: Vec<Sum>,
}

/// In minor units.
struct Sum {
    currency: Currency,
    before: i64,
    today: i64,
}

impl Watch {
    /// Whether the customer's payments go through the guard: a second factor, limits of one's own, the
    /// switch, a fresh password, or payments of the last day that went through it.
    pub async fn is_protected(&self, bank: &Bank, customer: CustomerId) -> Result<bool, DbError> {
        let now = bank.tools().now();
        let known =
            self.seen.read().unwrap_or_else(PoisonError::into_inner).get(&customer).copied();
        if let Some(seen) = known
            && (0..RECHECK_MICROS).contains(&now.micros_since(seen.at))
        {
            return Ok(seen.protected);
        }
        let seconds = bank.config().step_up.password_change_seconds;
        let protected = bank
            .db()
            .read("protections.watch", move |tx| is_protected_in(tx, &customer, (now, seconds)))
            .await?;
        let mut all = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(customer, Seen { protected, at: now });
        Ok(protected)
    }

    /// Adds what is about to leave without being looked at. True: it is too much for that.
    pub fn is_too_much(
        &self,
        customer: &CustomerId,
        sums: &[(Currency, i64)],
        (rules, now): (&StepUp, Timestamp),
    ) -> bool {
        let mut all = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(customer) {
            all.retain(|_, passed| now.micros_since(passed.since) < 2 * DAY_MICROS);
            if all.len() >= MOST {
                return true;
            }
        }
        let passed = all.entry(*customer).or_insert(Passed { since: now, sums: Vec::new() });
        passed.turn(now);
        sums.iter().fold(false, |over, (currency, amount)| {
            let most = policy::minor(rules.day_total, *currency) / UNCOUNTED_PART;
            passed.add(*currency, *amount) > most || over
        })
    }

    /// To be called after the commit of whatever may have changed it.
    pub fn forget(&self, customer: &CustomerId) {
        self.seen.write().unwrap_or_else(PoisonError::into_inner).remove(customer);
    }
}

impl Passed {
    /// The day is over: it becomes the one before.
    fn turn(&mut self, now: Timestamp) {
        let age = now.micros_since(self.since);
        if age < DAY_MICROS {
            return;
        }
        self.since = now;
        for sum in &mut self.sums {
            sum.before = if age < 2 * DAY_MICROS { sum.today } else { 0 };
            sum.today = 0;
        }
    }

    fn add(&mut self, currency: Currency, amount: i64) -> i64 {
        if let Some(sum) = self.sums.iter_mut().find(|sum| sum.currency == currency) {
            sum.today = sum.today.saturating_add(amount);
            return sum.before.saturating_add(sum.today);
        }
        self.sums.push(Sum { currency, before: 0, today: amount });
        amount
    }
}

fn is_protected_in(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    (now, seconds): (Timestamp, u64),
) -> Result<bool, DbError> {
    let standing = store::standing(tx, customer)?;
    Ok(standing.stopped_at.is_some()
        || standing.password_changed_at.is_some_and(|at| is_recent(at, now, seconds))
        || store::has_limits(tx, customer)?
        || store::has_spent(tx, customer, now)?
        || factors::has_active(tx, customer)?)
}
