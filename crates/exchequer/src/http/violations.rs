//! What the pages' Content-Security-Policy stopped, as browsers tell it: a line of the log each.
//!
//! Anybody may say so, and nothing of it is believed: a report changes nothing, is answered alike whatever it says, and
//! only words that we know and parts of addresses reach the log, which the scanner looks through as all lines. Bounds:
//! the limits of what is open to anybody; [`MAX_REPORT_BYTES`]; [`LINES_A_MINUTE`] lines of this process, and then the
//! number of those that were left out.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Uri;
use money::Timestamp;
use serde::Deserialize;

use super::input::{Description, Input, Raw};
use super::reply::{Answer, Empty, Reply};
use super::routes::{Route, Routes};
use super::{Problem, Public};

/// Where browsers report to; the policy of pages names it.
pub const PATH: &str = "/v1/csp_reports";

/// A browser's report has some hundred bytes, and the addresses that are in it.
const MAX_REPORT_BYTES: usize = 16 << 10;
/// A page with one fault makes a line for each visitor; more say nothing new.
const LINES_A_MINUTE: u32 = 30;
/// Of a host that is told: longer is no name (RFC 1035 §2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// Content Security Policy level 3, §6.
const DIRECTIVES: [&str; 23] = [
    "base-uri",
    "child-src",
    "connect-src",
    "default-src",
    "font-src",
    "form-action",
    "frame-ancestors",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "object-src",
    "require-trusted-types-for",
    "sandbox",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
    "trusted-types",
    "webrtc",
    "worker-src",
];
/// What stands in the place of an address.
const KINDS: [&str; 9] = [
    "about",
    "blob",
    "data",
    "eval",
    "inline",
    "self",
    "trusted-types-policy",
    "trusted-types-sink",
    "wasm-eval",
];

pub fn routes(routes: Routes) -> Routes {
    let why = "a browser tells what the pages' policy stopped; nothing is done with it but a line of the log";
    let heard = Arc::new(Mutex::new(Heard::default()));
    routes.public(
        why,
        Route::post(PATH, "reportViolation", "What a page's policy stopped")
            .without_key()
            .answers(204),
        move |caller: Public, Report(body): Report| {
            let heard = Arc::clone(&heard);
            async move { take(&caller, &body, &heard) }
        },
    )
}

/// A report as it came.
struct Report(Bytes);

impl Input for Report {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        Ok(Self(raw.body.clone()))
    }

    fn describe(description: &mut Description) {
        description.is_raw = true;
    }
}

/// How many lines there were in a minute.
#[derive(Default)]
struct Heard {
    minute: i64,
    lines: u32,
    left_out: u32,
}

impl Heard {
    /// Whether there is room for one more; with how many were left out before it.
    fn room(&mut self, now: Timestamp) -> Option<u32> {
        let minute = now.micros().div_euclid(60_000_000);
        if minute != self.minute {
            (self.minute, self.lines) = (minute, 0);
        }
        if self.lines >= LINES_A_MINUTE {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.lines = self.lines.saturating_add(1);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "csp-report")]
    report: Violation,
}

/// What is looked at of one.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Violation {
    #[serde(default)]
    effective_directive: String,
    #[serde(default)]
    violated_directive: String,
    #[serde(default)]
    blocked_uri: String,
    #[serde(default)]
    source_file: String,
    #[serde(default)]
    line_number: u32,
}

/// Whatever it says, the answer is the same.
#[expect(clippy::unnecessary_wraps, reason = "the end of a handler, as the other answers")]
fn take(caller: &Public, body: &[u8], heard: &Mutex<Heard>) -> Answer<Empty> {
    let sent = Some(body).filter(|body| body.len() <= MAX_REPORT_BYTES);
    if let Some(Sent { report }) = sent.and_then(|body| serde_json::from_slice(body).ok()) {
        let now = caller.bank().tools().now();
        let room = heard.lock().unwrap_or_else(PoisonError::into_inner).room(now);
        if let Some(lost) = room {
            let (reason, cause) = (report.directive(), report.blocked());
            let location = report.place();
            tracing::warn!(reason, cause, location, lost, "the policy of a page stopped something");
        }
    }
    Ok(Reply::no_content())
}

impl Violation {
    /// Older browsers tell the whole directive, its name first.
    fn directive(&self) -> &'static str {
        let said = [&self.effective_directive, &self.violated_directive];
        let mut names = said.iter().filter_map(|text| text.split_ascii_whitespace().next());
        let known = names.find_map(|name| DIRECTIVES.into_iter().find(|known| *known == name));
        known.unwrap_or("unknown")
    }

    /// A kind, or whose address it was: neither path nor query, which may say something of a person.
    fn blocked(&self) -> String {
        if let Some(kind) = KINDS.into_iter().find(|kind| *kind == self.blocked_uri) {
            return kind.to_owned();
        }
        let uri: Option<Uri> = self.blocked_uri.parse().ok();
        let host = uri.as_ref().and_then(Uri::host);
        host.filter(|host| host.len() <= MAX_HOST_BYTES).unwrap_or("unknown").to_owned()
    }

    /// In a file of ours, by its name and line.
    fn place(&self) -> String {
        let name = self.source_file.rsplit_once("/assets/").map(|(_, name)| name);
        let is_name = |name: &&str| {
            name.len() <= 32 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
        };
        name.filter(is_name).map_or_else(String::new, |name| format!("{name}:{}", self.line_number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> [String; 3] {
        let Sent { report } = serde_json::from_str(json).unwrap();
        [report.directive().to_owned(), report.blocked(), report.place()]
    }

    #[test]
    fn of_a_report_known_words_a_host_and_a_file_of_ours_are_told() {
        let whole = r#"{"csp-report":{"document-uri":"https://bank.example/accounts/acc_1?query=rent",
            "referrer":"","violated-directive":"script-src-elem","effective-directive":"script-src-elem",
            "original-policy":"default-src 'none'","disposition":"enforce","status-code":200,
            "blocked-uri":"https://evil.example/a/asha@example.test?x=4111111111111111",
            "source-file":"https://bank.example/assets/00112233aabbccdd.js","line-number":17}}"#;
        assert_eq!(read(whole), ["script-src-elem", "evil.example", "00112233aabbccdd.js:17"]);
        let old =
            r#"{"csp-report":{"violated-directive":"style-src 'self'","blocked-uri":"inline"}}"#;
        assert_eq!(read(old), ["style-src", "inline", ""]);
        let odd = r#"{"csp-report":{"violated-directive":"<b>","blocked-uri":"x y\nz",
            "source-file":"https://bank.example/assets/a b\n","line-number":1}}"#;
        assert_eq!(read(odd), ["unknown", "unknown", ""]);
        assert_eq!(read(r#"{"csp-report":{}}"#), ["unknown", "unknown", ""]);
    }

    #[test]
    fn a_minute_has_so_many_lines_and_the_next_says_how_many_were_left_out() {
        let mut heard = Heard::default();
        let start = Timestamp::from_seconds(1_790_000_040);
        for _ in 0..LINES_A_MINUTE {
            assert_eq!(heard.room(start), Some(0));
        }
        assert_eq!([heard.room(start), heard.room(start)], [None, None]);
        assert_eq!(heard.room(start.plus_seconds(60)), Some(2));
        assert_eq!(heard.room(start.plus_seconds(60)), Some(0));
        // A clock that is set back begins a minute of its own.
        assert_eq!(heard.room(start), Some(0));
    }
}
