//! Random histories: the planner against the reference ledger, compared after every step.

use std::collections::BTreeSet;

use ledger::Refusal;
use money::{Amount, Currency};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};

use crate::{
    reference::{Standing, Terms},
    world::{Step, Wish, World},
};

const HOUR: i64 = 3_600_000_000;

proptest! {
    /// Outcomes, balances, holds and windows agree after every step, each batch is its chains one
    /// by one, and every currency stays balanced.
    #[test]
    fn every_history_agrees_with_the_reference((headroom, steps) in history()) {
        live(headroom, &steps);
    }
}

/// A test of the tests: the histories do reach everything that can be answered.
#[test]
fn histories_reach_every_outcome_and_refusal() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let (headroom, steps) = history().new_tree(&mut runner).expect("no filters").current();
        seen.extend(live(headroom, &steps).seen);
    }
    let refusals = [
        Refusal::OF_HOLD,
        Refusal::OF_CAPTURE,
        Refusal::OF_EXPIRE,
        Refusal::OF_REVERSE,
        &[Refusal::LinkedRefused, Refusal::LinkedChainOpen],
    ]
    .concat();
    let mut expected: BTreeSet<&str> = refusals.iter().map(|refusal| refusal.code()).collect();
    expected.extend(["posted", "held", "voided", "expired", "declared"]);
    expected.extend(["already_frozen", "not_frozen", "balance_not_zero", "holds_active"]);
    assert_eq!(seen, expected);
}

fn live(headroom: Option<i64>, steps: &[Step]) -> World {
    let mut world = World::new(&accounts(), headroom);
    for step in steps {
        world.step(step);
    }
    world
}

/// Cash, four customers in rupees of whom two are limited, and a small bank in dollars.
fn accounts() -> [Terms; 7] {
    let plain =
        Terms { currency: Currency::INR, overdraft: Some(0), per_transfer: None, per_day: None };
    [
        Terms { overdraft: None, ..plain },
        Terms { overdraft: Some(500), per_day: Some(1500), ..plain },
        plain,
        Terms { per_transfer: Some(300), per_day: Some(900), ..plain },
        plain,
        Terms { currency: Currency::USD, overdraft: None, ..plain },
        Terms { currency: Currency::USD, per_day: Some(400), ..plain },
    ]
}

fn history() -> impl Strategy<Value = (Option<i64>, Vec<Step>)> {
    let headroom = prop_oneof![3 => Just(None), 1 => (0..3000_i64).prop_map(Some)];
    (headroom, vec(step(), 1..40))
}

fn step() -> impl Strategy<Value = Step> {
    let standing = prop_oneof![
        4 => Just(Standing::Open),
        2 => Just(Standing::Frozen),
        1 => Just(Standing::Closed),
    ];
    let moved = prop_oneof![
        3 => 1..HOUR,
        2 => HOUR..12 * HOUR,
        2 => Just(24 * HOUR),
        1 => 24 * HOUR - 1..48 * HOUR,
        1 => -2 * HOUR..0,
    ];
    prop_oneof![
        8 => vec((prop::bool::weighted(0.2), wish()), 1..8).prop_map(Step::Batch),
        2 => (0..7_usize, standing).prop_map(|(account, standing)| Step::Declare(account, standing)),
        3 => moved.prop_map(Step::Clock),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let part = || prop::option::weighted(0.7, amount());
    prop_oneof![
        6 => (parties(), amount()).prop_map(|((from, to, currency), amount)| {
            Wish::Transfer { from, to, amount, currency }
        }),
        4 => (parties(), amount(), lasts()).prop_map(|((from, to, currency), amount, lasts)| {
            Wish::Hold { from, to, amount, currency, lasts }
        }),
        4 => (any::<usize>(), part(), prop::bool::weighted(0.3))
            .prop_map(|(pick, amount, is_final)| Wish::Capture { pick, amount, is_final }),
        1 => any::<usize>().prop_map(|pick| Wish::Void { pick }),
        2 => any::<usize>().prop_map(|pick| Wish::Expire { pick }),
        2 => (any::<usize>(), part()).prop_map(|(pick, amount)| Wish::Reverse { pick, amount }),
    ]
}

/// Mostly two accounts of one currency, with cash paying often; sometimes anything, known or not.
fn parties() -> impl Strategy<Value = (usize, usize, Currency)> {
    let currency = prop_oneof![Just(Currency::INR), Just(Currency::USD)];
    prop_oneof![
        4 => (1..5_usize).prop_map(|to| (0, to, Currency::INR)),
        8 => (1..5_usize, 0..5_usize).prop_map(|(from, to)| (from, to, Currency::INR)),
        2 => prop_oneof![Just((5, 6, Currency::USD)), Just((6, 5, Currency::USD))],
        1 => (0..8_usize, 0..8_usize, currency),
    ]
}

fn amount() -> impl Strategy<Value = i64> {
    let largest = Amount::MAX.get();
    prop_oneof![
        9 => 1..=300_i64,
        3 => 300..=2000_i64,
        1 => largest - 2..=largest,
    ]
}

fn lasts() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 1..3 * HOUR, 3 => HOUR..72 * HOUR, 1 => -HOUR..=0]
}
