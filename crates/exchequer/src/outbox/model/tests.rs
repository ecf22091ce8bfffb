//! What texts become, and when they are tried again.

use super::*;

#[test]
fn a_subject_stays_one_line_whatever_it_is_made_of() {
    for hostile in [
        "Hello\r\nBcc: all@example.test",
        "Hello\nBcc: x",
        "Hello\rBcc: x",
        "a\u{2028}b\u{0}c\u{85}d",
    ] {
        let line = one_line(hostile);
        assert!(!line.chars().any(breaks), "{line:?}");
    }
    assert_eq!(one_line(" \r\n Grüße an 李 \n"), "Grüße an 李");
}

#[test]
fn long_texts_are_cut_by_characters_not_bytes() {
    let long = "李".repeat(5_000);
    assert_eq!(one_line(&long).chars().count(), MAX_SUBJECT_CHARS);
    let sms = plain_lines(&long, MAX_SMS_CHARS);
    assert_eq!(sms.chars().count(), MAX_SMS_CHARS);
    assert!(sms.ends_with('…'));
    assert_eq!(plain_lines("short", MAX_SMS_CHARS), "short");
}

// ASVS 1.3.3: what goes into a message is cut to its length and has no control characters.
#[test]
fn a_text_has_one_kind_of_line_end_and_no_other_control_character() {
    assert_eq!(plain_lines("a\r\nb\rc\nd\u{7}\u{1b}[2Je\u{2028}f", 100), "a\nb\nc\nd[2Je\nf");
}

#[test]
fn pauses_grow_and_are_bounded() {
    let pauses = |lives: i64| (1..=12).map(|n| pause_seconds(n, lives)).collect::<Vec<i64>>();
    let (code, notice) = (300, 7 * 86_400);
    assert_eq!(pauses(notice), [2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 3_600]);
    assert_eq!(pauses(code)[..6], [2, 4, 8, 16, 30, 30]);
    assert_eq!(pause_seconds(i64::MAX, i64::MAX), 3_600);
    for lives in [i64::MIN, -1, 0, 1] {
        assert_eq!(pause_seconds(0, lives), 2, "never at once");
    }
}

// PCI DSS 4.2.2: of a number a message may show the last four digits.
// RBI DPSC 2: account and card numbers are masked in messages.
#[test]
fn numbers_are_shown_by_their_end_only() {
    assert_eq!(masked_number("4471029931234"), "…1234");
    assert_eq!(masked_number("1234"), "…");
    assert_eq!(masked_number(""), "…");
}

#[test]
fn only_listed_prefixes_are_served() {
    let india = ["+91".to_owned()];
    assert!(is_served("+919812345678", &india));
    for other in ["+9", "+88216000000", "919812345678", ""] {
        assert!(!is_served(other, &india), "{other}");
    }
    assert!(is_served("+88216000000", &[]));
}
