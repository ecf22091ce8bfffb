//! ARCHITECTURE.md: what may stand where inside the crates.
//!
//! SQL stands in `store`, axum in the edge, a domain's store is its own, and money is never a float.
//! Arrows between crates are `arrows.rs`.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::{Tree, leading_identifier, words};

const SERVICE: &str = "crates/exchequer/src/";

/// Crates with no business in a database; `store` and the tests' `testkit` have.
const WITHOUT_SQL: [&str; 4] =
    ["crates/money/src/", "crates/ledger/src/", "crates/vault/src/", SERVICE];

/// A statement's first word, and what must follow for it not to be English or an HTTP method (empty:
/// anything). Only upper case is SQL here; the stores write it so.
const STATEMENTS: [(&str, &[&str]); 6] = [
    ("SELECT", &[]),
    ("UPDATE", &[]),
    ("WITH", &[]),
    ("INSERT", &["INTO", "OR"]),
    ("DELETE", &["FROM"]),
    (
        "CREATE",
        &["TABLE", "INDEX", "UNIQUE", "TRIGGER", "VIEW", "TEMP", "TEMPORARY", "DATABASE", "SCHEMA"],
    ),
];

pub fn sql(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, lexed) in WITHOUT_SQL.iter().flat_map(|folder| tree.rust(folder)) {
        if is_part(&source.path, "store") {
            continue;
        }
        for literal in lexed.literals.iter().filter(|literal| is_statement(&literal.text)) {
            let line = source.line_of(literal.offset);
            let message = "SQL outside the crate `store` and a domain's store.rs";
            findings.push(Finding::new(&source.path, line, "layers", message));
        }
    }
    findings
}

pub fn axum(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, lexed) in tree.rust(SERVICE) {
        let inside = &source.path[SERVICE.len()..];
        let edge = inside.starts_with("http/") || inside.starts_with("web/");
        if edge || is_part(&source.path, "api") || is_part(&source.path, "pages") {
            continue;
        }
        for at in words(&lexed.code, "axum") {
            let message = "axum outside http/, web/, api.rs and pages.rs";
            findings.push(Finding::new(&source.path, source.line_of(at), "layers", message));
        }
    }
    findings
}

/// A domain's SQL is reached through the domain's verbs only.
pub fn stores(tree: &Tree) -> Vec<Finding> {
    let domains = domains_with_store(tree);
    let mut findings = Vec::new();
    for (source, lexed) in tree.rust(SERVICE) {
        let own = source.path[SERVICE.len()..].split('/').next().unwrap_or_default();
        for domain in domains.iter().filter(|domain| **domain != own) {
            for at in words(&lexed.code, domain) {
                if names_store(&lexed.code[at + domain.len()..]) {
                    let message = format!("the store of `{domain}` is used outside its folder");
                    let line = source.line_of(at);
                    findings.push(Finding::new(&source.path, line, "layers", message));
                }
            }
        }
    }
    findings
}

pub fn floats(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, lexed) in tree.rust("") {
        let measures = |part: &str| part.starts_with("bench") || part.ends_with("-bench");
        let measures = source.path.split('/').any(measures);
        if measures || source.path.starts_with("xtask/") {
            continue;
        }
        let found = ["f32", "f64"].iter().flat_map(|float| words(&lexed.code, float));
        for at in found.filter(|at| !is_harmless(&lexed.code, *at)) {
            let message = "floating point: amounts are integers, rates decimal";
            findings.push(Finding::new(&source.path, source.line_of(at), "layers", message));
        }
    }
    findings
}

/// A foreign trait may demand a float in a method that is named for it; `visit_f64` is where strict
/// JSON refuses one. And what is no number can be no amount: a log is tried with `f64::NAN`.
fn is_harmless(code: &str, at: usize) -> bool {
    let (before, after) = (&code[..at], &code[at + "f64".len()..]);
    if after.starts_with("::NAN") || after.starts_with("::INFINITY") {
        return true;
    }
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.rsplit_once("fn ").is_some_and(|(_, signature)| {
        let name = leading_identifier(signature);
        name.ends_with("_f32") || name.ends_with("_f64")
    })
}

/// `…/NAME.rs`, or a file in a folder `NAME/` that such a file was split into.
fn is_part(path: &str, name: &str) -> bool {
    let mut parts = path.split('/').rev();
    parts.next().is_some_and(|file| file.strip_suffix(".rs") == Some(name))
        || path.starts_with(SERVICE) && parts.any(|folder| folder == name)
}

fn is_statement(text: &str) -> bool {
    let text = text.trim_start();
    STATEMENTS.iter().any(|(first, seconds)| {
        let Some(rest) = text.strip_prefix(first) else { return false };
        // In the source, a line's end inside a literal may also be written `\n` or `\`.
        let second = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
        rest.len() != second.len()
            && (seconds.is_empty() || seconds.contains(&leading_identifier(second)))
    })
}

fn domains_with_store(tree: &Tree) -> BTreeSet<&str> {
    tree.paths
        .iter()
        .filter_map(|path| path.strip_prefix(SERVICE)?.split_once('/'))
        .filter(|(_, rest)| *rest == "store.rs" || rest.starts_with("store/"))
        .map(|(domain, _)| domain)
        .collect()
}

/// Whether a path goes on to `::store`, also as the first word of a branch of `::{…}`.
fn names_store(after: &str) -> bool {
    let Some(rest) = after.trim_start().strip_prefix("::") else { return false };
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else { return leading_identifier(rest) == "store" };
    let mut depth = 0_usize;
    let mut branch = true;
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return false,
            b'}' => depth -= 1,
            b',' if depth == 0 => branch = true,
            _ if byte.is_ascii_whitespace() => {}
            _ => {
                if branch && depth == 0 && leading_identifier(&group[at..]) == "store" {
                    return true;
                }
                branch = false;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(findings: &[Finding]) -> Vec<(&str, usize)> {
        findings.iter().map(|finding| (finding.path.as_str(), finding.line)).collect()
    }

    #[test]
    fn sql_stands_in_stores() {
        let text = "// SELECT 1\nfn a() { q(\"SELECT 1\"); q(r\"\n  INSERT INTO a\"); }\n";
        let tree = Tree::of(&[
            ("crates/exchequer/src/accounts/mod.rs", text),
            ("crates/exchequer/src/accounts/store.rs", text),
            ("crates/exchequer/src/accounts/store/entries.rs", text),
            ("crates/exchequer/tests/accounts.rs", text),
            ("crates/store/src/sqlite.rs", text),
            ("crates/vault/src/keys.rs", text),
        ]);
        let path = "crates/exchequer/src/accounts/mod.rs";
        let vault = "crates/vault/src/keys.rs";
        assert_eq!(lines(&sql(&tree)), [(vault, 2), (vault, 2), (path, 2), (path, 2)]);
    }

    #[test]
    fn statements_are_told_from_english() {
        for text in
            ["SELECT\\\n 1", "UPDATE a SET b = 1", "DELETE FROM a", "WITH a AS (", "CREATE TABLE a"]
        {
            assert!(is_statement(text), "{text}");
        }
        for text in
            ["DELETE /v1/sessions", "Select one", "SELECTED", "CREATE an account", "WITHOUT"]
        {
            assert!(!is_statement(text), "{text}");
        }
    }

    #[test]
    fn axum_stands_at_the_edge() {
        let text = "use axum::Router;\n";
        let tree = Tree::of(&[
            ("crates/exchequer/src/http/routes.rs", text),
            ("crates/exchequer/src/web/layout.rs", text),
            ("crates/exchequer/src/accounts/api.rs", text),
            ("crates/exchequer/src/accounts/pages.rs", text),
            ("crates/exchequer/src/accounts/mod.rs", "// axum\nfn a() { axum::b(); }\n"),
            ("crates/exchequer/src/serve.rs", text),
            ("crates/testkit/src/lib.rs", text),
        ]);
        assert_eq!(
            lines(&axum(&tree)),
            [("crates/exchequer/src/accounts/mod.rs", 2), ("crates/exchequer/src/serve.rs", 1)]
        );
    }

    #[test]
    fn a_store_belongs_to_its_domain() {
        for (text, used) in [
            ("use crate::accounts::store;", true),
            ("use crate::accounts::store::load;", true),
            ("use crate::{accounts::store::load, b};", true),
            ("use crate::accounts::{self, store};", true),
            ("use crate::accounts::{store::{a, b}};", true),
            ("fn f() { super::accounts::store::load(); }", true),
            ("use crate::accounts::{model::store, Store};", false),
            ("use crate::accounts::stored;", false),
            ("use crate::config::store;", false),
            ("use store::Tx; use crate::accounts; // accounts::store", false),
        ] {
            let tree = Tree::of(&[
                ("crates/exchequer/src/accounts/store.rs", ""),
                ("crates/exchequer/src/accounts/mod.rs", text),
                ("crates/exchequer/src/transfers/mod.rs", text),
            ]);
            let expected: &[_] =
                if used { &[("crates/exchequer/src/transfers/mod.rs", 1)] } else { &[] };
            assert_eq!(lines(&stores(&tree)), expected, "{text}");
        }
    }

    #[test]
    fn floats_only_measure() {
        let text = "// f64\nfn a(b: f64) -> f32 { \"f64\"; as_f64(b) }\n\
                    fn visit_f64<E>(self, _: f64) -> Result<(), E> { a(f64::NAN) }\n";
        let tree = Tree::of(&[
            ("crates/money/src/amount.rs", text),
            ("crates/exchequer/benches/engine.rs", text),
            ("crates/testkit/src/bin/exchequer-bench/main.rs", text),
            ("xtask/src/bench.rs", text),
        ]);
        let path = "crates/money/src/amount.rs";
        assert_eq!(lines(&floats(&tree)), [(path, 2), (path, 2)]);
    }
}
