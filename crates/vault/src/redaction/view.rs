//! The text that a scan reads: the line itself, or the line with its escapes undone.
//!
//! Undone are percent-encoding, the escapes of JSON (`\u0034`, `\/`) and of Rust (`\x34`,
//! `\u{a0}`) at any nesting of backslashes, and characters that stand for a digit or a separator
//! (full-width and Indian digits, no-break spaces, typographic dashes). Escaped quotes stay as they
//! are, for their backslashes say at which level of nesting they close.
//! `\x40` before digits may be an escape, or the beginning of a number after a `\x`: the text is read both ways.
//! Each decoded byte knows where it came from, so that what is found can be cut out of the source.
//! Cost: one pass for a layer, [`LAYERS`] at most, and as many once more where there was a `\x`. Bound: one word of memory per decoded byte.

/// How many encodings may lie over one another. Logs show two (a URL inside a URL, JSON inside
/// JSON inside a form); the rest is reserve.
pub(super) const LAYERS: usize = 4;

/// The byte that a Unicode space, dash or invisible character becomes: a separator between digits,
/// but no end of a value.
pub(super) const FOLDED_SEPARATOR: u8 = 0x1f;

/// The most backslashes before an escape: five levels of JSON inside JSON.
const BACKSLASHES: usize = 31;

#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) text: &'v [u8],
    /// Where each byte of `text` begins in the source, and the source's length; empty when `text`
    /// is the source.
    starts: &'v [usize],
}

impl<'v> View<'v> {
    pub(super) fn plain(text: &'v [u8]) -> Self {
        Self { text, starts: &[] }
    }

    /// The place in the source of the byte at `at`.
    pub(super) fn source(&self, at: usize) -> usize {
        self.starts.get(at).copied().unwrap_or(at)
    }

    /// How many bytes of source the byte at `at` stands for. A delimiter that is encoded more
    /// deeply than the one before a value is part of that value.
    pub(super) fn depth(&self, at: usize) -> usize {
        if self.starts.is_empty() {
            return 1;
        }
        self.source(at.saturating_add(1)).saturating_sub(self.source(at))
    }
}

pub(super) struct Decoded {
    text: Vec<u8>,
    starts: Vec<usize>,
    reading: Reading,
    /// Whether an escape such as `\x34` was undone here.
    has_hex: bool,
}

/// What is an escape.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    All,
    /// `\x34` is none.
    WithoutHex,
}

impl Decoded {
    /// The text with so many layers of escapes undone, or none when it has fewer.
    pub(super) fn of(source: &[u8], layers: usize, reading: Reading) -> Option<Self> {
        if !may_hold_escapes(source) {
            return None;
        }
        let mut decoded = decode(source, &[], reading)?;
        for _ in 1..layers {
            decoded = decoded.deeper()?;
        }
        Some(decoded)
    }

    /// One layer more.
    pub(super) fn deeper(&self) -> Option<Self> {
        decode(&self.text, &self.starts, self.reading)
    }

    /// Whether the other reading may show something else.
    pub(super) fn has_hex(&self) -> bool {
        self.has_hex
    }

    pub(super) fn view(&self) -> View<'_> {
        View { text: &self.text, starts: &self.starts }
    }
}

/// A look that does not stop inside of a chunk, so that the compiler can take it in one step.
fn may_hold_escapes(text: &[u8]) -> bool {
    text.chunks(64).any(|chunk| {
        chunk.iter().map(|&byte| u8::from(introduces(byte))).fold(0, |found, one| found | one) != 0
    })
}

/// Undoes one layer. None when there is nothing to undo, found before anything is copied.
fn decode(text: &[u8], starts: &[usize], reading: Reading) -> Option<Decoded> {
    let mut at = 0;
    let first = loop {
        let rest = text.get(at..)?;
        at = at.saturating_add(rest.iter().position(|&byte| introduces(byte))?);
        match unit(text.get(at..)?, reading) {
            Unit::Plain(length) => at = at.saturating_add(length),
            Unit::Escape { .. } => break at,
        }
    };
    let origin = |at: usize| starts.get(at).copied().unwrap_or(at);
    let mut out = Decoded { text: Vec::new(), starts: Vec::new(), reading, has_hex: false };
    out.text.reserve(text.len());
    out.starts.reserve(text.len().saturating_add(1));
    out.text.extend_from_slice(text.get(..first)?);
    out.starts.extend((0..first).map(origin));
    at = first;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        match unit(rest, reading) {
            Unit::Escape { byte, length, is_hex } => {
                out.has_hex |= is_hex;
                out.text.push(byte);
                out.starts.push(origin(at));
                at = at.saturating_add(length);
            }
            Unit::Plain(length) => {
                let end = at.saturating_add(length);
                out.text.extend_from_slice(text.get(at..end)?);
                out.starts.extend((at..end).map(origin));
                at = end;
            }
        }
    }
    out.starts.push(origin(text.len()));
    Some(out)
}

enum Unit {
    /// So many bytes that stand for themselves.
    Plain(usize),
    /// The byte that so many bytes stand for.
    Escape { byte: u8, length: usize, is_hex: bool },
}

impl Unit {
    fn escape(byte: u8, length: usize) -> Self {
        Self::Escape { byte, length, is_hex: false }
    }
}

fn introduces(byte: u8) -> bool {
    byte == b'%' || byte == b'\\' || byte >= 0x80
}

fn unit(rest: &[u8], reading: Reading) -> Unit {
    match rest {
        [b'%', high, low, ..] => match hex_pair(*high, *low) {
            Some(byte) => Unit::escape(byte, 3),
            None => Unit::Plain(1),
        },
        [b'\\', ..] => backslashes(rest, reading),
        [0x80..=0xff, ..] => wide(rest),
        _ => Unit::Plain(1),
    }
}

/// The escape after a run of backslashes; each level of nesting doubles the run, so its length
/// tells nothing about whether what follows is meant as an escape.
fn backslashes(rest: &[u8], reading: Reading) -> Unit {
    let run = rest.iter().take(BACKSLASHES).take_while(|&&byte| byte == b'\\').count();
    let behind = rest.get(run..).unwrap_or_default();
    let escape = match behind {
        [b'/', ..] => Some((b'/', 1)),
        [b'x', high, low, ..] if reading == Reading::All => {
            hex_pair(*high, *low).map(|byte| (byte, 3))
        }
        [b'u', b'{', digits @ ..] => braced(digits),
        [b'u', digits @ ..] => digits
            .first_chunk::<4>()
            .and_then(|digits| number(digits))
            .and_then(fold)
            .map(|byte| (byte, 5)),
        _ => None,
    };
    match escape {
        Some((byte, length)) => Unit::Escape {
            byte,
            length: run.saturating_add(length),
            is_hex: behind.first() == Some(&b'x'),
        },
        None => Unit::Plain(run.max(1)),
    }
}

/// `{a0}` of Rust's `\u{a0}`, its brace already read.
fn braced(digits: &[u8]) -> Option<(u8, usize)> {
    let close = digits.iter().take(7).position(|&byte| byte == b'}')?;
    let byte = number(digits.get(..close)?).and_then(fold)?;
    Some((byte, close.saturating_add(3)))
}

/// One character outside ASCII: folded where it stands for a digit or a separator.
fn wide(rest: &[u8]) -> Unit {
    let length = match rest {
        [0xc2..=0xdf, ..] => 2,
        [0xe0..=0xef, ..] => 3,
        _ => return Unit::Plain(1),
    };
    let folded = rest
        .get(..length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.chars().next())
        .and_then(|character| fold(u32::from(character)));
    match folded {
        Some(byte) => Unit::escape(byte, length),
        None => Unit::Plain(1),
    }
}

/// The ASCII byte that stands for a code point here, if any.
fn fold(code: u32) -> Option<u8> {
    let digit = |zero: u32| {
        u8::try_from(code.saturating_sub(zero)).ok().map(|value| value.saturating_add(b'0'))
    };
    match code {
        0..=0x7f => u8::try_from(code).ok(),
        // No-break, thin, zero-width and ideographic spaces; soft hyphen, hyphens, dashes, minus;
        // middle dots; byte order mark.
        0xa0
        | 0xad
        | 0xb7
        | 0x2000..=0x2015
        | 0x2022
        | 0x202f
        | 0x205f
        | 0x2060
        | 0x2212
        | 0x3000
        | 0xfeff
        | 0xff0d => Some(FOLDED_SEPARATOR),
        0x660..=0x669 => digit(0x660),
        0x6f0..=0x6f9 => digit(0x6f0),
        0x966..=0x96f => digit(0x966),
        0xff10..=0xff19 => digit(0xff10),
        _ => None,
    }
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    number(&[high, low]).and_then(|value| u8::try_from(value).ok())
}

/// One to six hexadecimal digits as a number.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 6 {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, &digit| {
        Some(value.saturating_mul(16).saturating_add(char::from(digit).to_digit(16)?))
    })
}
