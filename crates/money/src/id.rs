//! Ids: 128 bits that know what they name.
//!
//! In text an id is its kind's prefix, an underscore and 26 characters of Crockford's base 32 in
//! lower case, most significant first; text sorts as bytes do, and bytes of one mint as time
//! does. One id has exactly one text. An id is a claim and not a secret: it proves nothing.
//! Cost: 16 bytes, `Copy`; reading and writing are one pass without allocation.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use thiserror::Error;

use crate::kind::IdKind;

/// The id of a `K`, a UUID of version 7 (RFC 9562 §5.7) where an [`crate::IdMint`] made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K> {
    bytes: [u8; 16],
    kind: PhantomData<K>,
}

/// Why a text is not an id of the kind asked for, in the order in which it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// The text does not begin with the kind's three letters and an underscore.
    #[error("id has the wrong prefix")]
    WrongPrefix,
    /// Not 26 bytes behind the underscore.
    #[error("id has the wrong length")]
    WrongLength,
    /// A character outside `0-9a-z` without `i l o u`. Capitals are outside.
    #[error("id has a character outside its alphabet")]
    WrongCharacter,
    /// The first character is above `7`: more than 128 bits.
    #[error("id is too large")]
    TooLarge,
}

impl<K: IdKind> Id<K> {
    /// Bytes of the text: prefix, underscore, 26 characters.
    pub const TEXT_BYTES: usize = TEXT_BYTES;

    /// Any 16 bytes; what comes from a column was an id when it was stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// The 16 bytes, as stored in a column.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// The text in ASCII, for writers that want no `String`.
    pub fn text(&self) -> [u8; TEXT_BYTES] {
        let mut text = [b'_'; TEXT_BYTES];
        let (head, tail) = text.split_at_mut(TEXT_BYTES - CHARACTERS);
        for (place, letter) in head.iter_mut().zip(K::PREFIX.bytes()) {
            *place = letter;
        }
        let mut rest = u128::from_be_bytes(self.bytes);
        for place in tail.iter_mut().rev() {
            *place = character(rest);
            rest >>= 5;
        }
        text
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let characters = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(IdError::WrongPrefix)?;
        if characters.len() != CHARACTERS {
            return Err(IdError::WrongLength);
        }
        let mut value = 0_u128;
        let mut lost = 0;
        for byte in characters.bytes() {
            let bits = bits_of(byte).ok_or(IdError::WrongCharacter)?;
            lost |= value >> 123;
            value = value << 5 | u128::from(bits);
        }
        if lost == 0 { Ok(Self::from_bytes(value.to_be_bytes())) } else { Err(IdError::TooLarge) }
    }
}

/// 26 characters of five bits hold 130 bits: the first character is at most `7`.
const CHARACTERS: usize = 26;

/// `xxx_` and the characters.
const TEXT_BYTES: usize = 4 + CHARACTERS;

/// Crockford's base 32 in ASCII order, so that texts sort as numbers: no i, l, o, u.
const ALPHABET: [u8; 32] = *b"0123456789abcdefghjkmnpqrstvwxyz";

/// No character.
const NONE: u8 = u8::MAX;

/// The five bits of each ASCII character.
const BITS: [u8; 256] = bits_by_character();

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "five bits are a place in an alphabet of 32"
)]
fn character(value: u128) -> u8 {
    ALPHABET[(value & 31) as usize]
}

#[expect(clippy::indexing_slicing, reason = "a byte is a place in a table of 256")]
fn bits_of(byte: u8) -> Option<u8> {
    match BITS[usize::from(byte)] {
        NONE => None,
        bits => Some(bits),
    }
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "evaluated by the compiler, which refuses to build on a fault"
)]
const fn bits_by_character() -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut bits = 0_u8;
    while bits < 32 {
        table[ALPHABET[bits as usize] as usize] = bits;
        bits += 1;
    }
    table
}
