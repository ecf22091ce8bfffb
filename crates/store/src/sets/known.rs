//! What never changes of accounts, remembered by each connection to PostgreSQL: where a balance stands, whose the
//! account is, and its currency.
//!
//! A batch of a thousand transfers loads some two thousand accounts; looking each up by its id, only to
//! find where its balance stands, cost PostgreSQL half of that. A row of `accounts` is never changed and
//! never removed, and a place is never used again, so nothing here grows stale: what a transaction that
//! was rolled back had inserted has no balance and is found nowhere.
//!
//! Bound: [`MOST`] accounts of some 100 bytes; then all are forgotten.

use std::collections::HashMap;

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
pub(crate) struct Known(HashMap<AccountId, Fixed>);

impl Known {
    pub fn get(&self, id: &AccountId) -> Option<Fixed> {
        self.0.get(id).copied()
    }

    /// Those of `ids` that are not known.
    pub fn missing<'i>(&self, ids: &'i [AccountId]) -> Vec<&'i AccountId> {
        ids.iter().filter(|id| !self.0.contains_key(id)).collect()
    }

    /// Makes room for so many more, at the price of all.
    pub fn make_room(&mut self, more: usize) {
        if self.0.len().saturating_add(more) > MOST {
            self.0.clear();
        }
    }

    pub fn insert(&mut self, id: AccountId, fixed: Fixed) {
        self.0.insert(id, fixed);
    }
}
