//! `/v1/staff/jobs`: what the bank does by itself, on the node that answers.

use serde::Serialize;
use utoipa::ToSchema;

use super::Job;
use super::journal::Entry;
use crate::http::{Answer, Nothing, Page, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes.staff(
        Permission::ReadSystem,
        Route::get(
            "/v1/staff/jobs",
            "listJobs",
            "What the bank does by itself, and when it last did",
        ),
        list,
    )
}

/// A job as it runs on the node that answers, since that began. Every node runs all of them.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    #[schema(example = "holds.expire")]
    name: &'static str,
    /// Seconds between two runs.
    #[schema(example = 10)]
    every_seconds: u64,
    /// Runs that ended.
    #[schema(example = 360)]
    runs: u64,
    /// Those of them that failed.
    #[schema(example = 0)]
    failures: u64,
    /// Of the last run that ended; null before the first.
    last_started_at: Option<String>,
    /// Milliseconds.
    #[schema(example = 3)]
    last_duration_ms: Option<i64>,
    /// `ok` or `failed`.
    last_outcome: Option<&'static str>,
    /// Rows that it changed.
    #[schema(example = 0)]
    last_rows: Option<u64>,
    /// Why it failed.
    #[schema(example = "the database is not available")]
    last_error: Option<String>,
    /// Null while it runs.
    next_at: Option<String>,
}

async fn list(caller: Staff, _: Nothing) -> Answer<Page<JobView>> {
    let journal = caller.bank().journal();
    let data = Job::ALL.into_iter().map(|job| view(job, &journal.of(job.name()))).collect();
    Ok(Reply::ok(&Page { data, next_cursor: None }))
}

fn view(job: Job, entry: &Entry) -> JobView {
    let last = entry.last.as_ref();
    JobView {
        name: job.name(),
        every_seconds: job.every().as_secs(),
        runs: entry.runs,
        failures: entry.failures,
        last_started_at: last.map(|run| run.started_at.to_string()),
        last_duration_ms: last.map(|run| run.duration_ms),
        last_outcome: last.map(|run| if run.result.is_ok() { "ok" } else { "failed" }),
        last_rows: last.and_then(|run| run.result.as_ref().ok().copied()),
        last_error: last.and_then(|run| run.result.as_ref().err().cloned()),
        next_at: entry.next_at.map(|at| at.to_string()),
    }
}
