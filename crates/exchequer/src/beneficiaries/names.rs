//! Whether a name that somebody gives for a payee is that of the account's holder.
//!
//! Pure. Names are compared as words: compatibility forms folded (NFKC), capitals and accents of Latin letters
//! folded, apostrophes and points dropped, titles left out, in any order. Equal words are a match. Close is what
//! a person means who types in haste: an initial for a name, a middle name left out, a letter wrong, missing or
//! exchanged. A single word of several is not close: whoever guesses common first names would be told the rest.
//!
//! Bound: names of [`MAX_WORDS`] words and words of [`MAX_LETTERS`] letters are compared closely, longer ones
//! exactly.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    Match,
    Close,
    None,
    /// There is no word in what was given.
    Nothing,
}

/// Whether one word may be meant by another.
type StandsFor = fn(&str, &str) -> bool;

const MAX_WORDS: usize = 8;
const MAX_LETTERS: usize = 32;

/// Titles, folded; they are no part of a name.
const TITLES: [&str; 22] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "dr",
    "prof",
    "sir",
    "madam",
    "shri",
    "sri",
    "smt",
    "shrimati",
    "kumari",
    "herr",
    "frau",
    "dhr",
    "mevr",
    "श्री",
    "श्रीमती",
    "कुमारी",
    "डॉ",
];

/// Compares a name that was given with the holder's.
pub fn compare(given: &str, holder: &str) -> Likeness {
    let (given, holder) = (words(given), words(holder));
    if given.is_empty() {
        Likeness::Nothing
    } else if given == holder || given.concat() == holder.concat() {
        Likeness::Match
    } else if is_close(&given, &holder) {
        Likeness::Close
    } else {
        Likeness::None
    }
}

/// A name of which only the first letter of each word is told: `A••• R•••`. The number of dots tells nothing.
pub fn masked(name: &str) -> String {
    let initials = name.split_whitespace().filter_map(|word| word.chars().next());
    let words: Vec<String> = initials.take(MAX_WORDS).map(|first| format!("{first}•••")).collect();
    words.join(" ")
}

/// The words of a name, folded and in order; titles only where there is nothing else.
fn words(name: &str) -> Vec<String> {
    let folded = fold(name);
    let all: Vec<&str> = folded.split_whitespace().collect();
    let without: Vec<&str> = all.iter().copied().filter(|word| !TITLES.contains(word)).collect();
    let kept = if without.is_empty() { all } else { without };
    let mut kept: Vec<String> = kept.into_iter().map(str::to_owned).collect();
    kept.sort_unstable();
    kept
}

fn fold(name: &str) -> String {
    let compatible: String = name.nfkc().collect();
    // By capitals first, so that what has two of them in one (ß) is those two.
    let small = compatible.to_uppercase().to_lowercase();
    let mut folded = String::with_capacity(small.len());
    // Accents of letters that Latin, Greek and Cyrillic write apart; marks of other scripts are letters.
    for c in small.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)) {
        if c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '\u{200c}' | '\u{200d}') {
            folded.push(c);
        } else if !matches!(c, '\'' | '’' | '‘' | '`') {
            folded.push(' ');
        }
    }
    folded.nfc().collect()
}

/// Whether each word of the shorter name stands for another one of the longer, and at least one word of two
/// letters or more is the very same or all but.
fn is_close(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let is_part = short.len() < long.len();
    if long.len() > MAX_WORDS || (is_part && short.len() < 2) {
        return false;
    }
    let mut taken = vec![false; long.len()];
    let mut whole = 0;
    // The plainest first, so that an initial does not take a word that another is equal to.
    let mut left: Vec<&String> = short.iter().collect();
    let ways: [(StandsFor, u32); 3] = [(equal, 1), (is_typo, 1), (is_initial, 0)];
    for (stands_for, counts) in ways {
        left.retain(|word| {
            let free = (0..long.len()).find(|at| {
                let other = long.get(*at).map_or("", String::as_str);
                !taken.get(*at).copied().unwrap_or(true) && stands_for(word, other)
            });
            if let Some(slot) = free.and_then(|at| taken.get_mut(at)) {
                *slot = true;
                whole += counts;
            }
            free.is_none()
        });
    }
    left.is_empty() && whole > 0
}

fn equal(a: &str, b: &str) -> bool {
    a == b
}

fn is_initial(a: &str, b: &str) -> bool {
    let is_one = |text: &str| text.chars().count() == 1;
    (is_one(a) && b.starts_with(a)) || (is_one(b) && a.starts_with(b))
}

/// One slip in a word of four letters or more, two in one of eight or more: a letter wrong, missing, too many,
/// or two exchanged.
fn is_typo(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let shorter = a.len().min(b.len());
    let allowed = match shorter {
        0..=3 => return false,
        4..=7 => 1,
        _ => 2,
    };
    a.len().max(b.len()) <= MAX_LETTERS
        && a.len().abs_diff(b.len()) <= allowed
        && slips(&a, &b) <= allowed
}

/// The distance of Damerau and Levenshtein (optimal string alignment).
fn slips(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
