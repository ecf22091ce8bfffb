//! The address of the database: what it names, and whether the way there is safe.
//!
//! Two forms: `sqlite:///absolute/path` and `postgres://user:password@host:port/database?options`
//! (libpq's URI, docs 34.1.1.2). Of the second only what decides safety is looked at here: the
//! hosts, the password, `sslmode`; the driver reads the rest. No error holds any part of
//! an address.

use super::address::{is_this_machine, split_port};
use super::reading::Reading;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vault::SecretString;

/// Where the bank's database is.
#[derive(Clone)]
pub enum DatabaseUrl {
    Sqlite {
        path: PathBuf,
    },
    /// The address may hold a password: hand it to the driver and to nothing else.
    Postgres {
        url: Arc<SecretString>,
    },
}

/// What is looked at of a PostgreSQL address.
#[derive(Default)]
struct Postgres {
    hosts: Vec<String>,
    user: String,
    password: String,
    sslmode: String,
}

const FORMS: &str = "sqlite:///path/bank.db or postgres://user:password@host/database";

/// Passwords that installers and examples set, and attackers try first.
pub(super) const WELL_KNOWN: &[&str] = &[
    "postgres",
    "password",
    "passwd",
    "secret",
    "changeme",
    "admin",
    "root",
    "exchequer",
    "123456",
];

/// The address given, or `bank.db` in the data folder.
pub(super) fn read(reading: &mut Reading, data_dir: &Path) -> DatabaseUrl {
    let plaintext = reading.boolean("database_plaintext");
    let default = DatabaseUrl::Sqlite { path: data_dir.join("bank.db") };
    if reading.demo && reading.is_given("database_url") {
        let allowed = "unset, for a demo bank: its database is in its own folder (--data)";
        reading.fault("database_url", "a demo bank is not made on a real database", allowed);
        return default;
    }
    let Some(url) = reading.secret("database_url") else { return default };
    let parsed = if let Some(rest) = url.expose().strip_prefix("sqlite://") {
        sqlite(rest)
    } else if is_postgres(url.expose()) {
        postgres(url.expose()).and_then(|found| found.refuse_unsafe(plaintext)).map(|()| None)
    } else {
        Err("the value (not shown) is neither of the two forms".to_owned())
    };
    match parsed {
        Ok(Some(path)) => DatabaseUrl::Sqlite { path },
        Ok(None) => DatabaseUrl::Postgres { url: Arc::new(url) },
        Err(wrong) => {
            reading.fault("database_url", wrong, FORMS);
            default
        }
    }
}

/// Whether the file is an encrypted one, of a build that can open it.
pub(super) fn is_encrypted(reading: &mut Reading, url: &DatabaseUrl) -> bool {
    let is_encrypted = reading.boolean("database_encrypted");
    let wrong = match url {
        _ if !is_encrypted => return false,
        DatabaseUrl::Postgres { .. } => {
            ("the database is PostgreSQL, whose volume is what is encrypted", "false")
        }
        DatabaseUrl::Sqlite { .. } if !store::CAN_ENCRYPT => (
            "this build cannot open encrypted files",
            "true in a build with the feature `sqlcipher`",
        ),
        DatabaseUrl::Sqlite { .. } => return true,
    };
    reading.fault("database_encrypted", wrong.0, wrong.1);
    is_encrypted
}

impl DatabaseUrl {
    /// An address of PostgreSQL that no setting gave; `plaintext` as the setting `database_plaintext`. The
    /// error holds no part of it.
    pub fn postgres(url: &str, plaintext: bool) -> Result<Self, String> {
        if !is_postgres(url) {
            return Err("the value (not shown) is no address of PostgreSQL".to_owned());
        }
        postgres(url)?.refuse_unsafe(plaintext)?;
        Ok(Self::Postgres { url: Arc::new(SecretString::new(url.to_owned())) })
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// The path after `sqlite://`.
fn sqlite(path: &str) -> Result<Option<PathBuf>, String> {
    if !path.starts_with('/') || path.ends_with('/') {
        return Err("the path must be absolute and name a file, after three slashes".to_owned());
    }
    if path.contains(['?', '#', '%']) {
        return Err("a SQLite address takes no options and no % codes".to_owned());
    }
    let path = PathBuf::from(path);
    if path.is_dir() {
        return Err("the path names a folder".to_owned());
    }
    Ok(Some(path))
}

/// Takes a PostgreSQL address apart. Where a thing is named twice, both are kept or the second
/// counts, as in the driver.
fn postgres(url: &str) -> Result<Postgres, String> {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let (address, options) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = address.split('/').next().unwrap_or_default();
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let mut found = Postgres::default();
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    found.user = decode(name)?;
    found.password = decode(password)?;
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        let (host, _) = split_port(host).ok_or("a port in the address is no port")?;
        found.hosts.push(decode(host)?);
    }
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').ok_or("an option is not name=value")?;
        let value = decode(value)?;
        match name {
            "host" | "hostaddr" => found.hosts.extend(value.split(',').map(str::to_owned)),
            "user" => found.user = value,
            "password" => found.password = value,
            "sslmode" => found.sslmode = value,
            _ => {} // a matter of the driver, which refuses what it does not know
        }
    }
    if found.hosts.iter().all(String::is_empty) {
        return Err("the address names no host and no socket folder".to_owned());
    }
    Ok(found)
}

impl Postgres {
    fn refuse_unsafe(&self, plaintext: bool) -> Result<(), String> {
        if !matches!(self.sslmode.as_str(), "" | "disable" | "prefer") {
            return Err("sslmode asks for TLS, which comes with a later version".to_owned());
        }
        // An empty host is libpq's own socket folder.
        let near =
            |host: &String| host.is_empty() || host.starts_with('/') || is_this_machine(host);
        if self.hosts.iter().all(near) {
            return Ok(());
        }
        if !plaintext {
            return Err(
                "the database is on another host, and TLS to it comes with a later version: \
                        use a socket, this machine, or a network that encrypts by itself with \
                        database_plaintext = true"
                    .to_owned(),
            );
        }
        if self.password.is_empty() {
            return Err(
                "the database is on another host and the address has no password".to_owned()
            );
        }
        if self.password == self.user || WELL_KNOWN.contains(&self.password.as_str()) {
            return Err("the database is on another host and its password is one that everybody \
                        tries first"
                .to_owned());
        }
        Ok(())
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Result<String, String> {
    const WRONG: &str = "a % in the address is not followed by two hexadecimal digits of UTF-8";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2).ok_or(WRONG)?;
        let byte = data_encoding::HEXUPPER_PERMISSIVE.decode(digits).map_err(|_not_hex| WRONG)?;
        bytes.extend(byte);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_not_utf8| WRONG.to_owned())
}
