//! Tiles: 256 hashes of one level, addressed by level and number (C2SP `tlog-tiles`).
//!
//! Level 0 has the leaves; an entry of level L+1 is the root of a full tile of level L. The last tile of a level may be
//! partial. A path is `tile/<L>/<N>` or `tile/<L>/<N>.p/<W>`, N in groups of three digits, all but the last behind
//! an `x`: `tile/0/x001/x234/067`.

use std::fmt;

use crate::hash::Hash;

/// Hashes of a full tile.
pub const TILE_WIDTH: u16 = 256;

/// The same for arithmetic with places in a level.
pub(crate) const FAN: u64 = 256;

/// The highest level that a path can have.
const MAX_LEVEL: u8 = 63;

/// Where a tile stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    pub level: u8,
    pub number: u64,
}

/// A tile with its hashes: 1 to 256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pub id: TileId,
    pub hashes: Vec<Hash>,
}

/// A tile of a width, as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TilePath {
    pub id: TileId,
    /// 1 to 256; below 256 it is partial.
    pub width: u16,
}

impl TilePath {
    /// Reads what stands behind `tile/`. None unless it is written exactly as [`fmt::Display`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let (level, rest) = text.split_once('/')?;
        let level = decimal(level).and_then(|level| u8::try_from(level).ok())?;
        if level > MAX_LEVEL {
            return None;
        }
        let (number, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((number, width)) => {
                let width = decimal(width).and_then(|width| u16::try_from(width).ok())?;
                (number, Some(width).filter(|width| (1..TILE_WIDTH).contains(width))?)
            }
        };
        let number = parse_number(number)?;
        Some(Self { id: TileId { level, number }, width })
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.id.level)?;
        let mut groups = Vec::new();
        let mut rest = self.id.number;
        loop {
            groups.push(rest % 1_000);
            rest /= 1_000;
            if rest == 0 {
                break;
            }
        }
        for (place, group) in groups.iter().enumerate().rev() {
            if place > 0 { write!(f, "x{group:03}/")? } else { write!(f, "{group:03}")? }
        }
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

fn parse_number(text: &str) -> Option<u64> {
    let groups: Vec<&str> = text.split('/').collect();
    let last = groups.len().checked_sub(1)?;
    let mut number: u64 = 0;
    for (place, group) in groups.iter().enumerate() {
        let digits = if place < last { group.strip_prefix('x')? } else { group };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // A first group of zeros would be a second way to write a number.
        if place == 0 && last > 0 && digits == "000" {
            return None;
        }
        number = number.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(number)
}

/// A decimal number without a sign or leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = text == "0" || !text.starts_with('0');
    if is_plain && is_short { text.parse().ok() } else { None }
}
