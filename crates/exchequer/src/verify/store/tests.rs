//! A real bank on SQLite, right at first, and then spoiled row by row behind the bank's back.

use std::path::{Path, PathBuf};

use ledger::Limits;
use money::{Amount, Clock, Currency, HoldId, Rng, TransferId};
use store::posting::holds::{self, Capture, Doer};
use store::posting::{self, Party, PostOrder, Posted};
use store::rows::{OnceKey, TransferKind};
use store::{Db, DbError, Location, Options, Tx};
use vault::{Keyring, MasterKey};

use crate::bank::{Act, Bank};
use crate::config::Config;
use crate::keys::holder::KeyHolder;
use crate::verify::{self, Finding, Report};
use crate::{accounts, demo};

pub(super) fn options(path: &Path) -> Options {
    Options { require_durable: false, ..Options::new(Location::Sqlite { path: path.to_owned() }) }
}

/// A seeded bank with holds, captures, a reversal, a key and a daily limit; closed.
async fn make(path: &Path) {
    let rng = Rng::seeded(3);
    let now = Clock::System.now();
    store::migrate(&options(path), now).unwrap();
    let master = MasterKey::generate(&rng).unwrap();
    let keys = Keyring::first_data_keys(&master, &rng, now).unwrap();
    let keyring = KeyHolder::open_here(master, keys, now).unwrap();
    let db = Db::open(&options(path)).unwrap();
    let config = Config::demo(path.parent().unwrap().to_owned(), "127.0.0.1:0".parse().unwrap());
    let bank = Bank::new(db, keyring, config, Clock::System, rng);
    let people = demo::seed(&bank).await.unwrap();
    let ids: Vec<_> = people.customers.iter().map(|c| c.accounts[0].id.parse().unwrap()).collect();
    let act = bank.system_act("test");
    bank.db().write("test", move |tx| fill(tx, &act, ids[0], ids[1])).await.unwrap();
    let report = verify::run(bank.db()).await.unwrap();
    let Report::Right(summary) = &report else { panic!("{report}") };
    assert_eq!((summary.holds, summary.captures, summary.reversals, summary.keys), (3, 3, 1, 2));
    bank.db().close();
}

fn fill(
    tx: &mut Tx<'_>,
    act: &Act,
    from: money::AccountId,
    to: money::AccountId,
) -> Result<(), DbError> {
    let limits = Limits { per_transfer: None, per_day: Some(4_000_000) };
    accounts::set_limits(tx, act, &from, limits)?.unwrap();
    let doer = Doer { origin: act.origin.clone(), request: act.request };
    let inr = Currency::from_code("INR").unwrap();
    let order = |amount: i64, key: Option<OnceKey>| PostOrder {
        id: act.id(),
        kind: TransferKind::Transfer,
        debit: Party::Payee(from),
        credit: Party::Payee(to),
        amount: Amount::new(amount).unwrap(),
        currency: inr,
        memo: None,
        reference: None,
        key,
        linked_with_next: false,
        origin: act.origin.clone(),
        request: act.request,
    };
    let later = act.now.plus_seconds(600);
    let mut place = |amount| -> Result<holds::HoldRow, DbError> {
        let id: HoldId = act.id();
        Ok(holds::place(tx, id, &order(amount, None), later, act.now)?.unwrap())
    };
    let (open, whole, _untouched) = (place(1_000)?, place(500)?, place(77)?);
    let mut capture = |hold: &holds::HoldRow, amount: i64| -> Result<holds::HoldRow, DbError> {
        let transfer: TransferId = act.id();
        let amount = Some(Amount::new(amount).unwrap());
        let capture = Capture { transfer, amount, is_final: false };
        let hold = holds::lock(tx, &hold.id)?.unwrap();
        Ok(holds::capture(tx, &hold, capture, &doer, act.now)?.unwrap().1)
    };
    capture(&open, 400)?;
    capture(&whole, 300)?;
    capture(&whole, 200)?;
    let key = |name| Some(OnceKey::new(b"test", "POST /x", name, &[]));
    let orders = [order(25, key("a")), order(26, key("b"))];
    let posted = posting::post(tx, &orders, act.now, &|_, refusal| {
        Err(DbError::Corrupt(refusal.code().to_owned()))
    })?;
    let Posted::Done(row) = &posted[0] else { panic!("{posted:?}") };
    holds::reverse(tx, row, (act.id(), Some(Amount::new(10).unwrap())), &doer, act.now)?.unwrap();
    Ok(())
}

const TRANSFERS_GUARD: [&str; 4] = [
    "DROP TRIGGER transfers_no_update",
    "DROP TRIGGER transfers_no_delete",
    "CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers\nBEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END",
    "CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers\nBEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END",
];
const EVENTS_GUARD: [&str; 4] = [
    "DROP TRIGGER events_no_update",
    "DROP TRIGGER events_no_delete",
    "CREATE TRIGGER events_no_update BEFORE UPDATE ON events\nBEGIN SELECT RAISE(ABORT, 'events are immutable'); END",
    "CREATE TRIGGER events_no_delete BEFORE DELETE ON events\nBEGIN SELECT RAISE(ABORT, 'events are immutable'); END",
];
const ORIGINS_GUARD: [&str; 4] = [
    "DROP TRIGGER origins_no_update",
    "DROP TRIGGER origins_no_delete",
    "CREATE TRIGGER origins_no_update BEFORE UPDATE ON origins\nBEGIN SELECT RAISE(ABORT, 'origins are immutable'); END",
    "CREATE TRIGGER origins_no_delete BEFORE DELETE ON origins\nBEGIN SELECT RAISE(ABORT, 'origins are immutable'); END",
];

/// What is done to the bank, the table of the finding, and a word of what was expected.
const SPOILED: &[(&str, &str, &str)] = &[
    (
        "UPDATE balances SET credits_posted = credits_posted + 1 WHERE place = (SELECT place FROM accounts WHERE name = 'Osaka')",
        "accounts",
        "credits_posted 120000",
    ),
    (
        "UPDATE balances SET debits_posted = 1 WHERE place = (SELECT place FROM accounts WHERE name = 'Osaka')",
        "accounts",
        "debits_posted 0",
    ),
    (
        "UPDATE balances SET entry_count = 2 WHERE place = (SELECT place FROM accounts WHERE name = 'Osaka')",
        "accounts",
        "entry_count 1",
    ),
    (
        "UPDATE balances SET last_entry = zeroblob(16) WHERE place = (SELECT place FROM accounts WHERE name = 'Osaka')",
        "accounts",
        "last_entry",
    ),
    (
        "UPDATE balances SET debits_held = debits_held + 1 WHERE debits_held > 0",
        "accounts",
        "debits_held 677",
    ),
    ("UPDATE balances SET credits_held = 0 WHERE credits_held > 0", "accounts", "credits_held 677"),
    ("UPDATE accounts SET currency = 'EUR' WHERE name = 'Osaka'", "transfers", "EUR"),
    (
        "UPDATE accounts SET currency = 'XXQ' WHERE name = 'Osaka'",
        "accounts",
        "what the schema allows",
    ),
    ("UPDATE accounts SET id = zeroblob(16) WHERE name = 'Osaka'", "transfers", "to be there"),
    (
        "DELETE FROM balances WHERE place = (SELECT place FROM accounts WHERE name = 'Osaka')",
        "accounts",
        "what the schema allows",
    ),
    ("UPDATE transfers SET amount = amount + 1 WHERE memo = 'Concert'", "transfers", "leaves"),
    ("UPDATE transfers SET debit_balance = 0 WHERE memo = 'Concert'", "transfers", "leaves"),
    ("UPDATE transfers SET debit_number = 999 WHERE memo = 'Concert'", "transfers", "entry 3 of"),
    (
        "UPDATE transfers SET credit_previous = NULL WHERE memo = 'Concert'",
        "transfers",
        "after trf_",
    ),
    ("UPDATE transfers SET origin = zeroblob(16) WHERE memo = 'Concert'", "transfers", "origin"),
    ("UPDATE transfers SET origin = x'00' WHERE memo = 'Concert'", "transfers", "origin"),
    (
        "UPDATE transfers SET debit_account = x'00' WHERE memo = 'Concert'",
        "transfers",
        "what the schema allows",
    ),
    ("UPDATE transfers SET kind = 99 WHERE memo = 'Concert'", "transfers", "a kind"),
    ("UPDATE transfers SET kind = 14 WHERE memo = 'Concert'", "transfers", "0 of kind gateway_fee"),
    (
        "UPDATE transfers SET kind = 13, reference = zeroblob(16) WHERE memo = 'Concert'",
        "transfers",
        "0 of kind charge_reversed",
    ),
    (
        "UPDATE transfers SET kind = 12, reference = zeroblob(16) WHERE memo = 'Concert'",
        "transfers",
        "the difference that it names",
    ),
    (
        "UPDATE transfers SET kind = 11, reference = zeroblob(16) WHERE memo = 'Concert'",
        "transfers",
        "the live account of the merchant",
    ),
    (
        "INSERT INTO report_lines VALUES ('sandbox', 'pay_x', 1, 1, 'pay_x', 'r', 100, 'INR', 2, 1, zeroblob(16))",
        "report_lines",
        "its transfer, a gateway_fee",
    ),
    (
        "INSERT INTO differences (id, gateway, mode, day, what, operation, currency, ours, theirs, transfer, \
         found_at) VALUES (zeroblob(16), 'sandbox', 0, 1, 0, 'pay_x', 'INR', 0, 5, zeroblob(16), 1)",
        "differences",
        "its transfer, a difference",
    ),
    (
        "INSERT INTO merchant_events VALUES (zeroblob(16), 0, 2, zeroblob(16), 'payment.declined', '{}', 1)",
        "merchant_events",
        "the last number given out",
    ),
    ("DELETE FROM transfers WHERE memo = 'Concert'", "transfers", "entry"),
    ("DELETE FROM transfers WHERE kind = 5", "accounts", "posted"),
    ("UPDATE transfers SET reference = zeroblob(16) WHERE kind = 4", "transfers", "which it names"),
    ("UPDATE transfers SET reference = zeroblob(16) WHERE kind = 5", "transfers", "which it names"),
    (
        "UPDATE transfers SET reference = (SELECT id FROM holds WHERE status = 1) WHERE kind = 4 AND amount = 400",
        "holds",
        "parts of",
    ),
    ("UPDATE holds SET captured = 499 WHERE status = 1", "holds", "parts of 500"),
    ("UPDATE holds SET status = 2 WHERE captured = 0", "accounts", "debits_held"),
    ("UPDATE holds SET currency = 'EUR' WHERE captured = 0", "holds", "INR"),
    ("DELETE FROM holds WHERE status = 1", "transfers", "which it names"),
    ("UPDATE reversals SET reversed = 11", "reversals", "parts of 10"),
    ("UPDATE reversals SET reversed = 26", "reversals", "at most 25"),
    ("DELETE FROM reversals", "transfers", "count at least the 10"),
    ("UPDATE idempotency SET resource = zeroblob(16)", "idempotency", "the transfer"),
    ("UPDATE idempotency SET resource = NULL", "idempotency", "an answer, or"),
    ("UPDATE idempotency SET status = 20", "idempotency", "status"),
    ("INSERT INTO idempotency_runs VALUES (0, zeroblob(16), x'')", "idempotency", "fingerprints"),
    ("UPDATE idempotency SET run = 1", "idempotency", "closed before"),
    ("UPDATE origins SET agent = 'somebody else'", "origins", "follows from the row"),
    ("UPDATE origins SET actor_kind = 'nobody'", "origins", "kind of actor"),
    ("UPDATE events SET after = 'x' WHERE action = 'staff.created'", "events", "`after`"),
    (
        "UPDATE events SET at = 9000000000000000 WHERE action = 'staff.created'",
        "events",
        "near that of its id",
    ),
    ("UPDATE events SET origin = zeroblob(16) WHERE action = 'staff.created'", "events", "origin"),
    ("DELETE FROM events WHERE action = 'account.opened'", "accounts", "account.opened"),
];

async fn find(path: &Path, statements: Vec<&'static str>) -> Option<Finding> {
    let db = Db::open(&options(path)).unwrap();
    db.write("test", move |tx| {
        statements.iter().try_for_each(|sql| tx.execute(sql, &[]).map(|_| ()))
    })
    .await
    .map_err(|error: DbError| panic!("{error}"))
    .unwrap();
    let report = verify::run(&db).await.unwrap();
    db.close();
    report.finding().cloned()
}

/// A statement with whatever takes the guard of its table away and puts it back.
fn guarded(sql: &'static str) -> Vec<&'static str> {
    let guard = [
        ("transfers SET", TRANSFERS_GUARD),
        ("FROM transfers", TRANSFERS_GUARD),
        ("events", EVENTS_GUARD),
        ("origins", ORIGINS_GUARD),
    ]
    .into_iter()
    .find(|(name, _)| sql.contains(name) && !sql.starts_with("UPDATE accounts"));
    match guard {
        Some((_, [first, second, third, fourth])) => vec![first, second, sql, third, fourth],
        None => vec![sql],
    }
}

/// Under a name of its own: a log left beside another copy would be taken for this one's.
fn copied(from: &Path, number: usize) -> PathBuf {
    let to = from.with_file_name(format!("spoiled-{number}.db"));
    std::fs::copy(from, &to).unwrap();
    to
}

/// Each statement spoils a copy of its own: the table that is named, and what was expected there.
pub(super) async fn each_is_named(
    path: &Path,
    spoiled: &[(&'static str, &'static str, &'static str)],
) {
    for (number, (sql, table, expected)) in spoiled.iter().enumerate() {
        let finding = find(&copied(path, number), guarded(sql)).await;
        let finding = finding.unwrap_or_else(|| panic!("{sql}: nothing was found"));
        assert_eq!(finding.table, *table, "{sql}: {finding}");
        assert!(finding.expected.contains(expected), "{sql}: {finding}");
        assert!(!finding.id.is_empty(), "{sql}: {finding}");
    }
}

#[tokio::test]
async fn each_spoiled_row_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    make(&path).await;
    each_is_named(&path, SPOILED).await;
}

#[tokio::test]
async fn a_missing_guard_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    store::migrate(&options(&path), Clock::System.now()).unwrap();
    assert_eq!(find(&path, Vec::new()).await, None);
    let finding = find(&path, vec![EVENTS_GUARD[1]]).await.unwrap();
    assert_eq!((finding.table, finding.id.as_str()), ("schema", "events_no_delete"));
}
