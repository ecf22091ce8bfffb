//! One pass over a text: the places at which something may begin ([`pairs`]), and who looks there.
//!
//! A handler returns the place to go on from, always behind the byte that it was called for.

use super::view::View;
use super::{Kind, pairs};

/// What was found, as places in the view.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
    /// The quote to put round the marker, as a place in the view: a bare value after a quoted key
    /// would otherwise leave a line that is no JSON.
    pub(super) wrap: Option<(usize, usize)>,
}

pub(super) struct Scanner<'v> {
    pub(super) view: View<'v>,
    pub(super) text: &'v [u8],
    pub(super) spans: Vec<Span>,
    /// No JWT begins before this place: it was looked for in vain.
    pub(super) no_jwt_before: usize,
    /// No `@` of a URL stands between here and the place where it was last looked for.
    pub(super) no_at_before: usize,
}

impl<'v> Scanner<'v> {
    pub(super) fn new(view: View<'v>) -> Self {
        Self { view, text: view.text, spans: Vec::new(), no_jwt_before: 0, no_at_before: 0 }
    }

    pub(super) fn scan(mut self) -> Vec<Span> {
        let mut from = 0;
        while let Some(at) = pairs::next_place(self.text, from) {
            let after = at.saturating_add(1);
            from = self.look(at).map_or(after, |next| next.max(after));
        }
        self.spans
    }

    /// The same with a look at every byte: what the tables of pairs are compared with.
    #[cfg(test)]
    pub(super) fn scan_every_byte(mut self) -> Vec<Span> {
        let mut at = 0;
        while at < self.text.len() {
            let after = at.saturating_add(1);
            at = self.look(at).map_or(after, |next| next.max(after));
        }
        self.spans
    }

    /// Calls whoever looks at a byte such as this; gives where to go on, or none for the next byte.
    #[inline]
    fn look(&mut self, at: usize) -> Option<usize> {
        match self.at(at) {
            b'0'..=b'9' => Some(self.digits(at)),
            b':' => self.colon(at),
            b'=' => self.keyed_value(at),
            b'(' => self.call(at),
            b'"' | b'\'' => self.quote(at),
            b'-' => self.private_key_block(at),
            b'_' => self.secret_key(at),
            b'$' => self.password_hash(at),
            b'J' => self.jwt(at),
            b'b' | b'B' => self.scheme(at),
            b'[' => self.marker_end(at),
            _ => None,
        }
    }

    /// Notes a find, unless it is already one of our markers. Returns its end.
    pub(super) fn found(
        &mut self,
        (start, end): (usize, usize),
        kind: Kind,
        wrap: Option<(usize, usize)>,
    ) -> usize {
        if start < end && self.marker_end(start) != Some(end) {
            self.spans.push(Span { start, end, kind, wrap });
        }
        end
    }

    /// The end of the marker that begins here, if one does.
    pub(super) fn marker_end(&self, at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        if !rest.starts_with(b"[redacted:") {
            return None;
        }
        Kind::ALL
            .iter()
            .find(|kind| rest.starts_with(kind.marker().as_bytes()))
            .map(|kind| at.saturating_add(kind.marker().len()))
    }

    /// The byte at a place; 0 behind the end, where no handler finds anything.
    #[inline]
    pub(super) fn at(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    /// The byte so many places before another; 0 before the start.
    #[inline]
    pub(super) fn before(&self, at: usize, back: usize) -> u8 {
        at.checked_sub(back).map_or(0, |at| self.at(at))
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'v [u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// True when the byte before this place belongs to the same word: a letter or digit that is not
    /// the tail of an escape such as `\n`, and not the end of what was just found.
    pub(super) fn continues_a_word(&self, at: usize) -> bool {
        let byte = self.before(at, 1);
        byte.is_ascii_alphanumeric()
            && !(matches!(byte, b'n' | b'r' | b't') && self.before(at, 2) == b'\\')
            && self.spans.last().is_none_or(|span| span.end != at)
    }

    /// The first place at or after `at`, before `limit` bytes have passed, whose byte fails `test`.
    #[inline]
    pub(super) fn end_of(&self, at: usize, limit: usize, test: impl Fn(u8) -> bool) -> usize {
        let last = at.saturating_add(limit);
        let mut end = at;
        while end < last && self.text.get(end).is_some_and(|byte| test(*byte)) {
            end = end.saturating_add(1);
        }
        end
    }

    /// The first place of the bytes just before `at`, at most `limit`, that all pass `test`.
    #[inline]
    pub(super) fn start_of(&self, at: usize, limit: usize, test: impl Fn(u8) -> bool) -> usize {
        let first = at.saturating_sub(limit);
        let mut start = at;
        while start > first && test(self.before(start, 1)) {
            start = start.saturating_sub(1);
        }
        start
    }
}
