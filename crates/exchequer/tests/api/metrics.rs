//! What Prometheus is told, and that rules, dashboard and papers speak of nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use exchequer::metrics::scrape::{gather, scrape};
use serde_json::json;
use testkit::TestBank;

fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Samples by name and labels, as they stand in the text.
fn samples(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').expect("a name and a value")).collect()
}

/// The names of all families of a scrape.
fn families(text: &str) -> BTreeSet<&str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split(' ').next()).collect()
}

/// Every word of a text that is the name of a metric of ours, without what a histogram adds.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("exchequer_") || word.starts_with("process_"));
    ours.map(|word| {
        let ends = ["_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
    })
    .collect()
}

// ASVS 16.3.3: refusals by input rules, limits and rights are counted by their code.
#[tokio::test]
async fn requests_and_refusals_are_counted_by_route_and_code() {
    let bank = TestBank::new().await;
    let before = gather(bank.bank()).await;
    assert!(!before.contains("route=\"logIn\""), "{before}");
    assert_eq!(samples(&before)["exchequer_refusals_total{code=\"internal_error\"}"], "0");
    let wrong = json!({ "email": "a@b.example", "password": "wrong-one-7351" });
    bank.client().post("/v1/auth/login", &wrong).await.refused(401, "invalid_credentials");
    bank.client().get("/v1/nothing").await.refused(404, "not_found");
    let text = gather(bank.bank()).await;
    let samples = samples(&text);
    let login = |name: &str, rest: &str| {
        samples[format!("exchequer_http_{name}{{route=\"logIn\"{rest}}}").as_str()]
    };
    assert_eq!(login("requests_total", ",status=\"4xx\""), "1");
    assert_eq!(login("requests_total", ",status=\"2xx\""), "0");
    assert_eq!(login("request_duration_seconds_count", ""), "1");
    assert_eq!(login("request_duration_seconds_bucket", ",le=\"+Inf\""), "1");
    assert_eq!(samples["exchequer_http_requests_total{route=\"none\",status=\"4xx\"}"], "1");
    assert_eq!(samples["exchequer_refusals_total{code=\"invalid_credentials\"}"], "1");
    assert_eq!(samples["exchequer_refusals_total{code=\"not_found\"}"], "1");
    assert_eq!(samples["exchequer_check_state{check=\"database\"}"], "0");
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_and_takes_no_scrape_away() {
    let mut bank = TestBank::new().await;
    bank.bank().db().close();
    let text = gather(bank.bank()).await;
    assert_eq!(samples(&text)["exchequer_check_state{check=\"database\"}"], "2");
    assert!(!families(&text).contains("exchequer_outbox_waiting"), "nothing is known of it");
    bank.skip_verify();
}

#[tokio::test]
async fn whoever_asks_at_the_same_time_gets_the_same_answer() {
    let bank = TestBank::new().await;
    let (a, b) = tokio::join!(scrape(bank.bank()), scrape(bank.bank()));
    assert_eq!(a, b);
}

// Personal data and secrets: labels are words of the program, and no customer's act adds another.
#[tokio::test]
async fn nothing_of_a_person_is_told() {
    let bank = TestBank::new().await;
    let ada = bank.customer("Ada Metricsdottir").await;
    let account = bank.account(&ada, "INR").await;
    let text = gather(bank.bank()).await;
    let id = account.split_once('_').expect("an id").1;
    for secret in ["Metricsdottir", "ada", id, "@"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

/// What a bank with a gateway says once something of each kind has happened.
async fn told() -> String {
    let bank = TestBank::with(|config| config.data_dir = "/".into()).await;
    let alive = bank.client().get("/healthz").await;
    assert_eq!(alive.status, 200);
    for job in exchequer::jobs::Job::ALL.into_iter().take(1) {
        bank.bank().journal().ran(job.name(), (bank.bank().tools().now(), 1), &Ok(0));
    }
    gather(bank.bank()).await
}

#[tokio::test]
async fn papers_rules_and_dashboard_speak_of_what_is_told() {
    let text = told().await;
    let mut told: BTreeSet<String> = families(&text).into_iter().map(str::to_owned).collect();
    // Told where the bank speaks TLS itself; `tests/edge` looks at it there.
    told.insert("exchequer_certificate_ends_timestamp_seconds".to_owned());
    let paper = file("docs/operating.md");
    let (_, paper) = paper.split_once("\n## Metrics\n").expect("a part on metrics");
    let paper = paper.split("\n## ").next().unwrap_or_default();
    assert_eq!(named(paper), told, "docs/operating.md lists every metric, and no other");
    for path in ["deploy/monitoring/alerts.yml", "deploy/monitoring/dashboard.json"] {
        let unknown: Vec<_> = named(&file(path)).difference(&told).cloned().collect();
        assert!(unknown.is_empty(), "{path}: {unknown:?}");
    }
}

#[test]
fn every_alert_has_a_page_and_a_test() {
    let (rules, tests) =
        (file("deploy/monitoring/alerts.yml"), file("deploy/monitoring/alerts_test.yml"));
    let alerts: BTreeSet<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 20, "{alerts:?}");
    let paper = file("docs/operating.md");
    let (_, paper) = paper.split_once("\n## Alerts\n").expect("a part on alerts");
    let paper = paper.split("\n## ").next().unwrap_or_default();
    let pages: BTreeSet<&str> =
        paper.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(alerts, pages);
    for alert in alerts {
        let tried = tests.matches(&format!("alertname: {alert}\n")).count();
        assert_eq!(tried, 2, "{alert}: once where it fires, once where it does not");
        let page = format!("runbook: docs/operating.md#{}", alert.to_lowercase());
        assert!(rules.contains(&page), "{page}");
    }
}
