//! The file of a backup while it is written: beside its name, and under it only when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::BackupError;

/// The name is taken with an empty file at once, so that two backups cannot have the same; what is
/// written stands in `NAME.partial` until [`Writing::finish`]. Both are removed when it is dropped
/// before. A process that is killed leaves them, and neither passes for a backup.
pub(super) struct Writing {
    name: PathBuf,
    partial: PathBuf,
    finished: bool,
}

impl Writing {
    /// Errors: `Exists` for either of the two files, `File`.
    pub fn begin(name: &Path) -> Result<Self, BackupError> {
        let mut partial = name.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        create_new(name)?;
        if let Err(refused) = create_new(&partial) {
            remove(name);
            return Err(refused);
        }
        Ok(Self { name: name.to_owned(), partial, finished: false })
    }

    /// Where the content goes.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// The content survives a power cut from now on.
    pub fn sync(&self) -> Result<(), BackupError> {
        let synced = OpenOptions::new().write(true).open(&self.partial).and_then(|f| f.sync_all());
        synced.map_err(|source| failed(&self.partial, source))
    }

    /// Gives the file its name, durably.
    pub fn finish(mut self) -> Result<(), BackupError> {
        fs::rename(&self.partial, &self.name).map_err(|source| failed(&self.name, source))?;
        self.finished = true;
        let folder = match self.name.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| failed(folder, source))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.finished {
            remove(&self.partial);
            remove(&self.name);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, "an unfinished backup was not removed");
    }
}

/// For its owner only: it holds password hashes and, sealed, what people told the bank.
fn create_new(path: &Path) -> Result<(), BackupError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(BackupError::Exists { path: path.to_owned() })
        }
        Err(error) => Err(failed(path, error)),
    }
}

fn failed(path: &Path, source: io::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), source }
}
