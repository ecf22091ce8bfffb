//! Account numbers: `EX`, two check digits, fourteen random digits.
//!
//! The check digits are ISO 7064 MOD 97-10 as in an IBAN (ISO 13616), so that any single wrong digit and
//! any swap of neighbours is found. People may type spaces and lower case.

use std::fmt;
use std::str::FromStr;

use money::Rng;
use vault::checkdigit::{mod97_append, mod97_valid};

const PREFIX: &str = "EX";
const RANDOM_DIGITS: usize = 14;

/// A number whose check digits are right; whether an account has it is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountNumber(String);

impl AccountNumber {
    /// A random number; 10^14 of them, unique by the table's index.
    pub fn random(rng: &Rng) -> Self {
        let digits: String = (0..RANDOM_DIGITS)
            .map(|_| char::from_digit(rng.below(10), 10).unwrap_or('0'))
            .collect();
        Self(format!("{PREFIX}{}", mod97_append(&digits)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Not an account number of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNumber;

/// What the document says of a number; that the check digits fit it cannot say.
pub(crate) fn pattern() -> String {
    format!("{PREFIX}[0-9]{{{}}}", RANDOM_DIGITS + 2)
}

impl FromStr for AccountNumber {
    type Err = InvalidNumber;

    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        let compact: String =
            text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).take(40).collect();
        let digits = compact.strip_prefix(PREFIX).ok_or(InvalidNumber)?;
        let valid = digits.len() == RANDOM_DIGITS + 2
            && digits.bytes().all(|b| b.is_ascii_digit())
            && mod97_valid(digits);
        if valid { Ok(Self(compact)) } else { Err(InvalidNumber) }
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
