//! How many characters of a password somebody has to guess who tries the usual things first.
//!
//! A password is cut into the pieces that make it cheapest: a word of the list of common passwords
//! counts as two characters (11,000 words are about as many guesses as two random characters), a
//! run of the keyboard or the alphabet, a repetition or a year as one, a part of the owner's name
//! or address as none, and any other character as one. `Password2024!` is four; words that are not
//! on the list count by their letters. A password that repeats itself is also judged by what it
//! repeats.
//!
//! Cost: a shortest path over the positions, of which those already dear enough are skipped: tens
//! of microseconds as a rule, milliseconds at 1,024 bytes. Bound: the caller's limit on length.
//! Copies of the password are wiped.

use std::sync::LazyLock;
use zeroize::Zeroizing;

/// With fewer, a password is among the first few million that are tried: a common word with a year,
/// a digit and a mark is four.
pub(super) const ENOUGH_CHARS: usize = 5;

const WORD: usize = 2;
const RUN: usize = 1;
const YEAR: usize = 1;
const KNOWN: usize = 0;

const SHORTEST_RUN: usize = 3;

/// Sorted, lower-case ASCII, four characters or more, one a line. `common_passwords.LICENSE.txt`
/// says where it is from.
static COMMON: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// The rows of a keyboard, with shift and without, and the columns that hands run down.
const KEYBOARD: [&str; 14] = [
    "1234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "!@#$%^&*()",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
];

/// How one character follows another in a run.
#[derive(Clone, Copy)]
enum Step {
    Same,
    Up,
    Down,
    Right,
    Left,
}

/// The password in lower case, and again with the usual digits and marks read as letters. The `1`
/// is an `i` to one person and an `l` to another.
struct Readings([Zeroizing<Vec<char>>; 3]);

/// At most [`ENOUGH_CHARS`], beyond which nobody asks. `known` is in lower case.
pub(super) fn effective_chars(password: &str, known: &[Vec<char>]) -> usize {
    // No character's lower case has more characters than it has bytes: nothing is reallocated.
    let mut folded = Zeroizing::new(Vec::with_capacity(password.len()));
    folded.extend(password.chars().flat_map(char::to_lowercase));
    let whole = cheapest_cut(&Readings::of(&folded), known);
    // Both are asked: `blingbling` is listed, and what it repeats is not.
    match folded.get(..period(&folded)) {
        Some(once) if once.len() < folded.len() => {
            whole.min(cheapest_cut(&Readings::of(once), known))
        }
        _ => whole,
    }
}

fn cheapest_cut(readings: &Readings, known: &[Vec<char>]) -> usize {
    let plain = readings.plain();
    // `cost[i]` is what the first `i` characters cost at least; paths only lead forward.
    let mut cost = vec![ENOUGH_CHARS; plain.len().saturating_add(1)];
    if let Some(start) = cost.first_mut() {
        *start = 0;
    }
    for at in 0..plain.len() {
        let Some(here) = cost.get(at).copied().filter(|cost| *cost < ENOUGH_CHARS) else {
            continue;
        };
        let mut reach = |len: usize, weight: usize| {
            if let Some(there) = cost.get_mut(at.saturating_add(len)) {
                *there = (*there).min(here.saturating_add(weight));
            }
        };
        reach(1, 1);
        for len in readings.common_words_at(at) {
            reach(len, WORD);
        }
        let rest = plain.get(at..).unwrap_or_default();
        for len in SHORTEST_RUN..=longest_run(rest) {
            reach(len, RUN);
        }
        if begins_with_year(rest) {
            reach(4, YEAR);
        }
        for part in known.iter().filter(|part| rest.starts_with(part)) {
            reach(part.len(), KNOWN);
        }
    }
    cost.last().copied().unwrap_or_default()
}

impl Readings {
    fn of(folded: &[char]) -> Self {
        let read = |as_read: fn(char) -> char| {
            let mut chars = Zeroizing::new(Vec::with_capacity(folded.len()));
            chars.extend(folded.iter().copied().map(as_read));
            chars
        };
        Self([read(|c| c), read(|c| as_letter(c, 'i')), read(|c| as_letter(c, 'l'))])
    }

    fn plain(&self) -> &[char] {
        let [plain, _, _] = &self.0;
        plain
    }

    fn common_words_at(&self, at: usize) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(move |reading| match reading.get(at..) {
            Some(rest) => common_words(rest),
            None => Vec::new(),
        })
    }
}

impl Step {
    const ALL: [Self; 5] = [Self::Same, Self::Up, Self::Down, Self::Right, Self::Left];

    fn leads(self, from: char, to: char) -> bool {
        match self {
            Self::Same => from == to,
            Self::Up => is_next_letter(from, to),
            Self::Down => is_next_letter(to, from),
            Self::Right => is_next_key(from, to),
            Self::Left => is_next_key(to, from),
        }
    }
}

/// The length of the shortest beginning which, repeated and cut off anywhere, gives the whole.
fn period(chars: &[char]) -> usize {
    let half = chars.len().div_euclid(2);
    (1..=half)
        .find(|len| {
            let (first, _) = chars.split_at_checked(*len).unwrap_or_default();
            chars.chunks(*len).all(|chunk| first.starts_with(chunk))
        })
        .unwrap_or(chars.len())
}

fn as_letter(c: char, one: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        other => other,
    }
}

/// The lengths of the common words that `rest` begins with: the list is narrowed down letter by
/// letter to the words that go on alike, of which the shortest comes first.
fn common_words(rest: &[char]) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut words = COMMON.as_slice();
    for (at, letter) in rest.iter().enumerate() {
        let letter = u8::try_from(*letter).ok();
        let there = |word: &&str| word.as_bytes().get(at).copied();
        let first = words.partition_point(|word| there(word) < letter);
        let alike = words.get(first..).unwrap_or_default();
        let end = alike.partition_point(|word| there(word) == letter);
        words = alike.get(..end).unwrap_or_default();
        let Some(shortest) = words.first() else { break };
        let len = at.saturating_add(1);
        if shortest.len() == len {
            lengths.push(len);
        }
    }
    lengths
}

fn longest_run(rest: &[char]) -> usize {
    let run = |step: Step| {
        let follows = |pair: &&[char]| matches!(pair, [a, b] if step.leads(*a, *b));
        rest.windows(2).take_while(follows).count().saturating_add(1)
    };
    Step::ALL.into_iter().map(run).max().unwrap_or_default()
}

fn is_next_letter(from: char, to: char) -> bool {
    from.is_ascii_alphanumeric()
        && to.is_ascii_alphanumeric()
        && u32::from(from).checked_add(1) == Some(u32::from(to))
}

fn is_next_key(from: char, to: char) -> bool {
    KEYBOARD.iter().any(|row| row.chars().zip(row.chars().skip(1)).any(|pair| pair == (from, to)))
}

fn begins_with_year(rest: &[char]) -> bool {
    match rest {
        ['1', '9', c, d, ..] | ['2', '0', c, d, ..] => c.is_ascii_digit() && d.is_ascii_digit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
