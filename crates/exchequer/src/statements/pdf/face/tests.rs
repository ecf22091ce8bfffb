//! Tests of [`super`].

use super::*;

#[test]
fn both_files_are_read_and_have_what_is_promised() {
    for weight in [Weight::Regular, Weight::Bold] {
        let face = weight.face();
        for range in [' '..='~', '\u{a0}'..='\u{24f}', 'А'..='я', 'α'..='ω'] {
            let missing: Vec<char> = range.filter(|c| face.glyph(*c).is_none()).collect();
            assert_eq!(missing, ['ς'; 0], "{weight:?}");
        }
        for c in "₹€£¥₿₺₽…–·\u{301}\u{fffd}".chars() {
            assert!(face.glyph(c).is_some(), "{weight:?} {c:?}");
        }
        assert!(super::super::pen::Fonts::load().is_some());
        // Figures of one width: columns of amounts line up.
        let widths: Vec<_> = ('0'..='9').filter_map(|c| face.glyph(c)).map(|g| g.advance).collect();
        assert_eq!(widths, [572; 10]);
    }
}

#[test]
fn what_has_no_glyph_is_replaced_where_it_is_seen() {
    let face = Weight::Regular.face();
    assert_eq!(face.settable("a旅\u{202e}\0\u{e000}b"), "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}b");
    assert_eq!(face.settable("Łódź ₹"), "Łódź ₹");
}

#[test]
fn lines_are_broken_at_spaces_and_none_is_too_wide() {
    let face = Weight::Regular.face();
    let width = 4_200;
    for text in
        ["", " ", "one", "one two three", &"word ".repeat(28), &"W".repeat(140), &"é ".repeat(70)]
    {
        let lines = face.lines(text, (170, width), 6);
        for line in &lines {
            assert!(face.width(line.trim_end(), 170) <= width, "{line:?}");
        }
        let whole: String = lines.concat();
        assert_eq!(whole, text.trim(), "nothing is lost");
    }
    let cut = face.lines(&"W".repeat(140), (170, width), 2);
    assert_eq!(cut.len(), 2);
    assert!(cut[1].ends_with('…') && face.width(&cut[1], 170) <= width);
    assert_eq!(face.lines("W", (170, 1), 3), ["W"]);
    assert_eq!(face.fitting("1,234", 170, 100_000), 170);
    let small = face.fitting(&"9".repeat(40), 170, 1_000);
    assert!(face.width(&"9".repeat(40), small) <= 1_000);
}
