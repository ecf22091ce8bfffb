//! A collector that is silent, gone, refuses, or is slower than the bank: no request notices, and what is not told is
//! counted.

use std::time::Duration;

use http::StatusCode;
use testkit::TestBank;
use testkit::collector::Mood;

use super::{LIMIT, bank_of, fate, traced};

#[tokio::test]
async fn a_request_is_answered_while_the_collector_is_silent() {
    let (bank, collector) = traced().await;
    collector.is(Mood::Silent);
    // More than one batch and the connection's patience would take if anybody waited for it.
    let answered = async {
        for _ in 0..20 {
            assert_eq!(bank.client().get("/v1/log/keys").await.status, 200);
        }
    };
    tokio::time::timeout(Duration::from_secs(4), answered).await.expect("answers at once");
    let limit = Duration::from_millis(50);
    tokio::time::timeout(LIMIT, bank.bank().traces().flush(limit)).await.expect("a bounded wait");
    assert_eq!(fate(&bank, "sent"), 0);
}

#[tokio::test]
async fn what_is_not_taken_is_counted_and_the_next_is_sent() {
    let (bank, collector) = traced().await;
    // From here on nothing is tried twice.
    bank.bank().traces().flush(LIMIT).await;
    let fates = |bank: &TestBank| ["sent", "refused", "lost"].map(|name| fate(bank, name));
    let mut expected = [0; 3];
    for (mood, place) in [
        (Mood::Answers(StatusCode::INTERNAL_SERVER_ERROR), 2),
        (Mood::Answers(StatusCode::SERVICE_UNAVAILABLE), 2),
        (Mood::Answers(StatusCode::TEMPORARY_REDIRECT), 2),
        (Mood::Refuses(1), 1),
        (Mood::Takes, 0),
    ] {
        collector.is(mood);
        assert_eq!(bank.client().get("/v1/log/keys").await.status, 200);
        let before = fates(&bank).iter().sum::<u64>();
        bank.bank().traces().flush(LIMIT).await;
        let all = fates(&bank).iter().sum::<u64>() - before;
        if let Mood::Refuses(count) = mood {
            expected[0] += all - count;
            expected[place] += count;
        } else {
            expected[place] += all;
        }
        assert!(all > 0, "{mood:?}");
        assert_eq!(fates(&bank), expected, "{mood:?}");
    }
}

#[tokio::test]
async fn a_collector_that_is_gone_is_no_trouble() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = gone.local_addr().expect("an address");
    drop(gone);
    let bank = bank_of(&format!("http://{address}"), 1_000_000, false).await;
    assert_eq!(bank.client().get("/v1/log/keys").await.status, 200);
    bank.bank().traces().flush(LIMIT).await;
    assert!(fate(&bank, "lost") > 0 && fate(&bank, "sent") == 0);
}

#[tokio::test]
async fn what_finds_the_queue_full_is_dropped_and_counted() {
    let (bank, collector) = traced().await;
    collector.is(Mood::Silent);
    let traces = bank.bank().traces();
    // A batch may be under way, and the queue holds 8,192.
    for _ in 0..10_000 {
        traces.job("holds.expire").ended(None);
    }
    let dropped = fate(&bank, "dropped");
    assert!((1_000..=1_808).contains(&dropped), "{dropped}");
    assert_eq!(bank.client().get("/v1/log/keys").await.status, 200);
}
