//! As much of CBOR (RFC 8949) as authenticators send: definite lengths, no tags, no floats.
//!
//! A reader over borrowed bytes; nothing is allocated. Bound: what a length promises must be there, and
//! arrays and maps nest at most [`MAX_DEPTH`] deep.

use super::WebauthnError;

/// Attestation statements nest four deep at most.
const MAX_DEPTH: u32 = 8;

pub(super) struct Reader<'r>(&'r [u8]);

/// The head of a value; that of bytes and texts with its content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'r> {
    Int(i64),
    Bytes(&'r [u8]),
    Text(&'r str),
    /// So many values follow.
    Array(u64),
    /// So many pairs follow.
    Map(u64),
    /// false, true, null, undefined.
    Simple(u8),
}

impl<'r> Reader<'r> {
    pub fn new(bytes: &'r [u8]) -> Self {
        Self(bytes)
    }

    /// Bytes that are not read yet.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    /// Nothing is left.
    pub fn end(&self) -> Result<(), WebauthnError> {
        if self.0.is_empty() { Ok(()) } else { Err(WebauthnError::Malformed) }
    }

    pub fn item(&mut self) -> Result<Item<'r>, WebauthnError> {
        let (&first, rest) = self.0.split_first().ok_or(WebauthnError::Malformed)?;
        self.0 = rest;
        let (major, small) = (first >> 5, first & 0x1f);
        if major == 7 {
            return match small {
                20..=23 => Ok(Item::Simple(small)),
                _ => Err(WebauthnError::Malformed),
            };
        }
        let argument = self.argument(small)?;
        match major {
            0 => i64::try_from(argument).map(Item::Int).map_err(|_| WebauthnError::Malformed),
            1 => i64::try_from(argument)
                .map(|n| Item::Int((-1_i64).saturating_sub(n)))
                .map_err(|_| WebauthnError::Malformed),
            2 => self.take(argument).map(Item::Bytes),
            3 => std::str::from_utf8(self.take(argument)?)
                .map(Item::Text)
                .map_err(|_| WebauthnError::Malformed),
            4 => Ok(Item::Array(argument)),
            5 => Ok(Item::Map(argument)),
            _ => Err(WebauthnError::Malformed),
        }
    }

    /// The number of pairs of a map.
    pub fn map(&mut self) -> Result<u64, WebauthnError> {
        match self.item()? {
            Item::Map(entries) => Ok(entries),
            _ => Err(WebauthnError::Malformed),
        }
    }

    pub fn text(&mut self) -> Result<&'r str, WebauthnError> {
        match self.item()? {
            Item::Text(text) => Ok(text),
            _ => Err(WebauthnError::Malformed),
        }
    }

    pub fn bytes(&mut self) -> Result<&'r [u8], WebauthnError> {
        match self.item()? {
            Item::Bytes(bytes) => Ok(bytes),
            _ => Err(WebauthnError::Malformed),
        }
    }

    pub fn int(&mut self) -> Result<i64, WebauthnError> {
        match self.item()? {
            Item::Int(n) => Ok(n),
            _ => Err(WebauthnError::Malformed),
        }
    }

    /// Reads over one whole value.
    pub fn skip(&mut self) -> Result<(), WebauthnError> {
        self.skip_within(MAX_DEPTH)
    }

    fn skip_within(&mut self, depth: u32) -> Result<(), WebauthnError> {
        let values = match self.item()? {
            Item::Array(values) => values,
            Item::Map(entries) => entries.checked_mul(2).ok_or(WebauthnError::Malformed)?,
            Item::Int(_) | Item::Bytes(_) | Item::Text(_) | Item::Simple(_) => return Ok(()),
        };
        let depth = depth.checked_sub(1).ok_or(WebauthnError::Malformed)?;
        // Every value takes a byte, so a promise of too many ends with the bytes.
        for _ in 0..values {
            self.skip_within(depth)?;
        }
        Ok(())
    }

    /// RFC 8949 §3: the number itself, or 1, 2, 4 or 8 bytes of it.
    fn argument(&mut self, small: u8) -> Result<u64, WebauthnError> {
        let length = match small {
            0..=23 => return Ok(small.into()),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(WebauthnError::Malformed),
        };
        let bytes = self.take(length)?;
        Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn take(&mut self, length: u64) -> Result<&'r [u8], WebauthnError> {
        let length = usize::try_from(length).map_err(|_| WebauthnError::Malformed)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(WebauthnError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}
