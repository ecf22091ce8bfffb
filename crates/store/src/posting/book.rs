//! A planner's book filled from the database, and what changed in it written back.

use std::collections::HashMap;

use ledger::{Account, Book, Order, Outcome};
use money::{AccountId, Timestamp};

use crate::sets::LoadedAccount;
use crate::{DbError, Tx};

pub(crate) struct Loaded {
    pub book: Book,
    /// The accounts as they were, in the same slots.
    pub before: Vec<LoadedAccount>,
    slots: HashMap<AccountId, usize>,
}

impl Loaded {
    /// Loads and locks the accounts that exist among `ids`.
    pub fn load(tx: &mut Tx<'_>, ids: &[AccountId], now: Timestamp) -> Result<Self, DbError> {
        Ok(Self::of(tx.load_accounts(ids, now)?))
    }

    /// The same for a batch that decides by nothing else than what it saves; `by_memory`, where it may be
    /// that [`Loaded::rests_on_memory`].
    pub fn load_batch(
        tx: &mut Tx<'_>,
        ids: &[AccountId],
        now: Timestamp,
        by_memory: bool,
    ) -> Result<Self, DbError> {
        Ok(Self::of(tx.load_accounts_of_batch(ids, now, by_memory)?))
    }

    fn of(loaded: Vec<LoadedAccount>) -> Self {
        let slots = loaded.iter().enumerate().map(|(slot, a)| (a.account.id, slot)).collect();
        let accounts: Vec<Account> = loaded.iter().map(|a| a.account).collect();
        let book = Book { accounts, holds: Vec::new(), originals: Vec::new() };
        Self { book, before: loaded, slots }
    }

    pub fn slot(&self, id: &AccountId) -> Option<usize> {
        self.slots.get(id).copied()
    }

    pub fn plan(&mut self, orders: &[Order], now: Timestamp) -> Vec<Outcome> {
        ledger::plan(&mut self.book, orders, now)
    }

    /// Saves the accounts that are no longer as they were.
    pub fn save(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        let changed: Vec<LoadedAccount> = self
            .book
            .accounts
            .iter()
            .zip(&self.before)
            .filter(|(now, before)| **now != before.account)
            .map(|(now, before)| LoadedAccount { account: *now, ..*before })
            .collect();
        if changed.is_empty() { Ok(()) } else { tx.save_accounts(&changed) }
    }

    /// Whether the plan rests on an account that is only remembered: one that it leaves as it was, so that
    /// saving it will not find out whether it still is.
    pub fn rests_on_memory(&self) -> bool {
        let pairs = self.book.accounts.iter().zip(&self.before);
        pairs.into_iter().any(|(now, before)| before.remembered && *now == before.account)
    }

    /// Whether what leaves this account must be remembered for its daily limit.
    pub fn is_limited(&self, id: &AccountId) -> bool {
        self.slot(id)
            .and_then(|slot| self.book.accounts.get(slot))
            .is_some_and(|a| a.limits.per_day.is_some())
    }
}
