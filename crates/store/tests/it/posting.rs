//! The exactly-once core.

use std::collections::HashSet;

use ledger::Refusal;
use store::posting::{Answer, Posted, Replay};
use store::{DbError, Kind};

use crate::ledger_bank::{LedgerBank, OPENING, done};

#[tokio::test]
async fn a_transfer_moves_money_and_links_its_entries() {
    let bank = LedgerBank::new(2).await;
    let posted = bank
        .post(vec![bank.order(0, 1, 300, None), bank.order(1, 0, 50, None)])
        .await
        .expect("posts");
    assert_eq!(bank.balances().await, [OPENING - 250, OPENING + 250]);
    let chain = bank.chain(0).await;
    assert_eq!(chain.len(), 3);
    assert_eq!(chain[0], *done(&posted[1]));
    assert_eq!(chain[1], *done(&posted[0]));
    assert_eq!((chain[0].credit.number, chain[0].credit.balance), (3, OPENING - 250));
    assert_eq!(chain[0].credit.previous, Some(chain[1].id));
}

#[tokio::test]
async fn the_same_key_has_one_effect_and_one_answer() {
    let bank = LedgerBank::new(2).await;
    let first = bank.post(vec![bank.order(0, 1, 100, Some("k"))]).await.expect("posts");
    let again = bank.post(vec![bank.order(0, 1, 100, Some("k"))]).await.expect("replays");
    assert_eq!(again, [Posted::Replayed(Replay::Row(done(&first[0]).clone()))]);
    let other = bank.post(vec![bank.order(0, 1, 101, Some("k"))]).await.expect("refuses");
    assert_eq!(other, [Posted::KeyReused]);
    assert_eq!(bank.balances().await, [OPENING - 100, OPENING + 100]);
}

#[tokio::test]
async fn a_refusal_is_stored_under_its_key() {
    let bank = LedgerBank::new(2).await;
    let refused = bank.post(vec![bank.order(0, 1, 5_000, Some("k"))]).await.expect("refuses");
    let answer = Answer { status: 422, body: b"insufficient_funds".to_vec() };
    assert_eq!(refused, [Posted::Refused(Refusal::InsufficientFunds, answer.clone())]);
    // The money has come since; the key still answers what it answered.
    bank.post(vec![bank.order(1, 0, 1_000, None)]).await.expect("posts");
    let again = bank.post(vec![bank.order(0, 1, 5_000, Some("k"))]).await.expect("replays");
    assert_eq!(again, [Posted::Replayed(Replay::Stored(answer))]);
    assert_eq!(bank.count("SELECT COUNT(*) FROM events").await, 1);
}

#[tokio::test]
async fn one_key_many_times_in_one_batch() {
    let bank = LedgerBank::new(2).await;
    let orders: Vec<_> =
        (0..50).map(|n| bank.order(0, 1, if n == 7 { 11 } else { 10 }, Some("k"))).collect();
    let posted = bank.post(orders).await.expect("posts");
    let row = done(&posted[0]).clone();
    for (n, result) in posted.iter().enumerate().skip(1) {
        let wanted = match n {
            7 => Posted::KeyReused,
            _ => Posted::Replayed(Replay::Row(row.clone())),
        };
        assert_eq!(*result, wanted, "{n}");
    }
    assert_eq!(bank.balances().await, [OPENING - 10, OPENING + 10]);
}

#[tokio::test]
async fn a_large_batch_tells_old_keys_from_new_ones() {
    let bank = LedgerBank::new(2).await;
    let order = |n: usize| bank.order(n % 2, 1 - n % 2, 1, Some(&format!("k{n}")));
    let first = bank.post((0..100).step_by(7).map(order).collect()).await.expect("posts");
    let both = bank.post((0..100).map(order).collect()).await.expect("posts");
    for (n, result) in both.iter().enumerate() {
        if n % 7 == 0 {
            let row = done(&first[n / 7]).clone();
            assert_eq!(*result, Posted::Replayed(Replay::Row(row)), "{n}");
        } else {
            assert!(matches!(result, Posted::Done(_)), "{n}: {result:?}");
        }
    }
    assert_eq!(bank.balances().await, [OPENING; 2]);
}

#[tokio::test]
async fn accounts_that_moved_in_their_table_are_found() {
    let bank = LedgerBank::new(2).await;
    if bank.db.kind() != Kind::Sqlite {
        return; // only there has a table places
    }
    bank.post(vec![bank.order(0, 1, 100, None)]).await.expect("posts");
    // Each account but the middle one now stands where another stood, then where none stood.
    for moves in [
        [
            "UPDATE accounts SET place = -place",
            "UPDATE balances SET place = -place",
            "UPDATE accounts SET place = 4 + place",
            "UPDATE balances SET place = 4 + place",
        ],
        [
            "UPDATE accounts SET place = -place",
            "UPDATE balances SET place = -place",
            "UPDATE accounts SET place = 100 - place",
            "UPDATE balances SET place = 100 - place",
        ],
    ] {
        let moved = bank.db.write("move", move |tx| {
            tx.execute("PRAGMA defer_foreign_keys = ON", &[])?;
            for sql in moves {
                assert_eq!(tx.execute(sql, &[])?, 3);
            }
            Ok::<_, DbError>(())
        });
        assert_eq!(moved.await, Ok(()));
        let posted = bank.post(vec![bank.order(0, 1, 100, None)]).await.expect("posts");
        assert!(matches!(posted[0], Posted::Done(_)), "{posted:?}");
    }
    assert_eq!(bank.balances().await, [OPENING - 300, OPENING + 300]);
}

#[tokio::test]
async fn one_key_a_hundred_times_in_parallel() {
    let bank = LedgerBank::new(2).await;
    let results = futures_util::future::join_all(
        (0..100).map(|_| bank.post(vec![bank.order(0, 1, 10, Some("k"))])),
    )
    .await;
    let mut ids = HashSet::new();
    let mut fresh = 0;
    for result in results {
        match &result.expect("an answer")[0] {
            Posted::Done(row) => {
                fresh += 1;
                ids.insert(row.id);
            }
            Posted::Replayed(Replay::Row(row)) => {
                ids.insert(row.id);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((fresh, ids.len()), (1, 1));
    assert_eq!(bank.balances().await, [OPENING - 10, OPENING + 10]);
}

#[tokio::test]
async fn linked_orders_happen_together_or_not_at_all() {
    let bank = LedgerBank::new(3).await;
    let mut orders =
        vec![bank.order(0, 1, 400, None), bank.order(0, 2, 400, None), bank.order(0, 1, 400, None)];
    orders[0].linked_with_next = true;
    orders[1].linked_with_next = true;
    let posted = bank.post(orders).await.expect("decides");
    let codes: Vec<_> = posted
        .iter()
        .map(|p| match p {
            Posted::Refused(refusal, _) => *refusal,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, [Refusal::LinkedRefused, Refusal::LinkedRefused, Refusal::InsufficientFunds]);
    assert_eq!(bank.balances().await, [OPENING; 3]);
    assert_eq!(bank.count("SELECT COUNT(*) FROM transfers").await, 3, "the deposits");
}

#[tokio::test]
async fn parallel_writers_on_hot_accounts_conserve_money() {
    let bank = LedgerBank::new(4).await;
    let results = futures_util::future::join_all((0..200_usize).map(|n| {
        let (from, to) = (n % 4, (n + 1 + n % 3) % 4);
        let amount = i64::try_from(n % 7 * 90 + 1).expect("small");
        bank.post(vec![bank.order(from, to, amount, None)])
    }))
    .await;
    assert!(results.iter().all(Result::is_ok));
    let balances = bank.balances().await;
    assert_eq!(balances.iter().sum::<i64>(), 4 * OPENING);
    assert!(balances.iter().all(|b| *b >= 0), "{balances:?}");
}

// ASVS 2.3.3: wherever it fails, nothing of a batch is left.
#[tokio::test]
async fn a_failure_at_any_statement_leaves_nothing_and_a_retry_works() {
    let bank = LedgerBank::new(2).await;
    let transfers = bank.count("SELECT COUNT(*) FROM transfers").await;
    for statement in 1.. {
        assert!(statement < 50, "the verb has no end");
        bank.db.faults().fail_at("transfers.post", statement);
        let orders = vec![bank.order(0, 1, 10, Some("n")), bank.order(0, 1, 9_999, Some("r"))];
        let result = bank.post(orders).await;
        if bank.db.faults().disarm() {
            assert!(statement > 4, "the verb has more than {statement} statements");
            let posted = result.expect("no fault fired");
            assert!(matches!(posted[..], [Posted::Done(_), Posted::Refused(..)]), "{posted:?}");
            break;
        }
        assert!(matches!(result, Err(DbError::Unavailable(_))), "{result:?}");
        assert_eq!(bank.count("SELECT COUNT(*) FROM transfers").await, transfers);
        assert_eq!(bank.count("SELECT COUNT(*) FROM idempotency").await, 0);
        assert_eq!(bank.balances().await, [OPENING; 2]);
    }
    assert_eq!(bank.balances().await, [OPENING - 10, OPENING + 10]);
}

#[tokio::test]
async fn nobody_pays_from_what_is_not_theirs() {
    let bank = LedgerBank::new(2).await;
    let mut order = bank.order(0, 1, 10, None);
    order.debit = store::posting::Party::Own {
        owner: money::IdMint::new(money::Rng::seeded(8)).mint(money::Timestamp::from_seconds(1)),
        account: bank.accounts[0],
    };
    let posted = bank.post(vec![order]).await.expect("refuses");
    assert!(matches!(posted[0], Posted::Refused(Refusal::AccountNotFound, _)));
}
