//! Tests of [`super`].

use money::Currency;
use store::rows::TransferKind as Kind;

use super::*;
use crate::statements::sample;

/// RFC 4180 §2, read strictly.
fn parsed(bytes: &[u8]) -> Vec<Vec<String>> {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let mut rows = vec![vec![String::new()]];
    let mut chars = text.chars().peekable();
    let mut inside = false;
    while let Some(c) = chars.next() {
        let cell = rows.last_mut().unwrap().last_mut().unwrap();
        match c {
            '"' if inside && chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            '"' => {
                assert!(inside || cell.is_empty(), "a quote inside of a plain cell");
                inside = !inside;
            }
            c if inside => cell.push(c),
            ',' => rows.last_mut().unwrap().push(String::new()),
            '\r' => {
                assert_eq!(chars.next(), Some('\n'), "CR without LF");
                rows.push(vec![String::new()]);
            }
            '\n' => panic!("LF without CR"),
            c => cell.push(c),
        }
    }
    assert!(!inside, "an open quote");
    assert_eq!(rows.pop(), Some(vec![String::new()]), "no CRLF at the end");
    rows
}

#[test]
fn a_statement_is_a_header_two_balances_and_entries_between() {
    let happened = [(12_550, Kind::Deposit, Some("slip")), (-15_051, Kind::Transfer, None)];
    let statement = sample::statement(Currency::INR, 2_000, &happened);
    let text = String::from_utf8(render(&statement)).unwrap();
    let wanted = "\
row,number,posted_at,transfer,kind,counterparty,memo,debit,credit,balance,balance_indicator,currency\r
opening,,2026-01-01T00:00:00.000000Z,,,,,,,20.00,CRDT,INR\r
entry,42,2026-01-01T09:30:00.000000Z,trf_00000000000000000000000001,deposit,\"bank\",\"slip\",,125.50,145.50,CRDT,INR\r
entry,43,2026-01-01T10:30:00.000000Z,trf_00000000000000000000000002,transfer,\"EX6501234567890128\",,150.51,,5.01,DBIT,INR\r
closing,,2026-01-31T23:59:59.000000Z,,,,,,,5.01,DBIT,INR\r
";
    assert_eq!(text, wanted);
}

#[test]
fn amounts_have_the_digits_of_their_currency() {
    for (currency, wanted) in
        [(Currency::JPY, "1234567"), (Currency::KWD, "1234.567"), (Currency::CLF, "123.4567")]
    {
        let statement = sample::statement(currency, 0, &[(1_234_567, Kind::Deposit, None)]);
        let rows = parsed(&render(&statement));
        assert_eq!((&*rows[2][8], &*rows[2][9], &*rows[2][11]), (wanted, wanted, currency.code()));
    }
}

// ASVS 1.2.10: a statement's cells are quoted by RFC 4180 and defused.
#[test]
fn no_cell_begins_like_a_formula_and_texts_come_back() {
    let texts = sample::texts();
    let statement = sample::with_memos(&texts);
    let rows = parsed(&render(&statement));
    assert_eq!(rows.len(), texts.len() + 3);
    for row in &rows {
        assert_eq!(row.len(), 12, "{row:?}");
        for cell in row {
            let formula = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
            assert!(!cell.starts_with(formula), "{cell:?}");
        }
    }
    for (row, text) in rows[2..].iter().zip(&texts) {
        let memo = row[6].strip_prefix('\'').filter(|_| !text.starts_with('\'')).unwrap_or(&row[6]);
        assert_eq!(memo, text);
    }
}
