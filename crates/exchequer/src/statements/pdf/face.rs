//! The typeface: which glyph a character has and how wide it is; lines broken to a width.
//!
//! Noto Sans, cut down to Latin, Greek, Cyrillic and the signs of currencies, stands in the binary and, as far
//! as it is used, in each file. What it has no glyph for is replaced by U+FFFD, so that it is seen that
//! something is missing, and nothing invisible or turned around is carried on. All in whole numbers:
//! font units (1,000 to the em) and twips (1/20 point).

use std::collections::HashMap;
use std::sync::LazyLock;

use read_fonts::{FontRef, TableProvider};

static REGULAR: LazyLock<Face> =
    LazyLock::new(|| Face::read(include_bytes!("../../../assets/fonts/NotoSans-Regular.ttf")));
static BOLD: LazyLock<Face> =
    LazyLock::new(|| Face::read(include_bytes!("../../../assets/fonts/NotoSans-Bold.ttf")));

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Bold,
}

/// What is known of a font file.
pub struct Face {
    pub bytes: &'static [u8],
    glyphs: HashMap<char, Glyph>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyph {
    pub id: u16,
    /// 1,000 to the em.
    pub advance: u16,
}

impl Weight {
    pub fn face(self) -> &'static Face {
        match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        }
    }
}

impl Face {
    /// A file that cannot be read has no glyphs, and [`Face::glyph`] then none for anything; a test
    /// looks whether ours can.
    fn read(bytes: &'static [u8]) -> Self {
        let mut glyphs = HashMap::new();
        if let Ok(font) = FontRef::new(bytes)
            && let (Ok(cmap), Ok(hmtx)) = (font.cmap(), font.hmtx())
        {
            for c in (0x20..=0xffff).filter_map(char::from_u32) {
                let Some(id) = cmap.map_codepoint(c) else { continue };
                if let (Ok(id16), Some(advance)) = (u16::try_from(id.to_u32()), hmtx.advance(id))
                    && id16 != 0
                {
                    glyphs.insert(c, Glyph { id: id16, advance });
                }
            }
        }
        Self { bytes, glyphs }
    }

    pub fn glyph(&self, c: char) -> Option<Glyph> {
        self.glyphs.get(&c).copied()
    }

    /// The text as it can be set: what has no glyph is U+FFFD.
    pub fn settable(&self, text: &str) -> String {
        let replaced =
            |c| if self.glyphs.contains_key(&c) { c } else { char::REPLACEMENT_CHARACTER };
        text.chars().map(replaced).collect()
    }

    /// Width of a text in a size, both in twips.
    pub fn width(&self, text: &str, size: i32) -> i32 {
        let units: i64 =
            text.chars().filter_map(|c| self.glyph(c)).map(|glyph| i64::from(glyph.advance)).sum();
        i32::try_from(units.saturating_mul(i64::from(size)) / 1_000).unwrap_or(i32::MAX)
    }

    /// The largest size of at most `size` in which a text is no wider than `width`.
    pub fn fitting(&self, text: &str, size: i32, width: i32) -> i32 {
        let wide = self.width(text, size).max(1);
        if wide <= width { size } else { size.saturating_mul(width) / wide }
    }

    /// The text in at most `most` lines no wider than `width`, broken at spaces where there are any. Each
    /// but the last ends with the space that it was broken at; what has no room ends in an ellipsis.
    pub fn lines(&self, text: &str, (size, width): (i32, i32), most: usize) -> Vec<String> {
        let text = self.settable(text);
        let mut lines = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let fits = self.fits(rest, size, width);
            if fits == rest.len() {
                lines.push(rest.to_owned());
                break;
            }
            if lines.len() + 1 == most {
                let room = width.saturating_sub(self.width("…", size));
                let shown = rest.get(..self.fits(rest, size, room)).unwrap_or_default();
                lines.push(format!("{}…", shown.trim_end()));
                break;
            }
            let head = rest.get(..fits).unwrap_or(rest);
            // A space right behind the line is as good as one in it.
            let behind = rest.get(fits..).is_some_and(|behind| behind.starts_with(' '));
            let end = match head.rfind(' ') {
                _ if behind => fits + 1,
                Some(space) if space > 0 => space + 1,
                Some(_) | None => fits.max(rest.chars().next().map_or(1, char::len_utf8)),
            };
            let (line, after) = rest.split_at(end);
            lines.push(line.to_owned());
            rest = after.trim_start();
        }
        lines
    }

    /// How many bytes of a text fit a width.
    fn fits(&self, text: &str, size: i32, width: i32) -> usize {
        let limit = i64::from(width).saturating_mul(1_000);
        let mut wide = 0_i64;
        for (at, c) in text.char_indices() {
            let advance = self.glyph(c).map_or(0, |glyph| i64::from(glyph.advance));
            wide = wide.saturating_add(advance.saturating_mul(i64::from(size)));
            if wide > limit {
                return at;
            }
        }
        text.len()
    }
}

#[cfg(test)]
mod tests;
