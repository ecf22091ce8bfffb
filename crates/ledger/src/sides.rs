//! The two accounts of one movement, changed as copies and put back together.
//!
//! Purpose: an order works on copies and only [`Sides::store`] writes to the book, so a refusal at
//! any point before it leaves the book exactly as it was.
//! Order: `load` and the checks, then the changes, then the policy, then `store`.
//! Cost: two accounts copied in and out.

use money::{Currency, Timestamp, TransferId};

use crate::{
    account::{Account, AccountStatus},
    book::Hold,
    outcome::{Entry, Posting},
    refusal::Refusal,
    window,
};

/// Payer and payee of one order.
pub(crate) struct Sides<'book> {
    debit: Side<'book>,
    credit: Side<'book>,
}

/// One account: where it stands in the book, and the copy that the rules change.
struct Side<'book> {
    slot: usize,
    place: &'book mut Account,
    copy: Account,
}

impl<'book> Sides<'book> {
    /// Refuses, in order: `AccountNotFound`, `SameAccount`.
    pub(crate) fn load(
        accounts: &'book mut [Account],
        debit: Option<usize>,
        credit: Option<usize>,
    ) -> Result<Self, Refusal> {
        let (Some(debit), Some(credit)) = (debit, credit) else {
            return Err(Refusal::AccountNotFound);
        };
        if debit >= accounts.len() || credit >= accounts.len() {
            return Err(Refusal::AccountNotFound);
        }
        let Ok([payer, payee]) = accounts.get_disjoint_mut([debit, credit]) else {
            return Err(Refusal::SameAccount);
        };
        if payer.id == payee.id {
            return Err(Refusal::SameAccount);
        }
        Ok(Self {
            debit: Side { slot: debit, copy: *payer, place: payer },
            credit: Side { slot: credit, copy: *payee, place: payee },
        })
    }

    /// Slots of payer and payee in the book.
    pub(crate) const fn slots(&self) -> (usize, usize) {
        (self.debit.slot, self.credit.slot)
    }

    /// Refuses `CurrencyMismatch` unless both accounts have this currency.
    pub(crate) fn agree_on(&self, currency: Currency) -> Result<(), Refusal> {
        if self.debit.copy.currency == currency && self.credit.copy.currency == currency {
            Ok(())
        } else {
            Err(Refusal::CurrencyMismatch)
        }
    }

    /// Refuses `CurrencyMismatch` unless both accounts have the same currency.
    pub(crate) fn agree(&self) -> Result<(), Refusal> {
        self.agree_on(self.debit.copy.currency)
    }

    /// Refuses, in order: `AccountFrozen`, `AccountClosed`, on either side.
    pub(crate) fn both_open(&self) -> Result<(), Refusal> {
        let standings = [self.debit.copy.status, self.credit.copy.status];
        if standings.contains(&AccountStatus::Frozen) {
            return Err(Refusal::AccountFrozen);
        }
        if standings.contains(&AccountStatus::Closed) {
            return Err(Refusal::AccountClosed);
        }
        Ok(())
    }

    /// Charges `amount` to the payer's limits, or refuses `LimitExceeded`.
    pub(crate) fn charge(&mut self, amount: i64) -> Result<(), Refusal> {
        window::charge(&mut self.debit.copy, amount)
    }

    /// Adds `amount` to what both sides hold, or refuses `LimitExceeded` when a total overflows.
    pub(crate) fn hold(&mut self, amount: i64) -> Result<(), Refusal> {
        add(&mut self.debit.copy.debits_held, amount)?;
        add(&mut self.credit.copy.credits_held, amount)
    }

    /// Takes `amount` from what both sides hold.
    ///
    /// It cannot fail: the held totals are the sums of the active holds. Were they not, a total
    /// would go below zero, and the schema's CHECK and [`check`](crate::check) refuse to store that.
    pub(crate) const fn unhold(&mut self, amount: i64) {
        let (debit, credit) = (&mut self.debit.copy, &mut self.credit.copy);
        debit.debits_held = debit.debits_held.saturating_sub(amount);
        credit.credits_held = credit.credits_held.saturating_sub(amount);
    }

    /// Gives the part of `hold` that will never be paid back to the payer's day.
    pub(crate) const fn give_back(&mut self, hold: &Hold, released: i64, now: Timestamp) {
        window::give_back(&mut self.debit.copy, hold, released, now);
    }

    /// Books `amount` as `transfer`, or refuses `LimitExceeded` when a total overflows.
    pub(crate) fn post(&mut self, transfer: TransferId, amount: i64) -> Result<Posting, Refusal> {
        add(&mut self.debit.copy.debits_posted, amount)?;
        add(&mut self.credit.copy.credits_posted, amount)?;
        let debit = self.debit.append(transfer)?;
        let credit = self.credit.append(transfer)?;
        Ok(Posting { amount, debit, credit })
    }

    /// Refuses `InsufficientFunds` when the payer, as changed, breaks its balance policy.
    pub(crate) fn funded(&self) -> Result<(), Refusal> {
        if self.debit.copy.within_policy() { Ok(()) } else { Err(Refusal::InsufficientFunds) }
    }

    /// Makes the changes real. Nothing may refuse the order after this.
    pub(crate) const fn store(self) {
        *self.debit.place = self.debit.copy;
        *self.credit.place = self.credit.copy;
    }
}

impl Side<'_> {
    /// Links a new entry to the account's newest one.
    fn append(&mut self, transfer: TransferId) -> Result<Entry, Refusal> {
        let account = &mut self.copy;
        add(&mut account.entry_count, 1)?;
        let previous = account.last_entry.replace(transfer);
        let (number, balance_after) = (account.entry_count, account.posted());
        Ok(Entry { account: self.slot, number, previous, balance_after })
    }
}

/// Grows a running total, or refuses `LimitExceeded` when it would leave `i64`.
fn add(total: &mut i64, amount: i64) -> Result<(), Refusal> {
    *total = total.checked_add(amount).ok_or(Refusal::LimitExceeded)?;
    Ok(())
}
