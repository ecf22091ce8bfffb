//! Spans as OTLP has them in JSON (opentelemetry-proto, "JSON Protobuf Encoding"): ids in lower-case hexadecimal, 64-bit
//! numbers as texts, enums as numbers; and what a collector answers.

use data_encoding::HEXLOWER;
use money::Timestamp;
use serde_json::{Value as Json, json};

use super::span::{Name, Record, Value};

/// Where a prefix leads (OTLP 1.x, "OTLP/HTTP Request").
pub(super) const PATH: &str = "/v1/traces";
pub(super) const MEDIA_TYPE: &str = "application/json";

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;
/// `Span.flags`: sampled, and it is known whether the parent is in another process.
const FLAGS: u16 = 0x101;
/// It is.
const REMOTE: u16 = 0x200;
const NANOS_PER_MICRO: i64 = 1_000;

/// An `ExportTraceServiceRequest` of these spans; `instance` tells this process from the bank's others.
pub(super) fn request(instance: &str, spans: &[Record]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [
        ("service.name", "exchequer"),
        ("service.version", version),
        ("service.instance.id", instance),
    ];
    let resource: Vec<Json> = resource
        .iter()
        .map(|(key, text)| attribute(key, &json!({ "stringValue": text })))
        .collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{
            "scope": { "name": "exchequer", "version": version },
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }] })
    .to_string()
}

/// How many spans a collector that answered 200 refused (`partialSuccess`); what it says besides is not looked at.
pub(super) fn refused(answer: &[u8]) -> u64 {
    let answer: Json = serde_json::from_slice(answer).unwrap_or_default();
    let count = answer.pointer("/partialSuccess/rejectedSpans");
    let number = |count: &Json| count.as_u64().or_else(|| count.as_str()?.parse().ok());
    count.and_then(number).unwrap_or(0)
}

fn span(record: &Record) -> Json {
    let name = match record.name {
        Name::Word(word) => word.to_owned(),
        Name::Route(method, path) => format!("{method} {path}"),
    };
    let attributes = record.attributes.iter().map(|(key, value)| attribute(key, &typed(value)));
    let failed = record.failed.map(|word| attribute("error.type", &json!({ "stringValue": word })));
    // Only a server's parent is of another process: children are made where their parent is.
    let is_remote = record.kind as u8 == super::Kind::Server as u8 && record.parent.is_some();
    let mut span = json!({
        "traceId": HEXLOWER.encode(&record.trace),
        "spanId": HEXLOWER.encode(&record.span),
        "flags": if is_remote { FLAGS | REMOTE } else { FLAGS },
        "name": name,
        "kind": record.kind as u8,
        "startTimeUnixNano": nanos(record.started),
        "endTimeUnixNano": nanos(record.ended),
        "attributes": attributes.chain(failed).collect::<Vec<_>>(),
        "status": if record.failed.is_some() { json!({ "code": ERROR }) } else { json!({}) },
    });
    if let Some(parent) = &record.parent {
        span["parentSpanId"] = HEXLOWER.encode(parent).into();
    }
    span
}

fn attribute(key: &str, value: &Json) -> Json {
    json!({ "key": key, "value": value })
}

fn typed(value: &Value) -> Json {
    match value {
        Value::Word(word) => json!({ "stringValue": word }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::Request(id) => json!({ "stringValue": id.to_string() }),
    }
}

fn nanos(at: Timestamp) -> String {
    at.micros().saturating_mul(NANOS_PER_MICRO).to_string()
}
