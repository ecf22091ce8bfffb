//! A primary account number: read from what people type, checked, and wiped when it is dropped.
//!
//! Order: the form of the text, the number of digits, the check digit, the length for the brand.
//! Cost: one pass; two buffers of at most 19 bytes, both wiped. Bound: [`MAX_TEXT_BYTES`] of text;
//! a longer one is refused unread. Never here: `Clone`, `Debug`, `Display`, `Serialize`; a digit in
//! an error; whether such a card exists; the wiping of the text that the number was read from.

use super::brand::Brand;
use crate::checkdigit::luhn_valid_values;
use crate::secret::SecretBytes;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A card number that passed every check of [`Number::parse`]. Moving it copies no digit, and `==`
/// takes the same time wherever two numbers of one length differ.
#[derive(PartialEq, Eq, ZeroizeOnDrop)]
pub struct Number {
    /// In ASCII.
    digits: SecretBytes,
    #[zeroize(skip)]
    brand: Option<Brand>,
}

/// Why a text is not a card number, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Something else than the digits 0 to 9 with at most one space or hyphen between two of them,
    /// or more than [`MAX_TEXT_BYTES`].
    #[error("a card number has digits, and single spaces or hyphens between them")]
    Form,
    /// Fewer than [`LEAST_DIGITS`] or more than [`MOST_DIGITS`].
    #[error("a card number has {LEAST_DIGITS} to {MOST_DIGITS} digits")]
    Length,
    /// The check digit is wrong: the number was mistyped.
    #[error("the card number has a wrong digit")]
    Luhn,
    /// The brand issues no numbers of this length.
    #[error("the brand {} has no card numbers of this length", brand.as_str())]
    BrandLength { brand: Brand },
}

/// The shortest number in use: Maestro's. ISO/IEC 7812-1 would allow shorter ones.
pub const LEAST_DIGITS: usize = 12;

/// ISO/IEC 7812-1, 4.2.
pub const MOST_DIGITS: usize = 19;

/// 19 digits and a separator between every two of them.
pub const MAX_TEXT_BYTES: usize = 37;

const LAST: usize = 4;

impl Number {
    /// Reads a number with single spaces or hyphens between its groups, however they are cut.
    ///
    /// The check digit is that of ISO/IEC 7812-1, annex B. A number of no known [`Brand`] is a
    /// number, and it is for the caller to refuse it.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let mut buffer = Zeroizing::new([0; MOST_DIGITS]);
        let count = read(text, &mut buffer)?;
        Self::from_values(buffer.get(..count).ok_or(NumberError::Length)?)
    }

    /// The digits in ASCII: the one way to them; searching for this word finds every use.
    pub fn expose(&self) -> &[u8] {
        self.digits.expose()
    }

    /// What may be shown to tell a customer's cards apart.
    pub fn last_four(&self) -> String {
        let hidden = self.length().saturating_sub(LAST);
        self.expose().iter().skip(hidden).copied().map(char::from).collect()
    }

    /// The beginning of the number, by which gateways route it: eight digits of 16 or more, six of
    /// 14 and 15, four of shorter ones.
    ///
    /// Together with [`Number::last_four`] it never passes what may be displayed (PCI DSS 4.0.1,
    /// 3.4.1: BIN and last four) and kept (3.5.1 with PCI SSC FAQ 1091: first eight and last four
    /// of 16, first six and last four of 15). Six of 12 or 13 would be allowed and is not done: it
    /// leaves two or three digits hidden, one of which Luhn gives away.
    pub fn iin(&self) -> String {
        let shown = match self.length() {
            16.. => 8,
            14 | 15 => 6,
            _ => 4,
        };
        self.expose().iter().take(shown).copied().map(char::from).collect()
    }

    /// None where no range of the table has the number.
    pub fn brand(&self) -> Option<Brand> {
        self.brand
    }

    /// How many digits.
    pub fn length(&self) -> usize {
        self.expose().len()
    }

    /// From digit values (0 to 9), with every check but that of the form.
    pub(super) fn from_values(values: &[u8]) -> Result<Self, NumberError> {
        if !(LEAST_DIGITS..=MOST_DIGITS).contains(&values.len()) {
            return Err(NumberError::Length);
        }
        if !luhn_valid_values(values) {
            return Err(NumberError::Luhn);
        }
        let brand = Brand::of(values);
        if let Some(brand) = brand.filter(|brand| !brand.issues_length(values.len())) {
            return Err(NumberError::BrandLength { brand });
        }
        // With the capacity known no outgrown buffer is left behind.
        let mut ascii = Vec::with_capacity(values.len());
        ascii.extend(values.iter().map(|value| value | b'0'));
        Ok(Self { digits: SecretBytes::new(ascii), brand })
    }

    /// The digits as values, 0 to 9.
    pub(super) fn values(&self) -> Zeroizing<Vec<u8>> {
        let mut values = Zeroizing::new(Vec::with_capacity(self.length()));
        values.extend(self.expose().iter().map(|digit| digit & 0x0f));
        values
    }
}

/// Puts the digits' values into `values` and returns how many there are.
fn read(text: &str, values: &mut [u8; MOST_DIGITS]) -> Result<usize, NumberError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(NumberError::Form);
    }
    let mut count = 0_usize;
    let mut after_digit = false;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                if let Some(place) = values.get_mut(count) {
                    *place = byte & 0x0f;
                }
                count = count.saturating_add(1);
                after_digit = true;
            }
            b' ' | b'-' if after_digit => after_digit = false,
            _ => return Err(NumberError::Form),
        }
    }
    if after_digit { Ok(count) } else { Err(NumberError::Form) }
}

#[cfg(test)]
mod tests;
