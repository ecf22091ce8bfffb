//! One answer to Prometheus: the counts, and what a look at the parts finds.

use std::fmt::Display;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::text::{Kind, Seconds, Text};
use super::{BOUNDS_US, Metrics, STATUSES, process};
use crate::bank::Bank;
use crate::health::look::{Known, Look, look};
use crate::http::{self, Code};
use crate::jobs::Job;
use money::Timestamp;

/// How long an answer serves: less than any sensible interval between two scrapes.
pub const KEPT: Duration = Duration::from_secs(1);

/// The last answer. Whoever asks meanwhile waits for it, so that one look is under way at most.
#[derive(Default)]
pub struct Kept(Mutex<Option<(Instant, String)>>);

/// Everything that is known now, or was within [`KEPT`].
pub async fn scrape(bank: &Bank) -> String {
    let mut kept = bank.metrics().kept.0.lock().await;
    if let Some((at, text)) = kept.as_ref()
        && at.elapsed() < KEPT
    {
        return text.clone();
    }
    let text = gather(bank).await;
    *kept = Some((Instant::now(), text.clone()));
    text
}

/// Everything that is known now.
pub async fn gather(bank: &Bank) -> String {
    let look = look(bank).await;
    let now = bank.tools().now();
    let mut text = Text::default();
    requests(&mut text, bank.metrics());
    connections(&mut text, bank);
    parts(&mut text, &look, now);
    log(&mut text, bank);
    if let Some(tls) = &bank.config().tls {
        let ends = tls.in_force().certificate.not_after.seconds();
        let help = "When the certificate that this node shows ends, in seconds since 1970.";
        text.single("exchequer_certificate_ends_timestamp_seconds", Kind::Gauge, help, ends);
    }
    jobs(&mut text, bank);
    traces(&mut text, bank);
    let mut build = text.family(
        "exchequer_build_info",
        Kind::Gauge,
        "Always 1; the version of the program and the schema that it knows.",
    );
    let schema = ::store::latest_version().to_string();
    build.sample(&[("version", env!("CARGO_PKG_VERSION")), ("schema", &schema)], 1);
    let help = "When this process began to serve, in seconds since 1970.";
    text.single("process_start_time_seconds", Kind::Gauge, help, bank.opened_at().seconds());
    process::write(&mut text, &bank.config().data_dir);
    text.into_string()
}

/// Routes that nobody asked for yet are left out.
fn requests(text: &mut Text, metrics: &Metrics) {
    let names = http::route_names();
    let asked = || {
        let named = names.iter().map(String::as_str).chain(std::iter::repeat("none"));
        metrics
            .routes
            .iter()
            .zip(named)
            .filter(|(counts, _)| counts.statuses.iter().any(|count| count.load(Relaxed) > 0))
    };
    let mut family = text.family(
        "exchequer_http_requests_total",
        Kind::Counter,
        "Requests answered, by route (operationId; none: no route takes it) and first digit of the status.",
    );
    for (counts, route) in asked() {
        for (status, count) in STATUSES.iter().zip(&counts.statuses) {
            family.sample(&[("route", route), ("status", status)], count.load(Relaxed));
        }
    }
    let mut family = text.family(
        "exchequer_http_request_duration_seconds",
        Kind::Histogram,
        "From the request's head to the answer, by route.",
    );
    for (counts, route) in asked() {
        let mut below = 0;
        for (place, bucket) in counts.buckets.iter().enumerate() {
            below += bucket.load(Relaxed);
            let bound = BOUNDS_US
                .get(place)
                .map_or_else(|| "+Inf".to_owned(), |us| Seconds(*us).to_string());
            family.suffixed("_bucket", &[("route", route), ("le", &bound)], below);
        }
        family.suffixed("_sum", &[("route", route)], Seconds(counts.sum_us.load(Relaxed)));
        family.suffixed("_count", &[("route", route)], below);
    }
    let mut family = text.family(
        "exchequer_refusals_total",
        Kind::Counter,
        "Requests refused, by the code of the problem; all codes stand in docs/api.md.",
    );
    for (code, count) in Code::ALL.iter().zip(&metrics.refusals) {
        let count = count.load(Relaxed);
        // What alerts look at is there from the start: a rate needs a first value.
        if count > 0 || matches!(code, Code::Internal | Code::Unavailable | Code::Overloaded) {
            family.sample(&[("code", code.as_str())], count);
        }
    }
}

fn connections(text: &mut Text, bank: &Bank) {
    let metrics = bank.metrics();
    let open = metrics.connections.load(Relaxed);
    text.single("exchequer_http_connections", Kind::Gauge, "Connections that are open.", open);
    let most = bank.config().http.max_connections;
    let help = "Connections that may be open; more wait.";
    text.single("exchequer_http_connections_max", Kind::Gauge, help, most);
    let accepted = metrics.accepted.load(Relaxed);
    let help = "Connections that were accepted.";
    text.single("exchequer_http_connections_accepted_total", Kind::Counter, help, accepted);
}

fn parts(text: &mut Text, look: &Look, now: Timestamp) {
    let mut family = text.family(
        "exchequer_check_state",
        Kind::Gauge,
        "How a part does, as /v1/staff/health says it: 0 ok, 1 degraded, 2 down.",
    );
    for check in &look.checks {
        family.sample(&[("check", check.name)], check.state as u8);
    }
    if let Some(known) = &look.known {
        facts(text, known, now);
    }
}

fn facts(text: &mut Text, known: &Known, now: Timestamp) {
    let age = |at: Option<Timestamp>| at.map_or(0, |at| (now.seconds() - at.seconds()).max(0));
    let mut gauge = |name, help, value: &dyn Display| text.single(name, Kind::Gauge, help, value);
    let outbox = known.outbox;
    gauge("exchequer_outbox_waiting", "Messages that wait, counted up to 1000.", &outbox.waiting);
    gauge("exchequer_outbox_failing", "Those of them that were tried before.", &outbox.failing);
    gauge(
        "exchequer_outbox_oldest_seconds",
        "Age of the oldest that waits.",
        &age(outbox.oldest_at),
    );
    let webhooks = known.webhooks;
    gauge(
        "exchequer_webhooks_waiting",
        "Webhooks that wait, counted up to 1000.",
        &webhooks.waiting,
    );
    gauge(
        "exchequer_webhooks_oldest_seconds",
        "Age of the oldest that waits.",
        &age(webhooks.oldest_at),
    );
    gauge("exchequer_webhooks_dead", "Given up, of the last 1000 that ended.", &webhooks.dead);
    let mut family = text.family(
        "exchequer_gateway_unknown_outcomes",
        Kind::Gauge,
        "Steps of payments whose outcome is not known, by gateway; counted up to 1000.",
    );
    for (check, gateway, facts) in &known.gateways {
        family.sample(&[("check", check), ("gateway", gateway)], facts.unknown);
    }
    let mut family = text.family(
        "exchequer_gateway_oldest_unknown_seconds",
        Kind::Gauge,
        "Age of the oldest of them.",
    );
    for (check, gateway, facts) in &known.gateways {
        let since = facts.oldest_unknown_at.filter(|_| facts.unknown > 0);
        family.sample(&[("check", check), ("gateway", gateway)], age(since));
    }
    let mut family = text.family(
        "exchequer_key_age_seconds",
        Kind::Gauge,
        "Age of the data key in use, by purpose.",
    );
    for key in &known.keys {
        family.sample(&[("purpose", key.purpose)], age(Some(key.created_at)));
    }
    let mut family = text.family(
        "exchequer_key_versions_unfinished",
        Kind::Gauge,
        "Older versions whose values are still being sealed anew, by purpose.",
    );
    for key in &known.keys {
        family.sample(&[("purpose", key.purpose)], key.unfinished.len());
    }
}

/// The Merkle log, as this node knows it.
fn log(text: &mut Text, bank: &Bank) {
    let status = bank.sequencer().status().clone();
    let help = "Leaves of the log of events and transfers.";
    text.single("exchequer_log_leaves", Kind::Gauge, help, status.size);
    let help = "Whether this node writes the log: 1 on one of all nodes.";
    text.single("exchequer_log_leader", Kind::Gauge, help, u8::from(status.is_leader));
    let help = "Leaves of the newest checkpoint that the witness has signed, as this node knows.";
    text.single("exchequer_log_witnessed_leaves", Kind::Gauge, help, status.witnessed);
    let help = "Leaves that the trail's collector has taken, as this node knows.";
    text.single("exchequer_log_sent_leaves", Kind::Gauge, help, status.sent);
    let micros =
        status.lag_ms.and_then(|lag| u64::try_from(lag).ok()).unwrap_or(0).saturating_mul(1_000);
    let help = "From the oldest row of the last append to its leaf.";
    text.single("exchequer_log_lag_seconds", Kind::Gauge, help, Seconds(micros));
    let help = "Leaves that were made again from their rows and compared, by this process.";
    text.single("exchequer_log_checked_total", Kind::Counter, help, status.checked);
    let help =
        "Events that a rule looks for, among the leaves that this process has made, by rule.";
    let mut family = text.family("exchequer_trail_matches_total", Kind::Counter, help);
    for (rule, count) in status.matches.each() {
        family.sample(&[("rule", rule.name())], count);
    }
}

fn jobs(text: &mut Text, bank: &Bank) {
    let entries: Vec<_> =
        Job::ALL.into_iter().map(|job| (job.name(), bank.journal().of(job.name()))).collect();
    let mut family =
        text.family("exchequer_job_runs_total", Kind::Counter, "Runs that ended, by job.");
    for (job, entry) in &entries {
        family.sample(&[("job_name", job)], entry.runs);
    }
    let mut family =
        text.family("exchequer_job_failures_total", Kind::Counter, "Runs that failed, by job.");
    for (job, entry) in &entries {
        family.sample(&[("job_name", job)], entry.failures);
    }
    let mut family = text.family(
        "exchequer_job_last_run_timestamp_seconds",
        Kind::Gauge,
        "When the last run that ended began, in seconds since 1970; absent before the first.",
    );
    for (job, entry) in &entries {
        if let Some(run) = &entry.last {
            family.sample(&[("job_name", job)], run.started_at.seconds());
        }
    }
}

/// Zeros where nobody is told.
fn traces(text: &mut Text, bank: &Bank) {
    let help = "Spans of traces by what became of them: sent, refused, lost (not taken), dropped (queue full).";
    let mut family = text.family("exchequer_trace_spans_total", Kind::Counter, help);
    for (fate, count) in bank.traces().fates() {
        family.sample(&[("fate", fate)], count);
    }
}
