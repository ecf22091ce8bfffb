//! Once, whatever happens to runs: closed, rolled back, closed by others, read again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use money::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::db::{Location, Options};
use crate::fault::Faults;
use crate::migrate;
use crate::rows::{OTHER_HASHES, OnceKey};
use crate::sets::KeyClaim;
use crate::sqlite::Access;
use crate::tx::Backend;
use crate::{Param, Tx};

const NOW: Timestamp = Timestamp::EPOCH;
const SMALL: u32 = 8;

/// A file of its own, and connections to it.
struct Bank(tempfile::TempDir);

impl Bank {
    fn new() -> Self {
        let bank = Self(tempfile::tempdir().unwrap());
        migrate(&Options::new(Location::Sqlite { path: bank.path() }), NOW).unwrap();
        bank
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("bank.db")
    }

    fn connect(&self) -> SqliteSession {
        connect(&self.path())
    }
}

fn connect(path: &Path) -> SqliteSession {
    let session = SqliteSession::open(path, 1, Access::ReadWrite).unwrap();
    // What is tried here is not what a power cut leaves.
    session.batch("PRAGMA synchronous = OFF").unwrap();
    session.runs.replace(Runs::of_rows(SMALL));
    session
}

/// Keys whose scopes are small numbers, with a hash of the same.
fn key(number: u16) -> OnceKey {
    let [a, b] = number.to_be_bytes();
    let mut scope = [0; 16];
    // Many share a fingerprint: a filter that says "perhaps" is never enough.
    (scope[9], scope[15]) = (b & 31, b);
    scope[14] = a;
    OnceKey { scope, request_hash: [b; 16], other_hashes: [[0; 16]; OTHER_HASHES] }
}

/// Claims keys as a set or one by one; gives the resources of those that were there.
fn claim(
    session: &SqliteSession,
    numbers: &[u16],
    as_set: bool,
    resource: u32,
) -> HashMap<u16, Option<[u8; 16]>> {
    let faults = Faults::default();
    let tx = &mut Tx::new(Backend::Sqlite(session), "test", &faults);
    let mut found = HashMap::new();
    if as_set {
        let resource = resource_id(resource);
        let mut claims: Vec<KeyClaim> =
            numbers.iter().map(|n| KeyClaim { key: key(*n), status: 201, resource }).collect();
        let stored = tx.claim_keys(&mut claims, NOW).unwrap();
        for n in numbers {
            found.extend(stored.get(&key(*n).scope).map(|answer| (*n, answer.resource)));
        }
        return found;
    }
    for n in numbers {
        if let Some(answer) = tx.claim_key(&key(*n), NOW).unwrap() {
            found.insert(*n, answer.resource);
        } else {
            let (scope, resource) = (key(*n).scope, resource_id(resource));
            tx.settle_key(&scope, 201, Some(&resource), None).unwrap();
        }
    }
    found
}

fn resource_id(number: u32) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

fn count(session: &SqliteSession, sql: &'static str) -> i64 {
    session.query(sql, &[], 1).unwrap()[0].int(0).unwrap()
}

fn closed(session: &SqliteSession) -> i64 {
    count(session, "SELECT COUNT(*) FROM idempotency_runs")
}

fn whole(session: &SqliteSession) -> bool {
    let faults = Faults::default();
    Tx::new(Backend::Sqlite(session), "test", &faults).run_fault().unwrap().is_none()
}

/// What one closure of a transaction does.
#[derive(Debug, Clone)]
struct Step {
    keys: Vec<u16>,
    as_set: bool,
    rolls_back: bool,
}

/// One transaction, by one of two connections.
#[derive(Debug, Clone)]
struct Turn {
    by_second: bool,
    opens_anew: bool,
    steps: Vec<Step>,
    commits: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let keys = prop_oneof![vec(0..60_u16, 1..12), vec(0..600_u16, 1..40)];
    (keys, any::<bool>(), prop::bool::weighted(0.25)).prop_map(|(mut keys, as_set, rolls_back)| {
        keys.sort_unstable();
        keys.dedup();
        Step { keys, as_set, rolls_back }
    })
}

fn turn() -> impl Strategy<Value = Turn> {
    let odds = (prop::bool::weighted(0.3), prop::bool::weighted(0.1), prop::bool::weighted(0.75));
    (odds, vec(step(), 1..4)).prop_map(|((by_second, opens_anew, commits), steps)| Turn {
        by_second,
        opens_anew,
        steps,
        commits,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Two connections claim in turns, commit or roll back, are closed and opened: at every moment a
    /// claim is refused exactly where the key is there, with the first claim's answer.
    #[test]
    fn claims_agree_with_a_map(turns in vec(turn(), 1..20)) {
        let bank = Bank::new();
        let mut sessions = [bank.connect(), bank.connect()];
        let mut model: HashMap<u16, [u8; 16]> = HashMap::new();
        let mut resource = 0;
        for turn in turns {
            let which = usize::from(turn.by_second);
            if turn.opens_anew {
                sessions[which] = bank.connect();
            }
            let session = &sessions[which];
            session.batch("BEGIN IMMEDIATE").unwrap();
            let mut inside = model.clone();
            for step in &turn.steps {
                resource += 1;
                session.batch("SAVEPOINT one").unwrap();
                let found = claim(session, &step.keys, step.as_set, resource);
                let wanted: HashMap<u16, Option<[u8; 16]>> = step
                    .keys
                    .iter()
                    .filter_map(|n| inside.get(n).map(|answer| (*n, Some(*answer))))
                    .collect();
                prop_assert_eq!(found, wanted);
                if step.rolls_back {
                    session.batch("ROLLBACK TO one").unwrap();
                } else {
                    let mine = resource_id(resource);
                    step.keys.iter().for_each(|n| { inside.entry(*n).or_insert(mine); });
                }
                session.batch("RELEASE one").unwrap();
            }
            if turn.commits {
                session.batch("COMMIT").unwrap();
                model = inside;
            } else {
                session.batch("ROLLBACK").unwrap();
            }
        }
        prop_assert!(whole(&sessions[0]));
        let keys = count(&sessions[0], "SELECT COUNT(*) FROM idempotency");
        prop_assert_eq!(usize::try_from(keys), Ok(model.len()));
    }
}

fn numbers(range: Range) -> Vec<u16> {
    range.collect()
}

type Range = std::ops::Range<u16>;

#[test]
fn a_run_that_was_closed_and_rolled_back_is_closed_anew_with_other_keys() {
    for rollback in ["ROLLBACK TO one; RELEASE one; COMMIT", "ROLLBACK"] {
        let bank = Bank::new();
        let (first, second) = (bank.connect(), bank.connect());
        assert!(claim(&first, &numbers(0..7), true, 1).is_empty());
        first.batch("BEGIN IMMEDIATE; SAVEPOINT one").unwrap();
        // The eighth fills the run, and what comes next closes it: memory has it closed.
        assert!(claim(&first, &numbers(7..8), false, 2).is_empty());
        assert!(claim(&first, &numbers(8..20), true, 3).is_empty());
        assert_eq!((closed(&first), first.runs.borrow().open()), (1, 1));
        first.batch(rollback).unwrap();
        // Now it is another run under the same number.
        assert!(claim(&second, &numbers(100..110), true, 4).is_empty());
        assert!(claim(&second, &numbers(110..111), true, 5).is_empty());
        assert_eq!(closed(&second), 1);
        let again = claim(&first, &numbers(100..111), true, 6);
        assert_eq!((again.len(), again[&100]), (11, Some(resource_id(4))));
        assert_eq!(claim(&first, &numbers(0..20), true, 7).len(), 7);
        assert!(whole(&first));
    }
}

#[test]
fn a_crash_after_a_run_was_closed_is_as_if_it_was_not() {
    let bank = Bank::new();
    let session = bank.connect();
    assert!(claim(&session, &numbers(0..9), true, 1).is_empty());
    session.batch("BEGIN IMMEDIATE").unwrap();
    assert!(claim(&session, &numbers(9..20), true, 2).is_empty());
    assert_eq!(closed(&session), 1);
    // The files as a killed process leaves them: the log without a commit.
    let left = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(bank.0.path()).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
    }
    let survivor = connect(&left.path().join("bank.db"));
    assert_eq!(closed(&survivor), 0);
    let found = claim(&survivor, &numbers(0..20), true, 3);
    assert_eq!((found.len(), found[&8]), (9, Some(resource_id(1))));
    assert_eq!(closed(&survivor), 1);
    assert!(whole(&survivor));
}

#[test]
fn another_connection_that_closes_runs_is_followed() {
    let bank = Bank::new();
    let (first, second) = (bank.connect(), bank.connect());
    for (n, session) in (0_u16..).zip([&first, &second, &second, &first, &second, &first]) {
        session.batch("BEGIN IMMEDIATE").unwrap();
        let new = numbers(n * 20..n * 20 + 20);
        assert!(claim(session, &new, true, 1).is_empty());
        assert_eq!(
            claim(session, &numbers(0..n * 20 + 20), true, 2).len(),
            usize::from(n + 1) * 20
        );
        session.batch("COMMIT").unwrap();
        assert_eq!(closed(session), i64::from(n) + 1, "the claim after a full run closes it");
    }
    assert!(whole(&first));
}

#[test]
fn a_key_is_settled_in_the_run_that_was_closed_behind_it() {
    let bank = Bank::new();
    let session = bank.connect();
    let faults = Faults::default();
    session.batch("BEGIN IMMEDIATE").unwrap();
    let tx = &mut Tx::new(Backend::Sqlite(&session), "test", &faults);
    assert_eq!(tx.claim_key(&key(500), NOW), Ok(None));
    assert!(claim(&session, &numbers(0..10), true, 1).is_empty());
    assert!(claim(&session, &numbers(10..30), true, 1).is_empty());
    assert!(closed(&session) >= 1);
    tx.settle_key(&key(500).scope, 200, None, Some(b"answer")).unwrap();
    assert!(tx.settle_key(&key(501).scope, 200, None, None).is_err());
    session.batch("COMMIT").unwrap();
    let stored = tx.claim_key(&key(500), NOW).unwrap().unwrap();
    assert_eq!((stored.status, stored.answer.as_deref()), (200, Some(&b"answer"[..])));
}

#[test]
fn keys_are_found_in_all_groups_by_a_connection_that_reads_them_anew() {
    let bank = Bank::new();
    let session = bank.connect();
    session.batch("BEGIN IMMEDIATE").unwrap();
    for n in 0..400_u16 {
        assert!(claim(&session, &[n], n % 2 == 0, u32::from(n)).is_empty());
    }
    session.batch("COMMIT").unwrap();
    assert_eq!(closed(&session), 49);
    for session in [session, bank.connect()] {
        session.batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(claim(&session, &numbers(0..410), true, 1_000).len(), 400);
        session.batch("ROLLBACK").unwrap();
        let runs = session.runs.borrow();
        assert_eq!(runs.groups.len(), 50_usize.div_ceil(GROUP_RUNS));
        assert!(runs.may_hold(&key(3).scope).len() >= GROUP_RUNS);
    }
}

#[test]
fn a_closed_run_takes_no_key() {
    let bank = Bank::new();
    let session = bank.connect();
    for n in 0..3 {
        assert!(claim(&session, &numbers(n * 10..n * 10 + 10), true, 1).is_empty());
    }
    assert_eq!(closed(&session), 2);
    let insert = "INSERT INTO idempotency (run, scope, request_hash, status, created_at) \
                  VALUES ($1, $2, $2, 200, 0)";
    for (run, is_open) in [(0, false), (1, false), (2, true), (3, false), (i64::MAX, false)] {
        let values = [Param::Int(run), Param::Blob(&[7; 16])];
        assert_eq!(session.execute(insert, &values).is_ok(), is_open, "{run}");
    }
}

#[test]
fn fingerprints_that_were_changed_stop_every_claim() {
    for spoil in [
        "UPDATE idempotency_runs SET fingerprints = zeroblob(8) WHERE run = 0",
        "UPDATE idempotency_runs SET fingerprints = x'0000000200000001' WHERE run = 0",
        "UPDATE idempotency_runs SET mark = zeroblob(16) WHERE run = 1",
        "UPDATE idempotency_runs SET mark = zeroblob(16) WHERE run = 0",
        "DELETE FROM idempotency_runs WHERE run = 0",
    ] {
        let bank = Bank::new();
        let session = bank.connect();
        for n in 0..3 {
            assert!(claim(&session, &numbers(n * 10..n * 10 + 10), true, 1).is_empty());
        }
        session.batch(spoil).unwrap();
        let session = bank.connect();
        let faults = Faults::default();
        let tx = &mut Tx::new(Backend::Sqlite(&session), "test", &faults);
        for _ in 0..2 {
            let refused = tx.claim_key(&key(500), NOW);
            assert!(matches!(refused, Err(DbError::Corrupt(_))), "{spoil}: {refused:?}");
        }
        assert!(!whole(&session), "{spoil}");
    }
}
