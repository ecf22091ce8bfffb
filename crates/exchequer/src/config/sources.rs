//! Where values come from: the file, then `.env`, then the environment, each over the one before.
//!
//! This part knows names and nothing of values. It refuses a name that is no setting, with the
//! nearest one that is, and a setting given twice in one place; what the values must be is decided
//! in `reading.rs`. Never touched: the process environment, which is read once and not written.

use super::fault::{Faults, Origin};
use super::setting::{ENVIRONMENT_PREFIX, NOT_SETTINGS, Setting, environment_name};
use super::settings::SETTINGS;
use super::{dotenv, file};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Everything a configuration is read from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The configuration file; one that is named and missing is a fault.
    pub file: Option<PathBuf>,
    /// The `.env` file; one that is named and missing is a fault.
    pub dotenv: Option<PathBuf>,
    /// The environment; names without the prefix are passed over.
    pub environment: Vec<(String, String)>,
}

/// A value as it was written. It may be a secret, hence no `Debug`.
pub(super) enum Raw {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<String>),
    /// Something that no setting takes; the word for it.
    Other(&'static str),
}

/// A value, and where it stood.
pub(super) struct Given {
    pub raw: Raw,
    pub origin: Origin,
    /// The name as it was written: `http.drain_seconds`, `EXCHEQUER_LISTEN`.
    pub spelled: String,
    /// The value is the path of a file that holds the secret.
    pub in_file: bool,
}

/// The values of one source, or of several put over each other, by name of the setting.
#[derive(Default)]
pub(super) struct Layer(pub BTreeMap<String, Given>);

/// The largest configuration file, `.env` or secret that is read; they are a few KiB.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A name that differs in more places than this is not a slip of the hand.
const MAX_SLIPS: usize = 3;

impl Sources {
    /// What a command starts with: the file it was given, else `exchequer.toml` in the current folder
    /// when there is one; `.env` likewise; and the process environment. Text that is not UTF-8 is refused later, by its name.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let (found, dotenv) = (PathBuf::from("exchequer.toml"), PathBuf::from(".env"));
        let file = file.or_else(|| found.exists().then_some(found));
        let environment = std::env::vars_os()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .collect();
        Self { file, dotenv: dotenv.exists().then_some(dotenv), environment }
    }

    /// All layers put over each other. `None` when a file could not be read as a whole: whatever
    /// else would be said about the settings would be guesswork then.
    pub(super) fn gather(&self, faults: &mut Faults) -> Option<Layer> {
        let from_file = match &self.file {
            Some(path) => file::read(path, faults),
            None => Some(Layer::default()),
        };
        let from_dotenv = match &self.dotenv {
            Some(path) => dotenv::read(path, faults),
            None => Some(Layer::default()),
        };
        let mut environment = Layer::default();
        for (name, value) in &self.environment {
            environment.add_variable(name, value, &Origin::Environment, faults);
        }
        let mut all = from_file?;
        all.0.extend(from_dotenv?.0);
        all.0.extend(environment.0);
        Some(all)
    }
}

impl Layer {
    /// Adds `EXCHEQUER_NAME=value`; passes over names that are not ours.
    pub(super) fn add_variable(
        &mut self,
        spelled: &str,
        value: &str,
        origin: &Origin,
        faults: &mut Faults,
    ) {
        let Some(rest) = spelled.strip_prefix(ENVIRONMENT_PREFIX) else { return };
        if NOT_SETTINGS.iter().any(|other| belongs_to(spelled, other)) {
            return;
        }
        let given = Given {
            raw: Raw::Text(value.to_owned()),
            origin: origin.clone(),
            spelled: spelled.to_owned(),
            in_file: false,
        };
        // Names are compared as written: `EXCHEQUER_Listen` is a slip, not a second spelling.
        let name = if rest == rest.to_ascii_uppercase() {
            rest.to_ascii_lowercase()
        } else {
            rest.to_owned()
        };
        self.add(&name, given, faults);
    }

    /// Adds a value under a name, which is refused when it is no setting or stands here already.
    pub(super) fn add(&mut self, name: &str, given: Given, faults: &mut Faults) {
        let Some((setting, in_file)) = setting_named(name) else {
            let allowed = match nearest(name) {
                Some(near) => format!("did you mean {}", spell_like(&given.origin, &near)),
                None => "the names in the reference file (exchequer check-config)".to_owned(),
            };
            faults.push(given.spelled, given.origin, "there is no such setting", allowed);
            return;
        };
        if let Some(first) = self.0.get(&setting.name()) {
            let wrong = format!("the setting stands here twice, first as {}", first.spelled);
            faults.push(given.spelled, given.origin, wrong, "one of the two");
            return;
        }
        self.0.insert(setting.name(), Given { in_file, ..given });
    }
}

/// The setting of this name, and whether the name was that of its file (`database_url_file`).
fn setting_named(name: &str) -> Option<(&'static Setting, bool)> {
    let by_name = |name: &str| SETTINGS.iter().find(|setting| setting.name() == name);
    if let Some(setting) = by_name(name) {
        return Some((setting, false));
    }
    let setting = by_name(name.strip_suffix("_file")?)?;
    setting.is_secret().then_some((setting, true))
}

/// Whether there is a section of this name, for a table without keys.
pub(super) fn is_section(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.section == name)
}

/// Reads a text file of bounded size; the error is a clause without the path.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(|error| why(&error))?;
    if !opened.metadata().map_err(|error| why(&error))?.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    opened.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| why(&error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it is larger than {MAX_FILE_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_not_utf8| "it is not UTF-8 text".to_owned())
}

/// An operating system's error as a clause.
pub(super) fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read by this user".to_owned(),
        _ => error.to_string(),
    }
}

/// `prefix_` covers all names that begin so; a name covers itself.
fn belongs_to(name: &str, other: &str) -> bool {
    if other.ends_with('_') { name.starts_with(other) } else { name == other }
}

fn spell_like(origin: &Origin, name: &str) -> String {
    match origin {
        Origin::Dotenv { .. } | Origin::Environment => environment_name(name),
        Origin::Default | Origin::File { .. } | Origin::Argument => name.to_owned(),
    }
}

/// The known name with the fewest slips between it and this one, when they are few.
fn nearest(name: &str) -> Option<String> {
    SETTINGS
        .iter()
        .map(|setting| (slips(&setting.name(), &name.to_ascii_lowercase()), setting.name()))
        .min()
        .filter(|(count, _)| *count <= MAX_SLIPS)
        .map(|(_, known)| known)
}

/// Letters to insert, delete or replace to come from one word to the other (Levenshtein).
fn slips(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
