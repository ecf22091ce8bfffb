//! What is a name's match, what is close, and what gives nothing away.

use super::*;

#[test]
fn the_same_name_however_it_is_written() {
    for (given, holder) in [
        ("Asha Rao", "Asha Rao"),
        ("  RAO,   asha ", "Asha Rao"),
        ("Mrs. Asha Rao", "Asha Rao"),
        ("Shri Ravi Kumar", "Dr Ravi Kumar"),
        ("Ａｓｈａ Ｒａｏ", "Asha Rao"),
        ("Jose Muñoz", "José Munoz"),
        ("Straße Groß", "STRASSE GROSS"),
        ("O'Brien Sean", "Sean O’Brien"),
        ("Anne-Marie Dubois", "Anne Marie Dubois"),
        ("AshaRao", "Asha Rao"),
        ("श्री राम कुमार", "राम कुमार"),
        ("Dr", "Dr"),
        ("\u{65}\u{301}tienne", "Étienne"),
    ] {
        assert_eq!(compare(given, holder), Likeness::Match, "{given:?} {holder:?}");
    }
}

#[test]
fn what_haste_makes_of_a_name_is_close() {
    for (given, holder) in [
        ("A Rao", "Asha Rao"),
        ("Asha Venkatraman", "Asha Venkataraman"),
        ("Ahsa Venkataraman", "Asha Venkataraman"),
        ("Asha Rao", "Asha Lakshmi Rao"),
        ("Asha L Rao", "Asha Lakshmi Rao"),
        ("Alexandre Dumas", "Alexander Dumas"),
    ] {
        assert_eq!(compare(given, holder), Likeness::Close, "{given:?} {holder:?}");
        assert_eq!(compare(holder, given), Likeness::Close, "{holder:?} {given:?}");
    }
}

#[test]
fn another_name_is_not_close() {
    for (given, holder) in [
        ("Asha", "Asha Rao"),
        ("Rao", "Asha Rao"),
        ("A R", "Asha Rao"),
        ("A", "Asha"),
        ("Asha Roa", "Asha Rao"),
        ("Bela Rao", "Asha Rao"),
        ("Asha Iyer", "Asha Rao"),
        ("Asha Rao Iyer Nair", "Bela Rao"),
        ("राम", "रमा"),
        ("a b c d e f g h i j", "asha bela"),
        ("Asha Rao", ""),
    ] {
        assert_eq!(compare(given, holder), Likeness::None, "{given:?} {holder:?}");
    }
}

#[test]
fn what_has_no_word_in_it_is_nothing() {
    for given in ["", "  ", "...", "'-'", "\u{301}"] {
        assert_eq!(compare(given, "Asha Rao"), Likeness::Nothing, "{given:?}");
    }
}

#[test]
fn a_long_name_costs_little_and_is_compared_exactly() {
    let long = "x".repeat(140);
    assert_eq!(compare(&long, &long), Likeness::Match);
    assert_eq!(compare(&long, &"x".repeat(139)), Likeness::None);
    let many = "ab ".repeat(46);
    assert_eq!(compare(&many, &many), Likeness::Match);
    assert_eq!(compare(&many, "ab cd"), Likeness::None);
}

#[test]
fn a_masked_name_has_first_letters_and_no_lengths() {
    assert_eq!(masked("Asha Rao"), "A••• R•••");
    assert_eq!(masked("A Venkataraman"), "A••• V•••");
    assert_eq!(masked("राम"), "र•••");
    assert_eq!(masked(""), "");
}
