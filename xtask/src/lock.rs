//! What Cargo.lock says: each crate from a registry, with the hash that its archive must have.

use std::fs;

use crate::Result;
use crate::workspace::Workspace;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locked {
    pub name: String,
    pub version: String,
    /// Where it comes from, as cargo writes it.
    pub source: String,
    /// SHA-256, in hexadecimal digits.
    pub checksum: String,
    /// Names of the crates that it is built with, those of every platform.
    pub dependencies: Vec<String>,
}

/// Crates of the checkout itself are not among them.
pub fn read(workspace: &Workspace) -> Result<Vec<Locked>> {
    let path = workspace.root.join("Cargo.lock");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text)
}

/// Refuses a crate from elsewhere that has no hash.
pub fn parse(text: &str) -> Result<Vec<Locked>> {
    let mut all = Vec::new();
    for block in text.split("[[package]]").skip(1) {
        let name = field(block, "name").ok_or("Cargo.lock has a package without a name")?;
        let version = field(block, "version");
        let version = version.ok_or_else(|| format!("Cargo.lock: {name} has no version"))?;
        let Some(source) = field(block, "source") else { continue };
        let checksum = field(block, "checksum");
        let checksum = checksum.ok_or_else(|| format!("Cargo.lock: {name} has no checksum"))?;
        let dependencies = dependencies(block);
        all.push(Locked { name, version, source, checksum, dependencies });
    }
    Ok(all)
}

/// Each is a name, with a version behind it where there are several.
fn dependencies(block: &str) -> Vec<String> {
    let Some((_, rest)) = block.split_once("dependencies = [") else { return Vec::new() };
    let list = rest.split_once(']').map_or(rest, |(list, _)| list);
    let names = list.split('"').skip(1).step_by(2);
    names.filter_map(|name| name.split(' ').next()).map(str::to_owned).collect()
}

fn field(block: &str, name: &str) -> Option<String> {
    let begin = format!("{name} = \"");
    let line = block.lines().find_map(|line| line.strip_prefix(&begin))?;
    line.strip_suffix('"').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"bank\"\nversion = \"0.1.0\"\ndependencies = [\n \"http\",\n]\n\n\
                        [[package]]\nname = \"http\"\nversion = \"1.4.0\"\nsource = \"registry+https://example\"\nchecksum = \"abc\"\n\
                        dependencies = [\n \"bytes\",\n \"itoa 1.0.1\",\n]\n";

    #[test]
    fn only_what_comes_from_elsewhere_is_listed() {
        let all = parse(LOCK).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].name.as_str(), all[0].version.as_str()), ("http", "1.4.0"));
        assert_eq!(all[0].checksum, "abc");
        assert_eq!(all[0].dependencies, ["bytes", "itoa"]);
    }

    #[test]
    fn what_comes_from_elsewhere_without_a_hash_is_refused() {
        assert!(parse(&LOCK.replace("checksum", "sum")).is_err());
    }
}
