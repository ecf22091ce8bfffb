//! The master key's file, or the files of its shares: that they are there, that nobody else can read or replace them, and
//! that what they hold is a key. The rule on modes is that of OpenSSH for private keys.

use super::Config;
use super::reading::Reading;
use super::sources::{read_text, why};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use vault::{JoinError, KeyShare, MAX_SHARES, MIN_SHARES, MasterKey, SecretString};

/// Any of these bits opens the file to others, or to execution.
pub(super) const BEYOND_OWNER: u32 = 0o7177;
const WORLD_WRITABLE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Where a master key can be, by the setting that says so; the later is the one that faults name as the other.
const PLACES: [(&str, &str); 4] = [
    ("master_key_file", "a file"),
    ("master_key_share_files", "shares"),
    ("master_key_transit_url", "Transit"),
    ("master_key_kms_key", "AWS KMS"),
];

pub(super) fn read_file(reading: &mut Reading, data_dir: &Path) -> PathBuf {
    let path = reading.path("master_key_file");
    if !reading.demo {
        return path.unwrap_or_default();
    }
    if path.is_some() {
        refuse_for_demo(reading, "master_key_file");
    }
    data_dir.join("master.key")
}

pub(super) fn read_share_files(reading: &mut Reading) -> Vec<PathBuf> {
    let files = reading.list("master_key_share_files");
    if reading.demo && !files.is_empty() {
        refuse_for_demo(reading, "master_key_share_files");
        return Vec::new();
    }
    files.into_iter().map(PathBuf::from).collect()
}

fn refuse_for_demo(reading: &mut Reading, name: &str) {
    reading.fault(name, "a demo bank has a key of its own", "unset, for a demo bank");
}

/// That there is one master key, in one place, and that it can be read where that is a file or shares.
pub(super) fn check(reading: &mut Reading, config: &Config) {
    let given: Vec<_> = PLACES.into_iter().filter(|(name, _)| reading.is_given(name)).collect();
    match given.as_slice() {
        [] => reading.fault("master_key_file", "there is no master key", ALLOWED_FILE),
        [(name, _)] => check_files(reading, config, name),
        [others @ .., (_, place)] => {
            for (name, _) in others {
                let wrong = format!("there is another master key, in {place}");
                reading.fault(name, wrong, "either, not both");
            }
        }
    }
}

/// A setting of another kind than its own has been told, and names no file.
fn check_files(reading: &mut Reading, config: &Config, name: &str) {
    let (file, shares) = (&config.master_key_file, &config.master_key_share_files);
    if name == "master_key_file"
        && !file.as_os_str().is_empty()
        && let Err(wrong) = read_master_key(file)
    {
        reading.fault(name, format!("{}: {wrong}", file.display()), ALLOWED_FILE);
    }
    if name == "master_key_share_files"
        && !shares.is_empty()
        && let Err(wrong) = read_key_shares(shares)
    {
        reading.fault(name, wrong, ALLOWED_SHARES);
    }
}

const ALLOWED_FILE: &str = "the path of a key file with mode 0600 or stricter in a folder that not everybody can \
                            write to; `exchequer init` makes one";
const ALLOWED_SHARES: &str = "the paths of all shares of one key, each with mode 0600 or stricter in a folder that \
                              not everybody can write to; `exchequer keys split` makes them";

/// Reads the master key. The error is a clause for a person, without the path and without anything
/// of the file; in order: the file cannot be read, its mode, its folder, its content.
pub fn read_master_key(path: &Path) -> Result<MasterKey, String> {
    MasterKey::parse(read_own(path)?.expose()).map_err(|error| error.to_string())
}

/// Reads a master key of which each file has a share. The error is a clause that names the file at fault; in order: how
/// many there are, then each file as that of a whole key, then whether they belong together.
pub fn read_key_shares(paths: &[PathBuf]) -> Result<MasterKey, String> {
    if !(usize::from(MIN_SHARES)..=usize::from(MAX_SHARES)).contains(&paths.len()) {
        let count = paths.len();
        return Err(format!(
            "a master key has {MIN_SHARES} to {MAX_SHARES} shares; here are {count} files"
        ));
    }
    let shares = paths.iter().map(|path| {
        let text = read_own(path);
        let share =
            text.and_then(|text| KeyShare::parse(text.expose()).map_err(|error| error.to_string()));
        share.map_err(|wrong| format!("{}: {wrong}", path.display()))
    });
    let shares = shares.collect::<Result<Vec<_>, _>>()?;
    MasterKey::join(&shares).map_err(|error| why_apart(error, paths))
}

fn why_apart(error: JoinError, paths: &[PathBuf]) -> String {
    let name = |at: usize| paths.get(at).map(|path| path.display().to_string()).unwrap_or_default();
    let first = name(0);
    match error {
        JoinError::OtherKey { at } => {
            format!("{}: it is a share of another master key than {first}", name(at))
        }
        JoinError::OtherSet { at } => format!(
            "{}: it is a share of the same master key, but of another splitting than {first}",
            name(at)
        ),
        JoinError::Twice { at, before } => {
            format!("{}: it is the same share as {}", name(at), name(before))
        }
        JoinError::Missing { number, count } => {
            format!("share {number} of {count} is missing, and all are needed")
        }
        JoinError::Mismatch => {
            "together they do not give the key that they name: one of them is forged".to_owned()
        }
        JoinError::Key(error) => error.to_string(),
    }
}

/// The text of a file that its owner alone can read and nobody can replace.
fn read_own(path: &Path) -> Result<SecretString, String> {
    let text = SecretString::new(read_text(path)?);
    refuse_mode(path, BEYOND_OWNER, "only its owner may read it: chmod 600")?;
    let real = path.canonicalize().map_err(|error| why(&error))?;
    // A link can be replaced as well as what it points to.
    for folder in [real.parent(), path.parent()].into_iter().flatten() {
        refuse_open_folder(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    }
    Ok(text)
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
