//! What `redaction` promises.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Kind, redact, redact_bytes, rows_of_keys, rows_of_numbers, rows_to_keep};

/// What the row is called, the line, and the line as it must be written.
pub(super) type Row = (&'static str, &'static str, &'static str);

fn parts() -> impl Iterator<Item = &'static [Row]> {
    rows_of_numbers::ROWS.iter().chain(rows_of_keys::ROWS).copied()
}

fn rows() -> impl Iterator<Item = &'static Row> {
    parts().flatten()
}

#[test]
fn every_row_is_redacted_as_written() {
    let faults: Vec<String> = rows()
        .filter(|(_, line, expected)| redact(line) != *expected)
        .map(|(name, line, expected)| format!("{name}\n  {line}\n  {}\n  {expected}", redact(line)))
        .collect();
    assert!(faults.is_empty(), "line, what it became, what it should:\n{}", faults.join("\n"));
}

#[test]
fn every_row_to_keep_is_borrowed() {
    let faults: Vec<String> = rows_to_keep::ROWS
        .iter()
        .filter(|(_, line)| !matches!(redact(line), Cow::Borrowed(kept) if kept == *line))
        .map(|(name, line)| format!("{name}\n  {line}\n  {}", redact(line)))
        .collect();
    assert!(faults.is_empty(), "line and what it became:\n{}", faults.join("\n"));
}

#[test]
fn the_tables_are_long_and_name_no_row_twice_in_a_part() {
    assert!(rows().count() + rows_to_keep::ROWS.len() >= 120);
    for part in parts() {
        let names: BTreeSet<&str> = part.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), part.len());
    }
    let names: BTreeSet<&str> = rows_to_keep::ROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), rows_to_keep::ROWS.len());
}

#[test]
fn a_redacted_line_stays_as_it_is() {
    for (name, _, expected) in rows() {
        assert!(matches!(redact(expected), Cow::Borrowed(_)), "{name}: {}", redact(expected));
    }
}

#[test]
fn what_is_not_utf8_is_scanned_too() {
    let line = b"\xff\xfe password=\xffhunter2\x80 card \xc2 4111111111111111\xe2\x80";
    let expected = b"\xff\xfe password=[redacted:password] card \xc2 [redacted:card]\xe2\x80";
    assert_eq!(redact_bytes(line), &expected[..]);
}

#[test]
fn a_json_line_stays_json_whatever_is_taken() {
    for value in ["4111111111111111", "\"4111111111111111\"", "123", "[\"a\"]", "{\"a\":[1]}"] {
        for key in ["number", "cvv", "password", "recovery_codes", "cookie", "authorization"] {
            let line = format!("{{\"a\":1,\"{key}\":{value},\"b\":[{{\"{key}\": {value} }}]}}");
            let clean = redact(&line);
            assert_eq!(json_end(clean.as_bytes()), Some(clean.len()), "{line}\n{clean}");
        }
    }
}

#[test]
fn a_row_inside_a_string_inside_a_line_is_found_too() {
    for (name, line, expected) in rows() {
        let Some(secret) = secret_of(line, expected) else { continue };
        let mut nested = (*line).to_owned();
        let mut hidden = secret.to_owned();
        for level in 1..=3 {
            nested = format!("{{\"message\":{},\"status\":200}}", quoted(&nested));
            hidden = quoted(&hidden).trim_matches('"').to_owned();
            let clean = redact(&nested);
            assert!(!clean.contains(&hidden), "{name} at level {level}: {clean}");
            assert!(clean.contains("[redacted:"), "{name} at level {level}: {clean}");
        }
    }
}

#[test]
fn every_marker_names_its_kind() {
    let markers: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.marker()).collect();
    assert_eq!(markers.len(), Kind::ALL.len());
    for kind in Kind::ALL {
        assert_eq!(kind.marker(), format!("[redacted:{kind:?}]").to_lowercase());
    }
}

// ASVS 1.3.12: the scanner's work grows with the line and no faster.
/// Each would take hours were any handler to begin anew at each repetition.
#[test]
fn a_long_line_made_to_be_slow_is_not() {
    for part in [
        "eyJ",
        "eyJa.",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "postgres://",
        "postgres://u@",
        "http://u:",
        "a://",
        "sk_live_",
        "ask_live_",
        "bearer ",
        "Bearer a",
        "cookie: a ",
        "cookie=",
        "token: a ",
        "password: ",
        "password:a,b",
        "password=\\\"",
        "otp:\"",
        "cvv:'",
        "cvv 1 ",
        "4 ",
        "4111 ",
        "4111 1111-",
        "411111111111111",
        "4, ",
        "\\",
        "\\u",
        "\\u0034",
        "%34",
        "%25",
        "%",
        "$2b$",
        "$argon2$a ",
        "[redacted:",
        "[",
        "{",
        "\"",
        "\\\"",
        "' ",
        "a,",
        "a;b=",
        "ABCPE1234",
        "password",
        "password ",
        "_",
        "-",
        ":",
        "=",
        "(",
        "((\"",
        "\u{a0}",
        "\u{ff14}",
        "secret=[\"",
        "key: {",
        "otp 1-",
    ] {
        let line = part.repeat(100_000 / part.len());
        let clean = redact(&line);
        assert_eq!(redact(&clean), clean, "{part}");
    }
}

/// The one part of `line` that `expected` has a marker for.
fn secret_of<'a>(line: &'a str, expected: &str) -> Option<&'a str> {
    let (head, rest) = expected.split_once("[redacted:")?;
    let (_, tail) = rest.split_once(']')?;
    let secret = line.strip_prefix(head)?.strip_suffix(tail)?;
    (!tail.contains("[redacted:") && !secret.is_empty()).then_some(secret)
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// The end of the JSON value that begins here; strings without a check of their escapes.
fn json_end(text: &[u8]) -> Option<usize> {
    let close = match text.first()? {
        b'"' => {
            let mut at = 1;
            while *text.get(at)? != b'"' {
                at += if text[at] == b'\\' { 2 } else { 1 };
            }
            return Some(at + 1);
        }
        b'{' => b'}',
        b'[' => b']',
        _ => return text.iter().position(|byte| !byte.is_ascii_alphanumeric()),
    };
    let mut at = 1;
    loop {
        at += text[at..].iter().take_while(|byte| matches!(byte, b' ' | b':' | b',')).count();
        if *text.get(at)? == close {
            return Some(at + 1);
        }
        at += json_end(&text[at..]).filter(|length| *length > 0)?;
    }
}
