//! From an event to a line: the fields of the spans around it and its own, in JSON or text,
//! scanned, and handed to the writer as one piece.
//!
//! A line is one line: what could end it or move the reader's cursor is escaped in both forms.

use super::fields::{Fields, Value};
use crate::config::LogFormat;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};
use vault::redaction::redact;

/// The crates whose debug lines may be shown, since their fields and messages are ours to
/// answer for.
const OWN: &[&str] = &["exchequer", "store", "vault", "ledger", "money", "testkit"];

/// The names that a JSON line gives by itself; a field of the same name is moved aside.
const TAKEN: &[&str] = &["timestamp", "level", "target"];

pub(super) struct LineLayer<W> {
    format: LogFormat,
    writer: W,
    /// Lines that could not be written since the last one that could.
    lost: AtomicU64,
}

impl<W> LineLayer<W>
where
    W: for<'a> MakeWriter<'a> + 'static,
{
    pub(super) fn new(format: LogFormat, writer: W) -> Self {
        Self { format, writer, lost: AtomicU64::new(0) }
    }

    fn emit(&self, line: &str) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let mut bytes = String::with_capacity(line.len() + 1);
        if lost > 0 {
            let mut fields = Fields::default();
            fields.set("message", Value::Text("log lines could not be written".to_owned()));
            fields.set("lost", Value::Bare(lost.to_string()));
            bytes.push_str(&self.format.line(Level::WARN, module_path!(), fields));
            bytes.push('\n');
        }
        bytes.push_str(&redact(line));
        bytes.push('\n');
        if self.writer.make_writer().write_all(bytes.as_bytes()).is_err() {
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }
}

impl<S, W> Layer<S> for LineLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if may_log(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        may_log(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        // Recorded first, and then put in: a Debug that logs must not find the span locked.
        let mut more = Fields::default();
        values.record(&mut more);
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(fields) = extensions.get_mut::<Fields>() {
            fields.put_over(&more);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(around) = span.extensions().get::<Fields>() {
                fields.put_over(around);
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        self.emit(&self.format.line(*metadata.level(), metadata.target(), fields));
    }
}

/// Ours at any level, everybody else's from `info` on.
fn may_log(metadata: &Metadata<'_>) -> bool {
    let part = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || OWN.contains(&part)
}

impl LogFormat {
    fn line(self, level: Level, target: &str, mut fields: Fields) -> String {
        let mut time = String::new();
        if SystemTime.format_time(&mut Writer::new(&mut time)).is_err() {
            time.push_str("[no time]");
        }
        let message = fields.take_message();
        match self {
            Self::Json => json_line(&time, level, target, &message, &fields),
            Self::Text => text_line(&time, level, target, &message, &fields),
        }
    }
}

fn json_line(time: &str, level: Level, target: &str, message: &str, fields: &Fields) -> String {
    let mut line = format!(
        r#"{{"timestamp":{},"level":"{level}","target":{},"message":{}"#,
        json_text(time),
        json_text(target),
        json_text(message)
    );
    for (name, value) in fields.iter() {
        let aside = if TAKEN.contains(&name) { "field." } else { "" };
        line.push(',');
        line.push_str(&json_text(&format!("{aside}{name}")));
        line.push(':');
        match value {
            Value::Text(text) => line.push_str(&json_text(text)),
            Value::Bare(text) => line.push_str(text),
            Value::NotAllowed => line.push_str("\"[not allowed]\""),
        }
    }
    line.push('}');
    line
}

fn text_line(time: &str, level: Level, target: &str, message: &str, fields: &Fields) -> String {
    let mut line = format!("{time} {level:>5} {target}: ");
    line.extend(message.chars().flat_map(visible));
    for (name, value) in fields.iter() {
        line.push(' ');
        line.push_str(name);
        line.push('=');
        match value {
            Value::Text(text) if text.bytes().all(stands_alone) && !text.is_empty() => {
                line.push_str(text);
            }
            Value::Text(text) => {
                line.push('"');
                line.extend(text.escape_debug());
                line.push('"');
            }
            Value::Bare(text) => line.push_str(text),
            Value::NotAllowed => line.push_str("[not allowed]"),
        }
    }
    line
}

/// Strings always serialise: the fallback is for the type's sake.
fn json_text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "\"[cannot be shown]\"".to_owned())
}

/// A character of a message: quotes and backslashes as they are, what cannot be seen escaped.
fn visible(character: char) -> impl Iterator<Item = char> {
    let plain = matches!(character, '"' | '\'' | '\\');
    let escaped = (!plain).then(|| character.escape_debug());
    plain.then_some(character).into_iter().chain(escaped.into_iter().flatten())
}

fn stands_alone(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\')
}
