//! `check` finds every row that cannot be, in its order.

use ledger::{
    Account, AccountStatus, BalancePolicy, Hold, HoldStatus, Violation, check, check_hold,
};

use crate::scene::{ALICE, BOB, bank, held, hold};

type Fault = fn(&mut Account);

/// Each breaks one rule; those further down are broken as well where that is possible.
const FAULTS: &[(Violation, Fault)] = &[
    (Violation::PostedNegative, |account| account.debits_posted = -1),
    (Violation::PostedNegative, |account| account.credits_posted = -1),
    (Violation::HeldNegative, |account| account.debits_held = -1),
    (Violation::HeldNegative, |account| account.credits_held = -1),
    (Violation::SpentNegative, |account| account.spent_in_window = -1),
    (Violation::OverdraftLimitNegative, |account| {
        account.policy = BalancePolicy::Bounded { overdraft_limit: -1 };
    }),
    (Violation::LimitNegative, |account| account.limits.per_transfer = Some(-1)),
    (Violation::LimitNegative, |account| account.limits.per_day = Some(-1)),
    (Violation::EntriesDisagree, |account| account.entry_count = -1),
    (Violation::EntriesDisagree, |account| account.entry_count = 0),
    (Violation::EntriesDisagree, |account| account.last_entry = None),
    (Violation::PolicyBroken, |account| account.debits_held = 1001),
    (Violation::PolicyBroken, |account| account.debits_posted = 1001),
    (Violation::ClosedWithBalance, |account| account.status = AccountStatus::Closed),
    (Violation::ClosedWithHolds, |account| {
        account.debits_posted = account.credits_posted;
        account.credits_held = 1;
        account.status = AccountStatus::Closed;
    }),
];

#[test]
fn a_sound_account_passes() {
    assert_eq!(check(&bank().accounts[ALICE]), Ok(()));
    assert_eq!(check(&bank().accounts[BOB]), Ok(()));
}

#[test]
fn each_violation_is_found() {
    for (violation, fault) in FAULTS {
        let mut account = bank().accounts[ALICE];
        fault(&mut account);
        assert_eq!(check(&account), Err(*violation));
    }
}

#[test]
fn an_account_never_used_has_no_entries() {
    let mut account = bank().accounts[BOB];
    account.entry_count = 1;
    assert_eq!(check(&account), Err(Violation::EntriesDisagree));
    account.entry_count = 0;
    account.last_entry = bank().accounts[ALICE].last_entry;
    assert_eq!(check(&account), Err(Violation::EntriesDisagree));
}

#[test]
fn an_account_without_bound_may_be_as_low_as_it_likes() {
    let mut account = bank().accounts[ALICE];
    account.policy = BalancePolicy::Unbounded;
    account.debits_posted = i64::MAX;
    account.debits_held = i64::MAX;
    assert_eq!(check(&account), Ok(()));
}

#[test]
fn a_hold_captures_between_nothing_and_its_amount_as_its_status_says() {
    use HoldStatus::{Active, Captured, Expired, Voided};
    let sound =
        [(Active, 0), (Active, 99), (Captured, 1), (Captured, 100), (Voided, 99), (Expired, 0)];
    let broken = [
        (Active, 100),
        (Active, -1),
        (Captured, 0),
        (Captured, 101),
        (Voided, 100),
        (Expired, 100),
    ];
    for (status, captured) in sound {
        assert_eq!(check_hold(&Hold { status, captured, ..fresh() }), Ok(()), "{status:?}");
    }
    for (status, captured) in broken {
        let hold = Hold { status, captured, ..fresh() };
        assert_eq!(check_hold(&hold), Err(Violation::HoldCaptured), "{status:?} {captured}");
    }
    let nothing = Hold { amount: 0, captured: 5, ..fresh() };
    assert_eq!(check_hold(&nothing), Err(Violation::HoldAmount), "before what was captured");
}

fn fresh() -> Hold {
    let mut book = bank();
    let slot = held(&mut book, hold(1, ALICE, BOB, 100));
    book.holds[slot]
}
