//! `cargo xtask sbom`: what the program is made of, as CycloneDX 1.5 (ECMA-424) in JSON.
//!
//! From `cargo metadata` of the locked versions for the platform of the image, and the checksums of Cargo.lock. It has no time and no
//! serial number: the same lock file gives the same bytes. Crates for tests only are not in it; C libraries that crates
//! build in (SQLite, aws-lc, jemalloc) are there as those crates.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Result;
use crate::lock;
use crate::workspace::Workspace;

const PLATFORM: &str = "x86_64-unknown-linux-gnu";
const PROGRAM: &str = "exchequer";

/// The document, with a line break at its end.
pub fn document(workspace: &Workspace) -> Result<String> {
    let output = workspace
        .cargo()
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", PLATFORM])
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata is not JSON: {error}"))?;
    let locked = lock::read(workspace)?;
    let checksums = locked.into_iter().map(|one| ((one.name, one.version), one.checksum)).collect();
    let bill = bill(&metadata, &checksums)?;
    serde_json::to_string_pretty(&bill).map(|text| text + "\n").map_err(|error| error.to_string())
}

fn bill(metadata: &Value, checksums: &BTreeMap<(String, String), String>) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"])?.iter().filter_map(|p| Some((p["id"].as_str()?, p))).collect();
    let root = packages
        .iter()
        .find(|(_, package)| package["name"] == PROGRAM && package["source"].is_null())
        .map(|(id, _)| *id)
        .ok_or("no such package")?;
    let edges = edges(metadata)?;
    let (mut reached, mut next) = (BTreeSet::new(), vec![root]);
    while let Some(id) = next.pop() {
        if reached.insert(id) {
            next.extend(edges.get(id).into_iter().flatten().copied());
        }
    }
    let mut components = BTreeMap::new();
    let mut dependencies = BTreeMap::new();
    for id in &reached {
        let package = packages.get(id).ok_or_else(|| format!("{id} is in no list"))?;
        let own = purl(package);
        let on: BTreeSet<String> = edges
            .get(id)
            .into_iter()
            .flatten()
            .filter_map(|on| packages.get(on))
            .map(|p| purl(p))
            .collect();
        dependencies.insert(own.clone(), json!({ "ref": own, "dependsOn": on }));
        if *id != root {
            components.insert(own, component(package, checksums));
        }
    }
    let program = packages.get(root).ok_or("no such package")?;
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application", "name": PROGRAM, "version": program["version"], "bom-ref": purl(program),
        } },
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies.into_values().collect::<Vec<_>>(),
    }))
}

fn component(package: &Value, checksums: &BTreeMap<(String, String), String>) -> Value {
    let (name, version) = (text(&package["name"]), text(&package["version"]));
    let mut component = json!({
        "type": "library", "name": name, "version": version, "purl": purl(package), "bom-ref": purl(package),
    });
    if let Some(license) = package["license"].as_str() {
        // Before SPDX had OR, people wrote a slash.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    if let Some(sum) = checksums.get(&(name, version)) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    component
}

/// Who needs whom to be built and to run; not what tests need.
fn edges(metadata: &Value) -> Result<BTreeMap<&str, Vec<&str>>> {
    let mut edges = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"])? {
        let mut on = Vec::new();
        for dependency in list(&node["deps"])? {
            let is_shipped =
                list(&dependency["dep_kinds"])?.iter().any(|kind| kind["kind"] != "dev");
            if is_shipped && let Some(id) = dependency["pkg"].as_str() {
                on.push(id);
            }
        }
        edges.insert(node["id"].as_str().ok_or("a package without id")?, on);
    }
    Ok(edges)
}

/// <https://github.com/package-url/purl-spec>, type cargo.
fn purl(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().ok_or_else(|| "cargo metadata lacks a list".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_s_own_bill_names_what_it_ships_and_not_what_tests_it() {
        let workspace = Workspace::load().unwrap();
        let text = document(&workspace).unwrap();
        assert_eq!(text, document(&workspace).unwrap(), "the same bytes each time");
        let bill: Value = serde_json::from_str(&text).unwrap();
        let components = bill["components"].as_array().unwrap();
        let named = |name: &str| components.iter().find(|component| component["name"] == name);
        let rustls = named("rustls").unwrap();
        assert_eq!(rustls["hashes"][0]["content"].as_str().unwrap().len(), 64);
        assert!(rustls["licenses"][0]["expression"].as_str().unwrap().contains("MIT"));
        assert!(named("libsqlite3-sys").is_some() && named("vault").is_some());
        assert!(named("proptest").is_none() && named("testkit").is_none());
        let known: BTreeSet<&str> =
            components.iter().filter_map(|component| component["purl"].as_str()).collect();
        assert_eq!(known.len(), components.len(), "each once");
        for dependency in bill["dependencies"].as_array().unwrap() {
            for on in dependency["dependsOn"].as_array().unwrap() {
                assert!(known.contains(on.as_str().unwrap()), "{on}");
            }
        }
    }
}
