//! STYLE.md rule 1: a function fits a screen, a file a sitting.
//!
//! What was longer when the rule came stands in `xtask/tidy-allow.txt` with its length, and may only
//! shrink: an entry that is longer than the truth is a finding, and so is one that nothing needs.

use super::tree::{Source, Tree, leading_identifier, words};
use super::{Finding, lexer::Lexed};

/// From the line of `fn` to the closing brace.
const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 400;

pub const ALLOWANCES: &str = "xtask/tidy-allow.txt";
const RULE: &str = "STYLE rule 1";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let allowed = allowances(tree).0;
    let sizes = oversized(tree).into_iter();
    sizes
        .filter(|size| !allowed.iter().any(|entry| entry.names(size) && entry.lines >= size.lines))
        .map(|size| Finding::new(&size.path, size.at, RULE, size.complaint()))
        .collect()
}

/// The list's own faults: entries that are unreadable, higher than the truth, or needed by nothing.
pub fn unused_allowances(tree: &Tree) -> Vec<Finding> {
    let (allowed, mut findings) = allowances(tree);
    let sizes = oversized(tree);
    for entry in allowed {
        let longest = sizes.iter().filter(|size| entry.names(size)).map(|size| size.lines).max();
        let message = match longest {
            None => "nothing needs this entry: take it out".to_owned(),
            Some(lines) if lines < entry.lines => format!("lower this entry to {lines}"),
            Some(_) => continue,
        };
        findings.push(Finding::new(ALLOWANCES, entry.at, RULE, message));
    }
    findings
}

#[derive(Debug)]
struct Size {
    path: String,
    at: usize,
    /// `None`: the whole file.
    function: Option<String>,
    lines: usize,
}

impl Size {
    fn complaint(&self) -> String {
        match &self.function {
            Some(name) => format!("fn {name} has {} lines of {FUNCTION_LINES}", self.lines),
            None => format!("the file has {} lines of {FILE_LINES}", self.lines),
        }
    }
}

struct Allowance {
    at: usize,
    path: String,
    function: Option<String>,
    lines: usize,
}

impl Allowance {
    /// `file PATH LINES` or `function PATH NAME LINES`.
    fn parse(line: &str, at: usize) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (path, function, lines) = match fields.as_slice() {
            ["file", path, lines] => (path, None, lines),
            ["function", path, name, lines] => (path, Some((*name).to_owned()), lines),
            _ => return None,
        };
        Some(Self { at, path: (*path).to_owned(), function, lines: lines.parse().ok()? })
    }

    fn names(&self, size: &Size) -> bool {
        self.path == size.path && self.function == size.function
    }
}

fn allowances(tree: &Tree) -> (Vec<Allowance>, Vec<Finding>) {
    let mut entries = Vec::new();
    let mut findings = Vec::new();
    let text = tree.source(ALLOWANCES).map_or("", |source| &source.text);
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match Allowance::parse(line, index + 1) {
            Some(entry) => entries.push(entry),
            None => findings.push(Finding::new(
                ALLOWANCES,
                index + 1,
                RULE,
                "neither `file PATH LINES` nor `function PATH NAME LINES`",
            )),
        }
    }
    (entries, findings)
}

fn oversized(tree: &Tree) -> Vec<Size> {
    let mut sizes = Vec::new();
    for (source, lexed) in tree.rust("") {
        let lines = source.text.lines().count();
        if lines > FILE_LINES {
            sizes.push(Size { path: source.path.clone(), at: 1, function: None, lines });
        }
        let functions = functions(source, lexed).into_iter();
        sizes.extend(functions.filter(|function| function.lines > FUNCTION_LINES));
    }
    sizes
}

fn functions(source: &Source, lexed: &Lexed) -> Vec<Size> {
    let mut found = Vec::new();
    for at in words(&lexed.code, "fn") {
        let after = &lexed.code[at + "fn".len()..];
        let name = leading_identifier(after.trim_start());
        // `fn(u8)` is a type.
        if name.is_empty() {
            continue;
        }
        let Some(length) = body_end(after) else { continue };
        let first = source.line_of(at);
        let last = source.line_of(at + "fn".len() + length);
        found.push(Size {
            path: source.path.clone(),
            at: first,
            function: Some(name.to_owned()),
            lines: last - first + 1,
        });
    }
    found
}

/// Where the body's last brace stands; `None` for a declaration without a body.
fn body_end(code: &str) -> Option<usize> {
    let mut brackets = 0_usize;
    let mut braces = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' if braces == 0 => brackets += 1,
            b')' | b']' if braces == 0 => brackets = brackets.saturating_sub(1),
            b';' if braces == 0 && brackets == 0 => return None,
            b'{' if brackets == 0 => braces += 1,
            b'}' if braces == 1 => return Some(at),
            b'}' if braces > 1 => braces -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}(a: [u8; 2]) {{\n{}}}\n", "    a();\n".repeat(lines - 2))
    }

    fn said(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let text =
            format!("trait T {{ fn none(&self); }}\n{}{}", function("a", 70), function("b", 71));
        let findings = check(&Tree::of(&[("crates/x/src/lib.rs", &text)]));
        assert_eq!(
            said(&findings),
            ["crates/x/src/lib.rs:72: fn b has 71 lines of 70 [STYLE rule 1]"]
        );
    }

    #[test]
    fn braces_in_texts_and_comments_do_not_count() {
        let text = "fn a() {\n  let b = \"}\"; // }\n  let c = '}';\n}\n";
        let tree = Tree::of(&[("a.rs", text)]);
        let (source, lexed) = tree.rust("").next().unwrap();
        assert_eq!(functions(source, lexed)[0].lines, 4);
    }

    #[test]
    fn files_are_measured() {
        let fits = "//\n".repeat(400);
        let long = "//\n".repeat(401);
        let findings = check(&Tree::of(&[("fits.rs", &fits), ("long.rs", &long), ("a.md", &long)]));
        assert_eq!(said(&findings), ["long.rs:1: the file has 401 lines of 400 [STYLE rule 1]"]);
    }

    #[test]
    fn an_allowance_holds_to_the_line() {
        let text = function("a", 80);
        for (entry, refused, listed) in [
            ("function a.rs a 80\n", 0, 0),
            ("function a.rs a 79\n", 1, 0),
            ("function a.rs a 81\n", 0, 1),
            ("function a.rs b 80\n", 1, 1),
            ("file a.rs 80\n", 1, 1),
            ("# a comment\n\nnonsense\n", 1, 1),
        ] {
            let tree = Tree::of(&[("a.rs", &text), (ALLOWANCES, entry)]);
            assert_eq!(check(&tree).len(), refused, "{entry}");
            assert_eq!(unused_allowances(&tree).len(), listed, "{entry}");
        }
    }
}
