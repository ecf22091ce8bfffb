//! SQL texts out of Rust sources: literals, and what `concat!` and small macros make of them.
//!
//! It knows tokens, `concat!`, and macros whose arms are `() => { … }` or take one literal: as the stores
//! write them. What it cannot evaluate is no text, and the caller counts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Text(String),
    Word(String),
    Mark(char),
}

/// A macro's arms: whether one takes a literal, and its body.
type Macros = HashMap<String, Vec<(Option<String>, Vec<Token>)>>;

/// All statements of the crates' stores, each with its file; tests aside.
pub fn all(crates: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&crates.join("store/src"), &mut files);
    collect(&crates.join("exchequer/src"), &mut files);
    files.retain(|path| {
        let path = path.strip_prefix(crates).expect("inside").to_string_lossy().into_owned();
        let is_store =
            path.starts_with("store/") || path.ends_with("/store.rs") || path.contains("/store/");
        is_store && !path.contains("/tests") && !path.ends_with("scratch.rs")
    });
    files.sort();
    let mut found = Vec::new();
    for path in files {
        let name = path.strip_prefix(crates).expect("inside").to_string_lossy().into_owned();
        let source = std::fs::read_to_string(&path).expect("a source");
        found.extend(statements(&source).into_iter().map(|text| (name.clone(), text)));
    }
    found
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

/// The statements of one source, in order.
pub fn statements(source: &str) -> Vec<String> {
    let mut tokens = tokens(source);
    let macros = take_macros(&mut tokens);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match value(&tokens, at, &macros) {
            Some((text, next)) => {
                found.push(text);
                at = next;
            }
            None => at += 1,
        }
    }
    found.retain(|text| is_statement(text));
    found.into_iter().map(completed).collect()
}

fn is_statement(text: &str) -> bool {
    let second = text.split_whitespace().nth(1).unwrap_or_default();
    match text.split_whitespace().next().unwrap_or_default() {
        "SELECT" | "UPDATE" | "WITH" => !second.is_empty(),
        "INSERT" => second == "INTO",
        "DELETE" => second == "FROM",
        _ => false,
    }
}

/// The columns of an INSERT to which `sets::chunk` adds as many values.
fn completed(text: String) -> String {
    if !text.starts_with("INSERT") || text.contains("VALUES") || text.contains("SELECT") {
        return text;
    }
    let values: Vec<String> =
        (1..=text.matches(',').count() + 1).map(|n| format!("${n}")).collect();
    format!("{text} VALUES ({})", values.join(", "))
}

/// The text that begins at a token, and where the next token stands.
fn value(tokens: &[Token], at: usize, macros: &Macros) -> Option<(String, usize)> {
    match tokens.get(at)? {
        Token::Text(text) => Some((text.clone(), at + 1)),
        Token::Word(name) if tokens.get(at + 1) == Some(&Token::Mark('!')) => {
            let end = closing(tokens, at + 2)?;
            let arguments = &tokens[at + 3..end];
            let text = if name == "concat" {
                joined(arguments, macros)?
            } else {
                let argument = arguments.first();
                let arms = macros.get(name)?;
                let (parameter, body) =
                    arms.iter().find(|(wanted, _)| wanted.is_some() == argument.is_some())?;
                let filled = filled(body, parameter.as_deref(), argument);
                value(&filled, 0, macros)?.0
            };
            Some((text, end + 1))
        }
        Token::Word(_) | Token::Mark(_) => None,
    }
}

fn joined(tokens: &[Token], macros: &Macros) -> Option<String> {
    let mut text = String::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == Token::Mark(',') {
            at += 1;
            continue;
        }
        let (part, next) = value(tokens, at, macros)?;
        text.push_str(&part);
        at = next;
    }
    Some(text)
}

fn filled(body: &[Token], parameter: Option<&str>, argument: Option<&Token>) -> Vec<Token> {
    let (Some(parameter), Some(argument)) = (parameter, argument) else { return body.to_vec() };
    let mut filled = Vec::new();
    let mut rest = body;
    loop {
        rest = match rest {
            [] => return filled,
            [Token::Mark('$'), Token::Word(name), rest @ ..] if name == parameter => {
                filled.push(argument.clone());
                rest
            }
            [token, rest @ ..] => {
                filled.push(token.clone());
                rest
            }
        };
    }
}

/// Takes the macros' definitions out of the tokens.
fn take_macros(tokens: &mut Vec<Token>) -> Macros {
    let mut macros = Macros::new();
    let word = |token: &Token| match token {
        Token::Word(word) => Some(word.clone()),
        Token::Text(_) | Token::Mark(_) => None,
    };
    while let Some(at) = tokens.iter().position(|t| *t == Token::Word("macro_rules".into())) {
        let name = word(&tokens[at + 2]).expect("a macro's name");
        let end = closing(tokens, at + 3).expect("a macro's end");
        let mut arms = Vec::new();
        let mut arm = at + 4;
        while arm < end {
            let pattern_end = closing(tokens, arm).expect("a pattern's end");
            let body_end = closing(tokens, pattern_end + 3).expect("a body's end");
            let parameter = tokens[arm + 1..pattern_end].get(1).and_then(word);
            arms.push((parameter, tokens[pattern_end + 4..body_end].to_vec()));
            arm = body_end + 1;
            arm += usize::from(tokens[arm] == Token::Mark(';'));
        }
        macros.insert(name, arms);
        tokens.drain(at..=end);
    }
    macros
}

/// Where the bracket that opens at a token is closed.
fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            Token::Text(_) | Token::Word(_) | Token::Mark(_) => {}
        }
        if depth == 0 {
            return (at > open).then_some(at);
        }
    }
    None
}

fn tokens(source: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if first == '"' {
            let (text, after) = string(&rest[1..]);
            found.push(Token::Text(text));
            rest = after;
        } else if first == '\'' {
            // A character, or a lifetime.
            let character = ["'\\''", "'\\\\'", "'\"'", "'{'", "'}'", "'('", "')'"]
                .into_iter()
                .find(|text| rest.starts_with(text));
            rest = &rest[character.map_or(1, str::len)..];
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            if !first.is_whitespace() {
                found.push(Token::Mark(first));
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

/// The literal behind an opening quote, and what follows its closing one.
fn string(source: &str) -> (String, &str) {
    let mut text = String::new();
    let mut rest = source;
    loop {
        let end = rest.find(['"', '\\']).expect("a literal's end");
        text.push_str(&rest[..end]);
        let escaped = rest[end..].strip_prefix('\\');
        let Some(escaped) = escaped else { return (text, &rest[end + 1..]) };
        if let Some(next) = escaped.strip_prefix('\n') {
            rest = next.trim_start();
            continue;
        }
        let c = escaped.chars().next().expect("an escape");
        text.push(match c {
            'n' => '\n',
            '0' => '\0',
            other => other,
        });
        rest = &escaped[c.len_utf8()..];
    }
}

#[test]
fn texts_are_found_as_the_compiler_sees_them() {
    let source = r#"
        // "SELECT no comment"
        macro_rules! select { () => { "SELECT a FROM b " }; }
        macro_rules! by { ($x:literal) => { concat!("UPDATE b SET a = ", $x) }; }
        const A: &str = "SELECT 1, \
             'x'";
        const B: &str = concat!(select!(), "WHERE \"a\" = $1");
        fn f<'a>(c: &'a str) { g(by!("2"), '"', "Select words", "DELETE /v1/x", "INSERT INTO a (b, c)") }
    "#;
    assert_eq!(
        statements(source),
        [
            "SELECT 1, 'x'",
            "SELECT a FROM b WHERE \"a\" = $1",
            "UPDATE b SET a = 2",
            "INSERT INTO a (b, c) VALUES ($1, $2)",
        ]
    );
}
