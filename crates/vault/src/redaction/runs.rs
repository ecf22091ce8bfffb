//! Digits in groups: how a number is cut, and whether a card's could be cut so.
//!
//! Pure: places and digit values, read from the text by the scanner. No cost beyond the groups that
//! are asked about.

use super::brands;
use super::view::FOLDED_SEPARATOR;
use crate::checkdigit::luhn_valid_values;

pub(super) const CARD_LEAST: usize = 13;
pub(super) const CARD_MOST: usize = 19;

/// What stands before a group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    Start,
    One(u8),
    Several,
}

/// Digits without a separator: their place in the text, and of their values in [`Run::values`].
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub(super) gap: Gap,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) first: usize,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

#[derive(Default)]
pub(super) struct Run {
    pub(super) groups: Vec<Group>,
    pub(super) values: Vec<u8>,
}

impl Run {
    pub(super) fn values_of(&self, first: usize, last: usize) -> &[u8] {
        let from = self.groups.get(first).map_or(0, |group| group.first);
        let to = self.groups.get(last).map_or(0, |group| group.first.saturating_add(group.len()));
        self.values.get(from..to).unwrap_or_default()
    }

    pub(super) fn place(&self, first: usize, last: usize) -> Option<(usize, usize)> {
        Some((self.groups.get(first)?.start, self.groups.get(last)?.end))
    }

    fn slice(&self, first: usize, last: usize) -> &[Group] {
        self.groups.get(first..=last).unwrap_or_default()
    }

    pub(super) fn is_card(&self, first: usize, last: usize) -> bool {
        let values = self.values_of(first, last);
        (CARD_LEAST..=CARD_MOST).contains(&values.len())
            && brands::plausible(values)
            && luhn_valid_values(values)
    }

    /// A card number of twelve digits: as long as an Aadhaar number, and looked for where one is.
    pub(super) fn is_card_of_twelve(&self, first: usize, last: usize) -> bool {
        let values = self.values_of(first, last);
        brands::plausible_of_twelve(values) && luhn_valid_values(values)
    }

    /// Groups as people and forms cut card numbers: not at all; in fours with a rest, 4-6-5 and
    /// 4-6-4, or digit by digit, with any separators; in other equal groups or in long ones, with
    /// the same separator or nearly.
    pub(super) fn is_card_shaped(&self, first: usize, last: usize) -> bool {
        let groups = self.slice(first, last);
        let Some((tail, body)) = groups.split_last() else { return false };
        let Some(size) = body.first().map(Group::len) else { return true };
        let equal = body.iter().all(|group| group.len() == size) && tail.len() <= size;
        let long = body.iter().all(|group| group.len() >= 4);
        let lengths = || groups.iter().map(Group::len);
        lengths().eq([4, 6, 5])
            || lengths().eq([4, 6, 4])
            || (equal && matches!(size, 1 | 4))
            || (equal && self.separator(first, last).is_some_and(|separator| separator != b','))
            || (long && self.is_evenly_separated(first, last))
    }

    /// The separator, when it is the same between all groups.
    fn separator(&self, first: usize, last: usize) -> Option<u8> {
        let mut gaps = self.slice(first, last).iter().skip(1).map(|group| group.gap);
        let Some(Gap::One(separator)) = gaps.next() else { return None };
        gaps.all(|gap| gap == Gap::One(separator)).then_some(separator)
    }

    /// One separator each, no commas, and points only among themselves: lists of decimals,
    /// addresses and amounts are none.
    pub(super) fn is_evenly_separated(&self, first: usize, last: usize) -> bool {
        let mut gaps = self.slice(first, last).iter().skip(1).map(|group| group.gap);
        match self.separator(first, last) {
            Some(separator) => separator != b',',
            None => gaps.all(|gap| matches!(gap, Gap::One(byte) if !matches!(byte, b',' | b'.'))),
        }
    }

    /// How many groups of four follow one another here with the same separator.
    pub(super) fn chain_of_fours(&self, from: usize, to: usize) -> usize {
        let groups = self.groups.get(from..to).unwrap_or_default();
        let gap = groups.get(1).map(|group| group.gap);
        let joined = groups
            .iter()
            .skip(1)
            .take_while(|group| {
                group.len() == 4
                    && Some(group.gap) == gap
                    && !matches!(group.gap, Gap::Several | Gap::One(b','))
            })
            .count();
        joined.saturating_add(1)
    }
}

/// Bytes that people and forms put between the groups of a number. No colon: times and IPv6.
#[inline]
pub(super) const fn is_separator(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t'
            | b'-'
            | b'.'
            | b'_'
            | b'/'
            | b'+'
            | b','
            | b'|'
            | b'*'
            | b'~'
            | FOLDED_SEPARATOR
    )
}
