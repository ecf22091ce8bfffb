//! Which number of which rule book is shown by what: `exchequer controls`.
//!
//! Tests name numbers in comments above them; a test of the reference gathers those into `shown.tsv`, which is embedded
//! here, and fails when a test that is named there is gone. What no test can show (a lint, a setting, a document) and what
//! does not apply or is still open stands in a table for each book, written by hand; the same test looks whether each
//! file, setting and heading exists. The words are ours: the standards' own texts are not in this repository.

mod print;

pub use print::{json, markdown, text};

use serde::Serialize;

/// A rule book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Book {
    /// OWASP Application Security Verification Standard 5.0.
    Asvs,
    /// PCI DSS 4.0.1.
    Pci,
    /// Directions of the Reserve Bank of India.
    Rbi,
    /// The regulatory technical standards to PSD2, (EU) 2018/389.
    Rts,
}

/// What shows a number, or why nothing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A test that fails when it no longer holds.
    Test,
    /// A lint, a type or a check of the build that makes the opposite impossible.
    Rule,
    Setting,
    Document,
    /// It does not apply.
    Apart,
    /// It applies, and nothing shows it yet.
    Open,
}

/// One line of evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Control {
    pub book: Book,
    pub number: Number,
    pub kind: Kind,
    /// `FILE::TEST`, a file, a setting, or a document with its heading; empty where nothing shows it.
    pub evidence: String,
    /// What holds, in our own words.
    pub words: String,
}

/// A number of a book, in the order of the book: `6.2.10` after `6.2.9`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number {
    key: Vec<(u64, String)>,
    text: String,
}

/// What tests show; written by `EXCHEQUER_TEST_WRITE=1 cargo test -p exchequer --test reference`.
const SHOWN: &str = include_str!("shown.tsv");

/// The tables that are written by hand.
const BY_HAND: [(Book, &str); 3] = [
    (Book::Asvs, include_str!("asvs.tsv")),
    (Book::Pci, include_str!("pci.tsv")),
    (Book::Rbi, include_str!("rbi.tsv")),
];

impl Book {
    pub const ALL: [Self; 4] = [Self::Asvs, Self::Pci, Self::Rbi, Self::Rts];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Asvs => "asvs",
            Self::Pci => "pci",
            Self::Rbi => "rbi",
            Self::Rts => "rts",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Asvs => "OWASP ASVS 5.0",
            Self::Pci => "PCI DSS 4.0.1",
            Self::Rbi => "Reserve Bank of India",
            Self::Rts => "RTS (EU) 2018/389",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|book| book.name() == name)
    }
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Test, Self::Rule, Self::Setting, Self::Document, Self::Apart, Self::Open];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Rule => "rule",
            Self::Setting => "setting",
            Self::Document => "document",
            Self::Apart => "apart",
            Self::Open => "open",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Number {
    pub fn new(text: &str) -> Self {
        let parts = text.split(['.', ' ']);
        let key = parts.map(|part| (part.parse().unwrap_or(u64::MAX), part.to_owned())).collect();
        Self { key, text: text.to_owned() }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// All evidence, by book and number. The error names a line that cannot be read.
pub fn all() -> Result<Vec<Control>, String> {
    let mut found = Vec::new();
    for line in lines(SHOWN) {
        let [book, number, evidence, words] = columns(line)?;
        let book = Book::named(book).ok_or_else(|| format!("no book: {line}"))?;
        found.push(control((book, number, Kind::Test), evidence, words));
    }
    for (book, table) in BY_HAND {
        for line in lines(table) {
            let [number, kind, evidence, words] = columns(line)?;
            let kind = Kind::named(kind).filter(|kind| *kind != Kind::Test);
            let kind = kind.ok_or_else(|| format!("no kind: {line}"))?;
            // Both stand in one file: who pays in India and who pays in Europe.
            let book = if number.starts_with("RTS ") { Book::Rts } else { book };
            let number = number.strip_prefix("RTS ").unwrap_or(number);
            found.push(control((book, number, kind), evidence, words));
        }
    }
    found.sort();
    Ok(found)
}

fn lines(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn columns(line: &str) -> Result<[&str; 4], String> {
    let found: Vec<&str> = line.split('\t').collect();
    found.try_into().map_err(|_| format!("not four columns: {line}"))
}

fn control((book, number, kind): (Book, &str, Kind), evidence: &str, words: &str) -> Control {
    let evidence = if evidence == "-" { "" } else { evidence };
    let (evidence, words) = (evidence.to_owned(), words.to_owned());
    Control { book, number: Number::new(number), kind, evidence, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_the_order_of_their_book() {
        let mut numbers = ["6.2.10", "DPSC 12", "6.2.9", "DPSC 2", "6.10.1"].map(Number::new);
        numbers.sort();
        assert_eq!(numbers.map(|n| n.text), ["6.2.9", "6.2.10", "6.10.1", "DPSC 2", "DPSC 12"]);
    }

    #[test]
    fn every_line_can_be_read() {
        let all = all().expect("tables that can be read");
        for book in Book::ALL {
            assert!(all.iter().any(|control| control.book == book), "{}", book.name());
        }
    }
}
