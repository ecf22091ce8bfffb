//! The committed snapshots, before and after the tests.
//!
//! A test that writes the file it compares with cannot fail. Insta is told not to write
//! (`INSTA_UPDATE=no`); this looks at the files themselves, so that no other writer escapes. Cost: it
//! reads each snapshot once. It follows no symbolic link.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Result;

#[derive(Debug, Default)]
pub struct Snapshots {
    /// Path relative to the root, and the bytes.
    files: BTreeMap<String, Vec<u8>>,
}

/// Folders that hold no committed file.
const SKIPPED: [&str; 2] = ["target", ".git"];

/// What insta leaves when a snapshot waits to be accepted.
const PENDING: [&str; 2] = [".snap.new", ".pending-snap"];

impl Snapshots {
    pub fn of(root: &Path) -> Result<Self> {
        let mut found = Self::default();
        found.gather(root, "")?;
        Ok(found)
    }

    /// One line for each snapshot that waits, came, went or changed since `before`.
    pub fn complaints(&self, before: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, bytes) in &self.files {
            if PENDING.iter().any(|end| path.ends_with(end)) {
                lines.push(format!("{path}: waits to be accepted or refused"));
                continue;
            }
            match before.files.get(path) {
                None => lines.push(format!("{path}: written by the run")),
                Some(old) if old != bytes => lines.push(format!("{path}: changed by the run")),
                Some(_) => {}
            }
        }
        let gone = before.files.keys().filter(|path| !self.files.contains_key(*path));
        lines.extend(gone.map(|path| format!("{path}: removed by the run")));
        lines
    }

    fn gather(&mut self, root: &Path, folder: &str) -> Result<()> {
        let here = root.join(folder);
        let failed = |error: std::io::Error| format!("{}: {error}", here.display());
        for entry in fs::read_dir(&here).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
                self.gather(root, &path)?;
            } else if kind.is_file() && is_snapshot(&path) {
                let bytes = fs::read(entry.path()).map_err(failed)?;
                self.files.insert(path, bytes);
            }
        }
        Ok(())
    }
}

fn is_snapshot(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    folders.split('/').any(|folder| folder == "snapshots")
        || Path::new(name).extension().is_some_and(|ending| ending == "snap")
        || PENDING.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Guard;

    #[test]
    fn each_kind_of_change_is_named() {
        let guard = Guard::new("snapshots-test").unwrap();
        let root = guard.folder();
        fs::create_dir_all(root.join("a/snapshots")).unwrap();
        fs::create_dir_all(root.join("target")).unwrap();
        fs::write(root.join("a/snapshots/routes.json"), "1").unwrap();
        fs::write(root.join("a/kept.snap"), "1").unwrap();
        fs::write(root.join("a/gone.snap"), "1").unwrap();
        fs::write(root.join("a/lib.rs"), "1").unwrap();
        let before = Snapshots::of(root).unwrap();
        assert_eq!(before.complaints(&before), Vec::<String>::new());

        fs::write(root.join("a/snapshots/routes.json"), "2").unwrap();
        fs::write(root.join("a/lib.rs"), "2").unwrap();
        fs::write(root.join("target/other.snap"), "2").unwrap();
        fs::write(root.join("a/more.snap"), "2").unwrap();
        fs::write(root.join("a/kept.snap.new"), "2").unwrap();
        fs::remove_file(root.join("a/gone.snap")).unwrap();
        let complaints = Snapshots::of(root).unwrap().complaints(&before);
        assert_eq!(
            complaints,
            [
                "a/kept.snap.new: waits to be accepted or refused",
                "a/more.snap: written by the run",
                "a/snapshots/routes.json: changed by the run",
                "a/gone.snap: removed by the run",
            ]
        );
    }
}
