//! How far the value of a key reaches, and what of it is taken.
//!
//! A quoted value ends at the quote of its own level of nesting; a bracketed one at its bracket; a
//! bare one at a space, an `&`, or punctuation that visibly ends a value. Without an end, the rest
//! of the text is taken. Each byte of a value is looked at once; punctuation in a bare value looks
//! [`LOOKAHEAD`] bytes ahead.

use super::Kind;
use super::keys::Form;
use super::scan::Scanner;
use super::separators::Key;

/// How far it is from punctuation to the next key's sign, at most.
const LOOKAHEAD: usize = 40;

/// The most punctuation between two values: `\\\"},\\\"` of JSON inside JSON inside JSON.
const CLOSERS: usize = 16;

/// The longest word that counts as prose after `token: `: that of `unauthorised`.
const PROSE_WORD: usize = 12;

/// What errors say of a password or a key after its name and a colon. Whole phrases, for a single word
/// may be the beginning of a passphrase.
const PHRASES: [&[u8]; 9] = [
    b"must be ",
    b"must not ",
    b"is missing",
    b"is required",
    b"is too ",
    b"too short",
    b"too long",
    b"cannot be ",
    b"has to ",
];

/// Schemes of `Authorization` (IANA's registry, and ours) that stay readable before one credential.
const SCHEMES: [&[u8]; 8] =
    [b"bearer", b"basic", b"exchequer", b"token", b"apikey", b"dpop", b"negotiate", b"digest"];

/// Where a value begins, and what its sign was.
#[derive(Clone, Copy)]
pub(super) struct Value {
    pub(super) from: usize,
    /// How deeply the sign was encoded; a deeper delimiter does not end the value.
    pub(super) depth: usize,
    /// A colon and a space: running text or a header.
    pub(super) prose: bool,
    pub(super) sign: u8,
}

/// A quote that opens a value.
#[derive(Clone, Copy)]
struct Opening {
    /// Behind the quote.
    inside: usize,
    quote: u8,
    /// How many backslashes stand before it.
    slashes: usize,
}

impl Scanner<'_> {
    /// Takes the value of `key`. Returns where to go on, or none when it stays.
    pub(super) fn value(&mut self, key: &Key, value: Value) -> Option<usize> {
        let unwrapped = self.inside_of_variants(value.from);
        let wrap = key.quote.filter(|_| unwrapped == value.from);
        let value = Value { from: unwrapped, ..value };
        let opening = self.opening(value.from);
        let kind = key.rule.kind;
        match (key.rule.form, opening) {
            (Form::Digits(..) | Form::SixDigits, _) => {
                let start = opening.map_or(value.from, |opening| opening.inside);
                let end = self.code(start, key.rule.form)?;
                Some(self.found((start, end), kind, wrap.filter(|_| opening.is_none())))
            }
            (Form::Any | Form::NotNumber | Form::Header, Some(opening)) => {
                let end = self.end_of_quoted(opening);
                let credential = self.after_scheme(opening.inside, end, key.rule.form);
                Some(self.found((credential, end), kind, None))
            }
            (Form::Any | Form::NotNumber | Form::Header, None) => self.bare_value(key, value, wrap),
        }
    }

    fn bare_value(
        &mut self,
        key: &Key,
        value: Value,
        wrap: Option<(usize, usize)>,
    ) -> Option<usize> {
        let Value { from, depth, prose, .. } = value;
        let kind = key.rule.kind;
        let counts = key.rule.form == Form::NotNumber || kind == Kind::Cookie;
        let is_text = prose && wrap.is_none() && self.is_prose(kind, from);
        if is_text || (counts && self.is_number(from)) {
            return None;
        }
        let end = if wrap.is_some() {
            self.end_of_element(from, key.rule.form)
        } else if key.rule.form == Form::Header {
            self.end_of_header(value)
        } else {
            self.end_of_bare(from, depth, prose && kind == Kind::Password)
        };
        if is_absent(self.slice(from, end)) {
            return None;
        }
        let credential = self.after_scheme(from, end, key.rule.form);
        if credential > from {
            let end = self.end_of_credential(from, credential, end);
            return Some(self.found((credential, end), kind, None));
        }
        Some(self.found((from, end), kind, wrap))
    }

    /// Skips `Some(`, `Ok(`, `String("` and `b` before a quote. Any other text before a parenthesis
    /// may be the secret's own.
    fn inside_of_variants(&self, mut at: usize) -> usize {
        for _ in 0..3 {
            let name = self.end_of(at, 16, |byte| byte.is_ascii_alphanumeric());
            let inside = name.saturating_add(1);
            let quote = self.at(self.end_of(inside, 32, |byte| byte == b'\\'));
            let known = matches!(self.slice(at, name), b"Some" | b"Ok" | b"Err")
                || (self.at(at).is_ascii_uppercase() && is_quote(quote));
            if !known || self.at(name) != b'(' {
                break;
            }
            at = inside;
        }
        if self.at(at) == b'b' && self.at(at.saturating_add(1)) == b'"' {
            at = at.saturating_add(1);
        }
        at
    }

    fn opening(&self, at: usize) -> Option<Opening> {
        let opens = self.end_of(at, 64, |byte| byte == b'\\');
        let quote = self.at(opens);
        let slashes = opens.saturating_sub(at);
        is_quote(quote).then_some(Opening { inside: opens.saturating_add(1), quote, slashes })
    }

    /// A quote at level *k* of nesting has `2^k - 1` backslashes; inside of it a quote has that many
    /// and `2^k` more, a backslash twice `2^k`. So the quote that closes is the next one whose run of
    /// backslashes leaves `slashes` modulo `2 * (slashes + 1)`; one with fewer closes a level above.
    fn end_of_quoted(&self, opening: Opening) -> usize {
        let Opening { inside: start, quote, slashes } = opening;
        let modulus = slashes.saturating_add(1).saturating_mul(2);
        let depth = self.view.depth(start.saturating_sub(1));
        let mut run = 0_usize;
        for (offset, &byte) in self.text.get(start..).unwrap_or_default().iter().enumerate() {
            let at = start.saturating_add(offset);
            if byte == b'\\' {
                run = run.saturating_add(1);
                continue;
            }
            let closes = run < slashes || run.checked_rem(modulus) == Some(slashes);
            if byte == quote && closes && self.view.depth(at) <= depth {
                return at.saturating_sub(run.min(slashes));
            }
            run = 0;
        }
        self.text.len()
    }

    /// The end of the digits of a code; none when there are too few or too many. A one-time code may
    /// be cut in groups, as in `123 456`, unless its first group is as long as a whole one.
    fn code(&self, start: usize, form: Form) -> Option<usize> {
        let (least, most) = match form {
            Form::Digits(least, most) => (least, most),
            Form::SixDigits => (6, 6),
            Form::Any | Form::NotNumber | Form::Header => return None,
        };
        let first = self.end_of(start, usize::MAX, |byte| byte.is_ascii_digit());
        let mut end = first;
        let mut count = first.saturating_sub(start);
        let grouped = most > 6 && (1..6).contains(&count);
        while grouped && matches!(self.at(end), b' ' | b'-') && count < most {
            let next = end.saturating_add(1);
            let digits = self.end_of(next, usize::MAX, |byte| byte.is_ascii_digit());
            if digits == next {
                break;
            }
            count = count.saturating_add(digits.saturating_sub(next));
            end = digits;
        }
        let fits = |end: usize, count: usize| {
            let next = self.at(end);
            (least..=most).contains(&count) && !next.is_ascii_alphanumeric() && next != b'_'
        };
        if fits(end, count) {
            return Some(end);
        }
        fits(first, first.saturating_sub(start)).then_some(first)
    }

    /// [`Self::code`] for digits in running text: `CVV 123`, `OTP is 123456`.
    pub(super) fn code_in_prose(&mut self, at: usize) -> Option<usize> {
        let rule = self.key_in_prose(at)?;
        let end = self.code(at, rule.form)?;
        // `pin 1024.5` and `otp 12:30:00` are measured, not told.
        let measured = matches!(self.at(end), b'.' | b',' | b':' | b'/')
            && self.at(end.saturating_add(1)).is_ascii_digit();
        (!measured).then(|| self.found((at, end), rule.kind, None))
    }

    /// The end of a bare value after a quoted key: JSON's numbers and words hold no punctuation.
    fn end_of_element(&self, from: usize, form: Form) -> usize {
        let ends = |byte: u8| {
            matches!(byte, b',' | b'}' | b']' | b')' | b'"' | b'\\') || byte.is_ascii_whitespace()
        };
        let end = self.end_of(self.end_of_brackets(from), usize::MAX, |byte| !ends(byte));
        if form == Form::Header && is_scheme(self.slice(from, end)) {
            return self.end_of(end.saturating_add(1), usize::MAX, |byte| !ends(byte));
        }
        end
    }

    fn end_of_bare(&self, from: usize, depth: usize, words: bool) -> usize {
        let mut at = self.end_of_brackets(from);
        while at < self.text.len() {
            let byte = self.at(at);
            let ends = if byte.is_ascii_whitespace() {
                self.view.depth(at) == 1
                    && !(words && byte == b' ' && !self.is_key_ahead(at.saturating_add(1)))
            } else {
                self.view.depth(at) <= depth
                    && ((byte == b'&' && !words) || (is_closer(byte) && self.closes(at)))
            };
            if ends {
                return at;
            }
            at = at.saturating_add(1);
        }
        at
    }

    /// True when the punctuation here ends a value: nothing, a space or another key follows it.
    fn closes(&self, at: usize) -> bool {
        let after = self.end_of(at, CLOSERS, is_closer);
        if self.at(at) == b'\\' && !self.slice(at, after).iter().any(|byte| is_quote(*byte)) {
            return false;
        }
        match self.text.get(after) {
            None | Some(b'{' | b'[' | b'<') => true,
            Some(byte) if byte.is_ascii_whitespace() => true,
            Some(b':') => self.slice(at, after).iter().any(|byte| *byte != b'\\'),
            Some(_) => self.is_key_ahead(after),
        }
    }

    /// True when a word and the sign of a key stand here.
    fn is_key_ahead(&self, at: usize) -> bool {
        let word = self.end_of(at, LOOKAHEAD, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
        });
        let sign = self.end_of(word, 4, |byte| byte == b'\\' || is_quote(byte));
        word > at && matches!(self.at(sign), b'=' | b':' | b'{')
    }

    /// The end of a header's value: the line's end, escaped or not, or a quote that closes it. After
    /// `=` it is a field among others and ends at the first space that no `;` or scheme explains.
    fn end_of_header(&self, value: Value) -> usize {
        let open = self.end_of_brackets(value.from);
        let first = self.end_of(open, usize::MAX, |byte| !byte.is_ascii_whitespace());
        let scheme = is_scheme(self.slice(value.from, first)).then_some(first);
        let mut at = open;
        while at < self.text.len() {
            let byte = self.at(at);
            let field_ends = value.sign == b'='
                && byte == b' '
                && self.view.depth(at) == 1
                && self.before(at, 1) != b';'
                && Some(at) != scheme;
            let line_ends = matches!(byte, b'\n' | b'\r') && self.view.depth(at) <= value.depth
                || byte == b'\\' && matches!(self.at(at.saturating_add(1)), b'n' | b'r');
            let quote_ends = (is_quote(byte) || byte == b'\\')
                && self.view.depth(at) <= value.depth
                && self.closes(at);
            if is_quote(byte) && self.before(at, 1) == b'=' {
                // A quoted parameter (`Digest username="…"`), not the end of a string around it.
                let opening = Opening { inside: at.saturating_add(1), quote: byte, slashes: 0 };
                at = self.end_of_quoted(opening).saturating_add(1);
                continue;
            }
            if field_ends || line_ends || quote_ends {
                return at;
            }
            at = at.saturating_add(1);
        }
        self.text.len()
    }

    /// Where the credential begins: behind a scheme that may stay.
    fn after_scheme(&self, start: usize, end: usize, form: Form) -> usize {
        let word = self.end_of(start, 16, |byte| byte.is_ascii_alphabetic());
        let credential = self.end_of(word, 4, |byte| matches!(byte, b' ' | b'+'));
        let stays = form == Form::Header
            && is_scheme(self.slice(start, word))
            && credential > word
            && credential < end;
        if stays { credential } else { start }
    }

    /// One credential after a bare scheme: text may go on behind it. `Digest` has parameters.
    fn end_of_credential(&self, scheme: usize, from: usize, end: usize) -> usize {
        if self.slice(scheme, from).to_ascii_lowercase().starts_with(b"digest") {
            return end;
        }
        let token =
            self.end_of(from, usize::MAX, |byte| !byte.is_ascii_whitespace() && byte != b',');
        token.min(end)
    }

    /// A bare number, to the end of its field.
    fn is_number(&self, from: usize) -> bool {
        let end = self.end_of(from, usize::MAX, |byte| byte.is_ascii_digit());
        let next = self.at(end);
        let ends = end == self.text.len() || next.is_ascii_whitespace() || is_closer(next);
        end > from && ends
    }

    /// `invalid token: expired` tells what is wrong and not what the token is; so does `password: must
    /// be at least 12 characters`.
    fn is_prose(&self, kind: Kind, from: usize) -> bool {
        let word =
            self.end_of(from, PROSE_WORD.saturating_add(1), |byte| byte.is_ascii_lowercase());
        let next = self.at(word);
        let ends = word == self.text.len()
            || next.is_ascii_whitespace()
            || matches!(next, b',' | b';' | b')' | b'.' | b'"' | b'\'');
        if PHRASES.iter().any(|phrase| self.slice(from, self.text.len()).starts_with(phrase)) {
            return true;
        }
        matches!(kind, Kind::Token | Kind::Cookie)
            && (1..=PROSE_WORD).contains(&word.saturating_sub(from))
            && ends
            && !is_scheme(self.slice(from, word))
    }

    /// The end of the bracket that opens here, quotes inside of it respected; `at` itself when none
    /// does. A name before a brace (`Secret { … }`) belongs to it.
    fn end_of_brackets(&self, at: usize) -> usize {
        let name = self.end_of(at, 40, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let open = if self.slice(name, name.saturating_add(2)) == b" {" {
            name.saturating_add(1)
        } else {
            name
        };
        let opens = match self.at(open) {
            b'{' => true,
            b'[' => open == at,
            _ => false,
        };
        if !opens {
            return at;
        }
        let mut levels = 0_usize;
        let mut place = open;
        while place < self.text.len() {
            match self.at(place) {
                b'[' | b'{' => levels = levels.saturating_add(1),
                b']' | b'}' => levels = levels.saturating_sub(1),
                b'"' => {
                    let first = self.start_of(place, 64, |byte| byte == b'\\');
                    let end = self.end_of_quoted(Opening {
                        inside: place.saturating_add(1),
                        quote: b'"',
                        slashes: place.saturating_sub(first),
                    });
                    place = self.end_of(end, 64, |byte| byte == b'\\');
                }
                _ => {}
            }
            place = place.saturating_add(1);
            if levels == 0 {
                return place.min(self.text.len());
            }
        }
        self.text.len()
    }
}

pub(super) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// Punctuation that can end a bare value.
fn is_closer(byte: u8) -> bool {
    is_quote(byte) || matches!(byte, b',' | b';' | b')' | b'}' | b']' | b'>' | b'|' | b'\\')
}

/// Words that say there is no value.
fn is_absent(content: &[u8]) -> bool {
    let words: [&[u8]; 7] = [b"", b"null", b"None", b"nil", b"true", b"false", b"undefined"];
    words.contains(&content)
}

fn is_scheme(word: &[u8]) -> bool {
    SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word))
}
