//! Values out of what was given: each of its kind, within its bounds, or a fault and a stand-in.
//!
//! A getter always returns, so that one pass over all settings finds all faults; what it returns
//! after a fault is never used, since a configuration with faults is not handed out.

use super::fault::{Faults, Origin};
use super::master_key;
use super::setting::{Kind, Setting, environment_name};
use super::settings::SETTINGS;
use super::sources::{Given, Layer, Raw, read_text};
use std::path::{Path, PathBuf};
use vault::SecretString;

/// The values that were given, and the faults found so far.
pub(super) struct Reading {
    given: Layer,
    pub faults: Faults,
    pub demo: bool,
    /// Those that were read, by name.
    secrets: Vec<(String, SecretString)>,
}

/// How much of a wrong value a fault shows.
const SHOWN_CHARACTERS: usize = 60;

impl Reading {
    pub(super) fn new(given: Layer, faults: Faults, demo: bool) -> Self {
        Self { given, faults, demo, secrets: Vec::new() }
    }

    /// Whether anybody gave a value that is not empty.
    pub(super) fn is_given(&self, name: &str) -> bool {
        match self.given.0.get(name).map(|given| &given.raw) {
            None => false,
            Some(Raw::Text(text)) => !text.is_empty(),
            Some(Raw::List(items)) => !items.is_empty(),
            Some(Raw::Integer(_) | Raw::Boolean(_) | Raw::Other(_)) => true,
        }
    }

    /// The text given, or the default; `None` when that is empty.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.value(name, |raw, _| match raw {
            Raw::Text(text) => Ok(text.clone()),
            _ => Err("not text".to_owned()),
        })
    }

    /// The path given, or the default; `None` when that is empty.
    pub(super) fn path(&mut self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// The number given, or the default; `None` when that is empty.
    pub(super) fn optional_integer(&mut self, name: &str) -> Option<u64> {
        let Kind::Integer { min, max } = find(name).kind else {
            unreachable!("{name} is no integer in the table of settings")
        };
        self.value(name, |raw, from_file| {
            let number = match raw {
                Raw::Integer(number) => u64::try_from(*number).ok(),
                Raw::Text(text) if !from_file && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                    text.parse().ok()
                }
                _ => return Err("not a whole number".to_owned()),
            };
            number.filter(|number| (min..=max).contains(number)).ok_or("out of bounds".to_owned())
        })
    }

    /// The number given, or the default, as the type its bounds fit in.
    pub(super) fn integer<T: TryFrom<u64>>(&mut self, name: &str) -> T {
        let number = self.optional_integer(name).and_then(|number| T::try_from(number).ok());
        number.unwrap_or_else(|| unreachable!("{name} has a default, and bounds that fit its type"))
    }

    pub(super) fn boolean(&mut self, name: &str) -> bool {
        let flag = self.value(name, |raw, from_file| match raw {
            Raw::Boolean(flag) => Ok(*flag),
            Raw::Text(text) if !from_file && text == "true" => Ok(true),
            Raw::Text(text) if !from_file && text == "false" => Ok(false),
            _ => Err("neither true nor false".to_owned()),
        });
        flag.unwrap_or_else(|| unreachable!("{name} has a default"))
    }

    /// One of the words that the table allows.
    pub(super) fn choice(&mut self, name: &str) -> &'static str {
        let Kind::Choice(words) = find(name).kind else {
            unreachable!("{name} is no choice in the table of settings")
        };
        let word = self.value(name, |raw, _| match raw {
            Raw::Text(text) => words
                .iter()
                .copied()
                .find(|word| word == text)
                .ok_or_else(|| "none of the words".to_owned()),
            _ => Err("not text".to_owned()),
        });
        word.unwrap_or_else(|| unreachable!("{name} has a default"))
    }

    /// The texts of a list without the blanks around them.
    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        let items = self.value(name, |raw, _| match raw {
            Raw::List(items) => Ok(items.clone()),
            Raw::Text(text) => Ok(text.split(',').map(|item| item.trim().to_owned()).collect()),
            _ => Err("not a list of texts".to_owned()),
        });
        items.unwrap_or_default()
    }

    /// The secret given, from its file when it was given so.
    pub(super) fn secret(&mut self, name: &str) -> Option<SecretString> {
        let secret = self.secret_or_fault(name)?;
        self.secrets.push((name.to_owned(), SecretString::new(secret.expose().to_owned())));
        Some(secret)
    }

    /// One that was read before.
    pub(super) fn given_secret(&self, name: &str) -> Option<&SecretString> {
        self.secrets.iter().find(|(of, _)| of == name).map(|(_, secret)| secret)
    }

    fn secret_or_fault(&mut self, name: &str) -> Option<SecretString> {
        let in_file = self.given.0.get(name).is_some_and(|given| given.in_file);
        let text = self.text(name)?;
        if !in_file {
            return Some(SecretString::new(text));
        }
        match read_secret(Path::new(&text)) {
            Ok(secret) => Some(secret),
            Err(wrong) => {
                let wrong = format!("{text}: {wrong}");
                self.fault(name, wrong, "a file that holds the secret and nothing else");
                None
            }
        }
    }

    /// Notes a fault of a setting, at the place its value came from.
    pub(super) fn fault(
        &mut self,
        name: &str,
        wrong: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        let (spelled, origin) = match self.given.0.get(name) {
            Some(given) => (given.spelled.clone(), given.origin.clone()),
            None => (format!("{name} or {}", environment_name(name)), Origin::Default),
        };
        self.faults.push(spelled, origin, wrong, allowed);
    }

    /// The value given, else the default; `parse` also learns whether the file, which has types of
    /// its own, was the source.
    fn value<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&Raw, bool) -> Result<T, String>,
    ) -> Option<T> {
        let setting = find(name);
        let default = || match setting.default {
            "" => None,
            default => parse(&Raw::Text(default.to_owned()), false).ok(),
        };
        let Some(given) = self.given.0.get(name) else { return default() };
        let value = match &given.raw {
            Raw::Text(text) if text.is_empty() && setting.default.is_empty() => return None,
            Raw::Text(text) if text.is_empty() => Err("empty".to_owned()),
            Raw::Text(text) if text.chars().any(|c| c.is_control() || c == '\u{fffd}') => {
                Err("not UTF-8, or holds a control character".to_owned())
            }
            raw => parse(raw, matches!(given.origin, Origin::File { .. })),
        };
        match value {
            Ok(value) => Some(value),
            Err(wrong) => {
                let wrong = format!("{} is {wrong}", shown(setting, given));
                self.fault(name, wrong, setting.allowed());
                default()
            }
        }
    }
}

/// The row of a name that this crate itself spells; each start reads them all.
fn find(name: &str) -> &'static Setting {
    SETTINGS
        .iter()
        .find(|setting| setting.name() == name)
        .unwrap_or_else(|| unreachable!("{name} is no row of the table of settings"))
}

/// A wrong value as a fault may show it.
fn shown(setting: &Setting, given: &Given) -> String {
    if setting.is_secret() {
        return "the value (not shown)".to_owned();
    }
    match &given.raw {
        Raw::Text(text) => quoted(text),
        Raw::Integer(number) => number.to_string(),
        Raw::Boolean(flag) => flag.to_string(),
        Raw::List(items) => format!("the list {}", quoted(&items.join(", "))),
        Raw::Other(what) => (*what).to_owned(),
    }
}

/// Text in quotes, without control characters and not endless.
pub(super) fn quoted(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("\"{}\"", cut.escape_debug())
}

/// The secret in a file: the text without the line end. Others may read it (an orchestrator mounts
/// secrets so, in a folder of the service's own), but must not have been able to write it.
fn read_secret(path: &Path) -> Result<SecretString, String> {
    let mut text = read_text(path)?;
    master_key::refuse_mode(path, 0o022, "others can write it")?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it holds more than one line".to_owned());
    }
    Ok(SecretString::new(text))
}
