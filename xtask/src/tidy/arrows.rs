//! ARCHITECTURE.md: arrows between our crates point down only.

use super::Finding;
use super::tree::Tree;
use crate::workspace::{DependencyKind, Package};

/// Each crate of ours and those of ours that it may use. A new crate is entered here first.
const ARROWS: [(&str, &[&str]); 10] = [
    ("money", &[]),
    ("ledger", &["money"]),
    ("vault", &["money"]),
    ("merkle", &["money", "vault"]),
    ("store", &["money", "ledger", "vault", "tls"]),
    ("web", &["money"]),
    ("tls", &["money"]),
    ("exchequer", &["money", "ledger", "vault", "merkle", "store", "web", "tls"]),
    ("testkit", &["money", "ledger", "vault", "merkle", "store", "tls", "exchequer"]),
    ("xtask", &[]),
];

/// May be used by tests of every crate, and by nothing else.
const FOR_TESTS: &str = "testkit";

const RULE: &str = "arrows";

pub fn check(tree: &Tree, packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(|package| check_package(tree, package, packages)).collect()
}

fn check_package(tree: &Tree, package: &Package, packages: &[Package]) -> Vec<Finding> {
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
        let message = format!("`{}` is not in the table of xtask/src/tidy/arrows.rs", package.name);
        return vec![Finding::new(&package.manifest, 1, RULE, message)];
    };
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let ours = packages.iter().any(|other| other.name == name);
        let for_tests = dependency.kind == DependencyKind::Dev && name == FOR_TESTS;
        if ours && !for_tests && !allowed.contains(&name) {
            let line = line_of(tree, &package.manifest, name);
            let message = format!("`{}` may not depend on `{name}`", package.name);
            findings.push(Finding::new(&package.manifest, line, RULE, message));
        }
    }
    findings
}

/// The last line that begins with the name, since dev-dependencies stand at the end.
fn line_of(tree: &Tree, manifest: &str, name: &str) -> usize {
    let text = tree.source(manifest).map_or("", |source| &source.text);
    let entry =
        |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().rposition(|line| entry(line)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[(&str, DependencyKind)]) -> Package {
        Package {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: *kind })
                .collect(),
            tests: Vec::new(),
        }
    }

    fn messages(packages: &[Package]) -> Vec<String> {
        let manifest = "[dependencies]\nstore-kit = 1\nstore.workspace = true\n";
        let tree = Tree::of(&[("crates/ledger/Cargo.toml", manifest)]);
        check(&tree, packages).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn down_is_allowed_and_up_is_not() {
        use DependencyKind::{Build, Dev, Normal};
        let rest = [package("money", &[]), package("testkit", &[("exchequer", Normal)])];
        for (dependency, kind, refused) in [
            ("money", Normal, false),
            ("store", Normal, true),
            ("store", Build, true),
            ("store", Dev, true),
            ("testkit", Dev, false),
            ("testkit", Normal, true),
            ("thiserror", Normal, false),
        ] {
            let ledger = package("ledger", &[(dependency, kind)]);
            let mut packages = vec![ledger, package("store", &[]), package("exchequer", &[])];
            packages.extend(rest.iter().map(|package| Package {
                name: package.name.clone(),
                manifest: package.manifest.clone(),
                dependencies: Vec::new(),
                tests: Vec::new(),
            }));
            assert_eq!(!messages(&packages).is_empty(), refused, "{dependency} {kind:?}");
        }
    }

    #[test]
    fn the_line_is_the_dependency_s() {
        let packages =
            [package("ledger", &[("store", DependencyKind::Normal)]), package("store", &[])];
        assert_eq!(
            messages(&packages),
            ["crates/ledger/Cargo.toml:3: `ledger` may not depend on `store` [arrows]"]
        );
    }

    #[test]
    fn an_unknown_crate_is_entered_first() {
        assert_eq!(messages(&[package("extra", &[])]).len(), 1);
    }
}
