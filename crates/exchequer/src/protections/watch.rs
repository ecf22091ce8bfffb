//! Who is protected: which customers' payments are looked at one by one.
//!
//! A payment of somebody else goes through the batcher's door, which asks nothing about the customer. So
//! this node remembers for at most a second what the database said; a change made here is felt by the next
//! payment, a change made on another node within that second. What must be exact does not hang on it: the
//! switch stands in the accounts, and limits are read in the payment's transaction.
//!
//! Cost: one read a second for a customer who pays. Bound: [`MOST`] customers; then all are asked anew.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use ::store::{DbError, Tx};
use money::{CustomerId, Timestamp};

use super::model::is_recent;
use super::store;
use crate::bank::Bank;
use crate::factors;

/// How long the database's word is taken for granted.
const RECHECK_MICROS: i64 = 1_000_000;
/// About 8 MiB.
const MOST: usize = 100_000;

/// What is remembered.
#[derive(Default)]
pub struct Watch(RwLock<HashMap<CustomerId, Seen>>);

#[derive(Clone, Copy)]
struct Seen {
    protected: bool,
    at: Timestamp,
}

impl Watch {
    /// Whether the customer's payments go through the guard: a second factor, limits of one's own, the
    /// switch, or a fresh password.
    pub async fn is_protected(&self, bank: &Bank, customer: CustomerId) -> Result<bool, DbError> {
        let now = bank.tools().now();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&customer).copied();
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
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(customer, Seen { protected, at: now });
        Ok(protected)
    }

    /// To be called after the commit of whatever may have changed it.
    pub fn forget(&self, customer: &CustomerId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(customer);
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
        || factors::has_active(tx, customer)?)
}
