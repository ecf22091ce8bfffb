//! `cargo xtask tidy`: the rules of STYLE.md and ARCHITECTURE.md that a program can hold.
//!
//! Purpose: a rule that is checked here needs no reviewer. Each check is one function from the tree
//! (and what cargo says of it) to findings; a finding names file, line and rule. Cost: every text file
//! of the checkout is read once. Exceptions stand in `xtask/tidy-allow.txt`, for sizes only, and may
//! only shrink. It changes nothing.

use std::fmt;

use crate::Result;
use crate::workspace::Workspace;

mod arrows;
mod cryptography;
mod layers;
mod lexer;
mod links;
mod migrations;
mod names;
mod pages;
mod size;
mod text;
mod tree;

use tree::Tree;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    message: String,
}

type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: [Check; 16] = [
    size::check,
    layers::sql,
    layers::axum,
    layers::stores,
    layers::floats,
    names::check,
    text::unfinished,
    text::ignored,
    text::whitespace,
    text::headers,
    text::secrets,
    migrations::check,
    links::check,
    pages::check,
    cryptography::check,
    size::unused_allowances,
];

pub fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let tree = Tree::load(&workspace.root)?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    findings.extend(arrows::check(&tree, &workspace.packages));
    findings.sort();
    findings.dedup();
    Ok(findings)
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {} [{}]", self.path, self.line, self.message, self.rule)
    }
}
