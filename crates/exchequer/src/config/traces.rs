//! Traces: which collector is told of requests, and of how many.

use super::evidence::check_prefix;
use super::reading::{Reading, quoted};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// In front of `/v1/traces`; none: nobody is told.
    pub url: Option<String>,
    /// Of a million requests, so many are told of.
    pub per_million: u32,
    /// Whether a caller's `traceparent` says if a request is told of.
    pub follow_callers: bool,
}

pub(super) fn read(reading: &mut Reading) -> Traces {
    let url = reading.text("traces_url").filter(|url| !url.is_empty());
    if let Some(url) = &url
        && let Err(wrong) = check_prefix(url)
    {
        let allowed = "an address such as http://127.0.0.1:4318 or https://collector.example";
        reading.fault("traces_url", format!("{} {wrong}", quoted(url)), allowed);
    }
    Traces {
        url,
        per_million: reading.integer("traces_per_million"),
        follow_callers: reading.boolean("traces_follow_callers"),
    }
}
