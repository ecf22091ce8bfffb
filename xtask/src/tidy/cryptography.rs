//! docs/cryptography.md: every file of the program that encrypts, hashes, signs, draws keys or speaks TLS by itself is in
//! the inventory, and nothing is in it that does not.
//!
//! Looked for are the names of the libraries that do it. What tests and the testkit do is not the bank's.

use std::collections::BTreeSet;
use std::path::Path;

use super::Finding;
use super::tree::{Tree, words};

const PAGE: &str = "docs/cryptography.md";
const RULE: &str = "cryptography";

/// As code names them. One that is new to the project is entered here when it comes in.
const LIBRARIES: [&str; 14] = [
    "aes",
    "argon2",
    "aws_lc_rs",
    "bcrypt",
    "blake3",
    "getrandom",
    "md5",
    "ring",
    "rsa",
    "rustls",
    "sha1",
    "sha2",
    "subtle",
    "tokio_rustls",
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.source(PAGE) else {
        return vec![Finding::new(PAGE, 1, RULE, "the inventory is gone")];
    };
    let listed: BTreeSet<&str> = page.text.split('`').filter(|text| is_source(text)).collect();
    let mut used = BTreeSet::new();
    let mut findings = Vec::new();
    for (source, lexed) in tree.rust("crates/") {
        let path = source.path.as_str();
        if !is_source(path) || is_of_tests(path) {
            continue;
        }
        let end = lexed.code.find("#[cfg(test)]").unwrap_or(lexed.code.len());
        let code = &lexed.code[..end];
        let first = LIBRARIES.iter().filter_map(|library| {
            let named = |at: &usize| code[at + library.len()..].starts_with("::");
            words(code, library).find(named).map(|at| (at, *library))
        });
        let Some((at, library)) = first.min() else { continue };
        used.insert(path);
        if !listed.contains(path) {
            let message = format!("`{library}` is used here, and {PAGE} does not say for what");
            findings.push(Finding::new(path, source.line_of(at), RULE, message));
        }
    }
    for path in listed.difference(&used) {
        let line = page.text.lines().position(|line| line.contains(path)).map_or(1, |at| at + 1);
        findings.push(Finding::new(PAGE, line, RULE, format!("{path} uses no cryptography")));
    }
    findings
}

fn is_source(text: &str) -> bool {
    text.starts_with("crates/")
        && text.contains("/src/")
        && Path::new(text).extension().is_some_and(|extension| extension == "rs")
}

fn is_of_tests(path: &str) -> bool {
    path.starts_with("crates/testkit/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("/vectors.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    const USE: &str = "use aws_lc_rs::digest;\n";

    fn lines(files: &[(&str, &str)]) -> Vec<(String, usize)> {
        check(&Tree::of(files)).into_iter().map(|found| (found.path, found.line)).collect()
    }

    #[test]
    fn a_use_that_is_not_in_the_inventory_is_found_and_so_is_a_line_without_a_use() {
        let page = "# C\n\n| `crates/a/src/one.rs` | x |\n| `crates/a/src/gone.rs` | x |\n";
        let found = lines(&[
            ("docs/cryptography.md", page),
            ("crates/a/src/one.rs", USE),
            ("crates/a/src/two.rs", "//! sha2::x in words\n\nfn f() { sha2::Sha256::new(); }\n"),
            ("crates/a/src/three.rs", "// ring::x\nfn string() { let text = \"rsa::x\"; }\n"),
            ("crates/a/src/four.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use ring::x;\n}\n"),
            ("crates/a/src/one/tests.rs", USE),
            ("crates/testkit/src/key.rs", USE),
        ]);
        let expected = [("crates/a/src/two.rs", 3), ("docs/cryptography.md", 4)];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }

    #[test]
    fn without_the_page_there_is_a_finding() {
        assert_eq!(lines(&[("crates/a/src/one.rs", USE)]), [(PAGE.to_owned(), 1)]);
    }
}
