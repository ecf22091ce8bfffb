//! Tests of what a statement must be.

use money::Currency;
use store::rows::TransferKind as Kind;

use super::model::{Side, Statement, Total};
use super::sample::{period, statement, subject};
use super::{camt053, csv, json};

fn ordinary() -> Statement {
    let happened = [
        (10_000, Kind::Deposit, Some("slip")),
        (-2_500, Kind::Transfer, Some("rent")),
        (-500, Kind::Capture, None),
    ];
    statement(Currency::INR, 1_000, &happened)
}

fn again(change: impl FnOnce(&mut Vec<super::model::Entry>)) -> Result<Statement, String> {
    let mut entries = ordinary().entries().to_vec();
    change(&mut entries);
    let days = period("2026-01-01", "2026-01-31");
    Statement::of(subject(Currency::INR), days, 1_000, entries).map_err(|error| error.to_string())
}

#[test]
fn opening_and_entries_make_the_closing_balance() {
    let statement = ordinary();
    assert_eq!((statement.opening(), statement.closing()), (1_000, 8_000));
    assert_eq!(statement.credits(), Total { count: 1, amount: 10_000 });
    assert_eq!(statement.debits(), Total { count: 2, amount: 3_000 });
    assert_eq!(again(|_| {}).unwrap(), statement);
    let empty = super::sample::statement(Currency::INR, -5, &[]);
    assert_eq!((empty.opening(), empty.closing()), (-5, -5));
}

#[test]
fn what_is_no_chain_is_no_statement() {
    type Break = fn(&mut Vec<super::model::Entry>);
    let breaks: [Break; 8] = [
        |entries| entries[1].amount += 1,
        |entries| entries[1].balance -= 1,
        |entries| entries[1].side = Side::Credit,
        |entries| entries[1].number += 1,
        |entries| drop(entries.remove(1)),
        |entries| entries.swap(0, 1),
        |entries| entries[0].amount = i64::MAX,
        |entries| entries[0].amount = -10_000,
    ];
    for (at, change) in breaks.into_iter().enumerate() {
        let error = again(change).expect_err(&at.to_string());
        assert!(error.contains("of its chain"), "{error}");
    }
}

#[test]
fn the_id_follows_from_account_period_and_last_entry() {
    let whole = ordinary();
    assert_eq!(whole.id(), ordinary().id());
    assert_eq!(whole.id().len(), 32);
    assert_ne!(again(|entries| drop(entries.pop())).unwrap().id(), whole.id());
    let other_days = |from, to| {
        Statement::of(subject(Currency::INR), period(from, to), 1_000, whole.entries().to_vec())
    };
    assert_ne!(other_days("2026-01-01", "2026-01-30").unwrap().id(), whole.id());
    assert_ne!(other_days("2025-12-31", "2026-01-31").unwrap().id(), whole.id());
    assert_eq!(whole.file_name("csv"), "statement-EX3456789012345676-2026-01-01-2026-01-31.csv");
}

#[test]
fn the_same_statement_is_the_same_bytes() {
    for render in [json::render, csv::render, camt053::render] {
        assert_eq!(render(&ordinary()), render(&ordinary()));
    }
}

#[test]
fn the_json_says_all_of_it() {
    let json: serde_json::Value = serde_json::from_slice(&json::render(&ordinary())).unwrap();
    assert_eq!(json["account"]["owner_name"], "Asha Rao");
    assert_eq!(json["period"], serde_json::json!({ "from": "2026-01-01", "to": "2026-01-31" }));
    assert_eq!(json["closing_balance"], 8_000);
    assert_eq!(json["debits"], serde_json::json!({ "count": 2, "amount": 3_000 }));
    let first = &json["entries"][0];
    assert_eq!((&first["amount"], &first["balance_after"]), (&10_000.into(), &11_000.into()));
    assert_eq!((&first["counterparty"], &first["kind"]), (&"bank".into(), &"deposit".into()));
    assert_eq!(json["entries"][1]["amount"], -2_500);
    assert_eq!(json["entries"][2]["memo"], serde_json::Value::Null);
}
