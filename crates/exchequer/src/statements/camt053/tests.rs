//! Tests of [`super`]: the document against the rules of its schema, and its sums.

mod schema;

use money::{Currency, Money};
use roxmltree::{Document, Node};
use store::rows::TransferKind as Kind;

use super::*;
use crate::statements::sample;

fn checked(statement: &Statement) -> String {
    let text = String::from_utf8(render(statement)).expect("UTF-8");
    let document = Document::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    schema::check(&document);
    text
}

fn at<'a, 'd>(node: Node<'a, 'd>, path: &str) -> Node<'a, 'd> {
    path.split('/').fold(node, |node, name| {
        let found = node.children().find(|child| child.tag_name().name() == name);
        found.unwrap_or_else(|| panic!("no {name} in {path}"))
    })
}

fn said<'a>(node: Node<'a, '_>, path: &str) -> &'a str {
    at(node, path).text().unwrap_or_default()
}

fn all<'a, 'd>(node: Node<'a, 'd>, name: &str) -> Vec<Node<'a, 'd>> {
    node.children().filter(|child| child.tag_name().name() == name).collect()
}

/// Minor units with their sign.
fn signed(node: Node<'_, '_>, currency: Currency) -> i64 {
    let amount = at(node, "Amt");
    assert_eq!(amount.attribute("Ccy"), Some(currency.code()));
    let minor = Money::from_decimal_str(currency, amount.text().unwrap()).unwrap().minor();
    if said(node, "CdtDbtInd") == "DBIT" { -minor } else { minor }
}

fn every_kind() -> [sample::Happened<'static>; 6] {
    [
        (1_000_000, Kind::Deposit, Some("slip 4711")),
        (-125_050, Kind::Transfer, Some("Rent for May")),
        (-9_900, Kind::Capture, None),
        (9_900, Kind::Reversal, Some("<sorry> & \"bye\"")),
        (-2_000_000, Kind::Withdrawal, None),
        (7, Kind::Transfer, None),
    ]
}

#[test]
fn the_document_keeps_the_rules_and_its_sums_are_right() {
    for currency in [Currency::INR, Currency::JPY, Currency::KWD, Currency::CLF] {
        let statement = sample::statement(currency, -500, &every_kind());
        let text = checked(&statement);
        let document = Document::parse(&text).unwrap();
        let inner = at(document.root_element(), "BkToCstmrStmt/Stmt");
        assert_eq!(said(inner, "Acct/Id/Othr/Id"), "EX3456789012345676");
        assert_eq!(said(inner, "Acct/Ownr/Nm"), "Asha Rao");
        let balances = all(inner, "Bal");
        let [opening, closing] = balances.as_slice() else { panic!("two balances") };
        assert_eq!(said(*opening, "Tp/CdOrPrtry/Cd"), "OPBD");
        assert_eq!(said(*opening, "Dt/Dt"), "2026-01-01");
        assert_eq!(said(*closing, "Tp/CdOrPrtry/Cd"), "CLBD");
        assert_eq!(said(*closing, "Dt/Dt"), "2026-01-31");
        let entries = all(inner, "Ntry");
        let sum: i64 = entries.iter().map(|entry| signed(*entry, currency)).sum();
        assert_eq!(signed(*opening, currency) + sum, signed(*closing, currency));
        assert_eq!(signed(*closing, currency), statement.closing());
        for (side, total) in [("CRDT", "TtlCdtNtries"), ("DBIT", "TtlDbtNtries")] {
            let of_side: Vec<i64> = entries
                .iter()
                .filter(|entry| said(**entry, "CdtDbtInd") == side)
                .map(|entry| signed(*entry, currency).abs())
                .collect();
            let told = at(inner, &format!("TxsSummry/{total}"));
            assert_eq!(said(told, "NbOfNtries"), of_side.len().to_string());
            let wanted = Money::new(of_side.iter().sum(), currency).to_decimal_string();
            assert_eq!(said(told, "Sum"), wanted);
        }
        let transfer = entries[3];
        assert_eq!(said(transfer, "AcctSvcrRef"), "trf_00000000000000000000000004");
        assert_eq!(said(transfer, "RvslInd"), "true");
        let details = at(transfer, "NtryDtls/TxDtls");
        assert_eq!(said(details, "RmtInf/Ustrd"), "<sorry> & \"bye\"");
        assert_eq!(said(details, "RltdPties/DbtrAcct/Id/Othr/Id"), "EX6501234567890128");
        assert_eq!(
            said(entries[1], "NtryDtls/TxDtls/RltdPties/CdtrAcct/Id/Othr/Id"),
            "EX6501234567890128"
        );
    }
}

#[test]
fn a_statement_without_entries_is_one() {
    let text = checked(&sample::statement(Currency::EUR, 0, &[]));
    assert!(!text.contains("<Ntry>"), "{text}");
}

// ASVS 1.2.1: no memo or name changes the structure of an XML statement.
#[test]
fn whatever_stands_in_a_memo_or_name_the_document_stays_one() {
    let texts = sample::texts();
    let text = checked(&sample::with_memos(&texts));
    let document = Document::parse(&text).unwrap();
    let inner = at(document.root_element(), "BkToCstmrStmt/Stmt");
    let entries = all(inner, "Ntry");
    assert_eq!(entries.len(), texts.len());
    for (entry, text) in entries.iter().zip(&texts) {
        let details = at(*entry, "NtryDtls/TxDtls");
        let shown = all(details, "RmtInf").first().map_or("", |info| said(*info, "Ustrd"));
        let wanted: String = text
            .chars()
            .take(140)
            .map(|c| match c {
                '\t' | '\n' | '\r' => ' ',
                c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => '\u{fffd}',
                c => c,
            })
            .collect();
        assert_eq!(shown, wanted);
    }
    for name in texts.iter().filter(|text| !text.is_empty()) {
        let mut subject = sample::subject(Currency::EUR);
        subject.name.clone_from(name);
        subject.owner.clone_from(name);
        let days = sample::period("2026-01-01", "2026-01-31");
        checked(&Statement::of(subject, days, 0, Vec::new()).unwrap());
    }
}
