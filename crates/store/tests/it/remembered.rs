//! Large batches of a node that remembers balances, while others change them: what was true decides.

use std::sync::Arc;

use ledger::Refusal;
use store::posting::Posted;
use store::{Db, DbError, Kind, params};

use crate::ledger_bank::{LedgerBank, OPENING};

/// More than a large batch needs.
const ACCOUNTS: usize = 100;

/// What all accounts have together.
fn everything() -> i64 {
    i64::try_from(ACCOUNTS).expect("few accounts") * OPENING
}

/// Everybody pays the next one `amount`: changes every account, and no balance.
async fn round(bank: &LedgerBank, db: &Db, amount: i64) {
    let orders = (0..ACCOUNTS).map(|n| bank.order(n, (n + 1) % ACCOUNTS, amount, None)).collect();
    let posted = bank.post_on(db, orders).await.expect("a round");
    assert!(posted.iter().all(|p| matches!(p, Posted::Done(_))));
}

/// Another node of the bank; on SQLite there is one writer and no other node.
fn other(bank: &LedgerBank) -> Db {
    match bank.db.kind() {
        Kind::Postgres => Db::open(bank.database.options()).expect("opens"),
        Kind::Sqlite => bank.db.clone(),
    }
}

fn refusal(posted: &Posted) -> Option<Refusal> {
    match posted {
        Posted::Refused(refusal, _) => Some(*refusal),
        Posted::Done(_) => None,
        Posted::Replayed(_) | Posted::KeyReused => panic!("{posted:?}"),
    }
}

/// A batch in which all but the first ten take part, and these orders besides.
async fn batch(bank: &LedgerBank, wanted: &[(usize, usize, i64)]) -> Vec<Option<Refusal>> {
    let rest = (10..ACCOUNTS - 1).map(|n| bank.order(n, n + 1, 1, None));
    let orders = wanted.iter().map(|(from, to, amount)| bank.order(*from, *to, *amount, None));
    let posted = bank.post(orders.chain(rest).collect()).await.expect("a batch");
    let (wanted, rest) = posted.split_at(wanted.len());
    assert!(rest.iter().all(|posted| refusal(posted).is_none()));
    wanted.iter().map(refusal).collect()
}

#[tokio::test]
async fn money_that_came_or_went_elsewhere_decides() {
    let bank = LedgerBank::new(ACCOUNTS).await;
    round(&bank, &bank.db, 5).await;
    round(&bank, &bank.db, 5).await;
    let node = other(&bank);
    let away = vec![bank.order(0, 1, OPENING, None), bank.order(2, 3, OPENING, None)];
    let posted = bank.post_on(&node, away).await.expect("elsewhere");
    assert!(posted.iter().all(|p| refusal(p).is_none()));
    // What is refused by what is remembered, and accepted by it; neither is true any more.
    let said = batch(&bank, &[(1, 4, 2 * OPENING)]).await;
    assert_eq!(said, [None]);
    let said = batch(&bank, &[(0, 4, 1), (3, 4, 2 * OPENING)]).await;
    assert_eq!(said, [Some(Refusal::InsufficientFunds), None]);
    let balances = bank.balances().await;
    assert_eq!(balances[..5], [0, 0, 0, 0, 5 * OPENING]);
    assert_eq!(balances.iter().sum::<i64>(), everything());
}

#[tokio::test]
async fn a_standing_or_limit_that_changed_decides() {
    const LIMIT: &str = "UPDATE balances SET version = version + 1, limit_transfer = 10 \
         WHERE place = (SELECT place FROM accounts WHERE id = $1)";
    const DAY: &str = "UPDATE balances SET version = version + 1, limit_day = 10 \
         WHERE place = (SELECT place FROM accounts WHERE id = $1)";
    const FREEZE: &str = "UPDATE balances SET version = version + 1, status = 1 \
         WHERE place = (SELECT place FROM accounts WHERE id = $1)";
    let bank = LedgerBank::new(ACCOUNTS).await;
    round(&bank, &bank.db, 5).await;
    for (n, sql) in [LIMIT, DAY, FREEZE].into_iter().enumerate() {
        let id = bank.accounts[n];
        let change = move |tx: &mut store::Tx<'_>| tx.execute(sql, params![&id]);
        bank.db.write("change", change).await.expect("a change");
    }
    let wanted = [(0, 5, 11), (1, 5, 11), (2, 5, 11), (0, 5, 10), (1, 5, 10)];
    let right = [
        Some(Refusal::LimitExceeded),
        Some(Refusal::LimitExceeded),
        Some(Refusal::AccountFrozen),
        None,
        None,
    ];
    assert_eq!(batch(&bank, &wanted).await, right);
    assert_eq!(batch(&bank, &[(1, 5, 1)]).await, [Some(Refusal::LimitExceeded)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_in_parallel_lose_and_make_no_money() {
    let bank = Arc::new(LedgerBank::new(ACCOUNTS).await);
    let nodes = [bank.db.clone(), other(&bank)];
    let tasks: Vec<_> = (0..24_usize)
        .map(|n| {
            let (bank, node) = (Arc::clone(&bank), nodes[n % 2].clone());
            tokio::spawn(async move {
                let shift = n * 7 + 1;
                let order = |from: usize| bank.order(from, (from + shift) % ACCOUNTS, 40, None);
                let orders = (0..ACCOUNTS).map(order).collect();
                let posted = match bank.post_on(&node, orders).await {
                    Ok(posted) => posted,
                    Err(DbError::Busy(_)) => return 0,
                    Err(error) => panic!("{error}"),
                };
                posted.iter().filter(|posted| refusal(posted).is_none()).count()
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.expect("a task");
    }
    let balances = bank.balances().await;
    assert_eq!(balances.iter().sum::<i64>(), everything());
    assert!(balances.iter().all(|balance| *balance >= 0));
    let posted = bank.count("SELECT COUNT(*) FROM transfers").await;
    assert_eq!(posted, i64::try_from(done + ACCOUNTS).expect("a count"), "with the deposits");
    for (account, balance) in balances.iter().enumerate() {
        let chain = bank.chain(account).await;
        let sums = chain.iter().map(|row| {
            if row.debit.account == bank.accounts[account] { -row.amount } else { row.amount }
        });
        assert_eq!(sums.sum::<i64>(), *balance);
    }
}
