//! Where the checkout is and what its crates depend on, as cargo itself says.
//!
//! Cost: one `cargo metadata --no-deps`, which needs no network. It never parses a manifest itself.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Result;

pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
    pub packages: Vec<Package>,
}

pub struct Package {
    pub name: String,
    /// Relative to the root, with forward slashes.
    pub manifest: String,
    pub dependencies: Vec<Dependency>,
    /// Names of its test targets, those of `tests`.
    pub tests: Vec<String>,
}

pub struct Dependency {
    pub name: String,
    pub kind: DependencyKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyKind {
    Normal,
    Build,
    Dev,
}

impl Workspace {
    pub fn load() -> Result<Self> {
        let start = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| ".".into(), PathBuf::from);
        let output = cargo(&start)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .map_err(|error| format!("cargo does not start: {error}"))?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cargo metadata: {}", complaint.trim()));
        }
        let metadata = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("cargo metadata is not JSON: {error}"))?;
        Self::parse(&metadata)
    }

    /// A cargo command in the checkout's root, free of what this run's surroundings would change.
    pub fn cargo(&self) -> Command {
        cargo(&self.root)
    }

    fn parse(metadata: &Value) -> Result<Self> {
        let root = PathBuf::from(text(metadata, "workspace_root")?);
        let packages = list(metadata, "packages")?
            .iter()
            .map(|package| Package::parse(package, &root))
            .collect::<Result<_>>()?;
        Ok(Self { target: PathBuf::from(text(metadata, "target_directory")?), root, packages })
    }
}

impl Package {
    fn parse(package: &Value, root: &Path) -> Result<Self> {
        let manifest = Path::new(text(package, "manifest_path")?);
        let manifest = manifest.strip_prefix(root).unwrap_or(manifest);
        let dependencies = list(package, "dependencies")?
            .iter()
            .map(|dependency| {
                let kind = match dependency.get("kind").and_then(Value::as_str) {
                    None | Some("normal") => DependencyKind::Normal,
                    Some("build") => DependencyKind::Build,
                    Some("dev") => DependencyKind::Dev,
                    Some(other) => return Err(format!("unknown kind of dependency: {other}")),
                };
                Ok(Dependency { name: text(dependency, "name")?.to_owned(), kind })
            })
            .collect::<Result<_>>()?;
        let mut tests = Vec::new();
        for target in list(package, "targets")? {
            if list(target, "kind")?.iter().any(|kind| kind == "test") {
                tests.push(text(target, "name")?.to_owned());
            }
        }
        Ok(Self {
            name: text(package, "name")?.to_owned(),
            manifest: manifest.to_string_lossy().replace('\\', "/"),
            dependencies,
            tests,
        })
    }
}

/// Takes out the variables that would make a child behave otherwise than in a fresh terminal: what
/// `cargo run` set for xtask, and every setting of the service except the reference material's place.
pub fn clean_environment(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let of_this_run = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_");
        let of_the_service = text.starts_with("EXCHEQUER_") && text != "EXCHEQUER_REFS";
        if of_this_run || of_the_service {
            command.env_remove(&name);
        }
    }
    command
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    clean_environment(&mut command).current_dir(folder).env("CARGO_TERM_COLOR", "never");
    command
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("cargo metadata has no text `{key}`"))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value
        .get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| format!("cargo metadata has no list `{key}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_gives_root_target_and_kinds() {
        let metadata = json!({
            "workspace_root": "/r", "target_directory": "/t",
            "packages": [{"name": "store", "manifest_path": "/r/crates/store/Cargo.toml",
                "dependencies": [{"name": "money", "kind": null}, {"name": "testkit", "kind": "dev"}],
                "targets": [{"name": "store", "kind": ["lib"]}, {"name": "it", "kind": ["test"]}]}],
        });
        let workspace = Workspace::parse(&metadata).unwrap();
        assert_eq!(workspace.root, Path::new("/r"));
        assert_eq!(workspace.target, Path::new("/t"));
        let package = &workspace.packages[0];
        assert_eq!(package.manifest, "crates/store/Cargo.toml");
        let kinds: Vec<_> = package.dependencies.iter().map(|found| found.kind).collect();
        assert_eq!(kinds, [DependencyKind::Normal, DependencyKind::Dev]);
        assert_eq!(package.tests, ["it"]);
    }

    #[test]
    fn metadata_of_another_shape_is_refused() {
        assert!(Workspace::parse(&json!({"workspace_root": "/r"})).is_err());
    }
}
