//! The `.env` file, in the form that dotenvy reads: `NAME=value`, quotes, `$NAME` replaced unless
//! the value stands in single quotes.
//!
//! Nothing goes into the process environment. Names that are not ours are left to the other tools
//! that read the same file. A line that cannot be read is named by its number, never shown.

use super::fault::{Faults, Origin};
use super::sources::{Layer, read_text};
use std::path::Path;

/// The settings of a `.env` file, or `None` when it cannot be read as a whole.
pub(super) fn read(path: &Path, faults: &mut Faults) -> Option<Layer> {
    let origin = Origin::Dotenv { path: path.to_owned() };
    let text = match read_text(path) {
        Ok(text) => text,
        Err(wrong) => {
            faults.push(".env", origin, wrong, "a readable file of NAME=value lines");
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut layer = Layer::default();
    let mut whole = true;
    for entry in dotenvy::from_read_iter(text.as_bytes()) {
        match entry {
            Ok((name, value)) => layer.add_variable(&name, &value, &origin, faults),
            Err(error) => {
                whole = false;
                let wrong = match &error {
                    dotenvy::Error::LineParse(line, _) => unreadable_line(text, line),
                    // Its own texts name no value: an I/O error, or a variable that is not UTF-8.
                    other => other.to_string(),
                };
                let allowed = "NAME=value, the value in single quotes when it has blanks, # or $";
                faults.push(".env", origin.clone(), wrong, allowed);
            }
        }
    }
    whole.then_some(layer)
}

fn unreadable_line(text: &str, line: &str) -> String {
    let first = line.lines().next().unwrap_or(line).trim_end();
    match text.lines().position(|other| other.trim_end() == first) {
        Some(index) => format!("line {} cannot be read", index + 1),
        None => "a line cannot be read".to_owned(),
    }
}
