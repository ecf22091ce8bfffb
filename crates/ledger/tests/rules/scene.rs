//! A small bank to try rules on: its cash, three customers in rupees and one in dollars.

use ledger::{
    Account, Act, BalancePolicy, Book, CaptureOrder, HoldOrder, Order, Outcome, Posting, Refusal,
    ReverseOrder, TransferOrder, check, check_hold, plan,
};
use money::{AccountId, Amount, Currency, HoldId, Timestamp, TransferId};

pub const CASH: usize = 0;
pub const ALICE: usize = 1;
pub const BOB: usize = 2;
pub const CAROL: usize = 3;
pub const HOUR: i64 = 3_600_000_000;
pub const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

pub fn account_id(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

pub fn transfer_id(number: u8) -> TransferId {
    TransferId::from_bytes([number; 16])
}

pub fn hold_id(number: u8) -> HoldId {
    HoldId::from_bytes([number; 16])
}

pub fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("a test amount")
}

/// Alice has 1000, Bob and Carol nothing; nobody has an overdraft or a limit.
pub fn bank() -> Book {
    let policies = [
        (Currency::INR, BalancePolicy::Unbounded),
        (Currency::INR, BalancePolicy::Bounded { overdraft_limit: 0 }),
        (Currency::INR, BalancePolicy::Bounded { overdraft_limit: 0 }),
        (Currency::INR, BalancePolicy::Bounded { overdraft_limit: 0 }),
        (Currency::USD, BalancePolicy::Bounded { overdraft_limit: 0 }),
    ];
    let accounts = (10..)
        .zip(policies)
        .map(|(number, (currency, policy))| Account::open(account_id(number), currency, policy))
        .collect();
    let mut book = Book { accounts, ..Book::default() };
    let deposit = posted(&mut book, transfer(200, CASH, ALICE, 1000));
    assert_eq!(deposit.credit.balance_after, 1000);
    book
}

pub fn transfer(id: u8, debit: usize, credit: usize, minor: i64) -> Act {
    Act::Transfer(TransferOrder {
        id: transfer_id(id),
        debit: Some(debit),
        credit: Some(credit),
        amount: amount(minor),
        currency: Currency::INR,
    })
}

/// A hold for one hour.
pub fn hold(id: u8, debit: usize, credit: usize, minor: i64) -> Act {
    Act::Hold(HoldOrder {
        id: hold_id(id),
        debit: Some(debit),
        credit: Some(credit),
        amount: amount(minor),
        currency: Currency::INR,
        expires_at: NOW.plus_micros(HOUR),
    })
}

pub fn capture(id: u8, hold: usize, minor: Option<i64>, is_final: bool) -> Act {
    let transfer = transfer_id(id);
    Act::Capture(CaptureOrder { transfer, hold: Some(hold), amount: minor.map(amount), is_final })
}

pub fn void(hold: usize) -> Act {
    Act::Void { hold: Some(hold) }
}

pub fn expire(hold: usize) -> Act {
    Act::Expire { hold: Some(hold) }
}

pub fn reverse(id: u8, original: usize, minor: Option<i64>) -> Act {
    let transfer = transfer_id(id);
    Act::Reverse(ReverseOrder { transfer, original: Some(original), amount: minor.map(amount) })
}

pub fn alone(act: Act) -> Order {
    Order { linked_with_next: false, act }
}

pub fn linked(act: Act) -> Order {
    Order { linked_with_next: true, act }
}

/// Plans a batch and looks over the whole book afterwards.
pub fn plan_at(book: &mut Book, orders: &[Order], now: Timestamp) -> Vec<Outcome> {
    let outcomes = plan(book, orders, now);
    assert_eq!(outcomes.len(), orders.len(), "one outcome per order");
    for account in &book.accounts {
        assert_eq!(check(account), Ok(()), "{account:?}");
    }
    for hold in &book.holds {
        assert_eq!(check_hold(hold), Ok(()), "{hold:?}");
    }
    outcomes
}

pub fn plan_now(book: &mut Book, orders: &[Order]) -> Vec<Outcome> {
    plan_at(book, orders, NOW)
}

pub fn one_at(book: &mut Book, act: Act, now: Timestamp) -> Outcome {
    plan_at(book, &[alone(act)], now)[0]
}

pub fn one(book: &mut Book, act: Act) -> Outcome {
    one_at(book, act, NOW)
}

pub fn posted(book: &mut Book, act: Act) -> Posting {
    match one(book, act) {
        Outcome::Posted(posting) => posting,
        other => panic!("expected a posting, got {other:?}"),
    }
}

/// Places a hold and answers its slot.
pub fn held(book: &mut Book, act: Act) -> usize {
    match one(book, act) {
        Outcome::Held { hold } => hold,
        other => panic!("expected a hold, got {other:?}"),
    }
}

/// Asserts that the act is refused so, and that nothing changed.
pub fn refused(book: &mut Book, act: Act, refusal: Refusal) {
    refused_at(book, act, NOW, refusal);
}

pub fn refused_at(book: &mut Book, act: Act, now: Timestamp, refusal: Refusal) {
    let before = book.clone();
    assert_eq!(plan(book, &[alone(act)], now), [Outcome::Refused(refusal)]);
    assert_eq!(*book, before, "a refused order leaves the book exactly as it was");
}

pub fn balances(book: &Book) -> Vec<i64> {
    book.accounts.iter().map(Account::posted).collect()
}

pub fn available(book: &Book, account: usize) -> i64 {
    book.accounts[account].available().expect("a bounded account")
}
