//! Tests of [`super`].

use std::process::{Command, Stdio};

use money::Currency;
use store::rows::TransferKind as Kind;

use super::*;
use crate::statements::sample::{self, Happened};

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn many(count: i64) -> Vec<Happened<'static>> {
    let amount = |n: i64| if n % 3 == 0 { 10_000 } else { -1_234 * n };
    (1..=count).map(|n| (amount(n), Kind::Transfer, Some("groceries"))).collect()
}

#[test]
fn the_document_is_tagged_archival_and_the_same_each_time() {
    let statement = sample::statement(Currency::INR, 1_000_000, &many(60));
    let bytes = render(&statement).unwrap();
    assert_eq!(bytes, render(&statement).unwrap());
    assert!(bytes.starts_with(b"%PDF-1.7"));
    // The description of the document is not compressed.
    for text in [
        "<pdfaid:part>2</pdfaid:part>",
        "<pdfaid:conformance>A</pdfaid:conformance>",
        "<pdfuaid:part>1</pdfuaid:part>",
        "Account statement EX3456789012345676, 2026-01-01 to 2026-01-31",
        "2026-01-31T23:59:59",
        "/Marked true",
    ] {
        assert!(contains(&bytes, text), "no {text}");
    }
    let other = sample::statement(Currency::INR, 1_000_001, &many(60));
    assert_ne!(bytes, render(&other).unwrap());
}

#[test]
fn any_text_and_any_amount_makes_a_document() {
    let texts = sample::texts();
    render(&sample::with_memos(&texts)).unwrap();
    let days = || sample::period("2026-01-01", "2026-01-31");
    for text in texts {
        let mut subject = sample::subject(Currency::JPY);
        (subject.name, subject.owner) = (text.clone(), text);
        render(&Statement::of(subject, days(), -500, Vec::new()).unwrap()).unwrap();
    }
    let most = 9_007_199_254_740_991;
    let happened = [(most, Kind::Deposit, None), (-most, Kind::Reversal, None)];
    render(&sample::statement(Currency::CLF, -most, &happened)).unwrap();
    render(&sample::statement(Currency::KWD, i64::MIN, &[])).unwrap();
}

#[test]
fn every_line_stands_on_one_page_and_every_page_has_some() {
    for count in [0, 1, 11, 12, 13, 200] {
        let statement = sample::statement(Currency::INR, 0, &many(count));
        let pages = layout::pages(&statement);
        let lines: Vec<usize> = pages.iter().cloned().flatten().collect();
        assert_eq!(lines, (0..layout::count(&statement)).collect::<Vec<_>>());
        assert!(pages.iter().all(|page| !page.is_empty()), "{pages:?}");
    }
}

#[test]
fn amounts_are_grouped() {
    let statement = sample::statement(Currency::KWD, 0, &[]);
    for (minor, text) in
        [(0, "0.000"), (-1, "-0.001"), (999_999, "999.999"), (-1_234_567_890, "-1,234,567.890")]
    {
        assert_eq!(layout::amount(&statement, minor), text);
    }
    assert_eq!(layout::amount(&sample::statement(Currency::JPY, 0, &[]), 1_000), "1,000");
}

/// With the program of poppler, where it is installed: the pages as others read them.
#[test]
fn another_program_reads_the_same_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statement.pdf");
    let statement = sample::statement(Currency::INR, 1_000_000, &many(30));
    std::fs::write(&path, render(&statement).unwrap()).unwrap();
    let mut program = Command::new("pdftotext");
    program.arg("-layout").arg(&path).arg("-").stderr(Stdio::null());
    let Ok(output) = program.output() else {
        println!("pdftotext is not installed");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let pages: Vec<&str> = text.trim_end_matches('\u{c}').split('\u{c}').collect();
    for (at, page) in (1..).zip(&pages) {
        assert!(page.contains(&format!("Page {at} of {}", pages.len())), "{page}");
        assert!(page.contains("Money out"), "no head of the table on page {at}");
    }
    assert_eq!(text.matches("trf_").count(), 30);
    assert!(text.contains("Closing balance"), "{text}");
}
