//! What `password::guessing` promises.

use super::*;

fn chars(password: &str) -> usize {
    effective_chars(password, &[])
}

#[test]
fn the_list_can_be_searched() {
    assert!(COMMON.len() > 5_000);
    assert!(COMMON.is_sorted_by(|a, b| a < b), "sorted, without doubles");
    for word in COMMON.iter() {
        assert!((4..=24).contains(&word.len()), "{word}");
        assert!(word.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()), "{word}");
    }
}

#[test]
fn every_listed_password_is_too_little() {
    for (at, word) in COMMON.iter().enumerate() {
        assert!(chars(word) < ENOUGH_CHARS, "{word}");
        // One in eight is enough for the disguises, and quick without optimisation.
        if at % 8 == 0 {
            assert!(chars(&word.to_uppercase()) < ENOUGH_CHARS, "{word}");
            assert!(chars(&format!("{word}{word}")) < ENOUGH_CHARS, "{word}");
        }
    }
}

#[test]
fn pieces_cost_what_the_header_says() {
    assert_eq!(chars(""), 0);
    assert_eq!(chars("k"), 1);
    assert_eq!(chars("kz"), 2);
    assert_eq!(chars("dragon"), 2);
    assert_eq!(chars("dr4g0n"), 2);
    assert_eq!(chars("dragon!"), 3);
    assert_eq!(chars("Password2024!"), 4);
    assert_eq!(chars("fghjkl"), 1);
    assert_eq!(chars("mnopqr"), 1);
    assert_eq!(chars("rqponm"), 1);
    assert_eq!(chars("zzzzzz"), 1);
    assert_eq!(chars("kz2031"), 3);
    assert_eq!(chars("correct horse battery staple"), ENOUGH_CHARS);
}

#[test]
fn a_known_part_costs_nothing() {
    let known: Vec<Vec<char>> = vec!["vexmor".chars().collect()];
    assert_eq!(effective_chars("vexmor", &known), 0);
    assert_eq!(effective_chars("Vexmor1k", &known), 2);
    assert_eq!(effective_chars("1kvexmor", &known), 2);
    assert_eq!(effective_chars("vexmor", &[]), ENOUGH_CHARS);
}

#[test]
fn repetition_is_judged_by_what_repeats() {
    let period_of = |text: &str| period(&text.chars().collect::<Vec<_>>());
    assert_eq!(period_of(""), 0);
    assert_eq!(period_of("a"), 1);
    assert_eq!(period_of("aaaa"), 1);
    assert_eq!(period_of("abab"), 2);
    assert_eq!(period_of("ababa"), 2);
    assert_eq!(period_of("abcdabcdab"), 4);
    assert_eq!(period_of("abcda"), 5);
    assert_eq!(chars(&"kz".repeat(500)), 2);
}

// ASVS 1.3.12: judging the longest password is bounded work.
#[test]
fn the_longest_password_is_judged_in_bounded_work() {
    // One different character at the end, so that nothing repeats and nothing is skipped early.
    assert_eq!(chars(&format!("{}k", "a".repeat(1023))), 2);
    assert_eq!(chars(&format!("{}k", "password".repeat(127))), ENOUGH_CHARS);
}
