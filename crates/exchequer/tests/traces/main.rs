//! Traces as a collector sees them: ids, parents, statuses, no word of a person.

mod process;
mod trouble;
mod waits;

use std::time::Duration;

use exchequer::config::{Config, Traces};
use exchequer::traces::Parent;
use http::{HeaderMap, HeaderValue, Method};
use money::Rng;
use serde_json::{Value, json};
use testkit::{Collector, TestBank, TestDatabase};

const LIMIT: Duration = Duration::from_secs(20);
const CALLERS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn bank_of(url: &str, per_million: u32, follow_callers: bool) -> TestBank {
    let url = Some(url.to_owned());
    TestBank::with(|config| config.traces = Traces { url, per_million, follow_callers }).await
}

async fn traced() -> (TestBank, Collector) {
    let collector = Collector::start().await;
    (bank_of(&collector.url(), 1_000_000, false).await, collector)
}

fn fate(bank: &TestBank, name: &str) -> u64 {
    let fates = bank.bank().traces().fates();
    fates.iter().find(|(fate, _)| *fate == name).expect("a fate").1
}

fn named<'s>(spans: &'s [Value], name: &str) -> Vec<&'s Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

fn attribute<'s>(span: &'s Value, key: &str) -> Option<&'s Value> {
    let found = span["attributes"].as_array()?.iter().find(|found| found["key"] == key)?;
    found["value"].as_object()?.values().next()
}

fn is_id(value: &Value, digits: usize) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == digits
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        && text.bytes().any(|byte| byte != b'0')
}

#[tokio::test]
async fn a_request_is_a_span_and_its_transactions_are_children() {
    let (bank, collector) = traced().await;
    let ada = bank.customer("Ada Spans").await;
    let account = bank.account(&ada, "INR").await;
    let reply = ada.client.get(&format!("/v1/accounts/{account}")).await;
    let request_id = reply.headers["x-request-id"].to_str().expect("an id").to_owned();
    bank.bank().traces().flush(LIMIT).await;

    let body = collector.bodies().remove(0);
    let resource = &body["resourceSpans"][0]["resource"];
    assert_eq!(attribute(resource, "service.name"), Some(&json!("exchequer")));
    assert!(attribute(resource, "service.instance.id").is_some());
    let spans = collector.spans();
    let one = named(&spans, "GET /v1/accounts/{id}");
    let [root] = one.as_slice() else { panic!("{spans:?}") };
    assert!(is_id(&root["traceId"], 32) && is_id(&root["spanId"], 16), "{root}");
    assert_eq!(root.get("parentSpanId"), None);
    assert_eq!((&root["kind"], &root["status"]), (&json!(2), &json!({})));
    assert_eq!(attribute(root, "http.request.method"), Some(&json!("GET")));
    assert_eq!(attribute(root, "http.route"), Some(&json!("/v1/accounts/{id}")));
    assert_eq!(attribute(root, "http.response.status_code"), Some(&json!("200")));
    assert_eq!(attribute(root, "exchequer.request_id"), Some(&json!(request_id)));
    assert_eq!(attribute(root, "error.type"), None);
    let now = bank.clock().now().micros() * 1_000;
    assert_eq!(root["startTimeUnixNano"], json!(now.to_string()));
    assert_eq!(root["endTimeUnixNano"], json!(now.to_string()));

    let children: Vec<_> =
        spans.iter().filter(|span| span["parentSpanId"] == root["spanId"]).collect();
    assert!(!children.is_empty(), "a read of the database");
    for child in children {
        assert_eq!((&child["traceId"], &child["kind"]), (&root["traceId"], &json!(1)));
        assert!(is_id(&child["spanId"], 16) && child["spanId"] != root["spanId"]);
        assert_eq!(attribute(child, "exchequer.part"), Some(&json!("database")));
    }
    let mut traces: Vec<_> = spans.iter().filter(|span| span["kind"] == 2).collect();
    traces.dedup_by_key(|span| span["traceId"].as_str());
    assert!(traces.len() >= 4, "every request has a trace of its own: {traces:?}");
    assert_eq!(fate(&bank, "sent"), u64::try_from(spans.len()).expect("few"));
}

#[tokio::test]
async fn a_refusal_is_no_failure_and_a_failure_is_one() {
    let (mut bank, collector) = traced().await;
    let wrong = json!({ "email": "a@b.example", "password": "wrong-one-7351" });
    bank.client().post("/v1/auth/login", &wrong).await.refused(401, "invalid_credentials");
    bank.skip_verify();
    bank.bank().db().close();
    bank.client().post("/v1/auth/login", &wrong).await.refused(503, "unavailable");
    bank.bank().traces().flush(LIMIT).await;
    let spans = collector.spans();
    let logins = named(&spans, "POST /v1/auth/login");
    let [refused, failed] = logins.as_slice() else { panic!("{spans:?}") };
    assert_eq!(refused["status"], json!({}));
    assert_eq!(attribute(refused, "exchequer.code"), Some(&json!("invalid_credentials")));
    assert_eq!(attribute(refused, "error.type"), None);
    assert_eq!(failed["status"], json!({ "code": 2 }));
    assert_eq!(attribute(failed, "error.type"), Some(&json!("unavailable")));
    assert_eq!(attribute(failed, "http.response.status_code"), Some(&json!("503")));
}

// P6 and ASVS 16.2.5: whatever is sent, by whichever way, no word of it is told.
#[tokio::test]
async fn no_word_of_a_person_is_told() {
    const MARK: &str = "markofaperson";
    let (bank, collector) = traced().await;
    let ada = bank.customer("Ada Markofaperson").await;
    let account = bank.account(&ada, "INR").await;
    let client = ada.client.with_agent(MARK).at("198.51.100.77");
    let paths = [
        format!("/v1/accounts/{account}?{MARK}={MARK}"),
        format!("/v1/accounts/{MARK}"),
        format!("/v1/transfers/{MARK}?before={MARK}"),
        format!("/v1/{MARK}/{account}"),
    ];
    for path in &paths {
        let mut request = client.request(Method::GET, path);
        for header in ["traceparent", "tracestate", "baggage", "x-request-id", "cookie", "referer"]
        {
            request = request.header(header, format!("{MARK}=1"));
        }
        client.send(request.body(axum::body::Body::empty()).expect("a request")).await;
    }
    let order = json!({ "from": account, "to": MARK, "amount": 7_351_935_117_i64,
        "currency": "INR", "memo": MARK, MARK: MARK });
    client.post_with_key("/v1/transfers", MARK, &order).await;
    client.post("/v1/auth/login", &json!({ "email": MARK, "password": MARK })).await;
    bank.bank().traces().flush(LIMIT).await;
    let told = collector.bodies().iter().map(Value::to_string).collect::<String>();
    let told = told.to_lowercase();
    assert!(told.contains("post /v1/transfers") && told.contains("/v1/accounts/{id}"), "{told}");
    let id = account.split_once('_').expect("an id").1;
    let owner = ada.id.split_once('_').expect("an id").1;
    for secret in [MARK, id, owner, "198.51.100", "192.0.2", "735193", "@"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[tokio::test]
async fn a_callers_trace_goes_on_and_decides_only_where_that_is_wanted() {
    let collector = Collector::start().await;
    for (per_million, follow, traceparent, expected) in [
        (1_000_000, false, CALLERS, true),
        (1_000_000, false, &CALLERS.replace("-01", "-00"), true),
        (0, false, CALLERS, false),
        (0, true, CALLERS, true),
        (1_000_000, true, &CALLERS.replace("-01", "-00"), false),
        (1_000_000, true, "nonsense", true),
    ] {
        let bank = bank_of(&collector.url(), per_million, follow).await;
        let before = collector.spans().len();
        let client = bank.client();
        let request =
            client.request(Method::GET, "/v1/log/keys").header("traceparent", traceparent);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        assert_eq!(client.send(request).await.status, 200);
        bank.bank().traces().flush(LIMIT).await;
        let spans = collector.spans().split_off(before);
        let roots = named(&spans, "GET /v1/log/keys");
        assert_eq!(roots.len(), usize::from(expected), "{per_million} {follow} {traceparent}");
        let Some(root) = roots.first() else { continue };
        if traceparent == "nonsense" {
            assert_eq!(root.get("parentSpanId"), None);
            continue;
        }
        assert_eq!(root["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(root["parentSpanId"], "00f067aa0ba902b7");
        assert_eq!(root["flags"], 0x301);
    }
}

#[test]
fn a_traceparent_is_read_as_the_standard_has_it_or_not_at_all() {
    let good = Parent::read(CALLERS.as_bytes()).expect("an example of the standard");
    assert_eq!((good.trace[0], good.span[7], good.is_sampled), (0x4b, 0xb7, true));
    let later = CALLERS.replacen("00", "cc", 1) + "-what-the-future-will-be-like";
    assert_eq!(Parent::read(later.as_bytes()), Some(good), "§4.3: a later version");
    for wrong in [
        String::new(),
        CALLERS.to_uppercase(),
        format!("{CALLERS} "),
        format!("{CALLERS}-"),
        format!("{CALLERS}0"),
        CALLERS[..54].to_owned(),
        CALLERS.replacen("00", "ff", 1),
        CALLERS.replacen("00", "cc", 1) + ".x",
        CALLERS.replace('-', "_"),
        CALLERS.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
        CALLERS.replace("00f067aa0ba902b7", &"0".repeat(16)),
        CALLERS.replace("4bf9", "4bg9"),
        CALLERS.replace("-01", "-0x"),
        "0".repeat(100_000),
        "-".repeat(55),
    ] {
        assert_eq!(Parent::read(wrong.as_bytes()), None, "{wrong:.80}");
    }
    let mut headers = HeaderMap::new();
    headers.append("traceparent", HeaderValue::from_static(CALLERS));
    assert!(Parent::of(&headers).is_some());
    headers.append("traceparent", HeaderValue::from_static(CALLERS));
    assert_eq!(Parent::of(&headers), None, "two are none");
}

#[tokio::test]
async fn the_wanted_share_is_told_of() {
    let collector = Collector::start().await;
    let bank = bank_of(&collector.url(), 250_000, false).await;
    for _ in 0..400 {
        assert_eq!(bank.client().get("/v1/log/keys").await.status, 200);
    }
    bank.bank().traces().flush(LIMIT).await;
    let told = named(&collector.spans(), "GET /v1/log/keys").len();
    // Four standard deviations of 400 draws of a quarter.
    assert!((65..=135).contains(&told), "{told}");
}

#[tokio::test]
async fn probes_and_unknown_paths_are_not_told_of() {
    let (bank, collector) = traced().await;
    for path in ["/healthz", "/readyz", "/v1/nothing"] {
        bank.client().get(path).await;
    }
    bank.bank().traces().flush(LIMIT).await;
    assert_eq!((collector.requests(), fate(&bank, "sent")), (0, 0));
}

#[tokio::test]
async fn a_job_that_did_nothing_is_not_told_of() {
    let (bank, collector) = traced().await;
    let traces = bank.bank().traces();
    traces.job("holds.expire").idle();
    traces.job("sessions.sweep").ended(None);
    traces.flush(LIMIT).await;
    let spans = collector.spans();
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert_eq!(attribute(&spans[0], "exchequer.job"), Some(&json!("sessions.sweep")));
}

#[tokio::test]
async fn what_is_given_up_is_told_as_cancelled() {
    let (bank, collector) = traced().await;
    drop(bank.bank().traces().job("holds.expire"));
    bank.bank().traces().flush(LIMIT).await;
    assert_eq!(attribute(&collector.spans()[0], "error.type"), Some(&json!("cancelled")));
}

// ASVS 16.2.1: a line can be found by the trace it belongs to.
#[tokio::test]
async fn log_lines_of_a_request_carry_its_trace() {
    use exchequer::logging::Capture;
    let collector = Collector::start().await;
    let url = Some(collector.url());
    let traces = Traces { url, per_million: 1_000_000, follow_callers: false };
    // Ids of its own: banks of one seed, side by side in this process, have requests of one id in one log.
    let chance = (TestBank::clock_in_hand(), Rng::System);
    let set = |config: &mut Config| config.traces = traces;
    let mut bank = TestBank::drawn(TestDatabase::new(), chance, set).await;
    let capture = Capture::process_wide().expect("the log can be captured");
    let mark = capture.mark();
    bank.skip_verify();
    bank.bank().db().close();
    let wrong = json!({ "email": "a@b.example", "password": "wrong-one-7351" });
    let reply = bank.client().post("/v1/auth/login", &wrong).await;
    let id = reply.headers["x-request-id"].to_str().expect("an id").to_owned();
    bank.bank().traces().flush(LIMIT).await;
    let spans = collector.spans();
    let trace = named(&spans, "POST /v1/auth/login")[0]["traceId"].clone();
    let lines = capture.text_since(mark);
    let lines: Vec<Value> = lines
        .lines()
        .filter(|line| line.contains(&id))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(lines.len() >= 2, "a failure and a request: {lines:?}");
    for line in lines {
        assert_eq!(line["trace_id"], trace, "{line}");
    }
}
