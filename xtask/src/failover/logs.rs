//! The logs of all parts, kept where they can be read after the run.

use std::fs;
use std::path::Path;

use crate::Result;

/// Folders within the run's own that have logs: `database/db1/patroni.log` is as deep as it goes.
const DEPTH: usize = 2;

/// Copies every `*.log` to `to`, whose older ones are gone; the folders of each become a part of its name.
pub fn keep(from: &Path, to: &Path) -> Result<()> {
    let failed = |error: std::io::Error| format!("{}: {error}", to.display());
    if to.is_dir() {
        fs::remove_dir_all(to).map_err(failed)?;
    }
    fs::create_dir_all(to).map_err(failed)?;
    copy(from, to, "", DEPTH)
}

fn copy(from: &Path, to: &Path, prefix: &str, depth: usize) -> Result<()> {
    let failed = |error: std::io::Error| format!("{}: {error}", from.display());
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && depth > 0 {
            copy(&path, to, &format!("{prefix}{name}-"), depth - 1)?;
        } else if path.extension().is_some_and(|end| end == "log") {
            fs::copy(&path, to.join(format!("{prefix}{name}"))).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Guard;

    #[test]
    fn logs_of_all_parts_are_kept_and_nothing_else() {
        let guard = Guard::new("logs-test").unwrap();
        let (from, to) = (guard.folder().join("run"), guard.folder().join("kept"));
        fs::create_dir_all(from.join("database/db1/data")).unwrap();
        for file in
            ["bank0.log", "secret.conf", "database/db1/patroni.log", "database/db1/data/x.log"]
        {
            fs::write(from.join(file), file).unwrap();
        }
        fs::create_dir(&to).unwrap();
        fs::write(to.join("older.log"), "").unwrap();
        keep(&from, &to).unwrap();
        let mut names: Vec<String> = fs::read_dir(&to)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, ["bank0.log", "database-db1-patroni.log"]);
    }
}
