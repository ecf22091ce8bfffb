//! The books, replayed: each account's entries in the order of their numbers, and what the account
//! says of them.
//!
//! Pure. Rows of two nodes may be committed slightly out of the order of their ids, so an entry that
//! comes before its predecessor waits; what orders an account is the chain (number and previous).
//! Cost: a lookup in a hash map a side. Bound: [`MAX_WAITING`] entries wait.

use std::collections::{BTreeMap, HashMap};

use ledger::{Account, HoldStatus};
use money::{AccountId, Amount, TransferId};
use store::rows::{Side, TransferKind};

use super::booked;
use super::model::{CurrencyTotals, Finding, Posted, Step, StoredAccount, StoredHold};
use super::reported::Counts;
use super::standing::Standings;

/// Entries that wait for an earlier one. Disorder comes from transactions under way at once, which are
/// some thousands; more are a gap, and would only fill memory.
pub const MAX_WAITING: usize = 200_000;

#[derive(Default)]
pub struct Books {
    accounts: HashMap<AccountId, Book>,
    waiting: usize,
    /// Transfers of each kind.
    pub kinds: Counts,
    /// What is not a sum.
    pub standings: Standings,
}

/// An account as it is stored, and as its rows say that it should be.
struct Book {
    stored: Account,
    debits: i128,
    credits: i128,
    debits_held: i128,
    credits_held: i128,
    /// Entries replayed.
    count: i64,
    last: Option<TransferId>,
    /// By number.
    waiting: BTreeMap<i64, Entry>,
    opened: bool,
}

/// One account's line of a transfer.
#[derive(Debug, Clone, Copy)]
struct Entry {
    transfer: TransferId,
    side: Side,
    is_debit: bool,
    amount: i64,
}

impl Books {
    /// Takes an account; all of them come first.
    pub fn add_account(&mut self, row: StoredAccount) -> Step {
        let account = row.account;
        if let Err(violation) = ledger::check(&account) {
            let expected = "an account that keeps the ledger's rules";
            return Err(Finding::new("accounts", account.id, expected, violation).into());
        }
        self.standings.add(&row);
        self.accounts.insert(account.id, Book::new(account));
        Ok(())
    }

    /// Takes a transfer, in any order of ids that is nearly that of the entries.
    pub fn add_transfer(&mut self, row: &Posted) -> Step {
        check_transfer(row)?;
        if let Ok(kind) = TransferKind::from_code(row.kind) {
            self.kinds.add(kind);
        }
        for (side, is_debit) in [(row.debit, true), (row.credit, false)] {
            let book = self.accounts.get_mut(&side.account).ok_or_else(|| {
                let expected = format!("the account {} to be there", side.account);
                Finding::new("transfers", row.id, expected, "no such account")
            })?;
            let currency = book.stored.currency.code();
            if row.currency != currency {
                let expected = format!("{currency}, the currency of {}", side.account);
                return Err(Finding::new("transfers", row.id, expected, &row.currency).into());
            }
            let entry = Entry { transfer: row.id, side, is_debit, amount: row.amount };
            let before = book.waiting.len();
            book.add(entry)?;
            self.waiting = self.waiting.saturating_sub(before).saturating_add(book.waiting.len());
            if self.waiting > MAX_WAITING {
                book.gap()?;
            }
        }
        Ok(())
    }

    /// After the last transfer: no entry is missing, and each account's totals are those of its entries.
    pub fn finish_entries(&self) -> Step {
        self.first_wrong(Book::check_totals)
    }

    /// Takes a hold.
    pub fn add_hold(&mut self, row: &StoredHold) -> Step {
        let StoredHold { hold, .. } = row;
        if let Err(violation) = ledger::check_hold(hold) {
            let expected = "a hold that keeps the ledger's rules";
            return Err(Finding::new("holds", hold.id, expected, violation).into());
        }
        let reserved = match hold.status {
            HoldStatus::Active => i128::from(hold.amount) - i128::from(hold.captured),
            HoldStatus::Captured | HoldStatus::Voided | HoldStatus::Expired => 0,
        };
        for (account, is_debit) in [(row.debit, true), (row.credit, false)] {
            let book = self.accounts.get_mut(&account).ok_or_else(|| {
                let expected = format!("the account {account} to be there");
                Finding::new("holds", hold.id, expected, "no such account")
            })?;
            let currency = book.stored.currency.code();
            if row.currency != currency {
                let expected = format!("{currency}, the currency of {account}");
                return Err(Finding::new("holds", hold.id, expected, &row.currency).into());
            }
            let held = if is_debit { &mut book.debits_held } else { &mut book.credits_held };
            *held = held.saturating_add(reserved);
        }
        Ok(())
    }

    /// After the last hold: each account's held totals are the sums of its active holds.
    pub fn finish_holds(&self) -> Step {
        self.first_wrong(Book::check_held)
    }

    /// Debits and credits of each currency, which must be equal, in the order of the codes.
    pub fn totals(&self) -> Step<Vec<CurrencyTotals>> {
        let mut totals: BTreeMap<&str, CurrencyTotals> = BTreeMap::new();
        let mut credits_held: BTreeMap<&str, i128> = BTreeMap::new();
        for Book { stored, .. } in self.accounts.values() {
            let code = stored.currency.code();
            let total = totals.entry(code).or_insert_with(|| CurrencyTotals {
                currency: code.to_owned(),
                accounts: 0,
                debits: 0,
                credits: 0,
                held: 0,
            });
            total.accounts = total.accounts.saturating_add(1);
            total.debits = total.debits.saturating_add(stored.debits_posted.into());
            total.credits = total.credits.saturating_add(stored.credits_posted.into());
            total.held = total.held.saturating_add(stored.debits_held.into());
            let held = credits_held.entry(code).or_default();
            *held = held.saturating_add(stored.credits_held.into());
        }
        for (code, total) in &totals {
            let credits_held = credits_held.get(code).copied().unwrap_or_default();
            for (what, debits, credits) in
                [("posted", total.debits, total.credits), ("held", total.held, credits_held)]
            {
                if debits != credits {
                    let expected = format!("credits {what} equal to debits {what}, {debits}");
                    return Err(Finding::new("accounts", code, expected, credits).into());
                }
            }
        }
        Ok(totals.into_values().collect())
    }

    /// Captures and reversals among the transfers.
    pub fn parts(&self) -> (u64, u64) {
        (self.kinds.of(TransferKind::Capture), self.kinds.of(TransferKind::Reversal))
    }

    /// Transfers that steps of card payments made.
    pub fn card_transfers(&self) -> u64 {
        booked::KINDS.iter().map(|kind| self.kinds.of(*kind)).sum()
    }

    /// The event that this account was opened is there; what names no account opens none.
    pub fn mark_opened(&mut self, account: &str) {
        if let Ok(id) = account.parse()
            && let Some(book) = self.accounts.get_mut(&id)
        {
            book.opened = true;
        }
    }

    /// After the last event: every account has the event of its opening.
    pub fn finish_opened(&self) -> Step {
        self.first_wrong(|book| {
            if book.opened {
                return Ok(());
            }
            let expected = "an event `account.opened` about it";
            Err(Finding::new("accounts", book.stored.id, expected, "none"))
        })
    }

    /// The finding about the account with the lowest id.
    fn first_wrong(&self, check: impl Fn(&Book) -> Result<(), Finding>) -> Step {
        let wrong = self
            .accounts
            .iter()
            .filter_map(|(id, book)| check(book).err().map(|finding| (*id, finding)))
            .min_by_key(|(id, _)| *id);
        wrong.map_or(Ok(()), |(_, finding)| Err(finding.into()))
    }
}

impl Book {
    fn new(stored: Account) -> Self {
        Self {
            stored,
            debits: 0,
            credits: 0,
            debits_held: 0,
            credits_held: 0,
            count: 0,
            last: None,
            waiting: BTreeMap::new(),
            opened: false,
        }
    }

    fn add(&mut self, entry: Entry) -> Result<(), Finding> {
        let next = self.count.saturating_add(1);
        if entry.side.number > next {
            return match self.waiting.insert(entry.side.number, entry) {
                None => Ok(()),
                Some(first) => Err(self.repeated(&entry, &first.transfer.to_string())),
            };
        }
        if entry.side.number < next {
            return Err(self.repeated(&entry, "an earlier transfer"));
        }
        self.apply(&entry)?;
        while let Some(entry) = self.waiting.remove(&self.count.saturating_add(1)) {
            self.apply(&entry)?;
        }
        Ok(())
    }

    /// The next entry of the account.
    fn apply(&mut self, entry: &Entry) -> Result<(), Finding> {
        let side = &entry.side;
        let place = format!("entry {} of {}", side.number, side.account);
        if side.previous != self.last {
            let expected = format!("{place} after {}", shown(self.last));
            return Err(entry.wrong(expected, format!("after {}", shown(side.previous))));
        }
        let total = if entry.is_debit { &mut self.debits } else { &mut self.credits };
        *total = total.saturating_add(entry.amount.into());
        let balance = self.credits.saturating_sub(self.debits);
        if i128::from(side.balance) != balance {
            return Err(entry.wrong(format!("{place} leaves {balance}"), side.balance));
        }
        self.count = side.number;
        self.last = Some(entry.transfer);
        Ok(())
    }

    fn repeated(&self, entry: &Entry, first: &str) -> Finding {
        let Side { number, account, .. } = entry.side;
        let expected = format!("a number above {} on {account}", self.count);
        entry.wrong(expected, format!("number {number}, which {first} has"))
    }

    /// Refuses an account whose next entry did not come.
    fn gap(&self) -> Result<(), Finding> {
        let Some((number, entry)) = self.waiting.first_key_value() else { return Ok(()) };
        let expected = format!("entry {} of {}", self.count.saturating_add(1), self.stored.id);
        Err(entry.wrong(expected, format!("entry {number}, and none before it")))
    }

    fn check_totals(&self) -> Result<(), Finding> {
        self.gap()?;
        let stored = &self.stored;
        let wrong = |what: &str, expected: String, found: String| {
            Finding::new("accounts", stored.id, format!("{what} {expected}"), found)
        };
        for (what, expected, found) in [
            ("debits_posted", self.debits, stored.debits_posted),
            ("credits_posted", self.credits, stored.credits_posted),
            ("entry_count", self.count.into(), stored.entry_count),
        ] {
            if expected != i128::from(found) {
                return Err(wrong(what, expected.to_string(), found.to_string()));
            }
        }
        if self.last != stored.last_entry {
            return Err(wrong("last_entry", shown(self.last), shown(stored.last_entry)));
        }
        Ok(())
    }

    fn check_held(&self) -> Result<(), Finding> {
        for (what, expected, found) in [
            ("debits_held", self.debits_held, self.stored.debits_held),
            ("credits_held", self.credits_held, self.stored.credits_held),
        ] {
            if expected != i128::from(found) {
                let expected = format!("{what} {expected}, what its active holds reserve");
                return Err(Finding::new("accounts", self.stored.id, expected, found));
            }
        }
        Ok(())
    }
}

impl Entry {
    fn wrong(&self, expected: impl ToString, found: impl ToString) -> Finding {
        Finding::new("transfers", self.transfer, expected, found)
    }
}

/// What can be said of a transfer by itself.
fn check_transfer(row: &Posted) -> Step {
    let wrong = |expected: &str, found: &str| Finding::new("transfers", row.id, expected, found);
    if Amount::new(row.amount).is_err() {
        return Err(wrong("an amount of 1 to 2^53 - 1", &row.amount.to_string()).into());
    }
    let kind = TransferKind::from_code(row.kind)
        .map_err(|_| wrong("a kind that the ledger has", &row.kind.to_string()))?;
    match (kind.has_reference(), row.has_reference) {
        (true, true) | (false, false) => {}
        (true, false) => {
            let expected = "a reference to what it is about";
            return Err(wrong(expected, &format!("a {} without", kind.as_str())).into());
        }
        (false, true) => {
            return Err(wrong("no reference", &format!("a {} with one", kind.as_str())).into());
        }
    }
    if row.debit.account == row.credit.account {
        return Err(wrong("two accounts", &row.debit.account.to_string()).into());
    }
    if !row.has_origin {
        return Err(wrong("the origin that it names", "no such row").into());
    }
    Ok(())
}

fn shown(id: Option<TransferId>) -> String {
    id.map_or_else(|| "none".to_owned(), |id| id.to_string())
}
