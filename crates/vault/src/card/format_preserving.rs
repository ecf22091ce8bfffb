//! A token that has the length and the last four digits of its card number and cannot be one.
//!
//! For merchants whose systems demand a number in the place of a number; all others get a random
//! id, so a token of this kind is made on request only. A number of *n* digits becomes:
//!
//! * the first *n* − 5 digits, encrypted with FF1 under the vault's key, with the merchant and the
//!   last four as the tweak;
//! * one digit that brings the Luhn sum of the whole to [`LUHN_SUM`], which is not 0;
//! * the last four digits as they were.
//!
//! So no token passes Luhn, by construction, and no system takes one for a card. Nothing is lost
//! with the digit that was replaced: the others and the check of Luhn say which it was, since its
//! place has weight one. The sum is the same for all tokens, so a mistyped digit is found as it is
//! in a card.
//!
//! Cost: one or two microseconds. Bound: 13 to 19 digits, because at least eight are encrypted:
//! 10^8 strings where the draft of SP 800-38G Revision 1 asks for 10^6, and 10^11 for the usual 16
//! digits. What is known against Feistel networks on small domains (Bellare, Hoang and Tessaro, CCS
//! 2016; Hoang, Tessaro and Trieu, CRYPTO 2018) needs messages under a number of tweaks that grows
//! with a power of the domain, while a number meets one tweak for each merchant. Since merchants
//! have tweaks of their own, what one collects also says nothing about the tokens of another.
//!
//! What stays: equal numbers of a merchant have equal tokens, so who may have numbers tokenized may
//! try some, and first six and last four digits leave 100,000; the caller counts and limits it. A
//! token is not authenticated either: under another key or merchant it may open to another number,
//! so the caller looks it up before it opens it, and keeps which key made it. Never here: a token
//! for a number that is too short, the number in an error.

use super::ff1::{Ff1, Ff1Error};
use super::number::{MOST_DIGITS, Number};
use crate::checkdigit::luhn_sum;
use crate::mac;
use money::MerchantId;
use std::fmt;
use zeroize::Zeroizing;

/// Makes tokens and opens them.
pub struct FormatPreservingKey(Ff1);

/// What stands for a number: digits that no card has. It proves nothing and may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FormatPreservingToken(String);

/// Why there is no token or no number, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not [`LEAST_TOKEN_DIGITS`] to 19 digits and nothing else.
    #[error("a token has {LEAST_TOKEN_DIGITS} to {MOST_DIGITS} digits and nothing else")]
    Form,
    /// The digits do not add up to a token's: a card number, or a mistyped token.
    #[error("the token has a wrong digit")]
    WrongDigit,
    /// Fewer than [`LEAST_TOKEN_DIGITS`] digits.
    #[error("the card number is too short for a format-preserving token")]
    TooShort,
    /// The token opens to no card number: it is of another key or merchant, or nobody's.
    #[error("the token is of another key or merchant")]
    Foreign,
    #[error("the cryptographic library refused to make or open a token")]
    Refused,
}

/// Eight encrypted digits and the five others.
pub const LEAST_TOKEN_DIGITS: usize = 13;

/// The Luhn sum modulo ten of every token. Any but 0 would do.
const LUHN_SUM: u32 = 5;

const LAST: usize = 4;

/// The replaced digit and the last four.
const REST: usize = 1 + LAST;

/// The merchant's id and the last four.
const TWEAK_LEN: usize = 20;

const LABEL: &str = "exchequer.v1.card.format-preserving:";

impl FormatPreservingKey {
    /// `secret` is 32 uniformly random bytes that only the vault has. The key is derived from it,
    /// so the same secret may be given to [`super::FingerprintKey`]. Fails with
    /// [`TokenError::Refused`].
    pub fn new(secret: &[u8; mac::MAC_LEN]) -> Result<Self, TokenError> {
        let key = mac::derive(&mac::key(secret), LABEL, b"");
        Ff1::new(key.as_slice(), 10).map(Self).map_err(refused)
    }

    /// The token of a merchant for a number, the same each time. Fails with
    /// [`TokenError::TooShort`] and [`TokenError::Refused`].
    pub fn tokenize(
        &self,
        merchant: MerchantId,
        number: &Number,
    ) -> Result<FormatPreservingToken, TokenError> {
        let mut values = number.values();
        if values.len() < LEAST_TOKEN_DIGITS {
            return Err(TokenError::TooShort);
        }
        let tweak = tweak(merchant, &values);
        self.0.encrypt(&tweak, hidden(&mut values)).map_err(refused)?;
        settle(&mut values, LUHN_SUM);
        Ok(FormatPreservingToken(values.iter().map(|value| char::from(value | b'0')).collect()))
    }

    /// The number behind a token, if this key made it for this merchant. Any other token opens to
    /// some number of no meaning, or fails with [`TokenError::Foreign`] where that is no card's.
    pub fn detokenize(
        &self,
        merchant: MerchantId,
        token: &FormatPreservingToken,
    ) -> Result<Number, TokenError> {
        let mut values = Zeroizing::new(token.values());
        let tweak = tweak(merchant, &values);
        self.0.decrypt(&tweak, hidden(&mut values)).map_err(refused)?;
        settle(&mut values, 0);
        Number::from_values(&values).map_err(|_no_card_number| TokenError::Foreign)
    }
}

impl FormatPreservingToken {
    /// Whether the text can be a token. Fails with [`TokenError::Form`] and
    /// [`TokenError::WrongDigit`]; a card number is the latter.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let length = LEAST_TOKEN_DIGITS..=MOST_DIGITS;
        if !length.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TokenError::Form);
        }
        let token = Self(text.to_owned());
        if luhn_sum(&token.values()) == LUHN_SUM { Ok(token) } else { Err(TokenError::WrongDigit) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn values(&self) -> Vec<u8> {
        self.0.bytes().map(|digit| digit & 0x0f).collect()
    }
}

impl fmt::Display for FormatPreservingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The digits that are encrypted.
fn hidden(values: &mut [u8]) -> &mut [u8] {
    let len = values.len().saturating_sub(REST);
    values.split_at_mut(len).0
}

/// Changes the digit before the last four so that the Luhn sum of all is `sum` modulo ten. That
/// place is the fifth from the right and counts once, so exactly one digit does it.
fn settle(values: &mut [u8], sum: u32) {
    let missing = sum.saturating_add(10).saturating_sub(luhn_sum(values));
    if let Some(digit) = values.iter_mut().rev().nth(LAST) {
        [*digit, ..] = (u32::from(*digit).saturating_add(missing) % 10).to_le_bytes();
    }
}

fn tweak(merchant: MerchantId, values: &[u8]) -> [u8; TWEAK_LEN] {
    let last_four = values.iter().skip(values.len().saturating_sub(LAST));
    let mut tweak = [0; TWEAK_LEN];
    for (place, byte) in tweak.iter_mut().zip(merchant.bytes().iter().chain(last_four)) {
        *place = *byte;
    }
    tweak
}

/// Radix, tweak, length and digits are right by construction.
fn refused(_error: Ff1Error) -> TokenError {
    TokenError::Refused
}

#[cfg(test)]
mod tests;
