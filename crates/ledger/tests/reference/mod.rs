//! The reference ledger: the same rules, written as slowly and plainly as possible.
//!
//! Purpose: a second opinion. It keeps one append-only list of facts and no balance at all; whatever
//! it wants to know it sums anew, in 128 bits, from the first fact to the last. It shares no type with
//! the ledger but ids, and answers refusals by their public codes.
//! Cost: linear in the history per question, or worse. Bound: this folder stays below 500 lines.
//! Never: in a shipped binary.

mod facts;

use money::{AccountId, Currency, HoldId, Timestamp, TransferId};

use facts::{Cause, Fact, LARGEST, Move, Placed};

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldEnd {
    Captured,
    Voided,
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Open,
    Frozen,
    Closed,
}

/// What an account was opened with. `overdraft: None` is no bound.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub currency: Currency,
    pub overdraft: Option<i64>,
    pub per_transfer: Option<i64>,
    pub per_day: Option<i64>,
}

/// A request, by ids; an id nobody knows is simply such an id.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    Transfer { id: TransferId, sides: Sides, amount: i64, currency: Currency },
    Hold { id: HoldId, sides: Sides, amount: i64, currency: Currency, until: Timestamp },
    Capture { id: TransferId, hold: HoldId, amount: Option<i64>, is_final: bool },
    Void { hold: HoldId },
    Expire { hold: HoldId },
    Reverse { id: TransferId, original: TransferId, amount: Option<i64> },
}

/// Payer, payee.
pub type Sides = (AccountId, AccountId);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Moved { amount: i128, payer: Line, payee: Line },
    Held,
    Voided,
    Expired,
}

/// One account's newest entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub number: i128,
    pub previous: Option<TransferId>,
    pub balance: i128,
}

/// Done, or the code of the refusal.
pub type Answer = Result<Done, &'static str>;

#[derive(Clone, Debug, Default)]
pub struct Reference {
    facts: Vec<Fact>,
}

impl Reference {
    pub fn open(&mut self, account: AccountId, terms: Terms) {
        self.facts.push(Fact::Opened(account, terms));
    }

    /// Money that moved before this history began.
    pub fn bring(&mut self, id: TransferId, (from, to): Sides, amount: i64) {
        let amount = i128::from(amount);
        self.facts.push(Fact::Moved(Move { id, from, to, amount, at: 0, cause: Cause::Brought }));
    }

    /// Changes an account's standing, or answers the code of the refusal.
    pub fn declare(&mut self, account: AccountId, standing: Standing) -> Result<(), &'static str> {
        let old = self.standing(account);
        let held = self.debits_held(account) + self.credits_held(account);
        let ends = standing == Standing::Closed;
        refuse_first(&[
            (old == Standing::Closed, "account_closed"),
            (old == Standing::Frozen && standing == Standing::Frozen, "already_frozen"),
            (old == Standing::Open && standing == Standing::Open, "not_frozen"),
            (ends && self.posted(account) != 0, "balance_not_zero"),
            (ends && held != 0, "holds_active"),
        ])?;
        self.facts.push(Fact::Declared(account, standing));
        Ok(())
    }

    /// Answers requests in order; `true` links one with the next.
    pub fn ask_all(&mut self, asks: &[(bool, Ask)], now: Timestamp) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut rest = asks;
        while let Some(last) = rest.iter().position(|(linked, _)| !*linked) {
            let (chain, later) = rest.split_at(last + 1);
            answers.extend(self.ask_chain(chain, now));
            rest = later;
        }
        if !rest.is_empty() {
            answers.extend(rest.iter().skip(1).map(|_| Err("linked_refused")));
            answers.push(Err("linked_chain_open"));
        }
        answers
    }

    fn ask_chain(&mut self, chain: &[(bool, Ask)], now: Timestamp) -> Vec<Answer> {
        let before = self.facts.len();
        let mut answers = Vec::new();
        for (_, ask) in chain {
            let answer = self.ask(*ask, now);
            if answer.is_err() {
                let mut refused = vec![Err("linked_refused"); chain.len()];
                refused[answers.len()] = answer;
                self.facts.truncate(before);
                return refused;
            }
            answers.push(answer);
        }
        answers
    }

    fn ask(&mut self, ask: Ask, now: Timestamp) -> Answer {
        let at = i128::from(now.micros());
        match ask {
            Ask::Transfer { id, sides: (from, to), amount, currency } => {
                let amount = i128::from(amount);
                self.accept_sides((from, to), Some(currency))?;
                refuse_first(&[
                    (self.passes_limits(from, amount, now), "limit_exceeded"),
                    (self.overflows((from, to), amount), "limit_exceeded"),
                    (self.lacks(from, amount), "insufficient_funds"),
                ])?;
                Ok(self.record(Move { id, from, to, amount, at, cause: Cause::Order }))
            }
            Ask::Hold { id, sides: (from, to), amount, currency, until } => {
                let (amount, until) = (i128::from(amount), i128::from(until.micros()));
                self.accept_sides((from, to), Some(currency))?;
                let reserved = self.debits_held(from).max(self.credits_held(to)) + amount;
                refuse_first(&[
                    (self.passes_limits(from, amount, now), "limit_exceeded"),
                    (reserved > LARGEST, "limit_exceeded"),
                    (self.lacks(from, amount), "insufficient_funds"),
                    (at >= until, "hold_expired"),
                ])?;
                self.facts.push(Fact::Placed(Placed { id, from, to, amount, at, until }));
                Ok(Done::Held)
            }
            Ask::Capture { id, hold, amount, is_final } => {
                let Placed { from, to, amount: whole, until, .. } = self.accept_hold(hold)?;
                refuse_first(&[(at >= until, "hold_expired")])?;
                self.accept_sides((from, to), None)?;
                let left = whole - self.captured(hold);
                let amount = amount.map_or(left, i128::from);
                refuse_first(&[
                    (amount > left, "capture_exceeds_hold"),
                    (self.overflows((from, to), amount), "limit_exceeded"),
                ])?;
                if is_final || amount == left {
                    self.facts.push(Fact::Ended(hold, HoldEnd::Captured));
                }
                Ok(self.record(Move { id, from, to, amount, at, cause: Cause::CaptureOf(hold) }))
            }
            Ask::Void { hold } => {
                self.accept_hold(hold)?;
                self.facts.push(Fact::Ended(hold, HoldEnd::Voided));
                Ok(Done::Voided)
            }
            Ask::Expire { hold } => {
                let until = self.accept_hold(hold)?.until;
                refuse_first(&[(at < until, "hold_not_expired")])?;
                self.facts.push(Fact::Ended(hold, HoldEnd::Expired));
                Ok(Done::Expired)
            }
            Ask::Reverse { id, original, amount } => self.reverse(id, original, amount, at),
        }
    }

    fn reverse(
        &mut self,
        id: TransferId,
        original: TransferId,
        amount: Option<i64>,
        at: i128,
    ) -> Answer {
        let found = *self.transfer(original).ok_or("transfer_not_found")?;
        let (from, to) = (found.to, found.from);
        self.accept_sides((from, to), None)?;
        let left = found.amount - self.reversed(original);
        let amount = amount.map_or(left, i128::from);
        refuse_first(&[
            (left == 0 || amount > left, "reversal_exceeds_transfer"),
            (self.overflows((from, to), amount), "limit_exceeded"),
            (self.lacks(from, amount), "insufficient_funds"),
        ])?;
        Ok(self.record(Move { id, from, to, amount, at, cause: Cause::ReversalOf(original) }))
    }

    fn record(&mut self, moved: Move) -> Done {
        self.facts.push(Fact::Moved(moved));
        let (payer, payee) = (self.newest_line(moved.from), self.newest_line(moved.to));
        Done::Moved { amount: moved.amount, payer, payee }
    }

    fn accept_sides(
        &self,
        (from, to): Sides,
        currency: Option<Currency>,
    ) -> Result<(), &'static str> {
        let payer = self.terms(from).ok_or("account_not_found")?;
        let payee = self.terms(to).ok_or("account_not_found")?;
        let currency = currency.unwrap_or(payer.currency);
        let standings = [self.standing(from), self.standing(to)];
        refuse_first(&[
            (from == to, "same_account"),
            (payer.currency != currency || payee.currency != currency, "currency_mismatch"),
            (standings.contains(&Standing::Frozen), "account_frozen"),
            (standings.contains(&Standing::Closed), "account_closed"),
        ])
    }

    fn accept_hold(&self, hold: HoldId) -> Result<Placed, &'static str> {
        let placed = *self.hold(hold).ok_or("hold_not_found")?;
        refuse_first(&[(self.hold_end(hold).is_some(), "hold_not_active")])?;
        Ok(placed)
    }

    fn passes_limits(&self, from: AccountId, amount: i128, now: Timestamp) -> bool {
        self.terms(from).is_some_and(|terms| {
            terms.per_transfer.is_some_and(|limit| amount > i128::from(limit))
                || terms
                    .per_day
                    .is_some_and(|limit| self.spent(from, now) + amount > i128::from(limit))
        })
    }

    fn overflows(&self, (from, to): Sides, amount: i128) -> bool {
        self.debits(from) + amount > LARGEST || self.credits(to) + amount > LARGEST
    }

    fn lacks(&self, from: AccountId, amount: i128) -> bool {
        self.available(from).is_some_and(|available| amount > available)
    }
}

fn refuse_first(reasons: &[(bool, &'static str)]) -> Result<(), &'static str> {
    match reasons.iter().find(|(applies, _)| *applies) {
        Some((_, code)) => Err(code),
        None => Ok(()),
    }
}
