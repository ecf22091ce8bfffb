//! What never changes, remembered by each connection: on PostgreSQL of accounts where a balance stands, whose the
//! account is, and its currency; on both databases of origins that they are there.
//!
//! A batch of a thousand transfers loads some two thousand accounts; looking each up by its id, only to
//! find where its balance stands, cost PostgreSQL half of that. A row of `accounts` is never changed but
//! its name (when its owner is erased) and never removed, and a place is never used again, so nothing here
//! grows stale: what a transaction that was rolled back had inserted has no balance and is found nowhere.
//!
//! Callers that wait for one transfer each are as many origins in a batch, and asking for one after another was more than
//! half of the time that a batch of 64 took there. An origin counts as known once a transaction that saw or wrote it was
//! committed; what was rolled back to a savepoint is not part of that.
//!
//! Bound: [`MOST`] accounts of some 100 bytes and as many origins of some 20; then all of them are forgotten.

use std::collections::{HashMap, HashSet};

use money::{AccountId, Currency, CustomerId};

/// About 8 MiB.
const MOST: usize = 65_536;

#[derive(Clone, Copy)]
pub(crate) struct Fixed {
    pub place: i64,
    pub owner: Option<CustomerId>,
    pub currency: Currency,
}

#[derive(Default)]
pub(crate) struct Known {
    accounts: HashMap<AccountId, Fixed>,
    pub origins: KnownOrigins,
}

impl Known {
    pub fn get(&self, id: &AccountId) -> Option<Fixed> {
        self.accounts.get(id).copied()
    }

    /// Those of `ids` that are not known.
    pub fn missing<'i>(&self, ids: &'i [AccountId]) -> Vec<&'i AccountId> {
        ids.iter().filter(|id| !self.accounts.contains_key(id)).collect()
    }

    /// Makes room for so many accounts more, at the price of all.
    pub fn make_room(&mut self, more: usize) {
        if self.accounts.len().saturating_add(more) > MOST {
            self.accounts.clear();
        }
    }

    pub fn insert(&mut self, id: AccountId, fixed: Fixed) {
        self.accounts.insert(id, fixed);
    }
}

/// Ids of origins.
#[derive(Default)]
pub(crate) struct KnownOrigins {
    committed: HashSet<[u8; 16]>,
    /// Of the transaction that is open.
    pending: Vec<[u8; 16]>,
}

impl KnownOrigins {
    pub fn contains(&self, id: &[u8; 16]) -> bool {
        self.committed.contains(id)
    }

    /// These are there if the transaction is committed.
    pub fn expect(&mut self, ids: impl IntoIterator<Item = [u8; 16]>) {
        self.pending.extend(ids);
    }

    /// How many the open transaction has seen or written so far, for [`KnownOrigins::back_to`].
    pub fn reached(&self) -> usize {
        self.pending.len()
    }

    /// The open transaction was rolled back to where it had reached this.
    pub fn back_to(&mut self, reached: usize) {
        self.pending.truncate(reached);
    }

    pub fn begun(&mut self) {
        self.pending.clear();
    }

    pub fn committed(&mut self) {
        if self.committed.len().saturating_add(self.pending.len()) > MOST {
            self.committed.clear();
        }
        self.committed.extend(self.pending.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_of_a_transaction_that_was_rolled_back_is_not_known() {
        let mut origins = KnownOrigins::default();
        origins.expect([[1; 16]]);
        assert!(!origins.contains(&[1; 16]), "before the commit");
        origins.begun();
        origins.expect([[2; 16]]);
        origins.committed();
        assert!(!origins.contains(&[1; 16]) && origins.contains(&[2; 16]));
    }

    #[test]
    fn what_was_rolled_back_to_a_savepoint_is_not_known() {
        let mut origins = KnownOrigins::default();
        origins.expect([[1; 16]]);
        let reached = origins.reached();
        origins.expect([[2; 16], [3; 16]]);
        origins.back_to(reached);
        origins.expect([[4; 16]]);
        origins.committed();
        let known: Vec<bool> = (1..=4).map(|n| origins.contains(&[n; 16])).collect();
        assert_eq!(known, [true, false, false, true]);
    }

    #[test]
    fn known_origins_are_bounded() {
        let mut origins = KnownOrigins::default();
        for n in 0..=MOST as u128 {
            origins.expect([n.to_be_bytes()]);
            origins.committed();
        }
        assert_eq!(origins.committed.len(), 1);
    }
}
