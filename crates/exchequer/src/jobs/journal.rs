//! When each job last ran on this node, and what became of it.
//!
//! In memory: a row for each run would be a write each second, and every node runs all jobs by itself. So it begins
//! anew with the process, and whoever asks learns of the node that answers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::store::DbError;
use money::Timestamp;
use vault::redaction::redact;

/// Of all jobs, by name.
#[derive(Default)]
pub struct Journal(Mutex<BTreeMap<&'static str, Entry>>);

/// Of one job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    pub runs: u64,
    pub failures: u64,
    pub last: Option<Run>,
    /// When it runs again; none while it runs.
    pub next_at: Option<Timestamp>,
}

/// The last run that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub started_at: Timestamp,
    pub duration_ms: i64,
    /// Rows it changed, or why it failed.
    pub result: Result<u64, String>,
}

impl Journal {
    pub fn waits(&self, job: &'static str, next_at: Timestamp) {
        self.entries().entry(job).or_default().next_at = Some(next_at);
    }

    pub fn runs(&self, job: &'static str) {
        self.entries().entry(job).or_default().next_at = None;
    }

    pub fn ran(
        &self,
        job: &'static str,
        (started_at, duration_ms): (Timestamp, i64),
        result: &Result<u64, DbError>,
    ) {
        let result =
            result.as_ref().copied().map_err(|error| redact(&error.to_string()).into_owned());
        let mut entries = self.entries();
        let entry = entries.entry(job).or_default();
        entry.runs = entry.runs.saturating_add(1);
        entry.failures = entry.failures.saturating_add(u64::from(result.is_err()));
        entry.last = Some(Run { started_at, duration_ms, result });
    }

    /// Of one job; nothing is known of one that has not run yet.
    pub fn of(&self, job: &str) -> Entry {
        self.entries().get(job).cloned().unwrap_or_default()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<&'static str, Entry>> {
        // Each entry is whole whenever the lock is given back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_run_is_kept_and_failures_are_counted() {
        let journal = Journal::default();
        assert_eq!(journal.of("a"), Entry::default());
        let at = Timestamp::EPOCH;
        journal.waits("a", at.plus_seconds(10));
        assert_eq!(journal.of("a").next_at, Some(at.plus_seconds(10)));
        journal.runs("a");
        let failed = Err(DbError::Unavailable("gone, key 4111 1111 1111 1111".to_owned()));
        journal.ran("a", (at, 3), &failed);
        let entry = journal.of("a");
        assert_eq!((entry.runs, entry.failures, entry.next_at), (1, 1, None));
        let why = entry.last.and_then(|run| run.result.err()).expect("it failed");
        assert!(why.contains("gone") && !why.contains("4111"), "{why}");
        journal.ran("a", (at, 4), &Ok(7));
        let entry = journal.of("a");
        assert_eq!((entry.runs, entry.failures), (2, 1));
        assert_eq!(entry.last, Some(Run { started_at: at, duration_ms: 4, result: Ok(7) }));
    }
}
