//! Leaf numbers: contiguous, after commit, for every row, whoever writes and however late.

use std::collections::HashMap;

use exchequer::bank::Bank;
use exchequer::evidence::prove::Proven;
use exchequer::staff::model::Role;
use store::params;
use testkit::TestBank;

use crate::{Town, write};

async fn number(bank: &TestBank, sql: &'static str) -> u64 {
    let read = bank.bank().db().read("count", move |tx| tx.query_one(sql, &[])?.int(0));
    read.await.expect("a count").unsigned_abs()
}

async fn rows(bank: &TestBank) -> u64 {
    number(
        bank,
        "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM events) \
         + (SELECT CAST(COUNT(*) AS BIGINT) FROM transfers)",
    )
    .await
}

#[tokio::test]
async fn every_row_becomes_a_leaf_and_an_idle_bank_writes_nothing() {
    let town = Town::new().await;
    assert_eq!(
        town.proven().await,
        Proven { pending: rows(&town.bank).await, ..Proven::default() }
    );
    let first = town.write().await;
    assert_eq!(first, rows(&town.bank).await);
    assert_eq!(town.write().await, 0);
    for n in 0..5 {
        town.pay(100 + n, Some("rent")).await;
        assert_eq!(town.write().await, 1);
    }
    assert_eq!(town.write().await, 0);
    let proven = town.proven().await;
    assert_eq!((proven.leaves, proven.pending), (first + 5, 0));
    assert_eq!((proven.checkpoints, proven.signed, proven.sealed), (6, 6, 0));
    let status = town.bank.bank().sequencer().status().clone();
    assert_eq!((status.size, status.is_leader, status.missing), (first + 5, true, None));
}

/// The last row stays the last one for longer than the node remembers which rows are leaves.
#[tokio::test]
async fn a_row_is_one_leaf_however_long_the_bank_is_idle_behind_it() {
    let town = Town::new().await;
    let first = town.write().await;
    town.pay(100, None).await;
    assert_eq!(town.write().await, 1);
    for pause in [100, 300, 5_000] {
        town.bank.advance(pause);
        // More runs than there are from one sweep to the next.
        for run in 0..20 {
            assert_eq!(town.write().await, 0, "{pause} {run}");
            town.bank.advance(1);
        }
    }
    let other = town.bank.other_bank().await;
    for _ in 0..20 {
        assert_eq!(write(&other).await.expect("the log is written"), 0);
        town.bank.advance(1);
    }
    let proven = town.proven().await;
    assert_eq!((proven.leaves, proven.pending), (first + 1, 0));
}

#[tokio::test]
async fn a_bank_with_many_rows_is_caught_up_with_and_taken_up_again() {
    let mut town = Town::new().await;
    town.write().await;
    for round in 0..4 {
        for n in 0..70 {
            town.pay(1 + n, None).await;
        }
        town.bank.advance(200);
        // A node that knows nothing of the log yet, as after a restart.
        let other = town.bank.other_bank().await;
        assert!(write(&other).await.expect("the log is written") >= 70, "{round}");
        town.bank.advance(10);
        town.bank.sign_in(&mut town.asha).await;
    }
    town.write().await;
    let proven = town.proven().await;
    assert!(proven.leaves > 256 && proven.pending == 0, "{proven:?}");
}

#[tokio::test]
async fn two_nodes_never_give_a_number_twice() {
    let town = Town::new().await;
    let other = town.bank.other_bank().await;
    for n in 0..20 {
        town.pay(10 + n, None).await;
        let (ours, theirs) = tokio::join!(write(town.bank.bank()), write(&other));
        let made = [ours, theirs].into_iter().filter_map(Result::ok).sum::<u64>();
        assert!(made > 0, "nobody has written the log");
        if n % 5 == 0 {
            town.bank.advance(7);
        }
    }
    town.bank.advance(7);
    town.write().await;
    assert_eq!(town.proven().await.leaves, rows(&town.bank).await);
}

#[tokio::test]
async fn a_row_that_appears_below_others_is_found_by_counting() {
    let town = Town::new().await;
    town.pay(1, None).await;
    let id = early_id(&town);
    town.bank.advance(3);
    town.pay(2, None).await;
    town.write().await;
    // As if its transaction had taken three seconds longer than the other's.
    insert_copy(&town, id).await;
    assert_eq!(town.write().await, 1);
    let id = early_id(&town);
    town.bank.advance(60);
    town.pay(3, None).await;
    assert_eq!(town.write().await, 1);
    insert_copy(&town, id).await;
    let mut made = 0;
    for _ in 0..15 {
        made += town.write().await;
    }
    assert_eq!(made, 1);
    assert_eq!(town.proven().await.pending, 0);
}

#[tokio::test]
async fn a_row_that_appears_too_late_is_named() {
    let mut town = Town::new().await;
    town.bank.skip_verify();
    town.pay(1, None).await;
    let id = early_id(&town);
    town.bank.advance(200);
    town.pay(2, None).await;
    for _ in 0..20 {
        town.write().await;
    }
    insert_copy(&town, id).await;
    for _ in 0..20 {
        assert_eq!(town.write().await, 0);
    }
    let found = town.found(town.trust(), |_| Ok(())).await.expect_err("it is no leaf");
    let id = money::EventId::from_bytes(id).to_string();
    assert_eq!((found.table, found.id.as_str()), ("events", id.as_str()));
    assert!(found.found.contains("inserted"), "{found}");
}

#[tokio::test]
async fn rows_of_a_clock_that_was_ahead_are_leaves_once() {
    let town = Town::new().await;
    let mut id = early_id(&town);
    // An hour ahead: bytes 2 to 4 count some 65 seconds each in the last one.
    id[3] = id[3].wrapping_add(55);
    insert_copy(&town, id).await;
    town.write().await;
    for n in 0..20 {
        town.bank.advance(5);
        town.pay(1 + n, None).await;
        assert_eq!(town.write().await, 1);
    }
    let other = town.bank.other_bank().await;
    town.bank.advance(10);
    assert_eq!(write(&other).await.expect("written"), 0);
    assert_eq!(town.proven().await.leaves, rows(&town.bank).await);
}

#[tokio::test]
async fn rows_that_are_gone_are_noticed_while_the_bank_serves() {
    let mut town = Town::new().await;
    town.bank.skip_verify();
    town.pay(1, None).await;
    town.write().await;
    let kind = town.bank.bank().db().kind();
    let gone = town.bank.bank().db().write("spoil", move |tx| {
        crate::open_up(tx, kind)?;
        tx.execute("DELETE FROM transfers WHERE amount = 1", &[])
    });
    assert_eq!(gone.await, Ok(1));
    assert_eq!(town.write().await, 0);
    assert!(town.bank.bank().sequencer().status().missing.is_some());
}

/// An id of this moment.
fn early_id(town: &Town) -> [u8; 16] {
    *town.bank.bank().tools().id::<money::kind::Event>().bytes()
}

/// An event like another one, under another id.
async fn insert_copy(town: &Town, id: [u8; 16]) {
    let sql = "INSERT INTO events (id, at, origin, request, action, resource, outcome) \
               SELECT $1, at, origin, request, action, resource, outcome FROM events \
               WHERE id = (SELECT MIN(e.id) FROM events AS e)";
    let sql_bytes = "INSERT INTO events (id, at, origin, request, action, resource, outcome) \
               SELECT CAST($1 AS BYTEA), at, origin, request, action, resource, outcome FROM events \
               ORDER BY id LIMIT 1";
    let is_server = town.bank.database().folder().is_none();
    let sql = if is_server { sql_bytes } else { sql };
    let write = town.bank.bank().db().write("late", move |tx| tx.execute(sql, params![&id]));
    assert_eq!(write.await, Ok(1));
}

// PCI DSS 10.4.1.1: rules look through the trail, each event once, on whichever node it becomes a leaf.
#[tokio::test]
async fn each_event_is_held_against_the_rules_once_whoever_makes_its_leaf() {
    let town = Town::new().await;
    let found = |bank: &Bank| -> HashMap<&'static str, u64> {
        let status = bank.sequencer().status();
        status.matches.each().map(|(rule, count)| (rule.name(), count)).collect()
    };
    let bank = town.bank.bank();
    assert!(found(bank).values().all(|count| *count == 0), "nothing is a leaf yet");
    town.write().await;
    let operators = found(bank)["operators_changed"];
    assert_eq!(operators, 1, "the teller");
    town.write().await;
    assert_eq!(found(bank)["operators_changed"], operators);
    let teller = town.bank.operator(Role::Teller).await;
    for _ in 0..3 {
        teller.client.get("/v1/staff/events").await.refused(403, "forbidden");
    }
    town.write().await;
    assert_eq!(found(bank)["operator_refused"], 3);
    assert_eq!(found(bank)["operators_changed"], operators + 1);
    // Another node goes on, and counts what it has made leaves of.
    let auditor = town.bank.operator(Role::Auditor).await;
    let _file = auditor.client.get("/v1/staff/events/export?format=csv").await.expect(200);
    town.bank.advance(30);
    let there = town.bank.other_bank().await;
    assert!(write(&there).await.expect("the log is written") > 0);
    let (here, there) = (found(bank), found(&there));
    assert_eq!((here["trail_taken"], there["trail_taken"]), (0, 1));
    assert_eq!((here["operators_changed"], there["operators_changed"]), (operators + 1, 1));
}
