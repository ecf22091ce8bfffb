//! The evidence for the rule books: what comments above tests name is what the program says, and everything that it
//! names is there.
//!
//! A comment names numbers behind the word of their book: `// ASVS 6.2.5: …`, `/// PCI DSS 4.0.1, 3.4.1: …`,
//! `// RBI DPSC 12: …`, `// RTS 5: …`. A comment at the head of a file speaks of all its tests. The lists of numbers
//! come from the folder that `EXCHEQUER_REFS` names; without it only what is named is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use exchequer::config::{SETTINGS, Setting};
use exchequer::controls::{Book, Control, Kind, Number, all, markdown};

use super::snapshots::compare;

const WORDS: [(&str, Book); 4] =
    [("ASVS ", Book::Asvs), ("PCI DSS ", Book::Pci), ("RBI ", Book::Rbi), ("RTS ", Book::Rts)];
/// Fewer would mean that the sources were not found.
const LEAST_SHOWN: usize = 100;
const HEAD: &str = "# Written by EXCHEQUER_TEST_WRITE=1 cargo test -p exchequer --test reference; see controls/mod.rs.\n";

#[test]
fn what_tests_show_is_what_the_program_says() {
    let mut lines = BTreeSet::new();
    for folder in ["crates", "browser"] {
        gather(&root().join(folder), &mut lines);
    }
    assert!(lines.len() >= LEAST_SHOWN, "only {} numbers are named", lines.len());
    let mut sorted: Vec<_> = lines.into_iter().collect();
    sorted.sort_by_key(|(book, number, ..)| (*book, Number::new(number)));
    let line = |(book, number, place, words): &Line| {
        format!("{}\t{number}\t{place}\t{words}\n", book.name())
    };
    let table = HEAD.to_owned() + &sorted.iter().map(line).collect::<Vec<_>>().concat();
    compare(&root().join("crates/exchequer/src/controls/shown.tsv"), &table);
}

// Runs on what is embedded, so that the page follows one build after the table.
#[test]
fn the_page_is_the_programs() {
    compare(&root().join("docs/controls.md"), &markdown(&all().expect("tables")));
}

#[test]
fn everything_that_is_named_is_there() {
    let settings: BTreeSet<String> = SETTINGS.iter().map(Setting::name).collect();
    for control in all().expect("tables that can be read") {
        let Control { number, kind, evidence, words, .. } = &control;
        let number = number.as_str();
        assert!(!words.is_empty(), "{number} has no words");
        let (path, place) = evidence.split_once('#').unwrap_or((evidence, ""));
        match kind {
            Kind::Test => {} // compared with the sources above
            Kind::Rule => assert!(root().join(path).is_file(), "{number}: no file {path}"),
            Kind::Setting => assert!(settings.contains(path), "{number}: no setting {path}"),
            Kind::Document => {
                let file = root().join(path);
                let paper = fs::read_to_string(&file)
                    .unwrap_or_else(|error| panic!("{number}: {}: {error}", file.display()));
                let is_there = place.is_empty() || anchors(&paper).contains(place);
                assert!(is_there, "{number}: {path} has no heading #{place}");
            }
            Kind::Apart | Kind::Open => assert!(evidence.is_empty(), "{number}: {evidence}"),
        }
    }
}

#[test]
fn a_number_is_shown_or_apart_or_open_and_no_number_is_forgotten() {
    let mut kinds: BTreeMap<(Book, Number), BTreeSet<Kind>> = BTreeMap::new();
    for control in all().expect("tables that can be read") {
        kinds.entry((control.book, control.number)).or_default().insert(control.kind);
    }
    for ((book, number), kinds) in &kinds {
        let alone = kinds.contains(&Kind::Apart) || kinds.contains(&Kind::Open);
        assert!(!alone || kinds.len() == 1, "{} {}: {kinds:?}", book.name(), number.as_str());
    }
    let Some(folder) = std::env::var_os("EXCHEQUER_REFS").map(PathBuf::from) else {
        println!("EXCHEQUER_REFS is not set: the numbers were not compared with the standards");
        return;
    };
    for (book, file, least) in [(Book::Asvs, "asvs5.csv", 300), (Book::Pci, "pci4.csv", 80)] {
        let wanted = first_column(&folder.join(file));
        assert!(wanted.len() >= least, "{file}: only {} rows", wanted.len());
        let forgotten: Vec<_> = wanted
            .iter()
            .filter(|number| !kinds.contains_key(&(book, Number::new(number))))
            .collect();
        assert!(forgotten.is_empty(), "nothing is said of these of {}: {forgotten:?}", book.name());
        let foreign: Vec<_> = kinds
            .keys()
            .filter(|(of, number)| *of == book && !wanted.contains(number.as_str()))
            .map(|(_, number)| number.as_str())
            .collect();
        assert!(foreign.is_empty(), "these are none of {}: {foreign:?}", book.name());
    }
}

#[test]
fn numbers_are_read_behind_the_word_of_their_book() {
    let read = |text: &str| -> Vec<(Book, String, String)> { named(text) };
    let asvs = |number: &str, words: &str| (Book::Asvs, number.to_owned(), words.to_owned());
    assert_eq!(
        read("ASVS 6.2.5, 6.2.11: long ones pass. PCI DSS 4.0.1, 3.4.1: four digits."),
        [
            asvs("6.2.5", "long ones pass."),
            asvs("6.2.11", "long ones pass."),
            (Book::Pci, "3.4.1".into(), "four digits.".into()),
        ]
    );
    assert_eq!(read("OWASP ASVS 5.0, 6.3.3), since"), [asvs("6.3.3", "since")]);
    assert_eq!(read("RBI DPSC 12: words"), [(Book::Rbi, "DPSC 12".into(), "words".into())]);
    assert_eq!(read("ASVS 6.2 and 5.0; 6.2.5 alone"), []);
}

/// Number, and the file and test that show it.
type Line = (Book, String, String, String);

fn gather(folder: &Path, lines: &mut BTreeSet<Line>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        let is = |kind: &str| path.extension().is_some_and(|end| end == kind);
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                gather(&path, lines);
            }
        } else if (is("rs") || is("js")) && !path.ends_with("reference/controls.rs") {
            let text = fs::read_to_string(&path).expect("a source");
            let short = path.strip_prefix(root()).expect("a path below the root");
            of_file(&short.to_string_lossy(), &text, lines);
        }
    }
}

/// Blocks of comments, each with the first test behind it. Of a file with code only what stands below `mod tests`.
fn of_file(path: &str, text: &str, lines: &mut BTreeSet<Line>) {
    let is_of_tests =
        path.contains("/tests/") || path.ends_with("/tests.rs") || path.starts_with("browser/");
    let text =
        if is_of_tests { text } else { text.split_once("\nmod tests {").map_or("", |(_, t)| t) };
    let all: Vec<&str> = text.lines().map(str::trim_start).collect();
    let mut at = 0;
    while at < all.len() {
        let end = at + all[at..].iter().take_while(|line| line.starts_with("//")).count();
        if end == at {
            at += 1;
            continue;
        }
        let is_head = all[at].starts_with("//!");
        let strip = |line: &&str| line.trim_start_matches(['/', '!']).trim().to_owned();
        let comment = all[at..end].iter().map(strip).collect::<Vec<_>>().join(" ");
        let test = if is_head { None } else { test_behind(&all[end..]) };
        let place = test.as_ref().map_or(path.to_owned(), |test| format!("{path}::{test}"));
        for (book, number, words) in named(&comment) {
            let spoken = || test.as_deref().unwrap_or("the tests of this file").replace('_', " ");
            let words = if words.len() < 4 { spoken() } else { words };
            lines.insert((book, number, place.clone(), words));
        }
        at = end;
    }
}

fn test_behind(lines: &[&str]) -> Option<String> {
    lines.iter().take(8).find_map(|line| {
        let function = line.split_once("fn ").map(|(_, rest)| rest.split(['(', '<']).next());
        let calls = ["test(", "scenario("].iter();
        // `#[tokio::test(flavor = "multi_thread")]` has no title.
        let titled = calls
            .filter(|_| !line.trim_start().starts_with("#["))
            .find_map(|call| line.split_once(call));
        let title = titled.and_then(|(_, rest)| rest.split(['\'', '"', '`']).nth(1));
        function.flatten().or(title).map(str::to_owned)
    })
}

/// The numbers that a comment names, each with the words up to the next book.
fn named(comment: &str) -> Vec<(Book, String, String)> {
    let mut starts: Vec<(usize, usize, Book)> = WORDS
        .iter()
        .flat_map(|(word, book)| {
            comment.match_indices(word).map(move |(at, _)| (at, at + word.len(), *book))
        })
        .collect();
    starts.sort_unstable();
    let mut found = Vec::new();
    for (place, (_, from, book)) in starts.iter().enumerate() {
        let to = starts.get(place + 1).map_or(comment.len(), |next| next.0);
        let (numbers, words) = numbers(*book, &comment[*from..to]);
        found.extend(numbers.into_iter().map(|number| (*book, number, words.clone())));
    }
    found
}

/// Numbers with commas between them, and what follows.
fn numbers(book: Book, text: &str) -> (Vec<String>, String) {
    let mut rest = text;
    let mut found = Vec::new();
    loop {
        let end = rest.find([',', ':', ';', ')', '(']).unwrap_or(rest.len());
        let end = match book {
            Book::Asvs | Book::Pci => {
                rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len())
            }
            Book::Rbi | Book::Rts => end,
        };
        let word = rest[..end].trim_end_matches('.').trim();
        if !is_number(book, word) && !is_edition(book, word) {
            break;
        }
        if is_number(book, word) {
            found.push(word.to_owned());
        }
        rest = &rest[end..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => break,
        }
    }
    let words = rest.trim_start_matches([':', ';', ')', '.', ',', ' ', '(']).trim();
    (found, words.replace('\t', " "))
}

fn is_edition(book: Book, word: &str) -> bool {
    matches!((book, word), (Book::Asvs, "5.0") | (Book::Pci, "4.0.1"))
}

fn is_number(book: Book, word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let digits =
        parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    match book {
        Book::Asvs => digits && parts.len() == 3,
        Book::Pci => digits && (3..=4).contains(&parts.len()) && word != "4.0.1",
        Book::Rts => digits && parts.len() == 1,
        Book::Rbi => word.split_once(' ').is_some_and(|(name, number)| {
            name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
                && number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
        }),
    }
}

/// What headings are called in addresses.
fn anchors(paper: &str) -> BTreeSet<String> {
    let headings = paper.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

fn first_column(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let first = text.lines().skip(1).filter_map(|line| line.split(',').next());
    let numbers = first.map(|id| id.trim_start_matches('V'));
    numbers
        .filter(|id| id.bytes().next().is_some_and(|b| b.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
