//! Runs one random history through the planner and the reference ledger side by side.
//!
//! Order: each step is put to both, their answers are compared, then every balance, hold and
//! original of the book with what the reference sums up.

use ledger::{
    Account, AccountStatus, Act, BalancePolicy, Book, CaptureOrder, Hold, HoldOrder, HoldStatus,
    Limits, Order, Original, Outcome, Posting, ReverseOrder, TransferOrder, check, check_hold,
    plan,
};
use money::{AccountId, Amount, Currency, HoldId, Timestamp, TransferId};

use crate::reference::{Answer, Ask, Done, HoldEnd, Line, Reference, Standing, Terms};

/// What may happen next; numbers pick among what exists, one past it being unknown.
#[derive(Clone, Debug)]
pub enum Step {
    Batch(Vec<(bool, Wish)>),
    Declare(usize, Standing),
    Clock(i64),
}

#[derive(Clone, Debug)]
pub enum Wish {
    Transfer { from: usize, to: usize, amount: i64, currency: Currency },
    Hold { from: usize, to: usize, amount: i64, currency: Currency, lasts: i64 },
    Capture { pick: usize, amount: Option<i64>, is_final: bool },
    Void { pick: usize },
    Expire { pick: usize },
    Reverse { pick: usize, amount: Option<i64> },
}

pub struct World {
    pub book: Book,
    pub now: Timestamp,
    reference: Reference,
    ids_given: u128,
    /// Every refusal code and every kind of outcome that occurred, for the test of the tests.
    pub seen: Vec<&'static str>,
}

impl World {
    /// Opens one account per entry of `terms`. With `headroom`, the first account has paid the third
    /// so much before this history that only that many minor units are left in 64 bits.
    pub fn new(terms: &[Terms], headroom: Option<i64>) -> Self {
        let mut world = Self {
            book: Book::default(),
            now: Timestamp::from_seconds(1_790_000_000),
            reference: Reference::default(),
            ids_given: 0,
            seen: Vec::new(),
        };
        for terms in terms {
            let id = AccountId::from_bytes(world.next_id());
            world.reference.open(id, *terms);
            world.book.accounts.push(account(id, terms));
        }
        if let Some(headroom) = headroom {
            let moved = i64::MAX - headroom;
            let entry = TransferId::from_bytes(world.next_id());
            let accounts = &mut world.book.accounts;
            world.reference.bring(entry, (accounts[0].id, accounts[2].id), moved);
            accounts[0].debits_posted = moved;
            accounts[2].credits_posted = moved;
            for slot in [0, 2] {
                accounts[slot].entry_count = 1;
                accounts[slot].last_entry = Some(entry);
            }
        }
        world
    }

    pub fn step(&mut self, step: &Step) {
        match step {
            Step::Batch(wishes) => self.batch(wishes),
            Step::Declare(account, standing) => self.declare(*account, *standing),
            Step::Clock(micros) => self.now = self.now.plus_micros(*micros),
        }
        self.load_windows();
        self.compare();
    }

    fn batch(&mut self, wishes: &[(bool, Wish)]) {
        let pairs: Vec<(Order, (bool, Ask))> = wishes
            .iter()
            .map(|(linked_with_next, wish)| {
                let (act, ask) = self.spell_out(wish);
                let linked_with_next = *linked_with_next;
                (Order { linked_with_next, act }, (linked_with_next, ask))
            })
            .collect();
        let (orders, asks): (Vec<Order>, Vec<(bool, Ask)>) = pairs.into_iter().unzip();
        self.load_windows();
        let before = self.book.clone();
        let outcomes = plan(&mut self.book, &orders, self.now);
        assert_one_by_one(before.clone(), &orders, self.now, &outcomes, &self.book);
        if outcomes.iter().all(|outcome| matches!(outcome, Outcome::Refused(_))) {
            assert_eq!(self.book, before, "refused orders leave nothing behind");
        }
        let answers = self.reference.ask_all(&asks, self.now);
        assert_eq!(outcomes.len(), answers.len());
        for ((outcome, answer), (order, ask)) in
            outcomes.iter().zip(&answers).zip(orders.iter().zip(&asks))
        {
            assert_eq!(as_answer(outcome), *answer, "{ask:?}");
            self.seen.push(name(outcome));
            if let Outcome::Posted(posting) = outcome {
                self.remember(&order.act, posting);
            }
        }
        self.compare();
    }

    /// Makes a posted transfer something that later orders may reverse.
    fn remember(&mut self, act: &Act, posting: &Posting) {
        let id = match act {
            Act::Transfer(order) => order.id,
            Act::Capture(order) => order.transfer,
            Act::Reverse(order) => order.transfer,
            Act::Hold(_) | Act::Void { .. } | Act::Expire { .. } => panic!("{act:?} posts nothing"),
        };
        self.book.originals.push(Original {
            id,
            debit: posting.debit.account,
            credit: posting.credit.account,
            amount: posting.amount,
            currency: self.book.accounts[posting.debit.account].currency,
            reversed: 0,
        });
    }

    fn declare(&mut self, slot: usize, standing: Standing) {
        let account = &mut self.book.accounts[slot];
        let answer = match standing {
            Standing::Open => account.unfreeze(),
            Standing::Frozen => account.freeze(),
            Standing::Closed => account.close(),
        };
        let id = account.id;
        assert_eq!(
            answer.map_err(ledger::StatusRefusal::code),
            self.reference.declare(id, standing)
        );
        self.seen.push(match answer {
            Ok(()) => "declared",
            Err(refusal) => refusal.code(),
        });
    }

    /// The same wish by slot, for the planner, and by id, for the reference.
    fn spell_out(&mut self, wish: &Wish) -> (Act, Ask) {
        let fresh = self.next_id();
        let transfer = TransferId::from_bytes(fresh);
        match *wish {
            Wish::Transfer { from, to, amount, currency } => {
                let (debit, payer) = self.account_at(from);
                let (credit, payee) = self.account_at(to);
                let (id, minor) = (transfer, amount);
                let amount = whole(amount);
                (
                    Act::Transfer(TransferOrder { id, debit, credit, amount, currency }),
                    Ask::Transfer { id, sides: (payer, payee), amount: minor, currency },
                )
            }
            Wish::Hold { from, to, amount, currency, lasts } => {
                let (debit, payer) = self.account_at(from);
                let (credit, payee) = self.account_at(to);
                let (id, minor) = (HoldId::from_bytes(fresh), amount);
                let (amount, expires_at) = (whole(amount), self.now.plus_micros(lasts));
                (
                    Act::Hold(HoldOrder { id, debit, credit, amount, currency, expires_at }),
                    Ask::Hold {
                        id,
                        sides: (payer, payee),
                        amount: minor,
                        currency,
                        until: expires_at,
                    },
                )
            }
            Wish::Capture { pick, amount, is_final } => {
                let (slot, hold) = self.hold_at(pick);
                let minor = amount;
                let amount = amount.map(whole);
                (
                    Act::Capture(CaptureOrder { transfer, hold: slot, amount, is_final }),
                    Ask::Capture { id: transfer, hold, amount: minor, is_final },
                )
            }
            Wish::Void { pick } => {
                let (slot, hold) = self.hold_at(pick);
                (Act::Void { hold: slot }, Ask::Void { hold })
            }
            Wish::Expire { pick } => {
                let (slot, hold) = self.hold_at(pick);
                (Act::Expire { hold: slot }, Ask::Expire { hold })
            }
            Wish::Reverse { pick, amount } => {
                let slot = Some(pick % (self.book.originals.len() + 1));
                let found = slot.and_then(|slot| self.book.originals.get(slot));
                let original = found.map_or(TransferId::from_bytes([255; 16]), |found| found.id);
                let minor = amount;
                let amount = amount.map(whole);
                (
                    Act::Reverse(ReverseOrder { transfer, original: slot, amount }),
                    Ask::Reverse { id: transfer, original, amount: minor },
                )
            }
        }
    }

    fn account_at(&self, slot: usize) -> (Option<usize>, AccountId) {
        match self.book.accounts.get(slot) {
            Some(account) => (Some(slot), account.id),
            None => (None, AccountId::from_bytes([255; 16])),
        }
    }

    fn hold_at(&self, pick: usize) -> (Option<usize>, HoldId) {
        let slot = pick % (self.book.holds.len() + 1);
        match self.book.holds.get(slot) {
            Some(hold) => (Some(slot), hold.id),
            None => (None, HoldId::from_bytes([255; 16])),
        }
    }

    /// What a loader does before each batch; the clock may have moved.
    fn load_windows(&mut self) {
        for account in &mut self.book.accounts {
            if account.limits.per_day.is_some() {
                let spent = self.reference.spent(account.id, self.now);
                account.spent_in_window = i64::try_from(spent).expect("within a daily limit");
            }
        }
    }

    fn compare(&self) {
        for account in &self.book.accounts {
            self.compare_account(account);
        }
        for hold in &self.book.holds {
            assert_eq!(check_hold(hold), Ok(()), "{hold:?}");
            assert_eq!(i128::from(hold.captured), self.reference.captured(hold.id));
            let end = match hold.status {
                HoldStatus::Active => None,
                HoldStatus::Captured => Some(HoldEnd::Captured),
                HoldStatus::Voided => Some(HoldEnd::Voided),
                HoldStatus::Expired => Some(HoldEnd::Expired),
            };
            assert_eq!(end, self.reference.hold_end(hold.id), "{hold:?}");
        }
        for original in &self.book.originals {
            assert_eq!(i128::from(original.reversed), self.reference.reversed(original.id));
        }
        for currency in [Currency::INR, Currency::USD] {
            assert_conserved(&self.book, currency);
        }
    }

    fn compare_account(&self, account: &Account) {
        let (id, truth) = (account.id, &self.reference);
        assert_eq!(check(account), Ok(()), "{account:?}");
        let totals = [
            account.debits_posted,
            account.credits_posted,
            account.debits_held,
            account.credits_held,
        ];
        let sums =
            [truth.debits(id), truth.credits(id), truth.debits_held(id), truth.credits_held(id)];
        assert_eq!(totals.map(i128::from), sums, "{account:?}");
        let nearest = |exact: i128| exact.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        assert_eq!(account.available().map(i128::from), truth.available(id).map(nearest));
        if account.limits.per_day.is_some() {
            assert_eq!(i128::from(account.spent_in_window), truth.spent(id, self.now));
        }
        let entries = truth.entries(id);
        assert_eq!(account.last_entry, entries.last().copied());
        assert_eq!(usize::try_from(account.entry_count), Ok(entries.len()));
        let standing = match account.status {
            AccountStatus::Open => Standing::Open,
            AccountStatus::Frozen => Standing::Frozen,
            AccountStatus::Closed => Standing::Closed,
        };
        assert_eq!(standing, truth.standing(id));
    }

    fn next_id(&mut self) -> [u8; 16] {
        self.ids_given += 1;
        self.ids_given.to_be_bytes()
    }
}

/// A batch is its chains, each a batch of its own.
fn assert_one_by_one(
    mut book: Book,
    orders: &[Order],
    now: Timestamp,
    outcomes: &[Outcome],
    after: &Book,
) {
    let mut singly = Vec::new();
    for chain in orders.split_inclusive(|order| !order.linked_with_next) {
        singly.extend(plan(&mut book, chain, now));
    }
    assert_eq!(singly, outcomes, "planned one by one, the outcomes differ");
    assert_eq!(book, *after, "planned one by one, the book differs");
}

/// Per currency: debits equal credits, and held totals are the sums of what active holds keep.
fn assert_conserved(book: &Book, currency: Currency) {
    let of = |total: fn(&Account) -> i64| -> i128 {
        let accounts = book.accounts.iter().filter(|account| account.currency == currency);
        accounts.map(|account| i128::from(total(account))).sum()
    };
    assert_eq!(of(|account| account.debits_posted), of(|account| account.credits_posted));
    let active = |hold: &&Hold| {
        hold.status == HoldStatus::Active && book.accounts[hold.debit].currency == currency
    };
    let reserved: i128 =
        book.holds.iter().filter(active).map(|hold| i128::from(hold.remaining())).sum();
    assert_eq!(of(|account| account.debits_held), reserved);
    assert_eq!(of(|account| account.credits_held), reserved);
}

fn account(id: AccountId, terms: &Terms) -> Account {
    let policy = match terms.overdraft {
        Some(overdraft_limit) => BalancePolicy::Bounded { overdraft_limit },
        None => BalancePolicy::Unbounded,
    };
    let limits = Limits { per_transfer: terms.per_transfer, per_day: terms.per_day };
    Account { limits, ..Account::open(id, terms.currency, policy) }
}

fn as_answer(outcome: &Outcome) -> Answer {
    let line = |entry: &ledger::Entry| Line {
        number: i128::from(entry.number),
        previous: entry.previous,
        balance: i128::from(entry.balance_after),
    };
    match outcome {
        Outcome::Posted(posting) => Ok(Done::Moved {
            amount: i128::from(posting.amount),
            payer: line(&posting.debit),
            payee: line(&posting.credit),
        }),
        Outcome::Held { .. } => Ok(Done::Held),
        Outcome::Voided => Ok(Done::Voided),
        Outcome::Expired => Ok(Done::Expired),
        Outcome::Refused(refusal) => Err(refusal.code()),
    }
}

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Posted(_) => "posted",
        Outcome::Held { .. } => "held",
        Outcome::Voided => "voided",
        Outcome::Expired => "expired",
        Outcome::Refused(refusal) => refusal.code(),
    }
}

fn whole(minor: i64) -> Amount {
    Amount::new(minor).expect("the strategies make amounts only")
}
