//! The folder of a demo bank, and the marker in it that says whose it is.
//!
//! The marker is the first file that is made and says so until everything is there; a demo that was
//! killed before that is begun anew. It is replaced by renaming, so it is never half written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use money::Rng;
use serde::{Deserialize, Serialize};
use vault::{MasterKey, SecretString};

use super::people::{People, totp_file};
use crate::cli::Failure;
use crate::config::{Config, DatabaseUrl};

const MARKER: &str = "exchequer-demo.json";
const SANDBOX_SECRET: &str = "sandbox.secret";
/// Of the marker. A demo of another format is a demo of another version.
const FORMAT: u32 = 1;

/// A folder with our marker.
pub(super) struct DemoFolder {
    path: PathBuf,
    database: PathBuf,
    master_key: PathBuf,
}

/// How far a demo has come.
pub(super) enum Standing {
    /// Nothing is there but the marker.
    New,
    Seeded(People),
}

#[derive(Serialize, Deserialize)]
struct Marker {
    format: u32,
    /// Absent until the bank is seeded.
    people: Option<People>,
}

impl DemoFolder {
    /// Takes a folder that is empty, absent or a demo's already; leaves the marker in it.
    pub fn claim(config: &Config) -> Result<Self, Failure> {
        let path = config.data_dir.clone();
        let DatabaseUrl::Sqlite { path: database } = &config.database.url else {
            return Err(Failure::Said("a demo bank is on SQLite".to_owned()));
        };
        let folder =
            Self { path, database: database.clone(), master_key: config.master_key_file.clone() };
        config.make_data_dir().map_err(|error| failed(&folder.path, &error))?;
        if folder.marker().exists() {
            return Ok(folder);
        }
        let mut entries =
            fs::read_dir(&folder.path).map_err(|error| failed(&folder.path, &error))?;
        if entries.next().is_some() {
            return Err(Failure::Said(format!(
                "{} is not empty and no demo made it; nothing was changed. Name another folder: \
                 exchequer demo --data DIR",
                folder.path.display()
            )));
        }
        folder.write(&Marker { format: FORMAT, people: None })?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the marker. What an unfinished demo left is removed.
    pub fn standing(&self) -> Result<Standing, Failure> {
        let path = self.marker();
        let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
        let marker: Marker = serde_json::from_str(&text)
            .ok()
            .filter(|marker: &Marker| marker.format == FORMAT)
            .ok_or_else(|| {
                Failure::Said(format!(
                    "{} is not a marker that this version reads; name another folder with --data",
                    path.display()
                ))
            })?;
        if let Some(people) = marker.people {
            return Ok(Standing::Seeded(people));
        }
        let with = |ending: &str| {
            let mut name = self.database.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        let journal = self.sandbox_journal();
        for path in [with(""), with("-wal"), with("-shm"), self.master_key.clone(), journal] {
            remove(&path).map_err(|error| failed(&path, &error))?;
        }
        Ok(Standing::New)
    }

    /// Makes the demo's master key.
    pub fn make_key(&self) -> Result<(), Failure> {
        let key =
            MasterKey::generate(&Rng::System).map_err(|error| Failure::Said(error.to_string()))?;
        write_private(&self.master_key, key.to_file().expose().as_bytes())
            .map_err(|error| failed(&self.master_key, &error))
    }

    /// What bank and sandbox gateway of this demo have in common; made when it is not there.
    pub fn sandbox_secret(&self) -> Result<SecretString, Failure> {
        let path = self.path.join(SANDBOX_SECRET);
        if !path.exists() {
            self.replace(SANDBOX_SECRET, vault::random_token(&Rng::System).expose().as_bytes())?;
        }
        fs::read_to_string(&path).map(SecretString::new).map_err(|error| failed(&path, &error))
    }

    /// What the sandbox gateway remembers by.
    pub fn sandbox_journal(&self) -> PathBuf {
        self.path.join("sandbox.journal")
    }

    /// The bank is seeded: from now on the folder is a demo's. Each second factor stands in a file of
    /// its own besides, for `exchequer totp --secret-file`.
    pub fn finish(&self, people: &People) -> Result<(), Failure> {
        for (email, secret) in people.authenticators() {
            self.replace(&totp_file(email), secret.as_bytes())?;
        }
        self.write(&Marker { format: FORMAT, people: Some(people.clone()) })
    }

    fn marker(&self) -> PathBuf {
        self.path.join(MARKER)
    }

    fn write(&self, marker: &Marker) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(marker)
            .map_err(|error| Failure::Said(format!("the marker was not written: {error}")))?;
        self.replace(MARKER, text.as_bytes())
    }

    /// Writes a file under a name that may be there.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let (path, partial) = (self.path.join(name), self.path.join(format!("{name}.partial")));
        let written = remove(&partial)
            .and_then(|()| write_private(&partial, bytes))
            .and_then(|()| fs::rename(&partial, &path))
            .and_then(|()| File::open(&self.path)?.sync_all());
        written.map_err(|error| failed(&path, &error))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Said(format!("{}: {error}", path.display()))
}
