//! A database file, plain or encrypted, and the one way to open it.
//!
//! An encrypted file is SQLCipher's format 4: each page AES-256-CBC under a random vector with an HMAC-SHA-512, the
//! write-ahead log and journals likewise. Its key is 256 random bits, never a passphrase, so that nothing is derived and
//! opening costs no time. The file begins with a salt that the key's owner has kept beside the key: a key that belongs
//! to another file is told apart from a damaged one before anything is decrypted.
//!
//! Order: the file is opened; the key is the first statement; the schema is read, which proves the key; where it does
//! not, what the file begins with says why. Never: a key in an error, a log or a statement that is kept; an
//! encrypted file opened as a plain one or the other way round; a key taken by a build that would ignore it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use vault::{SecretBytes, SecretString};

use super::from_sqlite;
use crate::DbError;

/// What opens one encrypted database file, and its copies.
#[derive(Clone)]
pub struct FileKey(Arc<Parts>);

struct Parts {
    key: SecretBytes,
    salt: [u8; FileKey::SALT_BYTES],
}

/// A database file; without a key it is a plain one.
#[derive(Clone, Copy)]
pub struct DatabaseFile<'a> {
    pub path: &'a Path,
    pub key: Option<&'a FileKey>,
}

/// True in a build that can open encrypted files.
pub const CAN_ENCRYPT: bool = cfg!(feature = "sqlcipher");

/// What a plain file begins with (SQLite, file format, 1.3.1).
const PLAIN: [u8; FileKey::SALT_BYTES] = *b"SQLite format 3\0";

const UNABLE: &str = "this build cannot open encrypted files; use one with the feature `sqlcipher`";
const IS_PLAIN: &str = "it is a plain database and was to be an encrypted one; `exchequer move --encrypt` copies it \
     into one";
const OTHER_KEY: &str =
    "the key beside it is that of another database, or the beginning of the file is damaged";
const DAMAGED: &str = "its key does not open it: the file is damaged";
/// How a file is refused that is opened without a key.
pub(super) const NOT_PLAIN: &str = if CAN_ENCRYPT {
    "the file is no plain database: it is damaged, or encrypted and to be opened with its key (database_encrypted)"
} else {
    "the file is no plain database: it is damaged, or encrypted, which this build cannot open; use one with the \
     feature `sqlcipher`"
};

impl FileKey {
    pub const KEY_BYTES: usize = 32;
    pub const SALT_BYTES: usize = 16;

    /// `None` for a key of another length.
    pub fn new(key: SecretBytes, salt: [u8; Self::SALT_BYTES]) -> Option<Self> {
        (key.expose().len() == Self::KEY_BYTES).then(|| Self(Arc::new(Parts { key, salt })))
    }

    /// Must come before any other statement of the connection.
    fn unlock(&self, connection: &Connection) -> Result<(), DbError> {
        let version: Option<String> = connection
            .query_row("PRAGMA cipher_version", [], |row| row.get(0))
            .optional()
            .map_err(from_sqlite)?;
        // Another library than SQLCipher ignores the key, and would write everything in the clear.
        if version.is_none() {
            return Err(DbError::Refused(UNABLE.to_owned()));
        }
        // It would write to standard error by itself; what fails is told as an error.
        connection.execute_batch("PRAGMA cipher_log_level = NONE").map_err(from_sqlite)?;
        let text = self.statement();
        connection
            .execute_batch(text.expose())
            .map_err(|_repeats_the_statement| DbError::Refused("the key is refused".to_owned()))
    }

    /// Key and salt as SQLCipher takes them raw, which leaves out its derivation of keys.
    fn statement(&self) -> SecretString {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        const FRAME: [&str; 2] = ["PRAGMA key = \"x'", "'\""];
        let length = FRAME.concat().len() + 2 * (Self::KEY_BYTES + Self::SALT_BYTES);
        // Never grown, so that no part of the key stays behind.
        let mut text = String::with_capacity(length);
        text.push_str(FRAME[0]);
        for byte in self.0.key.expose().iter().chain(&self.0.salt) {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text.push_str(FRAME[1]);
        SecretString::new(text)
    }
}

impl DatabaseFile<'_> {
    /// Opens it. Errors: `Refused` (a build that cannot; a plain file with a key; another file's key), `Unavailable`,
    /// `Busy`. A file without a key is first read by the first statement, which refuses what is encrypted.
    pub(crate) fn connect(self, flags: OpenFlags) -> Result<Connection, DbError> {
        self.connect_by(flags, |_| Ok(()))
    }

    /// The same for nobody else to have it open, now or until this ends: an exclusive lock, which SQLite gives in
    /// write-ahead mode only where there is no other connection. Errors: `Busy` at once, here or at the first write.
    pub(crate) fn connect_alone(self) -> Result<Connection, DbError> {
        self.connect_by(OpenFlags::SQLITE_OPEN_READ_WRITE, |connection| {
            connection.busy_timeout(Duration::ZERO)?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")
        })
    }

    /// `prepare` runs before anything of the file is read.
    fn connect_by(
        self,
        flags: OpenFlags,
        prepare: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<Connection, DbError> {
        if self.key.is_some() && !CAN_ENCRYPT {
            return Err(self.refused(UNABLE));
        }
        let connection =
            Connection::open_with_flags(self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(|error| {
                    DbError::Unavailable(format!("{}: {error}", self.path.display()))
                })?;
        let Some(key) = self.key else {
            prepare(&connection).map_err(from_sqlite)?;
            return Ok(connection);
        };
        key.unlock(&connection)?;
        prepare(&connection).map_err(from_sqlite)?;
        let proof = connection.query_row("SELECT COUNT(*) FROM sqlite_master", [], |_| Ok(()));
        match proof.map_err(from_sqlite) {
            Ok(()) => Ok(connection),
            Err(DbError::Refused(_) | DbError::Corrupt(_)) => {
                drop(connection);
                Err(self.refused(self.why_not(key)))
            }
            Err(other) => Err(other),
        }
    }

    /// Looked at only where the file did not open: whoever opens and closes a file by another way than SQLite's takes
    /// the locks away that this process has on it (POSIX, fcntl).
    fn why_not(self, key: &FileKey) -> &'static str {
        let mut found = [0; FileKey::SALT_BYTES];
        let read = File::open(self.path).and_then(|mut file| file.read_exact(&mut found));
        match read {
            Ok(()) if found == PLAIN => IS_PLAIN,
            Ok(()) if found != key.0.salt => OTHER_KEY,
            Ok(()) | Err(_) => DAMAGED,
        }
    }

    fn refused(self, reason: &str) -> DbError {
        DbError::Refused(format!("{}: {reason}", self.path.display()))
    }
}

impl<'a> From<&'a Path> for DatabaseFile<'a> {
    fn from(path: &'a Path) -> Self {
        Self { path, key: None }
    }
}

impl<'a> From<&'a PathBuf> for DatabaseFile<'a> {
    fn from(path: &'a PathBuf) -> Self {
        Self { path, key: None }
    }
}

impl<'a> From<(&'a Path, Option<&'a FileKey>)> for DatabaseFile<'a> {
    fn from((path, key): (&'a Path, Option<&'a FileKey>)) -> Self {
        Self { path, key }
    }
}

#[cfg(test)]
mod tests;
