//! The trail sent elsewhere: every leaf, in order, whatever becomes of who takes it.

use std::sync::Arc;

use data_encoding::BASE64;
use exchequer::config::TrailAddress;
use exchequer::events;
use exchequer::evidence::outside::own_checkpoint;
use exchequer::jobs::Job;
use http::StatusCode;
use merkle::{Edge, Hash, leaf_hash};
use serde_json::Value;
use store::DbError;
use testkit::logs::Manner;
use testkit::{LogServer, TestBank};
use tokio::sync::watch;
use vault::SecretString;

use crate::{Town, open_up};

async fn town() -> (Town, LogServer) {
    let logs = LogServer::start().await;
    let token = Some(Arc::new(SecretString::new(LogServer::TOKEN.to_owned())));
    let address = TrailAddress { url: logs.url(), token };
    let bank = TestBank::with(move |settings| settings.evidence.trail = Some(address)).await;
    (Town::of(bank).await, logs)
}

impl Town {
    /// Writes the log and sends it; gives how many leaves were taken.
    async fn send(&self) -> u64 {
        self.write().await;
        self.send_only().await.expect("the database answers")
    }

    async fn send_only(&self) -> Result<u64, DbError> {
        let (_running, stop) = watch::channel(false);
        Job::SendLog.run(self.bank.bank(), &stop).await
    }

    fn unsent(&self) -> Option<String> {
        self.bank.bank().sequencer().status().trail_fails.clone().map(|(_, why)| why)
    }
}

/// The leaves that were taken, each once; the same number is the same leaf however often it came.
fn leaves(logs: &LogServer) -> Vec<Value> {
    let mut leaves: Vec<Value> = Vec::new();
    for line in logs.lines().into_iter().filter(|line| line.get("index").is_some()) {
        let index = line["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        if let Some(known) = leaves.get(index.expect("a number")) {
            assert_eq!(*known, line);
        } else {
            assert_eq!(index, Some(leaves.len()), "a leaf is left out before {line}");
            leaves.push(line);
        }
    }
    leaves
}

fn hash_of(line: &Value) -> Hash {
    let bytes = |name: &str| BASE64.decode(line[name].as_str()?.as_bytes()).ok();
    let lost = || bytes("hash").and_then(|hash| hash.try_into().ok()).expect("a hash");
    bytes("leaf").map_or_else(lost, |leaf| leaf_hash(&leaf))
}

/// Whoever took the leaves holds them against the last checkpoint that came with them.
fn is_whole(town: &Town, logs: &LogServer) {
    let lines = logs.lines();
    let note = lines.iter().rev().find_map(|line| line["checkpoint"].as_str());
    let keys = town.bank.bank().tools().keyring().clone();
    let said = own_checkpoint(note.expect("a checkpoint"), &keys).expect("signed");
    let mut edge = Edge::default();
    for line in leaves(logs) {
        edge.append(&[hash_of(&line)]);
    }
    assert_eq!((edge.size(), edge.root()), (said.size, said.root));
}

// PCI DSS 10.3.3: every event is at another server within seconds, in order and whole, as its own copy of the log shows.
#[tokio::test]
async fn every_leaf_is_sent_once_in_order_and_makes_the_signed_root() {
    let (town, logs) = town().await;
    let id = town.pay(17, Some("Half the rent")).await;
    let first = town.send().await;
    assert!(first > 5);
    assert_eq!(town.send().await, 0, "all of it was taken");
    assert_eq!(logs.requests(), 1, "of an idle bank nothing is sent");
    is_whole(&town, &logs);
    let paid = leaves(&logs).into_iter().find(|line| line["resource"] == id.as_str());
    let paid = paid.expect("the transfer");
    assert_eq!((&paid["action"], &paid["outcome"]), (&"transfer.posted".into(), &"done".into()));
    assert_eq!(
        (&paid["actor"]["kind"], &paid["actor"]["id"]),
        (&"customer".into(), &town.asha.id[..].into())
    );
    town.pay(18, None).await;
    assert_eq!(town.send().await, 1);
    is_whole(&town, &logs);
    // What is personal stays: no name, address, memo, agent, and no balance.
    let all = logs.lines().iter().map(Value::to_string).collect::<String>();
    for never in [
        "Half the rent",
        "asha.rao",
        "Asha",
        "192.0.2.1",
        "testkit",
        "1000000",
        "balance",
        "before",
        "after",
    ] {
        assert!(!all.contains(never), "{never}");
    }
    let sent = town.bank.bank().sequencer().status().sent;
    assert_eq!(sent, u64::try_from(leaves(&logs).len()).expect("few"));
}

#[tokio::test]
async fn a_server_that_is_gone_slow_or_refuses_blocks_nothing_and_misses_nothing() {
    let (town, logs) = town().await;
    town.pay(1, None).await;
    assert!(town.send().await > 0);
    for (manner, why) in [
        (Manner::Answers(StatusCode::SERVICE_UNAVAILABLE), "it answered 503"),
        (Manner::Answers(StatusCode::FOUND), "it answered 302"),
        (Manner::TakesAndAnswers(StatusCode::BAD_GATEWAY), "it answered 502"),
        (Manner::Silent, "no answer in time"),
    ] {
        logs.is(manner);
        town.pay(2, None).await;
        assert_eq!(town.send().await, 0, "{why}");
        assert!(town.unsent().is_some_and(|said| said.contains(why)), "{:?}", town.unsent());
        town.pay(3, None).await;
        assert_eq!(town.send().await, 0, "it stays so");
        logs.is(Manner::Takes);
        assert!(town.send().await > 2, "both, and that it was gone");
        assert_eq!(town.unsent(), None);
        assert_eq!(town.send().await, 1, "that it is back");
        assert_eq!(town.send().await, 0);
        is_whole(&town, &logs);
    }
    let told = leaves(&logs).into_iter().filter(|line| line["action"] == "log.kept_outside");
    let told: Vec<_> =
        told.map(|line| (line["resource"].clone(), line["outcome"].clone())).collect();
    assert_eq!(told.len(), 8);
    assert_eq!(told[0], ("trail".into(), "failed".into()));
    assert_eq!(told[1], ("trail".into(), "done".into()));
}

#[tokio::test]
async fn a_server_that_does_not_know_the_bank_or_is_not_there_is_told_of() {
    let logs = LogServer::start().await;
    for (url, token, why) in [
        (logs.url(), Some("another"), "it answered 401"),
        (logs.url(), None, "it answered 401"),
        ("http://127.0.0.1:1/bank".to_owned(), None, "no connection"),
    ] {
        let token = token.map(|token| Arc::new(SecretString::new(token.to_owned())));
        let address = TrailAddress { url, token };
        let bank = TestBank::with(move |settings| settings.evidence.trail = Some(address)).await;
        let town = Town::of(bank).await;
        town.pay(1, None).await;
        assert_eq!(town.send().await, 0);
        assert!(town.unsent().is_some_and(|said| said.contains(why)), "{:?}", town.unsent());
    }
    assert_eq!(logs.lines(), [] as [Value; 0]);
}

/// Between what was taken and the place of it, the process ends: the same leaves are sent again.
#[tokio::test]
async fn a_crash_behind_a_request_sends_it_again() {
    let (town, logs) = town().await;
    town.pay(1, None).await;
    town.write().await;
    for (statement, requests) in [(1, 1), (2, 2), (3, 3)] {
        town.bank.bank().db().faults().fail_at("log.sent", statement);
        assert!(town.send_only().await.is_err(), "{statement}");
        assert_eq!(logs.requests(), requests);
    }
    assert!(town.send_only().await.expect("it is kept") > 0);
    assert_eq!(town.send_only().await.expect("nothing is left"), 0);
    is_whole(&town, &logs);
    assert_eq!(logs.lines().len() % 4, 0, "the same four times");
}

#[tokio::test]
async fn many_leaves_go_in_several_requests_and_another_node_goes_on() {
    let (town, logs) = town().await;
    let act = town.bank.bank().system_act("test");
    let fill = town.bank.bank().db().write("fill", move |tx| {
        (0..1_100).try_for_each(|_| events::record(tx, &act, "test.filled", "test", "done", None))
    });
    fill.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    let there = town.bank.other_bank().await;
    let (_running, stop) = watch::channel(false);
    let sent = |n: Result<u64, DbError>| n.expect("the database answers");
    assert_eq!(sent(Job::SendLog.run(&there, &stop).await), 0, "it does not write the log");
    assert!(town.send().await > 1_100);
    assert_eq!(logs.requests(), 2);
    is_whole(&town, &logs);
    // The lease is over, and the other node writes and sends.
    town.bank.advance(30);
    town.pay(1, None).await;
    town.bank.advance(30);
    assert!(sent(Job::WriteLog.run(&there, &stop).await) > 0);
    assert_eq!(sent(Job::SendLog.run(&there, &stop).await), 1);
    is_whole(&town, &logs);
}

/// Somebody deletes an event before it was sent: its place is there, with what the log knows of it.
#[tokio::test]
async fn a_row_that_is_gone_is_sent_as_its_hash() {
    let (mut town, logs) = town().await;
    town.bank.skip_verify();
    let id = town.pay(1, None).await;
    town.write().await;
    let (db, id) = (town.bank.bank().db(), id.parse::<money::TransferId>().expect("an id"));
    let kind = db.kind();
    let spoil = db.write("spoil", move |tx| {
        open_up(tx, kind)?;
        tx.execute("UPDATE transfers SET amount = amount + 1 WHERE id = $1", store::params![&id])?;
        tx.execute("DELETE FROM events WHERE action = 'account.opened'", &[])
    });
    spoil.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    assert!(town.send_only().await.expect("the database answers") > 0);
    is_whole(&town, &logs);
    let lost = leaves(&logs).into_iter().filter(|line| line["lost"] == true).count();
    assert_eq!(lost, 4, "two accounts, the bank's own, and a transfer");
}
