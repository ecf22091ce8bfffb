//! Digits: card numbers, Aadhaar numbers, PANs, and codes in running text.
//!
//! Digits are read as a *run*: groups with one to three separators between them. In a run of at
//! least twelve digits, in this order: a card number in a few neighbouring groups whose lengths a
//! card's could be ([`Run::is_card_shaped`]); Aadhaar and card numbers of twelve digits in what is left; then each remaining
//! part as a whole, whatever its groups. The lengths matter because one number in ten passes Luhn:
//! without them a list of counters would lose every tenth window.
//! Cost: a run is read once; a group is tried with at most 18 groups behind it.

use super::Kind;
use super::runs::{CARD_LEAST, CARD_MOST, Gap, Group, Run, is_separator};
use super::scan::Scanner;
use crate::checkdigit::verhoeff_valid_values;

const AADHAAR: usize = 12;

/// The most separators between two groups of one number: ` - `.
const SEPARATORS: usize = 3;

/// The longest id, digest or account number that is recognised, in bytes: SHA-512 in hexadecimal.
const WORD: usize = 128;

/// The fewest digits of a hexadecimal digest or trace id that stays.
const DIGEST: usize = 32;

/// The last part of keys whose unquoted twelve digits are an amount, a counter or a duration and no
/// Aadhaar number.
const QUANTITIES: [&[u8]; 25] = [
    b"amount",
    b"balance",
    b"posted",
    b"held",
    b"available",
    b"captured",
    b"refunded",
    b"debits",
    b"credits",
    b"total",
    b"sum",
    b"limit",
    b"minor",
    b"bytes",
    b"size",
    b"seq",
    b"sequence",
    b"count",
    b"offset",
    b"cursor",
    b"ns",
    b"us",
    b"ms",
    b"nanos",
    b"micros",
];

impl Scanner<'_> {
    /// Reads the run that begins here and returns its end. A lone digit, as ids are full of, is
    /// passed over at once.
    #[inline]
    pub(super) fn digits(&mut self, at: usize) -> usize {
        let next = at.saturating_add(1);
        if !self.at(next).is_ascii_digit() && !is_separator(self.at(next)) {
            return next;
        }
        self.long_digits(at)
    }

    fn long_digits(&mut self, at: usize) -> usize {
        if matches!(self.before(at, 1), 0 | b'"')
            && is_moment(self.slice(at, at.saturating_add(27)))
        {
            return at.saturating_add(27);
        }
        let first = self.end_of(at, usize::MAX, |byte| byte.is_ascii_digit());
        let code = match self.before(at, 1) {
            b' ' | b'#' => self.code_in_prose(at),
            _ => None,
        };
        let is_four = first.saturating_sub(at) == 4;
        if let Some(end) = code.or_else(|| if is_four { self.pan(at, first) } else { None }) {
            return end;
        }
        if !is_separator(self.at(first)) && first.saturating_sub(at) < AADHAAR {
            return first;
        }
        let (end, digits) = self.run_end(at, first);
        if digits >= AADHAAR {
            self.numbers(at, end);
        }
        end
    }

    /// The end of the run whose first group ends at `end`, and how many digits it has.
    fn run_end(&self, start: usize, mut end: usize) -> (usize, usize) {
        let mut digits = end.saturating_sub(start);
        loop {
            let next = self.end_of(end, SEPARATORS, is_separator);
            if next == end || !self.at(next).is_ascii_digit() {
                return (end, digits);
            }
            end = self.end_of(next, usize::MAX, |byte| byte.is_ascii_digit());
            digits = digits.saturating_add(end.saturating_sub(next));
        }
    }

    /// An Indian PAN round its four digits (Income-tax Rules, rule 114): the fourth letter is the
    /// holder's kind.
    fn pan(&mut self, digits: usize, end: usize) -> Option<usize> {
        let start = digits.checked_sub(5)?;
        let last = end.saturating_add(1);
        let letters = self.slice(start, digits);
        let check = self.at(end);
        let upper = letters.iter().all(u8::is_ascii_uppercase) && check.is_ascii_uppercase();
        let lower = letters.iter().all(u8::is_ascii_lowercase) && check.is_ascii_lowercase();
        let holder = self.before(digits, 2).to_ascii_uppercase();
        if !(upper || lower)
            || !b"ABCFGHJLPT".contains(&holder)
            || self.continues_a_word(start)
            || self.at(last).is_ascii_alphanumeric()
        {
            return None;
        }
        Some(self.found((start, last), Kind::Pan, None))
    }

    fn numbers(&mut self, start: usize, end: usize) {
        let run = self.read(start, end);
        if self.whole(&run, 0, run.groups.len()) {
            return;
        }
        let mut rest = Vec::new();
        let mut from = 0;
        let mut group = 0;
        while group < run.groups.len() {
            if let Some(last) = self.card_at(&run, group) {
                self.take(&run, (group, last), Kind::Card);
                rest.push((from, group));
                from = last.saturating_add(1);
                group = from;
            } else {
                group = group.saturating_add(1);
            }
        }
        rest.push((from, run.groups.len()));
        for (from, to) in rest {
            self.aadhaar_or_whole(&run, from, to);
        }
    }

    fn read(&self, start: usize, end: usize) -> Run {
        let mut run = Run::default();
        let mut gap = Gap::Start;
        let mut at = start;
        while at < end {
            let digits = self.end_of(at, usize::MAX, |byte| byte.is_ascii_digit());
            run.groups.push(Group { gap, start: at, end: digits, first: run.values.len() });
            run.values
                .extend(self.slice(at, digits).iter().map(|digit| digit.saturating_sub(b'0')));
            at = self.end_of(digits, SEPARATORS, is_separator);
            gap = match at.saturating_sub(digits) {
                1 => Gap::One(self.at(digits)),
                _ => Gap::Several,
            };
        }
        run
    }

    /// The last group of the longest card number that begins with this group.
    fn card_at(&self, run: &Run, first: usize) -> Option<usize> {
        let mut digits = 0_usize;
        let mut found = None;
        for (last, group) in run.groups.iter().enumerate().skip(first) {
            digits = digits.saturating_add(group.len());
            if digits > CARD_MOST {
                break;
            }
            if digits >= CARD_LEAST
                && run.is_card(first, last)
                && run.is_card_shaped(first, last)
                && !self.is_identifier(run, first, last)
            {
                found = Some(last);
            }
        }
        found
    }

    /// Aadhaar numbers among these groups, and then what they leave, each part as a whole.
    fn aadhaar_or_whole(&mut self, run: &Run, from: usize, to: usize) {
        let mut left = from;
        let mut at = from;
        while at < to {
            let chain = run.chain_of_fours(at, to);
            let (step, size) = match run.groups.get(at).map(Group::len) {
                Some(AADHAAR) => (1, 1),
                // Sixteen digits in fours are an order number or a card that failed Luhn.
                Some(4) if chain.checked_rem(3) == Some(0) => (chain, 3),
                Some(4) => (chain, chain.saturating_add(1)),
                _ => (1, 2),
            };
            let end = at.saturating_add(step.max(1));
            while at.saturating_add(size) <= end {
                let last = at.saturating_add(size).saturating_sub(1);
                if let Some(kind) = self.of_twelve(run, at, last) {
                    self.whole(run, left, at);
                    self.take(run, (at, last), kind);
                    left = last.saturating_add(1);
                }
                at = last.saturating_add(1);
            }
            at = end;
        }
        self.whole(run, left, to);
    }

    /// Takes all of these groups as one card number, however they are cut, if they are one.
    fn whole(&mut self, run: &Run, from: usize, to: usize) -> bool {
        let Some(last) = to.checked_sub(1).filter(|last| *last >= from) else { return false };
        let is_card = run.is_evenly_separated(from, last)
            && run.is_card(from, last)
            && !self.is_identifier(run, from, last);
        if is_card {
            self.take(run, (from, last), Kind::Card);
        }
        is_card
    }

    /// What twelve digits are: an Aadhaar number, one of Maestro's shortest card numbers, or neither.
    fn of_twelve(&self, run: &Run, first: usize, last: usize) -> Option<Kind> {
        let values = run.values_of(first, last);
        let (start, end) = run.place(first, last)?;
        if values.len() != AADHAAR {
            return None;
        }
        let is_aadhaar =
            values.first().is_some_and(|first| *first >= 2) && verhoeff_valid_values(values);
        let kind = if is_aadhaar {
            Kind::Aadhaar
        } else if run.is_card_of_twelve(first, last) {
            Kind::Card
        } else {
            return None;
        };
        let is_part = self.continues_a_word(start)
            || self.at(end).is_ascii_alphanumeric()
            || self.is_identifier(run, first, last)
            || (first == last && self.is_quantity(start));
        (!is_part).then_some(kind)
    }

    fn take(&mut self, run: &Run, (first, last): (usize, usize), kind: Kind) {
        if let Some((start, end)) = run.place(first, last) {
            let wrap = self.json_quote(start, end);
            self.found((start, end), kind, wrap);
        }
    }

    /// The closing quote of the key before a bare number: JSON, which has to stay JSON.
    fn json_quote(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let colon = self.start_of(start, 2, |byte| byte == b' ');
        let quote = colon.checked_sub(1)?;
        let opens = self.start_of(quote.checked_sub(1)?, WORD, |byte| byte == b'\\');
        let follows = self.at(end);
        let bare = matches!(follows, 0 | b',' | b'}' | b']') || follows.is_ascii_whitespace();
        (self.at(quote) == b':' && self.before(quote, 1) == b'"' && bare).then_some((opens, quote))
    }

    /// True when the bare number at this place is the value of a key such as `amount`.
    fn is_quantity(&self, start: usize) -> bool {
        let sign = self.start_of(start, 2, |byte| byte == b' ');
        if !matches!(self.before(sign, 1), b'=' | b':') {
            return false;
        }
        let quote =
            self.start_of(sign.saturating_sub(1), WORD, |byte| matches!(byte, b'"' | b'\\'));
        let key = self.start_of(quote, WORD, |byte| byte.is_ascii_alphabetic());
        let key = self.slice(key, quote);
        QUANTITIES.iter().any(|quantity| quantity.eq_ignore_ascii_case(key))
    }

    /// True inside of an id of ours, an account number of ours, a UUID or a hexadecimal digest.
    fn is_identifier(&self, run: &Run, first: usize, last: usize) -> bool {
        let Some((start, end)) = run.place(first, last) else { return false };
        let left = self.start_of(start, WORD, |byte| byte.is_ascii_alphanumeric());
        let uuid_parts = [0_usize, 9, 14, 19, 24];
        if uuid_parts.iter().any(|part| left.checked_sub(*part).is_some_and(|at| self.is_uuid(at)))
        {
            return true;
        }
        let right = self.end_of(start, WORD, |byte| byte.is_ascii_alphanumeric());
        if end > right {
            return false;
        }
        let word = self.slice(left, right);
        is_digest(word)
            || (is_id_body(word) && self.before(left, 1) == b'_' && self.has_id_prefix(left))
            || word.strip_prefix(b"EX").is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
    }

    /// `acc` before the underscore: two to five lower-case letters.
    fn has_id_prefix(&self, body: usize) -> bool {
        let underscore = body.saturating_sub(1);
        let start = self.start_of(underscore, 6, |byte| byte.is_ascii_lowercase());
        (2..=5).contains(&underscore.saturating_sub(start)) && !self.continues_a_word(start)
    }

    fn is_uuid(&self, start: usize) -> bool {
        let end = start.saturating_add(36);
        let text = self.slice(start, end);
        text.len() == 36
            && !self.before(start, 1).is_ascii_alphanumeric()
            && !self.at(end).is_ascii_alphanumeric()
            && text.iter().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    }
}

/// A moment as log lines begin with (RFC 3339, UTC, microseconds): too few digits together for any
/// number, and half of the digits of an ordinary line.
fn is_moment(text: &[u8]) -> bool {
    const FORM: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
    text.len() == FORM.len()
        && text.iter().zip(FORM).fold(true, |is_so, (&byte, &form)| {
            is_so & if form == b'0' { byte.is_ascii_digit() } else { byte == form }
        })
}

fn is_digest(word: &[u8]) -> bool {
    word.len() >= DIGEST
        && word.iter().all(u8::is_ascii_hexdigit)
        && word.iter().any(u8::is_ascii_alphabetic)
}

/// 26 characters of Crockford base 32 in lower case (`money`'s ids).
fn is_id_body(word: &[u8]) -> bool {
    word.len() == 26
        && word.iter().all(|byte| {
            byte.is_ascii_digit()
                || (byte.is_ascii_lowercase() && !matches!(byte, b'i' | b'l' | b'o' | b'u'))
        })
}
