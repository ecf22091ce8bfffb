//! Panics as log lines. A panic is never silent: when no subscriber would show it, it goes to
//! standard error by itself, scanned as any line.
//!
//! The payload is free text that may quote a value (`expect`, `assert_eq!`), so it has the scanner
//! only; keep values out of assertions. A backtrace is added when `RUST_BACKTRACE` asks for one.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::PanicHookInfo;
use tracing::Level;
use vault::redaction::redact;

const TARGET: &str = "exchequer::panic";

/// The hook that [`super::install`] sets; a test sets it itself.
pub fn report_panic(panic: &PanicHookInfo<'_>) {
    let error = panic.payload_as_str().unwrap_or("a payload that is not text");
    let location = panic.location().map_or("unknown".to_owned(), ToString::to_string);
    let current = std::thread::current();
    let thread = current.name().unwrap_or("unnamed");
    let captured = Backtrace::capture();
    let backtrace = (captured.status() == BacktraceStatus::Captured).then(|| captured.to_string());
    if tracing::enabled!(target: TARGET, Level::ERROR) {
        tracing::error!(target: TARGET, location, thread, error, backtrace, "panicked");
        return;
    }
    let line = format!("panicked at {location} in thread {thread}: {}", error.escape_debug());
    let written = std::io::stderr().write_all(format!("{}\n", redact(&line)).as_bytes());
    if written.is_err() {
        // Standard error is gone and the hook must return: there is nobody left to tell.
    }
}
