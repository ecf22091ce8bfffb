//! The master key's file: that it is there, that nobody else can read or replace it, and that what
//! it holds is a key. The rule on modes is that of OpenSSH for private keys.

use super::sources::{read_text, why};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use vault::{MasterKey, SecretString};

/// Any of these bits opens the file to others, or to execution.
const BEYOND_OWNER: u32 = 0o7177;
const WORLD_WRITABLE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Reads the master key. The error is a clause for a person, without the path and without anything
/// of the file; in order: the file cannot be read, its mode, its folder, its content.
pub fn read_master_key(path: &Path) -> Result<MasterKey, String> {
    let text = SecretString::new(read_text(path)?);
    refuse_mode(path, BEYOND_OWNER, "only its owner may read it: chmod 600")?;
    let real = path.canonicalize().map_err(|error| why(&error))?;
    // A link can be replaced as well as what it points to.
    for folder in [real.parent(), path.parent()].into_iter().flatten() {
        refuse_open_folder(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    }
    MasterKey::parse(text.expose()).map_err(|error| error.to_string())
}

/// Refuses a file whose mode has one of the bits, and names the mode.
pub(super) fn refuse_mode(path: &Path, bits: u32, reason: &str) -> Result<(), String> {
    let mode = mode_of(path)?;
    if mode & bits != 0 {
        return Err(format!("it has mode {mode:04o}; {reason}"));
    }
    Ok(())
}

/// Refuses a folder that everybody can write to, since anybody could put another file there.
/// Further up a world-writable folder must be sticky, as /tmp is, which keeps others from renaming.
pub(super) fn refuse_open_folder(folder: &Path) -> Result<(), String> {
    let real = folder.canonicalize().map_err(|error| why(&error))?;
    for (distance, folder) in real.ancestors().enumerate() {
        let mode = mode_of(folder)?;
        if mode & WORLD_WRITABLE != 0 && (distance == 0 || mode & STICKY == 0) {
            let folder = folder.display();
            return Err(format!(
                "the folder {folder} can be written to by everybody (mode {mode:04o})"
            ));
        }
    }
    Ok(())
}

fn mode_of(path: &Path) -> Result<u32, String> {
    let metadata = path.metadata().map_err(|error| why(&error))?;
    Ok(metadata.mode() & 0o7777)
}
