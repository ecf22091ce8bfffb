//! The binary: what it was told by its environment, and what is left at its end.

use std::path::Path;
use std::time::Duration;

use testkit::collector::Mood;
use testkit::process::Server;
use testkit::{Collector, process::HttpRequest};

use super::named;

const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");
/// Three seconds for the collector, and what a loaded machine takes to end a process.
const END_LIMIT: Duration = Duration::from_secs(30);

/// Starts a demo that tells of everything, asks once, and ends it at once; whether it ended with 0.
async fn asked_and_ended(collector: &Collector) -> bool {
    let url = collector.url();
    let ended = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("demo").display().to_string();
        let words = ["demo", "--data", &data, "--listen", "127.0.0.1:0"];
        let told = [("EXCHEQUER_TRACES_URL", &*url), ("EXCHEQUER_TRACES_PER_MILLION", "1000000")];
        let server = Server::start(Path::new(BINARY), &words, &told);
        let request = HttpRequest { method: "GET", path: "/v1/log/keys", ..HttpRequest::default() };
        assert_eq!(server.client().send(&request).expect("an answer").status, 200);
        server.terminate().success()
    });
    tokio::time::timeout(END_LIMIT, ended).await.expect("an end").expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_at_a_stop_is_told() {
    let collector = Collector::start().await;
    assert!(asked_and_ended(&collector).await);
    assert_eq!(named(&collector.spans(), "GET /v1/log/keys").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_collector_holds_no_stop_up() {
    let collector = Collector::start().await;
    collector.is(Mood::Silent);
    assert!(asked_and_ended(&collector).await);
    assert!(collector.requests() > 0);
}
