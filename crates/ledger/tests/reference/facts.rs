//! The list of facts, and everything that can be read out of it.

use money::{AccountId, HoldId, Timestamp, TransferId};

use super::{HoldEnd, Line, Reference, Standing, Terms};

const DAY: i128 = 86_400_000_000;
pub const LARGEST: i128 = 9_223_372_036_854_775_807;

/// What once happened. Facts are only ever appended; a chain that fails takes its own back.
#[derive(Clone, Copy, Debug)]
pub enum Fact {
    Opened(AccountId, Terms),
    Moved(Move),
    Placed(Placed),
    Ended(HoldId, HoldEnd),
    Declared(AccountId, Standing),
}

#[derive(Clone, Copy, Debug)]
pub struct Move {
    pub id: TransferId,
    pub from: AccountId,
    pub to: AccountId,
    pub amount: i128,
    pub at: i128,
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// From before this history.
    Brought,
    Order,
    CaptureOf(HoldId),
    ReversalOf(TransferId),
}

#[derive(Clone, Copy, Debug)]
pub struct Placed {
    pub id: HoldId,
    pub from: AccountId,
    pub to: AccountId,
    pub amount: i128,
    pub at: i128,
    pub until: i128,
}

/// Each answer reads the whole list.
impl Reference {
    pub fn debits(&self, account: AccountId) -> i128 {
        self.moves().filter(|m| m.from == account).map(|m| m.amount).sum()
    }

    pub fn credits(&self, account: AccountId) -> i128 {
        self.moves().filter(|m| m.to == account).map(|m| m.amount).sum()
    }

    pub fn debits_held(&self, account: AccountId) -> i128 {
        self.holds().filter(|hold| hold.from == account).map(|hold| self.reserved(hold)).sum()
    }

    pub fn credits_held(&self, account: AccountId) -> i128 {
        self.holds().filter(|hold| hold.to == account).map(|hold| self.reserved(hold)).sum()
    }

    /// `None` without a bound.
    pub fn available(&self, account: AccountId) -> Option<i128> {
        let overdraft = i128::from(self.terms(account)?.overdraft?);
        Some(self.posted(account) - self.debits_held(account) + overdraft)
    }

    /// Orders that went out in the last day, and holds placed in it for what they took or still
    /// reserve. Captures count by their hold; reversals do not count.
    pub fn spent(&self, account: AccountId, now: Timestamp) -> i128 {
        let recent = |at: i128| i128::from(now.micros()) - at < DAY;
        let sent = self
            .moves()
            .filter(|m| m.from == account && m.cause == Cause::Order && recent(m.at))
            .map(|m| m.amount);
        let held = self
            .holds()
            .filter(|hold| hold.from == account && recent(hold.at))
            .map(|hold| self.captured(hold.id) + self.reserved(hold));
        sent.chain(held).sum()
    }

    pub fn standing(&self, account: AccountId) -> Standing {
        let declared = self.facts.iter().rev().find_map(|fact| {
            let Fact::Declared(id, standing) = fact else { return None };
            (*id == account).then_some(*standing)
        });
        declared.unwrap_or(Standing::Open)
    }

    /// The transfers behind the entries of an account, oldest first.
    pub fn entries(&self, account: AccountId) -> Vec<TransferId> {
        self.moves().filter(|m| m.from == account || m.to == account).map(|m| m.id).collect()
    }

    pub fn captured(&self, hold: HoldId) -> i128 {
        self.moves().filter(|m| m.cause == Cause::CaptureOf(hold)).map(|m| m.amount).sum()
    }

    pub fn hold_end(&self, hold: HoldId) -> Option<HoldEnd> {
        self.facts.iter().find_map(|fact| {
            let Fact::Ended(id, end) = fact else { return None };
            (*id == hold).then_some(*end)
        })
    }

    pub fn reversed(&self, original: TransferId) -> i128 {
        self.moves().filter(|m| m.cause == Cause::ReversalOf(original)).map(|m| m.amount).sum()
    }

    pub fn posted(&self, account: AccountId) -> i128 {
        self.credits(account) - self.debits(account)
    }

    pub fn terms(&self, account: AccountId) -> Option<Terms> {
        self.facts.iter().find_map(|fact| {
            let Fact::Opened(id, terms) = fact else { return None };
            (*id == account).then_some(*terms)
        })
    }

    pub fn newest_line(&self, account: AccountId) -> Line {
        let entries = self.entries(account);
        Line {
            number: entries.iter().map(|_| 1).sum(),
            previous: entries.iter().rev().nth(1).copied(),
            balance: self.posted(account),
        }
    }

    pub fn transfer(&self, transfer: TransferId) -> Option<&Move> {
        self.moves().find(|m| m.id == transfer)
    }

    pub fn hold(&self, hold: HoldId) -> Option<&Placed> {
        self.holds().find(|placed| placed.id == hold)
    }

    /// What a hold keeps from being spent now.
    fn reserved(&self, hold: &Placed) -> i128 {
        match self.hold_end(hold.id) {
            Some(_) => 0,
            None => hold.amount - self.captured(hold.id),
        }
    }

    fn moves(&self) -> impl Iterator<Item = &Move> {
        self.facts.iter().filter_map(|fact| {
            let Fact::Moved(moved) = fact else { return None };
            Some(moved)
        })
    }

    fn holds(&self) -> impl Iterator<Item = &Placed> {
        self.facts.iter().filter_map(|fact| {
            let Fact::Placed(placed) = fact else { return None };
            Some(placed)
        })
    }
}
