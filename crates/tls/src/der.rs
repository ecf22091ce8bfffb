//! Just enough of DER (X.690 §8, §10) to walk down a certificate: tag, length, content.
//!
//! Bound: lengths of at most four bytes; nothing is copied. Whatever is cut off or too long is `None`, never a panic.

/// A cursor over the elements of one constructed value.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'b>(&'b [u8]);

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed: where a certificate has its version.
pub(crate) const CONTEXT_0: u8 = 0xa0;

impl<'b> Reader<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// The next element's tag and content.
    pub fn next(&mut self) -> Option<(u8, &'b [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            let length = digits.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
            (length, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element's content, which must have this tag.
    pub fn expect(&mut self, tag: u8) -> Option<&'b [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// Steps over the next element where it has this tag.
    pub fn skip(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            let mut ahead = *self;
            if ahead.next().is_some() {
                *self = ahead;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_or_too_long_is_nothing() {
        let hostile: [&[u8]; 8] = [
            &[],
            &[0x30],
            &[0x30, 0x01],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x81],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0],
            &[0x30, 0x85, 0, 0, 0, 0, 1, 0],
            &[0x30, 0xff, 1, 2, 3],
        ];
        for bytes in hostile {
            assert_eq!(Reader::new(bytes).next(), None, "{bytes:?}");
        }
        let long = [&[0x04, 0x81, 0x80][..], &[7; 128], &[0x05, 0x00]].concat();
        let mut reader = Reader::new(&long);
        assert_eq!(reader.next(), Some((0x04, &[7; 128][..])));
        assert_eq!(reader.next(), Some((0x05, &[][..])));
        assert_eq!(reader.next(), None);
    }
}
