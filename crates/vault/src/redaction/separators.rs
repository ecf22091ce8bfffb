//! Keys and the signs after them: `key=`, `key: `, `"key":`, `key => `, `Key("`, `key "`,
//! `("key", "`, and `CVV 123` or `OTP is 123456` in running text.

use super::keys::{self, Form, KEY_LENGTH, Rule};
use super::scan::Scanner;
use super::values::{Value, is_quote};

/// The most spaces between a key and its sign.
const SPACES: usize = 2;

/// A key that was found before a sign.
pub(super) struct Key {
    pub(super) rule: Rule,
    /// The key's closing quote with its backslashes.
    pub(super) quote: Option<(usize, usize)>,
}

impl Scanner<'_> {
    /// `:` begins a path (`sessions::token`), the authority of a URL, or a value.
    pub(super) fn colon(&mut self, at: usize) -> Option<usize> {
        let next = at.saturating_add(1);
        match self.at(next) {
            b':' => Some(next.saturating_add(1)),
            b'/' if self.slice(next, next.saturating_add(2)) == b"//" => {
                self.url_password(at).or_else(|| self.keyed_value(at))
            }
            _ => self.keyed_value(at),
        }
    }

    /// The value after the `:` or `=` at this place, when the key before it asks for that.
    pub(super) fn keyed_value(&mut self, at: usize) -> Option<usize> {
        let key = self.key_before(at)?;
        let sign = self.at(at);
        let mut start = at.saturating_add(1);
        if sign == b'=' && matches!(self.at(start), b'>' | b'=') {
            start = start.saturating_add(1);
        }
        // After a tight `=` a space is an empty value, and what follows is another field.
        let arrow = self.before(start, 1) == b'>';
        let spaces =
            if sign == b':' || arrow || self.before(at, 1) == b' ' { usize::MAX } else { 0 };
        let from = self.end_of(start, spaces, |byte| matches!(byte, b' ' | b'\t'));
        let depth = self.view.depth(at);
        self.value(&key, Value { from, depth, prose: sign == b':' && from > start, sign })
    }

    /// `Password("…")`, `Some(Otp(123456))`: Rust's Debug of a tuple struct or variant.
    pub(super) fn call(&mut self, at: usize) -> Option<usize> {
        let from = at.saturating_add(1);
        let key = self.key_before(at)?;
        let quoted = is_quote(self.at(self.end_of(from, 32, |byte| byte == b'\\')));
        let counted = matches!(key.rule.form, Form::Digits(..));
        if !quoted && !counted {
            return None;
        }
        self.value(&key, Value { from, depth: self.view.depth(at), prose: false, sign: b'(' })
    }

    /// A quoted value after a bare key (`invalid password "…"`), or the second of a quoted pair
    /// (`("password", "…")`, Rust's Debug of headers and form fields).
    pub(super) fn quote(&mut self, at: usize) -> Option<usize> {
        if !matches!(self.before(at, 1), b' ' | b'\\') {
            return None;
        }
        let opens = self.start_of(at, 32, |byte| byte == b'\\');
        if self.before(opens, 1) != b' ' {
            return None;
        }
        let space = opens.saturating_sub(1);
        let key = match self.before(space, 1) {
            b',' => self.first_of_pair(space.saturating_sub(1))?,
            byte if byte.is_ascii_alphanumeric() => self.key_before(space)?,
            _ => return None,
        };
        if key.rule.form == Form::SixDigits {
            return None;
        }
        self.value(
            &key,
            Value { from: opens, depth: self.view.depth(at), prose: false, sign: b' ' },
        )
    }

    /// `("password"` before the comma at this place.
    fn first_of_pair(&self, comma: usize) -> Option<Key> {
        let key = self.key_before(comma)?;
        let (closes, _) = key.quote?;
        let opens = self.start_of(closes, KEY_LENGTH, keys::is_key_byte);
        let outside = self.start_of(opens.checked_sub(1)?, 32, |byte| byte == b'\\');
        (is_quote(self.before(opens, 1)) && self.before(outside, 1) == b'(').then_some(key)
    }

    /// The rule for digits that follow a key in running text, and nothing but ` is ` or `#`.
    pub(super) fn key_in_prose(&self, at: usize) -> Option<Rule> {
        let end = self.start_of(at, 3, |byte| matches!(byte, b' ' | b'#'));
        if end == at || !self.before(end, 1).is_ascii_alphanumeric() {
            return None;
        }
        let word = self.start_of(end, KEY_LENGTH, |byte| byte.is_ascii_alphanumeric());
        let end = match self.slice(word, end) {
            b"is" | b"was" | b"of" | b"no" | b"number" => {
                self.start_of(word, SPACES, |byte| byte == b' ')
            }
            _ => end,
        };
        self.rule_before(end).filter(|rule| matches!(rule.form, Form::Digits(..)))
    }

    /// The key that ends before a sign, over spaces, a closing quote and a form's bracket.
    fn key_before(&self, sign: usize) -> Option<Key> {
        let mut end = sign;
        if self.before(end, 1) == b' ' {
            end = self.start_of(end, SPACES, |byte| byte == b' ');
        }
        let mut quote = None;
        if is_quote(self.before(end, 1)) {
            let closes = self.start_of(end.saturating_sub(1), 32, |byte| byte == b'\\');
            quote = Some((closes, end));
            end = closes;
        }
        if self.before(end, 1) == b']' {
            end = end.saturating_sub(1);
            let start = self.start_of(end, KEY_LENGTH, keys::is_key_byte);
            if self.before(start, 1) != b'[' {
                return None;
            }
        }
        let rule = self.rule_before(end)?;
        (quote.is_some() || self.at(sign) != b':' || !self.is_path(end))
            .then_some(Key { rule, quote })
    }

    fn rule_before(&self, end: usize) -> Option<Rule> {
        keys::rule(self.text.get(..end)?)
    }

    /// The name of a module before a message, as in `exchequer::sessions::token: renewed`.
    fn is_path(&self, end: usize) -> bool {
        let word =
            self.start_of(end, KEY_LENGTH, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        self.before(word, 1) == b':' && self.before(word, 2) == b':'
    }
}
