//! Faults that comparable systems shipped, as far as the ledger can have them. "Concurrent" here is
//! one batch, which is what concurrent requests become.

use ledger::{AccountStatus, Book, HoldStatus, Original, Outcome, Refusal, StatusRefusal};
use money::{Amount, AmountError, Currency};

use crate::scene::{
    ALICE, BOB, CAROL, CASH, HOUR, NOW, alone, available, bank, capture, expire, held, hold, one,
    one_at, plan_now, posted, refused, refused_at, reverse, transfer, transfer_id, void,
};

#[test]
fn of_two_concurrent_captures_of_one_hold_one_happens() {
    let mut book = bank();
    let slot = held(&mut book, hold(1, ALICE, BOB, 100));
    for second in [None, Some(100)] {
        let mut book = book.clone();
        let orders = [alone(capture(1, slot, None, true)), alone(capture(2, slot, second, true))];
        let outcomes = plan_now(&mut book, &orders);
        assert!(matches!(outcomes[0], Outcome::Posted(_)));
        assert_eq!(outcomes[1], Outcome::Refused(Refusal::HoldNotActive));
        assert_eq!(book.accounts[BOB].posted(), 100);
    }
    let orders =
        [alone(capture(1, slot, Some(60), false)), alone(capture(2, slot, Some(60), false))];
    assert_eq!(plan_now(&mut book, &orders)[1], Outcome::Refused(Refusal::CaptureExceedsHold));
    assert_eq!(book.accounts[BOB].posted(), 60);
}

#[test]
fn of_two_concurrent_refunds_that_pass_the_payment_one_happens() {
    let mut book = bank();
    posted(&mut book, transfer(1, ALICE, BOB, 100));
    // The payee has more than enough, so only the rule itself can refuse.
    posted(&mut book, transfer(2, CASH, BOB, 1000));
    let (id, currency) = (transfer_id(1), Currency::INR);
    let original = Original { id, debit: ALICE, credit: BOB, amount: 100, currency, reversed: 0 };
    book.originals.push(original);
    let orders = [alone(reverse(3, 0, Some(60))), alone(reverse(4, 0, Some(60)))];
    let outcomes = plan_now(&mut book, &orders);
    assert!(matches!(outcomes[0], Outcome::Posted(_)));
    assert_eq!(outcomes[1], Outcome::Refused(Refusal::ReversalExceedsTransfer));
    assert_eq!(book.originals[0].reversed, 60);
}

#[test]
fn holds_whose_sum_passes_the_balance_are_refused_from_the_last() {
    let mut book = bank();
    let orders = [
        alone(hold(1, ALICE, BOB, 400)),
        alone(hold(2, ALICE, CAROL, 400)),
        alone(hold(3, ALICE, BOB, 201)),
        alone(hold(4, ALICE, BOB, 200)),
    ];
    let outcomes = plan_now(&mut book, &orders);
    assert_eq!(outcomes[2], Outcome::Refused(Refusal::InsufficientFunds));
    assert_eq!(outcomes[3], Outcome::Held { hold: 2 });
    assert_eq!(available(&book, ALICE), 0);
}

#[test]
fn capture_after_void_or_expiry_has_no_effect() {
    let later = NOW.plus_micros(HOUR);
    for (end, now) in [(void(0), NOW), (expire(0), later)] {
        for amount in [None, Some(1), Some(100)] {
            let mut book = bank();
            held(&mut book, hold(1, ALICE, BOB, 100));
            assert!(!matches!(one_at(&mut book, end, now), Outcome::Refused(_)));
            refused_at(&mut book, capture(1, 0, amount, true), now, Refusal::HoldNotActive);
        }
    }
    let mut book = bank();
    held(&mut book, hold(1, ALICE, BOB, 100));
    refused_at(&mut book, capture(1, 0, None, true), later, Refusal::HoldExpired);
}

#[test]
fn a_transfer_to_itself_is_refused_at_once() {
    let mut book = bank();
    book.accounts[ALICE].status = AccountStatus::Frozen;
    refused(&mut book, transfer(1, ALICE, ALICE, 5000), Refusal::SameAccount);
    refused(&mut book, hold(1, ALICE, ALICE, 5000), Refusal::SameAccount);
}

#[test]
fn voiding_a_hold_restores_exactly_the_accounts_before_it() {
    let mut book = bank();
    book.accounts[ALICE].limits.per_day = Some(500);
    book.accounts[ALICE].spent_in_window = 17;
    held(&mut book, hold(1, ALICE, BOB, 30));
    let before = book.clone();
    let slot = held(&mut book, hold(2, ALICE, CAROL, 400));
    assert_eq!(one(&mut book, void(slot)), Outcome::Voided);
    assert_eq!(book.accounts, before.accounts);
    assert_eq!(book.holds[..slot], before.holds[..]);
    assert_eq!(book.holds[slot].status, HoldStatus::Voided);
}

#[test]
fn freeze_racing_close_never_reopens() {
    let acts = [ledger::Account::freeze, ledger::Account::unfreeze, ledger::Account::close];
    for first in acts {
        for second in acts {
            for third in acts {
                let mut account = bank().accounts[BOB];
                let mut was_closed = false;
                for act in [first, second, third] {
                    let answer = act(&mut account);
                    if was_closed {
                        assert_eq!(answer, Err(StatusRefusal::AccountClosed));
                    }
                    was_closed |= account.status == AccountStatus::Closed;
                    assert_eq!(was_closed, account.status == AccountStatus::Closed);
                }
            }
        }
    }
}

#[test]
fn a_closed_account_takes_no_money_in() {
    let mut book = bank();
    assert_eq!(book.accounts[BOB].close(), Ok(()));
    refused(&mut book, transfer(1, ALICE, BOB, 1), Refusal::AccountClosed);
    refused(&mut book, hold(1, ALICE, BOB, 1), Refusal::AccountClosed);
}

#[test]
fn balances_above_2_to_the_53_stay_exact() {
    let mut book = bank();
    let largest = Amount::MAX.get();
    for id in 1..=100 {
        posted(&mut book, transfer(id, CASH, BOB, largest));
    }
    posted(&mut book, transfer(101, BOB, CAROL, 1));
    assert_eq!(book.accounts[BOB].posted(), 900_719_925_474_099_099);
    assert_eq!(available(&book, BOB), 900_719_925_474_099_099);
    let slot = held(&mut book, hold(1, BOB, CAROL, largest));
    assert_eq!(available(&book, BOB), 891_712_726_219_358_108);
    posted(&mut book, capture(102, slot, None, false));
    assert_eq!(book.accounts[CAROL].posted(), largest + 1);
}

#[test]
fn amount_zero_never_means_all() {
    // An order cannot carry zero, and `None` is the only way to say "all".
    assert_eq!(Amount::new(0), Err(AmountError::NotPositive));
    assert_eq!(Amount::new(-1), Err(AmountError::NotPositive));
    assert_eq!(Amount::new(i64::MIN), Err(AmountError::NotPositive));
    // "All" of nothing is refused, not posted as zero.
    let mut book = exhausted_hold();
    let outcomes = ledger::plan(&mut book, &[alone(capture(1, 0, None, false))], NOW);
    assert_eq!(outcomes, [Outcome::Refused(Refusal::CaptureExceedsHold)]);
}

#[test]
fn an_overdraft_is_never_granted_by_an_order() {
    // No act carries a policy: the same order is decided by what the account says.
    let act = transfer(1, BOB, CAROL, 50);
    let mut book = bank();
    refused(&mut book, act, Refusal::InsufficientFunds);
    book.accounts[BOB].policy = ledger::BalancePolicy::Bounded { overdraft_limit: 49 };
    refused(&mut book, act, Refusal::InsufficientFunds);
    let policy = ledger::BalancePolicy::Bounded { overdraft_limit: 50 };
    book.accounts[BOB].policy = policy;
    posted(&mut book, act);
    assert_eq!(book.accounts[BOB].policy, policy);
}

#[test]
fn voiding_twice_frees_only_once() {
    let mut book = bank();
    let first = held(&mut book, hold(1, ALICE, BOB, 100));
    let second = held(&mut book, hold(2, ALICE, BOB, 200));
    let orders = [alone(void(first)), alone(void(first)), alone(expire(first))];
    let outcomes = plan_now(&mut book, &orders);
    assert_eq!(outcomes[0], Outcome::Voided);
    assert_eq!(outcomes[1..], [Outcome::Refused(Refusal::HoldNotActive); 2]);
    assert_eq!(book.accounts[ALICE].held(), 200);
    assert_eq!(book.holds[second].status, HoldStatus::Active);
}

/// A hold that says it is active and has nothing left, as only a broken book can have.
fn exhausted_hold() -> Book {
    let mut book = bank();
    held(&mut book, hold(1, ALICE, BOB, 100));
    book.holds[0].captured = 100;
    book
}
