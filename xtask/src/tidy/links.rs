//! Relative links in Markdown lead to files of the repository.
//!
//! Code, fenced or not, is left out, and so is what begins with a scheme or `#`. A link's fragment
//! is not followed.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::{Tree, ending};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let places = places(tree);
    let mut findings = Vec::new();
    for source in tree.sources().filter(|source| ending(&source.path) == "md") {
        for (line, target) in targets(&source.text) {
            let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if !resolve(folder, &target).is_some_and(|path| places.contains(path.as_str())) {
                let message = format!("the link leads nowhere: {target}");
                findings.push(Finding::new(&source.path, line, "links", message));
            }
        }
    }
    findings
}

/// Every file and every folder that holds one; the root is empty.
fn places(tree: &Tree) -> BTreeSet<&str> {
    let mut places = BTreeSet::from([""]);
    for path in &tree.paths {
        places.insert(path);
        places.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
    }
    places
}

/// Line and relative target, without fragment and title.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let prose = without_code(line);
            let inline = prose.match_indices("](").map(|(at, _)| &prose[at + 2..]);
            let definition = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
            let targets = inline
                .filter_map(|rest| rest.split([')', ' ']).next())
                .chain(definition.and_then(|(_, rest)| rest.split(' ').next()));
            found.extend(targets.filter_map(relative).map(|target| (index + 1, target)));
        }
    }
    found
}

fn relative(target: &str) -> Option<String> {
    let target = target.trim_matches(['<', '>']);
    let path = target.split('#').next().unwrap_or_default();
    let elsewhere = path.contains("://") || path.starts_with("mailto:");
    (!path.is_empty() && !elsewhere).then(|| path.to_owned())
}

/// The line with what stands between backticks taken out.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// `None`: the link leaves the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let (mut parts, rest) = match target.strip_prefix('/') {
        Some(rest) => (Vec::new(), rest),
        None => (folder.split('/').filter(|part| !part.is_empty()).collect(), target),
    };
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_somewhere_pass() {
        let text = "[a](docs/a.md) [b](docs/) [c](docs/a.md#part) [d](#here) [e](https://x.y/z)\n\
                    `[f](gone.md)` ![g](./docs/a.md \"title\") <mailto:a@b.c>\n\
                    ```\n[h](gone.md)\n```\n[i]: docs/a.md\n[j](/docs/a.md)\n";
        let tree =
            Tree::of(&[("README.md", text), ("docs/a.md", "[up](../README.md) [root](..)\n")]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let tree = Tree::of(&[
            ("README.md", "x\n[a](gone.md), [b](docs/gone.md)\n[c]: gone.md\n"),
            ("docs/a.md", "[out](../../elsewhere.md)\n"),
        ]);
        let found: Vec<_> =
            check(&tree).into_iter().map(|finding| (finding.path, finding.line)).collect();
        let expected = [("README.md", 2), ("README.md", 2), ("README.md", 3), ("docs/a.md", 1)];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }
}
