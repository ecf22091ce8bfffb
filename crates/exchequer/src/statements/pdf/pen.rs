//! Draws texts and rules on a page, each as a part of the document's structure or as decoration.
//!
//! The library wants lengths in points as floats; the functions that make them are the only ones
//! here, and no amount of money comes near them: texts are texts.

use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, Identifier};
use krilla::text::{Font, GlyphId, KrillaGlyph};

use super::face::{Glyph, Weight};

/// Twips, 1/20 of a point, as word processors have them.
pub type Twips = i32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Ink,
    /// What is of second importance.
    Grey,
    /// Rules between lines.
    Pale,
    /// The bank's own.
    Deep,
}

#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub weight: Weight,
    pub size: Twips,
    pub colour: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Both fonts, made for one document.
pub struct Fonts {
    regular: Font,
    bold: Font,
}

pub struct Pen<'p> {
    surface: Surface<'p>,
    fonts: &'p Fonts,
}

impl Fonts {
    /// `None` where a file is no font; a test looks whether ours are.
    pub fn load() -> Option<Self> {
        let font = |weight: Weight| Font::new(weight.face().bytes.into(), 0);
        Some(Self { regular: font(Weight::Regular)?, bold: font(Weight::Bold)? })
    }
}

impl<'p> Pen<'p> {
    pub fn new(surface: Surface<'p>, fonts: &'p Fonts) -> Self {
        Self { surface, fonts }
    }

    /// Content of the document: what is drawn inside is one part of its structure, which is read aloud.
    pub fn content(&mut self, draw: impl FnOnce(&mut Self)) -> Identifier {
        let identifier = self.surface.start_tagged(ContentTag::Other);
        draw(self);
        self.surface.end_tagged();
        identifier
    }

    /// What each page repeats, or only looks good.
    pub fn decoration(&mut self, kind: ArtifactType, draw: impl FnOnce(&mut Self)) {
        let artifact = ContentTag::Artifact(Artifact::with_kind(kind));
        let _no_part = self.surface.start_tagged(artifact);
        draw(self);
        self.surface.end_tagged();
    }

    /// A text that is settable, its base line at `y`; `x` is its left or right end.
    pub fn text(&mut self, (x, y): (Twips, Twips), align: Align, style: Style, text: &str) {
        let face = style.weight.face();
        let left = match align {
            Align::Left => x,
            Align::Right => x.saturating_sub(face.width(text, style.size)),
        };
        let known = text.char_indices().filter_map(|(at, c)| Some((at, c, face.glyph(c)?)));
        let glyphs: Vec<KrillaGlyph> = known
            .map(|(at, c, glyph)| {
                let range = at..at.saturating_add(c.len_utf8());
                let id = GlyphId::new(u32::from(glyph.id));
                KrillaGlyph::new(id, em_f32(glyph), 0.0, 0.0, 0.0, range, None)
            })
            .collect();
        let font = match style.weight {
            Weight::Regular => &self.fonts.regular,
            Weight::Bold => &self.fonts.bold,
        };
        let start = Point::from_xy(points_f32(left), points_f32(y));
        let size = points_f32(style.size);
        self.surface.set_fill(Some(fill(style.colour)));
        self.surface.draw_glyphs(start, &glyphs, font.clone(), text, size, false);
    }

    /// A horizontal rule from `x` on.
    pub fn rule(
        &mut self,
        (x, y): (Twips, Twips),
        (width, height): (Twips, Twips),
        colour: Colour,
    ) {
        let (x, y, w, h) = (points_f32(x), points_f32(y), points_f32(width), points_f32(height));
        let mut path = PathBuilder::new();
        if let Some(rect) = Rect::from_xywh(x, y, w, h) {
            path.push_rect(rect);
        }
        if let Some(path) = path.finish() {
            self.surface.set_fill(Some(fill(colour)));
            self.surface.draw_path(&path);
        }
    }
}

/// A length in points. Pages are 11,906 by 16,838 twips, so nothing on them is cut off.
#[expect(clippy::float_arithmetic, reason = "a length on a page, as the library wants it")]
pub fn points_f32(twips: Twips) -> f32 {
    let twips = i16::try_from(twips).unwrap_or(i16::MAX);
    exact_f32(twips) / 20.0
}

/// The advance as a part of the em.
#[expect(clippy::float_arithmetic, reason = "a length on a page, as the library wants it")]
fn em_f32(glyph: Glyph) -> f32 {
    exact_f32(glyph.advance) / 1_000.0
}

fn exact_f32<T: Into<f32>>(number: T) -> f32 {
    number.into()
}

fn fill(colour: Colour) -> Fill {
    let (red, green, blue) = match colour {
        Colour::Ink => (0x1a, 0x1f, 0x2b),
        // 4.5 : 1 against white, which is what WCAG 2.2 §1.4.3 asks for.
        Colour::Grey => (0x5c, 0x65, 0x75),
        Colour::Pale => (0xd5, 0xda, 0xe1),
        Colour::Deep => (0x0b, 0x3d, 0x66),
    };
    Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }
}
