//! Style sheet, scripts and pictures: part of the program, under names that change with their content.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use crate::answer::{Answer, Outcome};
use crate::callers::Caller;
use crate::table::Pages;
use crate::trouble::Trouble;
use crate::visit::Visit;

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const STYLE: &str = concat!(
    include_str!("../assets/base.css"),
    include_str!("../assets/entrance.css"),
    include_str!("../assets/bank.css"),
    include_str!("../assets/security.css"),
    include_str!("../assets/console.css"),
    include_str!("../assets/print.css"),
);

/// One script, in parts that know nothing of each other.
const SCRIPT: &str = concat!(
    include_str!("../assets/forms.js"),
    include_str!("../assets/idle.js"),
    include_str!("../assets/list.js"),
    include_str!("../assets/entrance.js"),
    include_str!("../assets/keys.js"),
);

const ICON: &str = include_str!("../assets/icon.svg");

/// Where they are.
pub struct Assets {
    pub style: String,
    pub script: String,
    pub icon: String,
}

pub fn pages(pages: Pages) -> Pages {
    // The name before the dot is for the browser's store; whatever it is, this is the file.
    pages.add((Method::GET, "/assets/{name}", "anybody"), serve)
}

/// Who asks for a style sheet is nobody in particular and gets no cookie.
struct Stranger(Arc<Visit>);

impl Caller for Stranger {
    async fn admit(visit: Arc<Visit>) -> Result<Self, Trouble> {
        Ok(Self(visit))
    }
}

async fn serve(Stranger(visit): Stranger) -> Outcome {
    let (content_type, text) = match visit.segment(0).rsplit_once('.') {
        Some((_, "css")) => (CSS, STYLE),
        Some((_, "js")) => (JS, SCRIPT),
        Some((_, "svg")) => (SVG, ICON),
        _ => return Err(Trouble::NotFound),
    };
    Ok(Answer::Asset(content_type, Bytes::from_static(text.as_bytes())))
}

impl Assets {
    pub fn new() -> Self {
        let named =
            |text: &str, ending: &str| format!("/assets/{:016x}.{ending}", fingerprint(text));
        Self { style: named(STYLE, "css"), script: named(SCRIPT, "js"), icon: named(ICON, "svg") }
    }
}

/// FNV-1a: tells two versions of a file apart; nothing depends on its being hard to forge.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
