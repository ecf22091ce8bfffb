//! Where things stand on the pages, before anything is drawn: how high each line of the table is, and
//! which lines each page has.
//!
//! Pure, in twips (1/20 point) on A4. Two passes over the entries, so that a page can say of how many it
//! is one: the first keeps only where pages begin.

use std::ops::Range;

use store::rows::TransferKind;

use super::face::Weight;
use super::pen::{Colour, Style, Twips};
use crate::statements::model::{Entry, Side, Statement, kind_name};

pub const WIDTH: Twips = 11_906;
pub const HEIGHT: Twips = 16_838;
pub const LEFT: Twips = 1_000;
pub const RIGHT: Twips = 10_906;
/// The head of the table: its upper rule.
pub const FIRST_TABLE: Twips = 5_700;
pub const NEXT_TABLE: Twips = 1_500;
pub const TABLE_HEAD: Twips = 420;
const BOTTOM: Twips = 15_840;
pub const FOOT: Twips = 16_240;

/// Columns: where dates and details begin, and where amounts end.
pub const DATE: Twips = LEFT;
pub const DETAILS: Twips = 2_150;
const DETAILS_WIDTH: Twips = 4_200;
pub const DEBIT: Twips = 7_900;
pub const CREDIT: Twips = 9_400;
pub const BALANCE: Twips = RIGHT;
pub const AMOUNT_WIDTH: Twips = 1_360;

pub const BODY: Style = Style { weight: Weight::Regular, size: 170, colour: Colour::Ink };
pub const STRONG: Style = Style { weight: Weight::Bold, ..BODY };
pub const SMALL: Style = Style { weight: Weight::Regular, size: 130, colour: Colour::Grey };

/// From one base line to the next.
const LEADING: Twips = 225;
const SMALL_LEADING: Twips = 185;
/// Above the first base line, and below the last.
pub const ABOVE: Twips = 260;
const BELOW: Twips = 110;

/// A memo has at most 140 characters; the widest of them take no more lines than this.
const MEMO_LINES: usize = 6;

/// A line of the table.
pub struct Line {
    pub date: String,
    /// Each with its distance from the first base line.
    pub details: Vec<(Twips, Style, String)>,
    pub debit: String,
    pub credit: String,
    pub balance: String,
    pub style: Style,
    pub height: Twips,
}

/// Which line is meant: the opening balance, an entry, or the totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Opening,
    Entry(usize),
    Closing,
}

/// Lines of a statement's table.
pub fn count(statement: &Statement) -> usize {
    statement.entries().len() + 2
}

pub fn line(statement: &Statement, index: usize) -> Option<Line> {
    let entries = statement.entries();
    let row = match index {
        0 => Row::Opening,
        n if n <= entries.len() => Row::Entry(n - 1),
        _ => Row::Closing,
    };
    match row {
        Row::Opening => {
            let date = statement.period().from().to_string();
            let mut line = plain(date, "Opening balance");
            line.balance = amount(statement, statement.opening());
            Some(line)
        }
        Row::Entry(n) => entries.get(n).map(|entry| of_entry(statement, entry)),
        Row::Closing => {
            let date = statement.period().to().to_string();
            let mut line = plain(date, "Totals and closing balance");
            line.debit = amount(statement, statement.debits().amount);
            line.credit = amount(statement, statement.credits().amount);
            line.balance = amount(statement, statement.closing());
            Some(line)
        }
    }
}

/// The lines of each page, in order; at least one page.
pub fn pages(statement: &Statement) -> Vec<Range<usize>> {
    let mut pages = Vec::new();
    let mut begin = 0;
    let mut y = FIRST_TABLE + TABLE_HEAD;
    for index in 0..count(statement) {
        let height = line(statement, index).map_or(0, |line| line.height);
        if y + height > BOTTOM && index > begin {
            pages.push(begin..index);
            begin = index;
            y = NEXT_TABLE + TABLE_HEAD;
        }
        y += height;
    }
    pages.push(begin..count(statement));
    pages
}

/// An amount as people read it: `-1,234,567.80`.
pub fn amount(statement: &Statement, minor: i64) -> String {
    let plain = statement.unsigned(minor);
    let (whole, decimals) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut text = String::from(if minor < 0 { "-" } else { "" });
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !decimals.is_empty() {
        text.push('.');
        text.push_str(decimals);
    }
    text
}

fn plain(date: String, what: &str) -> Line {
    Line {
        date,
        details: vec![(0, STRONG, what.to_owned())],
        debit: String::new(),
        credit: String::new(),
        balance: String::new(),
        style: STRONG,
        height: ABOVE + BELOW,
    }
}

fn of_entry(statement: &Statement, entry: &Entry) -> Line {
    let face = BODY.weight.face();
    let date = entry.posted_at.to_string();
    let mut texts = face.lines(&headline(entry), (BODY.size, DETAILS_WIDTH), 2);
    if let Some(memo) = entry.memo.as_deref() {
        texts.extend(face.lines(memo, (BODY.size, DETAILS_WIDTH), MEMO_LINES));
    }
    let mut details = Vec::with_capacity(texts.len() + 1);
    let mut y = 0;
    for text in texts {
        details.push((y, BODY, text));
        y += LEADING;
    }
    // From the last line of the body to the id is a small line's distance.
    let y = y - LEADING + SMALL_LEADING;
    details.push((y, SMALL, entry.transfer.to_string()));
    let value = amount(statement, entry.amount);
    let (debit, credit) = match entry.side {
        Side::Debit => (value, String::new()),
        Side::Credit => (String::new(), value),
    };
    Line {
        date: date.get(..10).unwrap_or(&date).to_owned(),
        details,
        debit,
        credit,
        balance: amount(statement, entry.balance),
        style: BODY,
        height: ABOVE + y + BELOW,
    }
}

fn headline(entry: &Entry) -> String {
    let what = kind_name(entry.kind);
    match (entry.kind, entry.side, entry.counterparty.as_deref()) {
        (TransferKind::Deposit | TransferKind::Withdrawal, _, _) | (_, _, None) => what.to_owned(),
        (_, Side::Debit, Some(number)) => format!("{what} to {number}"),
        (_, Side::Credit, Some(number)) => format!("{what} from {number}"),
    }
}
