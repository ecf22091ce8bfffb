//! A bank's folder for the tests of the configuration, and the tests by what they are about.

mod card_vault;
mod faults;
mod files;
mod init;
mod other_hosts;
mod profiles;
mod reference;
mod shares;

use super::{Config, Faults, Sources};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with a proper master key, and sources that name it.
struct Folder {
    dir: TempDir,
    sources: Sources,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("master.key"), &key_line(), 0o600);
        let key = dir.path().join("master.key").display().to_string();
        let data = dir.path().join("data").display().to_string();
        let mut folder = Self { dir, sources: Sources::default() };
        folder.environment("EXCHEQUER_MASTER_KEY_FILE", &key);
        folder.environment("EXCHEQUER_DATA_DIR", &data);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Sets a variable, over what it was.
    fn environment(&mut self, name: &str, value: &str) {
        self.sources.environment.retain(|(known, _)| known != name);
        self.sources.environment.push((name.to_owned(), value.to_owned()));
    }

    fn file(&mut self, text: &str) {
        let path = self.path("exchequer.toml");
        write(&path, text, 0o600);
        self.sources.file = Some(path);
    }

    fn dotenv(&mut self, text: &str) {
        let path = self.path(".env");
        write(&path, text, 0o600);
        self.sources.dotenv = Some(path);
    }

    fn load(&self) -> Config {
        Config::load(&self.sources).unwrap_or_else(|faults| panic!("{faults}"))
    }

    fn faults(&self) -> Faults {
        Config::load(&self.sources).err().expect("a configuration that should have faults has none")
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn key_line() -> String {
    let key = vault::MasterKey::generate(&money::Rng::seeded(7)).unwrap();
    key.to_file().expose().to_owned()
}
