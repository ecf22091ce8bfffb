//! Fields: which may be shown, and how their values become text.
//!
//! Bound: a value is cut at [`MAX_VALUE_BYTES`], after it was scanned, since half a card number is
//! one that the scanner does not know.

use std::fmt::{self, Write};
use tracing::field::{Field, Visit};
use vault::redaction::redact;

/// The names of the fields that a log line may show. Add one only when no value it can ever have is
/// a secret or says something about a customer beyond an id.
pub const ALLOWED: &[&str] = &[
    "account_id",
    "actor_id",
    "actor_kind",
    "address",
    "attempt",
    "backtrace",
    "bytes",
    "cause",
    "code",
    "column",
    "connections",
    "count",
    "customer_id",
    "database",
    "elapsed_us",
    "error",
    "event_id",
    "file",
    "hold_id",
    "job",
    "key_id",
    "listen",
    "location",
    "lost",
    "merchant_id",
    "message",
    "method",
    "not_after",
    "profile",
    "purpose",
    "queue",
    "reason",
    "request_id",
    "resource_id",
    "role",
    "route",
    "rows",
    "schema_version",
    "session_id",
    "signal",
    "sqlstate",
    "staff_id",
    "status",
    "thread",
    "trace_id",
    "transfer_id",
    "verb",
    "version",
];

/// The longest value that is shown whole; a backtrace is the longest there is.
pub(super) const MAX_VALUE_BYTES: usize = 8192;

/// What an error's chain of causes is cut at.
const MAX_CAUSES: usize = 8;

/// A value as the line will show it.
#[derive(Clone)]
pub(super) enum Value {
    /// Needs quotes and escapes.
    Text(String),
    /// A number or a boolean.
    Bare(String),
    NotAllowed,
}

/// Fields by name, each name once; the last value stays, as spans go from the outside in.
#[derive(Clone, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(super) fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => self.0.push((name, value)),
        }
    }

    pub(super) fn put_over(&mut self, others: &Self) {
        for (name, value) in &others.0 {
            self.set(name, value.clone());
        }
    }

    /// Takes the message out; an event without one has an empty message.
    pub(super) fn take_message(&mut self) -> String {
        let at = self.0.iter().position(|(name, _)| *name == "message");
        match at.map(|at| self.0.remove(at).1) {
            Some(Value::Text(text) | Value::Bare(text)) => text,
            Some(Value::NotAllowed) | None => String::new(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    fn record(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        let allowed = ALLOWED.contains(&field.name());
        self.set(field.name(), if allowed { value() } else { Value::NotAllowed });
    }

    fn record_text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.record(field, || {
            let mut text = String::new();
            // Not `format!`, which panics when a careless Debug returns an error.
            if text.write_fmt(value).is_err() {
                text.push_str("[cannot be shown]");
            }
            Value::Text(bounded(text))
        });
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_text(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, error: &(dyn std::error::Error + 'static)) {
        let causes = Causes(error);
        self.record_text(field, format_args!("{causes}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record(field, || Value::Bare(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record(field, || Value::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record(field, || Value::Bare(value.to_string()));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.record(field, || Value::Bare(value.to_string()));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.record(field, || Value::Bare(value.to_string()));
    }

    // NaN and the infinities have no number in JSON.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.record_text(field, format_args!("{value}"));
    }
}

/// An error and what caused it, outermost first.
struct Causes<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)?;
        let causes = std::iter::successors(self.0.source(), |error| error.source());
        causes.take(MAX_CAUSES).try_for_each(|cause| write!(out, ": {cause}"))
    }
}

fn bounded(text: String) -> String {
    if text.len() <= MAX_VALUE_BYTES {
        return text;
    }
    let clean = redact(&text);
    let mut cut = clean[..clean.floor_char_boundary(MAX_VALUE_BYTES)].to_owned();
    cut.push_str("…[cut]");
    cut
}
