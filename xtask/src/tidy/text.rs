//! What must hold for the text of a file: finished, clean, headed, and without secrets' files.

use super::Finding;
use super::tree::{Source, Tree, ending, words};

/// Marks of unfinished work; cut in two, so that this file is not one of its own findings.
const MARKS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
/// Also an ISO 4217 code ("no currency"), so that it is a mark in comments outside `money` only.
const CODE_MARK: &str = concat!("XX", "X");
const UNFINISHED_MACROS: [&str; 2] = ["todo", "unimplemented"];

pub fn unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().filter(|source| !is_prose(source)) {
        let marked = source.rust.as_ref().map_or(source.text.as_str(), |rust| &rust.comments);
        let mut offsets: Vec<usize> = MARKS.iter().flat_map(|mark| words(marked, mark)).collect();
        if source.rust.is_some() && !source.path.starts_with("crates/money/") {
            offsets.extend(words(marked, CODE_MARK));
        }
        if let Some(rust) = &source.rust {
            let macros = UNFINISHED_MACROS.iter().flat_map(|name| {
                words(&rust.code, name).filter(|at| rust.code[at + name.len()..].starts_with('!'))
            });
            offsets.extend(macros);
        }
        findings.extend(offsets.into_iter().map(|at| {
            let message = "unfinished: finish it, or open an issue";
            Finding::new(&source.path, source.line_of(at), "STYLE rule 20", message)
        }));
    }
    findings
}

/// A test that is not run is not a test.
pub fn ignored(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, lexed) in tree.rust("") {
        for at in words(&lexed.code, "ignore") {
            let before: String = lexed.code[..at].split_whitespace().collect();
            if before.ends_with("#[") || before.ends_with(',') && in_attribute(&before) {
                let message = "an ignored test: run it, or take it out";
                let line = source.line_of(at);
                findings.push(Finding::new(&source.path, line, "STYLE rule 20", message));
            }
        }
    }
    findings
}

pub fn whitespace(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        let mut find = |line, message| {
            findings.push(Finding::new(&source.path, line, "whitespace", message));
        };
        for (index, line) in source.text.split('\n').enumerate() {
            if line.ends_with('\r') {
                find(index + 1, "the line ends with CR LF");
            } else if line.ends_with([' ', '\t']) {
                find(index + 1, "blanks at the line's end");
            }
            if line.trim_end().contains('\t') {
                find(index + 1, "a tab");
            }
        }
        if !source.text.is_empty() && !source.text.ends_with('\n') {
            find(source.text.lines().count(), "no line end at the file's end");
        }
    }
    findings
}

/// STYLE.md rule 17: a module begins with what it is for.
pub fn headers(tree: &Tree) -> Vec<Finding> {
    tree.rust("")
        .filter(|(source, _)| source.path.split('/').any(|part| part == "src"))
        .filter(|(source, _)| !source.text.starts_with("//! "))
        .map(|(source, _)| {
            let message = "the file does not begin with a `//!` header";
            Finding::new(&source.path, 1, "STYLE rule 17", message)
        })
        .collect()
}

/// `.env` holds a machine's settings and secrets: git ignores it and never has it.
pub fn secrets(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree
        .paths
        .iter()
        .filter(|path| path.as_str() == ".env" || path.ends_with("/.env"))
        .map(|path| Finding::new(path, 1, "secrets", "`.env` does not belong into the repository"))
        .collect();
    let ignored = tree.source(".gitignore").is_some_and(|source| {
        source.text.lines().any(|line| line.trim_start_matches('/') == ".env")
    });
    if !ignored {
        findings.push(Finding::new(".gitignore", 1, "secrets", "`.env` is not ignored"));
    }
    findings
}

fn is_prose(source: &Source) -> bool {
    ending(&source.path) == "md"
}

/// Whether the code, without its blanks, stands inside an attribute that has not ended.
fn in_attribute(code: &str) -> bool {
    code.rfind("#[").is_some_and(|start| !code[start..].contains(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn marks_are_found_in_comments_and_macros_in_code() {
        let [first, second] = MARKS;
        let text = format!(
            "// {first} later\nlet a = \"{first}\";\n/* {second} */\ntodo!();\n\
             unimplemented!(\"x\");\nlet todo = 1; // {CODE_MARK}\n"
        );
        let other = Tree::of(&[("crates/a/src/lib.rs", &text)]);
        assert_eq!(lines(&unfinished(&other)), [1, 3, 6, 4, 5]);
        let money = Tree::of(&[("crates/money/src/lib.rs", &text)]);
        assert_eq!(lines(&unfinished(&money)), [1, 3, 4, 5]);
        let rest = Tree::of(&[("a.sql", &format!("-- {first}\n")), ("a.md", first)]);
        assert_eq!(lines(&unfinished(&rest)), [1]);
    }

    #[test]
    fn ignored_tests_are_found_in_every_spelling() {
        let text = "#[ignore]\n#[ignore = \"slow\"]\n# [ ignore ]\n#[cfg_attr(a, ignore)]\n\
                    // #[ignore]\nlet a = (b, ignore);\n";
        assert_eq!(lines(&ignored(&Tree::of(&[("a.rs", text)]))), [1, 2, 3, 4]);
    }

    #[test]
    fn blanks_are_where_they_belong() {
        for (text, expected) in [
            ("a\n", vec![]),
            ("", vec![]),
            ("a \nb\n", vec![1]),
            ("a\r\nb\n", vec![1]),
            ("a\n\tb\n", vec![2]),
            ("a\nb", vec![2]),
        ] {
            assert_eq!(lines(&whitespace(&Tree::of(&[("a.toml", text)]))), expected, "{text:?}");
        }
    }

    #[test]
    fn headers_come_first() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "//! Says what.\n"),
            ("crates/a/src/b.rs", "use c;\n"),
            ("crates/a/tests/c.rs", "use c;\n"),
        ]);
        let found = headers(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "crates/a/src/b.rs");
    }

    #[test]
    fn settings_of_a_machine_stay_out() {
        assert_eq!(secrets(&Tree::of(&[(".gitignore", "/target\n.env\n")])), []);
        assert_eq!(secrets(&Tree::of(&[(".gitignore", ".env.example\n")])).len(), 1);
        let committed = Tree::of(&[(".gitignore", ".env\n"), ("deploy/.env", "")]);
        assert_eq!(secrets(&committed).len(), 1);
    }
}
