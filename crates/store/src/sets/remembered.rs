//! Balances as this node's transactions left them, so that the next batch need not ask PostgreSQL for them.
//!
//! Half of what a batch reads it wrote itself a moment ago. What is remembered is a hint: whatever of it a
//! batch changes is saved only where the row still has the version that is remembered, and whatever it
//! does not change is read after all ([`crate::posting`]). So nothing is accepted or refused by what is
//! no longer true; who remembered wrongly rolls back and reads. All connections of a node share one.
//!
//! A version says that a row is the same only while the server is: one that took the place of another may
//! have lost the newest commits and counted the same versions anew. So all is forgotten when a connection
//! had to be made again, and what was begun before that is not remembered. Bound: [`MOST`] accounts of
//! some 250 bytes; then all are forgotten. Accounts with a daily limit are never remembered: other rows
//! decide about them, too.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use money::AccountId;

use super::LoadedAccount;

/// About 16 MiB.
const MOST: usize = 65_536;
/// Batches to come that read what they could remember, after one that remembered wrongly: somebody else
/// writes the same rows, and will again.
const WARY: u32 = 64;

#[derive(Default)]
pub(crate) struct Remembered(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    balances: HashMap<AccountId, LoadedAccount>,
    /// Moves when all is forgotten.
    era: u64,
    wary: u32,
}

impl Remembered {
    /// The era that a transaction begins in.
    pub fn era(&self) -> u64 {
        self.inner().era
    }

    /// What is remembered of these accounts; nothing while it is wary.
    pub fn recall(&self, ids: &[AccountId]) -> HashMap<AccountId, LoadedAccount> {
        let mut inner = self.inner();
        if inner.wary > 0 {
            inner.wary -= 1;
            return HashMap::new();
        }
        let known = ids.iter().filter_map(|id| inner.balances.get(id).map(|known| (*id, *known)));
        known.collect()
    }

    /// Keeps what a transaction that began in `era` has saved and committed.
    pub fn keep(&self, era: u64, saved: &[LoadedAccount]) {
        let mut inner = self.inner();
        if inner.era != era {
            return;
        }
        if inner.balances.len().saturating_add(saved.len()) > MOST {
            inner.balances.clear();
        }
        for account in saved {
            let id = account.account.id;
            if account.account.limits.per_day.is_some() {
                inner.balances.remove(&id);
                continue;
            }
            // Of two that were committed close by, the later may come here first.
            let known = inner.balances.entry(id).or_insert(*account);
            if known.version < account.version {
                *known = *account;
            }
        }
    }

    /// Nothing that was known is sure any more.
    pub fn forget(&self) {
        let mut inner = self.inner();
        inner.balances.clear();
        inner.era += 1;
    }

    /// Somebody else has changed what was remembered.
    pub fn was_wrong(&self) {
        self.forget();
        self.inner().wary = WARY;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Account, BalancePolicy};
    use money::{Currency, Id};

    use super::*;

    fn account(n: u8, version: i64) -> LoadedAccount {
        let policy = BalancePolicy::Bounded { overdraft_limit: 0 };
        let account = Account::open(Id::from_bytes([n; 16]), Currency::INR, policy);
        LoadedAccount { account, owner: None, place: n.into(), version, remembered: true }
    }

    fn versions(remembered: &Remembered, ids: [u8; 2]) -> [Option<i64>; 2] {
        let known = remembered.recall(&ids.map(|n| Id::from_bytes([n; 16])));
        ids.map(|n| known.get(&Id::from_bytes([n; 16])).map(|known| known.version))
    }

    #[test]
    fn the_newest_is_kept_in_whatever_order_it_comes() {
        let remembered = Remembered::default();
        let era = remembered.era();
        remembered.keep(era, &[account(1, 5), account(2, 5)]);
        remembered.keep(era, &[account(1, 7)]);
        remembered.keep(era, &[account(1, 6)]);
        assert_eq!(versions(&remembered, [1, 2]), [Some(7), Some(5)]);
    }

    #[test]
    fn what_began_before_all_was_forgotten_is_not_kept() {
        let remembered = Remembered::default();
        let era = remembered.era();
        remembered.keep(era, &[account(1, 5)]);
        remembered.forget();
        remembered.keep(era, &[account(2, 5)]);
        assert_eq!(versions(&remembered, [1, 2]), [None, None]);
        remembered.keep(remembered.era(), &[account(2, 5)]);
        assert_eq!(versions(&remembered, [1, 2]), [None, Some(5)]);
    }

    #[test]
    fn after_a_mistake_nothing_is_recalled_for_a_while() {
        let remembered = Remembered::default();
        remembered.was_wrong();
        remembered.keep(remembered.era(), &[account(1, 5)]);
        for _ in 0..WARY {
            assert_eq!(versions(&remembered, [1, 2]), [None, None]);
        }
        assert_eq!(versions(&remembered, [1, 2]), [Some(5), None]);
    }

    #[test]
    fn an_account_with_a_daily_limit_is_not_remembered() {
        let remembered = Remembered::default();
        let mut limited = account(1, 6);
        limited.account.limits.per_day = Some(10);
        remembered.keep(0, &[account(1, 5), account(2, 5)]);
        remembered.keep(0, &[limited]);
        assert_eq!(versions(&remembered, [1, 2]), [None, Some(5)]);
    }

    #[test]
    fn it_is_bounded() {
        let remembered = Remembered::default();
        let accounts: Vec<LoadedAccount> = (0..=MOST)
            .map(|n| {
                let mut known = account(0, 1);
                let mut id = [0; 16];
                id[..8].copy_from_slice(&n.to_be_bytes());
                known.account.id = Id::from_bytes(id);
                known
            })
            .collect();
        remembered.keep(0, &accounts[..MOST]);
        remembered.keep(0, &accounts[MOST..]);
        assert_eq!(remembered.inner().balances.len(), 1);
    }
}
