//! The system routes over HTTP: probes, pages, their policy.

use exchequer::http::docs::STYLE;
use exchequer::http::openapi::{document, text};
use exchequer::http::routes;
use testkit::TestBank;

#[tokio::test]
async fn probes_answer() {
    let bank = TestBank::new().await;
    let alive = bank.client().get("/healthz").await.expect(200);
    assert_eq!(alive.text("/status"), "ok");
    let ready = bank.client().get("/readyz").await.expect(200);
    let expected = serde_json::json!({
        "status": "ready",
        "checks": { "database": "ok", "keys": "ok", "cache": bank.bank().cache().name() },
    });
    assert_eq!(ready.json(), expected);
}

#[tokio::test]
async fn a_bank_whose_database_fails_is_alive_and_not_ready() {
    let bank = TestBank::new().await;
    bank.bank().db().faults().fail_at("system.ready", 1);
    let reply = bank.client().get("/readyz").await.expect(503);
    assert_eq!(reply.code(), "unavailable");
    assert_eq!(reply.text("/detail"), "the check `database` failed");
    assert!(reply.header("retry-after").is_some());
    assert_eq!(bank.client().get("/healthz").await.status, 200);
    assert_eq!(bank.client().get("/readyz").await.status, 200);
}

#[tokio::test]
async fn the_document_is_served_as_it_is_committed() {
    let bank = TestBank::new().await;
    let reply = bank.client().get("/openapi.json").await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.body == text(&document(&routes())).as_bytes());
}

// ASVS 3.4.3, 4.1.1: pages and style sheets say their type and character set.
#[tokio::test]
async fn pages_run_nothing_and_load_their_style_only() {
    let bank = TestBank::new().await;
    for path in ["/docs", "/docs/errors"] {
        let reply = bank.client().get(path).await.expect(200);
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.ends_with("report-uri /v1/csp_reports"), "{path}: {policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(reply.header("x-request-id").is_some(), "{path}");
    }
    let sheet = bank.client().get("/docs/style.css").await.expect(200);
    assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(sheet.body == STYLE.as_bytes());
}

// ASVS 3.4.3, 3.4.6: an answer of the API runs nothing and is in nobody's frame.
#[tokio::test]
async fn unknown_paths_stay_problems() {
    let bank = TestBank::new().await;
    for path in ["/docs/", "/docs/other", "/doc", "/healthz/x"] {
        let reply = bank.client().get(path).await;
        reply.refused(404, "not_found");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; frame-ancestors 'none'"), "{policy}");
    }
}
