//! STYLE.md rule 19: names say what a thing is about.

use super::Finding;
use super::tree::{Tree, leading_identifier, words};

/// Names under which anything could be put, and sooner or later is.
const BANNED: [&str; 12] = [
    "helper",
    "helpers",
    "util",
    "utils",
    "utility",
    "utilities",
    "common",
    "manager",
    "managers",
    "misc",
    "shared",
    "stuff",
];

const RULE: &str = "STYLE rule 19";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, lexed) in tree.rust("") {
        let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
        for part in stem.split('/').filter(|part| BANNED.contains(part)) {
            findings.push(Finding::new(&source.path, 1, RULE, complaint(part)));
        }
        for at in words(&lexed.code, "mod") {
            let name = leading_identifier(lexed.code[at + "mod".len()..].trim_start());
            if BANNED.contains(&name) {
                let line = source.line_of(at);
                findings.push(Finding::new(&source.path, line, RULE, complaint(name)));
            }
        }
    }
    findings
}

fn complaint(name: &str) -> String {
    format!("`{name}` says nothing: name the module for what it is about")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_modules_are_looked_at() {
        let tree = Tree::of(&[
            ("crates/a/src/utils.rs", ""),
            ("crates/a/tests/common/mod.rs", ""),
            ("crates/a/src/lib.rs", "mod a;\nmod helpers;\n// mod misc;\nmod commons;\n"),
        ]);
        let found: Vec<_> =
            check(&tree).into_iter().map(|finding| (finding.path, finding.line)).collect();
        let expected = [
            ("crates/a/src/lib.rs", 2),
            ("crates/a/src/utils.rs", 1),
            ("crates/a/tests/common/mod.rs", 1),
        ];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }
}
