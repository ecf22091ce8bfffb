//! What the log shows and what it must not, in both forms.

mod process;

use super::fields::MAX_VALUE_BYTES;
use super::{ALLOWED, Capture, dispatch, parse_filter, report_panic};
use crate::config::{Log, LogFormat};
use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tracing::{debug, error, error_span, field, info};
use tracing_subscriber::fmt::MakeWriter;

const CARD: &str = "4111 1111 1111 1111";
const TOKEN: &str =
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJjdXNfMDEifQ.c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmU";

fn log(filter: &str, format: LogFormat) -> Log {
    Log { filter: filter.to_owned(), format }
}

/// What a piece of code logs, as text.
fn captured(filter: &str, format: LogFormat, act: impl FnOnce()) -> String {
    let capture = Capture::new();
    let guard = capture.set_default(&log(filter, format)).unwrap();
    act();
    drop(guard);
    capture.text()
}

fn json(act: impl FnOnce()) -> Value {
    let text = captured("trace", LogFormat::Json, act);
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The same in both forms, for rules that do not depend on the form.
fn both(act: impl Fn()) -> [String; 2] {
    [LogFormat::Json, LogFormat::Text].map(|format| captured("trace", format, &act))
}

#[derive(Debug, thiserror::Error)]
#[error("declined: {shown}")]
struct Declined {
    shown: String,
    #[source]
    cause: std::num::ParseIntError,
}

fn declined(shown: &str) -> Declined {
    Declined { shown: shown.to_owned(), cause: "x".parse::<i32>().unwrap_err() }
}

// ASVS 16.2.1, 16.2.2, 16.2.4: a line is JSON with time in UTC, request, route and act.
#[test]
fn a_json_line_has_the_fields_of_the_event_and_of_the_spans_around_it() {
    let line = json(|| {
        let request = error_span!("request", request_id = "req_1", status = field::Empty);
        let _in_request = request.enter();
        let verb = error_span!("verb", verb = "transfers.send", route = "outer");
        let _in_verb = verb.enter();
        request.record("status", 201);
        info!(route = "/v1/transfers", elapsed_us = 77_u64, "answered");
    });
    assert_eq!(line["message"], "answered");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["request_id"], "req_1");
    assert_eq!(line["status"], 201);
    assert_eq!(line["verb"], "transfers.send");
    assert_eq!(line["route"], "/v1/transfers");
    assert_eq!(line["elapsed_us"], 77);
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(line["target"].as_str().unwrap().starts_with("exchequer::logging"));
}

#[test]
fn a_text_line_has_the_same() {
    let line = captured("trace", LogFormat::Text, || {
        info!(status = 201, reason = "two words", code = "x=\"y\"", "it's \"answered\"");
    });
    assert!(line.contains("  INFO exchequer::logging"), "{line}");
    let rest = r#": it's "answered" status=201 reason="two words" code="x=\"y\"""#;
    assert!(line.trim_end().ends_with(rest), "{line}");
}

#[test]
fn a_field_that_is_not_allowed_shows_its_name_alone() {
    struct Bomb;
    impl std::fmt::Debug for Bomb {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("the value was formatted")
        }
    }
    for text in both(|| {
        let span = error_span!("request", session = "in-the-span", extra = field::Empty);
        span.record("extra", "recorded-later");
        let _guard = span.enter();
        let note = "plain-words-no-scanner-knows";
        info!(%note, pin = 4321, number = 12.5, bomb = ?Bomb, level = "mine", "signed in");
    }) {
        for value in ["plain-words", "4321", "12.5", "in-the-span", "recorded-later", "mine"] {
            assert!(!text.contains(value), "{value}: {text}");
        }
        for name in ["note", "pin", "number", "bomb", "session", "extra"] {
            assert!(text.contains(name), "{name}: {text}");
        }
        assert_eq!(text.matches("[not allowed]").count(), 7, "{text}");
    }
}

#[test]
fn a_field_named_like_the_lines_own_does_not_make_a_key_twice() {
    let line = json(|| info!(level = "x", target = "y", timestamp = "z", "clash"));
    assert_eq!(line["level"], "INFO");
    for name in ["field.level", "field.target", "field.timestamp"] {
        assert_eq!(line[name], "[not allowed]", "{line}");
    }
}

/// What to call a way into the log, and the way itself.
type Way = (&'static str, fn(&str));

// ASVS 16.2.5: what must not be logged is taken out, by whichever way it came.
#[test]
fn no_secret_reaches_the_log_by_any_way() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "read by its Debug alone")]
    struct Outer<'a> {
        inner: Option<Vec<&'a str>>,
    }
    let ways: [Way; 6] = [
        ("message", |secret| info!("paid with {secret} today")),
        ("allowed field", |secret| info!(reason = secret, "paid")),
        ("display", |secret| info!(error = %declined(secret), "paid")),
        ("error", |secret| {
            let error = declined(secret);
            error!(error = &error as &dyn std::error::Error, "paid");
        }),
        ("nested", |secret| info!(reason = ?Outer { inner: Some(vec![secret]) }, "paid")),
        ("span", |secret| {
            let span = error_span!("request", reason = secret);
            span.in_scope(|| info!("paid"));
        }),
    ];
    let json_body = format!(r#"{{"number":"{CARD}"}}"#);
    for (secret, must_go) in [
        (CARD, "1111 1111"),
        ("4111-1111-1111-1111", "1111-1111"),
        ("4111111111111111", "41111111111"),
        (json_body.as_str(), "1111 1111"),
        (TOKEN, "c2lnbmF0dXJl"),
        (r#"{"password":"hunter2hunter2"}"#, "hunter2"),
        ("password=hunter2hunter2", "hunter2"),
        ("Authorization: Bearer abcdefghijklmnopqrstuvwxyz012345", "abcdefghijklmnop"),
    ] {
        for (way, act) in &ways {
            for text in both(|| act(secret)) {
                assert!(text.contains("paid"), "{way}: {text}");
                assert!(!text.contains(must_go), "{secret} by {way}: {text}");
            }
            json(|| act(secret)); // still one object on one line
        }
    }
}

#[test]
fn what_an_operator_looks_for_stays_readable() {
    let ulid = "01jd8x5q7r2m4n6p8s0t2v4w6y";
    for text in both(|| {
        info!(
            request_id = "req_01jd8x5q7r2m4n6p8s0t2v4w6y",
            session_id = format!("ses_{ulid}"),
            key_id = format!("key_{ulid}"),
            code = "insufficient_funds",
            actor_kind = "customer",
            resource_id = format!("acc_{ulid}"),
            address = "192.0.2.17:51234",
            elapsed_us = 1_234_567_890_123_456_u64,
            sqlstate = "40001",
            route = "/v1/transfers/{id}",
            "answered"
        );
    }) {
        for part in [
            "req_01jd8x",
            "ses_01jd8x",
            "key_01jd8x",
            "insufficient_funds",
            "customer",
            "acc_01jd8x",
            "192.0.2.17:51234",
            "1234567890123456",
            "40001",
            "/v1/transfers/{id}",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

// ASVS 16.3.4, 16.5.4: what nobody expected is logged with its place.
#[test]
fn a_panic_is_logged_with_its_place_and_without_the_secret() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(report_panic));
    let texts = both(|| {
        let caught = std::panic::catch_unwind(|| {
            error_span!("request", request_id = "req_9").in_scope(|| panic!("no card {CARD} here"));
        });
        assert!(caught.is_err());
    });
    std::panic::set_hook(previous);
    for text in texts {
        let line = text.lines().find(|line| line.contains("req_9")).unwrap_or_default();
        for part in ["panicked", "tests.rs:", "no card", "exchequer::panic", "ERROR"] {
            assert!(line.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("1111 1111"), "{text}");
    }
}

// ASVS 16.3.4: a failure is logged with what caused it.
#[test]
fn an_error_shows_its_causes() {
    let line = json(|| {
        let error = declined("over the limit");
        error!(error = &error as &dyn std::error::Error, "refused");
    });
    assert_eq!(line["error"], "declined: over the limit: invalid digit found in string");
}

// ASVS 16.4.1: no text begins a line of its own.
#[test]
fn one_event_is_one_line_whatever_it_holds() {
    let nasty = "a\nb\r\u{1b}[2J\u{202e}\u{0}\u{85}\u{2028}";
    for text in both(|| info!(reason = nasty, "{nasty}")) {
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        assert!(!text.contains(['\r', '\u{1b}', '\u{0}']), "{text:?}");
    }
    let line = json(|| info!(reason = nasty, "{nasty}"));
    assert_eq!(line["message"], nasty);
}

#[test]
fn a_value_that_cannot_be_shown_or_has_no_end_does_no_harm() {
    struct Failing;
    impl std::fmt::Debug for Failing {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    let line = json(|| info!(reason = ?Failing, count = f64::NAN, "odd"));
    assert_eq!((&line["reason"], &line["count"]), (&"[cannot be shown]".into(), &"NaN".into()));

    // The cut falls into the card number.
    let long = format!("{} {CARD} {}", "é".repeat(MAX_VALUE_BYTES / 2 - 5), "x".repeat(50));
    let line = json(|| info!(reason = long, "long"));
    let shown = line["reason"].as_str().unwrap();
    assert!(shown.ends_with("…[cut]") && shown.len() < MAX_VALUE_BYTES + 20, "{}", shown.len());
    assert!(!shown.contains("4111 1"), "{}", &shown[shown.len() - 60..]);
}

#[test]
fn libraries_do_not_log_their_debug_lines_and_ours_go_by_the_filter() {
    let text = captured("trace", LogFormat::Text, || {
        debug!(target: "tokio_postgres::query", "with parameters");
        info!(target: "tokio_postgres::connection", "notice");
        debug!(target: "store::postgres", "retry");
        debug!(target: "storehouse", "foreign");
    });
    assert!(!text.contains("with parameters") && !text.contains("foreign"), "{text}");
    assert!(text.contains("notice") && text.contains("retry"), "{text}");

    let text = captured("warn,store=debug", LogFormat::Text, || {
        info!("quiet");
        debug!(target: "store::postgres", "loud");
    });
    assert!(!text.contains("quiet") && text.contains("loud"), "{text}");
}

#[test]
fn a_filter_is_read_strictly() {
    for good in
        ["off", "INFO", "info,store=debug", "warn, exchequer::http=trace", "store[tx]=debug"]
    {
        assert!(parse_filter(good).is_ok(), "{good}");
    }
    for bad in ["", "verbose", "info,", "store=loud", "info,store"] {
        assert!(parse_filter(bad).is_err(), "{bad}");
    }
}

/// A writer that is gone until it is there.
#[derive(Clone, Default)]
struct Flaky {
    there: Arc<Mutex<bool>>,
    writes: Arc<Mutex<Vec<String>>>,
}

impl Write for Flaky {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !*self.there.lock().unwrap() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.writes.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Flaky {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn a_writer_that_fails_stops_nothing_and_what_was_lost_is_counted() {
    let flaky = Flaky::default();
    let dispatch = dispatch(&log("info", LogFormat::Text), flaky.clone()).unwrap();
    tracing::dispatcher::with_default(&dispatch, || {
        info!("one");
        info!("two");
        *flaky.there.lock().unwrap() = true;
        info!("three");
        info!("four");
    });
    let writes = flaky.writes.lock().unwrap();
    assert_eq!(writes.len(), 2, "one write per event: {writes:?}");
    assert!(writes[0].contains("lost=2") && writes[0].contains("three"), "{writes:?}");
    assert!(writes[1].contains("four") && !writes[1].contains("lost"), "{writes:?}");
}

#[test]
fn a_capture_finds_what_leaked_since_its_mark() {
    let capture = Capture::new();
    let guard = capture.set_default(&log("info", LogFormat::Json)).unwrap();
    info!("before");
    let mark = capture.mark();
    info!(reason = "a-leak", "after");
    drop(guard);
    info!("not captured");
    assert_eq!(capture.line_with(mark, "before"), None);
    assert!(capture.line_with(mark, "a-leak").unwrap().contains("after"));
    assert_eq!(capture.text().lines().count(), 2);
    assert_eq!(capture.text_since(mark).lines().count(), 1);
    // The time of a line is no leak of a code that has the same digits.
    let at = capture.text_since(mark);
    let (year, _) = at.split_once(r#"{"timestamp":""#).unwrap().1.split_once('-').unwrap();
    assert_eq!(capture.line_with(mark, year), None);
    assert!(capture.line_with(mark, "level").is_some());
}

#[test]
fn the_allowed_names_are_sorted_unique_and_none_is_a_secrets() {
    assert!(ALLOWED.is_sorted_by(|a, b| a < b), "sort the list");
    let suspicious = ["password", "token", "secret", "cookie", "pan", "cvv", "email", "phone"];
    for name in ALLOWED {
        assert!(!suspicious.iter().any(|word| name.contains(word)), "{name}");
    }
}
