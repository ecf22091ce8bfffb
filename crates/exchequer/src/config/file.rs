//! The configuration file: TOML, whose keys and sections are joined to the one name of a setting.
//!
//! Errors carry the line and the parser's message and never the line's text, which may hold a
//! password. All syntax errors of the file are reported, not only the first.

use super::fault::{Faults, Origin};
use super::sources::{Given, Layer, Raw, is_section, read_text};
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// What is being read: where a position of the text is, and where findings go.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    layer: Layer,
    faults: &'a mut Faults,
}

/// The settings of a file, or `None` when it cannot be read as a whole.
pub(super) fn read(path: &Path, faults: &mut Faults) -> Option<Layer> {
    let shown = path.display().to_string();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(wrong) => {
            let origin = Origin::File { path: path.to_owned(), line: 1 };
            faults.push(
                "configuration file",
                origin,
                format!("{shown}: {wrong}"),
                "a readable TOML file",
            );
            return None;
        }
    };
    let (document, errors) = DeTable::parse_recoverable(&text);
    let mut reader = Reader { path, text: &text, layer: Layer::default(), faults };
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        let origin = reader.origin(at);
        let message = error.message().replace('\n', ", ");
        reader.faults.push("configuration file", origin, message, "TOML 1.0 or later (toml.io)");
    }
    if !errors.is_empty() {
        return None;
    }
    reader.table(document.get_ref(), "", "");
    Some(reader.layer)
}

impl Reader<'_> {
    /// Adds every key below a table. `joined` is the name so far, `dotted` what a person wrote.
    fn table(&mut self, table: &DeTable<'_>, joined: &str, dotted: &str) {
        for (key, value) in table {
            let name = join(joined, '_', key.get_ref());
            let spelled = join(dotted, '.', key.get_ref());
            let origin = self.origin(key.span().start);
            let raw = match value.get_ref() {
                DeValue::Table(inner) if inner.is_empty() && !is_section(&name) => {
                    self.faults.push(
                        spelled,
                        origin,
                        "there is no such section",
                        "the sections of the reference file",
                    );
                    continue;
                }
                DeValue::Table(inner) => {
                    self.table(inner, &name, &spelled);
                    continue;
                }
                DeValue::String(text) => Raw::Text(text.clone().into_owned()),
                DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                    .map_or(Raw::Other("a number beyond 64 bits"), Raw::Integer),
                DeValue::Boolean(flag) => Raw::Boolean(*flag),
                DeValue::Array(items) => items
                    .iter()
                    .map(|item| item.get_ref().as_str().map(str::to_owned))
                    .collect::<Option<Vec<_>>>()
                    .map_or(Raw::Other("a list with something else than texts"), Raw::List),
                DeValue::Float(_) => Raw::Other("a fraction"),
                DeValue::Datetime(_) => Raw::Other("a date"),
            };
            let given = Given { raw, origin, spelled, in_file: false };
            self.layer.add(&name, given, self.faults);
        }
    }

    fn origin(&self, at: usize) -> Origin {
        let before = self.text.as_bytes().iter().take(at);
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        Origin::File { path: self.path.to_owned(), line }
    }
}

fn join(front: &str, between: char, rest: &str) -> String {
    if front.is_empty() { rest.to_owned() } else { format!("{front}{between}{rest}") }
}
