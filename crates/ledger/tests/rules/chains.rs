//! Linked orders: all or none.

use ledger::{Account, BalancePolicy, Book, HoldStatus, Original, Outcome, Refusal};
use money::Currency;

use crate::scene::{
    ALICE, BOB, CAROL, CASH, NOW, account_id, alone, balances, bank, capture, held, hold, linked,
    plan_now, posted, reverse, transfer, transfer_id, void,
};

const LINKED: Outcome = Outcome::Refused(Refusal::LinkedRefused);
const POOR: Outcome = Outcome::Refused(Refusal::InsufficientFunds);

#[test]
fn a_chain_whose_orders_all_pass_happens() {
    let mut book = bank();
    let orders = [
        linked(transfer(1, ALICE, BOB, 1000)),
        linked(transfer(2, BOB, CAROL, 600)),
        alone(transfer(3, CAROL, ALICE, 100)),
    ];
    let outcomes = plan_now(&mut book, &orders);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Posted(_))), "{outcomes:?}");
    assert_eq!(balances(&book), [-1000, 100, 400, 500, 0]);
}

#[test]
fn one_refusal_anywhere_refuses_the_chain_and_restores_the_book() {
    for culprit in 0..3 {
        let mut book = bank();
        let before = book.clone();
        let mut orders = [
            linked(transfer(1, ALICE, BOB, 500)),
            linked(transfer(2, BOB, CAROL, 200)),
            alone(transfer(3, CAROL, ALICE, 100)),
        ];
        orders[culprit].act = transfer(4, ALICE, CAROL, 5000);
        let mut expected = [LINKED; 3];
        expected[culprit] = POOR;
        assert_eq!(plan_now(&mut book, &orders), expected);
        assert_eq!(book, before);
    }
}

#[test]
fn only_the_first_refusal_of_a_chain_is_named() {
    let mut book = bank();
    let orders = [
        linked(transfer(1, ALICE, BOB, 5000)),
        linked(transfer(2, ALICE, ALICE, 1)),
        alone(transfer(3, ALICE, BOB, 5000)),
    ];
    assert_eq!(plan_now(&mut book, &orders), [POOR, LINKED, LINKED]);
}

#[test]
fn every_kind_of_act_is_undone_exactly() {
    let mut book = bank();
    posted(&mut book, transfer(1, ALICE, BOB, 300));
    let id = transfer_id(1);
    let currency = Currency::INR;
    let original = Original { id, debit: ALICE, credit: BOB, amount: 300, currency, reversed: 0 };
    book.originals.push(original);
    book.accounts[ALICE].limits.per_day = Some(900);
    let first = held(&mut book, hold(1, ALICE, BOB, 100));
    let second = held(&mut book, hold(2, ALICE, CAROL, 50));
    let before = book.clone();
    let orders = [
        linked(capture(2, first, Some(40), false)),
        linked(capture(3, first, Some(10), true)),
        linked(reverse(4, 0, Some(200))),
        linked(void(second)),
        linked(hold(3, ALICE, BOB, 20)),
        linked(hold(4, BOB, CAROL, 20)),
        linked(transfer(5, ALICE, CAROL, 5)),
        alone(capture(6, first, None, true)),
    ];
    let outcomes = plan_now(&mut book, &orders);
    assert_eq!(outcomes[7], Outcome::Refused(Refusal::HoldNotActive));
    assert_eq!(outcomes[..7], [LINKED; 7]);
    assert_eq!(book, before);

    let outcomes = plan_now(&mut book, &orders[..6]);
    assert_eq!(outcomes[5], Outcome::Refused(Refusal::LinkedChainOpen));
    assert_eq!(book, before);
}

#[test]
fn neighbours_of_a_refused_chain_keep_their_effects_and_slots() {
    let mut book = bank();
    let orders = [
        alone(hold(1, ALICE, BOB, 10)),
        linked(hold(2, ALICE, BOB, 20)),
        linked(hold(3, ALICE, BOB, 30)),
        alone(transfer(1, BOB, CAROL, 1)),
        alone(hold(4, ALICE, CAROL, 40)),
        linked(transfer(2, ALICE, BOB, 100)),
        alone(transfer(3, BOB, CAROL, 100)),
    ];
    let outcomes = plan_now(&mut book, &orders);
    assert_eq!(outcomes[0], Outcome::Held { hold: 0 });
    assert_eq!(outcomes[1..4], [LINKED, LINKED, POOR]);
    assert_eq!(outcomes[4], Outcome::Held { hold: 1 });
    assert!(outcomes[5..].iter().all(|outcome| matches!(outcome, Outcome::Posted(_))));
    assert_eq!(book.holds.iter().map(|hold| hold.amount).collect::<Vec<_>>(), [10, 40]);
    assert!(book.holds.iter().all(|hold| hold.status == HoldStatus::Active));
    assert_eq!(balances(&book), [-1000, 900, 0, 100, 0]);
    assert_eq!(book.accounts[ALICE].held(), 50);
}

#[test]
fn a_chain_cut_off_by_the_end_of_the_batch_is_refused_before_any_rule() {
    let mut book = bank();
    let before = book.clone();
    let open = Outcome::Refused(Refusal::LinkedChainOpen);
    assert_eq!(plan_now(&mut book, &[linked(transfer(1, ALICE, BOB, 1))]), [open]);
    let orders = [
        alone(transfer(1, ALICE, BOB, 5000)),
        linked(transfer(2, ALICE, BOB, 5000)),
        linked(transfer(3, ALICE, BOB, 1)),
    ];
    assert_eq!(plan_now(&mut book, &orders), [POOR, LINKED, open]);
    assert_eq!(book, before);
}

#[test]
fn an_empty_batch_does_nothing() {
    let mut book = bank();
    let before = book.clone();
    assert!(ledger::plan(&mut book, &[], NOW).is_empty());
    assert_eq!(book, before);
}

#[test]
fn a_long_chain_is_undone_from_its_last_order() {
    let policy = |slot: u8| match usize::from(slot) {
        CASH => BalancePolicy::Unbounded,
        _ => BalancePolicy::Bounded { overdraft_limit: 0 },
    };
    let accounts =
        (0..50).map(|slot| Account::open(account_id(slot), Currency::INR, policy(slot))).collect();
    let mut book = Book { accounts, ..Book::default() };
    let before = book.clone();
    let hops = (0..49).map(|number| {
        let from = usize::from(number);
        linked(transfer(number, from, from + 1, 1000 - i64::from(number)))
    });
    let mut orders: Vec<_> = hops.collect();
    orders.push(alone(transfer(99, 49, CASH, 1001)));
    let outcomes = plan_now(&mut book, &orders);
    assert_eq!((outcomes[0], outcomes[49]), (LINKED, POOR));
    assert_eq!(book, before);
}
