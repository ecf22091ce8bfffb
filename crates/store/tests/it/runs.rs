//! Once, over many runs of keys: open, closed, after a restart, and in a copy on either database.
//!
//! On SQLite a run of these tests is closed after a few keys; PostgreSQL must answer the same.

use money::Timestamp;
use store::posting::{Posted, Replay};
use store::{BrokenRun, DbError, Kind, Location, Options, Tx, backup};

use crate::ledger_bank::{LedgerBank, OPENING, done};

const CLOSED: &str = "SELECT COUNT(*) FROM idempotency_runs";
const KEYS: &str = "SELECT COUNT(*) FROM idempotency";

/// Sends 1 there and 1 back, under the keys of a range.
async fn send(bank: &LedgerBank, keys: std::ops::Range<usize>) -> Vec<Posted> {
    let order = |n: usize| bank.order(n % 2, 1 - n % 2, 1, Some(&format!("k{n}")));
    bank.post(keys.map(order).collect()).await.expect("posts")
}

/// The answers of the same requests again.
fn again(first: &[Posted]) -> Vec<Posted> {
    first.iter().map(|posted| Posted::Replayed(Replay::Row(done(posted).clone()))).collect()
}

fn fault(tx: &mut Tx<'_>) -> Result<Option<BrokenRun>, DbError> {
    tx.run_fault()
}

async fn closed(bank: &LedgerBank) -> usize {
    match bank.db.kind() {
        Kind::Sqlite => usize::try_from(bank.count(CLOSED).await).expect("small"),
        Kind::Postgres => {
            assert_eq!(bank.count(CLOSED).await, 0);
            usize::MAX // all that the tests ask for
        }
    }
}

#[tokio::test]
async fn a_key_is_known_while_its_run_is_open_and_after_it_and_more_were_closed() {
    let mut bank = LedgerBank::new(2).await;
    let rows = usize::try_from(bank.database.options().run_rows).expect("small");
    let mut sent: Vec<Posted> = Vec::new();
    for round in 0..40 {
        let from = sent.len();
        let new = send(&bank, from..from + rows / 2 + round % 3).await;
        assert!(new.iter().all(|posted| matches!(posted, Posted::Done(_))), "{round}");
        sent.extend(new);
        if round % 10 == 4 {
            let options = bank.database.options().clone();
            bank = bank.reopened(&options);
        }
        if round % 5 == 4 {
            assert_eq!(send(&bank, 0..sent.len()).await, again(&sent), "{round}");
        }
    }
    assert!(closed(&bank).await > 16, "more than one group of runs");
    // One at a time, and with another request.
    for n in [0, 1, rows, sent.len() / 2, sent.len() - 1] {
        assert_eq!(send(&bank, n..n + 1).await, again(&sent[n..=n]));
        let other = bank.order(0, 1, 7, Some(&format!("k{n}")));
        assert_eq!(bank.post(vec![other]).await, Ok(vec![Posted::KeyReused]));
    }
    assert_eq!(usize::try_from(bank.count(KEYS).await), Ok(sent.len()));
    let odd = i64::try_from(sent.len() % 2).expect("small");
    assert_eq!(bank.balances().await, [OPENING - odd, OPENING + odd]);
    assert_eq!(bank.db.read("test", fault).await, Ok(None));
}

#[tokio::test]
async fn a_refusal_and_a_key_twice_in_a_batch_are_known_after_their_run_was_closed() {
    let bank = LedgerBank::new(2).await;
    let batch = || {
        let poor = bank.order(0, 1, 99_999, Some("poor"));
        let rich = bank.order(0, 1, 1, Some("rich"));
        vec![poor.clone(), rich.clone(), poor, rich]
    };
    let first = bank.post(batch()).await.expect("posts");
    let Posted::Refused(_, answer) = &first[0] else { panic!("{first:?}") };
    for n in 0..5 {
        send(&bank, n * 30..n * 30 + 30).await;
    }
    assert!(closed(&bank).await > 2);
    let later = bank.post(batch()).await.expect("posts");
    let replays = [
        Posted::Replayed(Replay::Stored(answer.clone())),
        Posted::Replayed(Replay::Row(done(&first[1]).clone())),
    ];
    assert_eq!(first[2..], replays);
    assert_eq!(later, [replays.clone(), replays].concat());
}

/// At each statement of a batch that closes a run.
#[tokio::test]
async fn a_batch_that_fails_while_it_closes_a_run_can_be_sent_again() {
    let bank = LedgerBank::new(2).await;
    let mut sent = Vec::new();
    for statement in 1.. {
        assert!(statement < 50, "the verb has no end");
        let from = sent.len();
        sent.extend(send(&bank, from..from + 25).await); // fills the run
        let keys = bank.count(KEYS).await;
        let runs = closed(&bank).await;
        bank.db.faults().fail_at("transfers.post", statement);
        let key = format!("f{statement}");
        let orders = || vec![bank.order(0, 1, 1, Some(&key))];
        let failed = bank.post(orders()).await;
        if bank.db.faults().disarm() {
            assert!(statement > 4, "the verb has more than {statement} statements");
            break;
        }
        assert!(failed.is_err(), "{failed:?}");
        assert_eq!((bank.count(KEYS).await, closed(&bank).await), (keys, runs));
        let retried = bank.post(orders()).await.expect("posts");
        assert!(closed(&bank).await > runs || runs == usize::MAX);
        assert_eq!(bank.post(orders()).await, Ok(again(&retried)));
        assert_eq!(send(&bank, 0..sent.len()).await, again(&sent));
    }
}

#[tokio::test]
async fn a_copy_on_either_database_knows_every_key() {
    let bank = LedgerBank::new(2).await;
    let mut sent = Vec::new();
    for n in 0..6 {
        sent.extend(send(&bank, n * 33..n * 33 + 33).await);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let now = Timestamp::from_seconds(9);
    let file = folder.path().join("copy");
    let options = bank.database.options().clone();
    let counts = backup::backup(&options, &file, now).expect("a backup");
    let new = |name: &str| {
        let location = Location::Sqlite { path: folder.path().join(name) };
        Options { location, ..options.clone() }
    };
    let target = testkit::TestDatabase::new();
    let to_sqlite = new("restored.db");
    assert_eq!(backup::restore(&to_sqlite, &file, now).expect("restores"), counts);
    assert_eq!(backup::restore(target.options(), &file, now).expect("restores"), counts);
    // From that one once more, which may be on a server.
    let second = folder.path().join("second");
    backup::backup(target.options(), &second, now).expect("a backup");
    let twice = new("twice.db");
    backup::restore(&twice, &second, now).expect("restores");
    let mut opened = bank;
    for options in [to_sqlite, twice, target.options().clone()] {
        opened = opened.reopened(&options);
        assert_eq!(opened.db.read("test", fault).await, Ok(None));
        let keys = opened.count(KEYS).await;
        assert_eq!(send(&opened, 0..sent.len()).await, again(&sent));
        assert_eq!(opened.count(KEYS).await, keys);
        if opened.db.kind() == Kind::Sqlite {
            let runs = opened.count(CLOSED).await;
            assert!(runs > 2, "{runs} runs were closed while it was copied");
        }
        let new = send(&opened, 1_000..1_100).await;
        assert!(new.iter().all(|posted| matches!(posted, Posted::Done(_))));
        assert_eq!(send(&opened, 1_000..1_100).await, again(&new));
    }
}
