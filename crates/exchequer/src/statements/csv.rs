//! A statement as CSV (RFC 4180): UTF-8, a header row, CRLF, every text in quotes.
//!
//! Amounts are decimal with a point, never grouped and never signed: debit and credit are columns of
//! their own, and a balance says which of the two it is. So only texts can begin like a formula, and
//! those are defused as OWASP ("CSV Injection") says: an apostrophe in front, inside the quotes.

use super::model::{Entry, Side, Statement};
use crate::accounts::model::BANK;

const HEADER: &str = "row,number,posted_at,transfer,kind,counterparty,memo,debit,credit,balance,\
     balance_indicator,currency\r\n";

pub fn render(statement: &Statement) -> Vec<u8> {
    let mut text = Vec::with_capacity(256 + statement.entries().len().saturating_mul(200));
    text.extend_from_slice(HEADER.as_bytes());
    let period = statement.period();
    balance(&mut text, statement, ("opening", &period.start().to_string()), statement.opening());
    for entry in statement.entries() {
        line(&mut text, statement, entry);
    }
    let closed = period.last_second().to_string();
    balance(&mut text, statement, ("closing", &closed), statement.closing());
    text
}

fn line(text: &mut Vec<u8>, statement: &Statement, entry: &Entry) {
    let amount = statement.unsigned(entry.amount);
    let (debit, credit) = match entry.side {
        Side::Debit => (amount.as_str(), ""),
        Side::Credit => ("", amount.as_str()),
    };
    let cells = [
        "entry",
        &entry.number.to_string(),
        &entry.posted_at.to_string(),
        &entry.transfer.to_string(),
        entry.kind.as_str(),
        &quoted(entry.counterparty.as_deref().unwrap_or(BANK)),
        &entry.memo.as_deref().map(quoted).unwrap_or_default(),
        debit,
        credit,
        &statement.unsigned(entry.balance),
        indicator(entry.balance),
        statement.subject().currency.code(),
    ];
    row(text, &cells);
}

fn balance(text: &mut Vec<u8>, statement: &Statement, (name, at): (&str, &str), minor: i64) {
    let amount = statement.unsigned(minor);
    let currency = statement.subject().currency.code();
    row(text, &[name, "", at, "", "", "", "", "", "", &amount, indicator(minor), currency]);
}

fn row(text: &mut Vec<u8>, cells: &[&str; 12]) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        text.extend_from_slice(cell.as_bytes());
    }
    text.extend_from_slice(b"\r\n");
}

fn indicator(minor: i64) -> &'static str {
    if minor < 0 { "DBIT" } else { "CRDT" }
}

/// A text that no spreadsheet takes for more than a text. The wide forms of the signs are read as the
/// signs themselves in some languages.
pub(crate) fn quoted(text: &str) -> String {
    const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let defused = if text.starts_with(FORMULA) { "'" } else { "" };
    format!("\"{defused}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
