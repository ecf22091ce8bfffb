//! Statements for the tests of the formats.

use std::sync::Arc;

use money::{Currency, Id, Timestamp};
use store::rows::TransferKind;

use super::model::{Entry, Side, Statement, Subject};
use super::period::Period;
use crate::http::fields::Fields;

/// What happened, with the sign of the side; the memo.
pub type Happened<'a> = (i64, TransferKind, Option<&'a str>);

pub fn period(from: &str, to: &str) -> Period {
    let now = "2030-01-01T00:00:00Z".parse().unwrap();
    Period::asked(&mut Fields::default(), (Some(from), Some(to)), now).unwrap()
}

pub fn subject(currency: Currency) -> Subject {
    Subject {
        account: Id::from_bytes([7; 16]),
        number: "EX3456789012345676".to_owned(),
        name: "Everyday money".to_owned(),
        currency,
        owner: "Asha Rao".to_owned(),
    }
}

/// January 2026, one entry an hour.
pub fn statement(currency: Currency, opening: i64, happened: &[Happened<'_>]) -> Statement {
    let start: Timestamp = "2026-01-01T08:30:00Z".parse().unwrap();
    let mut balance = opening;
    let entries = (1..).zip(happened).map(|(number, (signed, kind, memo))| {
        balance += signed;
        let side = if *signed < 0 { Side::Debit } else { Side::Credit };
        let is_cash = matches!(kind, TransferKind::Deposit | TransferKind::Withdrawal);
        Entry {
            number: number + 41,
            transfer: Id::from_bytes(u128::try_from(number).unwrap().to_be_bytes()),
            kind: *kind,
            side,
            amount: signed.abs(),
            balance,
            counterparty: (!is_cash).then(|| Arc::from("EX6501234567890128")),
            memo: memo.map(str::to_owned),
            posted_at: start.plus_seconds(3_600 * number),
        }
    });
    let days = period("2026-01-01", "2026-01-31");
    Statement::of(subject(currency), days, opening, entries.collect()).unwrap()
}

/// Ordinary and hostile texts, among them the big list of naughty strings where
/// `EXCHEQUER_REFS` names the folder that has it.
pub fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "Rent for May",
        "=1+1",
        "+44 20",
        "-5",
        "@SUM(A1:A9)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "=HYPERLINK(\"http://x\",\"y\")",
        "a,b;\"c\"\r\nd",
        "]]>&amp;<x a='1'>",
        "\0\u{1}\u{8}\u{b}\u{1f}\u{7f}\u{85}\u{9f}",
        "\u{fffe}\u{ffff}\u{feff}\u{202e}\u{200b}\u{e000}\u{10ffff}",
        "Zoë Ångström, Łódź, Ἀθῆναι, Москва, e\u{301}",
        "旅行 आशा עברית 🙂 ₹ € £ ¥ ₿",
    ]
    .map(str::to_owned)
    .into();
    texts.push("W".repeat(140));
    texts.push("é".repeat(200));
    texts.push("word ".repeat(28));
    match std::env::var("EXCHEQUER_REFS") {
        Ok(folder) => {
            let path = std::path::Path::new(&folder).join("blns.json");
            let list = std::fs::read(path).expect("the list of naughty strings");
            let list: Vec<String> = serde_json::from_slice(&list).expect("a list of strings");
            assert!(list.len() > 400, "{} naughty strings", list.len());
            texts.extend(list);
        }
        Err(_) => {
            println!("EXCHEQUER_REFS is not set: the big list of naughty strings is not tried");
        }
    }
    texts
}

/// One entry with each text as its memo.
pub fn with_memos(texts: &[String]) -> Statement {
    let happened: Vec<Happened<'_>> =
        texts.iter().map(|text| (125, TransferKind::Transfer, Some(text.as_str()))).collect();
    statement(Currency::EUR, 0, &happened)
}
