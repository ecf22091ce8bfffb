//! The scanner at the log sink: takes out of a line what should never have reached it.
//!
//! Purpose: the second net (design §9). Secrets are types that cannot be printed, and log fields
//! are allow-listed; this module is for the string that went round both: a card number in a memo,
//! a header in a driver's error, a request body in a panic.
//!
//! What it finds, and writes in its place, is listed by [`Kind`]. Values are found by their own
//! shape (card by brand prefix, length and Luhn; Aadhaar by Verhoeff; PAN; JWT; PEM; key prefixes;
//! passwords in URLs) and by the key before them (`password=…`, `"cvv":…`, `Cookie: …`,
//! `Token("…")`), plain, nested in a string, JSON-escaped, percent-encoded, or several of these.
//! Where the value of a key has no clear end, more is taken rather than less.
//!
//! What stays readable: numbers that fail their check digit, timestamps, durations, addresses,
//! versions, UUIDs, hex digests of 32 digits or more, our ids (`prefix_` and 26 characters of
//! Crockford base 32), and our account numbers: `EX` followed by digits only, with no letter or
//! digit on either side. An `EX` number printed in groups is not recognised as one.
//!
//! What it does not see: a secret cut over two lines, base64 or compression (but for JWT, PEM and
//! headers, found by their frame), a password without a key, a JSON pair such as
//! `{"name":"password","value":"…"}`, a number whose first digits read as an escape (`%41…`) and whose others are parted by
//! escapes or by characters outside ASCII.
//!
//! Order: the text as it stands, then the text with one more layer of escapes undone (at most
//! `LAYERS`), repeated on a changed line until nothing is found, at most `ROUNDS` times. Cost: a line
//! in which nothing is found is borrowed, never copied. Each scan is linear in the length of the
//! line: a handler either consumes what it looked at, looks at a constant number of bytes, or notes
//! how far its search was in vain; the dearest text (`4 4 4 4 …`) costs a hundred times an ordinary
//! one. Memory: nothing for a clean line without escapes; else one word per byte. It never panics,
//! whatever the bytes are, never changes a line twice (`redact(redact(x)) == redact(x)`), and leaves
//! a JSON line JSON where a bare number or list stood after a quoted key.

mod brands;
mod keys;
mod numbers;
mod pairs;
mod runs;
mod scan;
mod secrets;
mod separators;
mod values;
mod view;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod rows_of_keys;
#[cfg(test)]
mod rows_of_numbers;
#[cfg(test)]
mod rows_to_keep;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use scan::{Scanner, Span};
use view::{Decoded, LAYERS, Reading, View};

/// How often a changed line is looked at again. A replacement can uncover one neighbour that was
/// glued to it (a card number, then a PAN): the second round finds it, the third finds nothing.
const ROUNDS: usize = 4;

/// What was found. The text in its place is `[redacted:` + name + `]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A payment card number (ISO/IEC 7812-1), 12 to 19 digits.
    Card,
    /// An Aadhaar number: 12 digits, Verhoeff.
    Aadhaar,
    /// An Indian permanent account number: five letters, four digits, one letter.
    Pan,
    /// A card verification value, found by its key.
    Cvv,
    /// A JSON web token (RFC 7519), signed or encrypted.
    Jwt,
    /// A long-lived secret: API key, client secret, private or master key.
    Key,
    /// A password, passphrase, or the password in a URL.
    Password,
    /// A credential of a session or request: bearer token, `Authorization`, signature.
    Token,
    /// The value of `Cookie` or `Set-Cookie`.
    Cookie,
    /// A one-time code, recovery code or PIN.
    Code,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Card,
        Self::Aadhaar,
        Self::Pan,
        Self::Cvv,
        Self::Jwt,
        Self::Key,
        Self::Password,
        Self::Token,
        Self::Cookie,
        Self::Code,
    ];

    /// The text that stands in place of what was found.
    pub const fn marker(self) -> &'static str {
        match self {
            Self::Card => "[redacted:card]",
            Self::Aadhaar => "[redacted:aadhaar]",
            Self::Pan => "[redacted:pan]",
            Self::Cvv => "[redacted:cvv]",
            Self::Jwt => "[redacted:jwt]",
            Self::Key => "[redacted:key]",
            Self::Password => "[redacted:password]",
            Self::Token => "[redacted:token]",
            Self::Cookie => "[redacted:cookie]",
            Self::Code => "[redacted:code]",
        }
    }
}

/// The line without its secrets; borrowed when there are none, which is the ordinary case.
pub fn redact(line: &str) -> Cow<'_, str> {
    match redact_bytes(line.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(line),
        // What is taken out begins and ends at ASCII characters, so the rest is still UTF-8; were
        // it not, the log would show the replacement character and not a panic.
        Cow::Owned(bytes) => Cow::Owned(
            String::from_utf8(bytes)
                .unwrap_or_else(|fault| String::from_utf8_lossy(fault.as_bytes()).into_owned()),
        ),
    }
}

/// As [`redact`], for a writer whose bytes need not be UTF-8.
pub fn redact_bytes(line: &[u8]) -> Cow<'_, [u8]> {
    let mut current = Cow::Borrowed(line);
    for _ in 0..ROUNDS {
        match round(&current) {
            Some(changed) => current = Cow::Owned(changed),
            None => break,
        }
    }
    current
}

/// One look at the text as it stands and one behind each layer of its escapes. All are needed: what
/// reads as `%41` may be an escape, or a stray percent sign before a card number.
fn round(text: &[u8]) -> Option<Vec<u8>> {
    let mut changed = without_secrets(text, View::plain(text));
    if behind_escapes(text, &mut changed, Reading::All) {
        behind_escapes(text, &mut changed, Reading::WithoutHex);
    }
    changed
}

/// The looks behind each layer of escapes. Gives whether the other reading may see something else.
fn behind_escapes(text: &[u8], changed: &mut Option<Vec<u8>>, reading: Reading) -> bool {
    let mut has_hex = false;
    let mut above: Option<Decoded> = None;
    for layer in 1..=LAYERS {
        let current = changed.as_deref().unwrap_or(text);
        let decoded = match above {
            Some(above) => above.deeper(),
            None => Decoded::of(current, layer, reading),
        };
        let Some(decoded) = decoded else { break };
        has_hex |= decoded.has_hex();
        if let Some(found) = without_secrets(current, decoded.view()) {
            // The layers below are those of another text now.
            *changed = Some(found);
            above = None;
        } else {
            above = Some(decoded);
        }
    }
    has_hex
}

/// `source` with each span of `view` replaced, or none where nothing is found.
fn without_secrets(source: &[u8], view: View<'_>) -> Option<Vec<u8>> {
    let mut spans = Scanner::new(view).scan();
    if spans.is_empty() {
        return None;
    }
    spans.sort_by_key(|span| span.start);
    let mut out = Vec::with_capacity(source.len());
    let mut done = 0;
    for Span { start, end, kind, wrap } in spans {
        let (start, end) = (view.source(start), view.source(end));
        if start < done {
            // Found inside of what is already gone; take the rest of it too.
            done = done.max(end);
            continue;
        }
        let quote = wrap
            .and_then(|(from, to)| source.get(view.source(from)..view.source(to)))
            .unwrap_or_default();
        out.extend_from_slice(source.get(done..start).unwrap_or_default());
        out.extend_from_slice(quote);
        out.extend_from_slice(kind.marker().as_bytes());
        out.extend_from_slice(quote);
        done = end;
    }
    out.extend_from_slice(source.get(done..).unwrap_or_default());
    Some(out)
}
