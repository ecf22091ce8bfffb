//! The files of the checkout, as git knows them: tracked, and new ones that it does not ignore.
//!
//! Cost: one `git ls-files`; text files are read once, Rust files are also lexed once. It follows no
//! symbolic link and reads nothing that git ignores.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use super::lexer::{Lexed, lex};
use crate::Result;

pub struct Tree {
    /// Every file, relative to the root, with forward slashes.
    pub paths: BTreeSet<String>,
    sources: BTreeMap<String, Source>,
}

pub struct Source {
    pub path: String,
    pub text: String,
    /// Present for Rust only.
    pub rust: Option<Lexed>,
}

/// What is written by hand line by line. Data files may have any bytes.
const TEXTS: [&str; 11] =
    ["rs", "toml", "sql", "md", "sh", "yml", "yaml", "html", "css", "js", "example"];

/// Texts without an ending that says so.
const NAMED_TEXTS: [&str; 4] =
    [".ci/run", ".gitignore", "xtask/tidy-allow.txt", "deploy/Containerfile"];

impl Tree {
    pub fn load(root: &Path) -> Result<Self> {
        let mut tree = Self { paths: BTreeSet::new(), sources: BTreeMap::new() };
        for path in listed(root)? {
            let file = root.join(&path);
            // In the index, but deleted in the folder; or a link, whose target is listed itself.
            if !fs::symlink_metadata(&file).is_ok_and(|found| found.is_file()) {
                continue;
            }
            if is_text(&path) {
                let bytes = fs::read(&file).map_err(|error| format!("{path}: {error}"))?;
                let text = String::from_utf8(bytes).map_err(|error| format!("{path}: {error}"))?;
                tree.add(&path, text);
            }
            tree.paths.insert(path);
        }
        Ok(tree)
    }

    /// Every text file, in order of its path.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    pub fn source(&self, path: &str) -> Option<&Source> {
        self.sources.get(path)
    }

    /// The Rust files below `folder` (empty: all), with what the lexer made of them.
    pub fn rust<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a Source, &'a Lexed)> {
        self.sources()
            .filter(move |source| source.path.starts_with(folder))
            .filter_map(|source| source.rust.as_ref().map(|lexed| (source, lexed)))
    }

    fn add(&mut self, path: &str, text: String) {
        let rust = (ending(path) == "rs").then(|| lex(&text));
        self.sources.insert(path.to_owned(), Source { path: path.to_owned(), text, rust });
    }

    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self { paths: BTreeSet::new(), sources: BTreeMap::new() };
        for (path, text) in files {
            tree.paths.insert((*path).to_owned());
            tree.add(path, (*text).to_owned());
        }
        tree
    }
}

impl Source {
    pub fn line_of(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }
}

/// Where `word` stands alone, not as a part of a longer identifier.
pub fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].bytes().next_back();
        let after = text[at + word.len()..].bytes().next();
        !before.is_some_and(is_identifier) && !after.is_some_and(is_identifier)
    })
}

pub fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// What follows the last dot of the file's name; empty without one.
pub fn ending(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

pub fn leading_identifier(text: &str) -> &str {
    let end = text.bytes().position(|byte| !is_identifier(byte)).unwrap_or(text.len());
    &text[..end]
}

fn is_text(path: &str) -> bool {
    TEXTS.contains(&ending(path)) || NAMED_TEXTS.contains(&path)
}

fn listed(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        // A checkout may belong to another account than the one that checks it.
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git does not start: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git ls-files: {}", complaint.trim()));
    }
    let names = String::from_utf8(output.stdout)
        .map_err(|error| format!("a file's name is not UTF-8: {error}"))?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_borders() {
        let found: Vec<_> = words("f64 as_f64 f64x (f64)", "f64").collect();
        assert_eq!(found, [0, 17]);
    }

    #[test]
    fn lines_count_from_one() {
        let tree = Tree::of(&[("a.md", "one\ntwo\n")]);
        let source = tree.source("a.md").unwrap();
        assert_eq!([source.line_of(0), source.line_of(3), source.line_of(4)], [1, 1, 2]);
    }

    #[test]
    fn texts_are_known_by_ending_or_name() {
        for path in ["a/b.rs", ".env.example", ".ci/run", "migrations/sqlite/0001_a.sql"] {
            assert!(is_text(path), "{path}");
        }
        for path in ["a/b.snap", "corpus/seed", "passwords.txt", "rs"] {
            assert!(!is_text(path), "{path}");
        }
    }
}
