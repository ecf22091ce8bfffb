//! Standing and balances of one account.

use ledger::{Account, AccountStatus, BalancePolicy, StatusRefusal};
use money::Currency;

use crate::scene::account_id;

#[test]
fn available_is_posted_less_held_plus_the_overdraft() {
    let mut account = bounded(50);
    account.credits_posted = 1000;
    account.debits_posted = 300;
    account.debits_held = 100;
    account.credits_held = 7;
    assert_eq!((account.posted(), account.held(), account.available()), (700, 100, Some(650)));
    account.policy = BalancePolicy::Unbounded;
    assert_eq!(account.available(), None);
}

#[test]
fn available_beyond_64_bits_is_the_nearest() {
    let mut account = bounded(i64::MAX);
    account.credits_posted = i64::MAX;
    assert_eq!(account.available(), Some(i64::MAX));
    let mut account = bounded(0);
    account.debits_posted = i64::MAX;
    account.debits_held = i64::MAX;
    assert_eq!(account.available(), Some(i64::MIN));
}

#[test]
fn freezing_refuses_a_closed_account_before_a_frozen_one() {
    let mut account = bounded(0);
    assert_eq!(account.freeze(), Ok(()));
    assert_eq!(account.status, AccountStatus::Frozen);
    assert_eq!(account.freeze(), Err(StatusRefusal::AlreadyFrozen));
    account.status = AccountStatus::Closed;
    assert_eq!(account.freeze(), Err(StatusRefusal::AccountClosed));
}

#[test]
fn unfreezing_refuses_a_closed_account_before_an_open_one() {
    let mut account = bounded(0);
    assert_eq!(account.unfreeze(), Err(StatusRefusal::NotFrozen));
    account.status = AccountStatus::Frozen;
    assert_eq!(account.unfreeze(), Ok(()));
    assert_eq!(account.status, AccountStatus::Open);
    account.status = AccountStatus::Closed;
    assert_eq!(account.unfreeze(), Err(StatusRefusal::AccountClosed));
}

#[test]
fn closing_looks_at_standing_then_balance_then_holds_of_both_directions() {
    let mut account = bounded(100);
    account.debits_held = 1;
    account.credits_held = 1;
    for (credits, debits) in [(1, 0), (0, 1)] {
        account.credits_posted = credits;
        account.debits_posted = debits;
        assert_eq!(account.close(), Err(StatusRefusal::BalanceNotZero));
    }
    account.credits_posted = 1;
    assert_eq!(account.close(), Err(StatusRefusal::HoldsActive));
    account.debits_held = 0;
    assert_eq!(account.close(), Err(StatusRefusal::HoldsActive), "incoming holds count");
    (account.debits_held, account.credits_held) = (1, 0);
    assert_eq!(account.close(), Err(StatusRefusal::HoldsActive), "outgoing holds count");
    account.debits_held = 0;
    assert_eq!(account.status, AccountStatus::Open);
    assert_eq!(account.close(), Ok(()));
    account.credits_posted = 9;
    assert_eq!(account.close(), Err(StatusRefusal::AccountClosed), "before the balance");
}

#[test]
fn a_frozen_account_without_money_closes() {
    let mut account = bounded(0);
    account.status = AccountStatus::Frozen;
    assert_eq!(account.close(), Ok(()));
    assert_eq!(account.status, AccountStatus::Closed);
}

#[test]
fn status_refusals_have_stable_codes() {
    let codes = [
        (StatusRefusal::AccountClosed, "account_closed"),
        (StatusRefusal::AlreadyFrozen, "already_frozen"),
        (StatusRefusal::NotFrozen, "not_frozen"),
        (StatusRefusal::BalanceNotZero, "balance_not_zero"),
        (StatusRefusal::HoldsActive, "holds_active"),
    ];
    for (refusal, code) in codes {
        assert_eq!(refusal.code(), code);
    }
}

fn bounded(overdraft_limit: i64) -> Account {
    Account::open(account_id(1), Currency::INR, BalancePolicy::Bounded { overdraft_limit })
}
