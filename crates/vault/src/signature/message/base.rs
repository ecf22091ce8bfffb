//! The signature base (RFC 9421 §2.5): one line for each covered component, and what is said of them.
//!
//! Cost: for each component one look through the headers. Bound: 64 KiB. Either every component has
//! exactly one value that cannot be mistaken for another line, or there is no base.

use super::super::structured::{Bare, Dictionary, Item, Member, Parameters};
use super::super::{Header, values};
use super::component::{Component, ComponentFault, Form, Subject};
use super::signatures::Covered;
use super::{Message, target};
use std::borrow::Cow;

/// Longest base: the headers that a server takes, some of them covered in two forms.
const MAX_BASE_BYTES: usize = 65_536;

/// The fields that are known to be dictionaries, for `sf` and `key`: those of RFC 9421 and 9530, and the
/// one of RFC 9218 that browsers send.
const DICTIONARIES: [&str; 7] = [
    "content-digest",
    "priority",
    "repr-digest",
    "signature",
    "signature-input",
    "want-content-digest",
    "want-repr-digest",
];

/// Errors: from [`ComponentFault::OtherMessage`] on.
pub(super) fn signature_base(
    message: &Message<'_>,
    covered: &Covered,
) -> Result<String, ComponentFault> {
    let mut base = String::new();
    for component in &covered.components {
        let value = value(message, component)?;
        base.push_str(&component.identifier);
        base.push_str(": ");
        base.push_str(&value);
        base.push('\n');
        if base.len() > MAX_BASE_BYTES {
            return Err(ComponentFault::TooLong);
        }
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(&covered.text);
    Ok(base)
}

fn value<'m>(message: &Message<'m>, component: &Component) -> Result<Cow<'m, str>, ComponentFault> {
    let message = if component.of_request { request_behind(message)? } else { *message };
    match (&component.subject, message) {
        (Subject::Field { name, form }, Message::Request(request)) => {
            field(request.headers, name, form)
        }
        (Subject::Field { name, form }, Message::Response(response)) => {
            field(response.headers, name, form)
        }
        (Subject::Status, Message::Response(response)) => target::status(response.status),
        // Among them `@status`, which is refused there: a request has none.
        (subject, Message::Request(request)) => target::value(request, subject),
        (_, Message::Response(_)) => Err(ComponentFault::OtherMessage),
    }
}

/// `req` (§2.4) is of responses only.
fn request_behind<'m>(message: &Message<'m>) -> Result<Message<'m>, ComponentFault> {
    match message {
        Message::Request(_) => Err(ComponentFault::OtherMessage),
        Message::Response(response) => {
            response.request.map(Message::Request).ok_or(ComponentFault::OtherMessage)
        }
    }
}

/// §2.1. Errors: `Absent`, `NotStructured`, `Value`.
fn field<'m>(
    headers: &'m [Header<'m>],
    name: &str,
    form: &Form,
) -> Result<Cow<'m, str>, ComponentFault> {
    let lines: Vec<&[u8]> = values(headers, name).collect();
    if lines.is_empty() {
        return Err(ComponentFault::Absent);
    }
    match form {
        Form::Plain => joined(&lines),
        Form::Binary => binary(&lines).map(Cow::Owned),
        Form::Strict => dictionary(name, &lines).map(|field| Cow::Owned(field.text())),
        Form::Member(key) => member(&dictionary(name, &lines)?, key).map(Cow::Owned),
    }
}

/// Lines as one, a comma and a space between them (§2.1).
fn joined<'m>(lines: &[&'m [u8]]) -> Result<Cow<'m, str>, ComponentFault> {
    let texts: Vec<&str> =
        lines.iter().map(|line| plain(line)).collect::<Option<_>>().ok_or(ComponentFault::Value)?;
    match texts.as_slice() {
        [text] => Ok(Cow::Borrowed(text)),
        texts => Ok(Cow::Owned(texts.join(", "))),
    }
}

/// Each line as a byte sequence (§2.1.3), whatever its bytes are but for a fold.
fn binary(lines: &[&[u8]]) -> Result<String, ComponentFault> {
    if lines.iter().any(|line| line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))) {
        return Err(ComponentFault::Value);
    }
    let item =
        |line: &[u8]| Item { value: Bare::Bytes(line.to_vec()), parameters: Parameters::default() };
    let texts: Vec<String> = lines.iter().map(|line| item(line).text()).collect();
    Ok(texts.join(", "))
}

fn dictionary(name: &str, lines: &[&[u8]]) -> Result<Dictionary, ComponentFault> {
    if !DICTIONARIES.contains(&name) {
        return Err(ComponentFault::NotStructured);
    }
    Dictionary::read(lines.iter().copied()).map_err(|_fault| ComponentFault::NotStructured)
}

fn member(field: &Dictionary, key: &str) -> Result<String, ComponentFault> {
    field.get(key).map(Member::text).ok_or(ComponentFault::Absent)
}

/// `field-content` without bytes beyond ASCII (§2.5): no fold, no control character but the tab.
fn plain(line: &[u8]) -> Option<&str> {
    let is_content = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    std::str::from_utf8(line).ok().filter(|_text| line.iter().all(is_content))
}
