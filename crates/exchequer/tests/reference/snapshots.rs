//! The committed files against the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use exchequer::http::docs::{
    codes_table, codes_text, permissions_text, public_text, routes_table, routes_text,
};
use exchequer::http::openapi::{document, text};
use exchequer::http::routes;

#[test]
fn the_committed_document_is_the_program_s() {
    compare(&snapshot("openapi.json"), &text(&document(&routes())));
}

#[test]
fn the_committed_tables_are_the_program_s() {
    let routes = routes();
    compare(&snapshot("routes.txt"), &routes_text(&routes));
    compare(&snapshot("role-permissions.txt"), &permissions_text(&routes));
    compare(&snapshot("codes.txt"), &codes_text());
}

// ASVS 13.4.5: what anybody may call, documents and probes included, is a list that is changed by hand.
#[test]
fn the_list_of_public_routes_only_shrinks() {
    let said = public_text(&routes());
    let committed = fs::read_to_string(snapshot("public-routes.txt")).unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let listed: BTreeSet<_> = committed.lines().map(words).collect();
    let actual: BTreeSet<_> = said.lines().map(words).collect();
    let new: Vec<_> = actual.difference(&listed).collect();
    assert!(
        new.is_empty(),
        "anybody may call these, and tests/snapshots/public-routes.txt does not say so; if that is \
         meant, add them by hand: {new:#?}"
    );
    let gone: Vec<_> = listed.difference(&actual).collect();
    assert!(gone.is_empty(), "take these out of tests/snapshots/public-routes.txt: {gone:#?}");
}

#[test]
fn the_paper_s_tables_are_the_program_s() {
    let path = root().join("docs/api.md");
    let mut paper = fs::read_to_string(&path).unwrap();
    for (name, table) in [("codes", codes_table()), ("routes", routes_table(&routes()))] {
        let (begin, end) =
            (format!("<!-- generated:{name} -->\n"), format!("<!-- /generated:{name} -->"));
        let (before, rest) = paper.split_once(begin.as_str()).expect("the mark is there");
        let (_, after) = rest.split_once(end.as_str()).expect("and its end");
        paper = format!("{before}{begin}{table}{end}{after}");
    }
    compare(&path, &paper);
}

#[test]
fn the_paper_keeps_to_the_markdown_that_the_page_knows() {
    let paper = fs::read_to_string(root().join("docs/api.md")).unwrap();
    let prose = paper.split("<!-- generated:").next().unwrap();
    let mut fenced = false;
    for (i, line) in prose.lines().enumerate().skip(1) {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let unknown = ["# ", "#### ", "* ", "+ ", "> ", "|", "    ", "<", "---", "!["];
            assert!(!unknown.iter().any(|mark| line.starts_with(mark)), "line {}: {line}", i + 1);
            assert_eq!(line.matches('`').count() % 2, 0, "line {}: code ends on its line", i + 1);
            assert_eq!(
                line.matches("**").count() % 2,
                0,
                "line {}: strong ends on its line",
                i + 1
            );
        }
    }
    assert!(!fenced);
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn snapshot(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name)
}

fn writes() -> bool {
    std::env::var_os("EXCHEQUER_TEST_WRITE").is_some()
}

pub fn compare(path: &Path, expected: &str) {
    if writes() {
        fs::write(path, expected).expect("a snapshot can be written");
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    let differs = committed.lines().zip(expected.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or_else(|| committed.lines().count().min(expected.lines().count()));
    assert!(
        committed == expected,
        "{} is not what the program says, from line {}:\n- {}\n+ {}\n\
         EXCHEQUER_TEST_WRITE=1 cargo test -p exchequer --test reference writes it anew",
        path.display(),
        line + 1,
        committed.lines().nth(line).unwrap_or_default(),
        expected.lines().nth(line).unwrap_or_default(),
    );
}
