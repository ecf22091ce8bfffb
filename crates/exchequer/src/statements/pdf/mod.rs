//! A statement as PDF: A4 pages that are read by people, by machines and by screen readers.
//!
//! PDF/A-2a and PDF/UA-1: the library refuses to write a document that breaks a rule of either that it
//! can see. Every text is a part of the structure (headings, paragraphs, two tables), what pages repeat
//! is decoration. Dated with the period's last second; the same statement is the same file.
//!
//! Cost: some 50 µs and 800 bytes an entry, most of both for the structure. Bound: [`MAX_ENTRIES`].

pub mod face;
mod layout;
mod pen;
mod sheet;

use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::Point;
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::{Document, SerializeSettings};

use self::pen::{Fonts, Pen, points_f32};
use self::sheet::Structure;
use super::model::{BANK_NAME, Statement};

/// Some 450 pages. Longer statements are for programs, and for those there are the other formats.
pub const MAX_ENTRIES: usize = 10_000;

/// Errors: what the library found wrong, for the log. Nothing that a customer writes leads to one.
pub fn render(statement: &Statement) -> Result<Vec<u8>, String> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| format!("{error:?}"))?;
    let settings = SerializeSettings { configuration, ..SerializeSettings::default() };
    let fonts = Fonts::load().ok_or("a font of ours cannot be read")?;
    let mut document = Document::new_with(settings);
    document.set_metadata(metadata(statement));
    document.set_outline(outline());
    let mut structure = Structure::new();
    let pages = layout::pages(statement);
    let of = pages.len();
    for (index, lines) in pages.into_iter().enumerate() {
        let size = (points_f32(layout::WIDTH), points_f32(layout::HEIGHT));
        let size = PageSettings::from_wh(size.0, size.1).ok_or("a page without a size")?;
        let mut page = document.start_page_with(size);
        let mut pen = Pen::new(page.surface(), &fonts);
        sheet::draw(&mut pen, &mut structure, statement, ((index, of), lines));
    }
    document.set_tag_tree(structure.into_tree());
    document.finish().map_err(|error| format!("{error:?}"))
}

fn title(statement: &Statement) -> String {
    let period = statement.period();
    let number = &statement.subject().number;
    format!("Account statement {number}, {} to {}", period.from(), period.to())
}

fn metadata(statement: &Statement) -> Metadata {
    Metadata::new()
        .title(title(statement))
        .language("en".to_owned())
        .authors(vec![BANK_NAME.to_owned()])
        .creator(BANK_NAME.to_owned())
        .document_id(statement.id())
        .creation_date(made(statement))
}

/// The last second of the period.
fn made(statement: &Statement) -> DateTime {
    let day = statement.period().to().to_string();
    let part = |range: std::ops::Range<usize>| day.get(range).unwrap_or_default();
    let small = |range| part(range).parse::<u8>().unwrap_or(1);
    DateTime::new(part(0..4).parse().unwrap_or(0))
        .month(small(5..7))
        .day(small(8..10))
        .hour(23)
        .minute(59)
        .second(59)
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

/// PDF/UA-1 wants one where there are headings.
fn outline() -> Outline {
    let mut outline = Outline::new();
    for (title, y) in [("Account statement", 0), ("Entries", layout::FIRST_TABLE - 500)] {
        let place = Point::from_xy(0.0, points_f32(y));
        outline.push_child(OutlineNode::new(title.to_owned(), XyzDestination::new(0, place)));
    }
    outline
}

#[cfg(test)]
mod tests;
