//! Reads what `cargo test` printed: how many tests passed, and what a failure said.
//!
//! Bound: an excerpt is at most [`EXCERPT_LINES`] lines. It reads files only.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::Result;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

/// What fits into a terminal's history next to the other steps; the log has the rest.
const EXCERPT_LINES: usize = 100;

impl Tally {
    pub const PASSED: Self = Self { passed: 1, failed: 0 };
    pub const FAILED: Self = Self { passed: 0, failed: 1 };

    pub fn plus(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The sum of all `test result:` lines, and one failure for each test binary that ended without
/// such a line, since it was killed or aborted.
pub fn tally(log: &Path) -> Result<Tally> {
    let text = read(log)?;
    let counted = text.lines().filter_map(result_line).fold(Tally::default(), Tally::plus);
    let refused = text.lines().filter(|line| line.starts_with("test result: FAILED")).count();
    let targets = text.lines().find_map(failed_targets).unwrap_or(0);
    let died = u64::try_from(targets.saturating_sub(refused)).unwrap_or(u64::MAX);
    Ok(counted.plus(Tally { passed: 0, failed: died }))
}

/// What the failed tests said, or the log's end when no test got so far.
pub fn excerpt(log: &Path) -> String {
    let text = match read(log) {
        Ok(text) => text,
        Err(error) => return error,
    };
    let failures = failure_lines(&text);
    if failures.is_empty() {
        let lines: Vec<&str> = text.lines().collect();
        return lines[lines.len().saturating_sub(EXCERPT_LINES)..].join("\n");
    }
    let names = text.lines().filter(|line| line.starts_with("test ") && line.ends_with(" FAILED"));
    let errors = text.lines().filter(|line| {
        line.starts_with("error: ") || line.trim_start().starts_with("process didn't exit")
    });
    let found: Vec<&str> = names.chain(errors).chain(failures).take(EXCERPT_LINES).collect();
    found.join("\n")
}

/// `error: 2 targets failed:`
fn failed_targets(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("error: ")?;
    let (count, what) = rest.split_once(' ')?;
    if what != "target failed:" && what != "targets failed:" {
        return None;
    }
    count.parse().ok()
}

/// From each `failures:` to its `test result:`, which is libtest's form.
fn failure_lines(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        inside = inside || line == "failures:";
        if inside && !line.trim().is_empty() {
            found.push(line);
        }
        inside = inside && result_line(line).is_none();
    }
    found
}

/// `test result: FAILED. 3 passed; 1 failed; 0 ignored; …`
fn result_line(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut parts = counts.split("; ");
    let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some(Tally { passed, failed })
}

fn read(log: &Path) -> Result<String> {
    let bytes = fs::read(log).map_err(|error| format!("{}: {error}", log.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Guard;

    const LOG: &str = "\
test a ... ok
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test b ... FAILED

failures:

---- b stdout ----
assertion failed: false

failures:
    b

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test c ... ok
";

    #[test]
    fn results_are_summed_over_binaries() {
        let guard = Guard::new("log-test").unwrap();
        let log = guard.folder().join("log");
        fs::write(&log, LOG).unwrap();
        assert_eq!(tally(&log), Ok(Tally { passed: 4, failed: 2 }));
        let excerpt = excerpt(&log);
        assert!(excerpt.contains("assertion failed: false"));
        assert!(excerpt.starts_with("test b ... FAILED\n"));
        assert!(!excerpt.contains("test a") && !excerpt.contains("test c"));
    }

    #[test]
    fn a_binary_that_died_counts_as_one_failure() {
        let guard = Guard::new("log-test").unwrap();
        let log = guard.folder().join("log");
        let end =
            "error: 3 targets failed:\n    `-p a --lib`\n    `-p b --lib`\n    `-p c --lib`\n";
        fs::write(&log, format!("{LOG}{end}")).unwrap();
        assert_eq!(tally(&log), Ok(Tally { passed: 4, failed: 4 }));
        fs::write(&log, "error: 1 target failed:\n    `-p a --lib`\n").unwrap();
        assert_eq!(tally(&log), Ok(Tally::FAILED));
    }

    #[test]
    fn without_failures_the_end_is_shown() {
        let guard = Guard::new("log-test").unwrap();
        let log = guard.folder().join("log");
        let lines: Vec<String> = (0..150).map(|number| format!("error {number}")).collect();
        fs::write(&log, lines.join("\n")).unwrap();
        assert!(excerpt(&log).starts_with("error 50\n"));
        assert!(excerpt(&log).ends_with("error 149"));
    }

    #[test]
    fn a_line_that_a_test_printed_is_no_result() {
        assert_eq!(result_line("test result: ok"), None);
        assert_eq!(result_line("test result: ok. some passed; 0 failed"), None);
        assert_eq!(result_line(" test result: ok. 1 passed; 0 failed;"), None);
    }

    #[test]
    fn the_closing_line_has_its_fixed_form() {
        assert_eq!(Tally::PASSED.plus(Tally::FAILED).to_string(), "1 passed, 1 failed");
    }
}
