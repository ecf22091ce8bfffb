//! Names of customers as they are searched for and as they are masked. Pure, but for the keyed hash.
//!
//! A name is found by whole words, in any order, each as the keyed hash of its normal form: NFKC, then case
//! folded (Unicode Standard 5.18: upper case first, so that `ß` and `SS` or the two forms of sigma are one), then
//! NFKC again. What the table of hashes tells who reads it without the key: which customers share a word, and
//! how common it is. Bounds: [`MAX_WORDS`] of a name, [`MAX_QUERY_WORDS`] of a question. What it never does:
//! find parts of words; that would need an index of parts, which tells far more.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use crate::bank::Tools;

/// The keyed hash of a word.
pub type WordIndex = [u8; 16];

/// Words of one name that are indexed: its first ones. Names of people have fewer.
const MAX_WORDS: usize = 16;
/// Words of one question: each is a range of the index.
pub const MAX_QUERY_WORDS: usize = 8;
/// Words of a masked name: more tell nothing.
const MAX_MASKED: usize = 4;
/// What parts words besides white space and the punctuation of ASCII.
const PARTING: [char; 10] = ['\u{2010}', '\u{2011}', '–', '—', '‘', '’', 'ʼ', '·', '、', '،'];

/// The words of a question, where it is one for a name: it has letters, no `@`, and few words.
pub fn asked(text: &str) -> Option<BTreeSet<String>> {
    if text.contains('@') || !text.chars().any(char::is_alphabetic) {
        return None;
    }
    let words = words(text);
    (!words.is_empty() && words.len() <= MAX_QUERY_WORDS).then_some(words)
}

/// The words of a name, in normal form.
pub fn words(name: &str) -> BTreeSet<String> {
    let folded = folded(name);
    let parts = |c: char| c.is_whitespace() || c.is_ascii_punctuation() || PARTING.contains(&c);
    let words = folded.split(parts).filter(|word| !word.is_empty());
    words.take(MAX_WORDS).map(str::to_owned).collect()
}

/// The keyed hashes of words, under the version in use.
pub fn indexes(tools: &Tools, words: &BTreeSet<String>) -> Vec<WordIndex> {
    all_indexes(tools, words).iter().filter_map(|all| all.first().copied()).collect()
}

/// The same for each word under every version of the key, the one in use first.
pub fn all_indexes(tools: &Tools, words: &BTreeSet<String>) -> Vec<Vec<WordIndex>> {
    let index = tools.keyring().blind_index_of("customers.full_name_word");
    let half = |mac: &[u8; 32]| {
        let mut half = WordIndex::default();
        half.copy_from_slice(&mac[..16]);
        half
    };
    words.iter().map(|word| index.all(word.as_bytes()).iter().map(half).collect()).collect()
}

/// `A*** R***`: the first character of each word, and not how long it is.
pub fn masked(name: &str) -> String {
    let first = |word: &str| word.chars().next().map(|c| format!("{c}***"));
    let words: Vec<String> = name.split_whitespace().take(MAX_MASKED).filter_map(first).collect();
    words.join(" ")
}

fn folded(name: &str) -> String {
    let joined = name.nfkc().filter(|c| !matches!(c, '\u{200c}' | '\u{200d}'));
    let folded = joined.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str) -> Vec<String> {
        words(name).into_iter().collect()
    }

    #[test]
    fn one_word_has_one_form() {
        for (a, b) in [
            ("Asha Rao", "RAO, asha"),
            ("Straße", "STRASSE"),
            ("Ｗｉｄｅ", "wide"),
            ("Zoe\u{308}", "zoë"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("ﬁ", "FI"),
            ("Anne-Marie", "anne marie"),
            ("O’Neil", "o'neil"),
        ] {
            assert_eq!(list(a), list(b), "{a} {b}");
        }
        // Signs of vowels and the virama belong to their word.
        assert_eq!(list("आशा राव").len(), 2);
        assert_eq!(list("प्रिया"), ["प्रिया"]);
    }

    #[test]
    fn what_is_no_name_asks_for_none() {
        for text in ["", " ", "%", "12345", "a@", "+91", "a b c d e f g h i"] {
            assert_eq!(asked(text), None, "{text}");
        }
        assert_eq!(asked("  Rao ").map(|words| words.len()), Some(1));
        assert_eq!(words(&"x y z ".repeat(40)).len(), 3);
    }

    #[test]
    fn a_masked_name_tells_neither_rest_nor_length() {
        assert_eq!(masked("Asha Rao"), "A*** R***");
        assert_eq!(masked("Al"), "A***");
        assert_eq!(masked("a b c d e f"), "a*** b*** c*** d***");
        assert_eq!(masked(""), "");
    }
}
