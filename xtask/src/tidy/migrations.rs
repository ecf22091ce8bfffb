//! Both databases take the same steps: equal numbers and names, counted from 0001 without a gap.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::tree::Tree;

const DATABASES: [&str; 2] = ["migrations/sqlite/", "migrations/postgres/"];
const RULE: &str = "migrations";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let [sqlite, postgres] = DATABASES.map(|folder| names(tree, folder));
    let mut findings = Vec::new();
    for (folder, mine, others) in
        [(DATABASES[0], &sqlite, &postgres), (DATABASES[1], &postgres, &sqlite)]
    {
        let mut numbers = BTreeMap::new();
        for name in mine {
            let path = format!("{folder}{name}");
            let Some(number) = number(name) else {
                findings.push(Finding::new(&path, 1, RULE, "the name is not NNNN_snake.sql"));
                continue;
            };
            if let Some(first) = numbers.insert(number, *name) {
                let message = format!("{first} has the same number");
                findings.push(Finding::new(&path, 1, RULE, message));
            }
            if !others.contains(name) {
                findings.push(Finding::new(&path, 1, RULE, "the other database lacks it"));
            }
        }
        for (expected, (number, name)) in (1..).zip(&numbers) {
            if expected != *number {
                let message = format!("{expected:04} should come here");
                findings.push(Finding::new(&format!("{folder}{name}"), 1, RULE, message));
                break;
            }
        }
    }
    findings
}

fn names<'a>(tree: &'a Tree, folder: &str) -> BTreeSet<&'a str> {
    tree.paths.iter().filter_map(|path| path.strip_prefix(folder)).collect()
}

fn number(name: &str) -> Option<u32> {
    let (number, words) = name.strip_suffix(".sql")?.split_once('_')?;
    let snake = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let digits = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || words.is_empty() || !words.bytes().all(snake) {
        return None;
    }
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sqlite: &[&str], postgres: &[&str]) -> Vec<String> {
        let paths: Vec<String> = [(DATABASES[0], sqlite), (DATABASES[1], postgres)]
            .iter()
            .flat_map(|(folder, names)| names.iter().map(move |name| format!("{folder}{name}")))
            .collect();
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
        check(&Tree::of(&files)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn equal_steps_pass() {
        let names = ["0001_accounts.sql", "0002_event_log.sql"];
        assert_eq!(said(&names, &names), Vec::<String>::new());
        assert_eq!(said(&[], &[]), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_named() {
        let lacks = "the other database lacks it";
        assert_eq!(said(&["0001_a.sql"], &[]), [lacks]);
        assert_eq!(said(&["0001_a.sql"], &["0001_b.sql"]), [lacks, lacks]);
        let twice = ["0001_a.sql", "0001_b.sql"];
        assert_eq!(said(&twice, &twice), ["0001_a.sql has the same number"; 2]);
        let gap = ["0001_a.sql", "0003_c.sql"];
        assert_eq!(said(&gap, &gap), ["0002 should come here"; 2]);
        for name in ["1_a.sql", "0001-a.sql", "0001_A.sql", "0001_.sql", "0001_a.txt", "+001_a.sql"]
        {
            assert!(said(&[name], &[name]).contains(&"the name is not NNNN_snake.sql".to_owned()));
        }
    }
}
