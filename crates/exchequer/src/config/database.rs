//! The address of the database: what it names, and whether the way there is safe.
//!
//! Two forms: `sqlite:///absolute/path` and `postgres://user:password@host:port/database?options`
//! (libpq's URI, docs 34.1.1.2). The second is read by [`store::PostgresAddress`]; here is decided what another
//! machine needs: TLS, or a word that its network encrypts by itself, and a password or a certificate. No error holds
//! any part of an address but the path of a file.

use super::reading::Reading;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::PostgresAddress;
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

const FORMS: &str = "sqlite:///path/bank.db or postgres://user:password@host/database, to another machine with \
                     sslrootcert=FILE where its certificate is of no authority of the system";

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
        check(url.expose(), plaintext).map(|()| None)
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
        check(url, plaintext)?;
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

/// What no bank is started with, in this order: an address that cannot be read, files for TLS that are not there or do
/// not fit, and to another machine plain text that nobody allowed, or a password that is none.
fn check(url: &str, plaintext: bool) -> Result<(), String> {
    let wrong = |why| format!("the value (not shown): {why}");
    let address = PostgresAddress::parse(url).map_err(wrong)?;
    if let Some(settings) = &address.tls {
        tls::client::Client::open(settings)
            .map_err(|refusal| format!("its sslrootcert, sslcert and sslkey: {refusal}"))?;
    }
    if address.is_near {
        return Ok(());
    }
    if address.tls.is_none() && !plaintext {
        return Err("the database is on another host, and sslmode=disable means plain text: leave sslmode out, or \
                    say that the network encrypts by itself with database_plaintext = true"
            .to_owned());
    }
    let has_certificate = address.tls.is_some_and(|settings| settings.own.is_some());
    let password = address.password.expose();
    if password.is_empty() && !has_certificate {
        return Err("the database is on another host and the address has neither a password nor \
                    a certificate (sslcert, sslkey)"
            .to_owned());
    }
    if !password.is_empty() && (password == address.user || WELL_KNOWN.contains(&password)) {
        return Err("the database is on another host and its password is one that everybody \
                    tries first"
            .to_owned());
    }
    Ok(())
}
