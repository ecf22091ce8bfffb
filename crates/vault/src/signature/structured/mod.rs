//! Structured field values (RFC 8941, RFC 9651), as far as signatures need them, and strictly.
//!
//! Dictionaries of items and inner lists, with parameters; integers, strings, tokens, byte sequences and
//! booleans. [`Dictionary::read`] parses (RFC 8941 §4.2), the `text` of each type serialises (§4.1).
//! Stricter than the standard, since here each laxity would be a second way to write one thing: a key
//! that stands twice is refused (the standard takes the last), base64 is padded and has no stray bits,
//! and each line is a value of its own. Decimals, dates and display strings are refused: no field that is
//! read here has one.
//!
//! Cost: linear in the length. Bound: the constants below. It never panics, whatever the bytes are.

mod read;
mod write;

/// All lines of one field together, in bytes: an RSA-4096 signature has 700, a long list of components 1,000.
pub(super) const MAX_FIELD_BYTES: usize = 4_096;

/// Members of a dictionary.
pub(super) const MAX_MEMBERS: usize = 8;

/// Items of an inner list: twice what a request that covers every header of a browser has.
pub(super) const MAX_ITEMS: usize = 32;

/// Parameters of one item or inner list: the registries know six.
pub(super) const MAX_PARAMETERS: usize = 8;

/// Why a field is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the field is too long")]
    TooLong,
    #[error("the field has too many parts")]
    TooMany,
    #[error("a key stands twice")]
    Repeated,
    /// A kind of value that nothing here uses.
    #[error("a kind of value that is not supported")]
    Unsupported,
    #[error("not a structured field")]
    Syntax,
}

/// A bare item (RFC 8941 §3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bare {
    /// Up to 15 digits.
    Integer(i64),
    /// Printable ASCII.
    String(String),
    Token(String),
    Bytes(Vec<u8>),
    Boolean(bool),
}

/// Parameters in their order (§3.1.2), each key once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, Bare)>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub value: Bare,
    pub parameters: Parameters,
}

/// §3.1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InnerList {
    pub items: Vec<Item>,
    pub parameters: Parameters,
}

/// The value of a dictionary's member (§3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    Item(Item),
    InnerList(InnerList),
}

/// Members in their order (§3.2), each key once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dictionary(Vec<(String, Member)>);

impl Parameters {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bare)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Dictionary {
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Member)> {
        self.0.iter().map(|(key, member)| (key.as_str(), member))
    }

    pub fn get(&self, key: &str) -> Option<&Member> {
        self.iter().find(|(other, _)| *other == key).map(|(_, member)| member)
    }
}

#[cfg(test)]
mod tests;
