//! The three writings of the evidence.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::{Book, Control, Kind, Number};

type ByNumber<'a> = BTreeMap<(Book, &'a Number), Vec<&'a Control>>;

/// For a terminal: a line for each piece of evidence, and sums.
pub fn text(controls: &[Control]) -> String {
    let mut lines = String::new();
    for control in controls {
        let (book, kind) = (control.book.name(), control.kind.name());
        let number = control.number.as_str();
        push(&mut lines, format_args!("{book} {number:<10} {kind:<8} {}", control.words));
        if !control.evidence.is_empty() {
            push(&mut lines, format_args!(" [{}]", control.evidence));
        }
        lines.push('\n');
    }
    for line in sums(controls) {
        push(&mut lines, format_args!("{line}\n"));
    }
    lines
}

/// One object: the evidence, and for each book how many numbers are shown, apart and open.
pub fn json(controls: &[Control]) -> String {
    let sums: BTreeMap<_, _> = books(controls)
        .map(|(book, sum)| {
            (book.name(), json!({ "shown": sum.shown, "apart": sum.apart, "open": sum.open }))
        })
        .collect();
    format!("{:#}\n", json!({ "controls": controls, "numbers": sums }))
}

/// `docs/controls.md`.
pub fn markdown(controls: &[Control]) -> String {
    let mut page = "# Controls\n\nWhich number of which rule book is shown by what, in our own words. Made by the program \
        (`exchequer controls` prints the same) from\ncomments above the tests and from the tables in \
        `crates/exchequer/src/controls`; a test fails when a test, file, setting or heading that is\nnamed here is \
        gone. *Apart*: it does not apply. *Open*: it applies, and nothing shows it yet.\n\n"
        .to_owned();
    for line in sums(controls) {
        push(&mut page, format_args!("* {line}\n"));
    }
    for book in Book::ALL {
        push(
            &mut page,
            format_args!(
                "\n## {}\n\n| number | | what holds | shown by |\n|--|--|--|--|\n",
                book.title()
            ),
        );
        for control in controls.iter().filter(|control| control.book == book) {
            let words = control.words.replace('|', "\\|");
            let evidence = if control.evidence.is_empty() {
                String::new()
            } else {
                format!("`{}`", control.evidence)
            };
            let (number, kind) = (control.number.as_str(), control.kind.name());
            push(&mut page, format_args!("| {number} | {kind} | {words} | {evidence} |\n"));
        }
    }
    page
}

#[derive(Default)]
struct Sum {
    shown: usize,
    apart: usize,
    open: usize,
}

fn sums(controls: &[Control]) -> impl Iterator<Item = String> {
    books(controls).map(|(book, sum)| {
        let Sum { shown, apart, open } = sum;
        format!("{}: {shown} numbers shown, {apart} apart, {open} open", book.title())
    })
}

fn books(controls: &[Control]) -> impl Iterator<Item = (Book, Sum)> {
    let mut by_number = ByNumber::new();
    for control in controls {
        by_number.entry((control.book, &control.number)).or_default().push(control);
    }
    let mut sums: BTreeMap<Book, Sum> = BTreeMap::new();
    for ((book, _), evidence) in by_number {
        let sum = sums.entry(book).or_default();
        match evidence[0].kind {
            Kind::Apart => sum.apart += 1,
            Kind::Open => sum.open += 1,
            Kind::Test | Kind::Rule | Kind::Setting | Kind::Document => sum.shown += 1,
        }
    }
    sums.into_iter()
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A string takes whatever is written to it.
    let written = text.write_fmt(arguments);
    debug_assert!(written.is_ok(), "a string refused to grow");
}
