//! What is drawn on a page, and the structure that grows with it.

use std::num::NonZeroU16;
use std::ops::Range;

use krilla::tagging::{
    ArtifactType, Identifier, Node, TableHeaderScope, Tag, TagGroup, TagKind, TagTree,
};

use super::layout::{self, BODY, Line, SMALL, STRONG};
use super::pen::{Align, Colour, Pen, Style, Twips};
use crate::statements::model::{BANK_NAME, Statement};

/// The document's structure: what stands before the table, and the table, which goes over all pages.
pub struct Structure {
    front: Vec<Node>,
    head: TagGroup,
    body: TagGroup,
}

const HEADS: [(&str, Twips, Align); 5] = [
    ("Date", layout::DATE, Align::Left),
    ("Details", layout::DETAILS, Align::Left),
    ("Money out", layout::DEBIT, Align::Right),
    ("Money in", layout::CREDIT, Align::Right),
    ("Balance", layout::BALANCE, Align::Right),
];

/// Base lines of the first page.
const BANK: Twips = 1_180;
const TITLE: Twips = 2_100;
const PERIOD: Twips = 2_450;
const FACTS: Twips = 3_050;
const FACTS_LEADING: Twips = 320;
const FACTS_VALUE: Twips = 2_300;
const FACTS_WIDTH: Twips = 4_100;
const SUMMARY: Twips = 6_900;
const ENTRIES: Twips = layout::FIRST_TABLE - 180;

impl Structure {
    pub fn new() -> Self {
        Self { front: Vec::new(), head: TagGroup::new(Tag::THead), body: TagGroup::new(Tag::TBody) }
    }

    pub fn into_tree(self) -> TagTree {
        let mut tree = TagTree::new().with_lang(Some("en".to_owned()));
        for node in self.front {
            tree.push(node);
        }
        let summary =
            "Entries of the account, oldest first, with the balance after each".to_owned();
        let table = Tag::Table.with_summary(Some(summary));
        tree.push(TagGroup::with_children(table, vec![self.head.into(), self.body.into()]));
        tree
    }

    fn heading(&mut self, level: NonZeroU16, title: &str, content: Identifier) {
        let tag = Tag::Hn(level, Some(title.to_owned()));
        self.front.push(group(tag, content).into());
    }
}

/// A page, `place` of how many from 0, with its lines of the table.
pub fn draw(
    pen: &mut Pen<'_>,
    structure: &mut Structure,
    statement: &Statement,
    ((index, of), lines): ((usize, usize), Range<usize>),
) {
    let is_first = index == 0;
    if is_first {
        front(pen, structure, statement);
    } else {
        running_head(pen, statement);
    }
    let mut y = if is_first { layout::FIRST_TABLE } else { layout::NEXT_TABLE };
    table_head(pen, structure, y, is_first);
    y += layout::TABLE_HEAD;
    for line in lines.filter_map(|index| layout::line(statement, index)) {
        structure.body.push(row(pen, &line, y));
        y += line.height;
        rule(pen, y, 10, Colour::Pale);
    }
    let foot = [
        (layout::LEFT, Align::Left, format!("{BANK_NAME} · Statement {}", statement.id())),
        (layout::RIGHT, Align::Right, format!("Page {} of {of}", index + 1)),
    ];
    pen.decoration(ArtifactType::Footer, |pen| {
        for (x, align, text) in foot {
            pen.text((x, layout::FOOT), align, SMALL, &text);
        }
    });
}

fn front(pen: &mut Pen<'_>, structure: &mut Structure, statement: &Statement) {
    let style = |size, colour| Style { size, colour, ..STRONG };
    let bank = pen.content(|pen| {
        pen.text((layout::LEFT, BANK), Align::Left, style(260, Colour::Deep), BANK_NAME);
    });
    structure.front.push(group(Tag::P, bank).into());
    rule(pen, BANK + 160, 40, Colour::Deep);
    let title = "Account statement";
    let heading = pen.content(|pen| {
        pen.text((layout::LEFT, TITLE), Align::Left, style(440, Colour::Ink), title);
    });
    structure.heading(NonZeroU16::MIN, title, heading);
    let period = statement.period();
    let days = format!("{} to {}", period.from(), period.to());
    let days = pen.content(|pen| {
        let style = Style { size: 220, colour: Colour::Grey, ..BODY };
        pen.text((layout::LEFT, PERIOD), Align::Left, style, &days);
    });
    structure.front.push(group(Tag::P, days).into());
    facts(pen, structure, statement);
    summary(pen, structure, statement);
    let entries = pen.content(|pen| {
        pen.text((layout::LEFT, ENTRIES), Align::Left, style(230, Colour::Ink), "Entries");
    });
    structure.heading(NonZeroU16::MIN.saturating_add(1), "Entries", entries);
}

/// Whose account it is.
fn facts(pen: &mut Pen<'_>, structure: &mut Structure, statement: &Statement) {
    let subject = statement.subject();
    let currency = subject.currency;
    let facts = [
        ("Owner", subject.owner.clone()),
        ("Account", subject.name.clone()),
        ("Number", subject.number.clone()),
        ("Currency", format!("{currency}, {}", currency.name())),
        ("Statement", statement.id()),
    ];
    let mut y = FACTS;
    let face = BODY.weight.face();
    for (label, value) in facts {
        let lines = face.lines(&value, (BODY.size, FACTS_WIDTH), 2);
        let content = pen.content(|pen| {
            let label_style = Style { colour: Colour::Grey, ..BODY };
            pen.text((layout::LEFT, y), Align::Left, label_style, &format!("{label} "));
            for (n, line) in (0..).zip(&lines) {
                pen.text((FACTS_VALUE, y + n * 220), Align::Left, BODY, line);
            }
        });
        structure.front.push(group(Tag::P, content).into());
        y += FACTS_LEADING + if lines.len() > 1 { 200 } else { 0 };
    }
}

/// The four sums, as a table whose rows have heads.
fn summary(pen: &mut Pen<'_>, structure: &mut Structure, statement: &Statement) {
    let (credits, debits) = (statement.credits(), statement.debits());
    let rows = [
        ("Opening balance".to_owned(), statement.opening(), BODY),
        (counted("Money in", credits.count), credits.amount, BODY),
        (counted("Money out", debits.count), debits.amount, BODY),
        ("Closing balance".to_owned(), statement.closing(), STRONG),
    ];
    let mut body = TagGroup::new(Tag::TBody);
    let mut y = FACTS;
    for (label, minor, style) in rows {
        let value = layout::amount(statement, minor);
        let head = pen.content(|pen| {
            let style = Style { colour: Colour::Grey, ..style };
            pen.text((SUMMARY, y), Align::Left, style, &label);
        });
        let cell = pen.content(|pen| amount(pen, (layout::RIGHT, y), (style, 2_200), &value));
        pen.decoration(ArtifactType::Layout, |pen| {
            pen.rule((SUMMARY, y + 90), (layout::RIGHT - SUMMARY, 10), Colour::Pale);
        });
        let head = group(Tag::TH(TableHeaderScope::Row), head);
        let cells = vec![head.into(), group(Tag::TD, cell).into()];
        body.push(TagGroup::with_children(Tag::TR, cells));
        y += FACTS_LEADING;
    }
    let about = "Balances at the beginning and the end, and the sums between them".to_owned();
    let table = Tag::Table.with_summary(Some(about));
    structure.front.push(TagGroup::with_children(table, vec![body.into()]).into());
}

fn counted(what: &str, count: i64) -> String {
    let entries = if count == 1 { "entry" } else { "entries" };
    format!("{what}, {count} {entries}")
}

fn running_head(pen: &mut Pen<'_>, statement: &Statement) {
    let period = statement.period();
    let number = statement.subject().number.as_str();
    let right = format!("{number} · {} to {}", period.from(), period.to());
    pen.decoration(ArtifactType::Header, |pen| {
        let bank = Style { colour: Colour::Deep, ..STRONG };
        pen.text((layout::LEFT, 1_120), Align::Left, bank, BANK_NAME);
        pen.text((layout::RIGHT, 1_120), Align::Right, SMALL, &right);
    });
    rule(pen, 1_220, 20, Colour::Deep);
}

/// On the first page the heads of the columns; on the others their repetition, which is no content.
fn table_head(pen: &mut Pen<'_>, structure: &mut Structure, y: Twips, is_first: bool) {
    let style = Style { size: 150, colour: Colour::Deep, ..STRONG };
    let base = y + 270;
    let head = |pen: &mut Pen<'_>, (text, x, align): (&str, Twips, Align)| {
        pen.text((x, base), align, style, text);
    };
    rule(pen, y, 20, Colour::Deep);
    if is_first {
        let cells = HEADS.map(|column| {
            let content = pen.content(|pen| head(pen, column));
            group(Tag::TH(TableHeaderScope::Column), content).into()
        });
        structure.head.push(TagGroup::with_children(Tag::TR, cells.into()));
    } else {
        pen.decoration(ArtifactType::PaginationOther, |pen| {
            for column in HEADS {
                head(pen, column);
            }
        });
    }
    rule(pen, y + layout::TABLE_HEAD - 20, 20, Colour::Deep);
}

/// Five cells, empty ones too: a row that has fewer is not one of its table.
fn row(pen: &mut Pen<'_>, line: &Line, y: Twips) -> TagGroup {
    let base = y + layout::ABOVE;
    let date = pen.content(|pen| {
        pen.text((layout::DATE, base), Align::Left, line.style, &line.date);
    });
    let details = pen.content(|pen| {
        for (below, style, text) in &line.details {
            pen.text((layout::DETAILS, base + below), Align::Left, *style, text);
        }
    });
    let mut cells = vec![group(Tag::TD, date).into(), group(Tag::TD, details).into()];
    let amounts = [
        (layout::DEBIT, &line.debit),
        (layout::CREDIT, &line.credit),
        (layout::BALANCE, &line.balance),
    ];
    for (x, text) in amounts {
        let width = layout::AMOUNT_WIDTH;
        let cell = pen.content(|pen| amount(pen, (x, base), (line.style, width), text));
        cells.push(group(Tag::TD, cell).into());
    }
    TagGroup::with_children(Tag::TR, cells)
}

/// Ends at `x`, and gets smaller rather than wider than its column.
fn amount(pen: &mut Pen<'_>, at: (Twips, Twips), (style, width): (Style, Twips), text: &str) {
    if text.is_empty() {
        return;
    }
    let size = style.weight.face().fitting(text, style.size, width);
    pen.text(at, Align::Right, Style { size, ..style }, text);
}

fn rule(pen: &mut Pen<'_>, y: Twips, height: Twips, colour: Colour) {
    pen.decoration(ArtifactType::Layout, |pen| {
        pen.rule((layout::LEFT, y), (layout::RIGHT - layout::LEFT, height), colour);
    });
}

fn group(tag: impl Into<TagKind>, content: Identifier) -> TagGroup {
    TagGroup::with_children(tag, vec![content.into()])
}
