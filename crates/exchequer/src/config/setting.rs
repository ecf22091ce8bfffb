//! What a setting is: its name, the values that it takes, and how each is told.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The section the reference file shows it under; empty for the top.
    pub section: &'static str,
    /// The key within the section.
    pub key: &'static str,
    pub kind: Kind,
    /// As the file would say it, without quotes. Empty: no value, or the one `doc` describes.
    pub default: &'static str,
    /// What it does, for the reference file; sentences.
    pub doc: &'static str,
}

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text whose rule stands where it is read.
    Text,
    /// Text that may hold a secret: never shown, and `NAME_file` may name a file that holds it.
    Secret,
    /// A path, relative to the folder the service is started in.
    Path,
    /// A whole number within bounds, both included.
    Integer { min: u64, max: u64 },
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts; in the environment with commas between them.
    List,
}

/// The word before every name in the environment.
pub const ENVIRONMENT_PREFIX: &str = "EXCHEQUER_";

/// Names in the environment that are not settings: for tests and benches, which run beside a bank.
pub const NOT_SETTINGS: &[&str] = &["EXCHEQUER_TEST_", "EXCHEQUER_BENCH_", "EXCHEQUER_REFS"];

impl Setting {
    /// The name: `http_drain_seconds`.
    pub fn name(&self) -> String {
        if self.section.is_empty() {
            self.key.to_owned()
        } else {
            format!("{}_{}", self.section, self.key)
        }
    }

    /// The name in the environment: `EXCHEQUER_HTTP_DRAIN_SECONDS`.
    pub fn environment_name(&self) -> String {
        environment_name(&self.name())
    }

    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// What may be given, for faults: `a whole number from 1 to 300`.
    pub fn allowed(&self) -> String {
        match self.kind {
            Kind::Text | Kind::Secret => "text".to_owned(),
            Kind::Path => "a path".to_owned(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Boolean => "true or false".to_owned(),
            Kind::Choice(words) => words.join(" or "),
            Kind::List => {
                "a list of texts (with commas between them in the environment)".to_owned()
            }
        }
    }
}

/// `EXCHEQUER_` and the name in capitals.
pub fn environment_name(name: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", name.to_ascii_uppercase())
}
