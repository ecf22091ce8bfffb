//! The log: one line per event on standard error, with allow-listed fields, each line scanned.
//!
//! Two nets keep secrets in (design §9). First, only fields whose names stand in [`ALLOWED`] are
//! shown; any other appears as `name=[not allowed]`, its value not even formatted. Second, the whole
//! line passes `vault::redaction` before it is written. Messages are free text and have the second
//! net only, so values belong into fields.
//!
//! Libraries log at `info` and above whatever the filter says, and through `tracing` only: drivers
//! put bound parameters and headers into their debug lines, some by way of the `log` crate, which
//! has no bridge here on purpose.
//!
//! Cost: the calling thread formats, scans and writes each line with one `write`; a reader of
//! standard error that stops reading stops the bank, one that goes away does not: what could not be
//! written is counted, and the count is logged when writing works again.
//!
//! A request's span must be made at level ERROR: a filter of `warn` would else take the request id
//! out of the lines that are left.

mod capture;
mod fields;
mod layer;
mod panics;

pub use capture::{Capture, Mark};
pub use fields::ALLOWED;
pub use panics::report_panic;

use crate::config::Log;
use layer::LineLayer;
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InstallError {
    #[error("the log filter is not understood: {0}")]
    Filter(String),
    #[error("logging is set up already")]
    AlreadyInstalled,
}

/// Sends the process's events and panics to standard error from now on. Once per process.
pub fn install(log: &Log) -> Result<(), InstallError> {
    let dispatch = dispatch(log, std::io::stderr)?;
    tracing::dispatcher::set_global_default(dispatch)
        .map_err(|_already| InstallError::AlreadyInstalled)?;
    std::panic::set_hook(Box::new(report_panic));
    Ok(())
}

/// Reads a filter. Stricter than tracing: a bare word must be a level, since tracing takes `verbose`
/// for the name of a part that does not exist, and then logs nothing.
pub fn parse_filter(text: &str) -> Result<EnvFilter, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    for directive in &directives {
        let bare = !directive.contains(['=', '[', ']', '{', '}']);
        if bare && !LEVELS.contains(&directive.to_ascii_lowercase().as_str()) {
            return Err(format!("`{directive}` is no level"));
        }
    }
    EnvFilter::builder().parse(directives.join(",")).map_err(|error| error.to_string())
}

/// A subscriber that writes to any writer by the rules of this module.
fn dispatch<W>(log: &Log, writer: W) -> Result<Dispatch, InstallError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = parse_filter(&log.filter).map_err(InstallError::Filter)?;
    let lines = LineLayer::new(log.format, writer);
    Ok(Dispatch::new(tracing_subscriber::registry().with(lines).with(filter)))
}

#[cfg(test)]
mod tests;
