//! The key of an encrypted database file: drawn here, wrapped like a data key, kept beside the file.
//!
//! It cannot stand in the table of data keys, which the file holds. `bank.db` has `bank.db.key`, one line
//! `exchequer-database-key-1:SALT:WRAPPED`, mode 0600: the salt that the file begins with in hexadecimal digits, and in
//! base64url the row of a data key of [`Purpose::DatabaseFile`], wrapped by the master key. A backup has a copy of it as
//! `FILE.key`. Who has both files and not the master key has nothing.
//!
//! Order: a key is on the disk, with its folder, before a file is encrypted under it. Never: an existing key file
//! overwritten but by [`rewrap`], which puts a whole new one in its place.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use money::{Rng, Timestamp};
use store::FileKey;
use vault::{DataKey, KeyState, Purpose, WrappedKey};

use super::master::{Master, MasterError};

/// Why the key of a database file is not there or does not open, in the order in which it is found out.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error(
        "the key of the database file is not at {}: bring it back from a copy, without it nobody opens the database \
         (a bank that is plain becomes an encrypted one by `exchequer move --encrypt`)",
        .path.display()
    )]
    Missing { path: PathBuf },
    #[error("{} is there already; nothing was changed", .path.display())]
    Exists { path: PathBuf },
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{} is damaged: it must be one line `{PREFIX}SALT:WRAPPED`", .path.display())]
    Malformed { path: PathBuf },
    #[error("{} does not open: {source}", .path.display())]
    Master { path: PathBuf, source: MasterError },
}

/// What stands in a key file.
struct KeyFile {
    salt: [u8; FileKey::SALT_BYTES],
    wrapped: WrappedKey,
}

const PREFIX: &str = "exchequer-database-key-1:";
const VERSION: u32 = 1;
/// Far above what any keeper of master keys makes of 32 bytes.
const LONGEST_FILE: u64 = 16 * 1_024;

/// `bank.db.key`, for `bank.db`.
pub fn path_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".key");
    PathBuf::from(path)
}

/// Reads the key file of a database, and opens it.
pub async fn open(master: &Master, database: &Path) -> Result<FileKey, KeyFileError> {
    let path = path_of(database);
    let file = KeyFile::read(&path)?;
    let key = file.unwrap(master, &path).await?;
    file_key(&key, file.salt, &path)
}

/// Draws a key for a database file that is not there yet, and writes its key file, durably.
pub async fn create(
    master: &Master,
    database: &Path,
    (now, rng): (Timestamp, &Rng),
) -> Result<FileKey, KeyFileError> {
    let path = path_of(database);
    let key = DataKey::draw(rng, Purpose::DatabaseFile, VERSION, now);
    let file = KeyFile { salt: rng.bytes(), wrapped: wrap(master, &key, &path, rng).await? };
    write_new(&path, &file.text())?;
    file_key(&key, file.salt, &path)
}

/// Whether there is one.
pub fn is_there(database: &Path) -> bool {
    path_of(database).symlink_metadata().is_ok()
}

/// Copies the key file of a database to a file that is encrypted with the same key.
pub fn copy(from: &Path, to: &Path) -> Result<(), KeyFileError> {
    write_new(&path_of(to), &KeyFile::read(&path_of(from))?.text())
}

/// Wraps it under another master key. A crash leaves the old key file or the new one.
pub async fn rewrap(
    (from, to): (&Master, &Master),
    database: &Path,
    rng: &Rng,
) -> Result<(), KeyFileError> {
    let path = path_of(database);
    let old = KeyFile::read(&path)?;
    // The command may have been interrupted after this.
    let key = match old.unwrap(to, &path).await {
        Ok(key) => key,
        Err(_under_the_old_one) => old.unwrap(from, &path).await?,
    };
    let new = KeyFile { salt: old.salt, wrapped: wrap(to, &key, &path, rng).await? };
    let _proof = new.unwrap(to, &path).await?;
    let mut beside = path.clone().into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Ok(()) => {} // of an attempt that was interrupted
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(KeyFileError::File { path: beside, source }),
    }
    write_new(&beside, &new.text())?;
    fs::rename(&beside, &path)
        .and_then(|()| sync_folder(&path))
        .map_err(|source| KeyFileError::File { path, source })
}

impl KeyFile {
    fn read(path: &Path) -> Result<Self, KeyFileError> {
        let mut text = String::new();
        let read =
            File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(KeyFileError::Missing { path: path.to_owned() });
            }
            Err(source) => return Err(KeyFileError::File { path: path.to_owned(), source }),
        }
        Self::parse(&text).ok_or_else(|| KeyFileError::Malformed { path: path.to_owned() })
    }

    fn parse(text: &str) -> Option<Self> {
        let (salt, wrapped) = text.trim_end().strip_prefix(PREFIX)?.split_once(':')?;
        let salt = HEXLOWER.decode(salt.as_bytes()).ok()?.try_into().ok()?;
        let wrapped = BASE64URL_NOPAD.decode(wrapped.as_bytes()).ok()?;
        let wrapped = WrappedKey {
            purpose: Purpose::DatabaseFile,
            version: VERSION,
            state: KeyState::Active,
            created_at: Timestamp::EPOCH,
            retired_at: None,
            sealings: 0,
            wrapped,
        };
        Some(Self { salt, wrapped })
    }

    fn text(&self) -> String {
        let (salt, wrapped) = (HEXLOWER.encode(&self.salt), &self.wrapped.wrapped);
        format!("{PREFIX}{salt}:{}\n", BASE64URL_NOPAD.encode(wrapped))
    }

    async fn unwrap(&self, master: &Master, path: &Path) -> Result<DataKey, KeyFileError> {
        let keys = master.unwrap_keys(std::slice::from_ref(&self.wrapped)).await;
        let keys = keys.map_err(|source| KeyFileError::Master { path: path.to_owned(), source })?;
        keys.into_iter().next().ok_or_else(|| KeyFileError::Malformed { path: path.to_owned() })
    }
}

async fn wrap(
    master: &Master,
    key: &DataKey,
    path: &Path,
    rng: &Rng,
) -> Result<WrappedKey, KeyFileError> {
    let rows = master.wrap(rng, std::slice::from_ref(key)).await;
    let rows = rows.map_err(|source| KeyFileError::Master { path: path.to_owned(), source })?;
    rows.into_iter().next().ok_or_else(|| KeyFileError::Malformed { path: path.to_owned() })
}

fn file_key(
    key: &DataKey,
    salt: [u8; FileKey::SALT_BYTES],
    path: &Path,
) -> Result<FileKey, KeyFileError> {
    key.of_database_file()
        .and_then(|bytes| FileKey::new(bytes, salt))
        .ok_or_else(|| KeyFileError::Malformed { path: path.to_owned() })
}

fn write_new(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| sync_folder(path));
    written.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => KeyFileError::File { path: path.to_owned(), source },
    })
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
