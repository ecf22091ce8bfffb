//! OWASP ASVS 5.0, levels 1 and 2, chapters 6, 7 and 9: every number is named by a test that shows it, or listed in
//! `docs/threats.md` with why it does not apply; never both.
//!
//! A test names numbers in a comment above it: `// ASVS 6.2.5: …`. The list of requirements comes from the folder
//! that `EXCHEQUER_REFS` names; without it the numbers are still compared with what does not apply.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::paper;

type Number = [u32; 3];

const CHAPTERS: [u32; 3] = [6, 7, 9];
/// Fewer would mean that the sources were not found.
const LEAST_NAMED: usize = 50;

#[test]
fn every_number_is_shown_by_a_test_or_does_not_apply() {
    let mut named = BTreeMap::new();
    sources(&root().join("crates"), &mut named);
    let of_chapters = |n: &&Number| CHAPTERS.contains(&n[0]);
    let shown: BTreeSet<Number> = named.keys().filter(of_chapters).copied().collect();
    assert!(shown.len() >= LEAST_NAMED, "only {} numbers are named", shown.len());
    let apart: BTreeSet<Number> =
        numbers(paper::section("threats.md", "## What does not apply")).into_iter().collect();
    let both: Vec<_> = shown.intersection(&apart).map(|n| (n, &named[n])).collect();
    assert!(both.is_empty(), "named by a test, and said not to apply: {both:?}");

    let Some(wanted) = requirements() else {
        println!("EXCHEQUER_REFS is not set: the numbers were not compared with the standard");
        return;
    };
    let told: BTreeSet<Number> = shown.union(&apart).copied().collect();
    let untold: Vec<_> = wanted.difference(&told).collect();
    assert!(untold.is_empty(), "no test names these: {untold:?}");
    let foreign: Vec<_> = apart.difference(&wanted).collect();
    assert!(foreign.is_empty(), "these are none of levels 1 and 2: {foreign:?}");
}

#[test]
fn numbers_are_read_from_comments_only_behind_the_word() {
    assert_eq!(
        named_in("// ASVS 6.2.5, 6.2.11: RFC 1.2.3 too"),
        [[6, 2, 5], [6, 2, 11], [1, 2, 3]]
    );
    assert_eq!(named_in("    /// 4.4.4; ASVS 9.1.1."), [[9, 1, 1]]);
    for line in ["let a = \"ASVS 6.2.5\";", "// 6.2.5", "// ASVS 6.2 and 5.0", "// ASVS 1.2.3.4"] {
        assert_eq!(named_in(line), Vec::<Number>::new(), "{line}");
    }
}

/// Levels 1 and 2 of the three chapters. None where nobody has said where the standard is.
fn requirements() -> Option<BTreeSet<Number>> {
    let folder = std::env::var_os("EXCHEQUER_REFS")?;
    let path = Path::new(&folder).join("asvs5.csv");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut wanted = BTreeSet::new();
    for line in text.lines() {
        let mut columns = line.split(',');
        let (id, level) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        let Some(number) = id.strip_prefix('V').and_then(number) else { continue };
        if CHAPTERS.contains(&number[0]) && ["1", "2"].contains(&level) {
            wanted.insert(number);
        }
    }
    assert!(wanted.len() > 50, "{}: only {} rows", path.display(), wanted.len());
    Some(wanted)
}

/// The numbers that tests below a folder name, and where.
fn sources(folder: &Path, named: &mut BTreeMap<Number, PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, named);
        } else if is_test(&path) {
            let text = fs::read_to_string(&path).expect("a source");
            for number in text.lines().flat_map(named_in) {
                named.entry(number).or_insert_with(|| path.clone());
            }
        }
    }
}

/// This file has numbers that show nothing.
fn is_test(path: &Path) -> bool {
    let is_rust = path.extension().is_some_and(|kind| kind == "rs");
    let is_of_tests = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| name == "tests.rs");
    is_rust && is_of_tests && !path.ends_with("reference/asvs.rs")
}

fn named_in(line: &str) -> Vec<Number> {
    let comment = line.trim_start().strip_prefix("//");
    let behind = comment.and_then(|text| text.split_once("ASVS ")).map(|(_, behind)| behind);
    behind.map(numbers).unwrap_or_default()
}

fn numbers(text: &str) -> Vec<Number> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    words.filter_map(|word| number(word.trim_end_matches('.'))).collect()
}

fn number(word: &str) -> Option<Number> {
    let parts: Vec<u32> = word.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    parts.try_into().ok()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
