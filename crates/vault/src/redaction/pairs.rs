//! Where a scan has to look: pairs of neighbouring bytes at which something may begin.
//!
//! Of most bytes that can begin a secret (quotes, underscores, letters) the neighbour already says that this
//! one does not, so a scan that asked a handler at each would spend its time on calls. Each handler is a bit
//! here; a byte has the bits of the handlers for which it may be the first of a pair, and those for which it may
//! be the second. A pair that shares a bit is a place to look at. Cost: two loads and an `and` for a byte. A pair
//! left out of these tables is a secret in the log: a property test compares with a look at every byte.

use super::keys;
use super::runs::is_separator;

// The place to look at is the second of the pair:
/// What can end a key, and a sign.
const SIGN: u32 = 1;
/// A quote that opens a value.
const QUOTE: u32 = 1 << 1;
/// `sk_live_`: a letter that ends a prefix, and the underscore.
const PREFIX: u32 = 1 << 2;
/// `eyJ`.
const JWT: u32 = 1 << 3;
const SECOND_PLACES: u32 = SIGN | QUOTE | PREFIX | JWT;

// The place is the first of the pair:
/// Digits, and separators between them.
const NUMBER: u32 = 1 << 4;
/// `Bearer`, `Basic`.
const SCHEME: u32 = 1 << 5;
/// `-----BEGIN`.
const DASHES: u32 = 1 << 6;
/// `$argon2id$`, `$2b$`.
const HASH: u32 = 1 << 7;
/// One of our markers, which is passed over.
const MARKER: u32 = 1 << 8;
/// `://`, and `::`, which is passed over.
const COLONS: u32 = 1 << 9;

/// Of each byte the bits for which it may be second, and above them those for which it may be first.
static ROLES: [u32; 256] = every_role();
const ABOVE: u32 = 16;

/// The first place at or behind `from` at which something may begin.
#[inline]
pub(super) fn next_place(text: &[u8], from: usize) -> Option<usize> {
    let last = from.checked_sub(1).and_then(|at| text.get(at));
    let mut before = last.map_or(0, |&byte| roles(byte) & (SECOND_PLACES << ABOVE));
    let mut shared = 0;
    let offset = text.get(from..)?.iter().position(|&byte| {
        let roles = roles(byte);
        shared = before >> ABOVE & roles;
        before = roles;
        shared != 0
    })?;
    let back = usize::from(shared & !SECOND_PLACES != 0);
    Some(from.saturating_add(offset).saturating_sub(back))
}

#[inline]
fn roles(byte: u8) -> u32 {
    ROLES.get(usize::from(byte)).copied().unwrap_or(0)
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "evaluated by the compiler, which refuses an index or a sum that is out of range"
)]
const fn every_role() -> [u32; 256] {
    let mut table = [0; 256];
    // 0xff, which is left, has no role.
    let mut byte = 0_u8;
    while byte < u8::MAX {
        table[byte as usize] = first_of(byte) << ABOVE | second_of(byte);
        byte += 1;
    }
    table
}

const fn first_of(byte: u8) -> u32 {
    let sign = match byte {
        b'0'..=b'9' | b'_' | b'-' | b' ' | b'"' | b'\'' | b'`' | b']' => SIGN,
        _ if keys::may_be_last(byte) => SIGN,
        _ => 0,
    };
    let own = match byte {
        b' ' | b'\\' => QUOTE,
        b'e' | b't' | b'c' => PREFIX,
        b'y' => JWT,
        b'0'..=b'9' => NUMBER,
        b'b' | b'B' => SCHEME,
        b'-' => DASHES,
        b'$' => HASH,
        b'[' => MARKER,
        b':' => COLONS,
        _ => 0,
    };
    sign | own
}

const fn second_of(byte: u8) -> u32 {
    let number = if byte.is_ascii_digit() || is_separator(byte) { NUMBER } else { 0 };
    let own = match byte {
        b':' => SIGN | COLONS,
        b'/' => COLONS,
        b'=' | b'(' => SIGN,
        b'"' | b'\'' => QUOTE,
        b'_' => PREFIX,
        b'J' => JWT,
        b'a' => SCHEME | HASH,
        b'e' | b'E' | b'A' => SCHEME,
        b'-' => DASHES,
        b'2' | b's' | b'p' => HASH,
        b'r' => MARKER,
        _ => 0,
    };
    number | own
}
