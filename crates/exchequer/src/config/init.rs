//! The files of a new bank: the reference as a configuration of its own, and the master key.
//!
//! Both are made and never overwritten (O_EXCL), the key with mode 0600 from its first moment. The
//! key is synced, with its folder, before this returns: a bank whose key was lost in a power cut
//! cannot be opened again. When the second file cannot be made the first stays, and the error says
//! so; nothing that somebody may already use is ever removed. Files of shares are made the same way.

use super::REFERENCE;
use super::settings::SETTINGS;
use super::{master_key, render};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use vault::SecretString;
use zeroize::Zeroizing;

/// What was made.
#[derive(Debug, PartialEq, Eq)]
pub struct Created {
    pub config_file: PathBuf,
    pub master_key_file: PathBuf,
    pub data_dir: PathBuf,
}

/// Why the files were not made, in the order in which it is found out.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{} is not UTF-8, and the configuration file is", .path.display())]
    NotText { path: PathBuf },
    #[error("{} cannot be made: {source}", .path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("a master key does not belong here: {reason}")]
    OpenFolder { reason: String },
    #[error("{} is there already; nothing was changed", .path.display())]
    Exists { path: PathBuf },
    #[error("{} is named twice; each share has a file of its own", .path.display())]
    Twice { path: PathBuf },
    #[error("{} cannot be kept from others there: {reason}; nothing was written", .path.display())]
    OpenFile { path: PathBuf, reason: String },
    #[error("{} cannot be written: {source}", .path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{} cannot be written: {source}; the set is not finished, destroy what it is of: {written:?}", .path.display())]
    Unfinished { path: PathBuf, source: std::io::Error, written: Vec<String> },
}

const CONFIG_FILE: &str = "exchequer.toml";
const MASTER_KEY_FILE: &str = "master.key";
const DATA_DIR: &str = "data";

/// Makes `exchequer.toml`, `master.key` and `data/` in a folder, which is made when it is missing.
/// The key's line comes from `vault::MasterKey::to_file`. Refuses, before it writes anything, when
/// one of the two files is there. `is_encrypted`: the database will be an encrypted file.
pub fn init_files(
    dir: &Path,
    master_key_line: &str,
    is_encrypted: bool,
) -> Result<Created, InitError> {
    let dir = make_folder(dir)?;
    let created = Created {
        config_file: dir.join(CONFIG_FILE),
        master_key_file: dir.join(MASTER_KEY_FILE),
        data_dir: dir.join(DATA_DIR),
    };
    let configuration = configuration(&created, is_encrypted)?;
    master_key::refuse_open_folder(&dir).map_err(|reason| InitError::OpenFolder { reason })?;
    for path in [&created.config_file, &created.master_key_file] {
        if path.symlink_metadata().is_ok() {
            return Err(InitError::Exists { path: path.clone() });
        }
    }
    make_folder(&created.data_dir)?;
    let line = Zeroizing::new([master_key_line.trim_end(), "\n"].concat());
    write_new(&created.master_key_file, &line)?;
    write_new(&created.config_file, &configuration)?;
    sync(&dir)?;
    Ok(created)
}

/// Writes the shares of a master key, each into a file of its own. Refuses, before anything of the key is written, when one of
/// the files is there, is named twice or has no folder of its own, and when a file cannot be kept from others: a medium
/// without modes. The empty files are then taken away again. A share that could not be written is an error that names those that were.
pub fn write_shares(files: &[(&Path, SecretString)]) -> Result<(), InitError> {
    for (path, _) in files {
        let folder = folder_of(path);
        master_key::refuse_open_folder(folder).map_err(|reason| InitError::OpenFolder {
            reason: format!("{}: {reason}", folder.display()),
        })?;
    }
    let mut made: Vec<(&Path, File)> = Vec::new();
    for (path, _) in files {
        match make_closed(path) {
            Ok(file) => made.push((path, file)),
            Err(error) => {
                let ours = made.iter().any(|(before, _)| is_one_file(before, path));
                take_away(&made);
                return Err(if ours {
                    InitError::Twice { path: path.to_path_buf() }
                } else {
                    error
                });
            }
        }
    }
    for (at, ((path, file), (_, line))) in made.iter_mut().zip(files).enumerate() {
        let written = file.write_all(line.expose().as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|source| InitError::Unfinished {
            path: path.to_path_buf(),
            source,
            // The one that failed may have a part of its share.
            written: files
                .iter()
                .take(at + 1)
                .map(|(path, _)| path.display().to_string())
                .collect(),
        })?;
        sync(folder_of(path))?;
    }
    Ok(())
}

/// A new, empty file that nobody else may read, by what the system says of it once it is there.
fn make_closed(path: &Path) -> Result<File, InitError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = made.map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => InitError::Exists { path: path.to_owned() },
        _ => InitError::Write { path: path.to_owned(), source },
    })?;
    match master_key::refuse_mode(path, master_key::BEYOND_OWNER, "a medium without modes") {
        Ok(()) => Ok(file),
        Err(reason) => {
            take_away(&[(path, file)]);
            Err(InitError::OpenFile { path: path.to_owned(), reason })
        }
    }
}

/// Whether two names lead to one file, however they are spelled.
fn is_one_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|real_one| Some(real_one) == real(other))
}

fn take_away(made: &[(&Path, File)]) {
    for (path, _) in made {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, "an empty file of a share stays");
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// So that a power cut leaves the names of its files as well as what is in them.
fn sync(folder: &Path) -> Result<(), InitError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| InitError::Folder { path: folder.to_owned(), source })
}

/// The reference with the two paths of this bank in force; every other default stays a comment, so
/// that a later version's default is not held back by an old file.
fn configuration(created: &Created, is_encrypted: bool) -> Result<String, InitError> {
    let mut text = REFERENCE.to_owned();
    if is_encrypted {
        text = text.replacen("#encrypted = false\n", "encrypted = true\n", 1);
    }
    for (name, path) in
        [("data_dir", &created.data_dir), ("master_key_file", &created.master_key_file)]
    {
        let value = path.to_str().ok_or_else(|| InitError::NotText { path: path.clone() })?;
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.name() == name)
            .unwrap_or_else(|| unreachable!("{name} is a row of the table of settings"));
        let by_default = format!("#{name} = {}\n", render::literal(setting, setting.default));
        let in_force = format!("{name} = {}\n", render::literal(setting, value));
        text = text.replacen(&by_default, &in_force, 1);
    }
    Ok(text)
}

/// The folder's real path; it and those above it are made with mode 0700 when they are missing.
fn make_folder(path: &Path) -> Result<PathBuf, InitError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| path.canonicalize())
        .map_err(|source| InitError::Folder { path: path.to_owned(), source })
}

fn write_new(path: &Path, text: &str) -> Result<(), InitError> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => InitError::Exists { path: path.to_owned() },
        _ => InitError::Write { path: path.to_owned(), source },
    })
}
