//! `keys split`: the master key in shares, one for each custodian.

use std::path::{Path, PathBuf};

use money::Rng;

use super::{Failure, Place, say};
use crate::config::{Config, read_key_shares, write_shares};
use crate::keys::master::Master;
use crate::serve::master_key;

/// `exchequer keys split --into FILE...`: as many shares as there are files, all of which are needed, of the master key of
/// this configuration. They are read back and put together before anything is said; the key itself is left where it is.
pub fn split_key(place: &Place, into: &[PathBuf]) -> Result<(), Failure> {
    let config = place.load()?;
    let said = |error: &dyn std::fmt::Display| Failure::Said(error.to_string());
    let master = master_key(&config)?;
    let name = master.name();
    let key = match master {
        Master::File(key) => key,
        Master::Transit(_) | Master::Kms(_) => {
            let refusal = "the master key never leaves the service that it is in, so that there is nothing to split";
            return Err(Failure::Said(refusal.to_owned()));
        }
    };
    let count = u8::try_from(into.len()).unwrap_or(u8::MAX);
    let shares = key.split(&Rng::System, count).map_err(|error| said(&error))?;
    let files: Vec<_> =
        into.iter().zip(&shares).map(|(path, share)| (path.as_path(), share.to_file())).collect();
    write_shares(&files).map_err(|error| said(&error))?;
    let joined = read_key_shares(into).map_err(|error| said(&error))?;
    if joined.id() != key.id() {
        return Err(Failure::Said(
            "the files do not give the key back; keep it, and look at the disk".to_owned(),
        ));
    }
    Ok(say(&told(&config, into, &name))?)
}

fn told(config: &Config, into: &[PathBuf], name: &str) -> String {
    let count = into.len();
    let lines = into.iter().enumerate().map(|(at, path)| {
        let number = at + 1;
        format!("  {number} of {count}  {}\n", path.display())
    });
    let names: Vec<_> = into
        .iter()
        .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        .map(|path| format!("{:?}", path.display().to_string()))
        .collect();
    let together = if are_together(into) {
        "They are all in one folder: whoever reads that has the key, until each is with its custodian.\n"
    } else {
        ""
    };
    format!(
        "Made {count} shares of the master key {name}; all of them are needed:\n{lines}{together}\
         Next:\n  \
         give each to a custodian of its own, who keeps a second copy in a safe: without one of them every sealed value \
         is lost\n  \
         in the configuration: master_key_share_files = [{names}], and no other master key\n  \
         exchequer check-config\n  \
         {last}\n",
        lines = lines.collect::<String>(),
        names = names.join(", "),
        last = last_step(config),
    )
}

fn last_step(config: &Config) -> String {
    if config.master_key_share_files.is_empty() {
        let file = config.master_key_file.display();
        return format!("destroy {file} and all copies of it: who has one needs no share");
    }
    "destroy all shares of before: they still give the key, with one another".to_owned()
}

fn are_together(into: &[PathBuf]) -> bool {
    let mut folders = into.iter().map(|path| path.parent().unwrap_or(Path::new("")));
    let first = folders.next();
    folders.all(|folder| Some(folder) == first)
}
